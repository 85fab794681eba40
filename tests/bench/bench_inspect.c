/*
 * How long one inspector takes over a file: from the question to the answer, as proscribed asks
 * before a launch, and as it asks when nobody waits. The inspector is a real one, in its sandbox;
 * it has the policy's signatures before the first question that counts.
 *
 * usage: bench_inspect POLICY ROUNDS FILE...      prints "ANSWER ALL SIGNATURES" for each: medians
 *                                                 in microseconds, and how many signatures matched
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "agent/pool/client.h"
#include "policy/base/cleanup.h"
#include "policy/base/ids.h"
#include "policy/source/compiler.h"

enum { ROUNDS_MAX = 1000, TIMEOUT_USEC = 60000000 };

static const char *program;

static int fail(const char *what, int r)
{
	(void) fprintf(stderr, "%s: %s: %s\n", program, what, strerror(-r));
	return 1;
}

static double now_usec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static int measure(struct client *c, const struct client_request *request, long rounds,
	double *ret_usec, struct facts *ret)
{
	double took[ROUNDS_MAX] = { 0 };
	int error = 0, r = 0;

	for (long i = -1; i < rounds && r == 0; i++) { /* the first does not count */
		const double begin = now_usec();

		r = client_inspect(c, request, TIMEOUT_USEC, &error, ret);
		r = r < 0 ? r : error;
		if (i >= 0)
			took[i] = now_usec() - begin;
	}
	if (r < 0)
		return r;
	qsort(took, (size_t) rounds, sizeof(took[0]), by_size);
	*ret_usec = took[rounds / 2];
	return 0;
}

static int measure_file(struct client *c, const struct policy *p, const char *path, long rounds)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct metadata_list none = { 0 };
	struct client_request request = { .fd = fd, .path = "", .metadata = &none, .policy = p };
	double answer = 0, all = 0;
	struct facts f;
	int r = fd < 0 ? -errno : 0;

	request.scan = SCAN_ANSWER;
	r = r < 0 ? r : measure(c, &request, rounds, &answer, &f);
	request.scan = SCAN_ALL;
	r = r < 0 ? r : measure(c, &request, rounds, &all, &f);
	if (r < 0)
		return fail(path, r);
	(void) printf("%.0f %.0f %" PRIu32 "\n", answer, all, f.n_signatures);
	return 0;
}

static int measure_all(const char *folder, long rounds, char *const files[])
{
	_cleanup_(compiled_done) struct compiled compiled;
	_cleanup_(policy_unrefp) struct policy *policy = NULL;
	_cleanup_close_ int stop = eventfd(0, EFD_CLOEXEC);
	uid_t uid = (uid_t) -1;
	gid_t gid = (gid_t) -1;
	struct client c;
	int status = 0, r = compiler_run(folder, 0, &compiled);

	if (r == 0 && compiled.image_fd < 0)
		r = -EINVAL;
	if (r < 0)
		(void) fputs(compiled.messages ? compiled.messages : "", stderr);
	r = r < 0 ? r : policy_open(compiled.image_fd, &policy);
	if (r < 0)
		return fail(folder, r);
	if (geteuid() == 0)
		ids_unprivileged(&uid, &gid);
	r = client_start(&c, uid, gid, false, stop);
	if (r < 0)
		return fail("an inspector", r);
	for (size_t i = 0; files[i] && status == 0; i++)
		status = measure_file(&c, policy, files[i], rounds);
	client_stop(&c);
	return status;
}

int main(int argc, char *argv[])
{
	const long rounds = argc > 3 ? strtol(argv[2], NULL, 10) : 0;

	program = argv[0];
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		(void) fprintf(stderr, "usage: %s POLICY ROUNDS FILE...\n", program);
		return 2;
	}
	return measure_all(argv[1], rounds, argv + 3);
}
