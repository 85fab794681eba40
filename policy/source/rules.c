#include "policy/source/rules.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "policy/identity/vers.h"
#include "policy/source/grow.h"
#include "policy/source/range.h"
#include "policy/source/schema.h"

enum {
	RULE_ID,
	RULE_SOFTWARE,
	RULE_VERSIONS,
	RULE_UNKNOWN_VERSION,
	RULE_RISK,
	RULE_REASON,
	RULE_REFERENCE,
	RULE_URL,
	RULE_ALTERNATIVE,
	RULE_ACTION,
	RULE_STAGES,
	RULE_RUNNING,
	RULE_RINGS,
	_RULE_KEYS,
};

static const struct key rule_keys[_RULE_KEYS] = {
	[RULE_ID] = { "id", KEY_TEXT | KEY_REQUIRED },
	[RULE_SOFTWARE] = { "software", KEY_TEXT | KEY_LIST | KEY_REQUIRED },
	[RULE_VERSIONS] = { "versions", KEY_TEXT },
	[RULE_UNKNOWN_VERSION] = { "unknown_version", KEY_TEXT },
	[RULE_RISK] = { "risk", KEY_TEXT },
	[RULE_REASON] = { "reason", KEY_TEXT | KEY_MAPPING | KEY_REQUIRED },
	[RULE_REFERENCE] = { "reference", KEY_TEXT },
	[RULE_URL] = { "url", KEY_TEXT },
	[RULE_ALTERNATIVE] = { "alternative", KEY_MAPPING },
	[RULE_ACTION] = { "action", KEY_TEXT },
	[RULE_STAGES] = { "stages", KEY_LATER },
	[RULE_RUNNING] = { "running", KEY_LATER },
	[RULE_RINGS] = { "rings", KEY_LATER },
};
static const struct schema rule_schema = { "a rule", rule_keys, _RULE_KEYS };

enum {
	ALTERNATIVE_NAME,
	ALTERNATIVE_URL,
	_ALTERNATIVE_KEYS,
};

static const struct key alternative_keys[_ALTERNATIVE_KEYS] = {
	[ALTERNATIVE_NAME] = { "name", KEY_TEXT | KEY_REQUIRED },
	[ALTERNATIVE_URL] = { "url", KEY_TEXT },
};
static const struct schema alternative_schema = { "an alternative", alternative_keys,
	_ALTERNATIVE_KEYS };

/* What every check of one rule needs. */
struct check {
	struct rule *rule;
	struct software_list *software;
	struct messages *m;
	struct policy_rule entry;
	const char *versions; /* NULL: all */
	struct vers range;    /* when there are versions */
	bool range_read;
	uint32_t *indexes; /* owned: of the software it speaks of */
	size_t n_indexes;
};

static void check_done(struct check *c)
{
	if (c->range_read)
		vers_done(&c->range);
	free(c->indexes);
}

void rules_done(struct rule_list *l)
{
	free(l->items);
	*l = (struct rule_list){ 0 };
}

static void check_words(struct check *c, const struct node *const v[], bool staged)
{
	static const char *const actions[] = { "log", "warn", "block" };
	static const char *const risks[] = { "low", "medium", "high", "critical" };
	static const char *const unknown[] = { "ignore", "match" };
	size_t i;

	if (v[RULE_ACTION] && schema_word(v[RULE_ACTION], c->m, "action", actions, 3, &i))
		c->entry.action = (enum action)(ACTION_LOG + i);
	if (!v[RULE_ACTION] && !staged)
		message_error(c->m, c->rule->at, "a rule needs the key 'action'");
	if (v[RULE_RISK] && schema_word(v[RULE_RISK], c->m, "risk", risks, 4, &i))
		c->entry.risk = (enum risk)(RISK_LOW + i);
	if (v[RULE_UNKNOWN_VERSION] &&
		schema_word(v[RULE_UNKNOWN_VERSION], c->m, "unknown_version", unknown, 2, &i))
		c->entry.unknown_version_matches = i == 1;
}

static void check_versions(struct check *c, const struct node *n)
{
	const char *text, *error = "";
	int r;

	if (!schema_text(n, c->m, "versions", RULE_RANGE_MAX, false, &text))
		return;
	r = vers_parse(text, &c->range, &error);
	if (r == -ENOTSUP) {
		message_error(c->m, n->at,
			"versions '%s' are not supported yet by this version: %s", text, error);
	} else if (r < 0) {
		message_error(c->m, n->at, "bad versions '%s': %s", text, error);
	} else {
		c->range_read = true;
		c->versions = text;
		if (!range_holds_any(&c->range))
			message_error(c->m, n->at,
				"no version is within '%s': this rule can never match", text);
	}
}

static void check_alternative(struct check *c, const struct node *n)
{
	const struct node *v[_ALTERNATIVE_KEYS];

	(void) schema_mapping(&alternative_schema, n, c->m, v);
	if (v[ALTERNATIVE_NAME] &&
		schema_text(v[ALTERNATIVE_NAME], c->m, "name", RULE_NAME_MAX, false,
			&c->entry.alternative_name)) {
		c->rule->alternative = c->entry.alternative_name;
		c->rule->alternative_at = v[ALTERNATIVE_NAME]->at;
	}
	if (v[ALTERNATIVE_URL])
		(void) schema_url(v[ALTERNATIVE_URL], c->m, "url", &c->entry.alternative_url);
}

/* en, zh, pt-BR, zh-Hant: a language of two or three letters and what narrows it down. */
static bool language_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	if (n < 2 || n > 3)
		return false;
	for (s += n; *s; s += n) {
		if (*s++ != '-')
			return false;
		for (n = 0; isalnum((unsigned char) s[n]); n++)
			;
		if (n < 2 || n > 8)
			return false;
	}
	return true;
}

static void check_reason(struct check *c, const struct node *n)
{
	const char *text;

	if (n->type == NODE_SCALAR) {
		(void) schema_text(n, c->m, "reason", RULE_REASON_MAX, true, &text);
		return;
	}
	if (n->n == 0 || n->n > RULE_LANGUAGES_MAX)
		message_error(c->m, n->at,
			"a reason must be given in 1 to %d languages, but here are %zu",
			RULE_LANGUAGES_MAX, n->n);
	for (size_t i = 0; i < n->n; i++) {
		const struct node *key = n->pairs[i].key;

		if (!language_valid(key->text))
			message_error(c->m, key->at,
				"'%s' is not a language; expected a code such as en, zh or pt-BR",
				key->text);
		(void) schema_text(n->pairs[i].value, c->m, "reason", RULE_REASON_MAX, true, &text);
	}
}

/* Could evidence of @s ever tell a version that this rule is about? */
static bool can_match(const struct check *c, const struct software *s)
{
	bool unknown = c->entry.unknown_version_matches;

	if (!c->range_read || s->any_version || (s->no_version && unknown))
		return true;
	for (size_t i = 0; i < s->n_versions; i++) {
		int r = vers_contains(&c->range, s->versions[i]);

		if (r > 0 || (r < 0 && unknown))
			return true;
	}
	return false;
}

static void complain_id(struct check *c, const struct node *n, const char *id)
{
	const char *near = software_closest(c->software, id);

	if (near)
		message_error(
			c->m, n->at, "no software has the id '%s'; did you mean '%s'?", id, near);
	else
		message_error(c->m, n->at, "no software has the id '%s'", id);
}

/* The first package type of @s whose versions the range orders, or else the first there is. */
static enum package_type closest_type(const struct check *c, const struct software *s)
{
	enum package_type found = PACKAGE_NONE;

	for (unsigned t = PACKAGE_NONE + 1; t < _PACKAGE_TYPE_MAX; t++) {
		if (!(s->package_types & 1u << t))
			continue;
		if (range_orders(&c->range, (enum package_type) t))
			return (enum package_type) t;
		found = found ?: (enum package_type) t;
	}
	return found;
}

/* Can the range compare what the evidence of @s tells? */
static void check_scheme(struct check *c, const struct node *n, const struct software *s)
{
	enum package_type type = closest_type(c, s);

	if (type != PACKAGE_NONE && !s->free_version && !range_orders(&c->range, type)) {
		message_warning(c->m, n->at,
			"'%s' is known by packages of %s, whose versions '%s' cannot compare; a "
			"range of vers:%s can",
			s->id, package_type_to_string(type), c->versions,
			package_type_scheme(type));
		return;
	}
	for (size_t i = 0; i < s->n_versions; i++)
		if (!range_reads(&c->range, s->versions[i])) {
			message_warning(c->m, n->at,
				"'%s' has evidence of version '%s', which '%s' cannot compare: it "
				"counts as unknown",
				s->id, s->versions[i], c->versions);
			return;
		}
}

/* One id. Returns 1 when evidence of it can match (or is wrong itself), 0 when not. */
static int check_subject(struct check *c, const struct node *n)
{
	struct software *s;
	const char *id;

	if (!schema_id(n, c->m, "software", &id))
		return 1;
	s = software_find(c->software, id);
	if (!s) {
		complain_id(c, n, id);
		return 1;
	}
	s->used = true;
	if (!s->checked)
		return 1;
	for (size_t i = 0; i < c->n_indexes; i++)
		if (c->indexes[i] == s->index) {
			message_error(c->m, n->at, "'%s' is in this list twice", id);
			return 1;
		}
	c->indexes[c->n_indexes++] = s->index;
	if (c->range_read)
		check_scheme(c, n, s);
	return can_match(c, s);
}

static int check_subjects(struct check *c, const struct node *n)
{
	size_t n_ids = n->type == NODE_SEQUENCE ? n->n : 1, matching = 0;

	if (n_ids == 0 || n_ids > RULE_SUBJECTS_MAX) {
		message_error(c->m, n->at,
			"a rule must speak of 1 to %d software ids, but here are %zu",
			RULE_SUBJECTS_MAX, n_ids);
		return 0;
	}
	c->indexes = calloc(n_ids, sizeof(*c->indexes));
	if (!c->indexes)
		return -ENOMEM;
	for (size_t i = 0; i < n_ids; i++) {
		const struct node *one = n->type == NODE_SEQUENCE ? n->items[i] : n;
		int k = check_subject(c, one);

		matching += (size_t) k;
		if (k == 0 && n_ids > 1)
			message_warning(c->m, one->at,
				"'%s' has no evidence that could tell a version within '%s'",
				one->text, c->versions);
	}
	if (matching == 0)
		message_error(c->m, n->at,
			"this rule can never match: no evidence could tell a version within '%s'",
			c->versions);
	return 0;
}

static int build_reasons(struct builder *b, uint32_t rule, const struct node *n)
{
	int r = 0;

	if (n->type == NODE_SCALAR)
		return builder_add_reason(b, rule, "en", n->text);
	for (size_t i = 0; i < n->n && r == 0; i++)
		r = builder_add_reason(b, rule, n->pairs[i].key->text, n->pairs[i].value->text);
	return r;
}

static int build(struct check *c, struct builder *b, const struct node *reason)
{
	uint32_t index;
	int r = builder_add_rule(b, &c->entry, c->versions, c->indexes, c->n_indexes, &index);

	if (r == 0)
		r = build_reasons(b, index, reason);
	if (r != -E2BIG)
		return r;
	message_error(c->m, c->rule->at, "the policy has more than %d rules", IMAGE_RULES_MAX);
	return -EINVAL;
}

static bool has_key(const struct node *n, const char *name)
{
	for (size_t i = 0; n->type == NODE_MAPPING && i < n->n; i++)
		if (!strcmp(n->pairs[i].key->text, name))
			return true;
	return false;
}

static void check_texts(struct check *c, const struct node *const v[])
{
	if (v[RULE_ID] && schema_id(v[RULE_ID], c->m, "id", &c->entry.id)) {
		c->rule->id = c->entry.id;
		c->rule->at = v[RULE_ID]->at;
	}
	if (v[RULE_REASON])
		check_reason(c, v[RULE_REASON]);
	if (v[RULE_REFERENCE])
		(void) schema_text(v[RULE_REFERENCE], c->m, "reference", RULE_REFERENCE_MAX, false,
			&c->entry.reference);
	if (v[RULE_URL])
		(void) schema_url(v[RULE_URL], c->m, "url", &c->entry.url);
	if (v[RULE_ALTERNATIVE])
		check_alternative(c, v[RULE_ALTERNATIVE]);
}

static int add_rule(struct rule *rule, const struct node *n, struct software_list *software,
	struct messages *m, struct builder *b)
{
	_cleanup_(check_done) struct check c = {
		.rule = rule,
		.software = software,
		.m = m,
		.entry = { .id = "",
			.reference = "",
			.url = "",
			.alternative_name = "",
			.alternative_url = "",
			.unknown_version_matches = true },
	};
	const struct node *v[_RULE_KEYS];
	uint32_t errors = messages_count(m, MESSAGE_ERROR);
	int r = 0;

	rule->at = n->at;
	if (!schema_mapping(&rule_schema, n, m, v) && n->type != NODE_MAPPING)
		return 0;
	check_words(&c, v, has_key(n, "stages") || has_key(n, "action"));
	check_texts(&c, v);
	if (v[RULE_VERSIONS])
		check_versions(&c, v[RULE_VERSIONS]);
	if (v[RULE_SOFTWARE])
		r = check_subjects(&c, v[RULE_SOFTWARE]);
	if (r < 0 || messages_count(m, MESSAGE_ERROR) > errors)
		return r;
	/* Software that is wrong itself is an error of its own, and then nothing is built. */
	return c.n_indexes > 0 ? build(&c, b, v[RULE_REASON]) : 0;
}

int rules_add(struct rule_list *l, const struct node *n, struct software_list *software,
	struct messages *m, struct builder *b)
{
	int r = 0;

	for (size_t i = 0; i < n->n && r == 0; i++) {
		struct rule *items = grow(l->items, l->n, &l->room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		items[l->n] = (struct rule){ 0 };
		r = add_rule(&items[l->n++], n->items[i], software, m, b);
	}
	return r;
}

static int by_id(const void *x, const void *y)
{
	const struct rule *a = *(const struct rule *const *) x,
			  *b = *(const struct rule *const *) y;

	return strcmp(a->id, b->id) ?: a < b ? -1 : a > b;
}

static int check_ids(const struct rule_list *l, struct messages *m)
{
	_cleanup_free_ const struct rule **sorted = calloc(l->n + 1, sizeof(struct rule *));
	size_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].id)
			sorted[n++] = &l->items[i];
	qsort(sorted, n, sizeof(struct rule *), by_id);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->id, sorted[i]->id))
			message_error(m, sorted[i]->at,
				"the rule id '%s' is taken; first in %s on line %u", sorted[i]->id,
				sorted[i - 1]->at.source->name, sorted[i - 1]->at.line);
	return 0;
}

static int by_word(const void *x, const void *y)
{
	return strcasecmp(*(const char *const *) x, *(const char *const *) y);
}

static int check_alternatives(
	const struct rule_list *l, const struct software_list *software, struct messages *m)
{
	_cleanup_free_ const char **banned = calloc(2 * software->n + 1, sizeof(*banned));
	size_t n = 0;

	if (!banned)
		return -ENOMEM;
	for (size_t i = 0; i < software->n; i++) {
		const struct software *s = &software->items[i];

		if (s->used && s->id)
			banned[n++] = s->id;
		if (s->used && s->name)
			banned[n++] = s->name;
	}
	qsort(banned, n, sizeof(*banned), by_word);
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].alternative &&
			bsearch(&l->items[i].alternative, banned, n, sizeof(*banned), by_word))
			message_error(m, l->items[i].alternative_at,
				"the alternative '%s' is itself on the list of this policy",
				l->items[i].alternative);
	return 0;
}

int rules_check(const struct rule_list *l, const struct software_list *software, struct messages *m)
{
	int r = check_ids(l, m);

	if (r == 0)
		r = check_alternatives(l, software, m);
	/* A rule that is wrong may have been about it. */
	for (size_t i = 0; i < software->n && messages_count(m, MESSAGE_ERROR) == 0; i++)
		if (!software->items[i].used)
			message_warning(m, software->items[i].at,
				"no rule speaks of the software '%s'", software->items[i].id);
	return r;
}
