/*
 * How a compiled policy lies in its file: what builder and reader share, and nobody else needs.
 *
 * A header, then sections at 64-byte boundaries, each an array of one fixed-size entry. Numbers are
 * little-endian, texts are offsets into SECTION_STRINGS (0 is ""), ranges are a first index and a
 * count. No entry holds a pointer, so one image serves every process that maps it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/identity/facts.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are read where they were built");

#define FORMAT_MAGIC    "PROSCRIB" /* 8 bytes, without the closing NUL */
#define FORMAT_SIZE_MAX (UINT64_C(1) << 30)

enum {
	FORMAT_VERSION = 2,       /* one more whenever anything here changes */
	FORMAT_ALIGNMENT = 64,    /* a cache line: no bucket lies across two */
	FORMAT_BUCKET_HASHES = 6, /* hashes in one bucket, on average */
	FORMAT_BUCKET_TAGS = 12,
};

enum format_section {
	SECTION_STRINGS,        /* bytes; starts and ends with NUL, well-formed UTF-8 */
	SECTION_SOFTWARE,       /* struct format_software */
	SECTION_SOFTWARE_RULES, /* uint32_t: indexes into SECTION_RULES */
	SECTION_RULES,          /* struct format_rule */
	SECTION_CONSTRAINTS,    /* struct format_constraint */
	SECTION_REASONS,        /* struct format_reason */
	SECTION_PACKAGES,       /* struct format_package, by type and folded name */
	SECTION_PATHS,          /* struct format_path */
	SECTION_IDENTITIES,     /* struct format_identity */
	SECTION_HASHES,         /* struct format_hash, by format_size_key(), size and digest */
	SECTION_BUCKETS,        /* struct format_bucket, and one more that marks the end */
	SECTION_BUILD_IDS,      /* struct format_build_id, by id */
	SECTION_SIGNATURES,     /* struct signature */
	SECTION_SIGNATURE_USES, /* struct format_signature_use */
	SECTION_YARA,           /* bytes: compiled rules, as libyara writes them */
	_SECTION_MAX,
};

struct format_extent {
	uint64_t offset, size; /* bytes */
};

struct format_header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint64_t size; /* of the whole image */
	/* SHA-256 of the whole image with this field zero, by the builder. It names the policy in
	 * records. It does not protect the image: the reader does not compute it again (that would
	 * take longer than everything else about opening one), and whoever could write the image
	 * could write this too. */
	uint8_t digest[SHA256_SIZE];
	uint32_t name, owner, contact; /* texts */
	uint32_t reserved;             /* zero */
	struct format_extent sections[_SECTION_MAX];
};
_Static_assert(sizeof(struct format_header) == 72 + 16 * _SECTION_MAX, "header layout");

struct format_software {
	uint32_t id, name, vendor;    /* texts */
	uint32_t first_rule, n_rules; /* in SECTION_SOFTWARE_RULES */
};
_Static_assert(sizeof(struct format_software) == 20, "software layout");

struct format_rule {
	uint32_t id, reference, url, alternative_name, alternative_url; /* texts */
	uint32_t scheme; /* text: of the constraints, "" without any */
	uint32_t first_constraint, n_constraints;
	uint32_t first_reason, n_reasons;
	uint8_t action, risk, unknown_version_matches;
	uint8_t reserved; /* zero */
};
_Static_assert(sizeof(struct format_rule) == 44, "rule layout");

struct format_constraint {
	uint32_t comparator; /* enum vers_comparator */
	uint32_t version;    /* text */
};
_Static_assert(sizeof(struct format_constraint) == 8, "constraint layout");

struct format_reason {
	uint32_t language, text; /* texts */
};
_Static_assert(sizeof(struct format_reason) == 8, "reason layout");

struct format_package {
	uint32_t type;          /* enum package_type */
	uint32_t name, version; /* texts; version "": any */
	uint32_t software;
};
_Static_assert(sizeof(struct format_package) == 16, "package layout");

struct format_path {
	uint32_t glob; /* text */
	uint32_t software;
};
_Static_assert(sizeof(struct format_path) == 8, "path layout");

/* What many hashes have in common. */
struct format_identity {
	uint32_t software;
	uint32_t version; /* text; "" when unknown */
};
_Static_assert(sizeof(struct format_identity) == 8, "identity layout");

struct format_hash {
	uint8_t digest[SHA256_SIZE];
	uint32_t size_low, size_high;
	uint32_t identity;
};
_Static_assert(sizeof(struct format_hash) == 44, "hash layout");

/* A shorter build-id is zero behind its end; a longer one is cut. */
struct format_build_id {
	uint8_t id[BUILD_ID_MAX];
	uint32_t n;
	uint32_t software;
	uint32_t version; /* text; "" when unknown */
};
_Static_assert(sizeof(struct format_build_id) == 32, "build-id layout");

struct format_signature_use {
	uint32_t signature, software;
};
_Static_assert(sizeof(struct format_signature_use) == 8, "signature use layout");

static inline uint64_t format_hash_size(const struct format_hash *h)
{
	return (uint64_t) h->size_high << 32 | h->size_low;
}

/* The hashes from its first to the next bucket's first. A tag is the low byte of a hash's size key:
 * one look at the tags nearly always tells a file that is not listed, and else which hash to read.
 * A bucket of more hashes than it has tags says nothing by them. */
struct format_bucket {
	uint32_t first;
	uint8_t tags[FORMAT_BUCKET_TAGS];
};
_Static_assert(sizeof(struct format_bucket) == 16, "bucket layout");

/* Spreads sizes evenly over 64 bits, one to one. */
uint64_t format_size_key(uint64_t size);

/* Buckets for @n hashes (without the one that marks the end), and which of them a key belongs to:
 * the greater the key, the later the bucket. */
uint32_t format_n_buckets(uint32_t n);
uint32_t format_bucket(uint64_t key, uint32_t n_buckets);

/* < 0, 0 or > 0: the order of SECTION_HASHES. @digest NULL: as far as the size goes. */
int format_compare_hash(const struct format_hash *h, uint64_t size, const uint8_t *digest);

/* The order of SECTION_PACKAGES: type, then name with ASCII letters folded. */
int format_compare_package(uint32_t type, const char *name, uint32_t other_type, const char *other);

size_t format_entry_size(enum format_section s);

/* Is what lies at @data (8-byte aligned, @size bytes) framed as an image: magic, version, sizes,
 * all sections inside, aligned and of whole entries? 0, -EPROTONOSUPPORT or -EBADMSG. */
int format_check(const void *data, size_t size);
