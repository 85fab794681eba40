/*
 * Runs in proscribectl. The forms cannot be mistaken for each other: the text of a signature is
 * never as long as a signature by the same key, and DER does not look like text.
 */
#include "ctl/repo/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { ED25519_SIZE = 64, ECDSA_NUMBER = 32, ECDSA_DER_MIN = 8, ECDSA_DER_MAX = 72 };

void signature_describe(const struct tuf_key *key, char out[SIGNATURE_TEXT_SIZE])
{
	switch (key->scheme) {
	case TUF_SCHEME_ED25519:
		(void) snprintf(out, SIGNATURE_TEXT_SIZE, "%d bytes", ED25519_SIZE);
		break;
	case TUF_SCHEME_ECDSA_P256_SHA256:
		(void) snprintf(
			out, SIGNATURE_TEXT_SIZE, "DER, or r and s of %d bytes each", ECDSA_NUMBER);
		break;
	case TUF_SCHEME_RSA_PSS_SHA256:
		(void) snprintf(out, SIGNATURE_TEXT_SIZE, "%d bytes", EVP_PKEY_get_size(key->pkey));
		break;
	case TUF_SCHEME_UNKNOWN:
	case _TUF_SCHEME_MAX:
		*out = '\0';
		break;
	}
}

/* ---- bytes ---- */

static bool is_der(const uint8_t *bytes, size_t n)
{
	const unsigned char *end = bytes;
	ECDSA_SIG *s;

	if (n < ECDSA_DER_MIN || n > ECDSA_DER_MAX)
		return false;
	s = d2i_ECDSA_SIG(NULL, &end, (long) n);
	ECDSA_SIG_free(s);
	ERR_clear_error();
	return s && end == bytes + n;
}

/* PKCS#11 tokens write r and s as they are. */
static int make_der(const uint8_t *bytes, uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, ECDSA_NUMBER, NULL),
	       *s = BN_bin2bn(bytes + ECDSA_NUMBER, ECDSA_NUMBER, NULL);
	int n = -1;

	if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(signature, &out);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(signature);
	ERR_clear_error();
	if (n <= 0)
		return -ENOMEM;
	*ret_size = (size_t) n;
	return 0;
}

static int take_bytes(const struct tuf_key *key, const uint8_t *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size)
{
	bool fits = false;

	switch (key->scheme) {
	case TUF_SCHEME_ED25519:
		fits = n == ED25519_SIZE;
		break;
	case TUF_SCHEME_ECDSA_P256_SHA256:
		fits = is_der(bytes, n);
		if (!fits && n == (size_t) 2 * ECDSA_NUMBER)
			return make_der(bytes, out, ret_size);
		break;
	case TUF_SCHEME_RSA_PSS_SHA256:
		fits = n <= TUF_SIGNATURE_MAX && n == (size_t) EVP_PKEY_get_size(key->pkey);
		break;
	case TUF_SCHEME_UNKNOWN:
	case _TUF_SCHEME_MAX:
		break;
	}
	if (!fits)
		return -EBADMSG;
	memcpy(out, bytes, n);
	*ret_size = n;
	return 0;
}

/* ---- text ---- */

static int value_of(const char *digits, char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int) (p - digits) : -1;
}

/* Digits of @bits bits each; @pad ends them. Line ends do not count. -EBADMSG. */
static int decode(const char *text, size_t n, const char *digits, unsigned bits, char pad,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size)
{
	unsigned held = 0, pads = 0;
	size_t used = 0, count = 0;
	uint32_t value = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		int digit = value_of(
			digits, bits == 4 && c >= 'A' && c <= 'F' ? (char) (c | 0x20) : c);

		if (c == '\n' || c == '\r')
			continue;
		count++;
		if (pad && c == pad) {
			pads++;
			continue;
		}
		if (digit < 0 || pads)
			return -EBADMSG;
		value = value << bits | (unsigned) digit;
		held += bits;
		if (held < 8)
			continue;
		if (used == TUF_SIGNATURE_MAX)
			return -EBADMSG;
		held -= 8;
		out[used++] = (uint8_t) (value >> held);
		value &= (1U << held) - 1;
	}
	/* whole bytes, nothing in the bits left over, and as much padding as they need */
	if (used == 0 || value || held >= bits || (pad ? count % 4 != 0 || pads != held / 2 : held))
		return -EBADMSG;
	*ret_size = used;
	return 0;
}

int signature_read(const struct tuf_key *key, const char *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size)
{
	static const char hex[] = "0123456789abcdef",
			  base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	uint8_t decoded[TUF_SIGNATURE_MAX];
	size_t size;

	if (take_bytes(key, (const uint8_t *) bytes, n, out, ret_size) == 0)
		return 0;
	if (decode(bytes, n, hex, 4, '\0', decoded, &size) == 0 ||
		decode(bytes, n, base64, 6, '=', decoded, &size) == 0)
		return take_bytes(key, decoded, size, out, ret_size);
	return -EBADMSG;
}
