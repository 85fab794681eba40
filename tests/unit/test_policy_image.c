/* The compiled policy: what the builder was told is what the reader says, and no damage to an image
 * makes the reader fail in another way than by saying so. */
#include "policy/image/policy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "policy/base/fd.h"
#include "policy/image/builder.h"
#include "policy/image/format.h"

enum { CLAUDE, TORRENT, IMAGE_SIZE = 1 << 16 };

static const uint8_t digest_a[SHA256_SIZE] = { 0xa8, 0x1f }, digest_b[SHA256_SIZE] = { 0xb0 };

static uint32_t add_rule(struct builder *b, const char *id, enum action action,
	const char *versions, const uint32_t *software, size_t n)
{
	struct policy_rule rule = { .id = id, .action = action, .unknown_version_matches = true };
	uint32_t index = 99;

	assert_int_equal(builder_add_rule(b, &rule, versions, software, n, &index), 0);
	return index;
}

static struct builder *sample(void)
{
	static const struct policy_software claude = { "claude-code", "Claude Code", "Anthropic" };
	static const struct policy_software torrent = { "torrent", "BitTorrent clients", NULL };
	struct policy_rule rule = { .id = "HRS-1",
		.reference = "SEC-1",
		.url = "https://it.example.com/1",
		.alternative_name = "Qoder",
		.alternative_url = "https://it.example.com/q",
		.action = ACTION_BLOCK,
		.risk = RISK_HIGH,
		.unknown_version_matches = true };
	const uint32_t both[] = { TORRENT, CLAUDE, TORRENT };
	struct builder *b;
	uint32_t i;

	assert_int_equal(builder_new("list", "Security", NULL, &b), 0);
	assert_int_equal(builder_add_software(b, &claude, &i), 0);
	assert_int_equal(i, CLAUDE);
	assert_int_equal(builder_add_software(b, &torrent, &i), 0);
	assert_int_equal(i, TORRENT);
	assert_int_equal(
		builder_add_package(b, CLAUDE, PACKAGE_NPM, "@anthropic-ai/claude-code", NULL), 0);
	assert_int_equal(builder_add_package(b, TORRENT, PACKAGE_NPM, "WebTorrent", "1.2.3"), 0);
	assert_int_equal(builder_add_sha256(b, CLAUDE, digest_a, 1000, "2.1.113"), 0);
	assert_int_equal(builder_add_sha256(b, CLAUDE, digest_a, 1000, "2.1.113"), 0);
	assert_int_equal(builder_add_sha256(b, TORRENT, digest_a, 1000, NULL), 0);
	assert_int_equal(builder_add_sha256(b, TORRENT, digest_b, UINT64_C(1) << 40, ""), 0);
	assert_int_equal(builder_add_path(b, CLAUDE, "~/.claude/*"), 0);
	assert_int_equal(
		builder_add_rule(b, &rule, "vers:npm/>=2.1.91", (uint32_t[]){ CLAUDE }, 1, &i), 0);
	assert_int_equal(i, 0);
	assert_int_equal(add_rule(b, "HRS-2", ACTION_LOG, NULL, both, ARRAY_SIZE(both)), 1);
	assert_int_equal(builder_add_reason(b, 1, "de", "Nein."), 0);
	assert_int_equal(builder_add_reason(b, 0, "zh", "\xe5\x90\xa6"), 0);
	assert_int_equal(builder_add_reason(b, 0, "en", "No."), 0);
	assert_int_equal(builder_add_reason(b, 0, "pt-BR", "N\xc3\xa3o."), 0);
	return b;
}

static int write_image(struct builder *b)
{
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(builder_write(b, fd), 0);
	return fd;
}

static struct policy *open_sample(void)
{
	_cleanup_(builder_freep) struct builder *b = sample();
	_cleanup_close_ int fd = write_image(b);
	struct policy *p = NULL;

	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
		0);
	assert_int_equal(policy_open(fd, &p), 0);
	return p;
}

static void test_texts_come_back(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = open_sample();
	struct policy_info info;
	struct policy_software s;
	struct policy_rule r;

	(void) state;
	policy_info(p, &info);
	assert_string_equal(info.name, "list");
	assert_string_equal(info.owner, "Security");
	assert_string_equal(info.contact, "");
	assert_int_equal(info.n_software, 2);
	assert_int_equal(info.n_rules, 2);
	assert_int_equal(info.n_hashes, 3);
	assert_true(info.has_paths);
	policy_software(p, TORRENT, &s);
	assert_string_equal(s.id, "torrent");
	assert_string_equal(s.name, "BitTorrent clients");
	assert_string_equal(s.vendor, "");
	policy_rule(p, 0, &r);
	assert_string_equal(r.id, "HRS-1");
	assert_string_equal(r.reference, "SEC-1");
	assert_string_equal(r.url, "https://it.example.com/1");
	assert_string_equal(r.alternative_name, "Qoder");
	assert_string_equal(r.alternative_url, "https://it.example.com/q");
	assert_int_equal(r.action, ACTION_BLOCK);
	assert_int_equal(r.risk, RISK_HIGH);
	assert_true(r.unknown_version_matches);
}

static void test_rules_of_software(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = open_sample();

	(void) state;
	assert_int_equal(policy_software_n_rules(p, CLAUDE), 2);
	assert_int_equal(policy_software_rule(p, CLAUDE, 0), 0);
	assert_int_equal(policy_software_rule(p, CLAUDE, 1), 1);
	assert_int_equal(policy_software_n_rules(p, TORRENT), 1);
	assert_int_equal(policy_software_rule(p, TORRENT, 0), 1);
}

static void test_reasons(void **state)
{
	static const struct {
		const char *name, *language;
		uint32_t rule;
		const char *want;
	} cases[] = {
		{ "the language itself", "zh", 0, "\xe5\x90\xa6" },
		{ "as the environment writes it", "zh_CN.UTF-8", 0, "\xe5\x90\xa6" },
		{ "with a country that was given", "pt_BR.UTF-8@euro", 0, "N\xc3\xa3o." },
		{ "of another country", "pt_PT", 0, "N\xc3\xa3o." },
		{ "without a country", "pt", 0, "N\xc3\xa3o." },
		{ "in upper case", "ZH", 0, "\xe5\x90\xa6" },
		{ "not given: English", "fr_FR.UTF-8", 0, "No." },
		{ "a longer word that starts the same: English", "zhx", 0, "No." },
		{ "no language", NULL, 0, "No." },
		{ "an empty language", "", 0, "No." },
		{ "the C locale", "C", 0, "No." },
		{ "no English: the first", "fr", 1, "Nein." },
		{ "a very long language", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "No." },
	};
	_cleanup_(policy_unrefp) struct policy *p = open_sample();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = policy_rule_reason(p, cases[i].rule, cases[i].language);

		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].name, got, cases[i].want);
	}
}

static void test_sizes(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = open_sample();

	(void) state;
	assert_true(policy_size_listed(p, 1000));
	assert_true(policy_size_listed(p, UINT64_C(1) << 40));
	assert_false(policy_size_listed(p, 0));
	assert_false(policy_size_listed(p, 999));
	assert_false(policy_size_listed(p, 1000 + (UINT64_C(1) << 32)));
	assert_false(policy_size_listed(p, UINT64_MAX));
}

static void test_matches(void **state)
{
	static const char *const homes[] = { "/home/eve", NULL };
	_cleanup_(policy_unrefp) struct policy *p = open_sample();
	struct policy_match m[POLICY_MATCHES_MAX];
	struct facts f = { .size = 1000, .have = FACTS_SHA256, .n_packages = 2 };

	(void) state;
	memcpy(f.sha256, digest_a, sizeof(digest_a));
	f.packages[0] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "webtorrent",
		"1.2.3-linux-x64" };
	f.packages[1] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON,
		"@Anthropic-AI/claude-code", "" };
	assert_int_equal(policy_match(p, &f, "/home/eve/.claude/x", homes, m, 64), 5);
	assert_int_equal(m[0].evidence, EVIDENCE_SHA256);
	assert_int_equal(m[0].software, CLAUDE);
	assert_string_equal(m[0].version, "2.1.113");
	assert_int_equal(m[0].package_type, PACKAGE_NONE);
	assert_int_equal(m[1].evidence, EVIDENCE_SHA256);
	assert_int_equal(m[1].software, TORRENT);
	assert_null(m[1].version);
	assert_int_equal(m[2].evidence, EVIDENCE_PACKAGE);
	assert_int_equal(m[2].software, TORRENT);
	assert_string_equal(m[2].version, "1.2.3-linux-x64");
	assert_int_equal(m[2].package_type, PACKAGE_NPM);
	assert_ptr_equal(m[2].package, f.packages[0].name);
	assert_int_equal(m[3].evidence, EVIDENCE_PACKAGE);
	assert_int_equal(m[3].software, CLAUDE);
	assert_string_equal(m[3].version, "2.1.113");
	assert_int_equal(m[4].evidence, EVIDENCE_PATH);
	assert_int_equal(m[4].software, CLAUDE);
	assert_string_equal(m[4].version, "2.1.113");
	assert_int_equal(policy_match(p, &f, "/home/eve/.claude/x", homes, m, 3), 3);
	assert_int_equal(m[2].evidence, EVIDENCE_PACKAGE);
	assert_int_equal(policy_match(p, &f, NULL, homes, m, 64), 4);
	f.have = 0;
	assert_int_equal(policy_match(p, &f, NULL, NULL, m, 64), 2);
}

static void test_hash_needs_digest_and_size(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = open_sample();
	struct policy_match m[POLICY_MATCHES_MAX];
	struct facts f = { .size = 1001, .have = FACTS_SHA256 };

	(void) state;
	memcpy(f.sha256, digest_a, sizeof(digest_a));
	assert_int_equal(policy_match(p, &f, NULL, NULL, m, 64), 0);
	f.size = UINT64_C(1) << 40;
	assert_int_equal(policy_match(p, &f, NULL, NULL, m, 64), 0);
	memcpy(f.sha256, digest_b, sizeof(digest_b));
	assert_int_equal(policy_match(p, &f, NULL, NULL, m, 64), 1);
	f.sha256[31] ^= 1;
	assert_int_equal(policy_match(p, &f, NULL, NULL, m, 64), 0);
}

/* Many hashes of few sizes overflow their buckets' tags; many of one size each do not. */
static void test_many_hashes(void **state)
{
	_cleanup_(builder_freep) struct builder *b = sample();
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_close_ int fd = -1;
	struct policy_match m[2];

	(void) state;
	for (uint32_t i = 0; i < 5000; i++) {
		uint8_t digest[SHA256_SIZE] = { (uint8_t) i, (uint8_t) (i >> 8), 1 };

		assert_int_equal(
			builder_add_sha256(b, 0, digest, i < 2500 ? 7 + i % 2 : 10000 + i, NULL),
			0);
	}
	fd = write_image(b);
	assert_int_equal(policy_open(fd, &p), 0);
	for (uint32_t i = 0; i < 6000; i++) {
		struct facts f = { .size = i < 2500 ? 7 + i % 2 : 10000 + i, .have = FACTS_SHA256 };

		f.sha256[0] = (uint8_t) i;
		f.sha256[1] = (uint8_t) (i >> 8);
		f.sha256[2] = 1;
		if (policy_size_listed(p, f.size) != (i < 5000) ||
			policy_match(p, &f, NULL, NULL, m, 2) != (i < 5000))
			fail_msg("hash %u should %sbe found", i, i < 5000 ? "" : "not ");
		f.sha256[3] = 1;
		assert_int_equal(policy_match(p, &f, NULL, NULL, m, 2), 0);
	}
}

static void test_package_versions(void **state)
{
	static const struct {
		const char *name, *package, *version;
		size_t want;
	} cases[] = {
		{ "the listed version", "webtorrent", "1.2.3", 1 },
		{ "the listed version, written otherwise", "webtorrent", " v1.2.3+b ", 1 },
		{ "another version", "webtorrent", "1.2.4", 0 },
		{ "a pre-release of the listed version", "webtorrent", "1.2.3-rc.1", 0 },
		{ "no version: may be the listed one", "webtorrent", "", 1 },
		{ "an unreadable version: may be the listed one", "webtorrent", "latest", 1 },
		{ "any version where none is listed", "@anthropic-ai/claude-code", "0.0.1", 1 },
		{ "another name", "webtorrent2", "1.2.3", 0 },
		{ "a shorter name", "webtorren", "1.2.3", 0 },
		{ "the name without its scope", "claude-code", "1.2.3", 0 },
	};
	_cleanup_(policy_unrefp) struct policy *p = open_sample();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct facts f = { .n_packages = 1 };
		struct policy_match m[POLICY_MATCHES_MAX];
		size_t n;

		f.packages[0].type = PACKAGE_NPM;
		(void) snprintf(
			f.packages[0].name, sizeof(f.packages[0].name), "%s", cases[i].package);
		(void) snprintf(f.packages[0].version, sizeof(f.packages[0].version), "%s",
			cases[i].version);
		n = policy_match(p, &f, NULL, NULL, m, 64);
		if (n != cases[i].want)
			fail_msg("%s: %zu matches, not %zu", cases[i].name, n, cases[i].want);
	}
}

static void test_coverage(void **state)
{
	static const struct {
		const char *name, *version;
		uint32_t rule;
		bool want;
	} cases[] = {
		{ "in the range", "2.1.91", 0, true },
		{ "below the range", "2.1.90", 0, false },
		{ "a platform package at the bound", "2.1.91-linux-x64", 0, true },
		{ "unknown", NULL, 0, true },
		{ "unreadable", "latest", 0, true },
		{ "no range: any version", "0.0.1", 1, true },
		{ "no range: unknown", NULL, 1, true },
		{ "in the range of a rule that ignores the unknown", "2.1.91", 2, true },
		{ "unknown to a rule that ignores the unknown", NULL, 2, false },
		{ "unreadable to a rule that ignores the unknown", "latest", 2, false },
	};
	_cleanup_(builder_freep) struct builder *b = sample();
	struct policy_rule ignores = { .id = "HRS-3", .action = ACTION_WARN };
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_close_ int fd = -1;
	uint32_t rule;

	(void) state;
	assert_int_equal(
		builder_add_rule(b, &ignores, "vers:npm/<1.0.0|>=2.0.0", NULL, 0, &rule), 0);
	fd = write_image(b);
	assert_int_equal(policy_open(fd, &p), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_match m = { .version = cases[i].version };

		if (policy_rule_covers(p, cases[i].rule, &m) != cases[i].want)
			fail_msg("%s: should %sbe covered", cases[i].name,
				cases[i].want ? "" : "not ");
	}
	assert_string_equal(policy_rule_reason(p, rule, "en"), "");
}

static void test_empty_policy(void **state)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_close_ int fd = -1;
	struct policy_match m[1];
	struct facts f = { .have = FACTS_SHA256, .n_packages = 1 };

	(void) state;
	f.packages[0] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "x", "1.0.0" };
	assert_int_equal(builder_new(NULL, NULL, NULL, &b), 0);
	fd = write_image(b);
	assert_int_equal(policy_open(fd, &p), 0);
	assert_int_equal(policy_match(p, &f, "/x", NULL, m, 1), 0);
	assert_false(policy_size_listed(p, 0));
}

static void test_same_content_has_the_same_digest(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = open_sample(), *q = open_sample(),
					       *other = NULL;
	_cleanup_(builder_freep) struct builder *b = sample();
	struct policy_info x, y, z;
	_cleanup_close_ int fd = -1;

	(void) state;
	assert_int_equal(builder_add_path(b, TORRENT, "/x"), 0);
	fd = write_image(b);
	assert_int_equal(policy_open(fd, &other), 0);
	policy_info(p, &x);
	policy_info(q, &y);
	policy_info(other, &z);
	assert_memory_equal(x.digest, y.digest, SHA256_SIZE);
	assert_memory_not_equal(x.digest, z.digest, SHA256_SIZE);
}

static void test_builder_refuses(void **state)
{
	static const uint8_t digest[SHA256_SIZE] = { 1 };
	_cleanup_(builder_freep) struct builder *b = sample();
	struct policy_rule rule = { .id = "x", .action = ACTION_BLOCK };
	struct policy_software broken = { "\xff", "x", "x" };
	_cleanup_close_ int fd = -1;
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	uint32_t i;

	(void) state;
	assert_int_equal(builder_add_software(b, &broken, &i), -EINVAL);
	assert_int_equal(builder_add_package(b, 2, PACKAGE_NPM, "x", NULL), -EINVAL);
	assert_int_equal(builder_add_package(b, 0, PACKAGE_NONE, "x", NULL), -EINVAL);
	assert_int_equal(builder_add_package(b, 0, PACKAGE_NPM, "..", NULL), -EINVAL);
	assert_int_equal(builder_add_package(b, 0, PACKAGE_NPM, "x", "1"), -EINVAL);
	assert_int_equal(builder_add_sha256(b, 2, digest, 1, NULL), -EINVAL);
	assert_int_equal(builder_add_sha256(b, 0, digest, 1, "\xff"), -EINVAL);
	assert_int_equal(builder_add_path(b, 2, "/x"), -EINVAL);
	assert_int_equal(builder_add_path(b, 0, "x"), -EINVAL);
	assert_int_equal(builder_add_rule(b, &rule, ">=1.0.0", NULL, 0, &i), -EINVAL);
	assert_int_equal(builder_add_rule(b, &rule, "vers:generic/1", NULL, 0, &i), -EINVAL);
	assert_int_equal(builder_add_rule(b, &rule, NULL, (uint32_t[]){ 0, 2 }, 2, &i), -EINVAL);
	rule.action = ACTION_NONE;
	assert_int_equal(builder_add_rule(b, &rule, NULL, NULL, 0, &i), -EINVAL);
	assert_int_equal(builder_add_reason(b, 2, "en", "x"), -EINVAL);
	fd = write_image(b);
	assert_int_equal(policy_open(fd, &p), 0);
	assert_int_equal(policy_software_n_rules(p, CLAUDE), 2);
}

static void test_path_limit(void **state)
{
	_cleanup_(builder_freep) struct builder *b = sample();
	char glob[32];
	int r = 0, n = 1;

	(void) state;
	for (; r == 0 && n <= IMAGE_PATHS_MAX; n++) {
		(void) snprintf(glob, sizeof(glob), "/opt/%d", n);
		r = builder_add_path(b, 0, glob);
	}
	assert_int_equal(r, -E2BIG);
	assert_int_equal(n, IMAGE_PATHS_MAX + 1);
}

static size_t read_image(uint8_t image[IMAGE_SIZE])
{
	_cleanup_(builder_freep) struct builder *b = sample();
	_cleanup_close_ int fd = write_image(b);
	ssize_t n = fd_pread_full(fd, image, IMAGE_SIZE, 0);

	assert_true(n > (ssize_t) sizeof(struct format_header) && n < IMAGE_SIZE);
	return (size_t) n;
}

static int open_bytes(const uint8_t *image, size_t n, struct policy **ret)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, image, n), 0);
	return policy_open(fd, ret);
}

static void test_damaged_header(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		uint8_t value;
		int want;
	} cases[] = {
		{ "other magic", 0, 'X', -EBADMSG },
		{ "a later format", offsetof(struct format_header, version), FORMAT_VERSION + 1,
			-EPROTONOSUPPORT },
		{ "a larger header", offsetof(struct format_header, header_size), 0xff, -EBADMSG },
		{ "another size", offsetof(struct format_header, size), 1, -EBADMSG },
		{ "a name far outside", offsetof(struct format_header, name) + 3, 0xff, -EBADMSG },
		{ "reserved bits", offsetof(struct format_header, reserved), 1, -EBADMSG },
		{ "a section behind the end",
			offsetof(struct format_header, sections[SECTION_RULES].offset) + 2, 0xff,
			-EBADMSG },
		{ "a section inside the header",
			offsetof(struct format_header, sections[SECTION_STRINGS].offset), 8,
			-EBADMSG },
		{ "a section that is not aligned",
			offsetof(struct format_header, sections[SECTION_RULES].offset), 0xf1,
			-EBADMSG },
		{ "a section too long",
			offsetof(struct format_header, sections[SECTION_HASHES].size) + 4, 1,
			-EBADMSG },
		{ "a section with half an entry",
			offsetof(struct format_header, sections[SECTION_SOFTWARE].size), 21,
			-EBADMSG },
		{ "no strings", offsetof(struct format_header, sections[SECTION_STRINGS].size), 0,
			-EBADMSG },
		{ "no buckets", offsetof(struct format_header, sections[SECTION_BUCKETS].size), 0,
			-EBADMSG },
		{ "a bucket too few",
			offsetof(struct format_header, sections[SECTION_BUCKETS].size), 16,
			-EBADMSG },
	};
	static uint8_t image[IMAGE_SIZE];
	size_t n = read_image(image);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t saved[2];
		struct policy *p = NULL;
		int r;

		memcpy(saved, image + cases[i].offset, sizeof(saved));
		image[cases[i].offset] = cases[i].value;
		if (cases[i].value == 0)
			image[cases[i].offset + 1] = 0;
		r = open_bytes(image, n, &p);
		if (r != cases[i].want || p)
			fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].want);
		memcpy(image + cases[i].offset, saved, sizeof(saved));
	}
}

/* Reads everything there is to read. */
static void use(struct policy *p)
{
	struct facts f = { .size = 1000, .have = FACTS_SHA256, .n_packages = 1 };
	struct policy_match m[POLICY_MATCHES_MAX] = { 0 };
	struct policy_info info;
	struct policy_rule rule;
	struct policy_software s;
	size_t n, length = 0;

	memcpy(f.sha256, digest_a, sizeof(digest_a));
	f.packages[0] = (struct package){ PACKAGE_NPM, METADATA_PACKAGE_JSON, "webtorrent",
		"1.2.3" };
	policy_info(p, &info);
	length += strlen(info.name) + strlen(info.owner) + strlen(info.contact);
	n = policy_match(p, &f, "/home/eve/.claude/x", NULL, m, ARRAY_SIZE(m));
	assert_true(n <= ARRAY_SIZE(m));
	for (size_t i = 0; i < n; i++) {
		assert_true(m[i].software < info.n_software);
		length += m[i].version ? strlen(m[i].version) : 0;
	}
	for (uint32_t i = 0; i < info.n_software; i++) {
		policy_software(p, i, &s);
		length += strlen(s.id) + strlen(s.name) + strlen(s.vendor);
		for (uint32_t k = 0; k < policy_software_n_rules(p, i); k++)
			assert_true(policy_software_rule(p, i, k) < info.n_rules);
	}
	for (uint32_t i = 0; i < info.n_rules; i++) {
		policy_rule(p, i, &rule);
		length += strlen(rule.id) + strlen(rule.url) + strlen(rule.alternative_url);
		length += strlen(policy_rule_reason(p, i, "zh")) + policy_rule_covers(p, i, &m[0]);
	}
	(void) policy_size_listed(p, length);
}

static void test_every_byte_damaged(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	static uint8_t image[IMAGE_SIZE];
	size_t n = read_image(image);

	(void) state;
	for (size_t i = 0; i < n; i++) {
		uint8_t saved = image[i];

		for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
			_cleanup_(policy_unrefp) struct policy *p = NULL;
			int r;

			image[i] = values[k];
			r = open_bytes(image, n, &p);
			if (r == 0)
				use(p);
			else if (r != -EBADMSG && r != -EPROTONOSUPPORT)
				fail_msg("byte %zu as %02x: %d", i, values[k], r);
		}
		image[i] = saved;
	}
}

static void test_every_length(void **state)
{
	static uint8_t image[IMAGE_SIZE];
	size_t n = read_image(image);
	struct policy *p = NULL;

	(void) state;
	for (size_t i = 0; i < n; i++)
		if (open_bytes(image, i, &p) != -EBADMSG)
			fail_msg("the first %zu bytes of %zu are taken", i, n);
	image[n] = 0;
	assert_int_equal(open_bytes(image, n + 1, &p), -EBADMSG);
	assert_int_equal(policy_open(-1, &p), -EBADF);
	assert_null(p);
}

static void test_references(void **state)
{
	struct policy *p = open_sample();

	(void) state;
	assert_ptr_equal(policy_ref(p), p);
	assert_null(policy_unref(p));
	assert_true(policy_size_listed(p, 1000));
	assert_null(policy_unref(p));
	assert_null(policy_unref(NULL));
	assert_null(policy_ref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_come_back),
		cmocka_unit_test(test_rules_of_software),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_hash_needs_digest_and_size),
		cmocka_unit_test(test_many_hashes),
		cmocka_unit_test(test_package_versions),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_empty_policy),
		cmocka_unit_test(test_same_content_has_the_same_digest),
		cmocka_unit_test(test_builder_refuses),
		cmocka_unit_test(test_path_limit),
		cmocka_unit_test(test_damaged_header),
		cmocka_unit_test(test_every_byte_damaged),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
