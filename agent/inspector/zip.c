/*
 * Runs inside the inspector.
 */
#include "agent/inspector/zip.h"

#include <stdlib.h>
#include <string.h>

#include "agent/inspector/number.h"
#include "policy/base/cleanup.h"

enum {
	END_SIZE = 22,
	ENTRY_SIZE = 46,
	COMMENT_MAX = 0xffff,
	ZIP64_END_SIZE = 56,
	ZIP64_LOCATOR_SIZE = 20,
};

static const uint8_t end_mark[] = { 'P', 'K', 5, 6 }, entry_mark[] = { 'P', 'K', 1, 2 },
		     file_mark[] = { 'P', 'K', 3, 4 }, zip64_mark[] = { 'P', 'K', 6, 6 },
		     locator_mark[] = { 'P', 'K', 6, 7 };

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

/* The record that stands in for numbers too large for @end, with a locator behind it that is right
 * in front of @end. *at is where the directory ends: there, or where the record begins. */
static bool read_zip64(
	const struct view *v, const uint8_t *end, uint64_t *at, uint64_t *size, uint64_t *offset)
{
	uint8_t raw[ZIP64_END_SIZE + ZIP64_LOCATOR_SIZE];

	if (number16(end + 10) != UINT16_MAX && *size != UINT32_MAX && *offset != UINT32_MAX)
		return true;
	if (*at < sizeof(raw) || view_read(v, *at - sizeof(raw), raw, sizeof(raw)) < 0 ||
		memcmp(raw + ZIP64_END_SIZE, locator_mark, sizeof(locator_mark)) != 0 ||
		memcmp(raw, zip64_mark, sizeof(zip64_mark)) != 0)
		return *size != UINT32_MAX && *offset != UINT32_MAX;
	*at -= sizeof(raw);
	*size = number64(raw + 40);
	*offset = number64(raw + 48);
	return true;
}

/* @end is the mark of a directory's end, with @n bytes from there to the file's end. The directory
 * ends right there; how far back the archive begins, its own offset tells. */
static bool is_end(const struct view *v, const uint8_t *end, size_t n, struct zip *ret)
{
	uint64_t at = v->size - n, size, offset;
	struct zip z = { 0 };

	if (n < END_SIZE || number16(end + 20) > n - END_SIZE || number16(end + 4) != 0)
		return false;
	size = number32(end + 12);
	offset = number32(end + 16);
	if (!read_zip64(v, end, &at, &size, &offset) || size < ENTRY_SIZE || size > at ||
		offset > at - size)
		return false;
	z.archive.offset = at - size - offset;
	z.archive.size = v->size - n - z.archive.offset + END_SIZE + number16(end + 20);
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
