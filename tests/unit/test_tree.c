/* The tree: places, what is refused, and every limit at limit and limit + 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/source/tree.h"

struct read {
	struct source source;
	struct messages *m;
	struct tree *tree;
	char *said;
	int result;
};

static void read_bytes(struct read *r, const char *text, size_t size)
{
	*r = (struct read){ .source = { .name = "t.yaml", .text = text, .size = size } };
	assert_int_equal(messages_new(&r->m), 0);
	r->result = tree_parse(&r->source, r->m, &r->tree);
	assert_int_equal(messages_format(r->m, 1 << 20, &r->said), 0);
}

static void read_done(struct read *r)
{
	tree_free(r->tree);
	messages_free(r->m);
	free(r->said);
}

static const struct {
	const char *name, *text;
	int result;
	const char *said; /* the beginning of it; "": nothing */
} cases[] = {
	{ "nothing at all", "", 0, "" },
	{ "comments only", "# nothing\n", 0, "" },
	{ "one document with its marks", "---\na: 1\n...\n", 0, "" },
	{ "two documents", "a: 1\n---\nb: 1\n", -EINVAL,
		"t.yaml:2:1: error: a second document begins here" },
	{ "a repeated key leaves a tree", "a: 1\nb: 1\na: 2\n", 0,
		"t.yaml:3:1: error: the key 'a' is given twice; first on line 1" },
	{ "a repeated key in a flow mapping", "{a: 1, \"a\": 2}", 0,
		"t.yaml:1:8: error: the key 'a' is given twice" },
	{ "the same key in two mappings", "x: {a: 1}\ny: {a: 1}\n", 0, "" },
	{ "a list as a key", "? [a]\n: b\n", -EINVAL,
		"t.yaml:1:3: error: a key must be a word, not a list" },
	{ "a mapping as a key", "? {a: 1}\n: b\n", -EINVAL,
		"t.yaml:1:3: error: a key must be a word, not a mapping" },
	{ "a tag on a scalar", "a: !!str 1\n", -EINVAL, "t.yaml:1:4: error: tags such as" },
	{ "a tag on a list", "a: !x [1]\n", -EINVAL, "t.yaml:1:4: error: tags such as '!x'" },
	{ "a tag on a mapping", "!x {a: 1}\n", -EINVAL, "t.yaml:1:1: error: tags such as '!x'" },
	{ "a NUL in a quoted text", "a: \"x\\0y\"\n", -EINVAL,
		"t.yaml:1:4: error: a text cannot hold the character \\0" },
	{ "an alias", "a: &x [1]\nb: *x\n", 0, "" },
	{ "an alias without anchor", "b: *x\n", -EINVAL,
		"t.yaml:1:4: error: no anchor '&x' comes before this alias" },
	{ "an alias of what it stands in", "a: &x [*x]\n", -EINVAL,
		"t.yaml:1:8: error: the alias '*x' stands within what it names" },
	{ "an anchor given again counts from there", "a: &x 1\nb: &x [*x]\n", -EINVAL,
		"t.yaml:2:8: error: the alias '*x' stands within" },
	{ "an open list", "a: [1\nb: 2\n", -EINVAL, "t.yaml:2:2: error: this is not YAML: " },
	{ "a tab as indentation", "a:\n\tb: 1\n", -EINVAL,
		"t.yaml:2:1: error: this is not YAML: " },
	{ "a byte that is not UTF-8", "a: \xff\n", -EINVAL,
		"t.yaml:1:4: error: the byte 0xff here is not UTF-8" },
	{ "an overlong code", "\xc3\xa9: \xc0\xaf\n", -EINVAL,
		"t.yaml:1:4: error: the byte 0xc0 here is not UTF-8" },
	{ "a control character", "a: 1\nb: \x01\n", -EINVAL,
		"t.yaml:2:4: error: this is not YAML: control characters are not allowed" },
	{ "UTF-16", "\xff\xfe\x61\x00", -EINVAL, "t.yaml:1:1: error: the byte 0xff" },
	{ "columns are code points", "{\xe9\xab\x98: 1, \xe9\xab\x98: 2}", 0,
		"t.yaml:1:8: error: the key '\xe9\xab\x98' is given twice" },
};

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct read r;

		read_bytes(&r, cases[i].text, strlen(cases[i].text));
		if (r.result != cases[i].result)
			fail_msg("%s: returned %d, said %s", cases[i].name, r.result, r.said);
		if (strncmp(r.said, cases[i].said, strlen(cases[i].said)) != 0 ||
			(!*cases[i].said && *r.said))
			fail_msg("%s: said '%s', expected '%s'", cases[i].name, r.said,
				cases[i].said);
		read_done(&r);
	}
}

static void test_nodes_know_their_place(void **state)
{
	static const char text[] = "\xef\xbb\xbf# head\r\nkey: [one, \"two\"]\r\nnext:\n  - ~\n";
	const struct node *root, *list;
	struct read r;

	(void) state;
	read_bytes(&r, text, strlen(text));
	assert_int_equal(r.result, 0);
	root = tree_root(r.tree);
	assert_int_equal(root->type, NODE_MAPPING);
	assert_int_equal(root->n, 2);
	assert_int_equal(root->at.line, 2);
	list = root->pairs[0].value;
	assert_int_equal(list->type, NODE_SEQUENCE);
	assert_int_equal(list->at.line, 2);
	assert_int_equal(list->at.column, 6);
	assert_string_equal(list->items[1]->text, "two");
	assert_int_equal(list->items[1]->at.column, 12);
	assert_true(list->items[0]->plain && !list->items[1]->plain);
	assert_int_equal(root->pairs[1].value->items[0]->at.line, 4);
	assert_true(node_is_null(root->pairs[1].value->items[0]));
	assert_int_equal(root->weight, 1 + 2 + 3 + 2);
	assert_int_equal(root->height, 2);
	read_done(&r);
}

/* @n times @piece between @before and @after. */
static char *repeat(const char *before, const char *piece, size_t n, const char *after)
{
	size_t size = strlen(before), k = strlen(piece);
	char *text = malloc(size + n * k + strlen(after) + 1), *end;

	assert_non_null(text);
	end = stpcpy(text, before);
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, piece);
	strcpy(end, after);
	return text;
}

static void check_limit(const char *name, char *text, int result, const char *said)
{
	struct read r;

	read_bytes(&r, text, strlen(text));
	if (r.result != result || !strstr(r.said, said))
		fail_msg("%s: returned %d, said %s", name, r.result, r.said);
	read_done(&r);
	free(text);
}

static void test_depth_is_limited(void **state)
{
	static const char said[] = "more than 32 collections within each other";

	(void) state;
	check_limit("at the limit",
		repeat("", "[", TREE_DEPTH_MAX, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), 0, "");
	check_limit("one more", repeat("", "[", TREE_DEPTH_MAX + 1, ""), -EINVAL, said);
	check_limit("a million more", repeat("", "[", 1000000, ""), -EINVAL, said);
	check_limit("block mappings", repeat("", "- ", TREE_DEPTH_MAX + 1, "x"), -EINVAL, said);
	check_limit("an alias that goes too deep",
		repeat("a: &x [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\nb: ",
			"[", 2, "*x]]"),
		-EINVAL, said);
}

static void test_aliases_are_limited(void **state)
{
	char line[64];

	(void) state;
	/* A list of nine is ten nodes. */
	check_limit("at the limit",
		repeat("a: &x [1,2,3,4,5,6,7,8,9]\nb: [", "*x, ", TREE_ALIAS_NODES_MAX / 10, "]\n"),
		0, "");
	check_limit("one more",
		repeat("c: &y 1\na: &x [1,2,3,4,5,6,7,8,9]\nb: [*y, ", "*x, ",
			TREE_ALIAS_NODES_MAX / 10, "]\n"),
		-EINVAL, "aliases stand for more than 1000 values");
	check_limit("a billion laughs",
		repeat("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
		       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n",
			"", 0, "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"),
		-EINVAL, "aliases stand for more than 1000 values");
	(void) snprintf(line, sizeof(line), "more than %d anchors", TREE_ANCHORS_MAX);
	check_limit("anchors at the limit", repeat("[", "&x 1,", TREE_ANCHORS_MAX, "]"), 0, "");
	check_limit(
		"one anchor more", repeat("[", "&x 1,", TREE_ANCHORS_MAX + 1, "]"), -EINVAL, line);
}

static void test_nodes_and_bytes_are_limited(void **state)
{
	(void) state;
	check_limit("nodes at the limit", repeat("[", "1,", TREE_NODES_MAX - 1, "]"), 0, "");
	check_limit("one node more", repeat("[", "1,", TREE_NODES_MAX, "]"), -EINVAL,
		"the file has more than 2000000 values");
	check_limit("bytes at the limit", repeat("#", "x", TREE_SIZE_MAX - 1, ""), 0, "");
	check_limit("one byte more", repeat("#", "x", TREE_SIZE_MAX, ""), -EINVAL,
		"t.yaml: error: the file is larger than 16 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_nodes_know_their_place),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_aliases_are_limited),
		cmocka_unit_test(test_nodes_and_bytes_are_limited),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
