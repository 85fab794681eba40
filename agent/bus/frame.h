/*
 * Where D-Bus messages begin and end in what goes over the private socket; their meaning is
 * sd-bus's. What a stranger sends is watched before sd-bus sees it: D-Bus lets one message announce
 * 128 MiB, and a client could make the agent hold that many. What the agent sends is cut at
 * messages, so that a descriptor stays with its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_AUTH_MAX = 4096,        /* bytes before BEGIN */
	FRAME_MESSAGE_MAX = 64 << 10, /* bytes of one message to the agent */
};

/* Zeroed: at the start of a connection. */
struct frame {
	int from_agent; /* without the limits */
	int begun;      /* past the authentication */
	size_t matched; /* of "\r\nBEGIN\r\n", so far; of the agent: bytes of the present line */
	size_t auth_bytes;
	uint8_t head[16]; /* fixed part of a message header, as far as it has come */
	size_t head_bytes;
	uint64_t left; /* bytes of the present message still to come */
};

/* Takes note of @n bytes. 0, -EMSGSIZE when a message or the authentication is larger than the
 * limits above, -EBADMSG when it is no D-Bus. */
int frame_feed(struct frame *f, const uint8_t *bytes, size_t n);

/* How many bytes may be read next without reading past the end of the authentication or of a
 * message: what is read beyond it could bring a descriptor of the message after. At least 1. */
size_t frame_need(const struct frame *f);
