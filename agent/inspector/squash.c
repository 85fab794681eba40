/*
 * libsquashfs unpacks blocks and reads metadata; the walk is our own, so that no number of the
 * image is ever a size of memory: neither a file's list of blocks, nor a table, nor an index is
 * read as a whole. Folders that contain themselves run into the limits on depth and entries.
 * A metadata reader that failed must be moved to another place before it is read again, so each
 * use of one begins with a seek. Runs inside the inspector.
 */
#include "agent/inspector/squash.h"

#include <endian.h>
#include <errno.h>
#include <sqfs/compressor.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_reader.h>
#include <sqfs/super.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inspector/meter.h"
#include "policy/base/cleanup.h"

enum {
	LISTING_EXTRA = 3, /* a folder's size counts "." and "..", which are not there */
	HEADER_ENTRIES_MAX = 256,
	LISTED_NAME_MAX = 256,
	BLOCK_STORED = 1 << 24, /* of a block's size: it is not packed */
	METADATA_BLOCK = 8192,
	FRAGMENTS_IN_BLOCK = METADATA_BLOCK / 16,
	NO_FRAGMENT = -1, /* as uint32_t */
};

/* A listing under way: where to go on, and how much of it is left. */
struct folder {
	uint64_t block;
	size_t offset;
	uint64_t left;      /* bytes */
	uint32_t n_entries; /* left behind the last header */
	uint64_t inodes;    /* the block their inodes are in */
	size_t n_path;      /* of the path to this folder */
};

struct file {
	uint64_t size, start;
	uint32_t fragment, fragment_offset;
};

struct squash {
	sqfs_file_t io; /* first, for libsquashfs */
	const struct view *view;
	struct range image;
	struct content_sink *sink;
	struct meter meter;
	int io_error; /* what reading the file failed with, which libsquashfs would not tell */
	bool damaged, stopped;
	sqfs_super_t super;
	sqfs_compressor_t *compressor;
	sqfs_meta_reader_t *inodes, *listings, *fragments;
	uint8_t *in, *out; /* a block each */
	uint8_t *tails;    /* the fragment block that was unpacked last: */
	uint64_t tails_at; /* its place */
	uint32_t n_tails;
	size_t n_folders;
	struct folder folders[SQUASH_DEPTH_MAX];
	char path[CONTENT_NAME_MAX + 1];
};

/* ---- the image, as libsquashfs reads it ---- */

static int read_at(sqfs_file_t *io, sqfs_u64 offset, void *buffer, size_t n)
{
	struct squash *q = (struct squash *) io;
	int r;

	if (offset > q->image.size || n > q->image.size - offset)
		return SQFS_ERROR_OUT_OF_BOUNDS;
	r = view_read(q->view, q->image.offset + offset, buffer, n);
	if (r < 0)
		q->io_error = r;
	return r < 0 ? SQFS_ERROR_IO : 0;
}

static sqfs_u64 get_size(const sqfs_file_t *io)
{
	return ((const struct squash *) io)->image.size;
}

static int refuse_write(sqfs_file_t *io, sqfs_u64 offset, const void *buffer, size_t n)
{
	(void) io, (void) offset, (void) buffer, (void) n;
	return SQFS_ERROR_IO;
}

static int refuse_truncate(sqfs_file_t *io, sqfs_u64 n)
{
	(void) io, (void) n;
	return SQFS_ERROR_IO;
}

static int error_of(const struct squash *q, int sqfs_error)
{
	if (sqfs_error == SQFS_ERROR_ALLOC)
		return -ENOMEM;
	if (sqfs_error == SQFS_ERROR_UNSUPPORTED)
		return -ENOTSUP;
	return sqfs_error == SQFS_ERROR_IO && q->io_error < 0 ? q->io_error : -EBADMSG;
}

/* Moving to another block unpacks one, be it for a single byte. */
static int meta_seek(struct squash *q, sqfs_meta_reader_t *m, uint64_t block, size_t offset)
{
	sqfs_u64 old;
	size_t at;
	int r;

	sqfs_meta_reader_get_position(m, &old, &at);
	r = old == block ? 0 : meter_work(&q->meter, METADATA_BLOCK);
	if (r < 0)
		return r;
	r = sqfs_meta_reader_seek(m, block, offset);
	return r < 0 ? error_of(q, r) : 0;
}

static int meta_read(const struct squash *q, sqfs_meta_reader_t *m, void *buffer, size_t n)
{
	int r = sqfs_meta_reader_read(m, buffer, n);

	return r < 0 ? error_of(q, r) : 0;
}

/* ---- the bytes of a file ---- */

/* Hands @n bytes on; without @bytes, as many zeros. */
static int deliver(struct squash *q, const uint8_t *bytes, uint32_t n)
{
	int r = meter_unpacked(&q->meter, n);

	if (r < 0)
		return r;
	if (!bytes)
		bytes = memset(q->out, 0, n);
	r = q->sink->bytes(q->sink, bytes, n);
	q->stopped = r < 0;
	return r;
}

/* Reads the block of @word bytes at @at and unpacks it to @out. *ret is how much that was. */
static int read_block(struct squash *q, uint64_t at, uint32_t word, uint8_t *out, uint32_t *ret)
{
	const uint32_t n = word & ~(uint32_t) BLOCK_STORED;
	const bool stored = word & BLOCK_STORED;
	sqfs_s32 unpacked;
	int r;

	if (n == 0 || n > q->super.block_size)
		return -EBADMSG;
	r = meter_work(&q->meter, n);
	if (r < 0)
		return r;
	r = read_at(&q->io, at, stored ? out : q->in, n);
	if (r < 0)
		return error_of(q, r);
	unpacked = stored
		? (sqfs_s32) n
		: q->compressor->do_block(q->compressor, q->in, n, out, q->super.block_size);
	if (unpacked <= 0 || (uint32_t) unpacked > q->super.block_size)
		return unpacked < 0 ? error_of(q, unpacked) : -EBADMSG;
	*ret = (uint32_t) unpacked;
	return meter_work(&q->meter, (uint32_t) unpacked);
}

/* The list of blocks follows the inode; q->inodes is there. */
static int read_blocks(struct squash *q, const struct file *f, uint64_t *left)
{
	uint64_t at = f->start;

	while (*left > 0 &&
		(*left >= q->super.block_size || f->fragment == (uint32_t) NO_FRAGMENT)) {
		const uint32_t want = *left < q->super.block_size ? (uint32_t) *left
								  : q->super.block_size;
		uint32_t word = 0, n = want;
		int r = meta_read(q, q->inodes, &word, sizeof(word));

		if (r < 0)
			return r;
		word = le32toh(word);
		if (word > 0) {
			r = read_block(q, at, word, q->out, &n);
			if (r < 0 || n != want)
				return r < 0 ? r : -EBADMSG;
		}
		r = deliver(q, word > 0 ? q->out : NULL, n);
		if (r != 0)
			return r;
		*left -= n;
		at += word & ~(uint32_t) BLOCK_STORED;
	}
	return 0;
}

/* Small files and ends of files share blocks, of which there is a table of 16-byte entries. */
static int load_fragment(struct squash *q, uint32_t index)
{
	struct {
		uint64_t start;
		uint32_t word, unused;
	} entry = { 0 };
	uint64_t place = 0;
	int r;

	if (index >= q->super.fragment_entry_count)
		return -EBADMSG;
	r = read_at(&q->io,
		q->super.fragment_table_start + (uint64_t) (index / FRAGMENTS_IN_BLOCK) * 8, &place,
		sizeof(place));
	if (r < 0)
		return error_of(q, r);
	r = meta_seek(q, q->fragments, le64toh(place), index % FRAGMENTS_IN_BLOCK * sizeof(entry));
	if (r == 0)
		r = meta_read(q, q->fragments, &entry, sizeof(entry));
	if (r < 0 || (q->n_tails > 0 && q->tails_at == le64toh(entry.start)))
		return r;
	q->n_tails = 0;
	r = read_block(q, le64toh(entry.start), le32toh(entry.word), q->tails, &q->n_tails);
	q->tails_at = le64toh(entry.start);
	return r;
}

static int read_file(struct squash *q, const struct file *f)
{
	uint64_t left = f->size;
	int r = read_blocks(q, f, &left);

	if (r != 0 || left == 0)
		return r;
	r = load_fragment(q, f->fragment);
	if (r < 0)
		return r;
	if (f->fragment_offset > q->n_tails || left > q->n_tails - f->fragment_offset)
		return -EBADMSG;
	return deliver(q, q->tails + f->fragment_offset, (uint32_t) left);
}

/* ---- the tree ---- */

/* Reads what follows the common part of an inode of @type. */
static int read_file_inode(struct squash *q, unsigned type, struct file *ret)
{
	sqfs_inode_file_ext_t e = { 0 };
	sqfs_inode_file_t b = { 0 };
	int r;

	if (type == SQFS_INODE_EXT_FILE) {
		r = meta_read(q, q->inodes, &e, sizeof(e));
		*ret = (struct file){ le64toh(e.file_size), le64toh(e.blocks_start),
			le32toh(e.fragment_idx), le32toh(e.fragment_offset) };
	} else {
		r = meta_read(q, q->inodes, &b, sizeof(b));
		*ret = (struct file){ le32toh(b.file_size), le32toh(b.blocks_start),
			le32toh(b.fragment_index), le32toh(b.fragment_offset) };
	}
	return r;
}

static int enter_folder(struct squash *q, unsigned type, size_t n_path)
{
	struct folder f = { .n_path = n_path };
	sqfs_inode_dir_ext_t e = { 0 };
	sqfs_inode_dir_t b = { 0 };
	int r;

	if (type == SQFS_INODE_EXT_DIR) {
		r = meta_read(q, q->inodes, &e, sizeof(e));
		f.block = le32toh(e.start_block);
		f.offset = le16toh(e.offset);
		f.left = le32toh(e.size);
	} else {
		r = meta_read(q, q->inodes, &b, sizeof(b));
		f.block = le32toh(b.start_block);
		f.offset = le16toh(b.offset);
		f.left = le16toh(b.size);
	}
	if (r < 0 || f.left <= LISTING_EXTRA)
		return r;
	f.left -= LISTING_EXTRA;
	f.block += q->super.directory_table_start;
	if (q->n_folders == SQUASH_DEPTH_MAX)
		return -E2BIG;
	q->folders[q->n_folders++] = f;
	return 0;
}

static int offer(struct squash *q, unsigned type)
{
	struct file f;
	int r = read_file_inode(q, type, &f);

	if (r < 0)
		return r;
	r = q->sink->begin(q->sink, q->path, f.size);
	q->stopped = r < 0;
	if (r <= 0)
		return r;
	r = read_file(q, &f);
	return r < 0 ? r : 0;
}

/* Looks at the inode at @offset of the block @block of the inode table. */
static int visit(struct squash *q, uint64_t block, size_t offset, size_t n_path)
{
	sqfs_inode_t inode = { 0 };
	int r = meta_seek(q, q->inodes, q->super.inode_table_start + block, offset);

	if (r == 0)
		r = meta_read(q, q->inodes, &inode, sizeof(inode));
	if (r < 0)
		return r;
	switch (le16toh(inode.type)) {
	case SQFS_INODE_DIR:
	case SQFS_INODE_EXT_DIR:
		return enter_folder(q, le16toh(inode.type), n_path);
	case SQFS_INODE_FILE:
	case SQFS_INODE_EXT_FILE:
		return offer(q, le16toh(inode.type));
	default:
		return 0;
	}
}

static int take(struct squash *q, struct folder *f, void *buffer, size_t n)
{
	if (f->left < n)
		return -EBADMSG;
	f->left -= n;
	return meta_read(q, q->listings, buffer, n);
}

/* Appends a name to the path of its folder; what is too long is cut. */
static size_t set_path(struct squash *q, const struct folder *f, const char *name, size_t n)
{
	size_t at = f->n_path;

	if (at > 0 && at < CONTENT_NAME_MAX)
		q->path[at++] = '/';
	if (n > CONTENT_NAME_MAX - at)
		n = CONTENT_NAME_MAX - at;
	memcpy(q->path + at, name, n);
	q->path[at + n] = '\0';
	return at + n;
}

/* Reads the next entry of the folder and leaves its inode's place. */
static int next_entry(
	struct squash *q, struct folder *f, uint64_t *ret_block, size_t *ret_offset, size_t *ret_n)
{
	char name[LISTED_NAME_MAX];
	sqfs_dir_header_t header = { 0 };
	sqfs_dir_entry_t entry = { 0 };
	size_t n;
	int r = meta_seek(q, q->listings, f->block, f->offset);

	if (r == 0 && f->n_entries == 0) {
		r = take(q, f, &header, sizeof(header));
		if (r < 0)
			return r;
		if (le32toh(header.count) >= HEADER_ENTRIES_MAX)
			return -EBADMSG;
		f->n_entries = le32toh(header.count) + 1;
		f->inodes = le32toh(header.start_block);
	}
	if (r == 0)
		r = take(q, f, &entry, sizeof(entry));
	if (r < 0)
		return r;
	n = (size_t) le16toh(entry.size) + 1;
	if (n > sizeof(name))
		return -EBADMSG;
	r = take(q, f, name, n);
	if (r < 0)
		return r;
	f->n_entries--;
	sqfs_meta_reader_get_position(q->listings, &f->block, &f->offset);
	*ret_block = f->inodes;
	*ret_offset = le16toh(entry.offset);
	*ret_n = set_path(q, f, name, n);
	return 0;
}

/* What is damaged is passed over: an entry, or the rest of a listing. */
static int walk(struct squash *q)
{
	while (q->n_folders > 0) {
		struct folder *f = &q->folders[q->n_folders - 1];
		uint64_t block;
		size_t offset, n_path;
		int r;

		if (f->left == 0) {
			q->n_folders--;
			continue;
		}
		r = next_entry(q, f, &block, &offset, &n_path);
		if (r == -EBADMSG)
			f->left = 0;
		if (r == 0) {
			r = meter_entry(&q->meter);
			r = r ?: visit(q, block, offset, n_path);
		}
		if (r == -EBADMSG && !q->stopped)
			q->damaged = true;
		else if (r < 0)
			return r;
	}
	return q->damaged ? -EBADMSG : 0;
}

/* ---- setting up ---- */

static struct squash *squash_free(struct squash *q)
{
	sqfs_destroy(q->inodes);
	sqfs_destroy(q->listings);
	sqfs_destroy(q->fragments);
	sqfs_destroy(q->compressor);
	free(q->in);
	free(q->out);
	free(q->tails);
	free(q);
	return NULL;
}
DEFINE_CLEANUP(struct squash, squash_free)

static int prepare(struct squash *q)
{
	sqfs_compressor_config_t config;
	const sqfs_super_t *s = &q->super;
	int r = sqfs_super_read(&q->super, &q->io);

	if (r < 0)
		return error_of(q, r);
	r = sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR) s->compression_id, s->block_size,
		SQFS_COMP_FLAG_UNCOMPRESS);
	if (r == 0)
		r = sqfs_compressor_create(&config, &q->compressor);
	if (r < 0)
		return error_of(q, r);
	q->inodes = sqfs_meta_reader_create(
		&q->io, q->compressor, s->inode_table_start, s->directory_table_start);
	q->listings = sqfs_meta_reader_create(
		&q->io, q->compressor, s->directory_table_start, q->image.size);
	q->fragments = sqfs_meta_reader_create(&q->io, q->compressor, sizeof(*s), q->image.size);
	q->in = malloc(s->block_size);
	q->out = malloc(s->block_size);
	q->tails = malloc(s->block_size);
	return q->inodes && q->listings && q->fragments && q->in && q->out && q->tails ? 0
										       : -ENOMEM;
}

int squash_read(const struct view *v, const struct range *image, struct content_sink *s)
{
	_cleanup_(squash_freep) struct squash *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->io.read_at = read_at;
	q->io.write_at = refuse_write;
	q->io.get_size = get_size;
	q->io.truncate = refuse_truncate;
	q->view = v;
	q->image = *image;
	q->sink = s;
	q->meter.container = image->size;
	r = prepare(q);
	if (r < 0)
		return r;
	r = visit(q, q->super.root_inode_ref >> 16, q->super.root_inode_ref & 0xffff, 0);
	return r < 0 ? r : walk(q);
}
