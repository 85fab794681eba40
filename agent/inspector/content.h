/*
 * The contents of a container, one entry after the other, as whoever wants to read them gets them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	CONTENT_ENTRIES_MAX = 65534,   /* of one container */
	CONTENT_SIZE_MAX = 512 << 20,  /* bytes unpacked from one container, all entries */
	CONTENT_RATIO_MAX = 200,       /* bytes unpacked for each byte of the container... */
	CONTENT_RATIO_FREE = 16 << 20, /* ...once that much has been unpacked */
	CONTENT_NAME_MAX = 1024,
};

/* Containers inside containers are bytes like any other: nothing here recurses. */
struct content_sink {
	/* An entry begins. @name: NUL-terminated bytes, not necessarily UTF-8, cut at
	 * CONTENT_NAME_MAX; @size: as the container claims, UINT64_MAX when it does not say.
	 * > 0: wants its bytes; 0: skip it; < 0: stop, with this errno. */
	int (*begin)(struct content_sink *s, const char *name, uint64_t size);
	/* Some of its bytes, in order. 0: go on; > 0: enough of this entry; < 0: stop. */
	int (*bytes)(struct content_sink *s, const uint8_t *bytes, size_t n);
};
