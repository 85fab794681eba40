/*
 * A text file line by line, in fixed memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXTFILE_BUFFER_SIZE = 64 << 10, TEXTFILE_LENGTH_MAX = 8191 };

struct textfile {
	int fd;
	uint64_t offset, max;
	size_t begin, end;
	char buffer[TEXTFILE_BUFFER_SIZE + 1];
};

/* Reads @fd (borrowed) from its beginning, at most @max bytes. */
void textfile_init(struct textfile *t, int fd, uint64_t max);
/* 1 with a line in *ret, without its newline and valid until the next call; 0 at the end;
 * -EFBIG behind @max bytes, or another negative errno. Lines that are longer than
 * TEXTFILE_LENGTH_MAX or hold a NUL are passed over. */
int textfile_next(struct textfile *t, char **ret);
