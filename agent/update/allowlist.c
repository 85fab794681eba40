#include "agent/update/allowlist.h"

#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/sandbox/landlock.h"
#include "policy/source/compiler.h"
#include "policy/trust/http.h"

/* A sanitizer takes its alternate signal stacks down. */
#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define MEMORY_MAX          (UINT64_C(1) << 30)
#define DESCRIBE_MEMORY_MAX (UINT64_C(256) << 20)
enum { FILES_MAX = 128, CPU_SEC_MAX = 1800, DESCRIBE_CPU_SEC_MAX = 30 };

/* For a look at bytes that were read before, at one file more, and for saying what was seen. */
static const int describe_calls[] = {
	__NR_brk,
	__NR_clock_gettime,
	__NR_close,
	__NR_exit,
	__NR_exit_group,
	__NR_fcntl,
	__NR_fstat,
	__NR_futex,
	__NR_getpid,
	__NR_getrandom,
	__NR_gettid,
	__NR_lseek,
	__NR_madvise,
	__NR_mmap,
	__NR_mprotect,
	__NR_mremap,
	__NR_munmap,
	__NR_newfstatat,
	__NR_openat,
	__NR_ppoll,
	__NR_pread64,
	__NR_read,
	__NR_restart_syscall,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_sendto, /* to standard error */
	__NR_statx,
	__NR_write,
	__NR_writev,
#ifdef __NR_poll
	__NR_poll,
#endif
#if SANITIZED
	__NR_sigaltstack,
#endif
};

static const int update_calls[] = {
	__NR_brk,
	__NR_clock_gettime,
	__NR_close,
	__NR_exit,
	__NR_exit_group,
	__NR_fcntl,
	__NR_fstat,
	__NR_futex,
	__NR_getpid,
	__NR_getrandom,
	__NR_gettid,
	__NR_lseek,
	__NR_madvise,
	__NR_mmap,
	__NR_mprotect,
	__NR_mremap,
	__NR_munmap,
	__NR_newfstatat,
	__NR_openat,
	__NR_ppoll,
	__NR_pread64,
	__NR_read,
	__NR_restart_syscall,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_statx,
	__NR_write,
	__NR_writev,
	/* the state folder */
	__NR_faccessat,
	__NR_faccessat2,
	__NR_flock,
	__NR_fsync,
	__NR_ftruncate,
	__NR_getdents64,
	__NR_linkat,
	__NR_mkdirat,
	__NR_pwrite64,
	__NR_readlinkat,
	__NR_renameat,
	__NR_renameat2,
	__NR_unlinkat,
	/* libcurl, the resolver with its modules and threads, TLS */
	__NR_bind,
	__NR_clock_nanosleep,
	__NR_clone,
	__NR_clone3,
	__NR_connect,
	__NR_dup,
	__NR_epoll_create1,
	__NR_epoll_ctl,
	__NR_epoll_pwait,
	__NR_eventfd2,
	__NR_fstatfs,
	__NR_getegid,
	__NR_geteuid,
	__NR_getgid,
	__NR_getpeername,
	__NR_getppid,
	__NR_getsockname,
	__NR_getsockopt,
	__NR_gettimeofday,
	__NR_getuid,
	__NR_ioctl,
	__NR_nanosleep,
	__NR_pipe2,
	__NR_recvfrom,
	__NR_recvmsg,
	__NR_rseq,
	__NR_sched_getaffinity,
	__NR_sched_yield,
	__NR_sendmmsg,
	__NR_sendmsg,
	__NR_sendto,
	__NR_set_robust_list,
	__NR_setsockopt,
	__NR_shutdown,
	__NR_socket,
	__NR_socketpair,
	__NR_sysinfo,
	__NR_uname,
#ifdef __NR_poll /* of before the calls that take a folder */
	__NR_access,
	__NR_epoll_wait,
	__NR_lstat,
	__NR_poll,
	__NR_readlink,
	__NR_stat,
#endif
#if SANITIZED
	__NR_sigaltstack,
#endif
};

struct sandbox update_sandbox(int ruleset)
{
	return (struct sandbox){
		.uid = (uid_t) -1,
		.gid = (gid_t) -1,
		.memory_max = MEMORY_MAX,
		.cpu_sec_max = CPU_SEC_MAX,
		.file_size_max = POLICY_LIST_SIZE_MAX,
		.files_max = FILES_MAX,
		.keeps_root = true,
		.writes = true,
		.threads = true,
		.loads_libraries = true,
		.ruleset = ruleset,
		.syscalls = update_calls,
		.n_syscalls = ARRAY_SIZE(update_calls),
	};
}

struct sandbox describe_sandbox(int ruleset)
{
	return (struct sandbox){
		.uid = (uid_t) -1,
		.gid = (gid_t) -1,
		.memory_max = DESCRIBE_MEMORY_MAX,
		.cpu_sec_max = DESCRIBE_CPU_SEC_MAX,
		.file_size_max = 1 << 20,
		.files_max = FILES_MAX,
		.keeps_root = true,
		.ruleset = ruleset,
		.syscalls = describe_calls,
		.n_syscalls = ARRAY_SIZE(describe_calls),
	};
}

int update_ruleset(const struct update_settings *s, const char *state, int *ret)
{
	char repository[PATH_MAX];
	const struct landlock_path paths[] = {
		{ state, true },
		{ s->ca_file, false },
		{ s->certificate, false },
		{ s->key, false },
		{ http_folder(s->repository, repository, sizeof(repository)) == 0 ? repository : "",
			false },
		{ "/etc", false },
		{ "/usr", false },
		{ "/lib", false },
		{ "/lib64", false },
		{ "/dev/null", false },
		{ "/dev/urandom", false },
		/* where links from /etc lead */
		{ "/run/systemd/resolve", false },
		{ "/run/NetworkManager", false },
		{ "/run/resolvconf", false },
		{ "/run/nscd", false },
		{ "/var/lib/ca-certificates", false },
	};

	return landlock_new(paths, ARRAY_SIZE(paths), ret);
}

int describe_ruleset(const char *file, int *ret)
{
	const struct landlock_path path = { file ? file : "", false };

	return landlock_new(&path, 1, ret);
}
