/* Whatever a squashfs holds, reading it ends within the limits of content.h, never reads outside
 * the image, and an AppImage made of it has valid facts. Runs on the input behind a superblock, and
 * over a small image in which it changes bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/appimage.h"
#include "agent/inspector/squash.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_squash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 10 };

struct counter {
	struct content_sink sink;
	size_t n_entries;
	uint64_t n_bytes;
};

static int begin(struct content_sink *s, const char *name, uint64_t size)
{
	struct counter *c = (struct counter *) s;

	(void) size;
	if (strlen(name) > CONTENT_NAME_MAX || ++c->n_entries > CONTENT_ENTRIES_MAX)
		abort();
	return 1;
}

static int bytes(struct content_sink *s, const uint8_t *p, size_t n)
{
	struct counter *c = (struct counter *) s;

	if (n == 0 || n > SQUASH_BLOCK_MAX || !p)
		abort();
	c->n_bytes += n;
	return 0;
}

/* The image is @n bytes at @p; a byte outside of it is a byte outside of the memory. */
static void check(const uint8_t *p, size_t n)
{
	_cleanup_free_ uint8_t *copy = malloc(n + 1);
	const struct view v = { .fd = -1, .size = n, .head = copy, .n_head = n };
	const struct range image = { 0, n };
	struct counter c = { .sink = { begin, bytes } };
	struct facts f = { 0 };
	struct package package;

	if (!copy)
		abort();
	memcpy(copy, p, n);
	(void) squash_read(&v, &image, &c.sink);
	if (c.n_bytes > CONTENT_SIZE_MAX ||
		(c.n_bytes > CONTENT_RATIO_FREE && c.n_bytes / CONTENT_RATIO_MAX > n))
		abort();
	if (appimage_read(&v, &image, &package) > 0)
		facts_add_package(&f, &package);
	if (!facts_valid(&f))
		abort();
}

static void build(struct seed_squash *q)
{
	static const char text[] = "[Desktop Entry]\nName=A\nX-AppImage-Version=1\n";

	seed_squash_init(q);
	const struct seed_listed inner = { "tail", seed_squash_tail(q, text, sizeof(text), 0, 9) };
	const struct seed_listed outer[] = {
		{ "a.desktop", seed_squash_file(q, text, sizeof(text) - 1, true) },
		{ "d", seed_squash_folder(q, &inner, 1) },
		{ "link", seed_squash_other(q, SQFS_INODE_SLINK) },
		{ "stored", seed_squash_file(q, text, sizeof(text) - 1, false) },
	};

	seed_squash_end(q, seed_squash_folder(q, outer, ARRAY_SIZE(outer)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seed_squash q;
	struct package p;

	if (size > INPUT_MAX)
		return 0;
	build(&q);
	const struct view v = { .fd = -1, .size = q.n, .head = q.bytes, .n_head = q.n };

	if (appimage_read(&v, &(struct range){ 0, q.n }, &p) != 1 ||
		strcmp(p.name, "appimage/A") != 0)
		abort();
	for (size_t i = 0; i < size && i < q.n; i++) /* backwards: tables, inodes, listings, data */
		q.bytes[q.n - 1 - i] ^= (uint8_t) (data[i] ^ 'a');
	check(q.bytes, q.n);
	for (size_t i = 0; i < size && i + 4 < q.n; i++) /* and the superblock, but for its mark */
		q.bytes[4 + i] ^= (uint8_t) (data[i] ^ 'a');
	check(q.bytes, q.n);
	seed_squash_done(&q);

	seed_squash_init(&q); /* what there is instead of tables and data */
	seed_put(&q.bytes, &q.n, data, size);
	seed_squash_end(&q, size > 1 ? data[0] : 0);
	check(q.bytes, q.n);
	seed_squash_done(&q);
	return (void) appimage_parse_desktop((const char *) data, size, &p), 0;
}
