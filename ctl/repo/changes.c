/*
 * Runs in proscribectl. Both sides were compiled by the sandboxed compiler, and are read through
 * the reader that checks everything.
 */
#include "ctl/repo/changes.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "policy/image/content.h"

enum { ID_COLUMNS = 16 };

__attribute__((format(printf, 5, 6))) static int add(
	json_t *list, const char *change, const char *what, const char *id, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return json_array_append_new(list,
		       json_pack("{s:s, s:s, s:o, s:o}", "change", change, "what", what, "id",
			       json_text(id), "text", json_text(text))) < 0
		? -ENOMEM
		: 0;
}

/* "owner A -> B", when they are not the same. */
static int add_if(json_t *list, const char *what, const char *id, const char *field,
	const char *old, const char *new)
{
	if (strcmp(old, new) == 0)
		return 0;
	return add(list, "~", what, id, "%s %s -> %s", field, *old ? old : "none",
		*new ? new : "none");
}

/* ---- rules ---- */

/* One side, with rules and software by id. */
struct side {
	const struct policy *policy; /* NULL: empty */
	struct policy_info info;
	uint32_t *rules, *software; /* owned; indexes in the order of their ids */
	char **ids, **names;        /* of the software of each rule; owned */
	struct content evidence;
};

static void side_done(struct side *s)
{
	content_subjects_free(s->ids, s->info.n_rules);
	content_subjects_free(s->names, s->info.n_rules);
	content_done(&s->evidence);
	free(s->rules);
	free(s->software);
}

static int by_rule_id(const void *a, const void *b, void *policy)
{
	struct policy_rule x, y;

	policy_rule(policy, *(const uint32_t *) a, &x);
	policy_rule(policy, *(const uint32_t *) b, &y);
	return strcmp(x.id, y.id);
}

static int by_software_id(const void *a, const void *b, void *policy)
{
	struct policy_software x, y;

	policy_software(policy, *(const uint32_t *) a, &x);
	policy_software(policy, *(const uint32_t *) b, &y);
	return strcmp(x.id, y.id);
}

static uint32_t *sorted(const struct policy *p, uint32_t n,
	int (*compare)(const void *a, const void *b, void *policy))
{
	uint32_t *list = calloc((size_t) n + 1, sizeof(*list));

	for (uint32_t i = 0; list && i < n; i++)
		list[i] = i;
	if (list)
		qsort_r(list, n, sizeof(*list), compare, (void *) p);
	return list;
}

static int side_init(struct side *s, const struct policy *p)
{
	int r;

	*s = (struct side){ .policy = p };
	if (!p)
		return 0;
	policy_info(p, &s->info);
	s->rules = sorted(p, s->info.n_rules, by_rule_id);
	s->software = sorted(p, s->info.n_software, by_software_id);
	if (!s->rules || !s->software)
		return -ENOMEM;
	r = content_subjects(p, false, &s->ids);
	if (r == 0)
		r = content_subjects(p, true, &s->names);
	return r < 0 ? r : content_evidence(p, &s->evidence);
}

static const char *verb(enum action a)
{
	switch (a) {
	case ACTION_LOG:
		return "records";
	case ACTION_WARN:
		return "warns of";
	case ACTION_BLOCK:
		return "blocks";
	case ACTION_NONE:
	case _ACTION_MAX:
		break;
	}
	return "names";
}

/* "blocks BitTorrent clients, versions vers:deb/<4 (medium)" */
static int add_rule(json_t *list, const char *change, const struct side *s, uint32_t rule)
{
	_cleanup_free_ char *versions = NULL;
	struct policy_rule r;
	const char *risk;
	int k = content_versions(s->policy, rule, &versions);

	if (k < 0)
		return k;
	policy_rule(s->policy, rule, &r);
	risk = risk_to_string(r.risk);
	return add(list, change, "rule", r.id, "%s %s%s%s%s%s%s", verb(r.action), s->names[rule],
		*versions ? ", versions " : "", versions, *risk ? " (" : "", risk,
		*risk ? ")" : "");
}

/* Without the scheme, where it is the same: ">=2.1.91", else "vers:npm/>=2.1.91". */
static int add_versions(json_t *list, const char *id, const char *old, const char *new)
{
	size_t n = strcspn(old, "/");

	if (old[n] && strncmp(old, new, n + 1) == 0) {
		old += n + 1;
		new += n + 1;
	}
	return add_if(list, "rule", id, "versions", *old ? old : "all", *new ? new : "all");
}

static int compare_rule(
	json_t *list, const struct side *a, uint32_t i, const struct side *b, uint32_t j)
{
	_cleanup_free_ char *old_versions = NULL, *new_versions = NULL, *old_reasons = NULL,
			    *new_reasons = NULL;
	struct policy_rule old, new;
	int r = content_versions(a->policy, i, &old_versions) ||
			content_versions(b->policy, j, &new_versions) ||
			content_reasons(a->policy, i, &old_reasons) ||
			content_reasons(b->policy, j, &new_reasons)
		? -ENOMEM
		: 0;

	if (r < 0)
		return r;
	policy_rule(a->policy, i, &old);
	policy_rule(b->policy, j, &new);
	if (add_if(list, "rule", new.id, "action", action_to_string(old.action),
		    action_to_string(new.action)) < 0 ||
		add_if(list, "rule", new.id, "software", a->ids[i], b->ids[j]) < 0 ||
		add_versions(list, new.id, old_versions, new_versions) < 0 ||
		add_if(list, "rule", new.id, "unknown versions",
			old.unknown_version_matches ? "match" : "ignored",
			new.unknown_version_matches ? "match" : "ignored") < 0 ||
		add_if(list, "rule", new.id, "risk", risk_to_string(old.risk),
			risk_to_string(new.risk)) < 0 ||
		add_if(list, "rule", new.id, "reason", old_reasons, new_reasons) < 0 ||
		add_if(list, "rule", new.id, "reference", old.reference, new.reference) < 0 ||
		add_if(list, "rule", new.id, "url", old.url, new.url) < 0 ||
		add_if(list, "rule", new.id, "alternative", old.alternative_name,
			new.alternative_name) < 0 ||
		add_if(list, "rule", new.id, "alternative's url", old.alternative_url,
			new.alternative_url) < 0)
		return -ENOMEM;
	return 0;
}

static int compare_rules(json_t *list, const struct side *a, const struct side *b)
{
	uint32_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < a->info.n_rules || j < b->info.n_rules)) {
		struct policy_rule old, new;
		int order = i == a->info.n_rules ? 1 : -1;

		if (i < a->info.n_rules && j < b->info.n_rules) {
			policy_rule(a->policy, a->rules[i], &old);
			policy_rule(b->policy, b->rules[j], &new);
			order = strcmp(old.id, new.id);
		}
		if (order == 0)
			r = compare_rule(list, a, a->rules[i], b, b->rules[j]);
		else if (order < 0)
			r = add_rule(list, "-", a, a->rules[i]);
		else
			r = add_rule(list, "+", b, b->rules[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

/* ---- software ---- */

static int add_software(json_t *list, const char *change, const struct side *s, uint32_t software)
{
	struct policy_software p;

	policy_software(s->policy, software, &p);
	return add(list, change, "software", p.id, "%s%s%s", p.name, *p.vendor ? ", by " : "",
		p.vendor);
}

static int compare_software(json_t *list, const struct side *a, const struct side *b)
{
	uint32_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < a->info.n_software || j < b->info.n_software)) {
		struct policy_software old, new;
		int order = i == a->info.n_software ? 1 : -1;

		if (i < a->info.n_software && j < b->info.n_software) {
			policy_software(a->policy, a->software[i], &old);
			policy_software(b->policy, b->software[j], &new);
			order = strcmp(old.id, new.id);
		}
		if (order < 0)
			r = add_software(list, "-", a, a->software[i]);
		else if (order > 0)
			r = add_software(list, "+", b, b->software[j]);
		else if (add_if(list, "software", new.id, "name", old.name, new.name) < 0 ||
			add_if(list, "software", new.id, "vendor", old.vendor, new.vendor) < 0)
			r = -ENOMEM;
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

static int compare_evidence(json_t *list, const struct content *a, const struct content *b)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < a->n || j < b->n)) {
		const struct content_item *old = &a->items[i], *new = &b->items[j];
		int order = i == a->n ? 1
			: j == b->n   ? -1
			: strcmp(old->software, new->software)
			? strcmp(old->software, new->software)
			: strcmp(old->text, new->text);

		if (order < 0)
			r = add(list, "-", "evidence", old->software, "%s", old->text);
		else if (order > 0)
			r = add(list, "+", "evidence", new->software, "%s", new->text);
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

static int compare_hashes(json_t *list, const struct side *a, const struct side *b)
{
	_cleanup_free_ struct content_hashes *h = NULL;
	size_t n = 0;
	int r = content_compare_hashes(a->policy, b->policy, &h, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		const size_t changed = h[i].added + h[i].removed;
		const char *change = h[i].removed == 0 ? "+" : h[i].added == 0 ? "-" : "~";

		if (h[i].added > 0 && h[i].removed > 0)
			r = add(list, change, "hashes", h[i].software,
				"%zu hash%s added, %zu removed", h[i].added,
				h[i].added == 1 ? "" : "es", h[i].removed);
		else
			r = add(list, change, "hashes", h[i].software, "%zu hash%s", changed,
				changed == 1 ? "" : "es");
	}
	return r;
}

int changes_policies(const struct policy *old, const struct policy *new, json_t **ret)
{
	_cleanup_(side_done) struct side a = { 0 }, b = { 0 };
	json_t *list = json_array();
	int r = list ? 0 : -ENOMEM;

	if (r == 0)
		r = side_init(&a, old);
	if (r == 0)
		r = side_init(&b, new);
	if (r == 0 && old && new &&
		(add_if(list, "policy", "policy", "name", a.info.name, b.info.name) < 0 ||
			add_if(list, "policy", "policy", "owner", a.info.owner, b.info.owner) < 0 ||
			add_if(list, "policy", "policy", "contact", a.info.contact,
				b.info.contact) < 0))
		r = -ENOMEM;
	if (r == 0)
		r = compare_rules(list, &a, &b);
	if (r == 0)
		r = compare_software(list, &a, &b);
	if (r == 0)
		r = compare_evidence(list, &a.evidence, &b.evidence);
	if (r == 0)
		r = compare_hashes(list, &a, &b);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	*ret = list;
	return 0;
}

/* ---- signatures ---- */

/* "rule NAME ..." up to the next one. */
struct yara {
	const char *name, *text;
	size_t name_size, size;
};

/* The name behind "rule" at the beginning of the line @s; NULL: none there. A line in a comment may
 * look so as well: then a change is shown that is none. */
static const char *rule_name(const char *s)
{
	static const char *const words[] = { "private", "global", "rule" };

	for (;;) {
		size_t i = 0, n = 0;

		s += strspn(s, " \t");
		for (; i < ARRAY_SIZE(words); i++) {
			n = strlen(words[i]);
			if (strncmp(s, words[i], n) == 0 && isblank((unsigned char) s[n]))
				break;
		}
		if (i == ARRAY_SIZE(words))
			return NULL;
		s += n;
		if (i == ARRAY_SIZE(words) - 1)
			return s + strspn(s, " \t");
	}
}

static int by_name(const void *a, const void *b)
{
	const struct yara *x = a, *y = b;
	size_t n = x->name_size < y->name_size ? x->name_size : y->name_size;

	return strncmp(x->name, y->name, n)
		?: (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static int split_rules(const char *text, struct yara **ret, size_t *ret_n)
{
	struct yara *rules = NULL;
	size_t n = 0;

	for (const char *line = text; line && *line;) {
		const char *name = rule_name(line), *end = strchr(line, '\n');

		if (name) {
			struct yara *more = reallocarray(rules, n + 1, sizeof(*rules));

			if (!more) {
				free(rules);
				return -ENOMEM;
			}
			rules = more;
			rules[n++] = (struct yara){ name, line, strcspn(name, " \t\r\n:{"), 0 };
		}
		line = end ? end + 1 : NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const char *end = i + 1 < n ? rules[i + 1].text : text + strlen(text);

		rules[i].size = (size_t) (end - rules[i].text);
		while (rules[i].size > 0 &&
			isspace((unsigned char) rules[i].text[rules[i].size - 1]))
			rules[i].size--;
	}
	if (n > 0)
		qsort(rules, n, sizeof(*rules), by_name);
	*ret = rules;
	*ret_n = n;
	return 0;
}

static int add_yara(json_t *list, const char *change, const struct yara *y, const char *text)
{
	_cleanup_free_ char *name = strndup(y->name, y->name_size);

	return name ? add(list, change, "signature", name, "%s", text) : -ENOMEM;
}

int changes_signatures(const char *old, const char *new, json_t *list)
{
	_cleanup_free_ struct yara *a = NULL, *b = NULL;
	size_t n = 0, m = 0, i = 0, j = 0;
	int r = split_rules(old, &a, &n);

	if (r == 0)
		r = split_rules(new, &b, &m);
	while (r == 0 && (i < n || j < m)) {
		int order = i == n ? 1 : j == m ? -1 : by_name(&a[i], &b[j]);

		if (order < 0)
			r = add_yara(list, "-", &a[i], "a signature less");
		else if (order > 0)
			r = add_yara(list, "+", &b[j], "a new signature");
		else if (a[i].size != b[j].size || memcmp(a[i].text, b[j].text, a[i].size) != 0)
			r = add_yara(list, "~", &b[j], "the signature is another one");
		i += order <= 0;
		j += order >= 0;
	}
	return r;
}

/* ---- for people ---- */

void changes_print(const json_t *list)
{
	struct style style;
	const json_t *one;

	print_style(stdout, &style);
	for (size_t i = 0; (one = json_array_get(list, i)); i++) {
		const char *change = json_get_text(one, "change"), *id = json_get_text(one, "id");
		enum tint tint = *change == '+' ? TINT_GOOD : *change == '-' ? TINT_BAD : TINT_WARN;

		print_text(stdout, &style, tint, change);
		(void) putchar(' ');
		print_text(stdout, &style, TINT_BOLD, id);
		(void) printf(
			"%*s", strlen(id) < ID_COLUMNS ? (int) (ID_COLUMNS - strlen(id)) : 2, "");
		print_text(stdout, &style, TINT_NONE, json_get_text(one, "text"));
		(void) putchar('\n');
	}
}
