/*
 * A file made to be slow to search holds no launch up longer than the limit, and the search of it
 * is put off, not taken for one that found nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "tests/support/signature_image.h"

enum { FILE_SIZE = 8 << 20, TOLERANCE_SEC = 3 };

/* At each of the file's bytes libyara follows it for 3,000 more. */
static const char slow[] = "rule slow { strings: $a = /aaaa[^b]{1,3000}cccc/ condition: $a }\n"
			   "rule marker { strings: $a = \"PROSCRIBED MARKER\" condition: $a }";

static void test_slow_file(void **state)
{
	struct signature s[2] = { { .name = "slow", .max_size = UINT64_MAX },
		{ .name = "marker", .max_size = UINT64_MAX } };
	struct signature_image image = signature_image_new(slow, s, 2);
	_cleanup_(scanner_freep) struct scanner *scanner = NULL;
	_cleanup_close_ int fd = memfd_create("slow", MFD_CLOEXEC);
	const struct view v = { .fd = fd, .size = FILE_SIZE };
	struct facts f = { .size = FILE_SIZE };
	uint64_t took = clock_boot_usec();
	uint8_t *bytes;

	(void) state;
	assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
	bytes = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(bytes != MAP_FAILED);
	memset(bytes, 'a', FILE_SIZE);
	(void) munmap(bytes, FILE_SIZE);
	assert_int_equal(pwrite(fd, "PROSCRIBED MARKER", 17, 0), 17);
	assert_int_equal(scanner_new(dup(image.fd), &image.message, &scanner), 0);
	assert_int_equal(scanner_scan(scanner, &v, SCAN_ANSWER, &f), 0);
	took = clock_boot_usec() - took;
	if (took > (SCANNER_ANSWER_SEC + TOLERANCE_SEC) * USEC_PER_SEC ||
		!(f.have & FACTS_SCAN_LATER) || f.policy_id == 0)
		fail_msg("%llu ms, have %#x", (unsigned long long) (took / USEC_PER_MSEC), f.have);
	assert_true(facts_valid(&f));
	/* The scanner is none the worse for it. */
	f = (struct facts){ .size = 100 };
	assert_int_equal(
		scanner_scan(scanner, &(struct view){ .fd = fd, .size = 100 }, SCAN_ANSWER, &f), 0);
	assert_true(f.have & FACTS_SCANNED);
	assert_int_equal(f.n_signatures, 1);
	signature_image_done(&image);
}

static int prepare(void **state)
{
	(void) state;
	return scanner_prepare();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_slow_file) };

	return cmocka_run_group_tests_name("scanner timeout", tests, prepare, NULL);
}
