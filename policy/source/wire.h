/*
 * What proscribe-compiler and whoever runs it say to each other, in this order: READY (child),
 * BEGIN and its FILEs (parent), RESULT (child). A signed policy has TRUST behind BEGIN, and TRUSTED
 * before RESULT. Fixed sizes, no pointers; descriptors only where the table in wire.c says so.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <limits.h>

#include "policy/trust/summary.h"

enum {
	WIRE_FD = 3,
	WIRE_FDS_MAX = 3,
	WIRE_SIGNED_FILES_MAX = 768, /* files of a signed policy, metadata included */
};
#define WIRE_IMAGE_MAX (UINT64_C(1) << 30) /* bytes of a compiled policy */

enum wire_type {
	WIRE_READY = 1, /* the sandbox is entered */
	WIRE_BEGIN,     /* fds: where the result goes, where the messages go (both memfds) */
	WIRE_TRUST,     /* fds: where the new tuf_bundle goes (memfd), the one so far, the root that
			   is trusted */
	WIRE_FILE,      /* fd: the file */
	WIRE_TRUSTED,
	WIRE_RESULT,
	_WIRE_TYPE_MAX,
};

enum wire_kind {
	WIRE_POLICY = 1, /* the result is an image for policy_open() */
	WIRE_SETTINGS,   /* the result is a struct settings */
	WIRE_SIGNED,     /* the files are those of a repository, named from its base on; the result
			    is an image, or empty when it would be the one in force */
	_WIRE_KIND_MAX,
};

struct wire_ready {
	uint32_t type;
};

struct wire_begin {
	uint32_t type;
	uint32_t kind;
	uint32_t n_files;
};

struct wire_trust {
	uint32_t type;
	int64_t now_utc_sec;
	uint8_t in_force[32]; /* trust_summary.targets_digest; zero: nothing is */
};

struct wire_file {
	uint32_t type;
	char name[PATH_MAX]; /* as messages call it */
};

struct wire_trusted {
	uint32_t type;
	int32_t error;        /* 0: every signature was found good; else as in policy/trust/error.h,
				 and messages say what was refused */
	uint64_t bundle_size; /* also with an error: what was accepted before it counts */
	int64_t root_version; /* the trusted one now; 0: there is none */
	uint32_t same;        /* the files are those in force: there is no result */
	struct trust_summary summary; /* zero with an error */
};

struct wire_result {
	uint32_t type;
	int32_t error; /* 0: there is a result; -EINVAL: messages say why not; else a negative errno
			*/
	uint32_t n_errors, n_warnings;
	uint64_t size;          /* bytes of the result */
	uint64_t messages_size; /* bytes of the messages */
};

union wire {
	uint32_t type;
	struct wire_ready ready;
	struct wire_begin begin;
	struct wire_trust trust;
	struct wire_file file;
	struct wire_trusted trusted;
	struct wire_result result;
};

/* Sends @message with as many of @fds (borrowed) as its type has. 0 or a negative errno. */
int wire_send(int socket, const union wire *message, const int fds[]);

/* Receives one message, which must be a @type of exactly its size and number of descriptors; these
 * become the caller's. 0; -EPIPE: the other side is gone; -EPROTO: it broke the rules; -EAGAIN. */
int wire_receive(int socket, enum wire_type type, union wire *ret, int fds[]);
