/*
 * Runs inside the inspector.
 */
#include "agent/inspector/container.h"

#include <elf.h>
#include <endian.h>
#include <string.h>

enum {
	SQUASHFS_HEADER = 96,
	SQUASHFS_MAJOR_AT = 28,
	SQUASHFS_BYTES_AT = 40,
	APPIMAGE_MARK_AT = 8,
	UPX_MARK_AT = 4,      /* in the loader's header */
	UPX_TRAILER_MAX = 36, /* the last bytes of the file, which hold its pack header */
};

static const uint8_t upx_mark[] = { 'U', 'P', 'X', '!' };

bool container_is_wasm(const uint8_t *head, size_t n)
{
	/* Version 1 is a module, 13 with layer 1 a component. */
	return n >= 8 && memcmp(head, "\0asm", 4) == 0 &&
		(memcmp(head + 4, "\1\0\0\0", 4) == 0 || memcmp(head + 4, "\15\0\1\0", 4) == 0);
}

bool container_find_squashfs(const struct view *v, uint64_t offset, struct range *ret)
{
	uint8_t raw[SQUASHFS_HEADER];
	uint64_t bytes;

	if (view_read(v, offset, raw, sizeof(raw)) < 0 || memcmp(raw, "hsqs", 4) != 0 ||
		raw[SQUASHFS_MAJOR_AT] != 4 || raw[SQUASHFS_MAJOR_AT + 1] != 0)
		return false;
	memcpy(&bytes, raw + SQUASHFS_BYTES_AT, sizeof(bytes));
	bytes = le64toh(bytes);
	if (bytes < sizeof(raw) || bytes > v->size - offset)
		return false;
	*ret = (struct range){ offset, bytes };
	return true;
}

bool container_is_appimage(const struct view *v, const struct elf *e, struct range *ret)
{
	const uint8_t *mark = v->head + APPIMAGE_MARK_AT;

	*ret = (struct range){ 0 };
	if (e->end > 0 && container_find_squashfs(v, e->end, ret))
		return true;
	return v->n_head >= EI_NIDENT && mark[0] == 'A' && mark[1] == 'I' &&
		(mark[2] == 1 || mark[2] == 2);
}

bool container_is_upx(const struct view *v, const struct elf *e)
{
	const size_t segment = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	const size_t n = v->n_tail < UPX_TRAILER_MAX ? v->n_tail : UPX_TRAILER_MAX;
	uint8_t mark[sizeof(upx_mark)];

	if (view_read(v, e->phoff + e->phnum * segment + UPX_MARK_AT, mark, sizeof(mark)) == 0 &&
		memcmp(mark, upx_mark, sizeof(mark)) == 0)
		return true;
	return n > 0 && memmem(v->tail + v->n_tail - n, n, upx_mark, sizeof(upx_mark));
}
