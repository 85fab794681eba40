/*
 * Keys on PKCS#11 tokens, for signer.c alone: through an OpenSSL provider where one is configured,
 * else through the "pkcs11" engine.
 */
#pragma once

#include <openssl/evp.h>

#include "policy/trust/signer.h"

#define SIGNER_PKCS11 "pkcs11:"

/* What must stay while a key of a token is used. */
struct signer_token;

/* @uri as RFC 7512 has it: attributes of the path; of the query pin-value and module-path. Errors
 * as of signer_open(). *ret_key and *ret_token are owned; free the key first. A PIN
 * is never tried on another token. */
int signer_pkcs11_load(const char *uri, const struct signer_ask *ask, EVP_PKEY **ret_key,
	struct signer_token **ret_token, struct tuf_error *e);
struct signer_token *signer_token_free(struct signer_token *t);
DEFINE_CLEANUP(struct signer_token, signer_token_free)
