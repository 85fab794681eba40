/* Whatever a file holds, head, tail and the reads in between lead to valid facts, with a payload
 * inside the file. Runs on the input as it is, and on the input as an archive's directory, a Bun
 * trailer, an AppImage, a squashfs and WebAssembly. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/class.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 10 };

static void check(const uint8_t *data, size_t n, uint64_t size)
{
	struct facts f = { .size = size };
	struct view v = { .fd = -1, .size = size, .head = data, .n_head = n, .n_tail = n };

	if (v.n_head > CLASS_HEAD_SIZE)
		v.n_head = CLASS_HEAD_SIZE;
	if (v.n_tail > CLASS_TAIL_SIZE)
		v.n_tail = CLASS_TAIL_SIZE;
	v.tail = data + n - v.n_tail;
	class_of(v.head, v.n_head, size, &f);
	class_refine(&v, &f);
	if (!facts_valid(&f) || f.payload_size > size || f.payload_offset > size - f.payload_size)
		abort();
}

/* @data between @before and @after. */
static void check_wrapped(const uint8_t *data, size_t n, const void *before, size_t n_before,
	const void *after, size_t n_after)
{
	_cleanup_free_ uint8_t *all = malloc(n_before + n + n_after + 1);

	if (!all)
		abort();
	memcpy(all, before, n_before);
	if (n > 0)
		memcpy(all + n_before, data, n);
	memcpy(all + n_before + n, after, n_after);
	check(all, n_before + n + n_after, n_before + n + n_after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char bun[] = "\n---- Bun! ----\n", end[] = "PK\5\6\0\0\0\0\1\0\1\0";
	Elf64_Ehdr elf = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1, 0, 'A',
				   'I', 2 },
		.e_type = ET_EXEC,
		.e_phoff = sizeof(elf),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shoff = sizeof(elf) + sizeof(Elf64_Phdr) };
	const size_t half = size / 2;

	if (size > INPUT_MAX)
		return 0;
	check(data, size, size);
	check(data, half, size); /* the rest cannot be read */
	check_wrapped(data, size, &elf, sizeof(elf), bun, sizeof(bun) - 1);
	check_wrapped(data, size, "PK\3\4", 4, end, sizeof(end) - 1);
	if (size >= 10) { /* an end whose numbers are the input's */
		check_wrapped(data + 10, size - 10, "PK\3\4", 4, data, 10);
		check_wrapped(data, size, "#!/bin/sh\nPK\3\4", 14, end, sizeof(end) - 1);
	}
	check_wrapped(data, size, "hsqs", 4, "", 0);
	check_wrapped(data, size, "\0asm\1\0\0", 8, "", 0);
	return 0;
}
