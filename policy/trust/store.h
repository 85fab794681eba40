/*
 * Where accepted metadata is kept between updates. Names are "root.json", "timestamp.json",
 * "snapshot.json", "targets.json" and "ROLE.json" with the role percent-encoded. Bytes are kept as
 * they were signed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

struct tuf_store {
	/* -ENOENT: nothing of that name. *ret is owned, a NUL behind it. -EFBIG. */
	int (*load)(void *context, const char *name, size_t max, char **ret, size_t *ret_size);
	/* Durable when it returns 0: whole or not at all, also when the power goes. */
	int (*save)(void *context, const char *name, const void *bytes, size_t size);
	/* 0 also when there is none. Durable as well. */
	int (*remove)(void *context, const char *name);
	void *context; /* borrowed */
};

/* A folder of files (@folder_fd borrowed, lives as long as *ret is used). Files that a crash left
 * half written (".NAME.new") are not looked at, and are replaced by the next save. */
void tuf_folder_store(const int *folder_fd, struct tuf_store *ret);

/* Everything in one block of bytes: what the agent keeps and a sandboxed child works on. */
struct tuf_bundle;
enum { TUF_BUNDLE_FILES_MAX = 128 };
#define TUF_BUNDLE_SIZE_MAX (UINT64_C(64) << 20)

/* @bytes: of an earlier tuf_bundle_write(), or NULL for an empty one. -EBADMSG. */
int tuf_bundle_new(const void *bytes, size_t n, struct tuf_bundle **ret);
struct tuf_bundle *tuf_bundle_free(struct tuf_bundle *b);
DEFINE_CLEANUP(struct tuf_bundle, tuf_bundle_free)
void tuf_bundle_store(struct tuf_bundle *b, struct tuf_store *ret);
/* To @fd (borrowed), from its beginning. */
int tuf_bundle_write(const struct tuf_bundle *b, int fd);
