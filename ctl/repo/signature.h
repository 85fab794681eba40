/*
 * A signature that was made elsewhere, in whatever form that program or token writes it.
 */
#pragma once

#include "policy/trust/key.h"

enum { SIGNATURE_FILE_MAX = 16384 };

/* From @n bytes as they are, in hexadecimal or in base64 (both may be broken into lines), to what
 * TUF wants of @key's scheme: r and s of ECDSA, one behind the other, become DER. -EBADMSG: none
 * of these, or not as long as a signature by @key. */
int signature_read(const struct tuf_key *key, const char *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size);

/* What a signature by @key may be, "64 bytes"; for people. */
enum { SIGNATURE_TEXT_SIZE = 80 };
void signature_describe(const struct tuf_key *key, char out[SIGNATURE_TEXT_SIZE]);
