#include "policy/source/settings.h"

#include <string.h>

#include "policy/base/text.h"

void settings_default(struct settings *ret)
{
	/* Padding, too: all of it crosses a process boundary. */
	memset(ret, 0, sizeof(*ret));
	ret->fail_mode = FAIL_MODE_ALLOW;
	ret->notice_terminal = true;
	ret->inspect_timeout_usec = SETTINGS_TIMEOUT_DEFAULT_USEC;
}

bool settings_valid(const struct settings *s)
{
	if (s->fail_mode >= _FAIL_MODE_MAX || s->audit > 1 || s->notice_terminal > 1 ||
		s->n_inspectors > SETTINGS_INSPECTORS_MAX || s->n_watch > SETTINGS_WATCH_MAX ||
		s->inspect_timeout_usec < SETTINGS_TIMEOUT_MIN_USEC ||
		s->inspect_timeout_usec > SETTINGS_TIMEOUT_MAX_USEC)
		return false;
	for (uint32_t i = 0; i < s->n_watch; i++) {
		size_t n = strnlen(s->watch[i], SETTINGS_PATH_MAX);

		if (n == SETTINGS_PATH_MAX || s->watch[i][0] != '/' ||
			!text_utf8_valid(s->watch[i], n))
			return false;
	}
	return true;
}
