#include "policy/base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int64_t clock_nsec(clockid_t id)
{
	struct timespec t = { 0 };

	(void) clock_gettime(id, &t);
	return (int64_t) t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

uint64_t clock_boot_usec(void)
{
	return (uint64_t) clock_nsec(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_utc_nsec(void)
{
	return clock_nsec(CLOCK_REALTIME);
}

void clock_format_utc(int64_t utc_nsec, int digits, char out[CLOCK_TEXT_SIZE])
{
	int64_t sec = utc_nsec / NSEC_PER_SEC, nsec = utc_nsec % NSEC_PER_SEC;
	struct tm tm = { 0 };
	time_t t;
	size_t n;

	if (nsec < 0) {
		nsec += NSEC_PER_SEC;
		sec--;
	}
	t = (time_t) sec;
	(void) gmtime_r(&t, &tm);
	n = strftime(out, CLOCK_TEXT_SIZE - 12, "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits > 0) {
		char fraction[24];

		(void) snprintf(fraction, sizeof(fraction), "%09lld", (long long) nsec);
		n += (size_t) snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%.*s", digits, fraction);
	}
	(void) snprintf(out + n, CLOCK_TEXT_SIZE - n, "Z");
}

/* Reads exactly @n digits at *s into *ret and moves on. */
static bool take_digits(const char **s, int n, int *ret)
{
	int value = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (**s - '0');
	}
	*ret = value;
	return true;
}

static bool take_char(const char **s, const char *set)
{
	if (!**s || !strchr(set, **s))
		return false;
	(*s)++;
	return true;
}

static bool take_date_time(const char **s, struct tm *tm)
{
	return take_digits(s, 4, &tm->tm_year) && take_char(s, "-") &&
		take_digits(s, 2, &tm->tm_mon) && take_char(s, "-") &&
		take_digits(s, 2, &tm->tm_mday) && take_char(s, "Tt ") &&
		take_digits(s, 2, &tm->tm_hour) && take_char(s, ":") &&
		take_digits(s, 2, &tm->tm_min) && take_char(s, ":") &&
		take_digits(s, 2, &tm->tm_sec);
}

static bool take_fraction(const char **s, int64_t *ret_nsec)
{
	int64_t unit = NSEC_PER_SEC / 10, nsec = 0;

	if (!take_char(s, "."))
		return true;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		nsec += (**s - '0') * unit;
	*ret_nsec = nsec;
	return true;
}

static bool take_zone(const char **s, int *ret_minutes)
{
	int sign, hours, minutes;

	if (take_char(s, "Zz")) {
		*ret_minutes = 0;
		return true;
	}
	sign = **s == '-' ? -1 : 1;
	if (!take_char(s, "+-") || !take_digits(s, 2, &hours) || !take_char(s, ":") ||
		!take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

int clock_parse(const char *s, int64_t *ret_utc_nsec)
{
	struct tm tm = { 0 }, check;
	int64_t nsec = 0;
	int zone;
	time_t t;

	if (!take_date_time(&s, &tm) || !take_fraction(&s, &nsec) || !take_zone(&s, &zone) || *s)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	check = tm;
	t = timegm(&check); /* normalises: 31 April becomes 1 May, which is how we find out */
	if (check.tm_mon != tm.tm_mon || check.tm_mday != tm.tm_mday || tm.tm_hour > 23 ||
		tm.tm_min > 59 || tm.tm_sec > 59)
		return -EINVAL;
	*ret_utc_nsec = ((int64_t) t - (int64_t) zone * 60) * NSEC_PER_SEC + nsec;
	return 0;
}
