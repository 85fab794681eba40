/*
 * A part of a file.
 */
#pragma once

#include <stdint.h>

struct range {
	uint64_t offset, size; /* inside the file */
};
