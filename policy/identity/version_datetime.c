/*
 * VERS's datetime: RFC 3339 timestamps, T and Z in upper case, in the order of the instants they name.
 */
#include <stdint.h>
#include <string.h>

#include "policy/identity/version_schemes.h"

struct datetime {
	int64_t second; /* since the year 0 */
	struct version_part fraction;
};

static bool take_number(const char **s, int digits, int least, int most, int *ret)
{
	*ret = 0;
	for (int i = 0; i < digits; i++, (*s)++) {
		if (!version_is_digit(**s))
			return false;
		*ret = *ret * 10 + (**s - '0');
	}
	return *ret >= least && *ret <= most;
}

static bool take_character(const char **s, char c)
{
	return *(*s)++ == c;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year));
}

static bool take_date(const char **s, int64_t *ret_day)
{
	int year, month, day;

	if (!take_number(s, 4, 0, 9999, &year) || !take_character(s, '-') ||
		!take_number(s, 2, 1, 12, &month) || !take_character(s, '-') ||
		!take_number(s, 2, 1, month_days(year, month), &day))
		return false;
	*ret_day = (int64_t) year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
	for (int i = 1; i < month; i++)
		*ret_day += month_days(year, i);
	*ret_day += day;
	return true;
}

static bool take_offset(const char **s, int *ret_minutes)
{
	int hours, minutes, sign = **s == '-' ? -1 : 1;

	*ret_minutes = 0;
	if (**s == 'Z') {
		(*s)++;
		return true;
	}
	if ((**s != '+' && **s != '-') || ((*s)++, !take_number(s, 2, 0, 23, &hours)) ||
		!take_character(s, ':') || !take_number(s, 2, 0, 59, &minutes))
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

static bool parse(const char *s, struct datetime *v)
{
	int hour, minute, second, offset;
	int64_t day;

	*v = (struct datetime){ 0 };
	if (!take_date(&s, &day) || !take_character(&s, 'T') || !take_number(&s, 2, 0, 23, &hour) ||
		!take_character(&s, ':') || !take_number(&s, 2, 0, 59, &minute) ||
		!take_character(&s, ':') || !take_number(&s, 2, 0, 60, &second))
		return false;
	if (*s == '.') {
		s++;
		v->fraction = version_take(&s, VERSION_DIGITS);
		if (v->fraction.length == 0)
			return false;
	}
	while (v->fraction.length > 0 && v->fraction.text[v->fraction.length - 1] == '0')
		v->fraction.length--;
	if (!take_offset(&s, &offset))
		return false;
	v->second = ((day * 24 + hour) * 60 + minute - offset) * 60 + second;
	return !*s;
}

bool version_datetime_valid(const char *s)
{
	struct datetime v;

	return parse(s, &v);
}

int version_datetime_compare(const char *a, const char *b)
{
	struct datetime x, y;

	if (!parse(a, &x) || !parse(b, &y))
		return 0;
	if (x.second != y.second)
		return x.second < y.second ? -1 : 1;
	return version_compare_bytes(x.fraction, y.fraction);
}
