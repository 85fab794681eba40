/*
 * The way down, in every sandboxed program and nowhere else. Each step is checked; the last one,
 * the system call filter, cannot be taken back. The filter is the wall; what comes before it is
 * there for the day a hole is found in the few calls the filter leaves.
 */
#include "agent/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "policy/base/cleanup.h"

/* A sanitizer's shadow takes terabytes of address space, so there is nothing to bound. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADDRESS_SPACE_BOUNDED 0
#elif defined(__has_feature)
#define ADDRESS_SPACE_BOUNDED \
	(!(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)))
#else
#define ADDRESS_SPACE_BOUNDED 1
#endif

static int limit(int resource, uint64_t value)
{
	struct rlimit now, l = { .rlim_cur = value, .rlim_max = value };

	if (getrlimit((__rlimit_resource_t) resource, &now) < 0)
		return -errno;
	if (now.rlim_max < l.rlim_max)
		l.rlim_cur = l.rlim_max = now.rlim_max;
	return setrlimit((__rlimit_resource_t) resource, &l) < 0 ? -errno : 0;
}

static int limit_all(const struct sandbox *s)
{
	int r = 0;

	if (ADDRESS_SPACE_BOUNDED)
		r = limit(RLIMIT_AS, s->memory_max);
	if (r == 0 && s->cpu_sec_max > 0)
		r = limit(RLIMIT_CPU, s->cpu_sec_max);
	r = r ?: limit(RLIMIT_NOFILE, s->files_max);
	r = r ?: limit(RLIMIT_FSIZE, s->file_size_max);
	r = r ?: limit(RLIMIT_CORE, 0);
	r = r ?: limit(RLIMIT_MEMLOCK, 0);
	r = r ?: limit(RLIMIT_MSGQUEUE, 0);
	/* It counts what else the user runs, threads included. */
	return r ?: s->threads ? r : limit(RLIMIT_NPROC, 0);
}

/* No network, System V IPC or host name of the host's. A container's root or a hardened unit may be
 * refused these; the filter, which allows no program of ours socket(2), stands all the same. */
static int leave_namespaces(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0)
		return 0;
	return errno == EPERM || errno == ENOSPC || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
}

/*
 * The emptiest folder there is: /proc/PID/fdinfo of a process that is gone. A child that shares our
 * root (CLONE_FS) moves it there and ends. Nothing is mounted, so no mount is touched or pinned
 * (a mount namespace of our own would keep the host's mounts busy), and CAP_SYS_CHROOT suffices.
 */
static int empty_root(void)
{
	int status;
	pid_t pid;

	pid = (pid_t) syscall(SYS_clone, CLONE_FS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0)
			_exit(errno);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return -EPROTO;
	return -WEXITSTATUS(status);
}

/* An empty root has neither an entry, nor a way up, nor room for one. */
static int verify_root(void)
{
	static const char *const gone[] = { "/proc", "/etc", "/0", "/../proc", "../../proc" };

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		if (faccessat(AT_FDCWD, gone[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return -EPERM;
	return mkdirat(AT_FDCWD, "/x", 0700) == 0 ? -EPERM : 0;
}

static int drop_ids(uid_t uid, gid_t gid, uint64_t capabilities)
{
	uid_t u[3];
	gid_t g[3];

	if (capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			return -EPERM;
	if (getgroups(0, NULL) != 0)
		return -EPERM;
	return setresuid((uid_t) -1, 0, (uid_t) -1) == 0 ? -EPERM : 0;
}

/* Without CAP_SETPCAP the bounding set stays; no_new_privs leaves it nothing to bound. */
static int drop_bounding_set(void)
{
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
			return errno == EPERM ? 0 : -errno;
	return 0;
}

/* All but those of @kept that there are. */
static int drop_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], after[2];

	(void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		data[i].permitted &= (uint32_t) (kept >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data) < 0 || syscall(SYS_capget, &header, after) < 0)
		return -errno;
	return memcmp(data, after, sizeof(data)) == 0 ? 0 : -EPERM;
}

static int close_doors(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -EPERM;
	return 0;
}

static void seccomp_releasep(scmp_filter_ctx *c)
{
	if (*c)
		seccomp_release(*c);
}

/* The families of TCP, of the resolver's services and of glibc's look at the host's addresses. */
static int allow_sockets(scmp_filter_ctx filter)
{
	static const unsigned families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, __NR_socket, 1,
			SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	return r;
}

/* Code of a file that is not written to. */
static int allow_code(scmp_filter_ctx filter, const struct sandbox *s, int nr)
{
	if (nr != __NR_mmap || !s->loads_libraries)
		return 0;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 2,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
		SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));
}

/* Memory may be had, but never memory that can be executed; who still sees files may open them, but
 * only for reading. */
static int allow(scmp_filter_ctx filter, const struct sandbox *s, int nr)
{
	int r;

	if (nr == __NR_socket)
		return allow_sockets(filter);
	if (nr == __NR_clone)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (nr == __NR_clone3) /* its flags are out of the filter's sight: glibc then takes clone */
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
	if (nr == __NR_ioctl &&
		s->loads_libraries) /* a library's question whether something is a terminal */
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), nr, 0);
	if (nr == __NR_openat && s->keeps_root && !s->writes)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ,
				O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), 0));
	if (nr == __NR_mmap || nr == __NR_mprotect) {
		r = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, nr, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		return r ?: allow_code(filter, s, nr);
	}
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
}

static int enter_filter(const struct sandbox *s)
{
	_cleanup_(seccomp_releasep) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < s->n_syscalls && r == 0; i++)
		r = allow(filter, s, s->syscalls[i]);
	return r ?: seccomp_load(filter);
}

int sandbox_become(uid_t uid, gid_t gid)
{
	int r;

	if (uid == 0 || gid == 0 || uid == (uid_t) -1 || gid == (gid_t) -1)
		return -EPERM;
	r = drop_bounding_set();
	r = r ?: drop_ids(uid, gid, 0);
	return r ?: drop_capabilities(0);
}

int sandbox_enter(const struct sandbox *s)
{
	const bool root = geteuid() == 0;
	int r = 0;

	if (s->n_syscalls == 0)
		return -EINVAL;
	if (root && (s->uid == (uid_t) -1 || s->gid == (gid_t) -1 || s->uid == 0 || s->gid == 0))
		return -EPERM;
	if (!root && s->uid != (uid_t) -1)
		return -EPERM;
	if (root) {
		r = leave_namespaces();
		if (!s->keeps_root) {
			r = r ?: empty_root();
			r = r ?: verify_root();
		}
	}
	r = r ?: limit_all(s);
	if (root) {
		r = r ?: drop_bounding_set();
		r = r ?: drop_ids(s->uid, s->gid, s->capabilities);
	}
	r = r ?: drop_capabilities(s->capabilities);
	r = r ?: close_doors();
	if (r == 0 && s->ruleset > 0 && syscall(SYS_landlock_restrict_self, s->ruleset, 0) < 0)
		r = -errno;
	return r ?: enter_filter(s);
}
