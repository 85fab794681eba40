/* Decisions: facts and path under a policy, as the gate and `check` ask for them. */
#include "agent/verdict/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "policy/image/builder.h"

enum { CLAUDE, TORRENT, WATCHED, UNRULED, MANY };

static const uint8_t sdk_91[SHA256_SIZE] = { 0x91 }, claude_90[SHA256_SIZE] = { 0x90 };
static const uint8_t nameless[SHA256_SIZE] = { 0x77 }, watched[SHA256_SIZE] = { 0x55 };

static void add_rule(struct builder *b, const char *id, uint32_t software, enum action action,
	const char *versions, bool unknown_matches)
{
	struct policy_rule rule = { .id = id, .action = action };
	uint32_t index;

	rule.unknown_version_matches = unknown_matches;
	assert_int_equal(builder_add_rule(b, &rule, versions, &software, 1, &index), 0);
}

static void add_software(struct builder *b, const char *id)
{
	struct policy_software s = { id, id, "" };
	uint32_t index;

	assert_int_equal(builder_add_software(b, &s, &index), 0);
}

static void add_evidence(struct builder *b)
{
	assert_int_equal(builder_add_package(b, CLAUDE, PACKAGE_NPM, "@a/claude", NULL), 0);
	assert_int_equal(builder_add_sha256(b, CLAUDE, sdk_91, 10, "2.1.91"), 0);
	assert_int_equal(builder_add_sha256(b, CLAUDE, claude_90, 10, "2.1.90"), 0);
	assert_int_equal(builder_add_sha256(b, CLAUDE, nameless, 10, NULL), 0);
	assert_int_equal(builder_add_path(b, CLAUDE, "~/.claude/*"), 0);
	assert_int_equal(builder_add_package(b, TORRENT, PACKAGE_NPM, "torrent", NULL), 0);
	assert_int_equal(builder_add_package(b, WATCHED, PACKAGE_NPM, "watched", NULL), 0);
	assert_int_equal(builder_add_package(b, WATCHED, PACKAGE_NPM, "torrent", NULL), 0);
	assert_int_equal(builder_add_sha256(b, WATCHED, watched, 10, "1.0.0"), 0);
	assert_int_equal(builder_add_package(b, UNRULED, PACKAGE_NPM, "unruled", NULL), 0);
	assert_int_equal(builder_add_package(b, MANY, PACKAGE_NPM, "many", NULL), 0);
}

/* Rules 0 to 3: claude; 4: torrent; 5: watched; 6 to 17: many. */
static struct policy *sample(void)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	struct policy *p = NULL;
	char id[16];

	assert_int_equal(builder_new("list", "Security", "", &b), 0);
	add_software(b, "claude");
	add_software(b, "torrent");
	add_software(b, "watched");
	add_software(b, "unruled");
	add_software(b, "many");
	add_evidence(b);
	add_rule(b, "LOG", CLAUDE, ACTION_LOG, NULL, true);
	add_rule(b, "BLOCK", CLAUDE, ACTION_BLOCK, "vers:npm/>=2.1.91", true);
	add_rule(b, "WARN", CLAUDE, ACTION_WARN, "vers:npm/>=2.1.91", true);
	add_rule(b, "IGNORE", CLAUDE, ACTION_BLOCK, "vers:npm/>=9.0.0", false);
	add_rule(b, "TORRENT", TORRENT, ACTION_BLOCK, NULL, true);
	add_rule(b, "WATCHED", WATCHED, ACTION_LOG, NULL, true);
	for (int i = 0; i < 12; i++) {
		(void) snprintf(id, sizeof(id), "MANY-%d", i);
		add_rule(b, id, MANY, i == 11 ? ACTION_BLOCK : ACTION_LOG, NULL, true);
	}
	assert_true(fd >= 0);
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	return p;
}

struct row {
	const char *name;
	const char *package, *package_version; /* NULL: the file has no package */
	const uint8_t *digest;                 /* NULL: not computed */
	const char *path;
	enum verdict verdict;
	enum evidence evidence;
	const char *rules; /* ids, comma-separated */
	const char *got_package, *got_version;
};

static const struct row rows[] = {
	{ "unknown software", "left-pad", "1.0.0", NULL, "/x", VERDICT_ALLOW, EVIDENCE_NONE, "", "",
		"" },
	{ "no facts at all", NULL, NULL, NULL, NULL, VERDICT_ALLOW, EVIDENCE_NONE, "", "", "" },
	{ "a banned version", "@a/claude", "2.1.91", NULL, "/x", VERDICT_BLOCK, EVIDENCE_PACKAGE,
		"BLOCK,WARN,LOG", "@a/claude", "2.1.91" },
	{ "a banned version of a platform package", "@a/claude", "2.1.91-linux-x64", NULL, "/x",
		VERDICT_BLOCK, EVIDENCE_PACKAGE, "BLOCK,WARN,LOG", "@a/claude", "2.1.91" },
	{ "an older version", "@a/claude", "2.1.90", NULL, "/x", VERDICT_LOG, EVIDENCE_PACKAGE,
		"LOG", "@a/claude", "2.1.90" },
	{ "no version counts as banned", "@a/claude", "", NULL, "/x", VERDICT_BLOCK,
		EVIDENCE_PACKAGE, "BLOCK,WARN,LOG", "@a/claude", "" },
	{ "an unreadable version counts as banned", "@a/claude", "newest", NULL, "/x",
		VERDICT_BLOCK, EVIDENCE_PACKAGE, "BLOCK,WARN,LOG", "@a/claude", "newest" },
	{ "content that proves a banned version, metadata of an allowed one", "@a/claude", "2.1.90",
		sdk_91, "/x", VERDICT_BLOCK, EVIDENCE_SHA256, "BLOCK,WARN,LOG", "@a/claude",
		"2.1.91" },
	{ "content that proves an allowed version, metadata of a banned one", "@a/claude", "2.1.91",
		claude_90, "/x", VERDICT_BLOCK, EVIDENCE_PACKAGE, "BLOCK,WARN,LOG", "@a/claude",
		"2.1.91" },
	{ "content that proves an allowed version", "@a/claude", "2.1.90", claude_90, "/x",
		VERDICT_LOG, EVIDENCE_SHA256, "LOG", "@a/claude", "2.1.90" },
	{ "content alone", NULL, NULL, sdk_91, "/x", VERDICT_BLOCK, EVIDENCE_SHA256,
		"BLOCK,WARN,LOG", "", "2.1.91" },
	{ "content without a version, metadata of an allowed one", "@a/claude", "2.1.90", nameless,
		"/x", VERDICT_BLOCK, EVIDENCE_SHA256, "BLOCK,WARN,LOG", "@a/claude", "" },
	{ "content of one, metadata of other software", "left-pad", "1.0.0", sdk_91, "/x",
		VERDICT_BLOCK, EVIDENCE_SHA256, "BLOCK,WARN,LOG", "", "2.1.91" },
	{ "a path counts as an unknown version", NULL, NULL, NULL, "/home/eve/.claude/x",
		VERDICT_BLOCK, EVIDENCE_PATH, "BLOCK,WARN,LOG", "", "" },
	{ "the home of nobody", NULL, NULL, NULL, "/srv/.claude/x", VERDICT_ALLOW, EVIDENCE_NONE,
		"", "", "" },
	{ "a path bans, though metadata would not", "@a/claude", "2.1.90", NULL,
		"/home/eve/.claude/x", VERDICT_BLOCK, EVIDENCE_PATH, "BLOCK,WARN,LOG", "@a/claude",
		"" },
	{ "strong evidence for a weak rule, weak evidence for a strict one", "torrent", "1.0.0",
		watched, "/x", VERDICT_BLOCK, EVIDENCE_PACKAGE, "TORRENT,WATCHED", "torrent",
		"1.0.0" },
	{ "known software without a rule", "unruled", "3.0.0", NULL, "/x", VERDICT_ALLOW,
		EVIDENCE_PACKAGE, "", "unruled", "3.0.0" },
	{ "more rules than are named: the strictest is", "many", "1.0.0", NULL, "/x", VERDICT_BLOCK,
		EVIDENCE_PACKAGE, "MANY-11,MANY-0,MANY-1,MANY-2,MANY-3,MANY-4,MANY-5,MANY-6",
		"many", "1.0.0" },
};

static struct facts facts_of(const struct row *row)
{
	struct facts f = { .size = 10 };

	if (row->digest) {
		f.have = FACTS_SHA256;
		memcpy(f.sha256, row->digest, SHA256_SIZE);
	}
	if (row->package) {
		f.n_packages = 1;
		f.packages[0].type = PACKAGE_NPM;
		(void) snprintf(f.packages[0].name, sizeof(f.packages[0].name), "%s", row->package);
		(void) snprintf(f.packages[0].version, sizeof(f.packages[0].version), "%s",
			row->package_version);
	}
	return f;
}

static void rule_ids(const struct policy *p, const struct decision *d, char out[256])
{
	int n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < d->n_rules; i++) {
		struct policy_rule rule;

		policy_rule(p, d->rules[i], &rule);
		n += snprintf(out + n, 256 - (size_t) n, "%s%s", i ? "," : "", rule.id);
	}
}

static void test_decisions(void **state)
{
	static const char *const homes[] = { "/home/eve", NULL };
	_cleanup_(policy_unrefp) struct policy *p = sample();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct facts f = facts_of(row);
		struct decision d;
		char ids[256];

		verdict_decide(p, &f, row->path, homes, &d);
		rule_ids(p, &d, ids);
		if (d.verdict != row->verdict || d.evidence != row->evidence)
			fail_msg("%s: %s by %s", row->name, verdict_to_string(d.verdict),
				evidence_to_string(d.evidence));
		if (strcmp(ids, row->rules) != 0)
			fail_msg("%s: rules %s, not %s", row->name, ids, row->rules);
		if (strcmp(d.package, row->got_package) != 0 ||
			strcmp(d.version, row->got_version) != 0)
			fail_msg("%s: is %s %s", row->name, d.package, d.version);
		if (d.package_type != (*d.package ? PACKAGE_NPM : PACKAGE_NONE))
			fail_msg("%s: package type %d", row->name, d.package_type);
		if (d.known != (row->evidence != EVIDENCE_NONE))
			fail_msg("%s: known is %d", row->name, d.known);
	}
}

static void test_software_of_the_deciding_evidence(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = sample();
	struct facts f = { .size = 10, .have = FACTS_SHA256, .n_packages = 1 };
	struct decision d;

	(void) state;
	memcpy(f.sha256, watched, SHA256_SIZE);
	f.packages[0] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "torrent", "1.0.0" };
	verdict_decide(p, &f, NULL, NULL, &d);
	assert_int_equal(d.software, TORRENT);
	f.n_packages = 0;
	verdict_decide(p, &f, NULL, NULL, &d);
	assert_int_equal(d.software, WATCHED);
	assert_int_equal(d.verdict, VERDICT_LOG);
}

static void test_words(void **state)
{
	(void) state;
	assert_string_equal(verdict_to_string(VERDICT_UNJUDGED), "unjudged");
	assert_string_equal(verdict_to_string(VERDICT_ALLOW), "allow");
	assert_string_equal(verdict_to_string(VERDICT_LOG), "log");
	assert_string_equal(verdict_to_string(VERDICT_WARN), "warn");
	assert_string_equal(verdict_to_string(VERDICT_BLOCK), "block");
	assert_string_equal(verdict_to_string((enum verdict) 99), "unjudged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_software_of_the_deciding_evidence),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
