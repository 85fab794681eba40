/* Public keys of TUF metadata: which objects are keys, their ids, and what they verify. */
#include "policy/trust/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"

/* RFC 8032, section 7.1, tests 1 and 2 */
#define ED25519_1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define ED25519_2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* a point of NIST P-256 */
#define EC_BEGIN "-----BEGIN PUBLIC KEY-----\\n"
#define EC_BODY                                                               \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQID3slsYjg1E5MJ/a5pDndylurJe\\n" \
	"GzTL7d/wGLZCTWeQvA4C3V3JACMjY3Tt6q3ZMrvKRQXXzdWRvv1zz0B9xA==\\n"
#define EC_END "-----END PUBLIC KEY-----\\n"
#define EC_PEM EC_BEGIN EC_BODY EC_END

#define KEY(type, scheme, public)                        \
	"{\"keytype\":\"" type "\",\"scheme\":\"" scheme \
	"\",\"keyval\":{\"public\":\"" public "\"}}"
#define EC_KEY(public) KEY("ecdsa", "ecdsa-sha2-nistp256", public)

DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
#define _cleanup_pkey_ _cleanup_(EVP_PKEY_freep)
#define _cleanup_key_  _cleanup_(tuf_key_freep)

static json_t *load(const char *text)
{
	json_t *value = NULL;
	char why[200] = "";

	if (canonical_load(text, strlen(text), why, sizeof(why), &value) < 0)
		fail_msg("%s: %s", text, why);
	return value;
}

static struct tuf_key *parse(const json_t *object)
{
	struct tuf_key *k = NULL;

	assert_int_equal(tuf_key_parse(object, &k), 0);
	return k;
}

static struct tuf_key *parse_pkey(EVP_PKEY *pkey, const char *owner)
{
	_cleanup_json_ json_t *object = NULL;

	assert_int_equal(tuf_key_object(pkey, owner, &object), 0);
	return parse(object);
}

/* Two keys of each scheme, made once: those of RSA take their time. */
struct pairs {
	EVP_PKEY *pkeys[_TUF_SCHEME_MAX][2];
};

static int setup(void **state)
{
	struct pairs *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	for (int i = 0; i < 2; i++) {
		p->pkeys[TUF_SCHEME_ED25519][i] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		p->pkeys[TUF_SCHEME_ECDSA_P256_SHA256][i] = EVP_EC_gen("P-256");
		p->pkeys[TUF_SCHEME_RSA_PSS_SHA256][i] = EVP_RSA_gen(2048);
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pairs *p = *state;

	for (enum tuf_scheme s = 0; s < _TUF_SCHEME_MAX; s++)
		for (int i = 0; i < 2; i++)
			EVP_PKEY_free(p->pkeys[s][i]);
	free(p);
	return 0;
}

struct padding {
	int padding, salt;
	const char *md, *mgf1;
};

static const struct padding pss = { RSA_PKCS1_PSS_PADDING, 32, "SHA256", "SHA256" };

static size_t sign(EVP_PKEY *pkey, const struct padding *p, const char *message, uint8_t *out)
{
	bool is_rsa = EVP_PKEY_is_a(pkey, "RSA");
	const char *md = EVP_PKEY_is_a(pkey, "ED25519") ? NULL : is_rsa ? p->md : "SHA256";
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	size_t n = TUF_SIGNATURE_MAX;

	assert_int_equal(EVP_DigestSignInit_ex(context, &options, md, NULL, NULL, pkey, NULL), 1);
	if (is_rsa)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(options, p->padding) == 1);
	if (is_rsa && p->padding == RSA_PKCS1_PSS_PADDING)
		assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, p->salt) == 1 &&
			EVP_PKEY_CTX_set_rsa_mgf1_md_name(options, p->mgf1, NULL) == 1);
	assert_int_equal(
		EVP_DigestSign(context, out, &n, (const uint8_t *) message, strlen(message)), 1);
	EVP_MD_CTX_free(context);
	return n;
}

/* ---- ids ---- */

static void test_ids(void **state)
{
	static const struct {
		const char *name, *text, *id;
		enum tuf_scheme scheme;
	} cases[] = {
		{ "ed25519", KEY("ed25519", "ed25519", ED25519_1),
			"74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916",
			TUF_SCHEME_ED25519 },
		{ "members in another order",
			"{ \"scheme\": \"ed25519\", \"keyval\": {\"public\": \"" ED25519_1 "\"},"
			" \"keytype\": \"ed25519\" }",
			"74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916",
			TUF_SCHEME_ED25519 },
		{ "an unknown member is part of it",
			"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":"
			"\"" ED25519_1 "\"},\"x-proscribe-owner\":\"alice\"}",
			"2a84212d408d6688f7f3c8b19466b5da2192395fdae8232717d226eeb08db877",
			TUF_SCHEME_ED25519 },
		{ "ecdsa, with the newlines of its PEM", EC_KEY(EC_PEM),
			"8c167dff8e141fd1db30f8905422ca622deb4aaf35de01edecc4b4935effca82",
			TUF_SCHEME_ECDSA_P256_SHA256 },
		{ "the older name of its type",
			KEY("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", EC_PEM),
			"3b468e856cd4bec37bae1c0d77b194903f7a64a0b82abdd352b3cc152a03165a",
			TUF_SCHEME_ECDSA_P256_SHA256 },
		{ "a scheme from the future", KEY("x", "y", "z"), NULL, TUF_SCHEME_UNKNOWN },
		{ "a known type with another scheme", KEY("rsa", "rsa-pkcs1v15-sha256", "z"), NULL,
			TUF_SCHEME_UNKNOWN },
		{ "a known scheme with another type", KEY("rsa", "ed25519", ED25519_1), NULL,
			TUF_SCHEME_UNKNOWN },
		{ "a scheme whose value is no text",
			"{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{\"identity\":1}}", NULL,
			TUF_SCHEME_UNKNOWN },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *object = load(cases[i].text);
		_cleanup_key_ struct tuf_key *k = NULL;

		if (tuf_key_parse(object, &k) < 0)
			fail_msg("%s: refused", cases[i].name);
		if (k->scheme != cases[i].scheme)
			fail_msg("%s: is %s", cases[i].name, tuf_scheme_to_string(k->scheme));
		if ((k->pkey != NULL) != (k->scheme != TUF_SCHEME_UNKNOWN))
			fail_msg("%s: key there or not", cases[i].name);
		if (cases[i].id && strcmp(k->id, cases[i].id) != 0)
			fail_msg("%s: id %s, expected %s", cases[i].name, k->id, cases[i].id);
		if (strlen(k->id) != TUF_KEYID_SIZE - 1)
			fail_msg("%s: id %s", cases[i].name, k->id);
	}
}

static void test_no_keys(void **state)
{
#define PRIVATE "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "no object", "[]" },
		{ "empty", "{}" },
		{ "no scheme",
			"{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_1 "\"}}" },
		{ "no type", "{\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"" ED25519_1 "\"}}" },
		{ "no value", "{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\"}" },
		{ "a value that is no object",
			"{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":\"z\"}" },
		{ "a type that is no text",
			"{\"keytype\":1,\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"\"}}" },
		{ "a fraction in an unknown member",
			"{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{},\"z\":0.5}" },
		{ "ed25519 without public value",
			"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{}}" },
		{ "ed25519 with a number",
			"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\","
			"\"keyval\":{\"public\":1}}" },
		{ "ed25519 a digit short",
			KEY("ed25519", "ed25519",
				"d75a980182b10ab7d54bfed3c96407"
				"3a0ee172f3daa62325af021a68f707511") },
		{ "ed25519 a byte long", KEY("ed25519", "ed25519", ED25519_1 "00") },
		{ "ed25519 that is not hexadecimal",
			KEY("ed25519", "ed25519",
				"z75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511"
				"a") },
		{ "ed25519 as PEM", KEY("ed25519", "ed25519", EC_PEM) },
		{ "ecdsa in hexadecimal", EC_KEY("04" ED25519_1 ED25519_2) },
		{ "an empty PEM", EC_KEY("") },
		{ "text before the PEM", EC_KEY("x\\n" EC_PEM) },
		{ "text behind the PEM", EC_KEY(EC_PEM "x") },
		{ "two keys", EC_KEY(EC_PEM EC_PEM) },
		{ "no end line", EC_KEY(EC_BEGIN EC_BODY) },
		{ "a header",
			EC_KEY(EC_BEGIN "Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-256-CBC,"
					"00000000000000000000000000000000\\n\\n" EC_BODY EC_END) },
		{ "a private key",
			EC_KEY("-----BEGIN PRIVATE KEY-----\\n" PRIVATE
			       "\\n-----END PRIVATE KEY-----\\n") },
		{ "a public key that begins like a private one",
			EC_KEY(EC_BEGIN PRIVATE "\\n" EC_END) },
		{ "no base64", EC_KEY(EC_BEGIN "*\\n" EC_END) },
		{ "a byte behind the DER",
			EC_KEY(EC_BEGIN "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQID3slsYjg1E5MJ/"
					"a5pDndylurJe\\n"
					"GzTL7d/"
					"wGLZCTWeQvA4C3V3JACMjY3Tt6q3ZMrvKRQXXzdWRvv1zz0B9xAA="
					"\\n" EC_END) },
		{ "a point that is not on the curve",
			EC_KEY(EC_BEGIN "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQID3slsYjg1E5MJ/"
					"a5pDndylurJe\\n"
					"GzTL7d/"
					"wGLZCTWeQvA4C3V3JACMjY3Tt6q3ZMrvKRQXXzdWRvv1zz0B9xQ=="
					"\\n" EC_END) },
		{ "the point at infinity",
			EC_KEY(EC_BEGIN "MBkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDAgAA\\n" EC_END) },
		{ "an ecdsa key as rsa", KEY("rsa", "rsassa-pss-sha256", EC_PEM) },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *object = load(cases[i].text);
		struct tuf_key *k = NULL;
		int r = tuf_key_parse(object, &k);

		if (r != -EBADMSG || k)
			fail_msg("%s: %d, expected -EBADMSG", cases[i].name, r);
	}
}

static void test_white_space_around_the_end_of_pem(void **state)
{
	static const char *const texts[] = { EC_KEY(EC_BEGIN EC_BODY "-----END PUBLIC KEY-----"),
		EC_KEY(EC_PEM "\\n"), EC_KEY(EC_PEM " \\r\\n\\t") };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ json_t *object = load(texts[i]);
		_cleanup_key_ struct tuf_key *k = NULL;

		if (tuf_key_parse(object, &k) < 0)
			fail_msg("row %zu was refused", i);
	}
}

static void test_owner(void **state)
{
	char longest[TUF_OWNER_MAX + 2];
	static const struct {
		const char *name, *owner, *want;
	} cases[] = {
		{ "none", NULL, "" },
		{ "a name", "Zo\xc3\xab (security)", "Zo\xc3\xab (security)" },
		{ "steering a terminal", "a\x1b[2J", "a\\x1b[2J" },
	};
	const struct pairs *p = *state;
	EVP_PKEY *pkey = p->pkeys[TUF_SCHEME_ED25519][0];
	_cleanup_key_ struct tuf_key *k = NULL;
	json_t *object = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_key_ struct tuf_key *one = parse_pkey(pkey, cases[i].owner);

		if (strcmp(one->owner, cases[i].want) != 0)
			fail_msg("%s: \"%s\"", cases[i].name, one->owner);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[TUF_OWNER_MAX + 1] = '\0';
	k = parse_pkey(pkey, longest);
	longest[TUF_OWNER_MAX] = '\0';
	assert_string_equal(k->owner, longest);
	assert_int_equal(tuf_key_object(pkey, "\xff", &object), -EINVAL);
	assert_null(object);
}

/* ---- which keys can be had ---- */

static EVP_PKEY *rsa_of_bits(int bits)
{
	_cleanup_(EVP_PKEY_CTX_freep)
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;

	assert_true(BN_set_word(n, 1) && BN_set_bit(n, bits - 1) && BN_set_word(e, 65537));
	assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e));
	params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return pkey;
}

static void test_sizes_of_rsa_keys(void **state)
{
	static const struct {
		int bits, want;
	} cases[] = {
		{ 1024, -EOPNOTSUPP },
		{ TUF_RSA_BITS_MIN - 1, -EOPNOTSUPP },
		{ TUF_RSA_BITS_MIN, 0 },
		{ 3072, 0 },
		{ 4096, 0 },
		{ TUF_RSA_BITS_MAX, 0 },
		{ TUF_RSA_BITS_MAX + 1, -EOPNOTSUPP },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_pkey_ EVP_PKEY *pkey = rsa_of_bits(cases[i].bits);
		_cleanup_json_ json_t *object = NULL;
		int r = tuf_key_object(pkey, NULL, &object);

		if (r != cases[i].want || (r < 0) != (object == NULL))
			fail_msg("%d bits: %d, expected %d", cases[i].bits, r, cases[i].want);
	}
}

/* P-256 by its parameters instead of its name: as much work for a decoder as a stranger likes. */
static EVP_PKEY *explicit_curve(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");

	assert_non_null(pkey);
	assert_int_equal(
		EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
	return pkey;
}

static void test_kinds_of_keys(void **state)
{
	const struct {
		const char *name;
		EVP_PKEY *pkey;
		int want;
	} cases[] = {
		{ "ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0 },
		{ "P-256", EVP_EC_gen("P-256"), 0 },
		{ "RSA", rsa_of_bits(2048), 0 },
		{ "ed448", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), -EOPNOTSUPP },
		{ "x25519", EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), -EOPNOTSUPP },
		{ "P-384", EVP_EC_gen("P-384"), -EOPNOTSUPP },
		{ "secp256k1, as long as P-256", EVP_EC_gen("secp256k1"), -EOPNOTSUPP },
		{ "P-256 by its parameters", explicit_curve(), -EOPNOTSUPP },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *object = NULL;
		int r;

		assert_non_null(cases[i].pkey);
		r = tuf_key_object(cases[i].pkey, NULL, &object);
		if (r != cases[i].want || (r < 0) != (object == NULL))
			fail_msg("%s: %d, expected %d", cases[i].name, r, cases[i].want);
		EVP_PKEY_free(cases[i].pkey);
	}
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_compressed_points_are_taken(void **state)
{
	_cleanup_pkey_ EVP_PKEY *pkey = EVP_EC_gen("P-256");
	_cleanup_key_ struct tuf_key *k = NULL;
	uint8_t signature[TUF_SIGNATURE_MAX];
	size_t n;

	(void) state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
		1);
	k = parse_pkey(pkey, NULL);
	n = sign(pkey, &pss, "message", signature);
	assert_true(tuf_key_verify(k, "message", 7, signature, n));
}

/* ---- signatures ---- */

static void test_signatures(void **state)
{
	const struct pairs *p = *state;

	for (enum tuf_scheme scheme = TUF_SCHEME_ED25519; scheme < _TUF_SCHEME_MAX; scheme++) {
		const char *name = tuf_scheme_to_string(scheme);
		EVP_PKEY *pkey = p->pkeys[scheme][0], *other = p->pkeys[scheme][1];
		_cleanup_key_ struct tuf_key *k = parse_pkey(pkey, "alice");
		_cleanup_key_ struct tuf_key *not_k = parse_pkey(other, "alice");
		uint8_t signature[TUF_SIGNATURE_MAX + 1] = { 0 };
		size_t n = sign(pkey, &pss, "message", signature);
		size_t step = n > 100 ? 15 : 1;

		if (k->scheme != scheme)
			fail_msg("%s became %s", name, tuf_scheme_to_string(k->scheme));
		if (!tuf_key_verify(k, "message", 7, signature, n))
			fail_msg("%s: a good signature is refused", name);
		if (tuf_key_verify(k, "massage", 7, signature, n))
			fail_msg("%s: signs another message", name);
		if (tuf_key_verify(k, "message", 6, signature, n))
			fail_msg("%s: signs a shorter message", name);
		if (tuf_key_verify(not_k, "message", 7, signature, n))
			fail_msg("%s: signs for another key", name);
		if (tuf_key_verify(k, "message", 7, signature, n + 1))
			fail_msg("%s: a byte behind it is taken", name);
		for (size_t i = 0; i < n; i += step) {
			if (tuf_key_verify(k, "message", 7, signature, i))
				fail_msg("%s: %zu bytes of it are taken", name, i);
			signature[i] ^= 1;
			if (tuf_key_verify(k, "message", 7, signature, n))
				fail_msg("%s: taken with byte %zu changed", name, i);
			signature[i] ^= 1;
		}
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void test_paddings_of_rsa(void **state)
{
	static const struct {
		const char *name;
		struct padding padding;
		bool want;
	} cases[] = {
		{ "a salt as long as the hash", { RSA_PKCS1_PSS_PADDING, 32, "SHA256", "SHA256" },
			true },
		{ "the longest salt",
			{ RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, "SHA256", "SHA256" }, true },
		{ "no salt", { RSA_PKCS1_PSS_PADDING, 0, "SHA256", "SHA256" }, true },
		{ "MGF1 with another hash", { RSA_PKCS1_PSS_PADDING, 32, "SHA256", "SHA1" },
			false },
		{ "another hash", { RSA_PKCS1_PSS_PADDING, 32, "SHA512", "SHA512" }, false },
		{ "PKCS #1 1.5", { RSA_PKCS1_PADDING, 0, "SHA256", "SHA256" }, false },
	};
	const struct pairs *p = *state;
	EVP_PKEY *pkey = p->pkeys[TUF_SCHEME_RSA_PSS_SHA256][0];
	_cleanup_key_ struct tuf_key *k = parse_pkey(pkey, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t signature[TUF_SIGNATURE_MAX];
		size_t n = sign(pkey, &cases[i].padding, "message", signature);

		if (tuf_key_verify(k, "message", 7, signature, n) != cases[i].want)
			fail_msg("%s: should be %s", cases[i].name,
				cases[i].want ? "taken" : "refused");
	}
}

static void test_vector_of_rfc_8032(void **state)
{
	static const char hex[] =
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
	_cleanup_json_ json_t *object = load(KEY("ed25519", "ed25519", ED25519_1));
	_cleanup_json_ json_t *another = load(KEY("ed25519", "ed25519", ED25519_2));
	_cleanup_key_ struct tuf_key *k = parse(object), *not_k = parse(another);
	uint8_t signature[64];

	(void) state;
	assert_int_equal(text_unhex(hex, signature, sizeof(signature)), 0);
	assert_true(tuf_key_verify(k, "", 0, signature, sizeof(signature)));
	assert_false(tuf_key_verify(not_k, "", 0, signature, sizeof(signature)));
}

static void test_unknown_schemes_verify_nothing(void **state)
{
	_cleanup_json_ json_t *object = load(KEY("rsa", "ed25519", ED25519_1));
	_cleanup_key_ struct tuf_key *k = parse(object);
	static const uint8_t signature[64] = { 0 };

	(void) state;
	assert_false(tuf_key_verify(k, "", 0, signature, sizeof(signature)));
	assert_false(tuf_key_verify(k, "", 0, signature, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_white_space_around_the_end_of_pem),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_sizes_of_rsa_keys),
		cmocka_unit_test(test_kinds_of_keys),
		cmocka_unit_test(test_compressed_points_are_taken),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_paddings_of_rsa),
		cmocka_unit_test(test_vector_of_rfc_8032),
		cmocka_unit_test(test_unknown_schemes_verify_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
