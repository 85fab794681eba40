/*
 * A file as an inspector reads it: the head and the tail are there already, the rest comes by small
 * reads at offsets. Every offset may be hostile: what is not wholly inside the file is not read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct view {
	int fd;        /* -1: there is nothing but head and tail */
	uint64_t size; /* of the whole file */
	const uint8_t *head;
	size_t n_head;
	const uint8_t *tail; /* the last n_tail bytes; may overlap the head */
	size_t n_tail;
};

/* Reads exactly @n bytes at @offset. 0, -ENODATA when the file has no such range or became shorter,
 * or another negative errno of reading. */
int view_read(const struct view *v, uint64_t offset, void *buffer, size_t n);
