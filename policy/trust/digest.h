/*
 * Is this the content that was signed? Length and every known hash of a target or metadata file,
 * fed piece by piece.
 */
#pragma once

#include "policy/trust/metadata.h"

struct tuf_digest;

/* -EUCLEAN when @info holds no hash that is known here. */
int tuf_digest_new(const struct tuf_fileinfo *info, struct tuf_digest **ret);
struct tuf_digest *tuf_digest_free(struct tuf_digest *d);
DEFINE_CLEANUP(struct tuf_digest, tuf_digest_free)
/* -EFBIG as soon as there is more than was announced. */
int tuf_digest_add(struct tuf_digest *d, const void *bytes, size_t n);
/* 0, or -EUCLEAN. */
int tuf_digest_end(struct tuf_digest *d);

/* All at once. @file and @role for @e. Without a hash in @info (metadata need none) only the length
 * counts, if it is given. */
int tuf_digest_check(const struct tuf_fileinfo *info, const char *role, const char *file,
	const void *bytes, size_t n, struct tuf_error *e);
