/*
 * One method call from the moment it is read until it is answered, which may be much later and
 * after its caller is gone. Private to agent/bus.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-bus.h>

#include "agent/bus/bus.h"
#include "agent/bus/closing.h"
#include "agent/bus/pump.h"

#define BUS_NAME "org.proscribe.Agent1"
#define BUS_PATH "/org/proscribe/Agent1"

/* A connection: one client of the private socket, or the whole system bus. */
struct bus_peer {
	struct bus *bus;
	sd_bus *connection;
	struct pump *pump; /* NULL: the other side is trusted not to flood us */
	int client_fd;     /* behind the pump; else -1 */
	uid_t uid;
	bool is_only;   /* bus_options.client_fd: without it there is nobody to work for */
	bool is_system; /* many callers; who asks is the bus daemon's to say */
	bool has_name;  /* is_system: connected, and the name is ours */
};

struct call {
	struct bus *bus;       /* NULL: the bus has been stopped */
	struct bus_peer *peer; /* NULL: the connection is gone */
	sd_bus_message *message;
	sd_bus_slot *who; /* the question to the bus daemon who the caller is */
	uid_t uid;
	bool running; /* past the question who asks */
	const struct bus_method *method;
	struct call *previous, *next;
};

struct bus {
	struct agent *agent; /* borrowed */
	sd_event *event;
	char *socket_path, *ledger_path;
	int listen_fd;
	sd_event_source *listen_source, *retry;
	struct bus_peer *clients[BUS_CLIENTS_MAX];
	size_t n_clients;
	struct closing closing; /* clients that were */
	struct bus_peer *system;
	bool system_complained; /* of a system bus that does not have us: once is enough */
	struct call *calls;
	size_t n_calls;
};

/* Handler of every method (@userdata is its struct bus_peer): counts, finds out who asks, runs the
 * method of the table. */
int call_begin(sd_bus_message *m, void *userdata, sd_bus_error *e);
/* Answers with an error, or with a message that is sent as it is; both end the call. */
void call_fail(struct call *c, sd_bus_error *e);
void call_reply(struct call *c, sd_bus_message *reply);
struct call *call_free(struct call *c);
/* Root and the user the agent runs as may ask everything. */
bool call_privileged(const struct call *c);

/* The table of methods.c. A method answers the call (0), keeps it for later (1), or returns a
 * negative errno with @e filled, from which the caller answers. */
struct bus_method {
	const char *name;
	int (*run)(struct call *c, sd_bus_error *e);
};
const struct bus_method *bus_method_find(const char *name);
extern const sd_bus_vtable bus_vtable[];

/* records.c */
int records_method_why(struct call *c, sd_bus_error *e);
int records_method_records(struct call *c, sd_bus_error *e);
int records_method_findings(struct call *c, sd_bus_error *e);

/* updates.c */
int updates_method_update(struct call *c, sd_bus_error *e);

/* scans.c */
int scans_method_scan(struct call *c, sd_bus_error *e);
int scans_method_status(struct call *c, sd_bus_error *e);
int scans_method_stop(struct call *c, sd_bus_error *e);

/* Entries of an a{sv}; a NULL or empty text adds nothing. */
int dict_text(sd_bus_message *m, const char *key, const char *value);
int dict_count(sd_bus_message *m, const char *key, uint64_t value);
int dict_number(sd_bus_message *m, const char *key, int64_t value);
int dict_flag(sd_bus_message *m, const char *key, bool value);
int dict_time(sd_bus_message *m, const char *key, int64_t utc_nsec);
int dict_bytes(sd_bus_message *m, const char *key, const char *value);
int dict_digest(sd_bus_message *m, const char *key, const uint8_t digest[SHA256_SIZE]);
/* Opens and closes `key: <variant of signature>`, an array. */
int dict_open(sd_bus_message *m, const char *key, const char *signature);
int dict_close(sd_bus_message *m);
