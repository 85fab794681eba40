/* Is this what was signed: lengths and hashes, at once and piece by piece. */
#include "policy/trust/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/text.h"

/* FIPS 180-4: the hashes of "abc" */
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA512_ABC                                                         \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

enum { NO_LENGTH = -1 };

static struct tuf_fileinfo info(int length, const char *sha256, const char *sha512, bool unknown)
{
	struct tuf_fileinfo i = { .has_unknown = unknown };

	if (length != NO_LENGTH) {
		i.has_length = true;
		i.length = (uint64_t) length;
	}
	if (sha256) {
		i.has_sha256 = true;
		assert_int_equal(text_unhex(sha256, i.sha256, sizeof(i.sha256)), 0);
	}
	if (sha512) {
		i.has_sha512 = true;
		assert_int_equal(text_unhex(sha512, i.sha512, sizeof(i.sha512)), 0);
	}
	return i;
}

/* @bytes, @piece bytes at a time. */
static int digest(const struct tuf_fileinfo *i, const char *bytes, size_t piece)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *d = NULL;
	size_t left = strlen(bytes);
	int r;

	r = tuf_digest_new(i, &d);
	while (r == 0 && left > 0) {
		size_t n = left < piece ? left : piece;

		r = tuf_digest_add(d, bytes, n);
		bytes += n;
		left -= n;
	}
	return r < 0 ? r : tuf_digest_end(d);
}

static const struct {
	const char *name;
	int length;
	const char *sha256, *sha512;
	bool unknown;
	const char *bytes;
	int want, want_streamed;
	const char *text; /* part of the message */
} cases[] = {
	{ "both hashes", 3, SHA256_ABC, SHA512_ABC, false, "abc", 0, 0, "" },
	{ "the shorter one", 3, SHA256_ABC, NULL, false, "abc", 0, 0, "" },
	{ "the longer one", 3, NULL, SHA512_ABC, false, "abc", 0, 0, "" },
	{ "an unknown one besides", 3, NULL, SHA512_ABC, true, "abc", 0, 0, "" },
	{ "no length", NO_LENGTH, SHA256_ABC, NULL, false, "abc", 0, 0, "" },
	{ "another byte", 3, SHA256_ABC, NULL, false, "abd", -EUCLEAN, -EUCLEAN,
		"has the SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9,"
		" expected " SHA256_ABC },
	{ "another byte, by the longer hash", 3, NULL, SHA512_ABC, false, "abd", -EUCLEAN, -EUCLEAN,
		", expected " SHA512_ABC },
	{ "the shorter hash is wrong", 3, SHA256_ABC, SHA512_ABC, false, "abd", -EUCLEAN, -EUCLEAN,
		"SHA-256" },
	{ "too short", 3, SHA256_ABC, NULL, false, "ab", -EUCLEAN, -EUCLEAN,
		"has 2 bytes, expected 3" },
	{ "empty", 3, SHA256_ABC, NULL, false, "", -EUCLEAN, -EUCLEAN, "has 0 bytes, expected 3" },
	{ "too long", 3, SHA256_ABC, NULL, false, "abcd", -EFBIG, -EFBIG,
		"has 4 bytes, expected 3" },
	{ "another length for the same bytes", 4, SHA256_ABC, NULL, false, "abc", -EUCLEAN,
		-EUCLEAN, "has 3 bytes, expected 4" },
	{ "unknown hashes alone", 3, NULL, NULL, true, "abc", -EUCLEAN, -EUCLEAN,
		"hashes of unknown kinds only" },
	{ "no hash, as metadata may", 3, NULL, NULL, false, "abc", 0, -EUCLEAN, "" },
	{ "neither hash nor length", NO_LENGTH, NULL, NULL, false, "abc", 0, -EUCLEAN, "" },
};

static void test_at_once(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tuf_fileinfo in = info(
			cases[i].length, cases[i].sha256, cases[i].sha512, cases[i].unknown);
		struct tuf_error e = { 0 };
		int r = tuf_digest_check(
			&in, "targets", "a.txt", cases[i].bytes, strlen(cases[i].bytes), &e);

		if (r != cases[i].want || e.error != r)
			fail_msg("%s: %d, expected %d", cases[i].name, r, cases[i].want);
		if (!strstr(e.text, cases[i].text))
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, e.text,
				cases[i].text);
		if (r < 0 && (strcmp(e.role, "targets") != 0 || strcmp(e.file, "a.txt") != 0))
			fail_msg("%s: of %s, %s", cases[i].name, e.role, e.file);
	}
}

static void test_piece_by_piece(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t piece = 1; piece <= 4; piece++) {
			struct tuf_fileinfo in = info(cases[i].length, cases[i].sha256,
				cases[i].sha512, cases[i].unknown);
			int r = digest(&in, cases[i].bytes, piece);

			if (r != cases[i].want_streamed)
				fail_msg("%s, by %zu: %d, expected %d", cases[i].name, piece, r,
					cases[i].want_streamed);
		}
}

static void test_what_was_too_long_stays_so(void **state)
{
	struct tuf_fileinfo in = info(3, SHA256_ABC, NULL, false);
	_cleanup_(tuf_digest_freep) struct tuf_digest *d = NULL;

	(void) state;
	assert_int_equal(tuf_digest_new(&in, &d), 0);
	assert_int_equal(tuf_digest_add(d, "abc", 3), 0);
	assert_int_equal(tuf_digest_add(d, "d", 1), -EFBIG);
	assert_int_equal(tuf_digest_add(d, "", 0), -EFBIG);
	assert_int_equal(tuf_digest_end(d), -EUCLEAN);
}

static void test_nothing(void **state)
{
	struct tuf_fileinfo in = info(
		0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL, false);
	struct tuf_error e = { 0 };

	(void) state;
	assert_int_equal(digest(&in, "", 1), 0);
	assert_int_equal(digest(&in, "a", 1), -EFBIG);
	assert_int_equal(tuf_digest_check(&in, "x", "y", "", 0, &e), 0);
	assert_int_equal(e.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_piece_by_piece),
		cmocka_unit_test(test_what_was_too_long_stays_so),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
