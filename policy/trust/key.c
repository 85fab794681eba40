/*
 * Key objects to keys of libcrypto and back. An object comes from a file that nobody may have
 * vouched for yet: its algorithm is looked at before libcrypto's decoders are, so that they meet
 * RSA and NIST P-256 and nothing else.
 */
#include "policy/trust/key.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"

enum {
	ED25519_SIZE = 32,
	EC_SIZE = 91, /* of the DER of a key on P-256 */
	EC_COMPRESSED_SIZE = 59,
	PEM_SIZE_MAX = 4096, /* an RSA key of TUF_RSA_BITS_MAX takes about 1,500 */
};

static const struct {
	const char *keytype, *name;
	enum tuf_scheme scheme;
} schemes[] = {
	{ "ed25519", "ed25519", TUF_SCHEME_ED25519 },
	{ "ecdsa", "ecdsa-sha2-nistp256", TUF_SCHEME_ECDSA_P256_SHA256 },
	{ "rsa", "rsassa-pss-sha256", TUF_SCHEME_RSA_PSS_SHA256 },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", TUF_SCHEME_ECDSA_P256_SHA256 },
};

DEFINE_CLEANUP(BIO, BIO_free)
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

const char *tuf_scheme_to_string(enum tuf_scheme s)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (schemes[i].scheme == s)
			return schemes[i].name;
	return "unknown";
}

/* ---- public values ---- */

/* The DER of a PEM text that holds one public key and nothing else. */
static int read_pem(const char *text, uint8_t **ret, long *ret_size)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----";
	_cleanup_(BIO_freep) BIO *bio = NULL;
	char *name = NULL, *header = NULL, *rest = NULL;
	unsigned char *der = NULL;
	long size = 0;
	int r = -EBADMSG;

	if (strlen(text) > PEM_SIZE_MAX || strncmp(text, begin, sizeof(begin) - 1) != 0)
		return -EBADMSG;
	bio = BIO_new_mem_buf(text, -1);
	if (!bio)
		return -ENOMEM;
	if (PEM_read_bio(bio, &name, &header, &der, &size) == 1 &&
		strcmp(name, PEM_STRING_PUBLIC) == 0 && !*header) {
		long left = BIO_get_mem_data(bio, &rest);

		r = left <= 0 || (long) strspn(rest, "\r\n\t ") == left ? 0 : -EBADMSG;
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	if (r < 0) {
		OPENSSL_free(der);
		return r;
	}
	*ret = der;
	*ret_size = size;
	return 0;
}

/* How the DER of a SubjectPublicKeyInfo begins behind the header of its outer sequence. libcrypto
 * takes the point at infinity too, in whose name anybody could sign: a point has its two
 * coordinates or, compressed, one. */
static bool is_of_scheme(enum tuf_scheme scheme, const uint8_t *der, size_t n)
{
	static const uint8_t ec[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
		0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static const uint8_t rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		0x01, 0x01, 0x01, 0x05, 0x00 };

	if (scheme == TUF_SCHEME_ECDSA_P256_SHA256)
		return (n == EC_SIZE || n == EC_COMPRESSED_SIZE) &&
			memcmp(der + 2, ec, sizeof(ec)) == 0;
	return n > 4 + sizeof(rsa) && memcmp(der + 4, rsa, sizeof(rsa)) == 0;
}

static int decode_der(enum tuf_scheme scheme, const uint8_t *der, long size, EVP_PKEY **ret)
{
	const unsigned char *end = der;
	EVP_PKEY *pkey;

	if (!is_of_scheme(scheme, der, (size_t) size))
		return -EBADMSG;
	pkey = d2i_PUBKEY(NULL, &end, size);
	if (pkey && end == der + size &&
		(scheme != TUF_SCHEME_RSA_PSS_SHA256 ||
			(EVP_PKEY_get_bits(pkey) >= TUF_RSA_BITS_MIN &&
				EVP_PKEY_get_bits(pkey) <= TUF_RSA_BITS_MAX))) {
		*ret = pkey;
		return 0;
	}
	EVP_PKEY_free(pkey);
	return -EBADMSG;
}

static int decode_pem(enum tuf_scheme scheme, const char *text, EVP_PKEY **ret)
{
	uint8_t *der = NULL;
	long size = 0;
	int r;

	(void) ERR_set_mark();
	r = read_pem(text, &der, &size);
	if (r == 0) {
		r = decode_der(scheme, der, size, ret);
		OPENSSL_free(der);
	}
	/* libcurl would take what is left there for an error of its own */
	(void) ERR_pop_to_mark();
	return r;
}

static int decode_ed25519(const char *hex, EVP_PKEY **ret)
{
	uint8_t raw[ED25519_SIZE];
	EVP_PKEY *pkey;

	if (text_unhex(hex, raw, sizeof(raw)) < 0)
		return -EBADMSG;
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	if (!pkey)
		return -ENOMEM;
	*ret = pkey;
	return 0;
}

/* ---- key objects ---- */

static int take_id(struct tuf_key *k, const json_t *object)
{
	_cleanup_free_ char *canonical = NULL;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t n = 0;
	int r;

	r = canonical_encode(object, &canonical, &n);
	if (r < 0)
		return r;
	if (!EVP_Digest(canonical, n, digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	text_hex(digest, sizeof(digest), k->id);
	return 0;
}

static enum tuf_scheme find_scheme(const char *keytype, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strcmp(schemes[i].keytype, keytype) == 0 && strcmp(schemes[i].name, name) == 0)
			return schemes[i].scheme;
	return TUF_SCHEME_UNKNOWN;
}

static int take_public(struct tuf_key *k, const json_t *keyval)
{
	const char *public = json_string_value(json_object_get(keyval, "public"));

	switch (k->scheme) {
	case TUF_SCHEME_ED25519:
		return public ? decode_ed25519(public, &k->pkey) : -EBADMSG;
	case TUF_SCHEME_ECDSA_P256_SHA256:
	case TUF_SCHEME_RSA_PSS_SHA256:
		return public ? decode_pem(k->scheme, public, &k->pkey) : -EBADMSG;
	case TUF_SCHEME_UNKNOWN:
	case _TUF_SCHEME_MAX:
		break;
	}
	return 0;
}

int tuf_key_parse(const json_t *object, struct tuf_key **ret)
{
	_cleanup_(tuf_key_freep) struct tuf_key *k = NULL;
	const char *keytype = json_string_value(json_object_get(object, "keytype"));
	const char *scheme = json_string_value(json_object_get(object, "scheme"));
	const char *owner = json_string_value(json_object_get(object, TUF_KEY_OWNER));
	const json_t *keyval = json_object_get(object, "keyval");
	int r;

	if (!keytype || !scheme || !json_is_object(keyval))
		return -EBADMSG;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->scheme = find_scheme(keytype, scheme);
	(void) text_escape(owner ? owner : "", k->owner, sizeof(k->owner));
	r = take_id(k, object);
	if (r == 0)
		r = take_public(k, keyval);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(k);
	return 0;
}

struct tuf_key *tuf_key_free(struct tuf_key *k)
{
	if (!k)
		return NULL;
	EVP_PKEY_free(k->pkey);
	free(k);
	return NULL;
}

/* ---- signatures ---- */

static bool prepare(EVP_MD_CTX *context, const struct tuf_key *k)
{
	EVP_PKEY_CTX *options = NULL; /* owned by context */

	if (k->scheme == TUF_SCHEME_ED25519)
		return EVP_DigestVerifyInit(context, NULL, NULL, NULL, k->pkey) == 1;
	if (EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, k->pkey) != 1)
		return false;
	return k->scheme == TUF_SCHEME_ECDSA_P256_SHA256 ||
		(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) == 1 &&
			EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) == 1);
}

bool tuf_key_verify(const struct tuf_key *k, const void *bytes, size_t n, const uint8_t *signature,
	size_t signature_size)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = NULL;
	bool valid;

	if (!k->pkey || signature_size == 0)
		return false;
	context = EVP_MD_CTX_new();
	if (!context)
		return false;
	(void) ERR_set_mark();
	valid = prepare(context, k) &&
		EVP_DigestVerify(context, signature, signature_size, bytes, n) == 1;
	(void) ERR_pop_to_mark();
	return valid;
}

/* ---- from keys ---- */

static int raw_value(EVP_PKEY *pkey, json_t **ret)
{
	uint8_t raw[ED25519_SIZE];
	char hex[2 * ED25519_SIZE + 1];
	size_t n = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1 || n != sizeof(raw))
		return -EOPNOTSUPP;
	text_hex(raw, sizeof(raw), hex);
	*ret = json_string(hex);
	return *ret ? 0 : -ENOMEM;
}

static int pem_value(EVP_PKEY *pkey, json_t **ret)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;

	if (!bio)
		return -ENOMEM;
	if (PEM_write_bio_PUBKEY(bio, pkey) != 1)
		return -EOPNOTSUPP;
	n = BIO_get_mem_data(bio, &text);
	*ret = json_stringn(text, (size_t) n);
	return *ret ? 0 : -ENOMEM;
}

static int make_object(enum tuf_scheme scheme, const char *owner, json_t *public, json_t **ret)
{
	_cleanup_json_ json_t *object = NULL;

	for (size_t i = 0; !object && i < ARRAY_SIZE(schemes); i++)
		if (schemes[i].scheme == scheme)
			object = json_pack("{s:s, s:s, s:{s:O}}", "keytype", schemes[i].keytype,
				"scheme", schemes[i].name, "keyval", "public", public);
	if (!object)
		return -ENOMEM;
	if (owner && json_object_set_new(object, TUF_KEY_OWNER, json_string(owner)) < 0)
		return -EINVAL;
	*ret = TAKE_PTR(object);
	return 0;
}

int tuf_key_object(EVP_PKEY *pkey, const char *owner, json_t **ret)
{
	_cleanup_json_ json_t *public = NULL, *object = NULL;
	_cleanup_(tuf_key_freep) struct tuf_key *k = NULL;
	enum tuf_scheme scheme;
	int r;

	if (EVP_PKEY_is_a(pkey, "ED25519"))
		scheme = TUF_SCHEME_ED25519;
	else if (EVP_PKEY_is_a(pkey, "EC"))
		scheme = TUF_SCHEME_ECDSA_P256_SHA256;
	else if (EVP_PKEY_is_a(pkey, "RSA"))
		scheme = TUF_SCHEME_RSA_PSS_SHA256;
	else
		return -EOPNOTSUPP;
	r = scheme == TUF_SCHEME_ED25519 ? raw_value(pkey, &public) : pem_value(pkey, &public);
	if (r == 0)
		r = make_object(scheme, owner, public, &object);
	if (r < 0)
		return r;
	r = tuf_key_parse(object, &k); /* refuses other curves and sizes */
	if (r < 0)
		return r == -EBADMSG ? -EOPNOTSUPP : r;
	*ret = TAKE_PTR(object);
	return 0;
}
