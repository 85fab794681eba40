/*
 * proscribe-compiler: reads a policy or a settings file on behalf of whoever started it. Enters its
 * sandbox before it reads the first byte, gets files as descriptors on socket 3, writes the result
 * and the messages to two memfds, and ends. Trusts nothing but the order of wire.h.
 */
#include <openssl/evp.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/sandbox/sandbox.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"
#include "policy/source/compile.h"
#include "policy/source/compiler.h"
#include "policy/source/settings_file.h"
#include "policy/source/wire.h"

enum {
	COMPILER_FDS_MAX = 16,
	WARM_UP_SORT_SIZE = 4096, /* more than qsort(3) sorts on its stack */
};
#define COMPILER_MEMORY_MAX (UINT64_C(2) << 30)

static const int syscalls[] = {
	__NR_brk,
	__NR_clock_gettime,
	__NR_close,
	__NR_exit,
	__NR_exit_group,
	__NR_fcntl,
	__NR_fstat,
	__NR_ftruncate,
	__NR_futex,
	__NR_getpid,
	__NR_getrandom,
	__NR_lseek,
	__NR_madvise,
	__NR_mmap,
	__NR_mprotect,
	__NR_mremap,
	__NR_munmap,
	__NR_newfstatat,
	__NR_pread64,
	__NR_pwrite64,
	__NR_read,
	__NR_recvmsg,
	__NR_restart_syscall,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_sendmsg,
	__NR_write,
#if defined(__SANITIZE_ADDRESS__)
	__NR_sigaltstack,
#endif
};

/* One run. Everything is kept until the process ends. */
struct run {
	union wire begin;
	int result_fd, messages_fd;
	struct source files[POLICY_FILES_MAX];
	union wire names[POLICY_FILES_MAX];
	struct messages *messages;
};

static int by_byte(const void *a, const void *b)
{
	return *(const unsigned char *) a - *(const unsigned char *) b;
}

/* What the libraries look up once and remember: libcrypto its configuration, qsort(3) of some glibc
 * versions the size of memory. In the sandbox they could not. */
static int warm_up(void)
{
	unsigned char digest[EVP_MAX_MD_SIZE], sorted[WARM_UP_SORT_SIZE] = { 0 };
	unsigned int size;

	qsort(sorted, sizeof(sorted), 1, by_byte);
	return EVP_Digest("", 0, digest, &size, EVP_sha256(), NULL) == 1 ? 0 : -ENOTSUP;
}

static int enter(void)
{
	struct sandbox s = {
		.uid = (uid_t) -1,
		.gid = (gid_t) -1,
		.memory_max = COMPILER_MEMORY_MAX,
		.cpu_sec_max = COMPILER_TIMEOUT_SEC,
		.file_size_max = WIRE_IMAGE_MAX,
		.files_max = COMPILER_FDS_MAX,
		.syscalls = syscalls,
		.n_syscalls = ARRAY_SIZE(syscalls),
	};
	int r = warm_up();

	if (r < 0)
		return r;
	if (geteuid() == 0)
		ids_unprivileged(&s.uid, &s.gid);
	return sandbox_enter(&s);
}

static int receive_file(struct run *run, size_t i)
{
	_cleanup_close_ int fd = -1;
	char *text;
	int r = wire_receive(WIRE_FD, WIRE_FILE, &run->names[i], &fd);

	if (r < 0)
		return r;
	if (!memchr(run->names[i].file.name, '\0', sizeof(run->names[i].file.name)))
		return -EPROTO;
	r = fd_read_file(fd, POLICY_FILE_SIZE_MAX, &text, &run->files[i].size);
	if (r < 0)
		return r;
	run->files[i].text = text;
	run->files[i].name = run->names[i].file.name;
	return 0;
}

static int receive(struct run *run)
{
	int fds[WIRE_FDS_MAX];
	int r = wire_receive(WIRE_FD, WIRE_BEGIN, &run->begin, fds);

	if (r < 0)
		return r;
	run->result_fd = fds[0];
	run->messages_fd = fds[1];
	if (run->begin.begin.n_files > POLICY_FILES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < run->begin.begin.n_files && r == 0; i++)
		r = receive_file(run, i);
	return r;
}

static int compile_policy(struct run *run)
{
	_cleanup_(builder_freep) struct builder *builder = NULL;
	int r = policy_compile(run->files, run->begin.begin.n_files, run->messages, &builder);

	return r < 0 ? r : builder_write(builder, run->result_fd);
}

static int compile_settings(struct run *run)
{
	struct settings settings;
	int r;

	if (run->begin.begin.n_files != 1)
		return -EPROTO;
	r = settings_file_read(&run->files[0], run->messages, &settings);
	return r < 0 ? r : fd_write_full(run->result_fd, &settings, sizeof(settings));
}

static int answer(struct run *run, int error)
{
	_cleanup_free_ char *text = NULL;
	union wire m = { .result = { .type = WIRE_RESULT, .error = error } };
	off_t size = lseek(run->result_fd, 0, SEEK_END);
	int r = messages_format(run->messages, COMPILER_MESSAGES_MAX, &text);

	if (r == 0)
		r = fd_write_full(run->messages_fd, text, strlen(text));
	if (r < 0)
		return r;
	m.result.n_errors = messages_count(run->messages, MESSAGE_ERROR);
	m.result.n_warnings = messages_count(run->messages, MESSAGE_WARNING);
	m.result.size = size > 0 ? (uint64_t) size : 0;
	m.result.messages_size = strlen(text);
	return wire_send(WIRE_FD, &m, NULL);
}

static int serve(void)
{
	static const union wire ready = { .ready = { .type = WIRE_READY } };
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	r = messages_new(&run->messages);
	if (r == 0)
		r = wire_send(WIRE_FD, &ready, NULL);
	if (r == 0)
		r = receive(run);
	if (r < 0)
		return r;
	switch (run->begin.begin.kind) {
	case WIRE_POLICY:
		return answer(run, compile_policy(run));
	case WIRE_SETTINGS:
		return answer(run, compile_settings(run));
	default:
		return -EPROTO;
	}
}

int main(void)
{
	int r = enter();

	if (r < 0) {
		(void) log_error_errno(r, "Cannot enter the sandbox, so nothing is read: %m");
		_exit(EXIT_FAILURE);
	}
	_exit(serve() < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
