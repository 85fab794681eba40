/*
 * Repository files over HTTPS (or, where the caller allows it, HTTP) and from file: URLs, by
 * libcurl. Linked into programs that may use the network, and into no other.
 */
#pragma once

#include <stdbool.h>

#include "policy/trust/transport.h"

struct http;

/* All borrowed while the http lives; NULL: the default. */
struct http_options {
	const char *ca_file;     /* PEM; default: the system's trust store */
	const char *proxy;       /* "http://proxy:3128"; "": none; default: the environment's */
	const char *certificate; /* PEM of the client, with its @key */
	const char *key;
	uint64_t connect_timeout_usec; /* 0: 10 s */
	uint64_t timeout_usec; /* of a small file, 0: 60 s; a large one may take as long as it
				  goes on at HTTP_SPEED_MIN */
	unsigned retries;      /* of what may pass by itself, with a growing, random pause */
	bool plain;            /* http: is allowed as well */
};

enum {
	HTTP_SPEED_MIN = 1024, /* bytes a second, over HTTP_SPEED_SEC */
	HTTP_SPEED_SEC = 30,
	HTTP_RETRIES_MAX = 10,
	HTTP_URL_MAX = 2047,
	HTTP_VALIDATOR_MAX = 255,
};

/* @base: "https://list.example.com/metadata/"; a '/' is added where it is missing. -EINVAL: no URL,
 * or of a scheme that is not allowed (@e says what to do). */
int http_new(
	const char *base, const struct http_options *o, struct http **ret, struct tuf_error *e);
struct http *http_free(struct http *h);
DEFINE_CLEANUP(struct http, http_free)

/* The folder that a file: URL names; -EINVAL: it is another kind of URL. */
int http_folder(const char *base, char *out, size_t size);

void http_transport(struct http *h, struct tuf_transport *ret);

/* Fetches only what has changed: with the validator (ETag or Last-Modified as the server gave it)
 * of the last time in @validator, 1 when the server says that it is still the same (*ret
 * untouched). The new one is written to @validator, "" when there is none. Else as fetch(). */
int http_fetch_changed(struct http *h, const char *path, size_t max,
	char validator[HTTP_VALIDATOR_MAX + 1], char **ret, size_t *ret_size, struct tuf_error *e);

/* Appends to @fd (borrowed) what is missing of a file of @size bytes, of which it holds the first
 * *@have; *@have follows, also on failure. A server that cannot resume sends all of it again, from
 * the beginning. -EFBIG when there is more. */
int http_fetch_file(struct http *h, const char *path, int fd, uint64_t size, uint64_t *have,
	struct tuf_error *e);

/* What it has cost so far. */
struct http_counts {
	uint64_t requests, bytes; /* bytes: headers and bodies, both ways */
};
void http_counts(const struct http *h, struct http_counts *ret);
