/*
 * squashfs images made by tests: small enough to be read at a glance, with any number one likes in
 * them. Metadata is stored, not packed; files are made of blocks of SEED_BLOCK bytes.
 */
#pragma once

#include <sqfs/dir.h>
#include <sqfs/inode.h>
#include <sqfs/super.h>
#include <stdbool.h>

#include "tests/support/seed_zip.h"

enum {
	SEED_BLOCK = 4096,
	SEED_STORED = 1 << 24, /* of a block's size word */
	SEED_METADATA = 8192,
};

struct seed_squash {
	uint8_t *bytes; /* the image, in the end */
	size_t n;
	uint8_t *inodes, *listings, *fragments;
	size_t n_inodes, n_listings, n_fragments;
	unsigned last_inode;
};

struct seed_listed {
	const char *name;
	uint64_t inode; /* as seed_squash_*() gave it */
};

static inline void seed_squash_init(struct seed_squash *q)
{
	const sqfs_super_t room = { 0 };

	*q = (struct seed_squash){ 0 };
	seed_put(&q->bytes, &q->n, &room, sizeof(room));
}

static inline void seed_inode(struct seed_squash *q, uint16_t type)
{
	const sqfs_inode_t inode = { .type = type, .mode = 0755, .inode_number = ++q->last_inode };

	seed_put(&q->inodes, &q->n_inodes, &inode, sizeof(inode));
}

/* One block of a file, packed with zlib or stored; returns its size word. */
static inline uint32_t seed_block(struct seed_squash *q, const void *data, size_t n, bool pack)
{
	uLongf size = compressBound(n);
	uint8_t *packed = malloc(size);

	if (!packed || (pack && compress(packed, &size, data, n) != Z_OK))
		abort();
	seed_put(&q->bytes, &q->n, pack ? packed : data, pack ? size : n);
	free(packed);
	return pack ? (uint32_t) size : (uint32_t) n | SEED_STORED;
}

/* A file of @size (as it claims) whose @n_words blocks of these size words begin at @start. */
static inline uint64_t seed_squash_inode(struct seed_squash *q, uint64_t start, uint64_t size,
	const uint32_t words[], size_t n_words)
{
	const uint64_t at = q->n_inodes;
	const sqfs_inode_file_ext_t file = { .blocks_start = start,
		.file_size = size,
		.nlink = 1,
		.fragment_idx = UINT32_MAX,
		.xattr_idx = UINT32_MAX };

	seed_inode(q, SQFS_INODE_EXT_FILE);
	seed_put(&q->inodes, &q->n_inodes, &file, sizeof(file));
	seed_put(&q->inodes, &q->n_inodes, words, n_words * sizeof(words[0]));
	return at;
}

static inline uint64_t seed_squash_file(
	struct seed_squash *q, const void *data, size_t n, bool pack)
{
	const size_t n_words = (n + SEED_BLOCK - 1) / SEED_BLOCK;
	const uint64_t start = q->n;
	uint32_t *words = calloc(n_words + 1, sizeof(*words));
	uint64_t at;

	if (!words)
		abort();
	for (size_t i = 0; i < n_words; i++)
		words[i] = seed_block(q, (const uint8_t *) data + i * SEED_BLOCK,
			n - i * SEED_BLOCK < SEED_BLOCK ? n - i * SEED_BLOCK : SEED_BLOCK, pack);
	at = seed_squash_inode(q, start, n, words, n_words);
	free(words);
	return at;
}

/* A small file in a fragment of its own: @n bytes at @offset of @data. */
static inline uint64_t seed_squash_tail(
	struct seed_squash *q, const void *data, size_t n_data, uint32_t offset, uint32_t n)
{
	const uint64_t at = q->n_inodes, start = q->n;
	const sqfs_inode_file_t file = { .blocks_start = 0,
		.fragment_index = (uint32_t) (q->n_fragments / 16),
		.fragment_offset = offset,
		.file_size = n };
	const uint32_t word = seed_block(q, data, n_data, true);

	seed_number(&q->fragments, &q->n_fragments, start, 8);
	seed_number(&q->fragments, &q->n_fragments, word, 8);
	seed_inode(q, SQFS_INODE_FILE);
	seed_put(&q->inodes, &q->n_inodes, &file, sizeof(file));
	return at;
}

static inline uint64_t seed_squash_other(struct seed_squash *q, uint16_t type)
{
	const uint64_t at = q->n_inodes;

	seed_inode(q, type);
	seed_number(&q->inodes, &q->n_inodes, 0, 8);
	return at;
}

/* Where in a table of stored metadata blocks the byte @at of what they hold is. */
static inline uint64_t seed_place(uint64_t at)
{
	return at / SEED_METADATA * (SEED_METADATA + 2);
}

static inline uint64_t seed_squash_folder(
	struct seed_squash *q, const struct seed_listed files[], size_t n)
{
	const uint64_t at = q->n_inodes, start = q->n_listings;

	for (size_t i = 0; i < n; i++) {
		const sqfs_dir_header_t header = { .start_block = (uint32_t) seed_place(
							   files[i].inode) };
		const sqfs_dir_entry_t entry = { .offset = (uint16_t) (files[i].inode %
							 SEED_METADATA),
			.type = SQFS_INODE_FILE,
			.size = (uint16_t) (strlen(files[i].name) - 1) };

		seed_put(&q->listings, &q->n_listings, &header, sizeof(header));
		seed_put(&q->listings, &q->n_listings, &entry, sizeof(entry));
		seed_put(&q->listings, &q->n_listings, files[i].name, strlen(files[i].name));
	}
	const sqfs_inode_dir_ext_t folder = { .nlink = 2,
		.size = (uint32_t) (q->n_listings - start + 3),
		.start_block = (uint32_t) seed_place(start),
		.offset = (uint16_t) (start % SEED_METADATA),
		.xattr_idx = UINT32_MAX };

	seed_inode(q, SQFS_INODE_EXT_DIR);
	seed_put(&q->inodes, &q->n_inodes, &folder, sizeof(folder));
	return at;
}

static inline uint64_t seed_table(struct seed_squash *q, const uint8_t *p, size_t n)
{
	const uint64_t start = q->n;

	for (size_t at = 0; at < n || at == 0; at += SEED_METADATA) {
		const size_t size = n - at < SEED_METADATA ? n - at : SEED_METADATA;

		seed_number(&q->bytes, &q->n, size | 0x8000, 2);
		seed_put(&q->bytes, &q->n, p ? p + at : (const uint8_t *) "", size);
	}
	return start;
}

/* Makes q->bytes an image with @root at the top. */
static inline void seed_squash_end(struct seed_squash *q, uint64_t root)
{
	sqfs_super_t s = { .magic = SQFS_MAGIC,
		.inode_count = q->last_inode,
		.block_size = SEED_BLOCK,
		.fragment_entry_count = (uint32_t) (q->n_fragments / 16),
		.compression_id = SQFS_COMP_GZIP,
		.block_log = 12,
		.id_count = 1,
		.version_major = SQFS_VERSION_MAJOR,
		.version_minor = SQFS_VERSION_MINOR,
		.root_inode_ref = seed_place(root) << 16 | root % SEED_METADATA,
		.xattr_id_table_start = UINT64_MAX,
		.export_table_start = UINT64_MAX };
	uint64_t start;

	s.inode_table_start = seed_table(q, q->inodes, q->n_inodes);
	s.directory_table_start = seed_table(q, q->listings, q->n_listings);
	start = seed_table(q, q->fragments, q->n_fragments);
	s.fragment_table_start = q->n;
	for (size_t at = 0; at < q->n_fragments; at += SEED_METADATA)
		seed_number(&q->bytes, &q->n, start + seed_place(at), 8);
	start = seed_table(q, (const uint8_t *) "\0\0\0\0", 4);
	s.id_table_start = q->n;
	seed_number(&q->bytes, &q->n, start, 8);
	s.bytes_used = q->n;
	memcpy(q->bytes, &s, sizeof(s));
}

static inline void seed_squash_done(struct seed_squash *q)
{
	free(q->bytes);
	free(q->inodes);
	free(q->listings);
	free(q->fragments);
	*q = (struct seed_squash){ 0 };
}
