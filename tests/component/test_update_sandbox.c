/*
 * What is left to proscribe-update behind its sandbox: children of this program enter it and try.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/sandbox/landlock.h"
#include "agent/update/allowlist.h"
#include "policy/base/cleanup.h"

enum { NOBODY = 65534, EXIT_NOT_ENTERED = 101, SIZE = 4096 };

static char top[] = "/tmp/proscribe-update-XXXXXX", state[64], other[64], readable[64];
static bool landlock = true;

/* ---- system calls: each returns 0 when it was allowed and did its work ---- */

static int try_execve(void)
{
	return (int) syscall(__NR_execve, "/bin/true", NULL, NULL);
}

static int try_fork(void)
{
	return (int) syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static int try_ptrace(void)
{
	return (int) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_kill(void)
{
	return kill(1, 0);
}

static int try_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int try_memfd(void)
{
	return memfd_create("x", 0);
}

static int try_mount(void)
{
	return (int) syscall(__NR_mount, "x", "/", "tmpfs", 0, NULL);
}

static int try_namespace(void)
{
	return (int) syscall(__NR_unshare, 0x10000000);
}

static void *map(int protection, int flags)
{
	return mmap(NULL, SIZE, protection, MAP_PRIVATE | flags, -1, 0);
}

static int try_map_executable(void)
{
	return map(PROT_READ | PROT_EXEC, MAP_ANONYMOUS) == MAP_FAILED;
}

static int try_map_writable_code(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, 0) == MAP_FAILED;
}

static int try_make_executable(void)
{
	return mprotect(map(PROT_READ, MAP_ANONYMOUS), SIZE, PROT_READ | PROT_EXEC);
}

static int try_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0;
}

static int try_tcp_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0;
}

static int try_terminal(void)
{
	/* pushing input into a terminal is what this is about */
	return ioctl(0, TIOCSTI, "x") == 0 || errno != ENOTTY;
}

static void *thread(void *context)
{
	*(int *) context = 1;
	return NULL;
}

static int try_thread(void)
{
	pthread_t t;
	int ran = 0;

	if (pthread_create(&t, NULL, thread, &ran) != 0)
		return 1;
	return pthread_join(t, NULL) != 0 || !ran;
}

static int try_name(void)
{
	struct addrinfo *found = NULL;

	if (getaddrinfo("localhost", "443", NULL, &found) != 0)
		return 1;
	freeaddrinfo(found);
	return 0;
}

/* As an NSS module is loaded. */
static int try_library(void)
{
	return !dlopen("libnss_compat.so.2", RTLD_NOW) && !dlopen("libnss_files.so.2", RTLD_NOW);
}

/* ---- files ---- */

static int open_at(const char *folder, const char *name, int flags)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int refused(int fd)
{
	return fd >= 0 || errno != EACCES;
}

static int write_in_state(void)
{
	int fd = open_at(state, "file", O_WRONLY | O_CREAT | O_TRUNC);

	return fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) < 0;
}

static int move_in_state(void)
{
	char from[128], to[128];

	(void) snprintf(from, sizeof(from), "%s/moved", state);
	(void) snprintf(to, sizeof(to), "%s/folder", state);
	if (open_at(state, "moved", O_WRONLY | O_CREAT) < 0 ||
		(mkdirat(AT_FDCWD, to, 0700) < 0 && errno != EEXIST))
		return 1;
	(void) strcat(to, "/moved");
	return renameat(AT_FDCWD, from, AT_FDCWD, to) < 0 || unlinkat(AT_FDCWD, to, 0) < 0;
}

static int write_elsewhere(void)
{
	return refused(open_at(other, "file", O_WRONLY | O_CREAT));
}

static int read_elsewhere(void)
{
	return refused(open_at(other, "there", O_RDONLY));
}

static int read_repository(void)
{
	return open_at(readable, "there", O_RDONLY) < 0;
}

static int write_repository(void)
{
	return refused(open_at(readable, "file", O_WRONLY | O_CREAT));
}

static int read_etc(void)
{
	return open_at("/etc", "passwd", O_RDONLY) < 0;
}

static int read_proc(void)
{
	return refused(open_at("/proc", "self/status", O_RDONLY));
}

static int read_home(void)
{
	return refused(open_at("/", "root", O_RDONLY | O_DIRECTORY));
}

static int make_link(void)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/link", state);
	return syscall(__NR_symlinkat, "/etc", AT_FDCWD, path) == 0;
}

static int run_behind(int (*run)(void))
{
	char url[96];
	struct update_settings settings = { 0 };
	struct sandbox s;
	int status = 0, ruleset = 0, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		return status;
	}
	(void) snprintf(url, sizeof(url), "file://%s", readable);
	(void) strcpy(settings.repository, url);
	if (geteuid() == 0 && sandbox_become(NOBODY, NOBODY) < 0)
		_exit(EXIT_NOT_ENTERED);
	r = update_ruleset(&settings, state, &ruleset);
	if (r < 0 && r != -EOPNOTSUPP)
		_exit(EXIT_NOT_ENTERED);
	s = update_sandbox(ruleset);
	if (sandbox_enter(&s) < 0)
		_exit(EXIT_NOT_ENTERED);
	_exit(run());
}

static void system_calls(void **unused)
{
	static const struct {
		const char *name;
		int (*run)(void);
		bool kills;
	} rows[] = {
		{ "starts a program", try_execve, true },
		{ "makes a process", try_fork, true },
		{ "is traced", try_ptrace, true },
		{ "signals", try_kill, true },
		{ "changes what the process is", try_prctl, true },
		{ "makes a memory file", try_memfd, true },
		{ "mounts", try_mount, true },
		{ "makes a namespace", try_namespace, true },
		{ "maps executable memory", try_map_executable, true },
		{ "maps code that can be written", try_map_writable_code, true },
		{ "makes memory executable", try_make_executable, true },
		{ "listens to the wire", try_packet_socket, true },
		{ "makes a link", make_link, true },
		{ "connects by TCP", try_tcp_socket, false },
		{ "types into a terminal", try_terminal, false },
		{ "starts a thread", try_thread, false },
		{ "looks up a name", try_name, false },
		{ "loads a module of the resolver", try_library, false },
	};

	(void) unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int status = run_behind(rows[i].run);
		const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

		if (rows[i].kills ? !killed : status != 0)
			fail_msg("%s: wait status %#x", rows[i].name, status);
	}
}

static void files(void **unused)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} rows[] = {
		{ "writes in its state folder", write_in_state },
		{ "moves files between its folders", move_in_state },
		{ "writes elsewhere: refused", write_elsewhere },
		{ "reads elsewhere: refused", read_elsewhere },
		{ "reads a repository of the host", read_repository },
		{ "writes to it: refused", write_repository },
		{ "reads what the resolver needs", read_etc },
		{ "reads of other processes: refused", read_proc },
		{ "reads homes: refused", read_home },
	};

	(void) unused;
	if (!landlock)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int status = run_behind(rows[i].run);

		if (status != 0)
			fail_msg("%s: wait status %#x", rows[i].name, status);
	}
}

/* What is asked of root before anything is read. */
static void nobody_becomes_root(void **unused)
{
	(void) unused;
	assert_int_equal(sandbox_become(0, NOBODY), -EPERM);
	assert_int_equal(sandbox_become(NOBODY, 0), -EPERM);
	assert_int_equal(sandbox_become((uid_t) -1, (gid_t) -1), -EPERM);
}

static void make_folder(char out[64], const char *name)
{
	int fd;

	(void) snprintf(out, 64, "%s/%s", top, name);
	assert_int_equal(mkdir(out, 0777), 0);
	assert_int_equal(chmod(out, 0777), 0);
	fd = open_at(out, "there", O_WRONLY | O_CREAT);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	(void) close(fd);
}

static int set_up(void **unused)
{
	int ruleset = -1;

	(void) unused;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0755), 0);
	make_folder(state, "state");
	make_folder(other, "other");
	make_folder(readable, "repository");
	landlock = landlock_new(NULL, 0, &ruleset) == 0;
	cleanup_closep(&ruleset);
	return 0;
}

static int tear_down(void **unused)
{
	char command[128];

	(void) unused;
	(void) snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command); /* NOLINT(cert-env33-c): a folder of our own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_calls),
		cmocka_unit_test(files),
		cmocka_unit_test(nobody_becomes_root),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
