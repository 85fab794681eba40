/*
 * Runs inside the inspector. Every number comes from the file: each sum is checked against its size
 * before use, each loop has a limit of its own.
 */
#include "agent/inspector/elf_dynamic.h"

#include <elf.h>
#include <string.h>

enum {
	CHAIN_MAX = 4096, /* steps along one bucket's chain */
	GNU_HASH_HEADER = 16,
};

static uint64_t field(const struct elf *e, const uint8_t *p, size_t at64, size_t at32)
{
	return e->is64 ? elf_number(e, p + at64, 8) : elf_number(e, p + at32, 4);
}

static void read_segments(const struct view *v, struct elf_dynamic *d)
{
	const struct elf *e = &d->elf;
	const size_t size = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint8_t raw[ELF_SEGMENTS_MAX * sizeof(Elf64_Phdr)];
	size_t n = e->phnum < ELF_SEGMENTS_MAX ? (size_t) e->phnum : ELF_SEGMENTS_MAX;

	if (view_read(v, e->phoff, raw, n * size) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = raw + i * size;
		struct elf_segment s = {
			.type = (uint32_t) elf_number(e, p, 4),
			.flags = (uint32_t) elf_number(e,
				p +
					(e->is64 ? offsetof(Elf64_Phdr, p_flags)
						 : offsetof(Elf32_Phdr, p_flags)),
				4),
			.offset = field(e, p, offsetof(Elf64_Phdr, p_offset),
				offsetof(Elf32_Phdr, p_offset)),
			.size = field(e, p, offsetof(Elf64_Phdr, p_filesz),
				offsetof(Elf32_Phdr, p_filesz)),
			.address = field(
				e, p, offsetof(Elf64_Phdr, p_vaddr), offsetof(Elf32_Phdr, p_vaddr)),
		};

		if (s.offset > v->size)
			continue;
		if (s.size > v->size - s.offset)
			s.size = v->size - s.offset;
		d->has_interpreter |= s.type == PT_INTERP;
		d->segments[d->n_segments++] = s;
	}
}

uint64_t elf_dynamic_place(const struct elf_dynamic *d, uint64_t address)
{
	for (uint32_t i = 0; i < d->n_segments; i++) {
		const struct elf_segment *s = &d->segments[i];

		if (s->type == PT_LOAD && address >= s->address && address - s->address < s->size)
			return s->offset + (address - s->address);
	}
	return 0;
}

static void take_entry(struct elf_dynamic *d, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_STRTAB:
		d->strings = elf_dynamic_place(d, value);
		return;
	case DT_STRSZ:
		d->n_strings = value;
		return;
	case DT_SYMTAB:
		d->symbols = elf_dynamic_place(d, value);
		return;
	case DT_GNU_HASH:
		d->gnu_hash = elf_dynamic_place(d, value);
		return;
	case DT_FLAGS_1:
		d->is_pie = value & DF_1_PIE;
		return;
	default:
		return;
	}
}

static void read_entries(const struct view *v, const struct elf_segment *s, struct elf_dynamic *d)
{
	const size_t word = d->elf.is64 ? 8 : 4;
	uint8_t raw[ELF_DYNAMIC_MAX * sizeof(Elf64_Dyn)];
	uint64_t n = s->size / (2 * word);

	if (n > ELF_DYNAMIC_MAX)
		n = ELF_DYNAMIC_MAX;
	if (view_read(v, s->offset, raw, (size_t) n * 2 * word) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = raw + i * 2 * word;
		uint64_t tag = elf_number(&d->elf, p, word);

		if (tag == DT_NULL)
			break;
		take_entry(d, tag, elf_number(&d->elf, p + word, word));
	}
}

static void read_hash_header(const struct view *v, struct elf_dynamic *d)
{
	uint8_t raw[GNU_HASH_HEADER];

	if (!d->gnu_hash || !d->symbols || !d->strings ||
		view_read(v, d->gnu_hash, raw, sizeof(raw)) < 0) {
		d->gnu_hash = 0;
		return;
	}
	d->n_buckets = (uint32_t) elf_number(&d->elf, raw, 4);
	d->first = (uint32_t) elf_number(&d->elf, raw + 4, 4);
	d->n_blooms = (uint32_t) elf_number(&d->elf, raw + 8, 4);
	d->shift = (uint32_t) elf_number(&d->elf, raw + 12, 4);
	if (d->n_buckets == 0 || d->n_blooms == 0 || (d->n_blooms & (d->n_blooms - 1)) ||
		d->shift > 31)
		d->gnu_hash = 0;
}

void elf_dynamic_read(const struct view *v, const struct elf *e, struct elf_dynamic *ret)
{
	const struct elf_segment *dynamic = NULL;

	*ret = (struct elf_dynamic){ .elf = *e };
	read_segments(v, ret);
	for (uint32_t i = 0; i < ret->n_segments && !dynamic; i++)
		if (ret->segments[i].type == PT_DYNAMIC)
			dynamic = &ret->segments[i];
	if (!dynamic)
		return;
	ret->has_dynamic = true;
	read_entries(v, dynamic, ret);
	if (!ret->strings || ret->n_strings > v->size - ret->strings)
		ret->strings = ret->n_strings = 0;
	ret->n_text = ret->n_strings < ELF_STRINGS_MAX ? (size_t) ret->n_strings : ELF_STRINGS_MAX;
	if (view_read(v, ret->strings, ret->text, ret->n_text) < 0)
		ret->n_text = 0;
	read_hash_header(v, ret);
}

static uint32_t hash_of(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char) *name;
	return h;
}

static bool bloom_admits(const struct view *v, const struct elf_dynamic *d, uint32_t hash)
{
	const uint32_t bits = d->elf.is64 ? 64 : 32, bytes = bits / 8;
	uint8_t raw[8];
	uint64_t word;

	if (view_read(v,
		    d->gnu_hash + GNU_HASH_HEADER + (uint64_t) (hash / bits % d->n_blooms) * bytes,
		    raw, bytes) < 0)
		return false;
	word = elf_number(&d->elf, raw, bytes);
	return word >> hash % bits & word >> (hash >> d->shift) % bits & 1;
}

static bool symbol_is(const struct view *v, const struct elf_dynamic *d, uint64_t index,
	const char *name, size_t n)
{
	const size_t size = d->elf.is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	uint8_t raw[sizeof(Elf64_Sym)], text[ELF_NAME_MAX + 1];
	uint64_t at;

	if (view_read(v, d->symbols + index * size, raw, size) < 0)
		return false;
	at = elf_number(&d->elf, raw, 4);
	if (elf_number(&d->elf,
		    raw +
			    (d->elf.is64 ? offsetof(Elf64_Sym, st_shndx)
					 : offsetof(Elf32_Sym, st_shndx)),
		    2) == SHN_UNDEF)
		return false;
	return at < d->n_strings && n < d->n_strings - at &&
		view_read(v, d->strings + at, text, n + 1) == 0 && memcmp(text, name, n + 1) == 0;
}

/* The chain's hashes lie one after the other, in the order of the symbols. */
static bool chain_has(const struct view *v, const struct elf_dynamic *d, uint64_t chains,
	uint32_t index, uint32_t hash, const char *name)
{
	const size_t n = strlen(name);

	for (uint32_t i = 0; i < CHAIN_MAX; i++, index++) {
		uint8_t raw[4];
		uint32_t h;

		if (view_read(v, chains + (uint64_t) (index - d->first) * 4, raw, 4) < 0)
			return false;
		h = (uint32_t) elf_number(&d->elf, raw, 4);
		if ((h | 1) == (hash | 1) && symbol_is(v, d, index, name, n))
			return true;
		if (h & 1 || index == UINT32_MAX)
			return false;
	}
	return false;
}

bool elf_dynamic_exports(const struct view *v, const struct elf_dynamic *d, const char *name)
{
	const uint32_t hash = hash_of(name);
	uint64_t buckets;
	uint8_t raw[4];
	uint32_t index;

	if (!d->gnu_hash || strlen(name) > ELF_NAME_MAX || !bloom_admits(v, d, hash))
		return false;
	buckets = d->gnu_hash + GNU_HASH_HEADER + (uint64_t) d->n_blooms * (d->elf.is64 ? 8 : 4);
	if (view_read(v, buckets + (uint64_t) (hash % d->n_buckets) * 4, raw, 4) < 0)
		return false;
	index = (uint32_t) elf_number(&d->elf, raw, 4);
	return index >= d->first && index > 0 &&
		chain_has(v, d, buckets + (uint64_t) d->n_buckets * 4, index, hash, name);
}

bool elf_dynamic_mentions(const struct elf_dynamic *d, const char *prefix, bool whole)
{
	const size_t n = strlen(prefix);
	const uint8_t *p = d->text, *end = d->text + d->n_text;

	while ((p = memmem(p, (size_t) (end - p), prefix, n))) {
		if (p > d->text && p[-1] == '\0' && (!whole || (p + n < end && p[n] == '\0')))
			return true;
		p++;
	}
	return false;
}
