/*
 * What a file is, from its head alone; never from its name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/identity/facts.h"

enum { CLASS_HEAD_SIZE = 64 << 10 };

/* Sets f->class, f->interpreter and its FACTS_ bit from the first @n bytes (at most
 * CLASS_HEAD_SIZE; all of the file if it is smaller) of a file of @size. */
void class_of(const uint8_t *head, size_t n, uint64_t size, struct facts *f);
