/*
 * Sections of an ELF program, by name. A kernel does not need them and strip(1) may have taken them
 * away: what is found by them is a hint.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/elf.h"
#include "agent/inspector/range.h"
#include "agent/inspector/view.h"

enum {
	ELF_SECTIONS_MAX = 256,           /* more, and none is found */
	ELF_SECTION_NAMES_MAX = 16 << 10, /* bytes of their names that are read */
};

/* Looks for the sections called names[0] to names[n-1] of a file
 * that elf_parse() took; ret[i] is where names[i] lies, or of size 0. False when the file has no
 * list of sections, or one past the limits. */
bool elf_sections_find(const struct view *v, const struct elf *e, const char *const names[],
	size_t n, struct range ret[]);
