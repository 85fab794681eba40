/* From text to image and back; limits at limit and limit + 1. Words of messages: golden files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/identity/vers.h"
#include "policy/source/compile.h"
#include "policy/source/compiler.h"
#include "policy/source/essential.h"
#include "policy/source/evidence.h"
#include "policy/source/range.h"
#include "policy/source/rules.h"
#include "policy/source/schema.h"

#define HEAD "proscribe: 1\npolicy: {name: test, owner: me, contact: you}\n"

static int compile(const char *text, struct builder **ret, char **ret_said)
{
	struct source s = { .name = "policy.yaml", .text = text, .size = strlen(text) };
	struct messages *m;
	int r;

	assert_int_equal(messages_new(&m), 0);
	r = policy_compile(&s, 1, NULL, 0, m, ret);
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

static void test_what_is_written_is_what_is_read(void **state)
{
	static const char text[] = HEAD
		"software:\n"
		"  - {id: a, name: Tool A, vendor: V, is: [{purl: pkg:npm/%40s/a}, {path: "
		"/opt/a}]}\n"
		"  - {id: b, name: Tool B, is: [{purl: pkg:npm/b@1.0.0}]}\n"
		"rules:\n"
		"  - id: R-1\n    software: [a, b]\n    versions: vers:npm/>=1.0.0\n"
		"    unknown_version: ignore\n    risk: high\n"
		"    reason: {en: No., zh: \xe4\xb8\x8d}\n    reference: REF\n"
		"    url: https://it.example.com/1\n"
		"    alternative: {name: Other, url: https://it.example.com/o}\n    action: block\n"
		"  - {id: R-2, software: b, reason: Plain., action: warn}\n";
	struct policy_software s;
	struct policy_rule rule;
	struct policy_info info;
	struct builder *b;
	struct policy *p;
	char *said;

	(void) state;
	assert_int_equal(compile(text, &b, &said), 0);
	assert_string_equal(said, "");
	p = open_built(b);
	policy_info(p, &info);
	assert_string_equal(info.name, "test");
	assert_string_equal(info.owner, "me");
	assert_string_equal(info.contact, "you");
	assert_int_equal(info.n_software, 2);
	assert_int_equal(info.n_rules, 2);
	assert_true(info.has_paths);
	policy_software(p, 0, &s);
	assert_string_equal(s.id, "a");
	assert_string_equal(s.vendor, "V");
	assert_int_equal(policy_software_n_rules(p, 1), 2);
	policy_rule(p, 0, &rule);
	assert_string_equal(rule.id, "R-1");
	assert_string_equal(rule.reference, "REF");
	assert_string_equal(rule.alternative_name, "Other");
	assert_int_equal(rule.action, ACTION_BLOCK);
	assert_int_equal(rule.risk, RISK_HIGH);
	assert_false(rule.unknown_version_matches);
	assert_string_equal(policy_rule_reason(p, 0, "zh"), "\xe4\xb8\x8d");
	policy_rule(p, 1, &rule);
	assert_int_equal(rule.action, ACTION_WARN);
	assert_int_equal(rule.risk, RISK_UNSTATED);
	assert_true(rule.unknown_version_matches);
	assert_string_equal(policy_rule_reason(p, 1, "de"), "Plain.");
	policy_unref(p);
	builder_free(b);
	free(said);
}

/* @n times @piece, with its number for each %zu in it, behind @before; then @after. */
static char *numbered(const char *before, const char *piece, size_t n, const char *after)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *at = strstr(piece, "%zu");

	assert_non_null(f);
	(void) fputs(before, f);
	for (size_t i = 0; i < n; i++)
		(void) fprintf(f, "%.*s%zu%s", (int) (at - piece), piece, i, at + 3);
	(void) fputs(after, f);
	(void) fclose(f);
	return text;
}

/* Owns @text. Expects it to be refused with @said, or taken when that is NULL. */
static void check(const char *name, char *text, const char *expected)
{
	struct builder *b = NULL;
	char *said;
	int r = compile(text, &b, &said);

	if (r != (expected ? -EINVAL : 0) || (expected && !strstr(said, expected)))
		fail_msg("%s: returned %d, said %.2000s", name, r, said);
	builder_free(b);
	free(said);
	free(text);
}

#define ONE  HEAD "software:\n- {id: a, name: A, is: [{purl: pkg:npm/a}]}\n"
#define RULE "rules:\n- {id: R, software: a, reason: No., action: log}\n"

static char *filled(const char *before, size_t n, const char *after)
{
	char *text = malloc(strlen(before) + n + strlen(after) + 1), *end = stpcpy(text, before);

	memset(end, 'x', n);
	strcpy(end + n, after);
	return text;
}

static void test_lengths_are_limited(void **state)
{
	static const struct {
		const char *name, *before;
		size_t max;
		const char *after, *said;
	} cases[] = {
		{ "name of the policy", "proscribe: 1\npolicy:\n  owner: me\n  name: ",
			COMPILE_NAME_MAX, "\n", "name must have 1 to 128 bytes, but here are 129" },
		{ "name of software",
			HEAD "software:\n- id: a\n  is: [{purl: pkg:npm/a}]\n  name: ",
			SOFTWARE_NAME_MAX, "\n" RULE, "name must have 1 to 128 bytes" },
		{ "reason", ONE "rules:\n- id: R\n  software: a\n  action: log\n  reason: ",
			RULE_REASON_MAX, "\n", "reason must have 1 to 2000 bytes" },
		{ "reference",
			ONE "rules:\n- id: R\n  software: a\n  action: log\n  reason: No.\n"
			    "  reference: ",
			RULE_REFERENCE_MAX, "\n", "reference must have 1 to 128 bytes" },
		{ "name of an alternative",
			ONE "rules:\n- id: R\n  software: a\n  action: log\n  reason: No.\n"
			    "  alternative:\n    name: ",
			RULE_NAME_MAX, "\n", "name must have 1 to 128 bytes" },
		{ "version of a file",
			HEAD "software:\n- id: a\n  name: A\n  is:\n  - size: 1\n    sha256: "
			     "30e2724e00000000000000000000000000000000000000000000000000000000\n"
			     "    version: ",
			PACKAGE_VERSION_MAX, "\n" RULE, "version must have 1 to 256 bytes" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check(cases[i].name, filled(cases[i].before, cases[i].max, cases[i].after), NULL);
		check(cases[i].name, filled(cases[i].before, cases[i].max + 1, cases[i].after),
			cases[i].said);
	}
}

static void test_counts_are_limited(void **state)
{
	static const char software[] = "- {id: s%zu, name: S, is: [{purl: pkg:npm/s}]}\n";
	static const char rule[] = "- {id: R%zu, software: a, reason: No., action: log}\n";
	static const char path[] = "{path: /opt/%zu}, ";
	char *head;

	(void) state;
	check("rules", numbered(ONE "rules:\n", rule, IMAGE_RULES_MAX, ""), NULL);
	check("a rule more", numbered(ONE "rules:\n", rule, IMAGE_RULES_MAX + 1, ""),
		"the policy has more than 100000 rules");
	check("software more", numbered(HEAD "software:\n", software, IMAGE_SOFTWARE_MAX + 1, ""),
		"the policy has more than 100000 software entries");
	check("paths",
		numbered(HEAD "software:\n- id: a\n  name: A\n  is: [", path, IMAGE_PATHS_MAX,
			"]\n" RULE),
		NULL);
	check("a path more",
		numbered(HEAD "software:\n- id: a\n  name: A\n  is: [", path, IMAGE_PATHS_MAX + 1,
			"]\n" RULE),
		"the policy has more than 10000 paths");
	head = numbered(HEAD "software:\n", software, RULE_SUBJECTS_MAX + 1,
		"rules:\n"
		"- {id: R, reason: No., action: log, software: [");
	check("software of a rule", numbered(head, "s%zu, ", RULE_SUBJECTS_MAX, "]}\n"), NULL);
	check("one more", numbered(head, "s%zu, ", RULE_SUBJECTS_MAX + 1, "]}\n"),
		"a rule must speak of 1 to 1000 software ids, but here are 1001");
	free(head);
	check("languages",
		numbered(ONE "rules:\n- {id: R, software: a, action: log, reason: {",
			"en-x%zu0: No., ", RULE_LANGUAGES_MAX, "}}\n"),
		NULL);
	check("one more",
		numbered(ONE "rules:\n- {id: R, software: a, action: log, reason: {",
			"en-x%zu0: No., ", RULE_LANGUAGES_MAX + 1, "}}\n"),
		"a reason must be given in 1 to 64 languages, but here are 65");
}

/* Of more different versions than are remembered, none is looked at any more. */
static void test_many_versions_count_as_any(void **state)
{
	static const char item[] =
		"  - {size: 1, version: 1.%zu.0, sha256: "
		"30e2724e00000000000000000000000000000000000000000000000000000000}\n";
	static const char rule[] = "rules: [{id: R, software: a, versions: 'vers:npm/>=2.0.0', "
				   "unknown_version: ignore, reason: No., action: log}]\n";
	static const char head[] = HEAD "software:\n- id: a\n  name: A\n  is:\n";

	(void) state;
	check("versions", numbered(head, item, EVIDENCE_VERSIONS_MAX, rule),
		"this rule can never match");
	check("one more", numbered(head, item, EVIDENCE_VERSIONS_MAX + 1, rule), NULL);
}

static void test_build_ids(void **state)
{
	static const struct {
		const char *name;
		size_t digits;
		const char *said;
	} cases[] = {
		{ "none", 0, "a build-id has 2 to 128 digits" },
		{ "one digit", 1, "here are 1" },
		{ "one byte", 2, NULL },
		{ "half a byte too much", 41, "here are 41" },
		{ "one that is cut", 64, NULL },
		{ "the longest", 2 * EVIDENCE_BUILD_ID_MAX, NULL },
		{ "a byte more", 2 * EVIDENCE_BUILD_ID_MAX + 2, "here are 130" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = filled(HEAD
			"software:\n- id: a\n  name: A\n  is:\n  - version: 1.0\n    build_id: '",
			cases[i].digits, "'\n" RULE);

		for (char *s = strchr(text, 'x'); s && *s == 'x'; s++)
			*s = 'a';
		check(cases[i].name, text, cases[i].said);
	}
	check("no hexadecimal digits",
		filled(HEAD "software:\n- id: a\n  name: A\n  is: [{build_id: ", 4, "}]\n" RULE),
		"two for each byte, 0 to 9 and a to f");
}

static void test_languages(void **state)
{
	static const struct {
		const char *language;
		bool good;
	} cases[] = {
		{ "en", true },
		{ "zh", true },
		{ "pt-BR", true },
		{ "zh-Hant-TW", true },
		{ "gsw", true },
		{ "EN", false },
		{ "e", false },
		{ "english", false },
		{ "en_US", false },
		{ "en-", false },
		{ "en-x", false },
		{ "en-abcdefghi", false },
		{ "''", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = filled(ONE
			"rules:\n- id: R\n  software: a\n  action: log\n  reason: {",
			0, cases[i].language);
		char *whole = filled(text, 0, ": No.}\n");

		free(text);
		check(cases[i].language, whole,
			cases[i].good ? NULL : "is not a language; expected a code such as");
	}
}

static void test_ranges_that_hold_nothing(void **state)
{
	static const struct {
		const char *range;
		int any;
	} cases[] = {
		{ "vers:npm/*", 1 },
		{ "vers:npm/1.0.0", 1 },
		{ "vers:npm/>=2.1.91", 1 },
		{ "vers:npm/<1.0.0", 1 },
		{ "vers:npm/!=1.0.0", 1 },
		{ "vers:npm/>1.0.0|<1.0.1-0", 0 },
		{ "vers:npm/>1.0.0|<1.0.1-1", 1 },
		{ "vers:npm/>1.0.0-a|<1.0.0-a.0", 0 },
		{ "vers:npm/>1.0.0-a|<1.0.0-a.1", 1 },
		{ "vers:npm/<0.0.0-0", 0 },
		{ "vers:npm/<=0.0.0-0", 1 },
		{ "vers:deb/<0", 1 },
		{ "vers:deb/>1.0|<1.0a", 1 },
		{ "vers:pypi/<0.dev0", 0 },
		{ "vers:pypi/<0.dev1", 1 },
		{ "vers:intdot/<0.0", 0 },
		{ "vers:intdot/<=0", 1 },
		{ "vers:golang/<v0.0.0-0", 0 },
		{ "vers:golang/<v0.0.0", 1 },
		{ "vers:maven/<0", 1 },
		{ "vers:rpm/>=1:2", 1 },
		{ "vers:datetime/<2026-07-03T12:00:00Z", 1 },
		{ "vers:all/*", 1 },
		{ "vers:none/*", 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *error = "";
		struct vers v;

		if (vers_parse(cases[i].range, &v, &error) < 0)
			fail_msg("%s: %s", cases[i].range, error);
		if (range_holds_any(&v) != cases[i].any)
			fail_msg("%s: found %d", cases[i].range, !cases[i].any);
		vers_done(&v);
	}
}

static void test_what_a_host_cannot_do_without(void **state)
{
	static const struct {
		const char *glob;
		bool essential;
	} paths[] = {
		{ "/bin/sh", true },
		{ "/usr/bin/bas?", true },
		{ "/usr/bin/[b]ash", true },
		{ "/usr/bin/*", true },
		{ "/**", true },
		{ "/*/sh", true },
		{ "~/*", true },
		{ "~/bin/sh", false },
		{ "/lib64/ld-linux-x86-64.so.2", true },
		{ "/usr/lib/x86_64-linux-gnu/ld-*", true },
		{ "/lib/systemd/systemd", true },
		{ "/usr/bin/apt*", true },
		{ "/usr/bin/dnf", true },
		{ "/usr/sbin/proscribed", true },
		{ LIBEXECDIR "/*", true },
		{ "/usr/bin/node", false },
		{ "/usr/bin/claude*", false },
		{ "~/.local/share/claude/versions/*", false },
		{ "/opt/**", false },
		{ "/**/claude", false },
		{ "/home/*/bin/*", false },
		{ "/usr/bin/bashful", false },
	};
	static const struct {
		const char *purl;
		bool essential;
	} purls[] = {
		{ "pkg:deb/debian/bash", true },
		{ "pkg:deb/debian/bash@5.2?arch=amd64", true },
		{ "pkg:rpm/fedora/SYSTEMD", true },
		{ "pkg:apk/alpine/musl#a", true },
		{ "pkg:generic/dpkg/", true },
		{ "pkg:deb/debian/bash-doc", false },
		{ "pkg:npm/bash", false },
		{ "pkg:golang/github.com/docker/init", false },
		{ "bash", false },
		{ "", false },
	};
	static const struct {
		enum package_type type;
		const char *name;
		bool essential;
	} packages[] = {
		{ PACKAGE_NPM, "npm", true },
		{ PACKAGE_NPM, "npm-check", false },
		{ PACKAGE_NPM, "bash", false },
		{ PACKAGE_DEB, "debian/bash", true },
		{ PACKAGE_DEB, "debian/libc6", true },
		{ PACKAGE_DEB, "debian/libc6-dev", false },
		{ PACKAGE_DEB, "ubuntu/libapt-pkg7.0", true },
		{ PACKAGE_DEB, "debian/aptitude", false },
		{ PACKAGE_DEB, "debian/openssh-server", false },
		{ PACKAGE_RPM, "fedora/glibc", true },
		{ PACKAGE_RPM, "fedora/Python3-DNF", true },
		{ PACKAGE_RPM, "fedora/proscribe", true },
		{ PACKAGE_PYPI, "pip", true },
		{ PACKAGE_PYPI, "apt", false },
		{ PACKAGE_GENERIC, "nix/bash", true },
		{ PACKAGE_GENERIC, "snap/code", false },
		{ PACKAGE_GOLANG, "github.com/docker/init", false },
		{ PACKAGE_CARGO, "dash", false },
	};
	char found[ESSENTIAL_PATH_MAX];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (essential_path(paths[i].glob, found) != paths[i].essential)
			fail_msg("%s: expected %d", paths[i].glob, paths[i].essential);
	for (size_t i = 0; i < ARRAY_SIZE(purls); i++)
		if (essential_purl(purls[i].purl) != purls[i].essential)
			fail_msg("%s: expected %d", purls[i].purl, purls[i].essential);
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
		if (essential_package(packages[i].type, packages[i].name) != packages[i].essential)
			fail_msg("%s: expected %d", packages[i].name, packages[i].essential);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_what_is_read),
		cmocka_unit_test(test_lengths_are_limited),
		cmocka_unit_test(test_counts_are_limited),
		cmocka_unit_test(test_many_versions_count_as_any),
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_ranges_that_hold_nothing),
		cmocka_unit_test(test_what_a_host_cannot_do_without),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
