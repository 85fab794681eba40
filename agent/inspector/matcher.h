/*
 * Compiled YARA rules and one search with them, to which bytes are handed as they are read: the
 * only place that knows libyara.
 *
 * What rules may rely on: a search is over the payload (agent/inspector/payload.h), and conditions
 * are evaluated once, after all of it. Strings and counts (#a) are those of the whole payload.
 * `filesize` is the size of the file. Offsets (@a, `at`, `in`) are offsets in the file for what is
 * not packed; what is unpacked lies, entry after entry, behind the file's end. uint8(0) and the
 * like read the first CLASS_HEAD_SIZE bytes of the file and are undefined past them, and so are
 * modules, which see no more than that. A string is found when it lies inside one piece of the
 * payload and, where it crosses a border between two of MATCHER_BLOCK_SIZE bytes, is no longer than
 * MATCHER_OVERLAP; \b, ^, $ and fullword take such a border for the end of the data. Of a longer
 * run of zeros only the first are searched, so nothing there is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

enum {
	MATCHER_BLOCK_SIZE = 1 << 20,  /* bytes handed to libyara at once, at most... */
	MATCHER_OVERLAP = 8 << 10,     /* ...of which so many were in the block before */
	MATCHER_TEXT_MAX = 256,        /* bytes of a match that are kept */
	MATCHER_MATCHES_MAX = 1 << 16, /* of one string; a few more may be counted */
};

struct matcher;

/* Hears, at the end of a search, what matched. */
struct matcher_sink {
	/* A rule matched. */
	void (*rule)(struct matcher_sink *s, const char *name);
	/* What a string of a rule whose name begins with SIGNATURE_VERSION_PREFIX matched, each
	 * time; NULL when it did so more often than MATCHER_MATCHES_MAX. */
	void (*text)(struct matcher_sink *s, const char *name, const uint8_t *text, size_t n);
};

/* Before the sandbox is entered: what libyara wants to do once. 0 or a negative errno. */
int matcher_prepare(void);

/* Loads the @size bytes of compiled rules at @offset of @fd (borrowed, read now). 0, -EBADMSG for
 * what libyara does not take, or another negative errno. */
int matcher_new(int fd, uint64_t offset, uint64_t size, struct matcher **ret);
struct matcher *matcher_free(struct matcher *m);
DEFINE_CLEANUP(struct matcher, matcher_free)

/* Begins a search in what a file of @size bytes, which begins with @head, carries. @head stays
 * where it is until matcher_end(), which must follow. The search may take @timeout_sec. */
int matcher_begin(
	struct matcher *m, const uint8_t *head, size_t n_head, uint64_t size, unsigned timeout_sec);
/* The bytes that follow lie at @offset and are no continuation of those before. */
int matcher_seek(struct matcher *m, uint64_t offset);
/* Room for the bytes that follow, never none; matcher_add() says how many were written there. */
uint8_t *matcher_room(struct matcher *m, size_t *ret_n);
int matcher_add(struct matcher *m, size_t n);
/* Ends the search; when nothing went wrong, @sink hears what matched.
 * These return 0, -ENOMEM, -ETIMEDOUT, or -EIO for a search that libyara gave up; all that follow
 * return the same. */
int matcher_end(struct matcher *m, struct matcher_sink *sink);
