/*
 * ELF programs made by tests: segments and named sections with whatever bytes one likes.
 */
#pragma once

#include <elf.h>

#include "tests/support/seed_zip.h"

enum { SEED_SEGMENTS_MAX = 8, SEED_SECTIONS_MAX = 8 };

struct seed_elf {
	uint8_t *bytes; /* free() it */
	size_t n;
	char *names;
	size_t n_names;
	size_t n_segments, n_sections;
	Elf64_Phdr segments[SEED_SEGMENTS_MAX];
	Elf64_Shdr sections[SEED_SECTIONS_MAX + 2]; /* the first is nothing, the last the names */
};

static inline void seed_elf_init(struct seed_elf *e)
{
	const size_t room = sizeof(Elf64_Ehdr) + sizeof(e->segments);
	void *zeros = calloc(1, room);

	*e = (struct seed_elf){ .n_sections = 1 };
	seed_put(&e->bytes, &e->n, zeros, room);
	free(zeros);
	seed_put((uint8_t **) &e->names, &e->n_names, "", 1);
}

/* Bytes at an offset that is a multiple of 16, which is returned. */
static inline uint64_t seed_elf_bytes(struct seed_elf *e, const void *bytes, size_t n)
{
	uint64_t at;

	seed_number(&e->bytes, &e->n, 0, (16 - e->n % 16) % 16);
	at = e->n;
	seed_put(&e->bytes, &e->n, bytes, n);
	return at;
}

static inline void seed_elf_segment(
	struct seed_elf *e, uint32_t type, uint32_t flags, const void *bytes, size_t n)
{
	const uint64_t at = seed_elf_bytes(e, bytes, n);

	e->segments[e->n_segments++] = (Elf64_Phdr){ .p_type = type,
		.p_flags = flags,
		.p_offset = at,
		.p_vaddr = at,
		.p_filesz = n,
		.p_memsz = n };
}

static inline void seed_elf_section(
	struct seed_elf *e, const char *name, const void *bytes, size_t n)
{
	e->sections[e->n_sections++] = (Elf64_Shdr){ .sh_name = (uint32_t) e->n_names,
		.sh_type = SHT_PROGBITS,
		.sh_offset = seed_elf_bytes(e, bytes, n),
		.sh_size = n };
	seed_put((uint8_t **) &e->names, &e->n_names, name, strlen(name) + 1);
}

/* One note, as bytes for a segment. */
static inline void seed_note(uint8_t **p, size_t *n, uint32_t type, const char *name,
	const void *content, size_t n_content)
{
	const size_t n_name = strlen(name) + 1;

	seed_number(p, n, n_name, 4);
	seed_number(p, n, n_content, 4);
	seed_number(p, n, type, 4);
	seed_put(p, n, name, n_name);
	seed_number(p, n, 0, -n_name % 4);
	seed_put(p, n, content, n_content);
	seed_number(p, n, 0, -n_content % 4);
}

/* Makes e->bytes a program. */
static inline void seed_elf_end(struct seed_elf *e)
{
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_phoff = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = SEED_SEGMENTS_MAX,
		.e_shentsize = sizeof(Elf64_Shdr) };

	if (e->n_sections > 1) {
		seed_elf_section(e, ".shstrtab", "", 0);
		e->sections[e->n_sections - 1].sh_offset = seed_elf_bytes(e, e->names, e->n_names);
		e->sections[e->n_sections - 1].sh_size = e->n_names;
		h.e_shoff = seed_elf_bytes(e, e->sections, e->n_sections * sizeof(e->sections[0]));
		h.e_shnum = (uint16_t) e->n_sections;
		h.e_shstrndx = (uint16_t) (e->n_sections - 1);
	}
	memcpy(e->bytes, &h, sizeof(h));
	memcpy(e->bytes + sizeof(h), e->segments, sizeof(e->segments));
}

static inline void seed_elf_done(struct seed_elf *e)
{
	free(e->bytes);
	free(e->names);
	*e = (struct seed_elf){ 0 };
}

/* ---- what toolchains put into programs ---- */

static inline void seed_varint(uint8_t **p, size_t *n, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		seed_number(p, n, (v & 0x7f) | 0x80, 1);
	seed_number(p, n, v, 1);
}

/* Go's build information with this text. */
static inline void seed_go(uint8_t **p, size_t *n, const char *text)
{
	static const char guard[] = "0w\xaf\x0c\x92t\x08\x02"
				    "A\xe1\xc1\x07\xe6\xd6\x18\xe6";

	seed_put(p, n, "\xff Go buildinf:\x08\x02", 16);
	seed_number(p, n, 0, 16);
	seed_varint(p, n, 8);
	seed_put(p, n, "go1.22.5", 8);
	seed_varint(p, n, strlen(text) + 32);
	seed_put(p, n, guard, 16);
	seed_put(p, n, text, strlen(text));
	seed_put(p, n,
		"\xf9"
		"2C1\x86\x18 r\x00\x82"
		"B\x10"
		"A\x16\xd8\xf2",
		16);
}

/* cargo-auditable's section. */
static inline void seed_cargo(uint8_t **p, size_t *n, const void *text, size_t n_text)
{
	uLongf size = compressBound(n_text);
	uint8_t *packed = malloc(size);

	if (!packed || compress(packed, &size, text, n_text) != Z_OK)
		abort();
	seed_put(p, n, packed, size);
	free(packed);
}
