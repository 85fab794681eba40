#include "policy/source/outline.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/source/grow.h"

enum section {
	SECTION_TOP,  /* between rules */
	SECTION_NAME, /* behind "rule" */
	SECTION_HEAD, /* up to the brace */
	SECTION_META,
	SECTION_OTHER, /* strings and condition */
};

/* Lines and columns are counted along the way. */
struct reader {
	struct outline *outline;
	const struct source *source;
	struct messages *m;
	size_t at;
	struct place place;
	enum section section;
	bool assigned; /* the last thing was '=' */
	struct outline_key word;
	bool complained; /* of too many rules */
};

void outline_done(struct outline *o)
{
	free(o->rules);
	free(o->keys);
	free(o->sorted);
	*o = (struct outline){ 0 };
}

static char peek(const struct reader *r, size_t ahead)
{
	return ahead < r->source->size - r->at ? r->source->text[r->at + ahead] : '\0';
}

static bool at_end(const struct reader *r)
{
	return r->at >= r->source->size;
}

static void step(struct reader *r)
{
	unsigned char c = (unsigned char) r->source->text[r->at++];

	if (c == '\n') {
		r->place.line++;
		r->place.column = 1;
	} else if ((c & 0xc0) != 0x80) {
		/* What follows a code point's first byte does not count. */
		while (!at_end(r) && ((unsigned char) peek(r, 0) & 0xc0) == 0x80)
			r->at++;
		r->place.column++;
	}
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_';
}

/* A string or regular expression, from its first to its last delimiter or the end of its line. */
static void skip_quoted(struct reader *r)
{
	char quote = peek(r, 0);

	step(r);
	while (!at_end(r) && peek(r, 0) != quote && peek(r, 0) != '\n') {
		if (peek(r, 0) == '\\' && peek(r, 1) != '\n')
			step(r);
		if (!at_end(r))
			step(r);
	}
	if (!at_end(r) && peek(r, 0) == quote)
		step(r);
}

/* Steps over a comment, if there is one. */
static bool skip_comment(struct reader *r)
{
	bool block = peek(r, 1) == '*';
	struct place start = r->place;

	if (peek(r, 0) != '/' || (!block && peek(r, 1) != '/'))
		return false;
	step(r);
	step(r);
	while (!at_end(r) && !(block ? peek(r, 0) == '*' && peek(r, 1) == '/' : peek(r, 0) == '\n'))
		step(r);
	if (block && at_end(r))
		message_error(r->m, start, "this comment has no end");
	for (int i = 0; block && i < 2 && !at_end(r); i++)
		step(r);
	return true;
}

static void skip_hex_string(struct reader *r)
{
	while (!at_end(r) && peek(r, 0) != '}')
		if (!skip_comment(r))
			step(r);
	if (!at_end(r))
		step(r);
}

static int add_rule(struct reader *r)
{
	struct outline *o = r->outline;
	struct outline_rule rule = { .at = r->word.at, .first_key = o->n_keys }, *rules;

	if (o->n_rules == OUTLINE_RULES_MAX) {
		if (!r->complained)
			message_error(r->m, r->word.at, "the policy has more than %d YARA rules",
				OUTLINE_RULES_MAX);
		r->complained = true;
		return 0;
	}
	rules = grow(o->rules, o->n_rules, &o->rules_room, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	memcpy(rule.name, r->word.name, sizeof(rule.name));
	o->rules = rules;
	rules[o->n_rules++] = rule;
	return 0;
}

static int add_key(struct reader *r)
{
	struct outline *o = r->outline;
	struct outline_key *keys;

	if (r->complained || o->n_rules == 0 || !*r->word.name)
		return 0;
	keys = grow(o->keys, o->n_keys, &o->keys_room, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	o->keys = keys;
	keys[o->n_keys++] = r->word;
	o->rules[o->n_rules - 1].keys++;
	return 0;
}

static void refuse(struct reader *r)
{
	const char *word = r->word.name;

	if (!strcmp(word, "import"))
		message_error(r->m, r->word.at,
			"signatures cannot use YARA's modules; remove the import and what needs "
			"it");
	else if (!strcmp(word, "include"))
		message_error(r->m, r->word.at,
			"signatures cannot include files: every *.yar of the folder is read, in "
			"the order of their names");
}

static int on_word(struct reader *r)
{
	size_t n = 0;

	r->word.at = r->place;
	for (; !at_end(r) && is_word(peek(r, 0)); step(r))
		if (n < sizeof(r->word.name) - 1)
			r->word.name[n++] = peek(r, 0);
	memset(r->word.name + n, 0, sizeof(r->word.name) - n);
	switch (r->section) {
	case SECTION_TOP:
		refuse(r);
		if (!strcmp(r->word.name, "rule"))
			r->section = SECTION_NAME;
		return 0;
	case SECTION_NAME:
		r->section = SECTION_HEAD;
		return add_rule(r);
	case SECTION_HEAD:
	case SECTION_META:
	case SECTION_OTHER:
		return 0;
	}
	return 0;
}

/* "meta:" and the like. */
static void on_colon(struct reader *r)
{
	if (r->section == SECTION_META || r->section == SECTION_OTHER)
		r->section = strcmp(r->word.name, "meta") ? SECTION_OTHER : SECTION_META;
}

static int on_sign(struct reader *r)
{
	char c = peek(r, 0);
	bool assigned = r->assigned;
	int k = 0;

	r->assigned = c == '=';
	step(r);
	if (c == ':')
		on_colon(r);
	else if (c == '=' && r->section == SECTION_META)
		k = add_key(r);
	else if (c == '{' && assigned)
		skip_hex_string(r);
	else if (c == '{')
		r->section = SECTION_OTHER;
	else if (c == '}')
		r->section = SECTION_TOP;
	return k;
}

int outline_add(struct outline *o, const struct source *s, struct messages *m)
{
	struct reader r = { .outline = o, .source = s, .m = m, .place = { s, 1, 1 } };
	int k = 0;

	while (k == 0 && !at_end(&r)) {
		char c = peek(&r, 0);

		if (skip_comment(&r))
			continue;
		if (c == '"' || c == '/') {
			skip_quoted(&r);
			r.assigned = false;
		} else if (is_word(c)) {
			k = on_word(&r);
			r.assigned = false;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			step(&r);
		} else {
			k = on_sign(&r);
		}
	}
	return k;
}

static int by_name(const void *x, const void *y)
{
	const struct outline_rule *a = *(struct outline_rule *const *) x,
				  *b = *(struct outline_rule *const *) y;

	return strcmp(a->name, b->name) ?: a < b ? -1 : a > b;
}

int outline_sort(struct outline *o, struct messages *m)
{
	o->sorted = calloc(o->n_rules + 1, sizeof(*o->sorted));
	if (!o->sorted)
		return -ENOMEM;
	for (size_t i = 0; i < o->n_rules; i++)
		o->sorted[i] = &o->rules[i];
	if (o->n_rules > 1)
		qsort(o->sorted, o->n_rules, sizeof(*o->sorted), by_name);
	for (size_t i = 1; i < o->n_rules; i++)
		if (!strcmp(o->sorted[i - 1]->name, o->sorted[i]->name))
			message_error(m, o->sorted[i]->at,
				"the signature '%s' is there twice; first in %s on line %u",
				o->sorted[i]->name, o->sorted[i - 1]->at.source->name,
				o->sorted[i - 1]->at.line);
	return 0;
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, (*(struct outline_rule *const *) item)->name);
}

const struct outline_rule *outline_find(const struct outline *o, const char *name)
{
	struct outline_rule **found = bsearch(
		name, o->sorted, o->n_rules, sizeof(*o->sorted), compare_name);

	return found ? *found : NULL;
}

struct place outline_key(const struct outline *o, const struct outline_rule *r, const char *key)
{
	for (size_t i = 0; i < r->keys; i++)
		if (!strcmp(o->keys[r->first_key + i].name, key))
			return o->keys[r->first_key + i].at;
	return r->at;
}
