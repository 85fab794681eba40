/*
 * The kernel's own reading of a #! line: blanks are space and tab only (so a carriage return
 * belongs to the name), NUL ends the interpreter, and a line longer than its buffer counts only
 * when the interpreter certainly ended inside it. Runs inside the inspector.
 */
#include "agent/inspector/script.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && !is_blank(*p) && *p != '\0')
		p++;
	return p;
}

static void take(char *out, const char *from, const char *to)
{
	size_t n = (size_t) (to - from);

	memcpy(out, from, n);
	out[n] = '\0';
}

int script_parse(const char *head, size_t n, struct script *ret)
{
	char line[SCRIPT_LINE_MAX] = { 0 };
	const char *end, *name, *stop, *rest;

	if (n < 2 || head[0] != '#' || head[1] != '!')
		return 0;
	memcpy(line, head, n < sizeof(line) ? n : sizeof(line));
	end = memchr(line, '\n', sizeof(line));
	if (!end) {
		end = line + sizeof(line) - 1;
		name = skip_blanks(line + 2, end);
		if (word_end(name, end + 1) == end + 1)
			return 0;
	}
	while (end > line + 2 && is_blank(end[-1]))
		end--;
	name = skip_blanks(line + 2, end);
	stop = word_end(name, end);
	if (stop == name)
		return 0;
	take(ret->interpreter, name, stop);
	rest = stop < end && *stop != '\0' ? skip_blanks(stop, end) : end;
	take(ret->argument, rest, rest + strnlen(rest, (size_t) (end - rest)));
	return 1;
}
