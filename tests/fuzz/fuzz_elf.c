/* What counts as an ELF program has a type and program headers that lie inside the file. Runs on
 * the input as it is, and on the input laid over a good header. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/class.h"
#include "agent/inspector/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *head, size_t n, uint64_t size)
{
	struct facts f = { .size = size };
	const bool is = elf_is_program(head, n, size);

	if (is &&
		(n < sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0 ||
			size < sizeof(Elf32_Phdr)))
		abort();
	if (is && n > sizeof(Elf32_Ehdr) && elf_is_program(head, n, n - 1))
		abort();
	class_of(head, n, size, &f);
	if (!facts_valid(&f) || (f.class == FILE_CLASS_ELF) != is)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Elf64_Ehdr good = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_DYN,
		.e_phoff = 64,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1 };
	uint8_t *bytes = (uint8_t *) &good;

	check(data, size < CLASS_HEAD_SIZE ? size : CLASS_HEAD_SIZE, size);
	for (size_t i = 0; i < sizeof(good) && i < size; i++)
		bytes[i] ^= (uint8_t) (data[i] ^ 'a');
	check(bytes, sizeof(good), sizeof(good) + size);
	return 0;
}
