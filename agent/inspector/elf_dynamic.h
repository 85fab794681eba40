/*
 * How an ELF program is linked, and which names it exports, imports and needs: the part of the file
 * that the dynamic linker itself goes by, so it cannot be edited away without breaking the program.
 * Few, small, bounded reads however large the file is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/inspector/elf.h"
#include "agent/inspector/view.h"

enum {
	ELF_SEGMENTS_MAX = 64,      /* program headers that are looked at */
	ELF_DYNAMIC_MAX = 512,      /* entries of the dynamic section */
	ELF_STRINGS_MAX = 64 << 10, /* bytes of its strings that are searched */
	ELF_NAME_MAX = 127,
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, size, address; /* offset and size lie inside the file */
};

struct elf_dynamic {
	struct elf elf;
	uint32_t n_segments;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	bool has_interpreter, has_dynamic;
	bool is_pie;                                /* by DF_1_PIE */
	uint64_t strings, n_strings;                /* offset and size inside the file; 0 if none */
	uint64_t symbols, gnu_hash;                 /* offsets; 0 if none */
	uint32_t n_buckets, first, n_blooms, shift; /* the head of gnu_hash */
	size_t n_text;
	uint8_t text[ELF_STRINGS_MAX]; /* the first n_text bytes of the strings */
};

/* Reads segments and dynamic section. What is damaged or past a limit counts as not there. */
void elf_dynamic_read(const struct view *v, const struct elf *e, struct elf_dynamic *ret);

/* Where in the file the bytes are that the program has at @address; 0 when nowhere. */
uint64_t elf_dynamic_place(const struct elf_dynamic *d, uint64_t address);

/* Does the program define @name for others? By DT_GNU_HASH, which every linker of this century
 * writes. */
bool elf_dynamic_exports(const struct view *v, const struct elf_dynamic *d, const char *name);

/* Do its dynamic strings (the first ELF_STRINGS_MAX bytes) hold one that begins with @prefix, with
 * nothing after it when @whole? Imported symbols, needed libraries and versions are among them. */
bool elf_dynamic_mentions(const struct elf_dynamic *d, const char *prefix, bool whole);
