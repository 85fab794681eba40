/*
 * Runs inside the inspector.
 */
#include "agent/inspector/lines.h"

#include <stdbool.h>
#include <string.h>

#include "agent/inspector/field.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* Where the value on a line begins; NULL when the line is not that of @key. */
static const char *value_of(const char *line, const char *end, const char *key, char separator)
{
	const size_t n = strlen(key);

	line = skip_blanks(line, end);
	if ((size_t) (end - line) <= n || strncasecmp(line, key, n) != 0)
		return NULL;
	line = skip_blanks(line + n, end);
	return line < end && *line == separator ? skip_blanks(line + 1, end) : NULL;
}

int lines_take(const char *text, size_t n, const char *key, char separator, char *out, size_t size)
{
	const char *const end = text + n;

	out[0] = '\0';
	for (const char *stop; text < end; text = stop + 1) {
		const char *value;

		stop = memchr(text, '\n', (size_t) (end - text)) ?: end;
		value = value_of(text, stop, key, separator);
		if (!value)
			continue;
		while (stop > value && is_blank(stop[-1]))
			stop--;
		return field_copy(value, (size_t) (stop - value), out, size);
	}
	return 0;
}
