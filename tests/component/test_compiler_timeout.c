/* A compiler that never answers is ended after COMPILER_TIMEOUT_SEC. A program of its own, because
 * it waits that long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>

#include "policy/base/clock.h"
#include "policy/source/compiler.h"
#include "tests/component/compiler_setup.h"

enum { SKIPPED = 77 };

static void test_a_compiler_that_hangs_is_ended(void **state)
{
	char folder[] = "/tmp/proscribe-compiler-XXXXXX", path[64];
	uint64_t start = clock_boot_usec(), took;
	struct compiled c;
	FILE *f;
	int r;

	(void) state;
	assert_int_equal(choose_compiler("hang"), 0);
	assert_non_null(mkdtemp(folder));
	(void) snprintf(path, sizeof(path), "%s/policy.yaml", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	(void) fclose(f);
	r = compiler_run(folder, 0, &c);
	took = (clock_boot_usec() - start) / USEC_PER_SEC;
	(void) unlink(path);
	(void) rmdir(folder);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(c.image_fd, -1);
	assert_non_null(strstr(c.messages, "took longer than 60 seconds and was ended"));
	if (took < COMPILER_TIMEOUT_SEC || took > COMPILER_TIMEOUT_SEC + 10)
		fail_msg("it took %lu seconds", took);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	compiled_done(&c);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_compiler_that_hangs_is_ended),
	};

	(void) argc;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void) puts("one minute of waiting shows a sanitizer nothing new");
	return SKIPPED;
#endif
	if (move_to_folder("in-compiler-timeout", argv) < 0)
		return 1;
	return cmocka_run_group_tests_name("compiler_timeout", tests, NULL, NULL);
}
