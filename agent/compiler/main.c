/*
 * proscribe-compiler: reads a policy or a settings file on behalf of whoever started it. Enters its
 * sandbox before it reads the first byte, gets files as descriptors on socket 3, writes the result
 * and the messages to two memfds, and ends. Trusts nothing but the order of wire.h.
 */
#include <stdlib.h>
#include <sys/syscall.h>

#include "agent/compiler/serve.h"
#include "agent/compiler/warm_up.h"
#include "agent/sandbox/sandbox.h"
#include "policy/base/cleanup.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"
#include "policy/source/compiler.h"
#include "policy/source/wire.h"

enum { COMPILER_FDS_MAX = 16 + WIRE_SIGNED_FILES_MAX }; /* most are read when they are used */
#define COMPILER_MEMORY_MAX (UINT64_C(2) << 30)

/* A sanitizer takes its alternate signal stack down at the end. */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

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
#if SANITIZED
	__NR_sigaltstack,
#endif
};

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

int main(void)
{
	int r = enter();

	if (r < 0) {
		(void) log_error_errno(r, "Cannot enter the sandbox, so nothing is read: %m");
		_exit(EXIT_FAILURE);
	}
	_exit(serve(WIRE_FD) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
