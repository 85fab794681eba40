/*
 * A sink for tests that writes down what it is given: ";name(size)=bytes" for each entry.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/inspector/content.h"

enum { SINK_TEXT_MAX = 4096, SINK_BYTES_MAX = 64 };

struct sink {
	struct content_sink sink;
	char text[SINK_TEXT_MAX];
	size_t n_entries, largest;
	uint64_t n_bytes;
	bool keep;              /* write it down, or only count */
	int on_begin, on_bytes; /* to answer, unless 1 and 0 */
	const char *skip;       /* an entry it does not want */
};

static inline int sink_begin(struct content_sink *s, const char *name, uint64_t size)
{
	struct sink *n = (struct sink *) s;
	const size_t at = strlen(n->text);

	n->n_entries++;
	if (n->skip && strcmp(n->skip, name) == 0)
		return 0;
	if (n->keep)
		(void) snprintf(
			n->text + at, sizeof(n->text) - at, ";%s(%lld)=", name, (long long) size);
	return n->on_begin;
}

static inline int sink_bytes(struct content_sink *s, const uint8_t *p, size_t size)
{
	struct sink *n = (struct sink *) s;
	const size_t at = strlen(n->text);

	n->n_bytes += size;
	if (size > n->largest)
		n->largest = size;
	if (n->keep)
		(void) snprintf(n->text + at, sizeof(n->text) - at, "%.*s",
			size > SINK_BYTES_MAX ? SINK_BYTES_MAX : (int) size, (const char *) p);
	return n->on_bytes;
}

static inline struct sink sink_new(bool keep)
{
	return (struct sink){ .sink = { sink_begin, sink_bytes }, .keep = keep, .on_begin = 1 };
}
