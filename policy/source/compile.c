#include "policy/source/compile.h"

#include <string.h>

#include "policy/source/compiler.h"
#include "policy/source/rules.h"
#include "policy/source/schema.h"
#include "policy/source/signatures.h"
#include "policy/source/software.h"
#include "policy/source/tree.h"

enum {
	TOP_PROSCRIBE,
	TOP_POLICY,
	TOP_SOFTWARE,
	TOP_RULES,
	TOP_EXCEPTIONS,
	_TOP_KEYS,
};

static const struct key top_keys[_TOP_KEYS] = {
	[TOP_PROSCRIBE] = { "proscribe", KEY_TEXT | KEY_REQUIRED },
	[TOP_POLICY] = { "policy", KEY_MAPPING | KEY_REQUIRED },
	[TOP_SOFTWARE] = { "software", KEY_LIST },
	[TOP_RULES] = { "rules", KEY_LIST },
	[TOP_EXCEPTIONS] = { "exceptions", KEY_LATER },
};
static const struct schema top_schema = { "a policy", top_keys, _TOP_KEYS };

/* The same keys in the same places, for files beside policy.yaml. */
static const struct key part_keys[_TOP_KEYS] = {
	[TOP_PROSCRIBE] = { "proscribe", KEY_TEXT },
	[TOP_POLICY] = { "policy", KEY_MAPPING },
	[TOP_SOFTWARE] = { "software", KEY_LIST },
	[TOP_RULES] = { "rules", KEY_LIST },
	[TOP_EXCEPTIONS] = { "exceptions", KEY_LATER },
};
static const struct schema part_schema = { "a part of a policy", part_keys, _TOP_KEYS };

enum {
	HEAD_NAME,
	HEAD_OWNER,
	HEAD_CONTACT,
	HEAD_LOCAL_ADDITIONS,
	_HEAD_KEYS,
};

static const struct key head_keys[_HEAD_KEYS] = {
	[HEAD_NAME] = { "name", KEY_TEXT | KEY_REQUIRED },
	[HEAD_OWNER] = { "owner", KEY_TEXT | KEY_REQUIRED },
	[HEAD_CONTACT] = { "contact", KEY_TEXT },
	[HEAD_LOCAL_ADDITIONS] = { "local_additions", KEY_TEXT },
};
static const struct schema head_schema = { "'policy'", head_keys, _HEAD_KEYS };

struct head {
	const char *name, *owner, *contact;
};

struct file {
	struct tree *tree; /* NULL: unreadable or empty */
	const struct node *values[_TOP_KEYS];
};

struct compilation {
	struct messages *m;
	struct file *files;
	size_t n;
	bool unreadable; /* a file is not YAML at all: what the others say of its ids means nothing
			  */
	struct signature_list signatures;
	struct list *lists;
	size_t n_lists;
	struct software_list software;
	struct rule_list rules;
	struct builder *builder;
};

static void compilation_done(struct compilation *c)
{
	rules_done(&c->rules);
	software_done(&c->software);
	signatures_done(&c->signatures);
	builder_free(c->builder);
	for (size_t i = 0; c->files && i < c->n; i++)
		tree_free(c->files[i].tree);
	free(c->files);
}

static void check_head(struct messages *m, const struct node *n, struct head *ret)
{
	const struct node *v[_HEAD_KEYS];
	bool additions;

	(void) schema_mapping(&head_schema, n, m, v);
	if (v[HEAD_NAME])
		(void) schema_text(v[HEAD_NAME], m, "name", COMPILE_NAME_MAX, false, &ret->name);
	if (v[HEAD_OWNER])
		(void) schema_text(v[HEAD_OWNER], m, "owner", COMPILE_NAME_MAX, false, &ret->owner);
	if (v[HEAD_CONTACT])
		(void) schema_text(
			v[HEAD_CONTACT], m, "contact", SCHEMA_URL_MAX, false, &ret->contact);
	if (v[HEAD_LOCAL_ADDITIONS] &&
		schema_bool(v[HEAD_LOCAL_ADDITIONS], m, "local_additions", &additions) && additions)
		message_error(m, v[HEAD_LOCAL_ADDITIONS]->at,
			"'local_additions: true' is not supported yet by this version");
}

static void check_language(struct messages *m, const struct node *n)
{
	if (n->plain && !strcmp(n->text, "1"))
		return;
	message_error(m, n->at,
		"this version reads version %d of the policy language, not '%s'; write 'proscribe: "
		"%d'",
		COMPILE_LANGUAGE, n->text, COMPILE_LANGUAGE);
}

static void refuse_head(struct messages *m, const struct file *f)
{
	static const int heads[] = { TOP_PROSCRIBE, TOP_POLICY };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (f->values[heads[i]])
			message_error(m, f->values[heads[i]]->at,
				"only " COMPILE_MAIN_FILE " has the key '%s'; here are software "
				"and rules",
				top_keys[heads[i]].name);
}

static int read_file(
	struct compilation *c, struct source *source, struct file *f, struct head *head)
{
	bool is_main = !strcmp(source->name, COMPILE_MAIN_FILE);
	int r = tree_parse(source, c->m, &f->tree);

	if (r == -EINVAL) {
		c->unreadable = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (!tree_root(f->tree)) {
		message_error(c->m, (struct place){ .source = source }, "the file is empty");
		return 0;
	}
	(void) schema_mapping(
		is_main ? &top_schema : &part_schema, tree_root(f->tree), c->m, f->values);
	if (!is_main) {
		refuse_head(c->m, f);
		return 0;
	}
	if (f->values[TOP_PROSCRIBE])
		check_language(c->m, f->values[TOP_PROSCRIBE]);
	if (f->values[TOP_POLICY])
		check_head(c->m, f->values[TOP_POLICY], head);
	return 0;
}

static int read_files(struct compilation *c, struct source files[])
{
	/* A policy whose head is wrong is checked to its end, too; what is built is thrown away. */
	struct head head = { "", "", "" };
	bool has_main = false;
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++) {
		has_main = has_main || !strcmp(files[i].name, COMPILE_MAIN_FILE);
		r = read_file(c, &files[i], &c->files[i], &head);
	}
	if (r == 0 && !has_main)
		message_error(c->m, (struct place){ 0 },
			"the policy has no " COMPILE_MAIN_FILE ", which gives its name and owner");
	return r < 0 ? r : builder_new(head.name, head.owner, head.contact, &c->builder);
}

static void check_lists(const struct compilation *c)
{
	for (size_t i = 0; i < c->n_lists; i++)
		if (!c->lists[i].used)
			message_warning(c->m, (struct place){ .source = &c->lists[i].source },
				"no software has this list");
}

static int compile_parts(struct compilation *c)
{
	const struct software_context context = { c->m, c->builder, &c->signatures, c->lists,
		c->n_lists };
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		if (c->files[i].values[TOP_SOFTWARE])
			r = software_add(&c->software, c->files[i].values[TOP_SOFTWARE], &context);
	if (r == 0)
		r = signatures_check(&c->signatures, c->m, c->builder);
	if (r == 0)
		check_lists(c);
	if (r == 0)
		r = software_sort(&c->software, c->m);
	for (size_t i = 0; i < c->n && r == 0; i++)
		if (c->files[i].values[TOP_RULES])
			r = rules_add(&c->rules, c->files[i].values[TOP_RULES], &c->software, c->m,
				c->builder);
	return r < 0 ? r : rules_check(&c->rules, &c->software, c->m);
}

static bool is_signatures(const struct source *s)
{
	return !strncmp(s->name, POLICY_SIGNATURES, strlen(POLICY_SIGNATURES));
}

/* Those with signatures go behind the others, each sort in its order. Returns how many others. */
static size_t divide(struct source files[], size_t n)
{
	size_t n_others = 0;

	for (size_t i = 0; i < n; i++) {
		struct source s = files[i];

		if (is_signatures(&s))
			continue;
		memmove(&files[n_others + 1], &files[n_others],
			(i - n_others) * sizeof(struct source));
		files[n_others++] = s;
	}
	return n_others;
}

int policy_compile(struct source files[], size_t n, struct list lists[], size_t n_lists,
	struct messages *m, struct builder **ret)
{
	_cleanup_(compilation_done) struct compilation c = {
		.m = m, .n = divide(files, n), .lists = lists, .n_lists = n_lists
	};
	int r;

	for (size_t i = 0; i < n; i++)
		files[i].order = (uint32_t) i;
	for (size_t i = 0; i < n_lists; i++)
		lists[i].source.order = (uint32_t) (n + i);
	c.files = calloc(c.n + 1, sizeof(*c.files));
	if (!c.files)
		return -ENOMEM;
	r = read_files(&c, files);
	if (r == 0)
		r = signatures_read(&c.signatures, files + c.n, n - c.n, m);
	if (r == 0 && !c.unreadable)
		r = compile_parts(&c);
	if (r < 0)
		return r;
	if (messages_count(m, MESSAGE_ERROR) > 0)
		return -EINVAL;
	if (c.rules.n == 0)
		message_warning(m, (struct place){ .source = files },
			"the policy has no rules: it bans nothing");
	*ret = TAKE_PTR(c.builder);
	return 0;
}
