#include "policy/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "policy/base/text.h"

enum { LOG_LINE_MAX = 2048 };

static _Atomic int max_level =
	LOG_LEVEL_INFO; /* the one global a process may have: its log level */

void log_set_max(enum log_level max)
{
	max_level = (int) max;
}

/* A journal socket that nobody reads would block write(2) for good. */
static void write_line(const char *line, size_t length)
{
	if (send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK)
		(void) !write(STDERR_FILENO, line, length);
}

int log_message(enum log_level level, int error, const char *format, ...)
{
	char text[LOG_LINE_MAX], clean[LOG_LINE_MAX * 2], line[LOG_LINE_MAX * 2 + 8];
	int saved = errno, n;
	va_list ap;

	error = abs(error);
	if ((int) level <= max_level) {
		if (error > 0)
			errno = error;
		va_start(ap, format);
		(void) vsnprintf(text, sizeof(text), format, ap);
		va_end(ap);
		text_escape(text, clean, sizeof(clean));
		if (getenv("JOURNAL_STREAM"))
			n = snprintf(line, sizeof(line), "<%d>%s\n", (int) level, clean);
		else
			n = snprintf(line, sizeof(line), "%s: %s\n", program_invocation_short_name,
				clean);
		write_line(line, (size_t) n < sizeof(line) ? (size_t) n : sizeof(line) - 1);
	}
	errno = saved;
	return -error;
}

void log_lines(enum log_level level, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			(void) log_message(level, 0, "%.*s", (int) n, text);
		text += n + (text[n] == '\n');
	}
}
