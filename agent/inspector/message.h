/*
 * What proscribed and an inspector say to each other: fixed-size messages without pointers over a
 * SOCK_SEQPACKET pair, each legal only as its table row says. Whatever breaks a rule ends the
 * connection: neither side argues with a peer that may be in an attacker's hands.
 *
 * An inspector says HELLO once its sandbox stands; then, any number of times: INSPECT (the file's
 * descriptor first, then metadata files, nearest first) is answered by FACTS with its id. POLICY
 * says which signatures the next inspections may search for; it has no answer. PACKAGES (a package
 * database first, then what packages.h says) is answered by FOUND with its id, as often as it
 * takes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/identity/facts.h"

enum {
	MESSAGE_VERSION = 4,
	MESSAGE_METADATA_MAX = 12,
	MESSAGE_FDS_MAX = 1 + MESSAGE_METADATA_MAX,
	MESSAGE_PATH_MAX = 4096,
	MESSAGE_RECORDS_SIZE = 8192,
	MESSAGE_NAME_MAX = 255,
};

enum { EXIT_SANDBOX = 77 }; /* an inspector's exit status when its sandbox could not be entered */

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_INSPECT,
	MESSAGE_FACTS,
	MESSAGE_POLICY,
	MESSAGE_PACKAGES,
	MESSAGE_FOUND,
	_MESSAGE_TYPE_MAX,
};

/* States of one inspector, as both ends see it. */
enum message_state {
	MESSAGE_STARTING = 1u << 0,
	MESSAGE_READY = 1u << 1,
	MESSAGE_BUSY = 1u << 2,
	MESSAGE_READING = 1u << 3, /* busy with a package database */
};

struct message_hello {
	uint32_t type;
	uint32_t version;
};

/* How much of a file signatures are searched for in. */
enum message_scan {
	SCAN_NONE,
	SCAN_ANSWER, /* as much as a launch can wait for; FACTS_SCAN_LATER tells when that was not
			all */
	SCAN_ALL,
	_SCAN_MAX,
};

struct message_inspect {
	uint32_t type;
	uint32_t want_sha256;
	uint64_t id;
	uint32_t scan;                          /* enum message_scan */
	uint8_t metadata[MESSAGE_METADATA_MAX]; /* enum metadata of each descriptor behind the first
						 */
	char path[MESSAGE_PATH_MAX];            /* where the file lies, or "" */
};

/* Comes with a descriptor of the policy image; offsets and sizes are those of its sections. */
struct message_policy {
	uint32_t type;
	uint32_t n_signatures;
	uint64_t policy_id; /* 0: there is none, and no descriptor's content is looked at */
	uint64_t signatures_offset, rules_offset, rules_size;
};

struct message_facts {
	uint32_t type;
	int32_t error; /* 0, or a negative errno with all of @facts zero: the file's fault */
	uint64_t id;
	struct facts facts;
};

/* What of the host's packages is to be read. */
struct message_packages {
	uint32_t type;
	uint32_t kind; /* enum packages_kind of packages.h */
	uint64_t id;
	char package[MESSAGE_NAME_MAX + 1]; /* whose list of files it is, or "" */
};

/* Whole records, as packages.h has them; a prefix of all there would be when @error is not 0. */
struct message_found {
	uint32_t type;
	int32_t error; /* 0, or a negative errno; the last one only */
	uint64_t id;
	uint32_t last, size;
	char records[MESSAGE_RECORDS_SIZE];
};

union message {
	uint32_t type;
	struct message_hello hello;
	struct message_inspect inspect;
	struct message_facts facts;
	struct message_policy policy;
	struct message_packages packages;
	struct message_found found;
};

enum message_sender {
	MESSAGE_FROM_AGENT,
	MESSAGE_FROM_INSPECTOR,
};

/* Receives one message that @from may send in @state. Its descriptors (at most MESSAGE_FDS_MAX)
 * belong to the caller. 0, -EPIPE at end of stream, -EBADMSG for whatever the table does not have
 * (descriptors that came with it are closed), or another negative errno. */
int message_receive(int socket, enum message_sender from, enum message_state state,
	union message *ret, int fds[MESSAGE_FDS_MAX], size_t *ret_n_fds);
/* Sends @m (its size follows from its type) with descriptors, which stay the caller's. */
int message_send(int socket, const union message *m, const int fds[], size_t n_fds);
