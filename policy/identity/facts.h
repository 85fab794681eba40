/*
 * What an inspector found out about one file: fixed size, no pointers, so that it can cross a
 * process boundary. Every byte was chosen by whoever made the file; facts_valid() must have said
 * yes before anything here is used.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum file_class {
	FILE_CLASS_UNKNOWN,
	FILE_CLASS_ELF,
	FILE_CLASS_SCRIPT, /* starts with #! */
	FILE_CLASS_JS,     /* JavaScript, by its #! interpreter or by its text */
	_FILE_CLASS_MAX,
};

enum package_type {
	PACKAGE_NONE,
	PACKAGE_NPM,
	_PACKAGE_TYPE_MAX,
};

enum facts_have {
	FACTS_SHA256 = 1u << 0,
	FACTS_INTERPRETER = 1u << 1,
	FACTS_METADATA_REFUSED = 1u << 2, /* metadata was there but malformed or past a limit */
	_FACTS_HAVE_ALL = (1u << 3) - 1,
};

enum {
	FACTS_PACKAGES_MAX = 4,
	PACKAGE_NAME_MAX = 214,    /* npm's own limit for scope and name together */
	PACKAGE_VERSION_MAX = 256, /* node-semver's own limit */
	FACTS_INTERPRETER_MAX = 255,
	SHA256_SIZE = 32,
};

/* UTF-8, NUL-terminated; an empty version means that the metadata gave none. */
struct package {
	uint32_t type; /* enum package_type */
	char name[PACKAGE_NAME_MAX + 1];
	char version[PACKAGE_VERSION_MAX + 1];
};

struct facts {
	uint64_t size;  /* bytes */
	uint32_t class; /* enum file_class */
	uint32_t have;  /* bits of enum facts_have */
	uint8_t sha256[SHA256_SIZE];
	char interpreter[FACTS_INTERPRETER_MAX + 1]; /* as the kernel reads it, without arguments */
	uint32_t n_packages;
	struct package packages[FACTS_PACKAGES_MAX];
};

/* Every enum in range, every string terminated and well-formed UTF-8, counts within bounds,
 * fields that are not there all zero. */
bool facts_valid(const struct facts *f);

const char *file_class_to_string(enum file_class c);     /* "elf" */
const char *package_type_to_string(enum package_type t); /* purl's word: "npm" */
