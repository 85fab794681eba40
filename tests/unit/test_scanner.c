/* Signatures searched for in files made here, through inspect_file() as an inspector does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/inspect.h"
#include "agent/inspector/matcher.h"
#include "agent/inspector/scanner.h"
#include "agent/inspector/sieve.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "tests/support/signature_image.h"

enum { BUFFER_SIZE = 256, N_BORDERS = 2 };

static const char rules[] =
	"rule marker { strings: $a = \"PROSCRIBED MARKER\" condition: $a }\n"
	"rule proscribe_version_of_marker {"
	"  strings: $v = /Version: [0-9]+\\.[0-9]+\\.[0-9]+/ condition: $v }\n"
	"rule bulk { strings: $a = \"first\" $b = \"second\" $c = \"third\" "
	"condition: 2 of them }\n"
	"rule counted { strings: $a = \"counted\" condition: #a == 3 }\n"
	"rule of_size { condition: filesize == 1000 }\n"
	"rule head { condition: uint32(0) == 0x21646165 }\n"
	"rule past_head { condition: uint8(70000) >= 0 }\n"
	"rule placed { strings: $a = \"placed\" condition: $a at 100 }\n"
	"private rule hidden { strings: $a = \"hidden\" condition: $a }\n"
	"rule uses_hidden { condition: hidden }\n"
	"rule coded { strings: $a = \"letters\" nocase wide $b = \"BASE\" base64 $c = "
	"/ones.{1,9}twos/"
	" $d = { 68 65 78 21 [2-300] 3f 21 3f 21 } $e = \"whole\" fullword condition: any of them "
	"}\n";

/* So short a string that no part of a file can be left out. */
static const char short_rule[] = "rule short { strings: $a = \"~~\" condition: $a }\n";

static struct signature signature(const char *name)
{
	struct signature s = { .max_size = UINT64_MAX };

	(void) snprintf(s.name, sizeof(s.name), "%s", name);
	if (strcmp(name, "marker") == 0)
		(void) snprintf(s.version, sizeof(s.version), "%s", "Version: ([0-9.]+)");
	return s;
}

static struct scanner *scanner_of(const char *text, const struct signature signatures[], size_t n)
{
	struct signature_image image = signature_image_new(text, signatures, n);
	struct scanner *s = NULL;

	assert_int_equal(scanner_new(dup(image.fd), &image.message, &s), 0);
	signature_image_done(&image);
	return s;
}

static struct scanner *scanner_for(const char *name)
{
	const struct signature s = signature(name);

	return scanner_of(rules, &s, 1);
}

/* The same, with every byte searched by libyara itself when @all. */
static struct scanner *scanner_of_all(const char *name, bool all)
{
	char text[sizeof(rules) + sizeof(short_rule)];
	const struct signature s = signature(name);

	(void) snprintf(text, sizeof(text), "%s%s", rules, all ? short_rule : "");
	return scanner_of(text, &s, 1);
}

static int file_of(const void *bytes, size_t n, uint64_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, bytes, n), 0);
	assert_int_equal(ftruncate(fd, (off_t) size), 0);
	return fd;
}

static struct facts scan(struct scanner *s, int fd, enum message_scan how)
{
	struct facts f;

	assert_int_equal(inspect_file(
				 &(struct inspect_request){
					 .fd = fd, .path = "", .scanner = s, .scan = how },
				 &f),
		0);
	assert_true(facts_valid(&f));
	return f;
}

static struct facts scan_text(struct scanner *s, const char *text)
{
	_cleanup_close_ int fd = file_of(text, strlen(text), strlen(text));

	return scan(s, fd, SCAN_ANSWER);
}

static void expect(const char *name, const struct facts *f, uint32_t have, const char *versions)
{
	char found[FACTS_SIGNATURES_MAX * (SIGNATURE_VERSION_MAX + 4)] = "";
	const uint32_t all = FACTS_SCANNED | FACTS_SCAN_LATER | FACTS_PAYLOAD_REFUSED;

	for (uint32_t i = 0; i < f->n_signatures; i++)
		(void) snprintf(found + strlen(found), sizeof(found) - strlen(found), "%u@%s ",
			f->signatures[i].signature, f->signatures[i].version);
	if (strcmp(found, versions) != 0 || (f->have & all) != have)
		fail_msg("%s: have %#x, \"%s\", expected %#x, \"%s\"", name, f->have & all, found,
			have, versions);
}

static void test_what_matches(void **state)
{
	static const struct {
		const char *name, *signature, *content, *versions;
	} cases[] = {
		{ "nothing", "marker", "some text", "" },
		{ "no content", "marker", "", "" },
		{ "marker without a version", "marker", "a PROSCRIBED MARKER b", "0@ " },
		{ "marker with its version", "marker", "PROSCRIBED MARKER Version: 2.1.91;",
			"0@2.1.91 " },
		{ "version before the marker", "marker", "Version: 2.1.91 PROSCRIBED MARKER",
			"0@2.1.91 " },
		{ "version without the marker", "marker", "Version: 2.1.91", "" },
		{ "the same version twice", "marker",
			"Version: 1.2.3 PROSCRIBED MARKER Version: 1.2.3", "0@1.2.3 " },
		{ "two versions", "marker",
			"Version: 1.2.3 PROSCRIBED MARKER Version: 1.2.4 Version: 1.2.3",
			"0@1.2.3 0@1.2.4 " },
		{ "as many versions as are believed", "marker",
			"PROSCRIBED MARKER Version: 1.0.0 Version: 2.0.0 Version: 3.0.0 "
			"Version: 4.0.0",
			"0@1.0.0 0@2.0.0 0@3.0.0 0@4.0.0 " },
		{ "one version more", "marker",
			"PROSCRIBED MARKER Version: 1.0.0 Version: 2.0.0 Version: 3.0.0 "
			"Version: 4.0.0 Version: 5.0.0",
			"0@ " },
		{ "a version at the end of the file", "marker", "PROSCRIBED MARKER Version: 1.2.34",
			"0@1.2.34 " },
		{ "a version too long to tell", "marker",
			"PROSCRIBED MARKER Version: 1.2."
			"34567890123456789012345678901234567890123456789012345678901234567890",
			"0@ " },
		{ "one of three", "bulk", "the first", "" },
		{ "one of three, again and again", "bulk", "first first first", "" },
		{ "two of three", "bulk", "first and third", "0@ " },
		{ "counted too seldom", "counted", "counted counted", "" },
		{ "counted exactly", "counted", "counted counted counted", "0@ " },
		{ "the file's first bytes", "head", "ead!", "0@ " },
		{ "other first bytes", "head", "head!", "" },
		{ "past the file's head", "past_head", "x", "" },
		{ "by a private rule", "uses_hidden", "hidden", "0@ " },
		{ "not by a private rule", "uses_hidden", "other", "" },
		{ "a regular expression", "coded", "xx ones and twos yy", "0@ " },
		{ "no match of it", "coded", "xx onestwos, ones for all", "" },
		{ "bytes with a gap", "coded", "hex! and after a while ?!?!", "0@ " },
		{ "the bytes the other way round", "coded", "?!?! and after a while hex!", "" },
		{ "a whole word", "coded", "the whole thing", "0@ " },
		{ "part of a word", "coded", "wholesale and the unwhole", "" },
		{ "base64", "coded", "QkFTRQ==", "0@ " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int all = 0; all < 2; all++) {
			_cleanup_(scanner_freep) struct scanner *s = scanner_of_all(
				cases[i].signature, all);
			struct facts f = scan_text(s, cases[i].content);

			expect(cases[i].name, &f, FACTS_SCANNED, cases[i].versions);
			assert_int_not_equal(f.policy_id, 0);
		}
	}
}

static void test_sizes_and_offsets(void **state)
{
	static const struct {
		const char *name, *signature;
		uint64_t size, at;
		bool is;
	} cases[] = {
		{ "filesize", "of_size", 1000, 0, true },
		{ "another filesize", "of_size", 1001, 0, false },
		{ "where it should be", "placed", 200, 100, true },
		{ "one byte off", "placed", 200, 101, false },
		{ "beyond the head", "past_head", 80000, 0, false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_for(cases[i].signature);
		_cleanup_close_ int fd = file_of("", 0, cases[i].size);
		struct facts f;

		assert_int_equal(pwrite(fd, "placed", 6, (off_t) cases[i].at), 6);
		f = scan(s, fd, SCAN_ANSWER);
		expect(cases[i].name, &f, FACTS_SCANNED, cases[i].is ? "0@ " : "");
	}
}

static void test_admission(void **state)
{
	static const struct {
		const char *name;
		uint32_t classes;
		uint64_t min, max;
		enum message_scan how;
		bool is;
	} cases[] = {
		{ "any", 0, 0, UINT64_MAX, SCAN_ANSWER, true },
		{ "its class", 1u << FILE_CLASS_UNKNOWN, 0, UINT64_MAX, SCAN_ANSWER, true },
		{ "other classes", 1u << FILE_CLASS_ELF | 1u << FILE_CLASS_JS, 0, UINT64_MAX,
			SCAN_ANSWER, false },
		{ "exactly its size", 0, 100, 100, SCAN_ANSWER, true },
		{ "smaller files", 0, 0, 99, SCAN_ANSWER, false },
		{ "larger files", 0, 101, 200, SCAN_ALL, false },
		{ "not wanted", 0, 0, UINT64_MAX, SCAN_NONE, false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct signature g[2] = { signature("marker"), signature("bulk") };
		_cleanup_close_ int fd = file_of("PROSCRIBED MARKER first second", 30, 100);
		_cleanup_(scanner_freep) struct scanner *s = NULL;
		struct facts f;

		g[0].classes = cases[i].classes;
		g[0].min_size = cases[i].min;
		g[0].max_size = cases[i].max;
		g[1].classes = 1u << FILE_CLASS_WASM;
		s = scanner_of(rules, g, 2);
		f = scan(s, fd, cases[i].how);
		expect(cases[i].name, &f, cases[i].is ? FACTS_SCANNED : 0,
			cases[i].is ? "0@ " : "");
	}
}

/* Nothing is loaded and nothing read for a file that no signature admits. */
static void test_nothing_is_read_in_vain(void **state)
{
	struct signature g = signature("marker");
	struct signature_image image;
	struct scanner *s;
	struct view v = { .fd = -1, .size = 100 };
	struct facts f = { .size = 100 };

	(void) state;
	g.min_size = 101;
	image = signature_image_new(rules, &g, 1);
	image.message.rules_offset = 1; /* what would not load */
	assert_int_equal(scanner_new(dup(image.fd), &image.message, &s), 0);
	assert_int_equal(scanner_scan(s, &v, SCAN_ALL, &f), 0);
	expect("not admitted", &f, 0, "");
	f.size = v.size = 101;
	assert_int_equal(scanner_scan(s, &v, SCAN_ALL, &f), 0);
	expect("rules that do not load", &f, FACTS_PAYLOAD_REFUSED, "");
	(void) scanner_free(s);
	signature_image_done(&image);
}

static void test_limits_of_an_answer(void **state)
{
	static const struct {
		const char *name, *head;
		uint64_t size;
		enum message_scan how;
		uint32_t have;
		const char *found;
	} cases[] = {
		{ "as large as a launch waits for", "", SCANNER_FILE_ANSWER_MAX, SCAN_ANSWER,
			FACTS_SCANNED, "0@ " },
		{ "one byte more", "", SCANNER_FILE_ANSWER_MAX + 1, SCAN_ANSWER, FACTS_SCAN_LATER,
			"" },
		{ "the same off the path", "", SCANNER_FILE_ANSWER_MAX + 1, SCAN_ALL, FACTS_SCANNED,
			"0@ " },
		{ "text as large as a payload may be", "#!/bin/node\n", SCANNER_PAYLOAD_ANSWER_MAX,
			SCAN_ANSWER, FACTS_SCANNED, "0@ " },
		{ "one byte more of text", "#!/bin/node\n", SCANNER_PAYLOAD_ANSWER_MAX + 1,
			SCAN_ANSWER, FACTS_SCANNED | FACTS_SCAN_LATER, "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_for("marker");
		const char *head = cases[i].head;
		_cleanup_close_ int fd = file_of(head, strlen(head), cases[i].size);
		struct facts f;

		assert_int_equal(
			pwrite(fd, "PROSCRIBED MARKER", 17, (off_t) (cases[i].size - 17)), 17);
		f = scan(s, fd, cases[i].how);
		expect(cases[i].name, &f, cases[i].have, cases[i].found);
	}
}

/* What lies in two blocks counts once. */
static void test_counted_across_borders(void **state)
{
	_cleanup_close_ int fd = file_of("", 0, 2 * MATCHER_BLOCK_SIZE);

	(void) state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			pwrite(fd, "counted", 7, MATCHER_BLOCK_SIZE - MATCHER_OVERLAP + 100 * i),
			7);
	for (int all = 0; all < 2; all++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_of_all("counted", all);
		struct facts f = scan(s, fd, SCAN_ANSWER);

		expect(all ? "all" : "sieved", &f, FACTS_SCANNED, "0@ ");
	}
}

/* At each offset around the borders of the blocks in which a file is read. */
static void check_every_border(struct scanner *s)
{
	static const char text[] = "PROSCRIBED MARKER Version: 12.34.56";
	const size_t step = MATCHER_BLOCK_SIZE - MATCHER_OVERLAP, n = sizeof(text) - 1;
	_cleanup_close_ int fd = file_of("", 0, MATCHER_BLOCK_SIZE + (N_BORDERS - 1) * step + 1000);

	for (size_t k = 0; k < N_BORDERS; k++) {
		const size_t border = MATCHER_BLOCK_SIZE + k * step;

		for (size_t at = border - n - 1; at <= border + 1; at += 1 + k) {
			static const char zeros[sizeof(text)];
			struct facts f;

			assert_int_equal(pwrite(fd, text, n, (off_t) at), (ssize_t) n);
			f = scan(s, fd, SCAN_ANSWER);
			expect("across a border", &f, FACTS_SCANNED, "0@12.34.56 ");
			assert_int_equal(pwrite(fd, zeros, n, (off_t) at), (ssize_t) n);
		}
	}
}

static void test_every_border(void **state)
{
	(void) state;
	for (int all = 0; all < 2; all++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_of_all("marker", all);

		check_every_border(s);
	}
}

static void test_many_copies(void **state)
{
	static const char copy[] = "PROSCRIBED MARKER Version: 12.34.56\n",
			  other[] = "Version: 1.1.1";
	const size_t n = sizeof(copy) - 1;
	static const struct {
		const char *name;
		size_t copies;
		const char *found;
	} cases[] = {
		{ "thousands", 3397, "0@12.34.56 0@1.1.1 " },
		{ "more than are kept", 3 * MATCHER_MATCHES_MAX, "0@ " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_for("marker");
		_cleanup_free_ char *all = malloc(cases[i].copies * n + 1);
		_cleanup_close_ int fd = -1;
		struct facts f;

		assert_non_null(all);
		for (size_t k = 0; k < cases[i].copies; k++)
			memcpy(all + k * n, copy, n);
		fd = file_of(all, cases[i].copies * n, cases[i].copies * n);
		assert_int_equal(
			pwrite(fd, other, sizeof(other) - 1, (off_t) (cases[i].copies * n)), 14);
		f = scan(s, fd, SCAN_ANSWER);
		expect(cases[i].name, &f, FACTS_SCANNED, cases[i].found);
	}
}

/* Every signature that matches is told before any gets a second version. */
static void test_more_matches_than_places(void **state)
{
	char text[4096] = "", all[256] = "x ", name[16];
	struct signature g[FACTS_SIGNATURES_MAX + 1];
	static const char *const found[] = { "0@1.0 0@2.0 0@3.0 1@1.0 1@2.0 1@3.0 2@ ",
		"0@ 1@ 2@ 3@ 4@ 5@ 6@ 7@ " };
	static const size_t n[] = { 3, FACTS_SIGNATURES_MAX + 1 };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
		(void) snprintf(name, sizeof(name), "s%zu", i);
		g[i] = signature(name);
		(void) snprintf(g[i].version, sizeof(g[i].version), "v([0-9.]+)");
		(void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"rule s%zu { strings: $a = \"x \" condition: $a } rule "
			"proscribe_version_of_s%zu { strings: $a = /v[0-9]\\.[0-9]/ condition: $a "
			"}\n",
			i, i);
	}
	(void) snprintf(all, sizeof(all), "x v1.0 v2.0 v3.0");
	for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
		_cleanup_(scanner_freep) struct scanner *s = scanner_of(text, g, n[i]);
		struct facts f = scan_text(s, all);

		expect("many", &f, FACTS_SCANNED, found[i]);
	}
}

/* The file is not what its size said when it was opened. */
static void test_a_file_that_shrank(void **state)
{
	_cleanup_(scanner_freep) struct scanner *s = scanner_for("marker");
	_cleanup_close_ int fd = file_of("PROSCRIBED MARKER", 17, 17);
	struct view v = { .fd = fd, .size = 1 << 20 };
	struct facts f = { .size = v.size };

	(void) state;
	assert_int_equal(scanner_scan(s, &v, SCAN_ANSWER, &f), 0);
	expect("shorter than it was", &f, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED, "0@ ");
	v.fd = -1;
	f = (struct facts){ .size = v.size };
	assert_int_equal(scanner_scan(s, &v, SCAN_ANSWER, &f), 0);
	expect("not readable", &f, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED, "");
}

static void test_policies_that_are_none(void **state)
{
	const struct signature g = signature("marker");
	struct signature_image image = signature_image_new(rules, &g, 1);
	const struct message_policy good = image.message;
	struct message_policy bad[6];
	struct scanner *s;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].policy_id = 0;
	bad[1].n_signatures = SIGNATURES_MAX + 1;
	bad[2].rules_size = SIGNATURE_RULES_SIZE_MAX + 1;
	bad[3].signatures_offset++;
	bad[4].signatures_offset = UINT64_MAX;
	bad[5].n_signatures = SIGNATURES_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (scanner_new(image.fd, &bad[i], &s) != -EBADMSG)
			fail_msg("policy %zu was taken", i);
	assert_int_equal(scanner_new(-1, &good, &s), -EBADF);
	signature_image_done(&image);
}

/* libyara notices most of what does not come from itself, not all: the image is our compiler's. */
static void test_rules_that_are_none(void **state)
{
	const struct signature g = signature("marker");
	struct signature_image image = signature_image_new(rules, &g, 1);
	const uint64_t size = image.message.rules_size, at = image.message.rules_offset;
	const struct {
		const char *name;
		uint64_t offset, size;
	} cases[] = {
		{ "no rules", at, 0 },
		{ "one byte", at, 1 },
		{ "a header", at, 16 },
		{ "half of them", at, size / 2 },
		{ "one byte off", at + 1, size - 1 },
		{ "past the end of the image", at + (1 << 30), size },
		{ "at 2^64 - 1", UINT64_MAX, size },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scanner_freep) struct scanner *s = NULL;
		struct message_policy m = image.message;
		struct view v = { .fd = -1 };

		m.rules_offset = cases[i].offset;
		m.rules_size = cases[i].size;
		assert_int_equal(scanner_new(dup(image.fd), &m, &s), 0);
		for (int again = 0; again < 2; again++) {
			struct facts f = { 0 };

			assert_int_equal(scanner_scan(s, &v, SCAN_ALL, &f), 0);
			expect(cases[i].name, &f, FACTS_PAYLOAD_REFUSED, "");
		}
	}
	signature_image_done(&image);
}

static size_t reach(const YR_RULE *rule)
{
	(void) rule;
	return 256;
}

static int sieve_of(const char *text)
{
	struct signature_image_bytes b = signature_image_compile(text);
	_cleanup_(sieve_freep) struct sieve *s = NULL;
	YR_STREAM stream = { .user_data = &b, .read = signature_image_take };
	char *bytes = b.bytes;
	YR_RULES *compiled;
	int r;

	assert_int_equal(yr_rules_load_stream(&stream, &compiled), ERROR_SUCCESS);
	free(bytes);
	r = sieve_new(compiled, reach, &s);
	yr_rules_destroy(compiled);
	return r;
}

/* So the tests above are of both ways to search. */
static void test_what_can_be_sieved(void **state)
{
	char text[sizeof(rules) + sizeof(short_rule)];

	(void) state;
	(void) snprintf(text, sizeof(text), "%s%s", rules, short_rule);
	assert_int_equal(sieve_of(rules), 0);
	assert_int_equal(sieve_of(text), -ENOTSUP);
	assert_int_equal(sieve_of("rule r { condition: filesize > 0 }"), 0);
	assert_int_equal(sieve_of("rule r { strings: $a = /.{3}[a-z]+/ condition: $a }"), -ENOTSUP);
}

static int prepare(void **state)
{
	(void) state;
	return scanner_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_matches),
		cmocka_unit_test(test_sizes_and_offsets),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_nothing_is_read_in_vain),
		cmocka_unit_test(test_limits_of_an_answer),
		cmocka_unit_test(test_counted_across_borders),
		cmocka_unit_test(test_every_border),
		cmocka_unit_test(test_many_copies),
		cmocka_unit_test(test_more_matches_than_places),
		cmocka_unit_test(test_a_file_that_shrank),
		cmocka_unit_test(test_policies_that_are_none),
		cmocka_unit_test(test_rules_that_are_none),
		cmocka_unit_test(test_what_can_be_sieved),
	};

	return cmocka_run_group_tests_name("scanner", tests, prepare, NULL);
}
