/*
 * Time. Deadlines use the boot clock, which no clock step moves; records use UTC.
 */
#pragma once

#include <stdint.h>

#include <time.h>

#define USEC_PER_SEC  UINT64_C(1000000)
#define NSEC_PER_SEC  INT64_C(1000000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define NSEC_PER_MSEC INT64_C(1000000)

uint64_t clock_boot_usec(void);
int64_t clock_utc_nsec(void);

enum { CLOCK_TEXT_SIZE = 40 };

/* RFC 3339 in UTC with @digits (0, 3, 6 or 9) of a second: 2026-07-03T00:00:00.000Z */
void clock_format_utc(int64_t utc_nsec, int digits, char out[CLOCK_TEXT_SIZE]);

/* RFC 3339 with a zone; -EINVAL when it is not one (a date without a zone, an impossible day). */
int clock_parse(const char *s, int64_t *ret_utc_nsec);
