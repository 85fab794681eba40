/*
 * Archives made by tests: each entry's local header and bytes, then the directory and its end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

struct seed_zip {
	uint8_t *bytes, *directory; /* free() both */
	size_t n, n_directory;
	uint16_t n_entries;
	uint16_t flags; /* of the next entries */
};

/* What an entry's header says; 0 in @packed or @header of the overrides: the truth. */
struct seed_entry {
	const char *name;
	const void *data;
	size_t n;
	uint16_t method;
	uint32_t size;   /* claimed; 0: the truth */
	uint32_t packed; /* claimed; 0: the truth */
	uint32_t header; /* where it claims to be, plus 1; 0: the truth */
};

/* Room doubles, so that an archive of many entries is not copied for each of its numbers. (Inlined,
 * gcc 12 takes that for writing out of bounds.) */
__attribute__((noinline, unused)) static void seed_put(
	uint8_t **p, size_t *n, const void *bytes, size_t size)
{
	size_t old = 64, room = 64;

	while (old < *n)
		old *= 2;
	while (room < *n + size)
		room *= 2;
	if (!*p || room != old)
		*p = realloc(*p, room);
	if (!*p)
		abort();
	if (size > 0)
		memcpy(*p + *n, bytes, size);
	*n += size;
}

static inline void seed_number(uint8_t **p, size_t *n, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = i < sizeof(v) ? (uint8_t) (v >> 8 * i) : 0;

		seed_put(p, n, &byte, 1);
	}
}

static inline void *seed_deflate(const void *data, size_t n, size_t *ret)
{
	z_stream z = { 0 };
	size_t size = n + n / 1000 + 64;
	uint8_t *out = malloc(size);

	if (!out || deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = (Bytef *) data;
	z.avail_in = (uInt) n;
	z.next_out = out;
	z.avail_out = (uInt) size;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	*ret = z.total_out;
	(void) deflateEnd(&z);
	return out;
}

static inline void seed_zip_entry(struct seed_zip *z, const struct seed_entry *e)
{
	const size_t n_name = strlen(e->name);
	size_t start = z->n, n = e->n;
	void *packed = e->method == ZIP_DEFLATED ? seed_deflate(e->data, e->n, &n) : NULL;

	seed_put(&z->bytes, &z->n, "PK\3\4\24\0", 6);
	seed_number(&z->bytes, &z->n, z->flags, 2);
	seed_number(&z->bytes, &z->n, e->method, 2);
	seed_number(&z->bytes, &z->n, 0, 16); /* with the descriptor bit these are not known yet */
	seed_number(&z->bytes, &z->n, n_name, 4);
	seed_put(&z->bytes, &z->n, e->name, n_name);
	seed_put(&z->bytes, &z->n, packed ? packed : e->data, n);
	free(packed);

	seed_put(&z->directory, &z->n_directory, "PK\1\2\24\0\24\0", 8);
	seed_number(&z->directory, &z->n_directory, z->flags, 2);
	seed_number(&z->directory, &z->n_directory, e->method, 2);
	seed_number(&z->directory, &z->n_directory, 0, 8);
	seed_number(&z->directory, &z->n_directory, e->packed ? e->packed : n, 4);
	seed_number(&z->directory, &z->n_directory, e->size ? e->size : e->n, 4);
	seed_number(&z->directory, &z->n_directory, n_name, 2);
	seed_number(&z->directory, &z->n_directory, 0, 12);
	seed_number(&z->directory, &z->n_directory, e->header ? e->header - 1 : start, 4);
	seed_put(&z->directory, &z->n_directory, e->name, n_name);
	z->n_entries++;
}

static inline void seed_zip_add(
	struct seed_zip *z, const char *name, const void *data, size_t n, uint16_t method)
{
	seed_zip_entry(
		z, &(struct seed_entry){ .name = name, .data = data, .n = n, .method = method });
}

static inline void seed_zip_add_text(struct seed_zip *z, const char *name, const char *text)
{
	seed_zip_add(z, name, text, strlen(text), ZIP_DEFLATED);
}

/* Moves the numbers of the only entry to where those of 64 bits stand. */
static inline void seed_zip_widen_entry(struct seed_zip *z)
{
	uint8_t *extra = NULL;
	size_t n = 0;

	seed_put(&extra, &n, "\x99\x99\2\0??\1\0\30\0", 10); /* behind one of another kind */
	for (size_t i = 0; i < 3; i++) {                     /* size, packed size, place */
		static const size_t places[] = { 24, 20, 42 };

		seed_put(&extra, &n, z->directory + places[i], 4);
		seed_number(&extra, &n, 0, 4);
		memset(z->directory + places[i], 0xff, 4);
	}
	z->directory[30] = (uint8_t) n;
	seed_put(&z->directory, &z->n_directory, extra, n);
	free(extra);
}

/* Appends the directory: the archive is z->bytes. */
static inline void seed_zip_end(struct seed_zip *z)
{
	const size_t at = z->n;

	seed_put(&z->bytes, &z->n, z->directory, z->n_directory);
	seed_put(&z->bytes, &z->n, "PK\5\6\0\0\0\0", 8);
	seed_number(&z->bytes, &z->n, z->n_entries, 2);
	seed_number(&z->bytes, &z->n, z->n_entries, 2);
	seed_number(&z->bytes, &z->n, z->n_directory, 4);
	seed_number(&z->bytes, &z->n, at, 4);
	seed_number(&z->bytes, &z->n, 0, 2);
}

/* The same with Zip64's record and locator, of which @skew is the error in the record's offset. */
static inline void seed_zip_end64(struct seed_zip *z, uint64_t skew)
{
	const size_t at = z->n, record = z->n + z->n_directory;

	seed_put(&z->bytes, &z->n, z->directory, z->n_directory);
	seed_put(&z->bytes, &z->n, "PK\6\6\54\0\0\0\0\0\0\0\55\0\55\0\0\0\0\0\0\0\0\0", 24);
	seed_number(&z->bytes, &z->n, z->n_entries, 8);
	seed_number(&z->bytes, &z->n, z->n_entries, 8);
	seed_number(&z->bytes, &z->n, z->n_directory, 8);
	seed_number(&z->bytes, &z->n, at + skew, 8);
	seed_put(&z->bytes, &z->n, "PK\6\7\0\0\0\0", 8);
	seed_number(&z->bytes, &z->n, record, 8);
	seed_number(&z->bytes, &z->n, 1, 4);
	seed_put(&z->bytes, &z->n,
		"PK\5\6\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0", 22);
}

static inline void seed_zip_done(struct seed_zip *z)
{
	free(z->bytes);
	free(z->directory);
	*z = (struct seed_zip){ 0 };
}
