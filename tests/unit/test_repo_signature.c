/* Signatures made elsewhere: every form that programs and tokens write, and nothing else. */
#include "ctl/repo/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

enum { SIZE_MAX_TRIED = 4096 };

static struct tuf_key keys[_TUF_SCHEME_MAX];

static int make_keys(void **state)
{
	(void) state;
	keys[TUF_SCHEME_ED25519].pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	keys[TUF_SCHEME_ECDSA_P256_SHA256].pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys[TUF_SCHEME_RSA_PSS_SHA256].pkey = EVP_PKEY_Q_keygen(
		NULL, NULL, "RSA", (size_t) TUF_RSA_BITS_MIN);
	for (enum tuf_scheme s = TUF_SCHEME_UNKNOWN; s < _TUF_SCHEME_MAX; s++)
		keys[s].scheme = s;
	return 0;
}

static int free_keys(void **state)
{
	(void) state;
	for (enum tuf_scheme s = TUF_SCHEME_UNKNOWN; s < _TUF_SCHEME_MAX; s++)
		EVP_PKEY_free(keys[s].pkey);
	return 0;
}

/* Some signature by the key of @scheme; of ECDSA one with numbers that need no leading zero. */
static size_t some_signature(enum tuf_scheme scheme, uint8_t out[TUF_SIGNATURE_MAX])
{
	static const uint8_t start[] = { 0x30, 0x44, 0x02, 0x20 };

	for (size_t i = 0; i < TUF_SIGNATURE_MAX; i++)
		out[i] = (uint8_t) (i * 7 % 127 + 1);
	if (scheme == TUF_SCHEME_ED25519)
		return 64;
	if (scheme == TUF_SCHEME_RSA_PSS_SHA256)
		return TUF_RSA_BITS_MIN / 8;
	memcpy(out, start, sizeof(start));
	out[36] = 0x02;
	out[37] = 0x20;
	return 70;
}

static void expect(const char *name, enum tuf_scheme scheme, const void *form, size_t n,
	const uint8_t *want, size_t want_size)
{
	uint8_t out[TUF_SIGNATURE_MAX];
	size_t size = 0;
	int r = signature_read(&keys[scheme], form, n, out, &size);

	if (want ? r != 0 || size != want_size || memcmp(out, want, size) != 0 : r != -EBADMSG)
		fail_msg("%s, scheme %d: %d with %zu bytes, expected %s of %zu bytes", name,
			(int) scheme, r, size, want ? "a signature" : "-EBADMSG", want_size);
}

static void test_every_form_of_every_scheme(void **state)
{
	(void) state;
	for (enum tuf_scheme s = TUF_SCHEME_ED25519; s < _TUF_SCHEME_MAX; s++) {
		uint8_t raw[TUF_SIGNATURE_MAX];
		char text[2 * TUF_SIGNATURE_MAX + 16], other[2 * TUF_SIGNATURE_MAX + 17];
		char lines[3 * TUF_SIGNATURE_MAX];
		size_t n = some_signature(s, raw), length = 0, used = 0;

		expect("raw", s, raw, n, raw, n);
		expect("raw and a byte more", s, raw, n + 1, NULL, 0);
		expect("raw and a byte less", s, raw, n - 1, NULL, 0);

		text_hex(raw, n, text);
		length = strlen(text);
		expect("hexadecimal", s, text, length, raw, n);
		expect("half a byte less", s, text, length - 1, NULL, 0);
		expect("a byte less", s, text, length - 2, NULL, 0);
		for (size_t i = 0; i < length; i++) {
			lines[used++] = text[i] >= 'a' ? (char) (text[i] - 0x20) : text[i];
			if (i % 60 == 59) {
				lines[used++] = '\r';
				lines[used++] = '\n';
			}
		}
		expect("in lines, and capitals", s, lines, used, raw, n);
		text[length] = 'g';
		expect("no digit behind it", s, text, length + 1, NULL, 0);
		text[length] = '\0';
		expect("a NUL behind it", s, text, length + 1, NULL, 0);
		text[length] = ' ';
		expect("a blank behind it", s, text, length + 1, NULL, 0);

		length = (size_t) EVP_EncodeBlock((unsigned char *) text, raw, (int) n);
		expect("base64", s, text, length, raw, n);
		text[length] = '\n';
		expect("base64 and a line end", s, text, length + 1, raw, n);
		expect("base64 cut", s, text, length - 1, NULL, 0);
		text[length] = '=';
		expect("base64 with too much padding", s, text, length + 1, NULL, 0);
		other[0] = text[0];
		memcpy(other + 1, text, length);
		expect("base64 with another letter before it", s, other, length + 1, NULL, 0);
	}
}

static void test_bits_left_over_in_base64_are_zero(void **state)
{
	uint8_t raw[TUF_SIGNATURE_MAX];
	char text[2 * TUF_SIGNATURE_MAX];
	size_t n = some_signature(TUF_SCHEME_ED25519, raw), length;

	(void) state;
	length = (size_t) EVP_EncodeBlock((unsigned char *) text, raw, (int) n);
	assert_string_equal(text + length - 2, "==");
	text[length - 3] = (char) (text[length - 3] + 1);
	expect("the last letter says more than it may", TUF_SCHEME_ED25519, text, length, NULL, 0);
}

static void test_r_and_s_of_ecdsa(void **state)
{
	static const enum tuf_scheme s = TUF_SCHEME_ECDSA_P256_SHA256;
	uint8_t raw[64] = { 0 }, der[] = { 0x30, 0x07, 0x02, 0x02, 0x00, 0x80, 0x02, 0x01, 0x7f };
	char text[2 * sizeof(raw) + 1];

	(void) state;
	raw[31] = 0x80; /* a leading zero keeps it positive */
	raw[63] = 0x7f;
	expect("as they are", s, raw, sizeof(raw), der, sizeof(der));
	text_hex(raw, sizeof(raw), text);
	expect("in hexadecimal", s, text, strlen(text), der, sizeof(der));
	expect("one byte less", s, raw, sizeof(raw) - 1, NULL, 0);
	memset(raw, 0xff, sizeof(raw));
	expect("the largest numbers", s, raw, sizeof(raw),
		(const uint8_t *) "\x30\x46\x02\x21\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				  "\xff"
				  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				  "\xff"
				  "\xff\xff\xff\x02\x21\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				  "\xff"
				  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
				  "\xff"
				  "\xff\xff\xff\xff",
		72);
}

static void test_nothing_longer_than_a_signature_is_written(void **state)
{
	static const char fills[] = { 'A', '0', 'f', '=', '\n', '\0', '\x30', '\xff' };
	char bytes[SIZE_MAX_TRIED];

	(void) state;
	for (enum tuf_scheme s = TUF_SCHEME_UNKNOWN; s < _TUF_SCHEME_MAX; s++)
		for (size_t f = 0; f < ARRAY_SIZE(fills); f++)
			for (size_t n = 0; n <= SIZE_MAX_TRIED; n += n < 1100 ? 1 : 113) {
				uint8_t out[TUF_SIGNATURE_MAX];
				size_t size = 0;

				memset(bytes, fills[f], n);
				if (signature_read(&keys[s], bytes, n, out, &size) == 0 &&
					(size == 0 || size > TUF_SIGNATURE_MAX ||
						s == TUF_SCHEME_UNKNOWN))
					fail_msg("%zu times 0x%02x: %zu bytes", n,
						(unsigned char) fills[f], size);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form_of_every_scheme),
		cmocka_unit_test(test_bits_left_over_in_base64_are_zero),
		cmocka_unit_test(test_r_and_s_of_ecdsa),
		cmocka_unit_test(test_nothing_longer_than_a_signature_is_written),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
