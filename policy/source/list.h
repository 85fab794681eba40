/*
 * A list of hashes: lines of sha256, size and, where it is known, version; # begins a comment. It
 * lies in memory, or in a file that is read through in blocks, so that millions of lines take no
 * memory of their own. Runs in proscribe-compiler; every byte comes from whoever wrote the list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/identity/facts.h"
#include "policy/source/message.h"

enum {
	LIST_LINE_MAX = 1024, /* bytes of one line; a comment may be longer, up to a block */
	LIST_BLOCK_SIZE = 256 << 10,
	LIST_COMPLAINTS_MAX = 10, /* bad lines of one list that are shown; more are counted */
};

/* A line that is wrong, kept for its message. */
struct list_complaint {
	struct source source;
	char text[LIST_LINE_MAX + 1];
};

struct list {
	struct source source;              /* its name only */
	const char *text;                  /* the caller's; NULL: what is in @fd */
	size_t size;                       /* of @text */
	int fd;                            /* the caller's */
	bool used;                         /* some software is in it */
	bool complained;                   /* messages have told what is wrong with it */
	struct list_complaint *complaints; /* owned */
	size_t n_complaints;
};

/* Frees what messages need: only after them. */
void list_done(struct list *l);

/* What happens to one line; @version is "" where there is none. 0, or what list_read() ends with.
 */
typedef int (*list_take)(
	void *context, const uint8_t digest[SHA256_SIZE], uint64_t size, const char *version);

/* 0 (messages tell which lines are wrong, once for a list), or a negative errno. */
int list_read(struct list *l, struct messages *m, list_take take, void *context);
