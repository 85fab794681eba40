/*
 * The two doors of org.proscribe.Agent1: a private socket, and the system bus where there is one.
 * Runs in proscribed, on the main loop. Whoever connects is a stranger: connections, calls and what
 * is queued are bounded, and one that misbehaves loses its own connection and nothing else.
 */
#include "agent/bus/bus.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/bus/call.h"
#include "agent/bus/stranger.h"
#include "policy/base/log.h"
#include "policy/base/text.h"

#define BUS_SYSTEM_ADDRESS "unix:path=/run/dbus/system_bus_socket"

enum {
	BUS_BACKLOG = 64,
	BUS_RETRY_USEC = 15000000, /* until the system bus is tried again */
};

static void forget_calls(struct bus *b, const struct bus_peer *peer)
{
	for (struct call *c = b->calls, *next; c; c = next) {
		next = c->next;
		if (c->peer != peer)
			continue;
		c->peer = NULL;
		if (!c->running)
			call_free(c); /* the answer to who asks will not come any more */
	}
}

static struct bus_peer *peer_free(struct bus_peer *p)
{
	if (!p)
		return NULL;
	forget_calls(p->bus, p);
	if (p->connection) {
		(void) sd_bus_detach_event(p->connection);
		sd_bus_close_unref(p->connection);
	}
	pump_free(p->pump);
	if (p->client_fd >= 0)
		closing_add(&p->bus->closing, p->client_fd, p->uid);
	free(p);
	return NULL;
}
DEFINE_CLEANUP(struct bus_peer, peer_free)

static void schedule_retry(struct bus *b);

static void drop_system(struct bus *b)
{
	b->system = peer_free(b->system);
	schedule_retry(b);
}

static void drop_client(struct bus *b, struct bus_peer *peer)
{
	for (size_t i = 0; i < b->n_clients; i++)
		if (b->clients[i] == peer) {
			b->clients[i] = b->clients[--b->n_clients];
			peer_free(peer);
			return;
		}
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
	struct bus_peer *peer = userdata;

	(void) m;
	(void) e;
	if (peer->is_only)
		(void) sd_event_exit(peer->bus->event, 0);
	if (peer->is_system)
		drop_system(peer->bus);
	else
		drop_client(peer->bus, peer);
	return 1;
}

static int peer_publish(struct bus_peer *p)
{
	int r = sd_bus_add_object_vtable(p->connection, NULL, BUS_PATH, BUS_NAME, bus_vtable, p);

	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(p->connection, NULL, "org.freedesktop.DBus.Local",
		"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
		on_disconnected, NULL, p);
	return r < 0 ? r : sd_bus_attach_event(p->connection, p->bus->event, 0);
}

/* ---- private socket ---- */

/* A server without a bus daemon behind it; @fd is taken over. Who the client is was learnt from
 * the socket, so the authentication inside the protocol may be anonymous. */
static int connection_new(int fd, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *connection = NULL;
	_cleanup_close_ int owned = fd;
	sd_id128_t id;
	int r = sd_bus_new(&connection);

	r = r < 0 ? r : sd_id128_randomize(&id);
	r = r < 0 ? r : sd_bus_set_fd(connection, owned, owned);
	if (r < 0)
		return r;
	(void) TAKE_FD(owned);
	r = sd_bus_set_server(connection, true, id);
	r = r < 0 ? r : sd_bus_set_anonymous(connection, true);
	r = r < 0 ? r : sd_bus_negotiate_fds(connection, true);
	r = r < 0 ? r : sd_bus_start(connection);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(connection);
	return 0;
}

static struct bus_peer *peer_new(struct bus *b, uid_t uid)
{
	struct bus_peer *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct bus_peer){ .bus = b, .uid = uid, .client_fd = -1 };
	return p;
}

/* Takes over @fd, on which sd-bus talks, also when it fails. */
static int peer_connect(struct bus_peer *p, int fd)
{
	int r = connection_new(fd, &p->connection);

	return r < 0 ? r : peer_publish(p);
}

/* Takes @client_fd over, also when it fails. */
static int add_stranger(struct bus *b, int client_fd, uid_t uid)
{
	_cleanup_(peer_freep) struct bus_peer *p = peer_new(b, uid);
	int inner, r;

	if (!p) {
		closing_add(&b->closing, client_fd, uid);
		return -ENOMEM;
	}
	p->client_fd = client_fd;
	r = pump_new(b->event, client_fd, &p->pump, &inner);
	r = r < 0 ? r : peer_connect(p, inner);
	if (r < 0)
		return r;
	b->clients[b->n_clients++] = TAKE_PTR(p);
	return 0;
}

/* The same for a client that is our own user's: it may send descriptors. */
static int add_only(struct bus *b, int client_fd)
{
	_cleanup_close_ int fd = client_fd;
	_cleanup_(peer_freep) struct bus_peer *p = peer_new(b, geteuid());
	int r;

	if (!p)
		return -ENOMEM;
	p->is_only = true;
	r = peer_connect(p, TAKE_FD(fd));
	if (r < 0)
		return r;
	b->clients[b->n_clients++] = TAKE_PTR(p);
	return 0;
}

static bool has_room(const struct bus *b, uid_t uid)
{
	size_t of_user = closing_count(&b->closing, uid);
	size_t n = b->n_clients + closing_count(&b->closing, (uid_t) -1);

	for (size_t i = 0; i < b->n_clients; i++)
		of_user += b->clients[i]->uid == uid;
	return n < BUS_CLIENTS_MAX && (uid == 0 || of_user < BUS_CLIENTS_PER_USER_MAX);
}

/* Somebody who is refused sees the end of the stream at once. */
static int on_connect(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
	struct bus *b = userdata;
	struct ucred peer = { .uid = EVENT_UID_UNKNOWN };
	socklen_t size = sizeof(peer);
	int r, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void) revents;
	if (fd < 0)
		return 0;
	stranger_prepare(fd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || !has_room(b, peer.uid)) {
		log_debug("Refused a connection of user %u: too many", (unsigned) peer.uid);
		closing_add(&b->closing, fd, peer.uid);
		closing_pause_if_full(&b->closing, source);
		return 0;
	}
	r = add_stranger(b, fd, peer.uid);
	if (r < 0)
		log_warning_errno(
			r, "Failed to serve a connection of user %u: %m", (unsigned) peer.uid);
	return 0;
}

/* 0: nobody is there and the path is free now. A socket that somebody listens on, even one too busy
 * to take us, is a live agent's. */
static int clear_stale(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int make_folder(const char *socket_path)
{
	char folder[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
	char *slash;

	if (text_copy(folder, sizeof(folder), socket_path) < 0)
		return -ENAMETOOLONG;
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int listen_private(struct bus *b, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	int r = text_copy(address.sun_path, sizeof(address.sun_path), path);

	r = r < 0 ? r : make_folder(path);
	r = r < 0 ? r : clear_stale(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
		return -errno;
	r = text_dup(path, &b->socket_path);
	if (r < 0)
		return r;
	stranger_prepare(fd); /* before anybody can connect: what connects inherits it */
	if (chmod(path, 0666) < 0 || listen(fd, BUS_BACKLOG) < 0)
		return -errno;
	b->listen_fd = TAKE_FD(fd);
	return sd_event_add_io(b->event, &b->listen_source, b->listen_fd, EPOLLIN, on_connect, b);
}

/* ---- system bus ---- */

static void complain(struct bus *b, int error, const char *what)
{
	if (!b->system_complained)
		log_warning_errno(error,
			"Not on the system bus (%s: %m); the private socket works, trying again",
			what);
	b->system_complained = true;
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
	struct bus_peer *peer = userdata;
	struct bus *b = peer->bus;
	uint32_t answer = 0;
	int r = sd_bus_message_get_errno(reply);

	(void) e;
	if (r == 0 && sd_bus_message_read(reply, "u", &answer) < 0)
		r = EBADMSG;
	if (r == 0 && answer != 1 && answer != 4) /* owner now, or already */
		r = EEXIST;
	if (r == 0) {
		b->system_complained = false;
		peer->has_name = true;
		return 1;
	}
	complain(b, r, "the name " BUS_NAME " was refused");
	drop_system(b);
	return 1;
}

/* As sd_bus_open_system() does it, but that the bus daemon passes no descriptor on to us. Only
 * connects; greeting and authentication go on in the loop. */
static int open_system(sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *connection = NULL;
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int r = sd_bus_new(&connection);

	r = r < 0 ? r : sd_bus_set_address(connection, address ? address : BUS_SYSTEM_ADDRESS);
	r = r < 0 ? r : sd_bus_set_bus_client(connection, true);
	r = r < 0 ? r : sd_bus_negotiate_fds(connection, false);
	r = r < 0 ? r : sd_bus_start(connection);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(connection);
	return 0;
}

static int join_system(struct bus *b)
{
	_cleanup_(peer_freep) struct bus_peer *p = peer_new(b, EVENT_UID_UNKNOWN);
	int r;

	if (!p)
		return -ENOMEM;
	p->is_system = true;
	r = open_system(&p->connection);
	if (r < 0)
		return r;
	(void) sd_bus_set_exit_on_disconnect(p->connection, false);
	r = peer_publish(p);
	r = r < 0 ? r : sd_bus_request_name_async(p->connection, NULL, BUS_NAME, 0, on_name, p);
	if (r < 0)
		return r;
	b->system = TAKE_PTR(p);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus *b = userdata;
	int r = join_system(b);

	(void) source;
	(void) usec;
	if (r < 0) {
		if (r != -ENOENT) /* a host without a bus is nothing to complain of */
			complain(b, r, "it could not be joined");
		schedule_retry(b);
	}
	return 0;
}

static void schedule_retry(struct bus *b)
{
	b->retry = sd_event_source_disable_unref(b->retry);
	(void) sd_event_add_time_relative(
		b->event, &b->retry, CLOCK_BOOTTIME, BUS_RETRY_USEC, 0, on_retry, b);
}

/* ---- both ---- */

static void emit(struct bus_peer *p, const struct event *e, uint64_t sequence)
{
	uint64_t queued = 0;

	/* One that has so many unread ones will look at the ledger anyway when it reads them. */
	if (sd_bus_get_n_queued_write(p->connection, &queued) < 0 || queued > BUS_QUEUED_MAX)
		return;
	(void) sd_bus_emit_signal(p->connection, BUS_PATH, BUS_NAME, "Recorded", "tss", sequence,
		event_kind_to_string(e->kind), outcome_to_string(e->outcome));
}

void bus_emit_recorded(struct bus *b, const struct event *e, uint64_t sequence)
{
	for (size_t i = 0; i < b->n_clients; i++)
		emit(b->clients[i], e, sequence);
	if (b->system && b->system->has_name)
		emit(b->system, e, sequence);
}

static int start(struct bus *b, const struct bus_options *o)
{
	int r = o->ledger_path ? text_dup(o->ledger_path, &b->ledger_path) : 0;

	if (r >= 0 && o->socket_path)
		r = listen_private(b, o->socket_path);
	if (r >= 0 && o->client_fd >= 0)
		r = add_only(b, o->client_fd);
	if (r >= 0 && o->system_bus) {
		int joined = join_system(b);

		if (joined < 0 && joined != -ENOENT)
			complain(b, joined, "it could not be joined");
		if (joined < 0)
			schedule_retry(b);
	}
	return r;
}

int bus_start(struct agent *a, sd_event *event, const struct bus_options *options, struct bus **ret)
{
	_cleanup_(bus_stopp) struct bus *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->agent = a;
	b->event = sd_event_ref(event);
	b->listen_fd = -1;
	closing_init(&b->closing, b->event);
	r = start(b, options);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}

/* Sockets of strangers stay open to the end of the process: the kernel then closes everything of
 * ours before it drops what strangers have put into them. */
struct bus *bus_stop(struct bus *b)
{
	if (!b)
		return NULL;
	while (b->n_clients > 0) {
		b->clients[b->n_clients - 1]->client_fd = -1;
		peer_free(b->clients[--b->n_clients]);
	}
	closing_done(&b->closing);
	b->system = peer_free(b->system);
	b->retry = sd_event_source_disable_unref(b->retry);
	b->listen_source = sd_event_source_disable_unref(b->listen_source);
	if (b->listen_fd >= 0) {
		(void) unlink(b->socket_path);
		(void) shutdown(b->listen_fd, SHUT_RDWR);
	}
	while (b->calls) { /* the agent still holds them and will call back */
		struct call *c = b->calls;

		b->calls = c->next;
		c->previous = c->next = NULL;
		c->bus = NULL;
	}
	sd_event_unref(b->event);
	free(b->socket_path);
	free(b->ledger_path);
	free(b);
	return NULL;
}
