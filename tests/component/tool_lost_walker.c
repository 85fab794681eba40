/*
 * Stands in for proscribe-walker in test_scan and breaks one rule of message.h. Which one is the
 * content of the file `walk` beside this program.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/walker/message.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/spawn.h"

enum { SOCKET = SPAWN_FIRST_FD };

static char way[64];

static bool is(const char *name)
{
	return strcmp(way, name) == 0;
}

static int read_way(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("walk"));
	_cleanup_close_ int fd = -1;

	if (n <= 0)
		return -errno;
	path[n] = '\0';
	(void) stpcpy(strrchr(path, '/') + 1, "walk");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, way, sizeof(way) - 1) <= 0 ? -EIO : 0;
}

static void say(uint32_t type, uint32_t root, const char *path, int fd)
{
	struct walk_message m = { .type = type, .root = root };

	m.flags = type == WALK_HELLO ? WALK_VERSION : 0;
	(void) strncpy(m.path, path, sizeof(m.path) - 1);
	if (walk_send(SOCKET, &m, fd) < 0)
		_exit(0);
}

static void say_known(uint32_t type, uint32_t index, int fd)
{
	struct walk_message m = { .type = type, .flags = WALK_WAS_KNOWN, .index = index };

	(void) strcpy(m.path, "/x");
	(void) walk_send(SOCKET, &m, fd);
}

static void say_bytes(size_t n)
{
	struct walk_message m[2] = { { .type = WALK_PROGRESS } };

	(void) fd_send(SOCKET, m, n, NULL, 0);
}

static void break_a_rule(void)
{
	struct walk_message unended = { .type = WALK_PROGRESS };
	int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), pair[2];

	if (is("dies"))
		_exit(0);
	else if (is("says hello twice"))
		say(WALK_HELLO, 0, "", -1);
	else if (is("is somewhere else"))
		say(WALK_PROGRESS, 7, "/", -1);
	else if (is("is done before it began"))
		say(WALK_DONE, 0, "", -1);
	else if (is("answers what nobody asked"))
		say_known(WALK_FILE, 0, own);
	else if (is("misses what nobody asked for"))
		say_known(WALK_ABSENT, 4000000000u, -1);
	else if (is("gives orders"))
		say(WALK_GO, 0, "", -1);
	else if (is("says too little"))
		say_bytes(17);
	else if (is("says too much"))
		say_bytes(sizeof(struct walk_message) + 1);
	else if (is("hands over nothing"))
		say(WALK_FILE, 0, "/x", -1);
	else if (is("hands over what is not due"))
		say(WALK_PROGRESS, 0, "", own);
	else if (is("has a path without an end")) {
		memset(unended.path, 'x', sizeof(unended.path));
		(void) walk_send(SOCKET, &unended, -1);
	} else if (is("hands over a socket") &&
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		say(WALK_FILE, 0, "/x", pair[0]);
		say(WALK_ROOT_DONE, 0, "", -1);
		say(WALK_DONE, 0, "", -1);
	}
}

int main(void)
{
	struct walk_message m;
	int fd;

	if (read_way() < 0)
		return 9;
	if (is("does not say hello"))
		say(WALK_PROGRESS, 0, "", -1);
	else
		say(WALK_HELLO, 0, "", -1);
	while (walk_receive(SOCKET, WALK_FROM_AGENT, &m, &fd) == 0 && m.type != WALK_GO)
		;
	break_a_rule();
	for (;;)
		(void) pause();
}
