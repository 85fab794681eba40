/*
 * Measures launches and opens as an unprivileged program would do them: of one file and of another
 * in turns, so that whatever else the machine does meets both alike. Prints the p50 of each, in
 * nanoseconds.
 *
 * usage: bench_launch launch COUNT PROGRAM REFERENCE   posix_spawn() of the program + waitpid()
 *        bench_launch apart COUNT PROGRAM REFERENCE    the same, 30 ms apart
 *        bench_launch open COUNT FOLDER REFERENCE      open() + close() of FOLDER/0, FOLDER/1, ...
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

enum { COUNT_MAX = 1000000, APART_USEC = 30000 };

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

static int launch(const char *program)
{
	char *const arguments[] = { (char *) program, NULL };
	char *const environment[] = { NULL };
	int status;
	pid_t pid;
	int r = posix_spawn(&pid, program, NULL, NULL, arguments, environment);

	if (r != 0)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int open_and_close(const char *folder, size_t number)
{
	char path[4096];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/%zu", folder, number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void) close(fd);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static int measure(const char *what, const char *path, size_t number, uint64_t *ret)
{
	uint64_t begun;
	int r;

	if (strcmp(what, "apart") == 0)
		(void) usleep(APART_USEC);
	begun = now_nsec();
	r = strcmp(what, "open") == 0 ? open_and_close(path, number) : launch(path);
	*ret = now_nsec() - begun;
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

int main(int argc, char *argv[])
{
	_cleanup_free_ uint64_t *took = NULL, *reference = NULL;
	size_t count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;

	if (count == 0 || count > COUNT_MAX) {
		fprintf(stderr, "usage: %s launch|apart|open COUNT PATH REFERENCE\n", argv[0]);
		return 2;
	}
	took = calloc(count, sizeof(*took));
	reference = calloc(count, sizeof(*reference));
	if (!took || !reference)
		return 1;
	for (size_t i = 0; i < count; i++)
		if (measure(argv[1], argv[3], i, &took[i]) < 0 ||
			measure(argv[1], argv[4], i, &reference[i]) < 0)
			return 1;
	qsort(took, count, sizeof(*took), compare);
	qsort(reference, count, sizeof(*reference), compare);
	printf("%llu %llu\n", (unsigned long long) took[count / 2],
		(unsigned long long) reference[count / 2]);
	return 0;
}
