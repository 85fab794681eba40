/*
 * Runs inside the inspector.
 */
#include "agent/inspector/zip.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"

enum {
	END_SIZE = 22,
	ENTRY_SIZE = 46,
	COMMENT_MAX = 0xffff,
};

static const uint8_t end_mark[] = { 'P', 'K', 5, 6 }, entry_mark[] = { 'P', 'K', 1, 2 },
		     file_mark[] = { 'P', 'K', 3, 4 };

static uint16_t number16(const uint8_t *p)
{
	return (uint16_t) (p[0] | p[1] << 8);
}

static uint32_t number32(const uint8_t *p)
{
	return number16(p) | (uint32_t) number16(p + 2) << 16;
}

bool zip_is_candidate(const uint8_t *head, size_t n)
{
	return n > 0 && memmem(head, n, file_mark, sizeof(file_mark));
}

static bool is_named(const uint8_t *name, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(name, what, n) == 0;
}

/* Looks at as many entries as were read; a damaged one ends it. */
static void read_entries(const uint8_t *p, size_t n, struct zip *z)
{
	while (n >= ENTRY_SIZE && memcmp(p, entry_mark, sizeof(entry_mark)) == 0) {
		const size_t n_name = number16(p + 28);
		const size_t size = ENTRY_SIZE + n_name + number16(p + 30) + number16(p + 32);

		if (n_name > n - ENTRY_SIZE)
			return;
		z->has_manifest |= is_named(p + ENTRY_SIZE, n_name, "META-INF/MANIFEST.MF");
		z->has_main |= is_named(p + ENTRY_SIZE, n_name, "__main__.py");
		if (size > n)
			return;
		p += size;
		n -= size;
	}
}

static bool read_directory(const struct view *v, struct zip *z)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint64_t n = z->directory.size;

	if (n > ZIP_DIRECTORY_MAX)
		n = ZIP_DIRECTORY_MAX;
	bytes = malloc((size_t) n);
	if (!bytes || view_read(v, z->directory.offset, bytes, (size_t) n) < 0 ||
		memcmp(bytes, entry_mark, sizeof(entry_mark)) != 0)
		return false;
	read_entries(bytes, (size_t) n, z);
	return true;
}

/* @at is where the mark of a directory's end is, with @n bytes from there to the file's end. The
 * directory ends right there; how far back the archive begins, its own offset tells. */
static bool is_end(const struct view *v, const uint8_t *end, size_t n, struct zip *ret)
{
	const uint64_t at = v->size - n;
	struct zip z = { 0 };
	uint64_t size, offset;

	if (n < END_SIZE || number16(end + 20) > n - END_SIZE || number16(end + 4) != 0)
		return false;
	size = number32(end + 12);
	offset = number32(end + 16);
	if (size < ENTRY_SIZE || size > at || offset > at - size)
		return false;
	z.archive.offset = at - size - offset;
	z.archive.size = size + offset + END_SIZE + number16(end + 20);
	z.directory = (struct range){ at - size, size };
	if (!read_directory(v, &z))
		return false;
	*ret = z;
	return true;
}

bool zip_read(const struct view *v, struct zip *ret)
{
	const size_t most = END_SIZE + COMMENT_MAX;
	const size_t n = v->n_tail < most ? v->n_tail : most;
	const uint8_t *start = v->tail + v->n_tail - n;

	for (size_t back = END_SIZE; back <= n; back++) {
		const uint8_t *p = start + n - back;

		if (memcmp(p, end_mark, sizeof(end_mark)) == 0)
			return is_end(v, p, back, ret);
	}
	return false;
}
