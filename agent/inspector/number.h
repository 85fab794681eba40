/*
 * Little-endian numbers, as most formats have them.
 */
#pragma once

#include <stdint.h>

static inline uint16_t number16(const uint8_t *p)
{
	return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t number32(const uint8_t *p)
{
	return number16(p) | (uint32_t) number16(p + 2) << 16;
}

static inline uint64_t number64(const uint8_t *p)
{
	return number32(p) | (uint64_t) number32(p + 4) << 32;
}
