/*
 * What a file is, from its head and tail alone; never from its name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

enum {
	CLASS_HEAD_SIZE = 64 << 10,
	CLASS_TAIL_SIZE = 128 << 10,
};

/* Sets f->class, f->interpreter and its FACTS_ bit from the first @n bytes (at most
 * CLASS_HEAD_SIZE; all of the file if it is smaller) of a file of @size. */
void class_of(const uint8_t *head, size_t n, uint64_t size, struct facts *f);

/* Is the tail worth reading, to tell more about what class_of() found? So for ELF programs and what
 * may be an archive. */
bool class_wants_tail(const uint8_t *head, size_t n, const struct facts *f);

/* Sets f->class anew when head and tail (at most CLASS_TAIL_SIZE) tell more, and f->linkage,
 * f->runtime and f->payload_*. Reads a little in between when v->fd is open. */
void class_refine(const struct view *v, struct facts *f);
