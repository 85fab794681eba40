/*
 * The walker's sandbox: what it may do it can, and everything else ends it. Enters the very list
 * that the program enters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "agent/walker/allowlist.h"
#include "policy/base/cleanup.h"

enum { NOBODY = 65534, EXIT_NOT_ENTERED = 63 };

static char file[64]; /* root's own, closed to all others */

static long list(void)
{
	char buffer[4096];
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 1 : getdents64(fd, buffer, sizeof(buffer)) <= 0;
}

static long ask(void)
{
	struct statx st;

	return statx(AT_FDCWD, file, 0, STATX_SIZE, &st) < 0;
}

static long open_closed(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? errno : close(fd);
}

static long open_to_write(void)
{
	return open(file, O_WRONLY | O_CLOEXEC);
}

static long open_to_read_and_write(void)
{
	return open(file, O_RDWR | O_CLOEXEC);
}

static long make_file(void)
{
	return open("/tmp/walker-made-this", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long cut_file(void)
{
	return open(file, O_RDONLY | O_TRUNC | O_CLOEXEC);
}

static long make_nameless(void)
{
	return open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

static long read_file(void)
{
	char c;

	return syscall(__NR_read, 0, &c, 1);
}

static long read_at(void)
{
	char c;

	return syscall(__NR_pread64, 0, &c, 1, 0);
}

static long write_file(void)
{
	return syscall(__NR_write, 2, "", 0);
}

static long go_online(void)
{
	return syscall(__NR_socket, AF_INET, SOCK_STREAM, 0);
}

static long run_program(void)
{
	return syscall(__NR_execve, "/bin/true", NULL, NULL);
}

static long remove_file(void)
{
	return syscall(__NR_unlinkat, AT_FDCWD, file, 0);
}

static long change_mode(void)
{
	return syscall(__NR_fchmodat, AT_FDCWD, file, 0777);
}

static long mount_something(void)
{
	return syscall(__NR_mount, "none", "/", NULL, 0, NULL);
}

static long fork_off(void)
{
	return syscall(__NR_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static long end_others(void)
{
	return syscall(__NR_kill, getppid(), 0);
}

static long run_memory(void)
{
	return (long) syscall(__NR_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1;
}

static const struct {
	const char *name;
	long (*run)(void);
	bool kills;
} calls[] = {
	{ "to list a folder", list, false },
	{ "to ask for a file's size", ask, false },
	{ "to open a file that is closed to others", open_closed, false },
	{ "to open for writing", open_to_write, true },
	{ "to open for both", open_to_read_and_write, true },
	{ "to make a file", make_file, true },
	{ "to cut a file", cut_file, true },
	{ "to make a file without a name", make_nameless, true },
	{ "to read", read_file, true },
	{ "to read somewhere", read_at, true },
	{ "to write", write_file, true },
	{ "to go online", go_online, true },
	{ "to run a program", run_program, true },
	{ "to remove a file", remove_file, true },
	{ "to change a mode", change_mode, true },
	{ "to mount", mount_something, true },
	{ "to fork", fork_off, true },
	{ "to signal", end_others, true },
	{ "to run memory", run_memory, true },
};

static int run_behind(const struct sandbox *s, long (*run)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(s) < 0)
			(void) syscall(__NR_exit_group, EXIT_NOT_ENTERED);
		(void) syscall(__NR_exit_group, run() & 0x3f);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct sandbox sandbox(void)
{
	const unsigned id = geteuid() == 0 ? NOBODY : (unsigned) -1;

	return walker_sandbox(id, id, 0);
}

static void what_it_may_do(void **state)
{
	const struct sandbox s = sandbox();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int status = run_behind(&s, calls[i].run);
		bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

		if (calls[i].kills ? !killed : status != 0)
			fail_msg("%s: wait status %#x", calls[i].name, status);
	}
}

/* Seen by one that may still look. */
static long look(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t want = geteuid() == NOBODY ? 1u << CAP_DAC_READ_SEARCH : 0;

	if (syscall(__NR_capget, &header, data) < 0)
		return 1;
	if (data[0].permitted != want || data[0].effective != want || data[0].inheritable ||
		data[1].permitted)
		return 2;
	return syscall(__NR_setuid, 0) == 0 ? 3 : 0;
}

static void what_it_keeps(void **state)
{
	static const int looking[] = { __NR_capget, __NR_geteuid, __NR_setuid, __NR_exit_group };
	struct sandbox s = sandbox();

	(void) state;
	if (geteuid() != 0)
		skip();
	s.syscalls = looking;
	s.n_syscalls = ARRAY_SIZE(looking);
	assert_int_equal(run_behind(&s, look), 0);
}

static int make_closed(void **state)
{
	int fd;

	(void) state;
	(void) strcpy(file, "/tmp/walker-XXXXXX");
	fd = mkstemp(file);
	return fd < 0 ? -1 : close(fd);
}

static int remove_closed(void **state)
{
	(void) state;
	return unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may_do),
		cmocka_unit_test(what_it_keeps),
	};

	return cmocka_run_group_tests(tests, make_closed, remove_closed);
}
