/*
 * org.proscribe.Agent1: the same object on a private socket and, where there is one, on the system
 * bus. Runs on the main thread's event loop. Reads arguments, checks who asks, calls agent.h.
 */
#pragma once

#include <systemd/sd-event.h>

#include "agent/agent.h"

enum {
	BUS_CLIENTS_MAX = 64,            /* connections to the private socket at a time */
	BUS_CALLS_PER_CLIENT_MAX = 4,    /* checks under way for one client */
	BUS_RECORDS_MAX = 1000,          /* records in one answer */
	BUS_RECORDS_BYTES_MAX = 1 << 20, /* an answer that has grown past this ends there */
	BUS_CLIENTS_PER_USER_MAX = 16,   /* of BUS_CLIENTS_MAX, for one user other than root */
	BUS_CALLS_PER_USER_MAX = 16,     /* calls under way for one user other than root */
	BUS_CALLS_MAX = 128,             /* calls under way for everybody */
	BUS_QUEUED_MAX = 16,             /* messages kept for a client that does not read */
};

struct bus;

struct bus_options {
	const char *socket_path; /* the private socket, made here (mode 0666); NULL: none */
	/* One connected client, taken over, instead of a socket (-1: none): trusted as the user who
	 * runs this, and the loop is told to exit when it goes. */
	int client_fd;
	bool system_bus; /* also there, now or as soon as it appears */
	const char *ledger_path;
};

/* -EADDRINUSE: another agent answers on @socket_path already. */
int bus_start(
	struct agent *a, sd_event *event, const struct bus_options *options, struct bus **ret);
struct bus *bus_stop(struct bus *b);
DEFINE_CLEANUP(struct bus, bus_stop)

/* Emits the signal Recorded for a record just appended. */
void bus_emit_recorded(struct bus *b, const struct event *e, uint64_t sequence);
