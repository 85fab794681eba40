/*
 * Brings the hashes of a policy into the order of SECTION_HASHES. A policy has millions of them,
 * and nearly as many sizes.
 */
#pragma once

#include <stdint.h>

#include "policy/image/format.h"

/* *hashes, of which there are *n, are replaced by a sorted array without repeated ones, *n by how
 * many these are. -ENOMEM: nothing has changed. */
int hash_sort(struct format_hash **hashes, uint32_t *n);
