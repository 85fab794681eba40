/*
 * Sizes come from the directory: with the data descriptor bit, the local header has none. Entries
 * may lie on top of each other, so what is read is counted, and cannot be more than the archive
 * holds. Checksums are left alone: Python and Java would refuse a wrong one only after the fact.
 * Runs inside the inspector.
 */
#include "agent/inspector/archive.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "agent/inspector/meter.h"
#include "agent/inspector/number.h"
#include "agent/inspector/zip.h"
#include "policy/base/cleanup.h"

enum {
	ENTRY_SIZE = 46, /* the directory's fixed part, and a local header's */
	LOCAL_SIZE = 30,
	WINDOW_SIZE = 64 << 10,
	EXTRA_MAX = 4096, /* bytes of an entry's extra fields that are looked at */
	EXTRA_ZIP64 = 1,
	FLAG_ENCRYPTED = 1,
	METHOD_STORED = 0,
	METHOD_DEFLATE = 8,
};

struct entry {
	char name[CONTENT_NAME_MAX + 1];
	uint16_t flags, method;
	uint64_t packed, size, header; /* bytes, and where in the archive its local header is */
};

struct archive {
	const struct view *view;
	struct content_sink *sink;
	struct zip zip;
	struct meter meter;
	bool damaged, stopped; /* stopped: by the sink */
	bool has_stream;
	z_stream stream;
	uint64_t window_at; /* the directory, as far as it was read: */
	size_t n_window;
	uint8_t window[WINDOW_SIZE], in[ARCHIVE_CHUNK], out[ARCHIVE_CHUNK];
};

/* @n bytes at @at of the directory, which stay until the next call. */
static int look(struct archive *a, uint64_t at, size_t n, const uint8_t **ret)
{
	const struct range *d = &a->zip.directory;

	if (at > d->size || n > d->size - at)
		return -EBADMSG;
	if (at < a->window_at || n > a->n_window || at - a->window_at > a->n_window - n) {
		uint64_t size = d->size - at < WINDOW_SIZE ? d->size - at : WINDOW_SIZE;
		int r = view_read(a->view, d->offset + at, a->window, (size_t) size);

		a->window_at = at;
		a->n_window = r < 0 ? 0 : (size_t) size;
		if (r < 0)
			return r;
	}
	*ret = a->window + (at - a->window_at);
	return 0;
}

/* Numbers that did not fit into 32 bits stand here, in this order, and only those. */
static void take_zip64(struct entry *e, const uint8_t *extra, size_t n)
{
	uint64_t *const numbers[] = { &e->size, &e->packed, &e->header };

	while (n >= 4) {
		const size_t size = number16(extra + 2);
		const uint8_t *p = extra + 4;

		if (size > n - 4)
			return;
		if (number16(extra) == EXTRA_ZIP64) {
			for (size_t i = 0, left = size; i < ARRAY_SIZE(numbers); i++)
				if (*numbers[i] == UINT32_MAX && left >= 8) {
					*numbers[i] = number64(p);
					p += 8;
					left -= 8;
				}
			return;
		}
		extra += 4 + size;
		n -= 4 + size;
	}
}

/* Reads the entry at *at and steps over it. 1; 0 at the end of the directory. */
static int next_entry(struct archive *a, uint64_t *at, struct entry *e)
{
	static const uint8_t mark[] = { 'P', 'K', 1, 2 };
	size_t n_name, n_extra, n_comment, kept;
	const uint8_t *p;
	int r;

	if (*at == a->zip.directory.size)
		return 0;
	r = look(a, *at, ENTRY_SIZE, &p);
	if (r < 0)
		return r;
	if (memcmp(p, mark, sizeof(mark)) != 0)
		return -EBADMSG;
	e->flags = number16(p + 8);
	e->method = number16(p + 10);
	e->packed = number32(p + 20);
	e->size = number32(p + 24);
	n_name = number16(p + 28);
	n_extra = number16(p + 30);
	n_comment = number16(p + 32);
	e->header = number32(p + 42);
	kept = n_name < CONTENT_NAME_MAX ? n_name : CONTENT_NAME_MAX;
	r = look(a, *at + ENTRY_SIZE, kept, &p);
	if (r < 0)
		return r;
	memcpy(e->name, p, kept);
	e->name[kept] = '\0';
	kept = n_extra < EXTRA_MAX ? n_extra : EXTRA_MAX;
	r = look(a, *at + ENTRY_SIZE + n_name, kept, &p);
	if (r < 0)
		return r;
	take_zip64(e, p, kept);
	*at += ENTRY_SIZE + n_name + n_extra + n_comment;
	return *at <= a->zip.directory.size ? 1 : -EBADMSG;
}

/* Where the entry's bytes are in the file. */
static int find_bytes(const struct archive *a, const struct entry *e, uint64_t *ret)
{
	static const uint8_t mark[] = { 'P', 'K', 3, 4 };
	const struct range *z = &a->zip.archive;
	uint8_t local[LOCAL_SIZE];
	uint64_t start;
	int r;

	if (e->header > z->size || z->size - e->header < LOCAL_SIZE)
		return -EBADMSG;
	r = view_read(a->view, z->offset + e->header, local, sizeof(local));
	if (r < 0)
		return r;
	start = e->header + LOCAL_SIZE + number16(local + 26) + number16(local + 28);
	if (memcmp(local, mark, sizeof(mark)) != 0 || start > z->size ||
		e->packed > z->size - start)
		return -EBADMSG;
	*ret = z->offset + start;
	return 0;
}

/* Hands @n bytes on. 0; > 0 when the sink has enough of the entry. */
static int deliver(struct archive *a, const uint8_t *bytes, size_t n)
{
	int r = n > 0 ? meter_unpacked(&a->meter, n) : 0;

	if (r < 0 || n == 0)
		return r;
	r = a->sink->bytes(a->sink, bytes, n);
	a->stopped = r < 0;
	return r;
}

static int read_some(struct archive *a, uint64_t at, uint64_t left, size_t *ret)
{
	const size_t n = left < ARCHIVE_CHUNK ? (size_t) left : ARCHIVE_CHUNK;
	int r = n <= a->zip.archive.size - a->meter.work ? meter_work(&a->meter, n) : -E2BIG;

	if (r == 0)
		r = view_read(a->view, at, a->in, n);
	*ret = n;
	return r;
}

static int unpack_stored(struct archive *a, uint64_t at, uint64_t size)
{
	int r = 0;

	for (size_t n; size > 0 && r == 0; at += n, size -= n) {
		r = read_some(a, at, size, &n);
		if (r == 0)
			r = deliver(a, a->in, n);
	}
	return r;
}

static int start_stream(struct archive *a)
{
	if (a->has_stream)
		return inflateReset(&a->stream) == Z_OK ? 0 : -ENOMEM;
	if (inflateInit2(&a->stream, -MAX_WBITS) != Z_OK)
		return -ENOMEM;
	a->has_stream = true;
	return 0;
}

/* Unpacks what is in a->in. 0: wants more; 1: the stream or the sink's patience has ended. */
static int unpack_chunk(struct archive *a, size_t n)
{
	int r = 0, z;

	a->stream.next_in = a->in;
	a->stream.avail_in = (uInt) n;
	do {
		a->stream.next_out = a->out;
		a->stream.avail_out = sizeof(a->out);
		z = inflate(&a->stream, Z_NO_FLUSH);
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return z == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
		r = deliver(a, a->out, sizeof(a->out) - a->stream.avail_out);
	} while (r == 0 && z == Z_OK && (a->stream.avail_in > 0 || a->stream.avail_out == 0));
	return r == 0 && z == Z_STREAM_END ? 1 : r;
}

static int unpack_deflated(struct archive *a, uint64_t at, uint64_t size)
{
	int r = start_stream(a);

	for (size_t n; size > 0 && r == 0; at += n, size -= n) {
		r = read_some(a, at, size, &n);
		if (r == 0)
			r = unpack_chunk(a, n);
	}
	return r != 0 ? r : -EBADMSG; /* it ended before its stream did */
}

static int unpack(struct archive *a, const struct entry *e)
{
	uint64_t at;
	int r = find_bytes(a, e, &at);

	if (r < 0)
		return r;
	return e->method == METHOD_STORED ? unpack_stored(a, at, e->packed)
					  : unpack_deflated(a, at, e->packed);
}

static int offer(struct archive *a, const struct entry *e)
{
	const size_t n = strlen(e->name);
	int r = meter_entry(&a->meter);

	if (r < 0 || (e->flags & FLAG_ENCRYPTED) || (n > 0 && e->name[n - 1] == '/') ||
		(e->method != METHOD_STORED && e->method != METHOD_DEFLATE))
		return r;
	r = a->sink->begin(a->sink, e->name, e->size);
	a->stopped = r < 0;
	if (r <= 0 || e->packed == 0)
		return r < 0 ? r : 0;
	r = unpack(a, e);
	return r < 0 ? r : 0;
}

static struct archive *archive_free(struct archive *a)
{
	if (a->has_stream)
		(void) inflateEnd(&a->stream);
	free(a);
	return NULL;
}
DEFINE_CLEANUP(struct archive, archive_free)

int archive_read(const struct view *v, struct content_sink *s)
{
	_cleanup_(archive_freep) struct archive *a = calloc(1, sizeof(*a));
	struct entry e;
	int r;

	if (!a)
		return -ENOMEM;
	if (!zip_read(v, &a->zip))
		return -ENOENT;
	a->view = v;
	a->sink = s;
	a->meter.container = a->zip.archive.size;
	for (uint64_t at = 0;;) {
		r = next_entry(a, &at, &e);
		if (r <= 0)
			break;
		r = offer(a, &e);
		if (r == -EBADMSG && !a->stopped)
			a->damaged = true;
		else if (r < 0)
			return r;
	}
	return r < 0 ? r : a->damaged ? -EBADMSG : 0;
}
