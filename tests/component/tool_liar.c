/*
 * Stands in for proscribe-inspector in test_pool and breaks one rule of message.h. Which one is the
 * content of the file `scenario` beside this program.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/inspector/message.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/spawn.h"

enum { SOCKET = SPAWN_FIRST_FD };

static char scenario[64];

static bool is(const char *name)
{
	return strcmp(scenario, name) == 0;
}

static int read_scenario(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("scenario"));
	_cleanup_close_ int fd = -1;

	if (n <= 0)
		return -errno;
	path[n] = '\0';
	(void) stpcpy(strrchr(path, '/') + 1, "scenario");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, scenario, sizeof(scenario) - 1) <= 0 ? -EIO : 0;
}

static void say(const void *message, size_t size)
{
	if (fd_send(SOCKET, message, size, NULL, 0) < 0)
		_exit(0);
}

static void linger(void)
{
	for (;;)
		(void) pause();
}

static void say_hello(void)
{
	struct message_hello hello = { MESSAGE_HELLO, MESSAGE_VERSION };
	struct message_facts facts = { .type = MESSAGE_FACTS, .id = 1 };

	if (is("ends before its hello"))
		_exit(3);
	if (is("could not enter its sandbox"))
		_exit(EXIT_SANDBOX);
	if (is("closes its socket and lingers")) {
		(void) close(SOCKET);
		linger();
	}
	if (is("answers before its hello"))
		say(&facts, sizeof(facts));
	if (is("greets with another version"))
		hello.version++;
	if (is("greets with an unknown type"))
		hello.type = _MESSAGE_TYPE_MAX;
	say(&hello, is("greets too briefly") ? sizeof(hello) - 1 : sizeof(hello));
	if (is("greets twice"))
		say(&hello, sizeof(hello));
}

static void spoil(struct message_facts *m)
{
	struct package p = { .type = PACKAGE_NPM, .name = "a", .version = "1" };

	if (is("answers another question"))
		m->id++;
	if (is("knows a class that is none"))
		m->facts.class = _FILE_CLASS_MAX;
	if (is("counts too many packages"))
		m->facts.n_packages = FACTS_PACKAGES_MAX + 1;
	if (is("leaves a string open"))
		memset(m->facts.interpreter, 'a', sizeof(m->facts.interpreter));
	if (is("tells a digest nobody asked for"))
		m->facts.have = FACTS_SHA256;
	if (is("tells a package without metadata")) {
		m->facts.n_packages = 1;
		m->facts.packages[0] = p;
	}
	if (is("refuses metadata it was not given"))
		m->facts.have = FACTS_METADATA_REFUSED;
	if (is("fails with a positive error"))
		m->error = 1;
	if (is("fails with facts"))
		m->error = -EIO;
	if (is("answers with a request"))
		m->type = MESSAGE_INSPECT;
	if (is("answers with an unknown type"))
		m->type = 77;
}

static void answer(const struct message_inspect *request)
{
	char large[sizeof(struct message_facts) + 1] = { 0 };
	struct message_facts m = { .type = MESSAGE_FACTS, .id = request->id, .facts.size = 1 };
	const int self = SOCKET;

	if (is("ends over a file"))
		_exit(0);
	if (is("never answers"))
		linger();
	spoil(&m);
	if (is("sends a descriptor along")) {
		if (fd_send(SOCKET, &m, sizeof(m), &self, 1) < 0)
			_exit(0);
	} else if (is("answers too briefly")) {
		say(&m, sizeof(m) - 1);
	} else if (is("answers at too great length")) {
		memcpy(large, &m, sizeof(m));
		say(large, sizeof(large));
	} else {
		say(&m, sizeof(m));
	}
	if (is("answers twice"))
		say(&m, sizeof(m));
	if (is("ends after an answer"))
		_exit(0);
}

int main(void)
{
	struct pollfd fd = { .fd = SOCKET, .events = POLLIN };

	if (read_scenario() < 0)
		return 1;
	say_hello();
	for (;;) {
		union message m;
		int fds[MESSAGE_FDS_MAX];
		size_t n_fds;

		(void) poll(&fd, 1, -1);
		if (is("ends before it reads the question"))
			_exit(0);
		if (message_receive(SOCKET, MESSAGE_FROM_AGENT, MESSAGE_READY, &m, fds, &n_fds) < 0)
			return 0;
		for (size_t i = 0; i < n_fds; i++)
			(void) close(fds[i]);
		answer(&m.inspect);
	}
}
