#include "policy/image/content.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/purl_package.h"
#include "policy/identity/vers.h"
#include "policy/image/mapped.h"

static const char *software_id(const struct policy *p, uint32_t software)
{
	return p->strings + p->software[software].id;
}

/* ---- evidence ---- */

void content_done(struct content *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].text);
	free(c->items);
	*c = (struct content){ 0 };
}

static int compare_items(const void *a, const void *b)
{
	const struct content_item *x = a, *y = b;

	return strcmp(x->software, y->software) ?: strcmp(x->text, y->text);
}

/* There is room. @text becomes the list's; NULL: there was no memory for it. */
static int add_item(struct content *c, const struct policy *p, uint32_t software, char *text)
{
	if (!text)
		return -ENOMEM;
	c->items[c->n++] = (struct content_item){ software_id(p, software), text };
	return 0;
}

static char *text_of(const char *what, const char *value, const char *version)
{
	char *text;

	return asprintf(&text, "%s %s%s%s", what, value, *version ? " is version " : "", version) <
			0
		? NULL
		: text;
}

static char *package_text(const struct policy *p, const struct format_package *k)
{
	char purl[PURL_PACKAGE_SIZE_MAX];
	struct package package = { .type = k->type };

	if (text_copy(package.name, sizeof(package.name), p->strings + k->name) < 0 ||
		text_copy(package.version, sizeof(package.version), p->strings + k->version) < 0 ||
		purl_package_write(&package, purl) < 0)
		return text_of("package", p->strings + k->name, p->strings + k->version);
	return strdup(purl);
}

static int add_build_ids(struct content *c, const struct policy *p)
{
	char hex[2 * BUILD_ID_MAX + 1];
	int r = 0;

	for (uint32_t i = 0; i < p->n[SECTION_BUILD_IDS] && r == 0; i++) {
		const struct format_build_id *b = &p->build_ids[i];

		text_hex(b->id, b->n, hex);
		r = add_item(c, p, b->software, text_of("build-id", hex, p->strings + b->version));
	}
	return r;
}

int content_evidence(const struct policy *p, struct content *ret)
{
	size_t room = (size_t) p->n[SECTION_PACKAGES] + p->n[SECTION_PATHS] +
		p->n[SECTION_BUILD_IDS] + p->n[SECTION_SIGNATURE_USES];
	_cleanup_(content_done) struct content c = { 0 };
	int r = 0;

	c.items = calloc(room + 1, sizeof(*c.items));
	if (!c.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n[SECTION_PACKAGES] && r == 0; i++)
		r = add_item(&c, p, p->packages[i].software, package_text(p, &p->packages[i]));
	for (uint32_t i = 0; i < p->n[SECTION_PATHS] && r == 0; i++)
		r = add_item(&c, p, p->paths[i].software,
			text_of("path", p->strings + p->paths[i].glob, ""));
	for (uint32_t i = 0; i < p->n[SECTION_SIGNATURE_USES] && r == 0; i++)
		r = add_item(&c, p, p->signature_uses[i].software,
			text_of("signature", p->signatures[p->signature_uses[i].signature].name,
				""));
	if (r == 0)
		r = add_build_ids(&c, p);
	if (r < 0)
		return r;
	qsort(c.items, c.n, sizeof(*c.items), compare_items);
	*ret = c;
	c = (struct content){ 0 };
	return 0;
}

/* ---- rules ---- */

int content_versions(const struct policy *p, uint32_t rule, char **ret)
{
	static const char *const comparators[] = {
		[VERS_EQUAL] = "",
		[VERS_NOT_EQUAL] = "!=",
		[VERS_LESS] = "<",
		[VERS_LESS_EQUAL] = "<=",
		[VERS_GREATER] = ">",
		[VERS_GREATER_EQUAL] = ">=",
		[VERS_ANY] = "*",
	};
	const struct format_rule *r = &p->rules[rule];
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	if (r->n_constraints > 0)
		(void) fprintf(f, "vers:%s/", p->strings + r->scheme);
	for (uint32_t i = 0; i < r->n_constraints; i++) {
		const struct format_constraint *c = &p->constraints[r->first_constraint + i];

		(void) fprintf(f, "%s%s%s", i > 0 ? "|" : "", comparators[c->comparator],
			p->strings + c->version);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

int content_reasons(const struct policy *p, uint32_t rule, char **ret)
{
	const struct format_rule *r = &p->rules[rule];
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->n_reasons; i++) {
		const struct format_reason *reason = &p->reasons[r->first_reason + i];

		(void) fprintf(f, "%s%s: %s", i > 0 ? " " : "", p->strings + reason->language,
			p->strings + reason->text);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

void content_subjects_free(char **subjects, uint32_t n)
{
	for (uint32_t i = 0; subjects && i < n; i++)
		free(subjects[i]);
	free(subjects);
}

static int add_subject(char **subject, const char *text)
{
	char *longer;

	if (asprintf(&longer, "%s%s%s", *subject ? *subject : "", *subject ? ", " : "", text) < 0)
		return -ENOMEM;
	free(*subject);
	*subject = longer;
	return 0;
}

int content_subjects(const struct policy *p, bool names, char ***ret)
{
	uint32_t n = p->n[SECTION_RULES];
	char **subjects = calloc((size_t) n + 1, sizeof(*subjects));
	int r = subjects ? 0 : -ENOMEM;

	for (uint32_t s = 0; s < p->n[SECTION_SOFTWARE] && r == 0; s++) {
		const struct format_software *software = &p->software[s];

		for (uint32_t k = 0; k < software->n_rules && r == 0; k++)
			r = add_subject(&subjects[policy_software_rule(p, s, k)],
				p->strings + (names ? software->name : software->id));
	}
	for (uint32_t i = 0; i < n && r == 0; i++)
		if (!subjects[i]) {
			subjects[i] = strdup("");
			r = subjects[i] ? 0 : -ENOMEM;
		}
	if (r < 0) {
		content_subjects_free(subjects, n);
		return r;
	}
	*ret = subjects;
	return 0;
}

/* ---- hashes ---- */

struct comparison {
	const struct policy *side[2];  /* old, new; NULL: none */
	struct content_hashes *counts; /* owned; of every software of either, sorted */
	size_t n;
};

static int compare_counts(const void *a, const void *b)
{
	return strcmp(((const struct content_hashes *) a)->software,
		((const struct content_hashes *) b)->software);
}

static int begin_counts(struct comparison *c)
{
	size_t room = 0, used = 0;

	for (size_t side = 0; side < 2; side++)
		room += c->side[side] ? c->side[side]->n[SECTION_SOFTWARE] : 0;
	c->counts = calloc(room + 1, sizeof(*c->counts));
	if (!c->counts)
		return -ENOMEM;
	for (size_t side = 0; side < 2; side++)
		for (uint32_t i = 0; c->side[side] && i < c->side[side]->n[SECTION_SOFTWARE]; i++)
			c->counts[c->n++].software = software_id(c->side[side], i);
	qsort(c->counts, c->n, sizeof(*c->counts), compare_counts);
	for (size_t i = 0; i < c->n; i++)
		if (used == 0 || strcmp(c->counts[used - 1].software, c->counts[i].software) != 0)
			c->counts[used++] = c->counts[i];
	c->n = used;
	return 0;
}

static const struct format_hash *hash_at(const struct comparison *c, size_t side, uint32_t i)
{
	const struct policy *p = c->side[side];

	return p && i < p->n[SECTION_HASHES] ? &p->hashes[i] : NULL;
}

/* What the hash is of: its software's id and its version; an image does not check its hashes when
 * it is opened. */
static bool identity_of(const struct policy *p, const struct format_hash *h, const char **ret_id,
	const char **ret_version)
{
	const struct format_identity *i = &p->identities[h->identity];

	if (h->identity >= p->n[SECTION_IDENTITIES])
		return false;
	*ret_id = software_id(p, i->software);
	*ret_version = p->strings + i->version;
	return true;
}

static void count(struct comparison *c, size_t side, const struct format_hash *h)
{
	struct content_hashes wanted = { 0 }, *found;
	const char *version;

	if (!identity_of(c->side[side], h, &wanted.software, &version))
		return;
	found = bsearch(&wanted, c->counts, c->n, sizeof(*c->counts), compare_counts);
	if (!found)
		return;
	if (side == 0)
		found->removed++;
	else
		found->added++;
}

/* Is one of the same hash, software and version among those from @i on? */
static bool has_same(const struct comparison *c, size_t side, uint32_t i,
	const struct format_hash *of, const struct policy *p)
{
	const char *id, *version, *other_id, *other_version;
	const struct format_hash *h;

	if (!identity_of(p, of, &id, &version))
		return false;
	for (; (h = hash_at(c, side, i)) &&
		format_compare_hash(h, format_hash_size(of), of->digest) == 0;
		i++)
		if (identity_of(c->side[side], h, &other_id, &other_version) &&
			strcmp(id, other_id) == 0 && strcmp(version, other_version) == 0)
			return true;
	return false;
}

/* Past those that are the same hash as the one at @i, counting those that the other side has not.
 */
static uint32_t take_group(
	struct comparison *c, size_t side, uint32_t i, uint32_t other, bool has_other)
{
	const struct format_hash *first = hash_at(c, side, i), *h;

	for (; (h = hash_at(c, side, i)) &&
		format_compare_hash(h, format_hash_size(first), first->digest) == 0;
		i++)
		if (!has_other || !has_same(c, !side, other, h, c->side[side]))
			count(c, side, h);
	return i;
}

static void compare_hashes(struct comparison *c)
{
	uint32_t at[2] = { 0 };

	for (;;) {
		const struct format_hash *old = hash_at(c, 0, at[0]), *new = hash_at(c, 1, at[1]);
		uint32_t next[2] = { at[0], at[1] };
		int order;

		if (!old && !new)
			return;
		order = !old   ? 1
			: !new ? -1
			       : format_compare_hash(old, format_hash_size(new), new->digest);
		if (order <= 0)
			next[0] = take_group(c, 0, at[0], at[1], order == 0);
		if (order >= 0)
			next[1] = take_group(c, 1, at[1], at[0], order == 0);
		at[0] = next[0];
		at[1] = next[1];
	}
}

int content_compare_hashes(const struct policy *old, const struct policy *new,
	struct content_hashes **ret, size_t *ret_n)
{
	struct comparison c = { .side = { old, new } };
	size_t n = 0;
	int r = begin_counts(&c);

	if (r < 0)
		return r;
	compare_hashes(&c);
	for (size_t i = 0; i < c.n; i++)
		if (c.counts[i].added > 0 || c.counts[i].removed > 0)
			c.counts[n++] = c.counts[i];
	*ret = c.counts;
	*ret_n = n;
	return 0;
}
