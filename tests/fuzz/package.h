/*
 * What every parser of metadata promises, whatever the bytes.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/identity/facts.h"

typedef int (*package_parser)(const char *text, size_t n, struct package *ret);

static inline bool package_equals(const struct package *a, const struct package *b)
{
	return a->type == b->type && a->told == b->told && strcmp(a->name, b->name) == 0 &&
		strcmp(a->version, b->version) == 0;
}

/* The facts made of it pass the agent's own check, nothing is written on failure, and the same
 * bytes give the same answer. */
static inline int package_fuzz(
	package_parser parse, const uint8_t *data, size_t size, struct package *ret)
{
	struct package first = { 0 }, second = { 0 };
	struct facts f = { 0 };
	int r = parse((const char *) data, size, &first);

	if (r > 1 || parse((const char *) data, size, &second) != r)
		abort();
	if (r > 0)
		facts_add_package(&f, &first);
	if (!facts_valid(&f) || !package_equals(&first, &second) || (r <= 0 && first.type))
		abort();
	*ret = first;
	return r;
}

/* What was read, written down as honest metadata, reads as the same. */
static inline void package_round_trip(
	package_parser parse, const char *text, size_t n, const struct package *p)
{
	struct package again = { 0 };

	if (parse(text, n, &again) != 1 || !package_equals(p, &again))
		abort();
}
