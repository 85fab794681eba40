/*
 * Runs in proscribectl. Believes the agent, whose texts are escaped all the same when printed.
 */
#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include "ctl/json.h"
#include "policy/base/clock.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"

#define BUS_NAME   "org.proscribe.Agent1"
#define BUS_PATH   "/org/proscribe/Agent1"
#define BUS_SOCKET "/run/proscribe/bus"

enum {
	CALL_TIMEOUT_USEC = 100000000, /* a reload may take COMPILER_TIMEOUT_SEC */
	CALL_TICK_USEC = 200000,
	CHILD_PATIENCE_USEC =
		3000000, /* until our own agent is killed, and again until it is given up */
};

struct client {
	sd_bus *bus;
	const char *destination; /* NULL on a private connection */
	bool offline, lost;
	pid_t child; /* 0: none */
	sd_bus_error error;
};

static void end_child(pid_t pid)
{
	if (pid <= 0 || spawn_reap(pid, CHILD_PATIENCE_USEC, NULL) != -ETIMEDOUT)
		return;
	(void) kill(pid, SIGKILL);
	if (spawn_reap(pid, CHILD_PATIENCE_USEC, NULL) == -ETIMEDOUT)
		complain("proscribed --offline (process %d) hangs: a filesystem that it looked at "
			 "does not answer",
			(int) pid);
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	sd_bus_error_free(&c->error);
	sd_bus_close_unref(c->bus); /* the sign for our own agent to end */
	end_child(c->child);
	free(c);
	return NULL;
}

bool client_offline(const struct client *c)
{
	return c->offline;
}

static int client_new(struct client **ret)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

/* Characters that a D-Bus address cannot hold as they are. */
static int address_of(const char *path, char *out, size_t size)
{
	size_t n = (size_t) snprintf(out, size, "unix:path=");

	for (; *path; path++) {
		int plain = strchr("-_/.", *path) || (*path >= '0' && *path <= '9') ||
			(*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z');

		if (n + 4 > size)
			return -ENAMETOOLONG;
		n += (size_t) snprintf(
			out + n, size - n, plain ? "%c" : "%%%02x", (unsigned char) *path);
	}
	return 0;
}

static int connect_socket(struct client *c, const char *path)
{
	char address[1024];
	struct stat st;
	int r = address_of(path, address, sizeof(address));

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	r = sd_bus_new(&c->bus);
	r = r < 0 ? r : sd_bus_set_address(c->bus, address);
	r = r < 0 ? r : sd_bus_negotiate_fds(c->bus, true);
	return r < 0 ? r : sd_bus_start(c->bus);
}

/* Joining the bus is not enough: somebody must own the name, and nobody is to be started for it. */
static int connect_system(struct client *c)
{
	int r = sd_bus_open_system(&c->bus);

	if (r < 0)
		return r;
	r = sd_bus_call_method(c->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "GetNameOwner", NULL, NULL, "s", BUS_NAME);
	if (r < 0)
		return -ENOENT;
	c->destination = BUS_NAME;
	return 0;
}

/* With sd-bus, connecting fails only at the first answer. */
static int greet(struct client *c)
{
	return sd_bus_call_method(c->bus, c->destination, BUS_PATH, "org.freedesktop.DBus.Peer",
		"Ping", NULL, NULL, "");
}

int client_connect(const struct arguments *a, struct client **ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	int r = client_new(&c), system;

	if (r < 0)
		return r;
	r = connect_socket(c, a->socket ? a->socket : BUS_SOCKET);
	r = r < 0 ? r : greet(c);
	if (r < 0 && !a->socket) {
		c->bus = sd_bus_close_unref(c->bus);
		system = connect_system(c);
		r = system < 0 ? r : greet(c);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int spawn_agent(struct client *c, const char *policy, int image, int socket)
{
	char *arguments[] = { "proscribed", "--offline", "--bus-fd", "3", NULL, NULL, NULL };
	const int fds[] = { socket, image };
	struct spawn s = {
		.program = "proscribed",
		.arguments = arguments,
		.fds = fds,
		.n_fds = image >= 0 ? 2 : 1,
	};

	if (policy || image >= 0) {
		arguments[4] = image >= 0 ? "--image-fd" : "--policy";
		arguments[5] = image >= 0 ? "4" : (char *) policy;
	}

	return spawn_helper(&s, &c->child);
}

int client_start_offline(const char *policy, int image, struct client **ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2], r = client_new(&c);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	c->offline = true;
	r = spawn_agent(c, policy, image, theirs);
	cleanup_closep(&theirs); /* else its end would go unnoticed */
	theirs = -1;
	r = r < 0 ? r : sd_bus_new(&c->bus);
	r = r < 0 ? r : sd_bus_set_fd(c->bus, ours, ours);
	if (r < 0)
		return r;
	(void) TAKE_FD(ours);
	r = sd_bus_set_anonymous(c->bus, true);
	r = r < 0 ? r : sd_bus_negotiate_fds(c->bus, true);
	r = r < 0 ? r : sd_bus_start(c->bus);
	r = r < 0 ? r : greet(c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

/* ---- calls ---- */

struct answer {
	sd_bus_message *message;
};

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
	struct answer *a = userdata;

	(void) e;
	a->message = sd_bus_message_ref(m);
	return 1;
}

static int wait_for(struct client *c, const struct waiting *w, struct answer *a)
{
	while (!a->message) {
		int r = sd_bus_process(c->bus, NULL);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (w && w->progress)
			progress_tick(w->progress, w->what, w->done, w->all);
		r = sd_bus_wait(c->bus, CALL_TICK_USEC);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

static int fail(struct client *c, int error)
{
	sd_bus_error_free(&c->error);
	c->lost = true;
	(void) sd_bus_error_set_errnof(
		&c->error, error, "The connection to the agent broke: %s", strerror(abs(error)));
	return -abs(error);
}

static int take_answer(struct client *c, sd_bus_message *m, json_t **ret)
{
	int r;

	if (sd_bus_message_is_method_error(m, NULL)) {
		const sd_bus_error *e = sd_bus_message_get_error(m);

		sd_bus_error_free(&c->error);
		(void) sd_bus_error_copy(&c->error, e);
		c->lost = sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY,
			SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_DISCONNECTED,
			SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_TIMEOUT);
		r = -sd_bus_error_get_errno(e);
		return r < 0 ? r : -EIO;
	}
	if (!ret)
		return 0;
	r = json_from_message(m, ret);
	return r < 0 ? fail(c, r) : 0;
}

static int new_call(struct client *c, const char *member, sd_bus_message **ret)
{
	c->lost = false;
	return sd_bus_message_new_method_call(
		c->bus, ret, c->destination, BUS_PATH, BUS_NAME, member);
}

/* *ret, an error or not, is the caller's. */
static int ask(struct client *c, const struct waiting *w, sd_bus_message *m, sd_bus_message **ret)
{
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	struct answer answer = { 0 };
	int r = sd_bus_call_async(c->bus, &slot, m, on_answer, &answer, CALL_TIMEOUT_USEC);

	r = r < 0 ? r : wait_for(c, w, &answer);
	if (r < 0)
		return fail(c, r);
	*ret = answer.message;
	return 0;
}

static int finish_call(struct client *c, const struct waiting *w, sd_bus_message *m, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *answer = NULL;
	int r = ask(c, w, m, &answer);

	return r < 0 ? r : take_answer(c, answer, ret);
}

int client_call(struct client *c, const struct waiting *w, json_t **ret, const char *member,
	const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list ap;
	int r = new_call(c, member, &m);

	if (r < 0)
		return fail(c, r);
	va_start(ap, types);
	r = sd_bus_message_appendv(m, types, ap);
	va_end(ap);
	return r < 0 ? fail(c, r) : finish_call(c, w, m, ret);
}

int client_call_with(struct client *c, json_t **ret, const char *member,
	int (*append)(sd_bus_message *m, const void *context), const void *context)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = new_call(c, member, &m);

	r = r < 0 ? r : append(m, context);
	return r < 0 ? fail(c, r) : finish_call(c, NULL, m, ret);
}

int client_image(struct client *c, int *ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *answer = NULL;
	int fd, r = new_call(c, "Image", &m);

	if (r < 0)
		return fail(c, r);
	r = ask(c, NULL, m, &answer);
	r = r < 0 ? r : take_answer(c, answer, NULL);
	if (r < 0)
		return r;
	r = sd_bus_message_read(answer, "h", &fd);
	if (r < 0)
		return fail(c, r);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return fail(c, -errno);
	*ret = fd;
	return 0;
}

const char *client_error(const struct client *c)
{
	return c->error.message ? c->error.message : c->error.name ? c->error.name : "no answer";
}

bool client_error_is(const struct client *c, const char *name)
{
	static const char prefix[] = "org.proscribe.Error.";

	return c->error.name && strncmp(c->error.name, prefix, sizeof(prefix) - 1) == 0 &&
		strcmp(c->error.name + sizeof(prefix) - 1, name) == 0;
}

bool client_lost(const struct client *c)
{
	return c->lost;
}

enum exit_code client_explain(const struct arguments *a, int error)
{
	bool judges = a->command->options & OPTION_POLICY;

	complain("the agent is not reachable at %s: %s", a->socket ? a->socket : BUS_SOCKET,
		strerror(abs(error)));
	(void) fprintf(
		stderr, "Is proscribed running? Start it with: systemctl start proscribed\n");
	if (judges)
		(void) fprintf(stderr, "Or ask without it: proscribectl %s --policy DIR FILE...\n",
			a->command->name);
	return EXIT_CODE_UNREACHABLE;
}
