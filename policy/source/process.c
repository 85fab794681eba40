#include "policy/source/process.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/idle.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"
#include "policy/image/policy.h"

#define COMPILER_PROGRAM PROCESS_PROGRAM

/* Older headers do not know it; older kernels refuse it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

enum { COMPILER_PATIENCE_USEC = 1000000 }; /* for a compiler to end by itself */

void process_init(struct process *p, enum wire_kind kind)
{
	*p = (struct process){
		.kind = kind, .result_fd = -1, .messages_fd = -1, .trusted_fd = -1, .socket = -1
	};
}

void process_done(struct process *p)
{
	cleanup_closep(&p->result_fd);
	cleanup_closep(&p->messages_fd);
	cleanup_closep(&p->trusted_fd);
	cleanup_closep(&p->socket);
	free(p->failure);
}

int process_memfd(const char *name, int *ret)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

/* The messages have all their room from the beginning and cannot be given more. */
static int open_results(struct process *r)
{
	int k = process_memfd("proscribe-policy", &r->result_fd);

	if (k == 0)
		k = process_memfd("proscribe-messages", &r->messages_fd);
	if (k == 0 && r->kind == WIRE_SIGNED)
		k = process_memfd("proscribe-trust", &r->trusted_fd);
	if (k < 0)
		return k;
	if (ftruncate(r->messages_fd, COMPILER_MESSAGES_MAX) < 0 ||
		fcntl(r->messages_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -errno;
	return 0;
}

static int start(struct process *r)
{
	int pair[2], k;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r->socket = pair[0];
	k = fcntl(r->socket, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (k == 0)
		k = spawn_helper(
			&(struct spawn){ .program = COMPILER_PROGRAM, .fds = &pair[1], .n_fds = 1 },
			&r->pid);
	(void) close(pair[1]);
	if (k == 0 && r->gives_way)
		idle_send(r->pid, &r->idle);
	return k;
}

static int wait_for(struct process *r, short events)
{
	for (;;) {
		uint64_t now = clock_boot_usec(), next = r->deadline_usec;
		struct pollfd p = { .fd = r->socket, .events = events };
		int k;

		if (now >= r->deadline_usec)
			return -ETIMEDOUT;
		idle_check(&r->idle);
		if (r->idle.check_usec < next)
			next = r->idle.check_usec;
		k = poll(&p, 1, (int) ((next - now) / USEC_PER_MSEC) + 1);
		if (k > 0)
			return 0;
		if (k < 0 && errno != EINTR)
			return -errno;
	}
}

static int say(struct process *r, const union wire *m, const int fds[])
{
	int k;

	while ((k = wire_send(r->socket, m, fds)) == -EAGAIN) {
		k = wait_for(r, POLLOUT);
		if (k < 0)
			return k;
	}
	return k == -ECONNRESET ? -EPIPE : k;
}

static int hear(struct process *r, enum wire_type type, union wire *ret)
{
	int k;

	while ((k = wire_receive(r->socket, type, ret, NULL)) == -EAGAIN) {
		k = wait_for(r, POLLIN);
		if (k < 0)
			return k;
	}
	return k;
}

static int say_trust(struct process *r)
{
	const int fds[] = { r->trusted_fd, r->trust->bundle_fd, r->trust->root_fd };
	union wire m = { .trust = { .type = WIRE_TRUST, .now_utc_sec = r->trust->now_utc_sec } };

	memcpy(m.trust.in_force, r->trust->in_force, sizeof(m.trust.in_force));
	return say(r, &m, fds);
}

static int say_order(struct process *r)
{
	const int results[] = { r->result_fd, r->messages_fd };
	union wire m = {
		.begin = { .type = WIRE_BEGIN, .kind = r->kind, .n_files = (uint32_t) r->n_files }
	};
	int k = say(r, &m, results);

	if (k == 0 && r->kind == WIRE_SIGNED)
		k = say_trust(r);
	for (size_t i = 0; i < r->n_files && k == 0; i++) {
		memset(&m, 0, sizeof(m));
		m.type = WIRE_FILE;
		k = text_copy(m.file.name, sizeof(m.file.name), r->files[i].name);
		if (k == 0)
			k = say(r, &m, &r->files[i].fd);
	}
	return k;
}

static int converse(struct process *r)
{
	union wire m;
	int k = hear(r, WIRE_READY, &m);

	if (k == 0)
		k = say_order(r);
	if (k == 0 && r->kind == WIRE_SIGNED) {
		k = hear(r, WIRE_TRUSTED, &m);
		if (k == 0)
			r->trusted = m.trusted;
	}
	if (k == 0)
		k = hear(r, WIRE_RESULT, &m);
	if (k == 0)
		r->result = m.result;
	return k;
}

/* One that died tells by its end why, so it gets a moment for that; one that hangs gets none. */
static int reap(struct process *r, uint64_t patience_usec)
{
	int status = 0, k = spawn_reap(r->pid, patience_usec, &status);

	if (k != -ETIMEDOUT)
		return status;
	idle_call_back(&r->idle); /* it takes a processor to end, too */
	(void) kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return status;
}

static int explain(struct process *r, int error, int status)
{
	if (error == -ETIMEDOUT)
		r->failure = folder_message(COMPILER_PROGRAM
			" took longer than %d seconds and was ended; make the policy smaller",
			COMPILER_TIMEOUT_SEC);
	else if (error == -EPIPE && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		r->failure = folder_message(COMPILER_PROGRAM
			" did something its sandbox forbids and was killed; nothing of this "
			"policy is used");
	else if (error == -EPIPE && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		r->failure = folder_message(COMPILER_PROGRAM " was killed by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (error == -EPIPE)
		r->failure = folder_message(
			COMPILER_PROGRAM " ended before it had answered; its own message says why");
	else if (error == -EPROTO)
		r->failure = folder_message(
			COMPILER_PROGRAM " gave an answer that makes no sense; it is not used");
	else if (error == -ENOENT)
		r->failure = folder_message(
			COMPILER_PROGRAM " is not installed beside this program or in " LIBEXECDIR);
	else if (error == -ENOMEM)
		r->failure = folder_message(COMPILER_PROGRAM
			" needs more memory than it may have; make the policy smaller");
	else
		r->failure = folder_message(
			"cannot run " COMPILER_PROGRAM ": %s", strerror(-error));
	return error;
}

/* What the result says must fit together before anything of it is used. */
static int check_result(const struct process *r)
{
	const struct wire_result *w = &r->result;
	struct stat st;

	if (w->messages_size > COMPILER_MESSAGES_MAX || w->size > WIRE_IMAGE_MAX || w->error > 0)
		return -EPROTO;
	if (w->error < 0)
		return w->error != -EINVAL || w->n_errors > 0 ? 0 : -EPROTO;
	if (w->n_errors > 0 || fstat(r->result_fd, &st) < 0 || st.st_size < 0 ||
		(uint64_t) st.st_size != w->size)
		return -EPROTO;
	return 0;
}

int process_run(struct process *r)
{
	int k, status;

	r->deadline_usec = clock_boot_usec() + COMPILER_TIMEOUT_SEC * USEC_PER_SEC;
	r->idle.check_usec = UINT64_MAX;
	k = open_results(r);
	if (k == 0)
		k = start(r);
	if (k < 0)
		return explain(r, k, 0);
	k = converse(r);
	status = reap(r, k == 0 || k == -EPIPE ? COMPILER_PATIENCE_USEC : 0);
	if (k == 0)
		k = check_result(r);
	if (k == 0 && r->result.error < 0 && r->result.error != -EINVAL)
		k = r->result.error;
	return k < 0 ? explain(r, k, status) : 0;
}

/* Escapes once more what came from the child, line by line: it read hostile bytes, and these lines
 * go to somebody's terminal. Text that is escaped already stays as it is. */
static int clean_messages(char *raw, char **ret)
{
	_cleanup_free_ char *text = NULL, *line = malloc(COMPILER_MESSAGES_MAX);
	char *rest = raw, *one;
	size_t size = 0;
	FILE *f = line ? open_memstream(&text, &size) : NULL;

	if (!f)
		return -ENOMEM;
	while ((one = strsep(&rest, "\n")) && rest) {
		text_escape(one, line, COMPILER_MESSAGES_MAX);
		(void) fprintf(f, "%s\n", line);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

int process_messages(const struct process *r, char **ret)
{
	_cleanup_free_ char *raw = calloc(1, r->result.messages_size + 1);
	ssize_t n;

	if (!raw)
		return -ENOMEM;
	n = fd_pread_full(r->messages_fd, raw, r->result.messages_size, 0);
	return n < 0 ? (int) n : clean_messages(raw, ret);
}

/* From here on nobody can change the image: not this process, not one it hands the image to. */
static int seal_image(const struct process *r)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;

	if (fcntl(r->result_fd, F_ADD_SEALS,
		    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return policy_open(r->result_fd, &p);
}

static bool has_image(const struct process *r)
{
	return r->result.error == 0 &&
		(r->kind != WIRE_SIGNED || (r->trusted.error == 0 && !r->trusted.same));
}

int process_compile(struct process *r, struct compiled *ret)
{
	int k = process_run(r);

	if (k == 0)
		k = process_messages(r, &ret->messages);
	if (k == 0 && has_image(r)) {
		k = seal_image(r);
		if (k < 0)
			r->failure = folder_message(COMPILER_PROGRAM
				" made a policy that cannot be read (%s); it is not used",
				strerror(-k));
	}
	if (k < 0) {
		free(ret->messages);
		ret->messages = TAKE_PTR(r->failure);
		return k;
	}
	ret->n_errors = r->result.n_errors;
	ret->n_warnings = r->result.n_warnings;
	if (has_image(r))
		ret->image_fd = TAKE_FD(r->result_fd);
	return 0;
}
