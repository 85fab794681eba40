/*
 * Runs in proscribed, on the main loop, which must never wait: who a caller on the system bus is,
 * is asked for and answered later, because a bus daemon may hang.
 */
#include "agent/bus/call.h"

#include "agent/bus/errors.h"
#include "policy/base/clock.h"

enum { CALL_WHO_TIMEOUT_USEC = 5000000 };

static void call_unlink(struct call *c)
{
	if (!c->bus)
		return;
	if (c->previous)
		c->previous->next = c->next;
	else
		c->bus->calls = c->next;
	if (c->next)
		c->next->previous = c->previous;
	c->bus->n_calls--;
	c->bus = NULL;
}

struct call *call_free(struct call *c)
{
	if (!c)
		return NULL;
	call_unlink(c);
	sd_bus_slot_unref(c->who);
	sd_bus_message_unref(c->message);
	free(c);
	return NULL;
}

void call_fail(struct call *c, sd_bus_error *e)
{
	if (!sd_bus_error_is_set(e))
		(void) bus_error_set(e, EIO, "The agent could not answer");
	if (c->peer)
		(void) sd_bus_reply_method_error(c->message, e);
	call_free(c);
}

void call_reply(struct call *c, sd_bus_message *reply)
{
	if (c->peer)
		(void) sd_bus_message_send(reply);
	call_free(c);
}

bool call_privileged(const struct call *c)
{
	return c->uid == 0 || c->uid == geteuid();
}

static bool same_client(const struct call *c, const struct bus_peer *peer, const char *sender)
{
	const char *other;

	if (c->peer != peer)
		return false;
	if (!peer->is_system)
		return true;
	other = sd_bus_message_get_sender(c->message);
	return other && sender && strcmp(other, sender) == 0;
}

/* A call whose client has gone still counts for its user: else a loop of connect, ask and leave
 * would fill the pool. */
static int check_limits(struct bus_peer *peer, sd_bus_message *m, sd_bus_error *e)
{
	size_t of_client = 0;

	for (struct call *c = peer->bus->calls; c; c = c->next)
		of_client += same_client(c, peer, sd_bus_message_get_sender(m));
	if (of_client >= BUS_CALLS_PER_CLIENT_MAX)
		return bus_error_set(e, ENOBUFS, "At most %d calls at a time for one client",
			BUS_CALLS_PER_CLIENT_MAX);
	if (peer->bus->n_calls >= BUS_CALLS_MAX)
		return bus_error_set(
			e, ENOBUFS, "At most %d calls at a time, try again", BUS_CALLS_MAX);
	return 0;
}

static int check_user_limit(struct call *c, sd_bus_error *e)
{
	size_t of_user = 0;

	for (struct call *other = c->bus->calls; other; other = other->next)
		of_user += other != c && other->running && other->uid == c->uid;
	if (of_user >= BUS_CALLS_PER_USER_MAX && !call_privileged(c))
		return bus_error_set(e, ENOBUFS, "At most %d calls at a time for one user",
			BUS_CALLS_PER_USER_MAX);
	return 0;
}

static void call_run(struct call *c)
{
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = check_user_limit(c, &e);

	c->running = true;
	if (r == 0)
		r = c->method->run(c, &e);
	if (r < 0)
		call_fail(c, &e);
}

static int on_who(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	struct call *c = userdata;
	uint32_t uid;

	(void) ret_error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
		sd_bus_message_read(reply, "u", &uid) < 0) {
		(void) bus_error_set(&e, EACCES, "The bus does not say who is asking");
		call_fail(c, &e);
		return 0;
	}
	c->uid = uid;
	call_run(c);
	return 0;
}

static int ask_who(struct call *c)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(c->peer->connection, &m, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser");

	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "s", sd_bus_message_get_sender(c->message));
	if (r < 0)
		return r;
	return sd_bus_call_async(c->peer->connection, &c->who, m, on_who, c, CALL_WHO_TIMEOUT_USEC);
}

/* sd-bus keeps what a client does not read without an end: such a client is let go instead. */
static bool reads_nothing(const struct bus_peer *peer)
{
	uint64_t queued = 0;

	return peer->pump && sd_bus_get_n_queued_write(peer->connection, &queued) >= 0 &&
		queued > BUS_QUEUED_MAX;
}

int call_begin(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
	struct bus_peer *peer = userdata;
	struct call *c;
	int r;

	if (reads_nothing(peer)) {
		pump_hang_up(peer->pump);
		return 1;
	}
	r = check_limits(peer, m, e);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->method = bus_method_find(sd_bus_message_get_member(m));
	if (!c->method) {
		free(c);
		return -EBADR;
	}
	*c = (struct call){ .bus = peer->bus,
		.peer = peer,
		.message = sd_bus_message_ref(m),
		.uid = peer->uid,
		.method = c->method,
		.next = peer->bus->calls };
	if (c->next)
		c->next->previous = c;
	c->bus->calls = c;
	c->bus->n_calls++;
	if (!peer->is_system) {
		call_run(c);
		return 1;
	}
	r = ask_who(c);
	if (r < 0) {
		call_free(c);
		return bus_error_set(e, r, "The bus cannot be asked who is asking: %m");
	}
	return 1;
}
