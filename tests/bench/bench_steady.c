/*
 * Launches the programs named on the command line in turns, one after the other, until its input
 * ends, as an unprivileged program would. Prints when each launch began and how long it took, in
 * nanoseconds of CLOCK_MONOTONIC: what stood in its way can be seen by when that was.
 *
 * usage: bench_steady PROGRAM...
 */
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

enum { LAUNCHES_MAX = 1 << 20 };

struct launch {
	uint64_t begun, took;
};

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

static int launch(const char *program, struct launch *ret)
{
	char *const arguments[] = { (char *) program, NULL };
	char *const environment[] = { NULL };
	int status, r;
	pid_t pid;

	ret->begun = now_nsec();
	r = posix_spawn(&pid, program, NULL, NULL, arguments, environment);
	if (r != 0)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	ret->took = now_nsec() - ret->begun;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static bool input_ended(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

int main(int argc, char *argv[])
{
	_cleanup_free_ struct launch *launches = calloc(LAUNCHES_MAX, sizeof(*launches));
	size_t n = 0;

	if (argc < 2 || !launches) {
		fprintf(stderr, "usage: %s PROGRAM...\n", argv[0]);
		return 2;
	}
	while (n < LAUNCHES_MAX && !input_ended()) {
		const char *program = argv[1 + n % (size_t) (argc - 1)];
		int r = launch(program, &launches[n++]);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", program, strerror(-r));
			return 1;
		}
	}
	for (size_t i = 0; i < n; i++)
		printf("%llu %llu\n", (unsigned long long) launches[i].begun,
			(unsigned long long) launches[i].took);
	return 0;
}
