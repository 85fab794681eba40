#include "policy/source/signatures.h"

#include <inttypes.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/purl_package.h"
#include "policy/source/compiler.h"
#include "policy/source/essential.h"
#include "policy/source/pattern.h"
#include "policy/source/yara.h"

enum {
	CLASSES_TEXT_MAX = 1024,       /* bytes */
	ESSENTIAL_SIZE_MAX = 16 << 20, /* bytes of a program */
};

/* What every check of one rule needs. */
struct check {
	struct signature_rule *rule;
	const struct outline *outline;
	const struct outline_rule *place; /* NULL: not found in the text */
	struct messages *m;
};

struct meta {
	const char *name;
	void (*read)(struct check *c, const YR_META *meta, struct place at);
};

static struct place place_of(const struct check *c, const char *key)
{
	return c->place ? outline_key(c->outline, c->place, key) : c->rule->at;
}

/* A text that messages can show. */
static const char *text_of(struct check *c, const YR_META *meta, struct place at)
{
	if (meta->type == META_TYPE_STRING && text_utf8_valid(meta->string, strlen(meta->string)))
		return meta->string;
	message_error(c->m, at, "'%s' must be a text in quotes", meta->identifier);
	return NULL;
}

static void read_purl(struct check *c, const YR_META *meta, struct place at)
{
	const char *text = text_of(c, meta, at), *error = "";
	struct package package;
	int r;

	if (!text)
		return;
	r = purl_package_read(text, &package, &error);
	if (r < 0)
		message_error(c->m, at, "bad purl '%s': %s", text, error);
	else if (essential_package((enum package_type) package.type, package.name))
		message_error(c->m, at,
			"'%s' cannot be banned: without it the host could not be repaired", text);
	else if (*package.version)
		message_error(c->m, at,
			"the purl of a signature has no version: the key 'version' finds it in the "
			"content");
	else {
		c->rule->entry.package_type = package.type;
		(void) text_copy(
			c->rule->entry.package, sizeof(c->rule->entry.package), package.name);
	}
}

static bool add_class(struct check *c, const char *word)
{
	for (unsigned i = FILE_CLASS_UNKNOWN + 1; i < _FILE_CLASS_MAX; i++)
		if (!strcmp(word, file_class_to_string((enum file_class) i))) {
			c->rule->entry.classes |= 1u << i;
			return true;
		}
	return false;
}

static void complain_class(struct check *c, struct place at, const char *word)
{
	const char *words[_FILE_CLASS_MAX], *near;
	char list[256] = "";
	size_t n = 0;

	for (unsigned i = FILE_CLASS_UNKNOWN + 1; i < _FILE_CLASS_MAX; i++) {
		size_t used = strlen(list);

		words[n++] = file_class_to_string((enum file_class) i);
		(void) snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "",
			words[n - 1]);
	}
	near = message_closest(word, words, n, sizeof(words[0]));
	if (near)
		message_error(
			c->m, at, "'%s' is no class of files; did you mean '%s'?", word, near);
	else
		message_error(c->m, at, "'%s' is no class of files; those are %s", word, list);
}

static void read_class(struct check *c, const YR_META *meta, struct place at)
{
	const char *text = text_of(c, meta, at);
	char copy[CLASSES_TEXT_MAX], *state = NULL;

	if (!text)
		return;
	if (text_copy(copy, sizeof(copy), text) < 0) {
		message_error(c->m, at, "'class' is longer than %zu bytes", sizeof(copy) - 1);
		return;
	}
	for (char *word = strtok_r(copy, ", \t", &state); word;
		word = strtok_r(NULL, ", \t", &state))
		if (!add_class(c, word))
			complain_class(c, at, word);
	if (!text[strspn(text, ", \t")])
		message_error(c->m, at, "'class' names no class; left out, it means all");
}

static bool parse_bytes(const YR_META *meta, uint64_t *ret)
{
	uint64_t value = 0;

	if (meta->type == META_TYPE_INTEGER) {
		*ret = (uint64_t) meta->integer;
		return meta->integer >= 0;
	}
	if (meta->type != META_TYPE_STRING || !*meta->string)
		return false;
	for (const char *s = meta->string; *s; s++)
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t) (*s - '0'), &value))
			return false;
	*ret = value;
	return value <= INT64_MAX;
}

static void read_bytes(struct check *c, const YR_META *meta, struct place at, uint64_t *ret)
{
	if (!parse_bytes(meta, ret))
		message_error(c->m, at,
			"'%s' must be a whole number of bytes, such as 20000, \"20000\" or 20MB",
			meta->identifier);
}

static void read_min_size(struct check *c, const YR_META *meta, struct place at)
{
	read_bytes(c, meta, at, &c->rule->entry.min_size);
}

static void read_max_size(struct check *c, const YR_META *meta, struct place at)
{
	read_bytes(c, meta, at, &c->rule->entry.max_size);
}

static void read_version(struct check *c, const YR_META *meta, struct place at)
{
	const char *text = text_of(c, meta, at), *error = "";

	if (!text)
		return;
	if (pattern_check(text, &error) < 0) {
		message_error(c->m, at, "bad pattern for a version: %s", error);
		return;
	}
	if (strlen(SIGNATURE_VERSION_PREFIX) + strlen(c->rule->entry.name) > SIGNATURE_NAME_MAX)
		message_error(c->m, c->rule->at,
			"the name of a signature with 'version' has at most %zu bytes",
			SIGNATURE_NAME_MAX - strlen(SIGNATURE_VERSION_PREFIX));
	(void) text_copy(c->rule->entry.version, sizeof(c->rule->entry.version), text);
}

static const struct meta metas[] = {
	{ "purl", read_purl },
	{ "class", read_class },
	{ "min_size", read_min_size },
	{ "max_size", read_max_size },
	{ "version", read_version },
};

/* Other keys are the author's own; only one that looks like one of ours is worth a word. */
static void check_stranger(struct check *c, const YR_META *meta)
{
	const char *near = message_closest(
		meta->identifier, &metas[0].name, ARRAY_SIZE(metas), sizeof(metas[0]));

	if (near)
		message_warning(c->m, place_of(c, meta->identifier),
			"'%s' in meta means nothing here; did you mean '%s'?", meta->identifier,
			near);
}

static void read_metas(struct check *c, YR_RULE *rule)
{
	bool given[ARRAY_SIZE(metas)] = { false };
	const YR_META *meta;

	yr_rule_metas_foreach(rule, meta)
	{
		struct place at = place_of(c, meta->identifier);
		size_t i = 0;

		while (i < ARRAY_SIZE(metas) && strcmp(metas[i].name, meta->identifier) != 0)
			i++;
		if (i == ARRAY_SIZE(metas)) {
			check_stranger(c, meta);
		} else if (given[i]) {
			message_error(c->m, at, "the key '%s' is given twice", meta->identifier);
		} else {
			given[i] = true;
			metas[i].read(c, meta, at);
		}
	}
	if (c->rule->entry.min_size > c->rule->entry.max_size)
		message_error(c->m, place_of(c, "max_size"),
			"no file is smaller than 'max_size' and larger than 'min_size': this "
			"signature can never match");
}

static void read_rule(struct signature_list *l, YR_RULE *rule, const struct source *first,
	struct messages *m, struct signature_rule *ret)
{
	const struct outline_rule *place = outline_find(&l->outline, rule->identifier);
	struct check c = { .rule = ret, .outline = &l->outline, .place = place, .m = m };

	ret->at = place ? place->at : (struct place){ .source = first };
	ret->private = RULE_IS_PRIVATE(rule);
	ret->entry.max_size = UINT64_MAX;
	if (text_copy(ret->entry.name, sizeof(ret->entry.name), rule->identifier) < 0)
		message_error(m, ret->at, "the name of a signature has at most %d bytes",
			SIGNATURE_NAME_MAX);
	if (!strncmp(rule->identifier, SIGNATURE_VERSION_PREFIX, strlen(SIGNATURE_VERSION_PREFIX)))
		message_error(m, ret->at,
			"names that begin with " SIGNATURE_VERSION_PREFIX
			" are made by Proscribe itself; choose another");
	if (RULE_IS_GLOBAL(rule))
		message_error(m, ret->at,
			"a global rule would decide about the signatures of others; make it "
			"'private', and name it in their conditions");
	if (!ret->private)
		read_metas(&c, rule);
}

static int by_name(const void *x, const void *y)
{
	const struct signature_rule *a = x, *b = y;

	return strcmp(a->entry.name, b->entry.name);
}

static int read_rules(
	struct signature_list *l, YR_RULES *rules, const struct source *first, struct messages *m)
{
	YR_RULE *rule;
	size_t n = 0;

	yr_rules_foreach(rules, rule)
	{
		n++;
	}
	l->items = calloc(n + 1, sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	yr_rules_foreach(rules, rule)
	{
		read_rule(l, rule, first, m, &l->items[l->n++]);
	}
	qsort(l->items, l->n, sizeof(*l->items), by_name);
	return 0;
}

/* What stands behind a text without an end is no rule to libyara, and no error either. */
static void check_all_read(struct signature_list *l, struct messages *m)
{
	for (size_t i = 0; i < l->outline.n_rules; i++)
		if (!signatures_find(l, l->outline.rules[i].name))
			message_error(m, l->outline.rules[i].at,
				"YARA does not see this rule: a text or comment before it has no "
				"end");
}

static void extras_done(struct yara_extra *extras, size_t n)
{
	for (size_t i = 0; extras && i < n; i++)
		free(extras[i].text);
	free(extras);
}

/* For each signature with a version the rule that looks for it. */
static int make_extras(const struct signature_list *l, struct yara_extra *extras, size_t *ret)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct signature_rule *s = &l->items[i];
		const struct outline_rule *place = outline_find(&l->outline, s->entry.name);

		if (s->private || !*s->entry.version)
			continue;
		extras[*ret].at = place ? outline_key(&l->outline, place, "version") : s->at;
		r = pattern_rule(s->entry.name, s->entry.version, &extras[*ret].text);
		*ret += r == 0;
	}
	return r;
}

/* The rules once more, now with those that look for versions: what a compiler has given its rules
 * away, takes no more. */
static int compile_again(struct signature_list *l, const struct source files[], size_t n,
	struct messages *m, YR_RULES **rules)
{
	struct yara_extra *extras = calloc(l->n + 1, sizeof(*extras));
	YR_RULES *all = NULL;
	size_t n_extras = 0;
	int r = extras ? make_extras(l, extras, &n_extras) : -ENOMEM;

	if (r == 0 && n_extras > 0)
		r = yara_compile(files, n, extras, n_extras, m, &all);
	if (r == 0 && all) {
		(void) yara_rules_free(*rules);
		*rules = all;
	}
	extras_done(extras, n_extras);
	return r;
}

static void on_match(const char *name, void *context)
{
	struct signature_rule *s = signatures_find(context, name);

	if (s)
		s->matches_anything = true;
}

/* Could a file be any of what a host is repaired with? The shell, the loader and the package
 * managers are programs of up to that size, or scripts. */
static bool admits_essential(const struct signature *s)
{
	return signature_admits(s, FILE_CLASS_SCRIPT, s->min_size) ||
		(signature_admits(s, FILE_CLASS_ELF, s->min_size) &&
			s->min_size < ESSENTIAL_SIZE_MAX);
}

static int refuse_careless(struct signature_list *l, YR_RULES *rules, struct messages *m)
{
	int r = yara_probe(rules, on_match, l);

	for (size_t i = 0; i < l->n && r == 0; i++)
		if (l->items[i].matches_anything && admits_essential(&l->items[i].entry))
			message_error(m, l->items[i].at,
				"the signature '%s' matches programs or scripts that hold next to "
				"nothing, and so nearly all: the host could not be repaired",
				l->items[i].entry.name);
	return r;
}

static int save(
	struct signature_list *l, YR_RULES *rules, const struct source *first, struct messages *m)
{
	int r = yara_save(rules, SIGNATURE_RULES_SIZE_MAX, &l->rules, &l->rules_size);

	if (r != -E2BIG)
		return r;
	message_error(m, (struct place){ .source = first },
		"compiled, the signatures take more than %d MiB; make them fewer or their texts "
		"shorter",
		SIGNATURE_RULES_SIZE_MAX >> 20);
	return -EINVAL;
}

/* libyara would end at a NUL, and nobody would know of what comes behind it. */
static bool check_text(struct source *s, struct messages *m)
{
	const char *nul;

	if (!source_check(s, m, POLICY_FILE_SIZE_MAX))
		return false;
	nul = s->size > 0 ? memchr(s->text, '\0', s->size) : NULL;
	if (!nul)
		return true;
	message_error(m, message_place(s, (size_t) (nul - s->text)),
		"a text cannot hold the character \\0");
	return false;
}

static int read_files(struct signature_list *l, struct source files[], size_t n, struct messages *m)
{
	_cleanup_(yara_rules_freep) YR_RULES *rules = NULL;
	uint32_t errors = messages_count(m, MESSAGE_ERROR);
	int r = yara_compile(files, n, NULL, 0, m, &rules);

	if (r == 0)
		r = read_rules(l, rules, files, m);
	if (r == 0)
		check_all_read(l, m);
	if (r == 0)
		r = refuse_careless(l, rules, m);
	if (r == 0)
		r = compile_again(l, files, n, m, &rules);
	if (r == 0 && messages_count(m, MESSAGE_ERROR) == errors)
		r = save(l, rules, files, m);
	return r;
}

void signatures_done(struct signature_list *l)
{
	outline_done(&l->outline);
	free(l->items);
	free(l->rules);
	*l = (struct signature_list){ 0 };
}

int signatures_read(struct signature_list *l, struct source files[], size_t n, struct messages *m)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		if (check_text(&files[i], m))
			r = outline_add(&l->outline, &files[i], m);
	if (r == 0)
		r = outline_sort(&l->outline, m);
	if (r == 0 && n > 0)
		r = read_files(l, files, n, m);
	return r == -EINVAL ? 0 : r;
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct signature_rule *) item)->entry.name);
}

struct signature_rule *signatures_find(struct signature_list *l, const char *name)
{
	return l->n == 0 ? NULL : bsearch(name, l->items, l->n, sizeof(*l->items), compare_name);
}

bool signatures_know(const struct signature_list *l, const char *name)
{
	return outline_find(&l->outline, name);
}

const char *signatures_closest(const struct signature_list *l, const char *name)
{
	_cleanup_free_ const char **names = calloc(l->outline.n_rules + 1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < l->outline.n_rules; i++)
		names[i] = l->outline.rules[i].name;
	return message_closest(name, names, l->outline.n_rules, sizeof(*names));
}

int signatures_use(struct signature_rule *s, uint32_t software, struct builder *b)
{
	int r = s->used ? 0 : builder_add_signature(b, &s->entry, &s->index);

	if (r < 0)
		return r;
	s->used = true;
	return builder_use_signature(b, software, s->index);
}

int signatures_check(struct signature_list *l, struct messages *m, struct builder *b)
{
	bool used = false;

	for (size_t i = 0; i < l->n; i++) {
		const struct signature_rule *s = &l->items[i];

		used = used || s->used;
		if (s->private)
			continue;
		if (!s->used)
			message_warning(m, s->at,
				"no software has the signature '%s', but it is searched for; one "
				"that only helps others is a 'private rule'",
				s->entry.name);
		else if (s->entry.classes == 0 && s->entry.min_size == 0)
			message_warning(m, s->at,
				"the signature '%s' has neither 'class' nor 'min_size': every file "
				"must be searched for it, which takes some 3 ms for each MB",
				s->entry.name);
	}
	return used && l->rules ? builder_set_rules(b, l->rules, l->rules_size) : 0;
}
