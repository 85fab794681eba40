/*
 * Points in time as people type them.
 */
#pragma once

#include <stdint.h>

/* RFC 3339 with a zone; or how long before @now_nsec: 30s, 45m, 2h, 3d, 1w, 1y; or "today",
 * "yesterday" (local midnight), "now". 0 or -EINVAL. */
int when_parse(const char *s, int64_t now_nsec, int64_t *ret_utc_nsec);

#define WHEN_SPAN_MAX_SEC INT64_C(630720000) /* 20 years */
/* A span of time, longer than nothing: 36h, 90d, 12w, 1y (365 days). 0 or -EINVAL. */
int when_span(const char *s, int64_t *ret_sec);
