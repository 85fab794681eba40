/*
 * Where repository files come from: HTTPS, a folder, or descriptors handed to a sandboxed child. A
 * path is relative to the base and percent-encoded, as it stands in a URL: "3.root.json",
 * "..%2Fteam.json", "policy/<hash>.policy.yaml".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/trust/error.h"

struct tuf_transport {
	/* The whole file, of at most @max bytes, in *ret (owned, a NUL behind it). -ENOENT: there
	 * is none; -EFBIG; others as in error.h, each with @e filled. */
	int (*fetch)(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
		struct tuf_error *e);
	void *context; /* borrowed */
};

/* A role's or target's name as it stands in a URL and in a file name: all but unreserved characters
 * (RFC 3986) percent-encoded, also '/' unless @keep_slash. -ENAMETOOLONG. */
int tuf_quote(const char *name, int keep_slash, char *out, size_t size);

/* A folder that holds the files, opened by the caller (borrowed; lives as long as *ret is used).
 * Follows no link, waits for no FIFO. */
void tuf_folder_transport(const int *folder_fd, struct tuf_transport *ret);
