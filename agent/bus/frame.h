/*
 * Watches the bytes a stranger sends on the private socket before sd-bus sees them: D-Bus lets one
 * message announce 128 MiB, and a client could make the agent hold that many. Knows only where
 * messages begin and end; their meaning is sd-bus's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_AUTH_MAX = 4096,        /* bytes before BEGIN */
	FRAME_MESSAGE_MAX = 64 << 10, /* bytes of one message to the agent */
	FRAME_FDS_MAX = 1,            /* descriptors with one message */
};

/* Zeroed: at the start of a connection. */
struct frame {
	int begun;      /* past the authentication */
	size_t matched; /* of "\r\nBEGIN\r\n", so far */
	size_t auth_bytes;
	uint8_t head[16]; /* fixed part of a message header, as far as it has come */
	size_t head_bytes;
	uint64_t left; /* bytes of the present message still to come */
	size_t n_fds;  /* descriptors that came with it */
};

/* Takes note of @n bytes that arrived with @n_fds descriptors. 0, -EMSGSIZE when a message, its
 * descriptors or the authentication is larger than the limits above, -EBADMSG when it is no D-Bus.
 */
int frame_feed(struct frame *f, const uint8_t *bytes, size_t n, size_t n_fds);

/* How many bytes may be read next without reading past the end of a message: what is read beyond
 * it could bring descriptors that belong to the message after. At least 1. */
size_t frame_need(const struct frame *f);
