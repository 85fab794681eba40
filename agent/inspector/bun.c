/*
 * The layout: all that was embedded, 32 bytes of numbers that count from its start, the trailer.
 * Runs inside the inspector.
 */
#include "agent/inspector/bun.h"

#include <endian.h>
#include <string.h>

static const char trailer[] = "\n---- Bun! ----\n";

enum {
	TRAILER_SIZE = sizeof(trailer) - 1,
	NUMBERS_SIZE = 32,
	MODULE_SIZE = 52, /* 13 numbers; the first four are the ranges of its name and its text */
};

static uint32_t number32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t number64(const uint8_t *p)
{
	return number32(p) | (uint64_t) number32(p + 4) << 32;
}

static bool contains(uint64_t size, uint32_t offset, uint32_t length)
{
	return offset <= size && length <= size - offset;
}

/* @at is where a trailer is. */
static bool is_real(const struct view *v, uint64_t at, struct range *ret)
{
	uint8_t n[NUMBERS_SIZE], module[MODULE_SIZE];
	uint64_t size, base;
	uint32_t table, length;

	if (at < NUMBERS_SIZE || view_read(v, at - NUMBERS_SIZE, n, sizeof(n)) < 0)
		return false;
	size = number64(n);
	table = number32(n + 8);
	length = number32(n + 12);
	if (size > at - NUMBERS_SIZE || !contains(size, table, length) || length < MODULE_SIZE ||
		length % MODULE_SIZE || number32(n + 16) >= length / MODULE_SIZE)
		return false;
	base = at - NUMBERS_SIZE - size;
	if (view_read(v, base + table, module, sizeof(module)) < 0 ||
		!contains(size, number32(module), number32(module + 4)) ||
		!contains(size, number32(module + 8), number32(module + 12)))
		return false;
	*ret = (struct range){ base, size };
	return true;
}

bool bun_find_modules(const struct view *v, struct range *ret)
{
	const uint8_t *p = v->tail, *end = v->tail + v->n_tail;
	uint64_t last = UINT64_MAX;

	while (v->n_tail > 0 && (p = memmem(p, (size_t) (end - p), trailer, TRAILER_SIZE))) {
		last = v->size - v->n_tail + (uint64_t) (p - v->tail);
		p++;
	}
	return last != UINT64_MAX && is_real(v, last, ret);
}
