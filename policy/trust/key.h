/*
 * Public keys of TUF metadata: ed25519, ecdsa-sha2-nistp256 and rsassa-pss-sha256.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "policy/base/cleanup.h"

enum {
	TUF_KEYID_SIZE = 65, /* 64 hexadecimal digits and a NUL */
	TUF_RSA_BITS_MIN = 2048,
	TUF_RSA_BITS_MAX = 8192,
	TUF_SIGNATURE_MAX = 1024, /* bytes of a signature */
	TUF_OWNER_MAX = 127,      /* bytes of a key's owner */
};

/* Member of a key object that names its owner, for people; like all unknown members it is part of
 * the key id. */
#define TUF_KEY_OWNER "x-proscribe-owner"

enum tuf_scheme {
	TUF_SCHEME_UNKNOWN, /* kept for its id, verifies nothing */
	TUF_SCHEME_ED25519,
	TUF_SCHEME_ECDSA_P256_SHA256,
	TUF_SCHEME_RSA_PSS_SHA256,
	_TUF_SCHEME_MAX,
};

struct tuf_key {
	char id[TUF_KEYID_SIZE]; /* hex SHA-256 of the canonical form of the whole key object */
	enum tuf_scheme scheme;
	char owner[TUF_OWNER_MAX + 1]; /* "" when the object does not say; escaped */
	EVP_PKEY *pkey;                /* owned; NULL for TUF_SCHEME_UNKNOWN */
};

const char *tuf_scheme_to_string(enum tuf_scheme s); /* "ecdsa-sha2-nistp256" */

/* Reads a key object {"keytype", "scheme", "keyval": {"public"}}. The keytype "ecdsa" and its older
 * alias "ecdsa-sha2-nistp256" are taken. -EBADMSG: a member is missing or of another type, or the
 * public value is none of its scheme. */
int tuf_key_parse(const json_t *object, struct tuf_key **ret);
struct tuf_key *tuf_key_free(struct tuf_key *k);
DEFINE_CLEANUP(struct tuf_key, tuf_key_free)

/* ECDSA signatures are DER; PSS uses MGF1 with SHA-256 and a salt of any length. */
bool tuf_key_verify(const struct tuf_key *k, const void *bytes, size_t n, const uint8_t *signature,
	size_t signature_size);

/* The key object of a public or private @pkey; *ret is a new reference. @owner may be NULL.
 * -EOPNOTSUPP: none of the three schemes (RSA below TUF_RSA_BITS_MIN, another curve); -EINVAL:
 * @owner is not UTF-8. */
int tuf_key_object(EVP_PKEY *pkey, const char *owner, json_t **ret);
