/* Canonical JSON: what is read, and the one form in which it is written. */
#include "policy/trust/canonical.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/base/text.h"

static char *repeat(const char *s, size_t n, const char *middle, const char *t)
{
	size_t size = n * (strlen(s) + strlen(t)) + strlen(middle) + 1;
	char *text = malloc(size), *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, s);
	at = stpcpy(at, middle);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, t);
	return text;
}

static void test_canonical_form(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "white space goes", " { \"a\" : [ 1 ,\t2 ,\n3 ] } \r\n", "{\"a\":[1,2,3]}" },
		{ "members are sorted", "{\"b\":1,\"a\":2,\"aa\":3,\"B\":4,\"\":5}",
			"{\"\":5,\"B\":4,\"a\":2,\"aa\":3,\"b\":1}" },
		{ "members within members too", "{\"x\":{\"d\":{},\"c\":[]}}",
			"{\"x\":{\"c\":[],\"d\":{}}}" },
		{ "elements stay in their order", "[\"b\",\"a\",[2,1]]", "[\"b\",\"a\",[2,1]]" },
		{ "U+FFFF comes before U+1F600, unlike in UTF-16",
			"{\"\\ud83d\\ude00\":1,\"\\uffff\":2}",
			"{\"\xef\xbf\xbf\":2,\"\xf0\x9f\x98\x80\":1}" },
		{ "the newlines of a PEM key are literal", "\"-----BEGIN-----\\nAA==\\n\"",
			"\"-----BEGIN-----\nAA==\n\"" },
		{ "so are all other control characters", "\"\\u0001\\t\\b\\f\\r\\u001f\\u007f\"",
			"\"\x01\t\b\f\r\x1f\x7f\"" },
		{ "quotes and backslashes are escaped", "\"\\\"\\\\\\u0022\\u005c\"",
			"\"\\\"\\\\\\\"\\\\\"" },
		{ "in names too", "{\"\\\"\\\\\\n\":0}", "{\"\\\"\\\\\n\":0}" },
		{ "a slash is not", "\"\\/\"", "\"/\"" },
		{ "letters beyond ASCII are UTF-8", "\"Zo\\u00eb \\u4e2d\\ud83d\\ude00\"",
			"\"Zo\xc3\xab \xe4\xb8\xad\xf0\x9f\x98\x80\"" },
		{ "and stay so", "\"Zo\xc3\xab\"", "\"Zo\xc3\xab\"" },
		{ "the words", "[true,false,null]", "[true,false,null]" },
		{ "the largest number", "9223372036854775807", "9223372036854775807" },
		{ "the smallest number", "-9223372036854775808", "-9223372036854775808" },
		{ "minus nothing", "-0", "0" },
		{ "an empty object", "{}", "{}" },
		{ "an empty list", "[]", "[]" },
		{ "an empty string", "\"\"", "\"\"" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *value = NULL;
		_cleanup_free_ char *text = NULL;
		char why[200] = "";
		size_t n = 0;

		if (canonical_load(cases[i].text, strlen(cases[i].text), why, sizeof(why), &value))
			fail_msg("%s: refused: %s", cases[i].name, why);
		if (canonical_encode(value, &text, &n) < 0)
			fail_msg("%s: not encoded", cases[i].name);
		if (n != strlen(cases[i].want) || strcmp(text, cases[i].want) != 0)
			fail_msg("%s: %s, expected %s", cases[i].name, text, cases[i].want);
	}
}

static void test_what_is_not_strict_is_refused(void **state)
{
#define BYTES(s) s, sizeof(s) - 1
	static const struct {
		const char *name, *text;
		size_t n;
	} cases[] = {
		{ "nothing", BYTES("") },
		{ "white space", BYTES(" \n") },
		{ "a repeated name", BYTES("{\"a\":1,\"a\":1}") },
		{ "a name repeated by an escape", BYTES("{\"a\":1,\"\\u0061\":2}") },
		{ "a name repeated deep inside", BYTES("{\"a\":[{\"b\":{\"c\":1,\"c\":2}}]}") },
		{ "no number", BYTES("NaN") },
		{ "infinity", BYTES("-Infinity") },
		{ "a number past 2^63 - 1", BYTES("9223372036854775808") },
		{ "a number before -2^63", BYTES("-9223372036854775809") },
		{ "a number past any", BYTES("1e999") },
		{ "a leading zero", BYTES("01") },
		{ "a plus", BYTES("+1") },
		{ "hexadecimal", BYTES("0x10") },
		{ "something behind it", BYTES("{} x") },
		{ "a second value", BYTES("{}{}") },
		{ "a NUL behind it", BYTES("{}\0") },
		{ "a NUL in a string", BYTES("\"a\0b\"") },
		{ "an escaped NUL", BYTES("\"a\\u0000b\"") },
		{ "an escaped NUL in a name", BYTES("{\"a\\u0000b\":1}") },
		{ "a newline in a string", BYTES("\"a\nb\"") },
		{ "a string without end", BYTES("\"abc") },
		{ "half a surrogate pair", BYTES("\"\\ud83d\"") },
		{ "the other half", BYTES("\"\\ude00\"") },
		{ "a surrogate as UTF-8", BYTES("\"\xed\xa0\x80\"") },
		{ "an overlong slash", BYTES("\"\xc0\xaf\"") },
		{ "a byte that is never UTF-8", BYTES("\"\xff\"") },
		{ "a code point past the last", BYTES("\"\xf4\x90\x80\x80\"") },
		{ "a byte order mark", BYTES("\xef\xbb\xbf{}") },
		{ "UTF-16", BYTES("{\0}\0") },
		{ "a comma behind the last element", BYTES("[1,]") },
		{ "a comma behind the last member", BYTES("{\"a\":1,}") },
		{ "a comment", BYTES("{} // x") },
		{ "single quotes", BYTES("'a'") },
		{ "a name without quotes", BYTES("{a:1}") },
		{ "an unknown escape", BYTES("\"\\x41\"") },
		{ "a word in upper case", BYTES("TRUE") },
		{ "brackets that do not match", BYTES("[}") },
		{ "a bracket too many", BYTES("[]]") },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value = NULL;
		char why[200] = "";

		if (canonical_load(cases[i].text, cases[i].n, why, sizeof(why), &value) != -EBADMSG)
			fail_msg("%s: not refused", cases[i].name);
		if (!*why || value)
			fail_msg("%s: no reason given, or a value", cases[i].name);
	}
}

static void test_every_truncation_is_refused(void **state)
{
	static const char text[] =
		"{\"a\":[1,{\"b\":\"\\u00e9\\\"\xc3\xa9\"}],\"c\":-12,\"d\":true}";

	(void) state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		/* a block of its own, so that reading on behind it would be seen */
		_cleanup_free_ char *cut = malloc(n ? n : 1);
		json_t *value = NULL;

		assert_non_null(cut);
		memcpy(cut, text, n);
		if (canonical_load(cut, n, NULL, 0, &value) != -EBADMSG)
			fail_msg("%zu bytes of it were taken", n);
	}
}

static void test_depth_is_limited(void **state)
{
	static const struct {
		const char *name, *open, *middle, *close;
		size_t depth;
		int want;
	} cases[] = {
		{ "lists as deep as allowed", "[", "", "]", CANONICAL_DEPTH_MAX, 0 },
		{ "lists one deeper", "[", "", "]", CANONICAL_DEPTH_MAX + 1, -EBADMSG },
		{ "objects as deep as allowed", "{\"a\":", "1", "}", CANONICAL_DEPTH_MAX, 0 },
		{ "objects one deeper", "{\"a\":", "1", "}", CANONICAL_DEPTH_MAX + 1, -EBADMSG },
		{ "brackets in a string nest nothing", "",
			"\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"",
			"", 1, 0 },
		{ "a million", "[", "", "", 1000000, -EBADMSG },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = repeat(
			cases[i].open, cases[i].depth, cases[i].middle, cases[i].close);
		_cleanup_json_ json_t *value = NULL;
		_cleanup_free_ char *encoded = NULL;
		char why[200] = "";
		size_t n = 0;
		int r = canonical_load(text, strlen(text), why, sizeof(why), &value);

		if (r != cases[i].want || (r < 0) != (*why != '\0'))
			fail_msg("%s: %d (%s), expected %d", cases[i].name, r, why, cases[i].want);
		if (r == 0)
			assert_int_equal(canonical_encode(value, &encoded, &n), 0);
	}
}

static void test_number_of_values_is_limited(void **state)
{
	/* each ",0" is one more than the list and the first 0 */
	_cleanup_free_ char *most = repeat(",0", CANONICAL_VALUES_MAX - 2, "]", "");
	_cleanup_free_ char *more = repeat(",0", CANONICAL_VALUES_MAX - 1, "]", "");
	_cleanup_free_ char *first = NULL, *second = NULL;
	_cleanup_json_ json_t *value = NULL;
	json_t *none = NULL;
	char why[200] = "";

	(void) state;
	assert_true(asprintf(&first, "[0%s", most) > 0 && asprintf(&second, "[0%s", more) > 0);
	assert_int_equal(canonical_load(first, strlen(first), NULL, 0, &value), 0);
	assert_int_equal(json_array_size(value), CANONICAL_VALUES_MAX - 1);
	assert_int_equal(canonical_load(second, strlen(second), why, sizeof(why), &none), -EBADMSG);
	assert_non_null(strstr(why, "524288"));
}

static void test_reason_fits_any_buffer(void **state)
{
	static const char text[] = "{\"\x1b[2J\xe2\x80\xae\":1,\"\x1b[2J\xe2\x80\xae\":2}";
	static const char hostile[] = "{\"a\xc2\x9b\":1,\"a\xc2\x9b\":2}";
	json_t *value = NULL;

	(void) state;
	for (size_t size = 1; size <= 64; size++) {
		char why[64];

		memset(why, 'x', sizeof(why));
		assert_int_equal(
			canonical_load(text, sizeof(text) - 1, why, size, &value), -EBADMSG);
		assert_non_null(memchr(why, '\0', size));
	}
	for (size_t size = 1; size <= 200; size++) {
		char why[200];

		assert_int_equal(
			canonical_load(hostile, sizeof(hostile) - 1, why, size, &value), -EBADMSG);
		assert_null(strstr(why, "\xc2\x9b"));
	}
}

static void test_fractions_have_no_canonical_form(void **state)
{
	static const char *const texts[] = { "1.0", "[0.5]", "{\"a\":{\"b\":1e3}}" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ json_t *value = NULL;
		char *text = NULL;
		size_t n = 0;

		assert_int_equal(canonical_load(texts[i], strlen(texts[i]), NULL, 0, &value), 0);
		if (canonical_encode(value, &text, &n) != -EBADMSG || text)
			fail_msg("%s was encoded", texts[i]);
	}
}

static void test_deep_values_are_not_encoded(void **state)
{
	_cleanup_json_ json_t *value = json_array();
	char *text = NULL;
	size_t n = 0;

	(void) state;
	for (int i = 0; i < CANONICAL_DEPTH_MAX; i++)
		value = json_pack("[o]", value);
	assert_int_equal(canonical_encode(value, &text, &n), -EBADMSG);
	assert_int_equal(canonical_encode(NULL, &text, &n), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_form),
		cmocka_unit_test(test_what_is_not_strict_is_refused),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_number_of_values_is_limited),
		cmocka_unit_test(test_reason_fits_any_buffer),
		cmocka_unit_test(test_fractions_have_no_canonical_form),
		cmocka_unit_test(test_deep_values_are_not_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
