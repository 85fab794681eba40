/*
 * Text that is taken has every member once, and its canonical form, read again, is the same value
 * with the same canonical form. Only fractions have none.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "tests/fuzz/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* How often @c stands outside of strings. */
static size_t count(const char *text, size_t n, char c)
{
	size_t found = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else
			found += !quoted && text[i] == c;
	}
	return found;
}

struct found {
	size_t members, fractions;
};

static void look(json_t *value, unsigned depth, struct found *f)
{
	const char *key;
	json_t *inner;
	size_t i;

	must(depth <= CANONICAL_DEPTH_MAX);
	f->fractions += json_is_real(value);
	json_object_foreach(value, key, inner)
	{
		f->members++;
		look(inner, depth + 1, f);
	}
	json_array_foreach(value, i, inner)
	{
		look(inner, depth + 1, f);
	}
}

static void check_form(const char *text, size_t n)
{
	must(strlen(text) == n && text_utf8_valid(text, n));
	must(count(text, n, ' ') + count(text, n, '\t') + count(text, n, '\n') +
			count(text, n, '\r') ==
		0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *value = NULL, *again = NULL;
	_cleanup_free_ char *first = NULL, *second = NULL, *readable = NULL;
	struct found f = { 0 };
	size_t n = 0, m = 0;
	char why[64] = "";
	int r;

	r = canonical_load(data, size, why, sizeof(why), &value);
	if (r < 0) {
		must(r == -EBADMSG && *why && !value && text_utf8_valid(why, strlen(why)));
		return 0;
	}
	look(value, 0, &f);
	must(f.members == count((const char *) data, size, ':'));
	r = canonical_encode(value, &first, &n);
	must(r == (f.fractions ? -EBADMSG : 0));
	if (r < 0)
		return 0;
	check_form(first, n);
	readable = canonical_readable(first, n);
	must(canonical_load(readable, strlen(readable), NULL, 0, &again) == 0);
	must(json_equal(value, again));
	must(canonical_encode(again, &second, &m) == 0);
	must(n == m && memcmp(first, second, n) == 0);
	return 0;
}
