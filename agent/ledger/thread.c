#include "agent/ledger/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "policy/base/clock.h"

enum {
	STACK_SIZE = 512 * 1024, /* the name service's modules run on it, too */
	POLL_MSEC = 2,
};

int thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	(void) sigfillset(&all);
	(void) pthread_attr_init(&attributes);
	(void) pthread_attr_setstacksize(&attributes, STACK_SIZE);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, &attributes, run, argument);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void) pthread_attr_destroy(&attributes);
	return -r;
}

/* Asks again and again: pthread_timedjoin_np() would follow steps of the wall clock. */
int thread_join(pthread_t thread, uint64_t timeout_usec)
{
	static const struct timespec pause = { .tv_nsec = POLL_MSEC * 1000000L };
	uint64_t deadline = clock_boot_usec() + timeout_usec;

	while (pthread_tryjoin_np(thread, NULL) != 0) {
		if (clock_boot_usec() >= deadline)
			return -ETIMEDOUT;
		(void) nanosleep(&pause, NULL);
	}
	return 0;
}
