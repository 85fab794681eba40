/*
 * The kernel looks at the magic number, type, and size and number of program headers, not at class
 * or byte order: a file that lies about those two still runs. So every layout is tried, and a file
 * is an ELF program when one of them fits. Runs inside the inspector.
 */
#include "agent/inspector/elf.h"

#include <elf.h>
#include <string.h>

static uint64_t number(const uint8_t *p, size_t n, bool big)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[big ? i : n - 1 - i];
	return v;
}

struct layout {
	size_t header_size, phentsize, word;
	size_t phoff, phentsize_at, phnum_at, shoff, shentsize_at, shnum_at;
};

static const struct layout layouts[] = {
	{ sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), 8, offsetof(Elf64_Ehdr, e_phoff),
		offsetof(Elf64_Ehdr, e_phentsize), offsetof(Elf64_Ehdr, e_phnum),
		offsetof(Elf64_Ehdr, e_shoff), offsetof(Elf64_Ehdr, e_shentsize),
		offsetof(Elf64_Ehdr, e_shnum) },
	{ sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr), 4, offsetof(Elf32_Ehdr, e_phoff),
		offsetof(Elf32_Ehdr, e_phentsize), offsetof(Elf32_Ehdr, e_phnum),
		offsetof(Elf32_Ehdr, e_shoff), offsetof(Elf32_Ehdr, e_shentsize),
		offsetof(Elf32_Ehdr, e_shnum) },
};

static bool fits(const uint8_t *head, size_t n, uint64_t size, const struct layout *l, bool big,
	struct elf *ret)
{
	struct elf e = { .is64 = l->word == 8, .big_endian = big };
	uint64_t bytes, shoff, sections;

	if (n < l->header_size || n > size)
		return false;
	e.type = (uint16_t) number(head + offsetof(Elf64_Ehdr, e_type), 2, big);
	e.phnum = number(head + l->phnum_at, 2, big);
	e.phoff = number(head + l->phoff, l->word, big);
	bytes = e.phnum * l->phentsize;
	if ((e.type != ET_EXEC && e.type != ET_DYN) ||
		number(head + l->phentsize_at, 2, big) != l->phentsize || e.phnum == 0 ||
		e.phoff > size || bytes > size - e.phoff)
		return false;
	shoff = number(head + l->shoff, l->word, big);
	sections = number(head + l->shnum_at, 2, big) * number(head + l->shentsize_at, 2, big);
	if (shoff <= size && sections <= size - shoff)
		e.end = shoff + sections;
	*ret = e;
	return true;
}

bool elf_parse(const uint8_t *head, size_t n, uint64_t size, struct elf *ret)
{
	if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (fits(head, n, size, &layouts[i], false, ret) ||
			fits(head, n, size, &layouts[i], true, ret))
			return true;
	return false;
}

bool elf_is_program(const uint8_t *head, size_t n, uint64_t size)
{
	struct elf e;

	return elf_parse(head, n, size, &e);
}

uint64_t elf_number(const struct elf *e, const uint8_t *p, size_t n)
{
	return number(p, n, e->big_endian);
}
