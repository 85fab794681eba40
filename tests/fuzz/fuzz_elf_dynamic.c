/* The input is segments, dynamic section, hash table, symbols, strings and notes of an ELF program:
 * all that is taken from it lies inside the file. Runs on the input behind good headers, and over a
 * small program that exports a name. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/runtime.h"
#include "agent/inspector/sea.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 10 };

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Dyn dynamic[6];
	struct {
		uint32_t n_buckets, first, n_blooms, shift;
		uint64_t bloom;
		uint32_t bucket, chain;
	} hash;
	Elf64_Sym symbols[2];
	char strings[24];
	struct {
		Elf64_Nhdr header;
		char name[16];
		uint32_t magic, rest;
	} note;
};

static void check(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct elf_dynamic *d = malloc(sizeof(*d));
	const struct view v = { .fd = -1, .size = size, .head = data, .n_head = size };
	struct range blob = { 0 };
	struct elf e;

	if (!d)
		abort();
	if (!elf_parse(data, size, size, &e))
		return;
	if (e.phoff > size || e.end > size)
		abort();
	elf_dynamic_read(&v, &e, d);
	if (d->n_segments > ELF_SEGMENTS_MAX || d->n_text > ELF_STRINGS_MAX ||
		d->n_text > d->n_strings || d->strings > size || d->n_strings > size - d->strings)
		abort();
	for (uint32_t i = 0; i < d->n_segments; i++)
		if (d->segments[i].offset > size ||
			d->segments[i].size > size - d->segments[i].offset)
			abort();
	if (elf_dynamic_exports(&v, d, "perl_run") && !memmem(data, size, "perl_run", 9))
		abort();
	if (runtime_of(&v, d) >= _RUNTIME_MAX)
		abort();
	if (sea_find_blob(&v, d, &blob) && (blob.size > size || blob.offset > size - blob.size))
		abort();
}

#define AT(member) offsetof(struct program, member)

static void build(struct program *p)
{
	*p = (struct program){
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
			.e_type = ET_DYN,
			.e_phoff = AT(segments),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3 },
		.segments = { { .p_type = PT_LOAD, .p_filesz = sizeof(*p) },
			{ .p_type = PT_DYNAMIC,
				.p_offset = AT(dynamic),
				.p_filesz = sizeof(p->dynamic) },
			{ .p_type = PT_NOTE, .p_offset = AT(note), .p_filesz = sizeof(p->note) } },
		.dynamic = { { DT_STRTAB, { AT(strings) } }, { DT_STRSZ, { sizeof(p->strings) } },
			{ DT_SYMTAB, { AT(symbols) } }, { DT_GNU_HASH, { AT(hash) } },
			{ DT_FLAGS_1, { DF_1_PIE } } },
		.hash = { 1, 1, 1, 0, UINT64_MAX, 1, 0 },
		.symbols = { { 0 }, { .st_name = 1, .st_shndx = 1 } },
		.strings = "\0perl_run",
		.note = { { 14, 8, 0 }, "NODE_SEA_BLOB", 0x143da20, 0 },
	};
	p->hash.chain = 1; /* the end of the chain; its other bits are the name's hash */
	for (uint32_t h = 5381, i = 1;; h = h * 33 + (unsigned char) p->strings[i++])
		if (!p->strings[i]) {
			p->hash.chain |= h;
			return;
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program p;
	uint8_t *bytes = (uint8_t *) &p;
	struct elf_dynamic *d = malloc(sizeof(*d));
	const struct view v = { .fd = -1, .size = sizeof(p), .head = bytes, .n_head = sizeof(p) };
	struct range blob;
	struct elf e;

	build(&p);
	if (!d || !elf_parse(bytes, sizeof(p), sizeof(p), &e))
		abort();
	elf_dynamic_read(&v, &e, d);
	if (!elf_dynamic_exports(&v, d, "perl_run") || elf_dynamic_exports(&v, d, "perl_ru") ||
		!d->is_pie || !sea_find_blob(&v, d, &blob) || blob.size != 8)
		abort();
	free(d);
	if (size > INPUT_MAX)
		return 0;
	check(data, size);
	for (size_t i = 0; i < sizeof(p) && i < size; i++)
		bytes[i] ^= (uint8_t) (data[i] ^ 'a');
	check(bytes, sizeof(p));
	return 0;
}
