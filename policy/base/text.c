#include "policy/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

size_t text_utf8_decode(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *b = (const unsigned char *) s;
	size_t length;
	uint32_t c;

	if (b[0] < 0x80) {
		*ret = b[0];
		return 1;
	}
	length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || length > n)
		return 0;
	c = b[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return length;
}

bool text_utf8_valid(const char *s, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		uint32_t c;

		k = text_utf8_decode(s + i, n - i, &c);
		if (k == 0)
			return false;
	}
	return true;
}

/* Code points that move the cursor, hide text, or change its direction. */
static bool steers_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
		(c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
		(c >= 0xe0000 && c <= 0xe0fff);
}

size_t text_escape(const char *s, char *out, size_t size)
{
	size_t left = strlen(s), written = 0, n, w;

	for (; left > 0; s += n, left -= n) {
		char piece[16];
		uint32_t c;

		n = text_utf8_decode(s, left, &c);
		if (n == 0 || (steers_terminal(c) && c < 0x80)) {
			w = (size_t) snprintf(piece, sizeof(piece), "\\x%02x", (unsigned char) *s);
			n = 1;
		} else if (steers_terminal(c)) {
			w = (size_t) snprintf(
				piece, sizeof(piece), c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		} else {
			memcpy(piece, s, n);
			w = n;
		}
		if (written + w + 1 > size)
			break;
		memcpy(out + written, piece, w);
		written += w;
	}
	if (size > 0)
		out[written] = '\0';
	return written;
}

/* Double-width ranges of Unicode's East Asian Width (W and F), blocks rounded; combining marks take
 * none. wcwidth(3) would depend on the locale of a daemon, which has none. */
static size_t columns_of(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
		(c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f) ||
		(c >= 0xfe20 && c <= 0xfe2f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) ||
		(c >= 0x3041 && c <= 0x33ff) || (c >= 0x3400 && c <= 0x4dbf) ||
		(c >= 0x4e00 && c <= 0x9fff) || (c >= 0xa000 && c <= 0xa4cf) ||
		(c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
		(c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
		(c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f) ||
		(c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return 1;
}

size_t text_columns(const char *s)
{
	size_t left = strlen(s), columns = 0;

	while (left > 0) {
		uint32_t c = 0;
		size_t n = text_utf8_decode(s, left, &c);

		columns += n ? columns_of(c) : 1;
		n = n ? n : 1;
		s += n;
		left -= n;
	}
	return columns;
}

int text_copy(char *out, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size) {
		if (size > 0)
			out[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(out, s, n + 1);
	return 0;
}

int text_dup(const char *s, char **ret)
{
	char *copy = NULL;

	if (s) {
		copy = strdup(s);
		if (!copy)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

void text_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

/* A table, not comparisons, whose outcome no processor can guess: lists hold millions of digits. */
int text_unhex_digits(const char *hex, uint8_t *out, size_t n)
{
	enum { DIGIT = 0x10 }; /* beside its value */
	/* clang-format off */
	static const uint8_t digits[256] = {
		['0'] = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
		['A'] = 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
		['a'] = 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
	};
	/* clang-format on */
	uint8_t all = DIGIT;

	for (size_t i = 0; i < n; i++) {
		uint8_t high = digits[(uint8_t) hex[2 * i]], low = digits[(uint8_t) hex[2 * i + 1]];

		all &= high & low;
		out[i] = (uint8_t) (high << 4 | (low & 0xf));
	}
	return all ? 0 : -EINVAL;
}

int text_unhex(const char *hex, uint8_t *out, size_t n)
{
	return strlen(hex) == 2 * n ? text_unhex_digits(hex, out, n) : -EINVAL;
}

bool text_field_valid(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == size)
		return false;
	for (size_t i = n; i < size; i++)
		if (s[i])
			return false;
	return text_utf8_valid(s, n);
}

int text_id(const char *s, unsigned *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v == 0 || v >= UINT_MAX)
		return -EINVAL;
	*ret = (unsigned) v;
	return 0;
}
