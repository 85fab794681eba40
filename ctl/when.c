/*
 * Runs in proscribectl.
 */
#include "ctl/when.h"

#include <errno.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/clock.h"

enum { WHEN_UNITS_MAX = 100000000 }; /* a number beyond is a mistake */

static int64_t midnight(int64_t now_nsec, int days_ago)
{
	time_t t = (time_t) (now_nsec / NSEC_PER_SEC);
	struct tm tm = { 0 };

	(void) localtime_r(&t, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_ago;
	tm.tm_isdst = -1; /* a day may have 23 or 25 hours */
	return (int64_t) mktime(&tm) * NSEC_PER_SEC;
}

static int parse_ago(const char *s, int64_t *ret_nsec)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
		{ 'y', 31536000 } };
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (*s - '0');
		if (n > WHEN_UNITS_MAX)
			return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (s[0] == units[i].unit && s[1] == '\0') {
			/* More than time holds: all of it. */
			*ret_nsec = n > INT64_MAX / NSEC_PER_SEC / units[i].seconds
				? INT64_MAX
				: n * units[i].seconds * NSEC_PER_SEC;
			return 0;
		}
	return -EINVAL;
}

int when_parse(const char *s, int64_t now_nsec, int64_t *ret_utc_nsec)
{
	int64_t ago;

	if (strcmp(s, "now") == 0) {
		*ret_utc_nsec = now_nsec;
		return 0;
	}
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
		*ret_utc_nsec = midnight(now_nsec, *s == 'y');
		return 0;
	}
	if (parse_ago(s, &ago) == 0) {
		/* Before 1970 there is nothing on record: all of it. */
		*ret_utc_nsec = ago < now_nsec ? now_nsec - ago : 0;
		return 0;
	}
	return clock_parse(s, ret_utc_nsec);
}

int when_span(const char *s, int64_t *ret_sec)
{
	int64_t nsec;
	int r = parse_ago(s, &nsec);

	if (r < 0 || nsec == 0 || nsec > WHEN_SPAN_MAX_SEC * NSEC_PER_SEC)
		return -EINVAL;
	*ret_sec = nsec / NSEC_PER_SEC;
	return 0;
}
