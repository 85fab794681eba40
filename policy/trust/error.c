/*
 * One failure, told once: where it happened and why. What comes from a repository's files is
 * escaped here, so that callers may format it as it is.
 */
#include "policy/trust/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/text.h"

int tuf_fail(
	struct tuf_error *e, int error, const char *role, const char *file, const char *format, ...)
{
	char text[2 * TUF_TEXT_MAX];
	va_list ap;

	if (!e)
		return error;
	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	*e = (struct tuf_error){ .error = error };
	(void) text_escape(role ? role : "", e->role, sizeof(e->role));
	(void) text_escape(file ? file : "", e->file, sizeof(e->file));
	(void) text_escape(text, e->text, sizeof(e->text));
	return error;
}

char *tuf_error_line(const struct tuf_error *e)
{
	const char *text = *e->text ? e->text : strerrordesc_np(-e->error);
	char *line = NULL;
	int n;

	if (!text)
		text = "unknown error";
	if (*e->file && *e->role)
		n = asprintf(&line, "%s (role %s): %s", e->file, e->role, text);
	else if (*e->file)
		n = asprintf(&line, "%s: %s", e->file, text);
	else if (*e->role)
		n = asprintf(&line, "role %s: %s", e->role, text);
	else
		n = asprintf(&line, "%s", text);
	return n < 0 ? NULL : line;
}
