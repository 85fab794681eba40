/*
 * What is left to a process behind agent/sandbox: children of this program enter it and try. The
 * system call rows use the inspector's own allowlist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/inspector/allowlist.h"
#include "policy/base/cleanup.h"

enum { NOBODY = 65534, EXIT_NOT_ENTERED = 101, SIZE = 4096 };

static struct sandbox sandbox(void)
{
	const unsigned id = geteuid() == 0 ? NOBODY : (unsigned) -1;

	return inspector_sandbox(id, id);
}

/* ---- system calls ---- */

static void *map(int protection)
{
	return mmap(NULL, SIZE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long try_open(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_old_open(void)
{
#ifdef __NR_open
	return syscall(__NR_open, "/", O_RDONLY);
#else
	return syscall(__NR_openat, AT_FDCWD, "/", O_RDONLY);
#endif
}

static long try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long try_execve(void)
{
	return syscall(__NR_execve, "/bin/true", NULL, NULL);
}

static long try_fork(void)
{
	return syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_kill(void)
{
	return kill(1, 0);
}

static long try_write(void)
{
	return write(STDERR_FILENO, "", 0);
}

static long try_map_executable(void)
{
	return map(PROT_READ | PROT_EXEC) != MAP_FAILED;
}

static long try_make_executable(void)
{
	return mprotect(map(PROT_READ), SIZE, PROT_READ | PROT_EXEC);
}

static long try_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long try_memfd(void)
{
	return memfd_create("x", 0);
}

static long try_io_uring(void)
{
	return syscall(__NR_io_uring_setup, 1, NULL);
}

static long try_userfaultfd(void)
{
	return syscall(__NR_userfaultfd, 0);
}

#ifdef __x86_64__
static long try_x32(void)
{
	return syscall(0x40000000 | __NR_fstat, 0, NULL);
}

static long try_i386(void)
{
	long r = 20; /* getpid in the 32-bit table */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	return r;
}
#endif

static long try_map(void)
{
	char *p = map(PROT_READ | PROT_WRITE);

	if (p == MAP_FAILED)
		return 1;
	p[0] = 1;
	return munmap(p, SIZE);
}

static long try_stat_and_read(void)
{
	struct stat st;
	char c;

	return fstat(0, &st) < 0 ? 1 : pread(0, &c, 1, 0) != 1;
}

static const struct {
	const char *name;
	long (*run)(void);
	bool kills;
} calls[] = {
	{ "open a file", try_open, true },
	{ "open(2) by its old number", try_old_open, true },
	{ "make a socket", try_socket, true },
	{ "run a program", try_execve, true },
	{ "fork", try_fork, true },
	{ "trace", try_ptrace, true },
	{ "signal", try_kill, true },
	{ "write", try_write, true },
	{ "map executable memory", try_map_executable, true },
	{ "make memory executable", try_make_executable, true },
	{ "become dumpable again", try_prctl, true },
	{ "make a memfd", try_memfd, true },
	{ "make an io_uring", try_io_uring, true },
	{ "make a userfaultfd", try_userfaultfd, true },
#ifdef __x86_64__
	{ "call by an x32 number", try_x32, true },
	{ "call through the 32-bit gate", try_i386, true },
#endif
	{ "map memory to write to", try_map, false },
	{ "read a descriptor it holds", try_stat_and_read, false },
};

/* Runs @run behind @s in a child; returns its wait status. */
static int run_behind(const struct sandbox *s, long (*run)(void))
{
	int status, zero = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void) dup2(zero, 0);
		/* Not _exit(), before which a sanitizer makes calls of its own. */
		if (sandbox_enter(s) < 0)
			(void) syscall(__NR_exit_group, EXIT_NOT_ENTERED);
		(void) syscall(__NR_exit_group, run() & 0x3f);
	}
	(void) close(zero);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_system_calls(void **state)
{
	const struct sandbox s = sandbox();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int status = run_behind(&s, calls[i].run);
		bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

		/* A kernel without the 32-bit gate ends the process by itself. */
		if (strstr(calls[i].name, "gate") && WIFSIGNALED(status))
			killed = true;
		if (calls[i].kills ? !killed : status != 0)
			fail_msg("%s: wait status %#x", calls[i].name, status);
	}
}

/* ---- what is lost besides, seen by a process that may still look ---- */

static int look_at_limits(void)
{
	static const int none[] = { RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NPROC, RLIMIT_MEMLOCK };
	struct rlimit l;

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (getrlimit((__rlimit_resource_t) none[i], &l) < 0 || l.rlim_max != 0)
			return 1;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_max != 32)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	return 0;
}

static int look_at_capabilities(void)
{
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (geteuid() == NOBODY && prctl(PR_CAPBSET_READ, c, 0, 0, 0) != 0)
			return 10;
	return syscall(__NR_setuid, 0) == 0 || syscall(__NR_setgid, 0) == 0 ? 11 : 0;
}

static int look_at_root(void)
{
	_cleanup_closedir_ DIR *root = opendir("/");
	struct dirent *e;

	if (geteuid() != NOBODY)
		return 0;
	/* An empty root may be so empty that it cannot even be listed. */
	while (root && (e = readdir(root)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return 20;
	if (access("/proc", F_OK) == 0 || access("../../../etc", F_OK) == 0)
		return 21;
	if (mkdir("/x", 0700) == 0 || open("x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0)
		return 22;
	return chroot("/") == 0 ? 23 : 0;
}

static int look_at_network(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (geteuid() != NOBODY || s < 0)
		return 0;
	if (ioctl(s, SIOCGIFFLAGS, &request) < 0)
		return 30;
	return request.ifr_flags & IFF_UP ? 31 : 0;
}

static long look(void)
{
	int r = look_at_limits();

	r = r ?: look_at_capabilities();
	r = r ?: look_at_root();
	return r ?: look_at_network();
}

static const int looking[] = { __NR_openat, __NR_getdents64, __NR_newfstatat, __NR_fstat,
	__NR_prlimit64, __NR_prctl, __NR_geteuid, __NR_setuid, __NR_setgid, __NR_faccessat,
	__NR_mkdirat, __NR_chroot, __NR_socket, __NR_ioctl, __NR_close, __NR_brk, __NR_mmap,
	__NR_munmap, __NR_mremap, __NR_madvise, __NR_exit_group, __NR_fcntl,
#ifdef __NR_access
	__NR_access, __NR_mkdir,
#endif
	__NR_getrandom, __NR_sched_yield, __NR_futex, __NR_getpid, __NR_gettid,
	__NR_rt_sigprocmask };

static void test_what_is_lost(void **state)
{
	struct sandbox s = sandbox();
	int status;

	(void) state;
	s.syscalls = looking;
	s.n_syscalls = ARRAY_SIZE(looking);
	s.files_max = 32;
	status = run_behind(&s, look);
	if (status != 0)
		fail_msg("wait status %#x (finding %d)", status, WEXITSTATUS(status));
}

static void test_no_weaker_second_best(void **state)
{
	struct {
		const char *name;
		struct sandbox s;
		bool root;
	} rows[] = {
		{ "root stays root", inspector_sandbox((uid_t) -1, (gid_t) -1), true },
		{ "root becomes root", inspector_sandbox(0, NOBODY), true },
		{ "root keeps its group", inspector_sandbox(NOBODY, 0), true },
		{ "no allowlist", sandbox(), true },
		{ "no allowlist, not root", sandbox(), false },
		{ "somebody becomes somebody else", inspector_sandbox(1, 1), false },
	};

	(void) state;
	rows[3].s.n_syscalls = rows[4].s.n_syscalls = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status;

		if (rows[i].root != (geteuid() == 0))
			continue;
		status = run_behind(&rows[i].s, try_map);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_NOT_ENTERED)
			fail_msg("%s: wait status %#x", rows[i].name, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_what_is_lost),
		cmocka_unit_test(test_no_weaker_second_best),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
