/*
 * Private keys that sign metadata: files (PKCS#8 PEM, with a passphrase or without) and PKCS#11
 * tokens by URI (RFC 7512), through OpenSSL. Runs on an administrator's machine, never on a host
 * that is watched.
 */
#pragma once

#include <stdint.h>

#include "policy/trust/error.h"
#include "policy/trust/key.h"

struct signer;

enum { SIGNER_PASSPHRASE_MAX = 1023 }; /* bytes; OpenSSL's own tools take no longer one */

/* Before the first secret: no core dump and no debugger shows it, and it is locked in memory as far
 * as the system allows. */
void signer_protect(void);

/* Asks for the passphrase or PIN of @what: its length in @out (SIGNER_PASSPHRASE_MAX + 1 bytes), or
 * a negative errno; -ENOKEY when nobody can be asked. Called only when one is needed. */
struct signer_ask {
	int (*ask)(void *context, const char *what, char *out);
	void *context;
};

/* How @source is named to people, and may be kept: a URI without what stands behind '?', and
 * without a PIN; all else as it is. Owned; NULL when there is no memory. */
char *signer_label(const char *source);

/* @source: the path of a PEM file, or "pkcs11:...", whose query may have pin-value and module-path
 * (code that is loaded: of the caller's own URIs only). -EKEYREJECTED: wrong passphrase or PIN;
 * -EOPNOTSUPP: a kind of key that TUF has no scheme for; -ENOENT; -EACCES: others may read the
 * file. */
int signer_open(
	const char *source, const struct signer_ask *ask, struct signer **ret, struct tuf_error *e);
struct signer *signer_free(struct signer *s);
DEFINE_CLEANUP(struct signer, signer_free)

/* A new key in a new file (0600; -EEXIST). @passphrase NULL: not encrypted. Durable on return. */
int signer_generate(enum tuf_scheme scheme, const char *path, const char *passphrase,
	struct signer **ret, struct tuf_error *e);

/* Its public part as a key object; *ret is a new reference. */
int signer_key_object(const struct signer *s, const char *owner, json_t **ret);
/* As TUF wants it: ECDSA in DER, PSS with a salt as long as the hash. */
int signer_sign(struct signer *s, const void *bytes, size_t n, uint8_t out[TUF_SIGNATURE_MAX],
	size_t *ret_size, struct tuf_error *e);

/* The key object of the public key in the file @path: PEM (SubjectPublicKeyInfo), which gets
 * @owner (may be NULL), or a key object in JSON, also as a repository keeps it; that one is taken
 * as it is, so -EINVAL with an @owner. *ret is a new reference. -EOPNOTSUPP as signer_open(). */
int signer_read_public(const char *path, const char *owner, json_t **ret, struct tuf_error *e);
