/*
 * Stands in for proscribe-inspector in test_installed: says what the system is, and then breaks one
 * rule of packages.h. Which one is the content of the file `scenario` beside this program.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "agent/inspector/packages.h"
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

static void say(const union message *m)
{
	if (message_send(SOCKET, m, NULL, 0) < 0)
		_exit(0);
}

static void add(struct message_found *m, const char *record)
{
	memcpy(m->records + m->size, record, strlen(record) + 1);
	m->size += (uint32_t) strlen(record) + 1;
}

/* What an honest inspector would say. */
static void add_truth(struct message_found *m, uint32_t kind)
{
	if (kind == PACKAGES_OS_RELEASE)
		add(m, "sdebian");
	if (kind == PACKAGES_DPKG_STATUS) {
		add(m, "px");
		add(m, "v1");
	}
	if (kind == PACKAGES_DPKG_LIST)
		add(m, "f/x");
}

static void spoil_list(struct message_found *m)
{
	m->size = 0;
	if (is("a path with a way up"))
		add(m, "f/usr/../x");
	if (is("a path that is not absolute"))
		add(m, "fx");
	if (is("a path of another kind of record"))
		add(m, "px");
	if (is("a record of no kind"))
		add(m, "!/x");
	if (is("an empty record"))
		add(m, "");
	if (is("a record without an end")) {
		add(m, "f/x");
		m->size--;
	}
	if (is("more than fits"))
		m->size = sizeof(m->records) + 1;
	if (is("another question")) {
		add(m, "f/x");
		m->id++;
	}
	if (is("a positive error")) {
		add(m, "f/x");
		m->error = 1;
	}
	if (is("an error that is not the last word")) {
		add(m, "f/x");
		m->error = -EIO;
		m->last = 0;
	}
	if (is("nothing, and more to come"))
		m->last = 0;
}

static void spoil_status(struct message_found *m)
{
	if (is("a package nobody asked for")) {
		m->size = 0;
		add(m, "pbash");
	}
	if (is("a version of nothing")) {
		m->size = 0;
		add(m, "v1");
	}
	if (is("a name with a slash")) {
		m->size = 0;
		add(m, "p../x");
	}
}

static void never_end(union message *m)
{
	m->found.last = 0;
	m->found.size = 0;
	while (m->found.size + sizeof("f/y") <= sizeof(m->found.records))
		add(&m->found, "f/y");
	for (;;)
		say(m);
}

static void answer(const struct message_packages *request)
{
	union message m = { .found = { .type = MESSAGE_FOUND, .id = request->id, .last = 1 } };

	add_truth(&m.found, request->kind);
	if (request->kind == PACKAGES_DPKG_STATUS)
		spoil_status(&m.found);
	if (request->kind == PACKAGES_DPKG_LIST && is("ends"))
		_exit(0);
	if (request->kind == PACKAGES_DPKG_LIST && is("records without end"))
		never_end(&m);
	if (request->kind == PACKAGES_DPKG_LIST && !is("the truth"))
		spoil_list(&m.found);
	say(&m);
}

int main(void)
{
	const union message hello = { .hello = { MESSAGE_HELLO, MESSAGE_VERSION } };

	if (read_scenario() < 0)
		return 1;
	say(&hello);
	for (;;) {
		int fds[MESSAGE_FDS_MAX];
		union message m;
		size_t n_fds;

		if (message_receive(SOCKET, MESSAGE_FROM_AGENT, MESSAGE_READY, &m, fds, &n_fds) < 0)
			return 0;
		for (size_t i = 0; i < n_fds; i++)
			(void) close(fds[i]);
		answer(&m.packages);
	}
}
