/*
 * The note is written by postject, so its name says nothing for sure; the blob's own magic number
 * does. Notes may be larger than memory and are stepped over, not read. Runs inside the inspector.
 */
#include "agent/inspector/sea.h"

#include <elf.h>
#include <string.h>

static const char note_name[] = "NODE_SEA_BLOB";

enum {
	NOTES_MAX = 256, /* of one program; stock Node alone has some */
	BLOB_MAGIC = 0x143da20,
};

static uint64_t aligned(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

static bool is_blob(const struct view *v, const struct elf *e, uint64_t name, uint32_t n_name,
	uint64_t blob, uint32_t n_blob)
{
	uint8_t text[sizeof(note_name)], magic[4];

	return n_name == sizeof(note_name) && n_blob > sizeof(magic) &&
		view_read(v, name, text, sizeof(text)) == 0 &&
		memcmp(text, note_name, sizeof(text)) == 0 &&
		view_read(v, blob, magic, sizeof(magic)) == 0 &&
		elf_number(e, magic, 4) == BLOB_MAGIC;
}

static bool walk(const struct view *v, const struct elf *e, const struct elf_segment *s,
	unsigned *left, struct range *ret)
{
	const uint64_t end = s->offset + s->size;
	uint64_t at = s->offset;

	while (*left > 0 && end - at >= sizeof(Elf64_Nhdr)) {
		uint8_t header[sizeof(Elf64_Nhdr)];
		uint64_t name = at + sizeof(header), blob;
		uint32_t n_name, n_blob;

		--*left;
		if (view_read(v, at, header, sizeof(header)) < 0)
			return false;
		n_name = (uint32_t) elf_number(e, header, 4);
		n_blob = (uint32_t) elf_number(e, header + 4, 4);
		blob = name + aligned(n_name);
		if (blob > end || n_blob > end - blob)
			return false;
		if (is_blob(v, e, name, n_name, blob, n_blob)) {
			*ret = (struct range){ blob, n_blob };
			return true;
		}
		if (aligned(n_blob) > end - blob)
			return false;
		at = blob + aligned(n_blob);
	}
	return false;
}

bool sea_find_blob(const struct view *v, const struct elf_dynamic *d, struct range *ret)
{
	unsigned left = NOTES_MAX;

	for (uint32_t i = 0; i < d->n_segments; i++)
		if (d->segments[i].type == PT_NOTE && walk(v, &d->elf, &d->segments[i], &left, ret))
			return true;
	return false;
}
