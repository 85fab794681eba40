/*
 * What the version schemes share: runs of digits and letters.
 */
#include "policy/identity/version_schemes.h"

#include <string.h>

bool version_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool version_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char version_lower(char c)
{
	return (char) (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool version_is_plain(const char *s)
{
	bool plain = *s;

	for (; *s; s++)
		plain = plain && *s > ' ' && *s < 0x7f;
	return plain;
}

struct version_part version_take(const char **s, const char *allowed)
{
	struct version_part part = { *s, strspn(*s, allowed) };

	*s += part.length;
	return part;
}

static struct version_part without_zeros(struct version_part a)
{
	for (; a.length > 0 && *a.text == '0'; a.length--)
		a.text++;
	return a;
}

bool version_digits_zero(struct version_part a)
{
	return without_zeros(a).length == 0;
}

int version_compare_digits(struct version_part a, struct version_part b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	if (a.length != b.length)
		return a.length < b.length ? -1 : 1;
	return version_compare_bytes(a, b);
}

int version_compare_bytes(struct version_part a, struct version_part b)
{
	size_t n = a.length < b.length ? a.length : b.length;
	int r = n > 0 ? memcmp(a.text, b.text, n) : 0;

	return r ? r : (a.length > b.length) - (a.length < b.length);
}

int version_compare_lower(struct version_part a, struct version_part b)
{
	for (size_t i = 0; i < a.length && i < b.length; i++) {
		char x = version_lower(a.text[i]), y = version_lower(b.text[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.length > b.length) - (a.length < b.length);
}
