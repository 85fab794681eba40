/*
 * Runs inside the inspector.
 */
#include "agent/inspector/flatpak.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inspector/field.h"

struct slice {
	const char *s;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(const char *s, size_t n)
{
	while (n > 0 && is_blank(*s)) {
		s++;
		n--;
	}
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	return (struct slice){ s, n };
}

static bool equals(struct slice a, const char *b)
{
	return a.n == strlen(b) && memcmp(a.s, b, a.n) == 0;
}

static bool is_name(struct slice line, struct slice *ret)
{
	const char *sign = memchr(line.s, '=', line.n);

	if (!sign || !equals(trim(line.s, (size_t) (sign - line.s)), "name"))
		return false;
	*ret = trim(sign + 1, (size_t) (line.s + line.n - sign - 1));
	return true;
}

static bool find_name(const char *text, size_t n, struct slice *ret)
{
	const char *end = text + n, *next;
	bool inside = false;

	for (const char *p = text; p < end; p = next) {
		const char *newline = memchr(p, '\n', (size_t) (end - p));
		struct slice line = trim(p, (size_t) ((newline ? newline : end) - p));

		next = newline ? newline + 1 : end;
		if (line.n > 0 && line.s[0] == '[')
			inside = equals(line, "[Application]") || equals(line, "[Runtime]");
		else if (inside && is_name(line, ret))
			return true;
	}
	return false;
}

int flatpak_parse(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_GENERIC, .told = METADATA_FLATPAK };
	char id[PACKAGE_NAME_MAX + 1];
	struct slice name;

	if (n > FLATPAK_SIZE_MAX || memchr(text, '\0', n))
		return -EBADMSG;
	if (!find_name(text, n, &name))
		return 0;
	if (field_copy(name.s, name.n, id, sizeof(id)) <= 0 || field_qualify(&p, "flatpak", id) < 0)
		return -EBADMSG;
	*ret = p;
	return 1;
}
