/*
 * ELF notes, one after the other. What they hold may be larger than memory (a note of 88 MB is in
 * daily use), so it is told where that lies, and never read.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/elf_dynamic.h"
#include "agent/inspector/range.h"

enum {
	NOTES_MAX = 256, /* of one program; stock Node alone has some */
	NOTE_NAME_MAX = 31,
};

struct note {
	uint32_t type;
	char name[NOTE_NAME_MAX + 1]; /* "GNU"; "" for one that is longer or not terminated */
	struct range content;         /* inside the file */
};

struct notes {
	const struct view *view;
	const struct elf_dynamic *elf;
	uint32_t n_seen, segment;
	uint64_t at; /* in the segment */
};

/* Both are borrowed. */
void notes_start(struct notes *n, const struct view *v, const struct elf_dynamic *d);
/* Steps to the next note. A segment is left at the first note that does not fit into it. */
bool notes_next(struct notes *n, struct note *ret);
