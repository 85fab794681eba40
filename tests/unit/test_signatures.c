/* From YARA rules to the image: what is in it, and limits. Words of messages: golden files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <yara.h>

#include "policy/base/fd.h"
#include "policy/image/signature.h"
#include "policy/source/compile.h"
#include "policy/source/outline.h"
#include "policy/source/yara.h"

#define HEAD "proscribe: 1\npolicy: {name: test, owner: me}\n"
#define RULE "rules:\n- {id: R, software: a, reason: No., action: log}\n"

/* Owns nothing. @yar: texts of signatures/1.yar and so on; NULL ends them. */
static int compile(
	const char *policy, const char *const yar[], struct builder **ret, char **ret_said)
{
	static const char *const names[] = { "signatures/1.yar", "signatures/2.yar",
		"signatures/3.yar" };
	struct source s[1 + ARRAY_SIZE(names)];
	struct messages *m;
	size_t n = 0;
	int r;

	for (; yar[n]; n++)
		s[n] = (struct source){ .name = names[n], .text = yar[n], .size = strlen(yar[n]) };
	s[n++] = (struct source){ .name = "policy.yaml", .text = policy, .size = strlen(policy) };
	assert_int_equal(messages_new(&m), 0);
	r = policy_compile(s, n, NULL, 0, m, ret);
	assert_int_equal(messages_format(m, 1 << 20, ret_said), 0);
	messages_free(m);
	return r;
}

static struct policy *open_built(struct builder *b)
{
	struct policy *p;
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	close(fd);
	return p;
}

struct reading {
	const char *bytes;
	size_t size, at;
};

static size_t on_read(void *out, size_t size, size_t count, void *data)
{
	struct reading *r = data;

	if (size * count > r->size - r->at)
		return 0;
	memcpy(out, r->bytes + r->at, size * count);
	r->at += size * count;
	return count;
}

static int on_scan(YR_SCAN_CONTEXT *context, int message, void *data, void *found)
{
	const YR_RULE *rule = data;

	(void) context;
	if (message == CALLBACK_MSG_RULE_MATCHING) {
		strcat(found, rule->identifier);
		strcat(found, ";");
	}
	return CALLBACK_CONTINUE;
}

/* The names of the rules in the image that match @content, each behind the other. */
static void scan(const struct policy *p, const char *content, char found[1024])
{
	struct policy_signatures s;
	struct reading r = { 0 };
	YR_STREAM stream = { .user_data = &r, .read = on_read };
	YR_RULES *rules;
	char *bytes;

	policy_signatures(p, &s);
	bytes = malloc(s.rules_size);
	assert_int_equal(fd_pread_full(policy_fd(p), bytes, s.rules_size, (off_t) s.rules_offset),
		s.rules_size);
	r = (struct reading){ bytes, s.rules_size, 0 };
	assert_int_equal(yr_rules_load_stream(&stream, &rules), ERROR_SUCCESS);
	found[0] = '\0';
	assert_int_equal(yr_rules_scan_mem(rules, (const uint8_t *) content, strlen(content), 0,
				 on_scan, found, 0),
		ERROR_SUCCESS);
	yr_rules_destroy(rules);
	free(bytes);
}

static void test_what_is_written_is_what_is_read(void **state)
{
	static const char policy[] = HEAD
		"software:\n"
		"- {id: a, name: A, is: [{signature: second}, {signature: first}]}\n"
		"- {id: b, name: B, is: [{signature: first}]}\n"
		"rules: [{id: R, software: [a, b], versions: 'vers:npm/>=1.0.0', reason: No., "
		"action: log}]\n";
	static const char *const yar[] = {
		"private rule helper { strings: $ = \"needle\" condition: all of them }\n",
		"rule unused { meta: class = \"zip\" version = \"v=([a-z]+)\" condition: helper }\n"
		"rule first { meta: purl = \"pkg:npm/%40s/first\" class = \"js,bun\" min_size = 5\n"
		"max_size = \"20000\" version = \"a/b=([0-9.]+)\" condition: helper }\n",
		"rule second { meta: class = \"elf\" condition: first }\n", NULL
	};
	struct policy_signatures s;
	const struct signature *first, *second;
	char *said, found[1024];
	struct builder *b;
	struct policy *p;

	(void) state;
	assert_int_equal(compile(policy, yar, &b, &said), 0);
	if (!strstr(said, "signatures/2.yar:1:6: warning: no software has the signature 'unused'"))
		fail_msg("said %s", said);
	p = open_built(b);
	policy_signatures(p, &s);
	assert_int_equal(s.n, 2);
	second = policy_signature(p, 0);
	first = policy_signature(p, 1);
	assert_string_equal(first->name, "first");
	assert_string_equal(first->version, "a/b=([0-9.]+)");
	assert_string_equal(first->package, "@s/first");
	assert_int_equal(first->package_type, PACKAGE_NPM);
	assert_int_equal(first->classes, 1u << FILE_CLASS_JS | 1u << FILE_CLASS_BUN);
	assert_int_equal(first->min_size, 5);
	assert_int_equal(first->max_size, 20000);
	assert_string_equal(second->name, "second");
	assert_string_equal(second->version, "");
	assert_int_equal(second->package_type, PACKAGE_NONE);
	assert_int_equal(second->min_size, 0);
	assert_true(second->max_size == UINT64_MAX);
	scan(p, "a needle in a/b=1.2.3", found);
	assert_string_equal(found, "unused;first;second;proscribe_version_of_first;");
	scan(p, "v=x", found);
	assert_string_equal(found, "proscribe_version_of_unused;");
	policy_unref(p);
	builder_free(b);
	free(said);
}

static void test_the_same_rules_give_the_same_image(void **state)
{
	static const char policy[] = HEAD
		"software:\n- {id: a, name: A, is: [{signature: s}]}\n" RULE;
	static const char *const yar[] = {
		"rule s { meta: class = \"js\" version = \"v=([0-9]+)\"\n"
		"strings: $ = \"needle\" $ = /a{2,3}b/ $ = { 41 ?? 42 }\n"
		"condition: 2 of them }\n",
		NULL
	};
	struct policy_info info[2];

	(void) state;
	for (size_t i = 0; i < 2; i++) {
		struct builder *b;
		struct policy *p;
		char *said;

		assert_int_equal(compile(policy, yar, &b, &said), 0);
		p = open_built(b);
		policy_info(p, &info[i]);
		policy_unref(p);
		builder_free(b);
		free(said);
	}
	assert_memory_equal(info[0].digest, info[1].digest, SHA256_SIZE);
}

static void test_unused_signatures_are_not_in_the_image(void **state)
{
	static const char policy[] = HEAD
		"software:\n- {id: a, name: A, is: [{purl: pkg:npm/a}]}\n" RULE;
	static const char *const yar[] = { "rule s { meta: class = \"js\" condition: true }\n",
		NULL };
	struct policy_signatures s;
	struct builder *b;
	struct policy *p;
	char *said;

	(void) state;
	assert_int_equal(compile(policy, yar, &b, &said), 0);
	p = open_built(b);
	policy_signatures(p, &s);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.rules_size, 0);
	policy_unref(p);
	builder_free(b);
	free(said);
}

/* @n times @piece, with its number for each %zu in it. */
static void numbered(FILE *f, const char *piece, size_t n)
{
	const char *at = strstr(piece, "%zu");

	for (size_t i = 0; i < n; i++)
		(void) fprintf(f, "%.*s%zu%s", (int) (at - piece), piece, i, at + 3);
}

/* A policy that uses @n signatures, and they. */
static void check_count(size_t n, const char *expected)
{
	char *policy, *rules, *said;
	size_t policy_size, rules_size;
	FILE *f = open_memstream(&policy, &policy_size);
	struct builder *b = NULL;
	int r;

	(void) fputs(HEAD "software:\n- id: a\n  name: A\n  is: [", f);
	numbered(f, "{signature: s%zu}, ", n);
	(void) fputs("]\n" RULE, f);
	(void) fclose(f);
	f = open_memstream(&rules, &rules_size);
	numbered(f, "rule s%zu { meta: class = \"js\" condition: filesize > 0 }\n", n);
	(void) fclose(f);
	r = compile(policy, (const char *const[]){ rules, NULL }, &b, &said);
	if (r != (expected ? -EINVAL : 0) || (expected && !strstr(said, expected)))
		fail_msg("%zu signatures: returned %d, said %s", n, r, said);
	builder_free(b);
	free(policy);
	free(rules);
	free(said);
}

static void test_signatures_are_limited(void **state)
{
	(void) state;
	check_count(SIGNATURES_MAX, NULL);
	check_count(SIGNATURES_MAX + 1, "the policy has more than 1000 signatures");
	check_count(OUTLINE_RULES_MAX + 1, "the policy has more than 10000 YARA rules");
}

/* One signature, used @n times. */
static void check_uses(size_t n, const char *expected)
{
	static const char *const yar[] = { "rule s { meta: class = \"zip\" condition: true }",
		NULL };
	struct builder *b = NULL;
	size_t size;
	char *policy, *said;
	FILE *f = open_memstream(&policy, &size);
	int r;

	(void) fputs(HEAD "software:\n- id: a\n  name: A\n  is:\n", f);
	numbered(f, "  - signature: s # %zu\n", n);
	(void) fputs(RULE, f);
	(void) fclose(f);
	r = compile(policy, yar, &b, &said);
	if (r != (expected ? -EINVAL : 0) || (expected && !strstr(said, expected)))
		fail_msg("%zu uses: returned %d, said %s", n, r, said);
	builder_free(b);
	free(policy);
	free(said);
}

static void test_uses_are_limited(void **state)
{
	(void) state;
	check_uses(IMAGE_SIGNATURE_USES_MAX, NULL);
	check_uses(
		IMAGE_SIGNATURE_USES_MAX + 1, "the policy has more than 100000 uses of signatures");
}

static YR_RULES *compiled(const char *text)
{
	struct source s = { .name = "signatures/a.yar", .text = text, .size = strlen(text) };
	struct messages *m;
	YR_RULES *rules;

	assert_int_equal(messages_new(&m), 0);
	assert_int_equal(yara_compile(&s, 1, NULL, 0, m, &rules), 0);
	messages_free(m);
	return rules;
}

static void test_the_size_of_compiled_rules_is_limited(void **state)
{
	YR_RULES *rules = compiled("rule a { strings: $ = \"needle\" condition: all of them }");
	size_t size, same;
	char *bytes;

	(void) state;
	assert_int_equal(yara_save(rules, SIZE_MAX, &bytes, &size), 0);
	free(bytes);
	assert_int_equal(yara_save(rules, size, &bytes, &same), 0);
	free(bytes);
	assert_int_equal(yara_save(rules, size - 1, &bytes, &same), -E2BIG);
	yr_rules_destroy(rules);
}

/* Different texts in meta are in the compiled rules as they are. */
static char *large_rules(size_t from, size_t n)
{
	char *rules, *much = calloc(1, 4001);
	size_t size;
	FILE *f = open_memstream(&rules, &size);

	memset(much, 'x', 4000);
	(void) fputs("rule s { meta: class = \"js\"\n", f);
	for (size_t i = 0; i < n; i++)
		(void) fprintf(f, "k = \"%zu%s\"\n", from + i, much);
	(void) fputs("condition: true }\n", f);
	(void) fclose(f);
	free(much);
	return rules;
}

static void test_compiled_rules_past_the_limit_are_told_of(void **state)
{
	static const char policy[] = HEAD
		"software:\n- {id: a, name: A, is: [{signature: s}]}\n" RULE;
	char *one = large_rules(0, 2200), *other = large_rules(2200, 2200), *said;
	struct builder *b = NULL;

	(void) state;
	one[5] = 'o';
	assert_int_equal(
		compile(policy, (const char *const[]){ one, other, NULL }, &b, &said), -EINVAL);
	if (!strstr(said,
		    "signatures/1.yar: error: compiled, the signatures take more than 16 MiB"))
		fail_msg("said %s", said);
	free(said);
	free(one);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_what_is_read),
		cmocka_unit_test(test_the_same_rules_give_the_same_image),
		cmocka_unit_test(test_unused_signatures_are_not_in_the_image),
		cmocka_unit_test(test_signatures_are_limited),
		cmocka_unit_test(test_uses_are_limited),
		cmocka_unit_test(test_the_size_of_compiled_rules_is_limited),
		cmocka_unit_test(test_compiled_rules_past_the_limit_are_told_of),
	};
	int r;

	if (yr_initialize() != ERROR_SUCCESS)
		return 1;
	r = cmocka_run_group_tests_name("signatures", tests, NULL, NULL);
	(void) yr_finalize();
	return r;
}
