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
	FILE_CLASS_BUN,    /* ELF made with `bun build --compile` */
	FILE_CLASS_NODE_SEA,
	FILE_CLASS_ELECTRON,
	FILE_CLASS_APPIMAGE,
	FILE_CLASS_UPX, /* ELF packed with UPX */
	FILE_CLASS_ZIP,
	FILE_CLASS_JAR, /* ZIP with a manifest */
	FILE_CLASS_PYZ, /* ZIP that Python runs */
	FILE_CLASS_WASM,
	FILE_CLASS_SQUASHFS,
	_FILE_CLASS_MAX,
};

enum elf_linkage {
	ELF_LINKAGE_NONE, /* not an ELF file, or not looked at */
	ELF_LINKAGE_STATIC,
	ELF_LINKAGE_DYNAMIC, /* names an interpreter, which is the dynamic linker */
	ELF_LINKAGE_LIBRARY, /* a shared library, or the dynamic linker itself */
	_ELF_LINKAGE_MAX,
};

/* An ELF program that runs code it is pointed at; agent/inspector/runtime.h says how it is told. */
enum runtime {
	RUNTIME_NONE,
	RUNTIME_NODE,
	RUNTIME_BUN,
	RUNTIME_DENO,
	RUNTIME_ELECTRON,
	RUNTIME_PYTHON,
	RUNTIME_RUBY,
	RUNTIME_PERL,
	RUNTIME_PHP,
	RUNTIME_JAVA,
	RUNTIME_LUA,
	RUNTIME_SHELL,
	RUNTIME_LOADER, /* ld.so */
	_RUNTIME_MAX,
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
	uint64_t size;                         /* bytes */
	uint32_t class;                        /* enum file_class */
	uint32_t have;                         /* bits of enum facts_have */
	uint32_t linkage;                      /* enum elf_linkage */
	uint32_t runtime;                      /* enum runtime */
	uint64_t payload_offset, payload_size; /* what a container carries; inside the file */
	uint8_t sha256[SHA256_SIZE];
	char interpreter[FACTS_INTERPRETER_MAX + 1]; /* as the kernel reads it, without arguments */
	uint32_t n_packages;
	struct package packages[FACTS_PACKAGES_MAX];
};

/* Every enum in range, every string terminated and well-formed UTF-8, counts within bounds,
 * fields that are not there all zero. */
bool facts_valid(const struct facts *f);

/* Does the kernel run the file itself, rather than an interpreter for it? */
bool file_class_is_elf(enum file_class c);

const char *file_class_to_string(enum file_class c);     /* "elf" */
const char *elf_linkage_to_string(enum elf_linkage l);   /* "dynamic" */
const char *runtime_to_string(enum runtime r);           /* "node" */
const char *package_type_to_string(enum package_type t); /* purl's word: "npm" */
