/* An application found in the notes of an ELF program lies in the file, inside a segment of notes,
 * and begins with its magic number. The input is the notes, with or without a good one among them.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/sea.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60 << 10 };

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr notes;
	uint8_t bytes[];
};

static const uint8_t good[] = "\16\0\0\0\10\0\0\0\0\0\0\0NODE_SEA_BLOB\0\0\0\x20\xda\x43\1blob";

static void check(const uint8_t *before, size_t n_before, const uint8_t *after, size_t n_after)
{
	const size_t n = n_before + n_after, size = sizeof(struct program) + n;
	_cleanup_free_ struct program *p = calloc(1, size);
	struct view v = { .fd = -1, .size = size, .n_head = size, .n_tail = size };
	struct elf_dynamic dynamic;
	struct range blob;
	struct elf elf;

	if (!p)
		abort();
	p->header = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_phoff = sizeof(p->header),
		.e_phentsize = sizeof(p->notes),
		.e_phnum = 1 };
	p->notes = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = sizeof(*p), .p_filesz = n };
	memcpy(p->bytes, before, n_before);
	memcpy(p->bytes + n_before, after, n_after);
	v.head = v.tail = (const uint8_t *) p;
	if (!elf_parse(v.head, v.n_head, size, &elf))
		abort();
	elf_dynamic_read(&v, &elf, &dynamic);
	if (!sea_find_blob(&v, &dynamic, &blob))
		return;
	if (blob.size <= 4 || blob.offset < sizeof(*p) || blob.size > size ||
		blob.offset > size - blob.size ||
		memcmp(v.head + blob.offset, "\x20\xda\x43\1", 4) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t changed[sizeof(good) - 1];

	if (size == 0 || size > INPUT_MAX)
		return 0;
	check(data, size, good, 0);
	check(data, size, good, sizeof(good) - 1);
	check(good, sizeof(good) - 1, data, size);
	memcpy(changed, good, sizeof(changed));
	for (size_t i = 0; i < sizeof(changed) && i < size; i++)
		changed[i] ^= (uint8_t) (data[i] & data[size - 1 - i]);
	check(changed, sizeof(changed), data, size);
	return 0;
}
