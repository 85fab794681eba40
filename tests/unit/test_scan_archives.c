/* Signatures searched for in what archives hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/content.h"
#include "agent/inspector/inspect.h"
#include "agent/inspector/matcher.h"
#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "tests/support/seed_zip.h"
#include "tests/support/signature_image.h"

static const char rules[] =
	"rule marker { strings: $a = \"PROSCRIBED MARKER\" condition: $a }\n"
	"rule proscribe_version_of_marker { strings: $v = /Version: [0-9]+[.][0-9]+/ condition: "
	"$v }\n"
	"rule split { strings: $a = \"first half\" $b = \"second half\" condition: all of them }\n"
	"rule torn { strings: $a = \"one piece\" condition: $a }\n";

static struct scanner *scanner;

static int prepare(void **state)
{
	struct signature s[3] = {
		{ .name = "marker", .version = "Version: ([0-9.]+)", .max_size = UINT64_MAX },
		{ .name = "split", .max_size = UINT64_MAX },
		{ .name = "torn", .max_size = UINT64_MAX }
	};
	struct signature_image image;
	int r;

	(void) state;
	if (scanner_prepare() < 0)
		return -1;
	image = signature_image_new(rules, s, ARRAY_SIZE(s));
	r = scanner_new(dup(image.fd), &image.message, &scanner);
	signature_image_done(&image);
	return r;
}

static int tidy_up(void **state)
{
	(void) state;
	scanner = scanner_free(scanner);
	return 0;
}

static struct facts scan(const char *prefix, struct seed_zip *z, enum message_scan how)
{
	_cleanup_close_ int fd = memfd_create("archive", MFD_CLOEXEC);
	struct facts f;

	seed_zip_end(z);
	assert_int_equal(fd_write_full(fd, prefix, strlen(prefix)), 0);
	assert_int_equal(fd_write_full(fd, z->bytes, z->n), 0);
	seed_zip_done(z);
	assert_int_equal(inspect_file(
				 &(struct inspect_request){
					 .fd = fd, .path = "", .scanner = scanner, .scan = how },
				 &f),
		0);
	assert_true(facts_valid(&f));
	return f;
}

static void expect(const char *name, const struct facts *f, uint32_t have, const char *found)
{
	const uint32_t all = FACTS_SCANNED | FACTS_SCAN_LATER | FACTS_PAYLOAD_REFUSED;
	char text[FACTS_SIGNATURES_MAX * (SIGNATURE_VERSION_MAX + 4)] = "";

	for (uint32_t i = 0; i < f->n_signatures; i++)
		(void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u@%s ",
			f->signatures[i].signature, f->signatures[i].version);
	if ((f->have & all) != have || strcmp(text, found) != 0)
		fail_msg("%s: have %#x, \"%s\"", name, f->have & all, text);
}

static void test_entries(void **state)
{
	static const struct {
		const char *name, *prefix, *entries[3];
		const char *found;
	} cases[] = {
		{ "nothing", "", { "some text" }, "" },
		{ "in one entry", "", { "some text", "PROSCRIBED MARKER Version: 1.2" }, "0@1.2 " },
		{ "versions of two entries", "",
			{ "PROSCRIBED MARKER Version: 1.2", "other", "Version: 1.3" },
			"0@1.2 0@1.3 " },
		{ "strings of two entries", "", { "first half", "x", "second half" }, "1@ " },
		{ "a string torn between two entries", "", { "one pi", "ece" }, "" },
		{ "in front of the archive", "#!/bin/sh\n# PROSCRIBED MARKER\n", { "x" }, "0@ " },
		{ "half in front of the archive", "#!/bin/sh\n# first half\n", { "second half" },
			"1@ " },
	};

	(void) state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *const *entries = cases[i / 2].entries;
		struct seed_zip z = { 0 };
		struct facts f;

		for (size_t k = 0; k < ARRAY_SIZE(cases[0].entries) && entries[k]; k++)
			seed_zip_add(&z, k ? "b/c.txt" : "a.txt", entries[k], strlen(entries[k]),
				i % 2 ? ZIP_STORED : ZIP_DEFLATED);
		f = scan(cases[i / 2].prefix, &z, SCAN_ANSWER);
		expect(cases[i / 2].name, &f, FACTS_SCANNED, cases[i / 2].found);
	}
}

/* A damaged entry hides no other one, and is told. */
static void test_damaged_entry(void **state)
{
	static const char good[] = "PROSCRIBED MARKER", bad[] = "\xff\xff\xff\xff";
	struct seed_zip z = { 0 };
	struct facts f;

	(void) state;
	seed_zip_entry(&z, &(struct seed_entry){ .name = "bad", .data = bad, .n = 4 });
	z.directory[10] = ZIP_DEFLATED;
	seed_zip_add_text(&z, "good", good);
	f = scan("", &z, SCAN_ANSWER);
	expect("damaged", &f, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED, "0@ ");
}

/* Across the border of the blocks that are searched at once, wherever chunks end. */
static void test_large_entry(void **state)
{
	static const char marker[] = "PROSCRIBED MARKER Version: 3.4;";
	const size_t n = MATCHER_BLOCK_SIZE + (64 << 10);
	_cleanup_free_ char *bytes = malloc(n);

	(void) state;
	assert_non_null(bytes);
	for (size_t at = MATCHER_BLOCK_SIZE - sizeof(marker); at < MATCHER_BLOCK_SIZE + 2;
		at += 3) {
		struct seed_zip z = { 0 };
		struct facts f;

		memset(bytes, 'x', n);
		memcpy(bytes + at, marker, sizeof(marker) - 1);
		seed_zip_add(&z, "large", bytes, n, ZIP_STORED);
		f = scan("", &z, SCAN_ANSWER);
		expect("large", &f, FACTS_SCANNED, "0@3.4 ");
	}
}

/* What unpacks to more than a thousand times its size is given up, after what came before it. */
static void test_bomb(void **state)
{
	const size_t n = 2 * CONTENT_RATIO_FREE;
	_cleanup_free_ char *zeros = calloc(1, n);
	struct seed_zip z = { 0 };
	struct facts f;

	(void) state;
	assert_non_null(zeros);
	seed_zip_add_text(&z, "first", "PROSCRIBED MARKER");
	seed_zip_add(&z, "bomb", zeros, n, ZIP_DEFLATED);
	seed_zip_add_text(&z, "never", "first half and second half");
	f = scan("", &z, SCAN_ANSWER);
	expect("bomb", &f, FACTS_SCANNED | FACTS_PAYLOAD_REFUSED, "0@ ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_damaged_entry),
		cmocka_unit_test(test_large_entry),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests_name("scan archives", tests, prepare, tidy_up);
}
