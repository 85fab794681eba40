/*
 * The names in one folder, in an order that is the same the next time. Memory is taken once and is
 * the same for any folder: one with more than NAMES_MAX names comes in several lots, each in order,
 * all of them together not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/cleanup.h"

enum {
	NAMES_MAX = 65536,        /* in one lot */
	NAMES_TEXT_MAX = 2 << 20, /* bytes of them */
	NAMES_BUFFER_SIZE = 32 << 10,
};

struct name {
	const char *text;
	unsigned char type; /* DT_DIR, DT_REG or DT_UNKNOWN; nothing else is listed */
};

struct names {
	size_t n;
	struct name *list;
	bool is_all; /* the lot is the whole folder */

	/* private */
	struct name *spare; /* as large as list, for sorting */
	char *text, *buffer;
	size_t n_text, buffer_at, buffer_end;
	bool begun;
};

int names_new(struct names **ret);
struct names *names_free(struct names *n);
DEFINE_CLEANUP(struct names, names_free)

/* Forgets the last folder. */
void names_begin(struct names *n);
/* Reads the next lot of the folder @fd: 1 when there may be a further one, 0 when this was the
 * last, or a negative errno. */
int names_read(struct names *n, int fd);
