/*
 * The one form of time that metadata has. Reckoned here: glibc's calendar functions open the time
 * zone's file even for UTC, which a sandboxed process may not.
 */
#include "policy/trust/metadata.h"

#include <inttypes.h>
#include <string.h>

enum {
	DAY_SEC = 86400,
	ERA_YEARS = 400, /* after which the calendar repeats itself */
	ERA_DAYS = 146097,
	EPOCH_DAY = 719468, /* 1970-01-01, counted from 0000-03-01 */
};

/* ---- days, counted from 0000-03-01, so that a leap day ends its year ---- */

static int64_t to_day(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
	int era = y / ERA_YEARS, of_era = y % ERA_YEARS;
	int of_year = (153 * m + 2) / 5 + day - 1;

	return (int64_t) era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
}

static void from_day(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
	int era = (int) (day / ERA_DAYS), n = (int) (day % ERA_DAYS);
	int of_era = (n - n / 1460 + n / 36524 - n / (ERA_DAYS - 1)) / 365;
	int of_year = n - (365 * of_era + of_era / 4 - of_era / 100);
	int m = (5 * of_year + 2) / 153;

	*ret_day = of_year - (153 * m + 2) / 5 + 1;
	*ret_month = m < 10 ? m + 3 : m - 9;
	*ret_year = era * ERA_YEARS + of_era + (m >= 10);
}

/* ---- text ---- */

/* Where @pattern has a 0, @s has a digit; everything else is the same. */
static bool has_form(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return !*s;
}

static int number(const char *s, int digits)
{
	int n = 0;

	while (digits-- > 0)
		n = n * 10 + (*s++ - '0');
	return n;
}

int tuf_time_parse(const char *s, int64_t *ret_utc_sec)
{
	int year, month, day, hour, minute, second, same_year, same_month, same_day;
	int64_t days;

	if (!has_form(s, "0000-00-00T00:00:00Z"))
		return -EINVAL;
	year = number(s, 4);
	month = number(s + 5, 2);
	day = number(s + 8, 2);
	hour = number(s + 11, 2);
	minute = number(s + 14, 2);
	second = number(s + 17, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
		second > 59)
		return -EINVAL;
	days = to_day(year, month, day);
	from_day(days, &same_year, &same_month, &same_day);
	if (same_month != month || same_day != day) /* 31 April is 1 May */
		return -EINVAL;
	*ret_utc_sec = (days - EPOCH_DAY) * DAY_SEC + hour * 3600 + minute * 60 + second;
	return 0;
}

void tuf_time_format(int64_t utc_sec, char out[21])
{
	static const int64_t first = INT64_C(-62135596800), last = INT64_C(253402300799);
	int64_t t = utc_sec < first ? first : utc_sec > last ? last : utc_sec;
	int64_t sec = t + (int64_t) EPOCH_DAY * DAY_SEC;
	int of_day = (int) (sec % DAY_SEC), year, month, day;
	char text[80];

	from_day(sec / DAY_SEC, &year, &month, &day);
	(void) snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
		of_day / 3600, of_day / 60 % 60, of_day % 60);
	memcpy(out, text, 20);
	out[20] = '\0';
}
