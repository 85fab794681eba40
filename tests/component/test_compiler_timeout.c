/* A compiler that never answers gives way to others until it is seen not to get on, and is ended
 * after COMPILER_TIMEOUT_SEC. A program of its own, because it waits that long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/source/compiler.h"
#include "tests/component/compiler_setup.h"

enum { SKIPPED = 77 };

/* The one child of this program; 0: none. */
static pid_t child(void)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	int pid = 0;

	(void) snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
	f = fopen(path, "re");
	return f && fscanf(f, "%d", &pid) == 1 ? pid : 0;
}

/* How it is scheduled as time goes by. */
struct seen {
	bool idle;
	int late;
};

static void *look(void *context)
{
	struct seen *s = context;

	for (int waited = 0; waited < 2000; waited++) {
		pid_t pid = child();

		s->late = pid > 0 ? sched_getscheduler(pid) : -1;
		s->idle = s->idle || s->late == SCHED_IDLE;
		(void) usleep(1000);
	}
	return NULL;
}

static void test_a_compiler_that_hangs_is_ended(void **state)
{
	char folder[] = "/tmp/proscribe-compiler-XXXXXX", path[64];
	uint64_t start = clock_boot_usec(), took;
	struct seen seen = { 0 };
	struct compiled c;
	pthread_t thread;
	FILE *f;
	int r;

	(void) state;
	assert_int_equal(choose_compiler("hang"), 0);
	assert_non_null(mkdtemp(folder));
	(void) snprintf(path, sizeof(path), "%s/policy.yaml", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	(void) fclose(f);
	assert_int_equal(pthread_create(&thread, NULL, look, &seen), 0);
	r = compiler_run(folder, COMPILER_GIVE_WAY, &c);
	took = (clock_boot_usec() - start) / USEC_PER_SEC;
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void) unlink(path);
	(void) rmdir(folder);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(c.image_fd, -1);
	assert_non_null(strstr(c.messages, "took longer than 60 seconds and was ended"));
	if (took < COMPILER_TIMEOUT_SEC || took > COMPILER_TIMEOUT_SEC + 10)
		fail_msg("it took %lu seconds", took);
	assert_int_equal(seen.idle, geteuid() == 0);
	assert_int_equal(seen.late, SCHED_OTHER);
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
