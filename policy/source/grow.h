/*
 * Room for one more in an array that grows.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* @items, of which @n are in use, or where they are now; NULL when there is no memory, and @items
 * is what it was. */
static inline void *grow(void *items, size_t n, size_t *room, size_t item_size)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (n < *room)
		return items;
	grown = reallocarray(items, more, item_size);
	if (grown)
		*room = more;
	return grown;
}
