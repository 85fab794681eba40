/*
 * SHA-256 of a whole file.
 */
#pragma once

#include <stdint.h>

#include "policy/identity/facts.h"

/* A larger file gets no digest: reading one of a sparse terabyte would hold up the inspector. */
#define DIGEST_FILE_SIZE_MAX (UINT64_C(2) << 30)

/* Digests @fd from its first byte to its end. 0; -EFBIG past DIGEST_FILE_SIZE_MAX; -ESTALE when
 * the file did not hold exactly @size bytes; or a negative errno of reading. */
int digest_file(int fd, uint64_t size, uint8_t ret[SHA256_SIZE]);
