/*
 * Stands in for proscribe-compiler and does what one that was taken over, or broke down, could do.
 * Which of these, the file fake-compiler.mode beside it says.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/source/compiler.h"
#include "policy/source/wire.h"

static int fds[2];   /* result, messages */
static int trust_fd; /* of a signed policy: where the new bundle goes */

static void read_mode(char *out, size_t size)
{
	char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	_cleanup_fclose_ FILE *f = NULL;

	path[n > 0 ? n : 0] = '\0';
	strcpy(strrchr(path, '/') + 1, "fake-compiler.mode");
	f = fopen(path, "re");
	if (!f || !fgets(out, (int) size, f))
		exit(3);
}

static void greet(void)
{
	union wire m = { .ready = { .type = WIRE_READY } };

	(void) wire_send(WIRE_FD, &m, NULL);
	if (wire_receive(WIRE_FD, WIRE_BEGIN, &m, fds) < 0)
		exit(4);
	if (m.begin.kind == WIRE_SIGNED) {
		union wire order;
		int trust[3];

		if (wire_receive(WIRE_FD, WIRE_TRUST, &order, trust) < 0)
			exit(7);
		trust_fd = trust[0];
	}
	for (uint32_t n = m.begin.n_files; n > 0; n--) {
		union wire file;
		int fd;

		if (wire_receive(WIRE_FD, WIRE_FILE, &file, &fd) < 0)
			exit(5);
		(void) close(fd);
	}
}

static void answer(int error, uint32_t n_errors, uint64_t size, uint64_t messages_size)
{
	union wire m = { .result = { WIRE_RESULT, error, n_errors, 0, size, messages_size } };

	(void) wire_send(WIRE_FD, &m, NULL);
}

/* What it trusts now, a bundle of 3 bytes, and then no image. */
static void trust(int error, uint64_t size, int64_t root, uint32_t same, uint32_t n_signers)
{
	static union wire m;

	m.trusted = (struct wire_trusted){ .type = WIRE_TRUSTED,
		.error = error,
		.bundle_size = size,
		.root_version = root,
		.same = same,
		.summary = { .n_signers = n_signers } };
	(void) fd_write_full(trust_fd, "abc", 3);
	(void) wire_send(WIRE_FD, &m, NULL);
}

static void act_on_trust(const char *mode)
{
	const struct {
		const char *mode;
		int error;
		uint64_t size;
		int64_t root;
		uint32_t same, n_signers;
		int result;
		uint32_t n_errors;
	} lies[] = {
		{ "trust: good", 0, 3, 1, 1, 0, 0, 0 },
		{ "trust: refused", -ESTALE, 3, 1, 0, 0, -EINVAL, 1 },
		{ "trust: another size", 0, 4, 1, 1, 0, 0, 0 },
		{ "trust: no root", 0, 3, 0, 1, 0, 0, 0 },
		{ "trust: a negative root", 0, 3, -1, 1, 0, 0, 0 },
		{ "trust: signers without end", 0, 3, 1, 1, TRUST_SIGNERS_MAX + 1, 0, 0 },
		{ "trust: signers without names", 0, 3, 1, 1, 1, 0, 0 },
		{ "trust: a positive error", 5, 3, 1, 0, 0, -EINVAL, 1 },
		{ "trust: refused, and fine", -ESTALE, 3, 1, 0, 0, 0, 0 },
		{ "trust: refused, and the same", -ESTALE, 3, 1, 1, 0, -EINVAL, 1 },
		{ "trust: the same, and errors", 0, 3, 1, 1, 0, -EINVAL, 1 },
		{ "trust: another one, and no image", 0, 3, 1, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
		if (!strcmp(mode, lies[i].mode)) {
			trust(lies[i].error, lies[i].size, lies[i].root, lies[i].same,
				lies[i].n_signers);
			answer(lies[i].result, lies[i].n_errors, 0, 0);
		}
}

/* A grandchild that keeps the image mapped for writing after its parent is gone. */
static void keep_mapped(void)
{
	char *p;

	if (ftruncate(fds[0], 4096) < 0)
		exit(6);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (p == MAP_FAILED)
		exit(6);
	if (fork() == 0) {
		(void) poll(NULL, 0, 3000);
		p[0] = 'x';
		_exit(0);
	}
	answer(0, 0, 4096, 0);
}

static void write_messages(const char *text, size_t n)
{
	(void) fd_write_full(fds[1], text, n);
	answer(-EINVAL, 1, 0, n);
}

static void flood_messages(void)
{
	static char much[COMPILER_MESSAGES_MAX + 1];

	memset(much, 'x', sizeof(much));
	if (fd_write_full(fds[1], much, sizeof(much)) == 0)
		answer(-EINVAL, 1, 0, sizeof(much));
	answer(-EINVAL, 1, 0, sizeof(much));
}

static void act(const char *mode)
{
	if (!strcmp(mode, "flood"))
		flood_messages();
	else if (!strcmp(mode, "escape"))
		write_messages("p: error: \x1b[2J\xff\n\xe2\x80\xae\n", 18);
	else if (!strcmp(mode, "mapped"))
		keep_mapped();
	else if (!strcmp(mode, "garbage")) {
		(void) fd_write_full(fds[0], "garbage", 7);
		answer(0, 0, 7, 0);
	} else if (!strcmp(mode, "no image"))
		answer(0, 0, 0, 0);
	else if (!strcmp(mode, "wrong size"))
		answer(0, 0, 7, 0);
	else if (!strcmp(mode, "errors and an image"))
		answer(0, 1, 0, 0);
	else if (!strcmp(mode, "no image and no errors"))
		answer(-EINVAL, 0, 0, 0);
	else if (!strcmp(mode, "positive error"))
		answer(5, 1, 0, 0);
	else if (!strcmp(mode, "no memory"))
		answer(-ENOMEM, 0, 0, 0);
	else if (!strcmp(mode, "exit"))
		exit(1);
	else if (!strcmp(mode, "sigsys"))
		(void) raise(SIGSYS);
	else if (!strcmp(mode, "segv"))
		(void) raise(SIGSEGV);
	else if (!strcmp(mode, "hang"))
		(void) poll(NULL, 0, -1);
	else if (!strcmp(mode, "cut result"))
		(void) send(WIRE_FD, &(uint32_t){ WIRE_RESULT }, 4, 0);
	else if (!strcmp(mode, "long result")) {
		static union wire m = { .type = WIRE_RESULT };

		(void) send(WIRE_FD, &m, sizeof(m), 0);
	} else if (!strcmp(mode, "descriptor"))
		(void) fd_send(WIRE_FD, &(struct wire_result){ .type = WIRE_RESULT },
			sizeof(struct wire_result), fds, 1);
}

int main(void)
{
	char mode[64];

	(void) signal(SIGSEGV, SIG_DFL);
	read_mode(mode, sizeof(mode));
	if (!strcmp(mode, "result first")) {
		answer(0, 0, 0, 0);
		return 0;
	}
	if (!strcmp(mode, "silent exit"))
		return 0;
	greet();
	act(mode);
	act_on_trust(mode);
	return 0;
}
