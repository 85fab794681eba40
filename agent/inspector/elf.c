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
	size_t header_size, phentsize;
	size_t phoff, phoff_size, phentsize_at, phnum_at;
};

static const struct layout layouts[] = {
	{ sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), offsetof(Elf64_Ehdr, e_phoff), 8,
		offsetof(Elf64_Ehdr, e_phentsize), offsetof(Elf64_Ehdr, e_phnum) },
	{ sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr), offsetof(Elf32_Ehdr, e_phoff), 4,
		offsetof(Elf32_Ehdr, e_phentsize), offsetof(Elf32_Ehdr, e_phnum) },
};

static bool fits(const uint8_t *head, size_t n, uint64_t size, const struct layout *l, bool big)
{
	uint64_t type, phoff, phnum, bytes;

	if (n < l->header_size || n > size)
		return false;
	type = number(head + offsetof(Elf64_Ehdr, e_type), 2, big);
	phnum = number(head + l->phnum_at, 2, big);
	phoff = number(head + l->phoff, l->phoff_size, big);
	bytes = phnum * l->phentsize;
	return (type == ET_EXEC || type == ET_DYN) &&
		number(head + l->phentsize_at, 2, big) == l->phentsize && phnum > 0 &&
		phoff <= size && bytes <= size - phoff;
}

bool elf_is_program(const uint8_t *head, size_t n, uint64_t size)
{
	if (n < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (fits(head, n, size, &layouts[i], false) ||
			fits(head, n, size, &layouts[i], true))
			return true;
	return false;
}
