/*
 * The note is written by postject, so its name says nothing for sure; the blob's own magic number
 * does. Runs inside the inspector.
 */
#include "agent/inspector/sea.h"

#include <string.h>

#include "agent/inspector/notes.h"

enum { BLOB_MAGIC = 0x143da20 };

static bool is_blob(const struct view *v, const struct elf *e, const struct note *n)
{
	uint8_t magic[4];

	return strcmp(n->name, "NODE_SEA_BLOB") == 0 && n->content.size > sizeof(magic) &&
		view_read(v, n->content.offset, magic, sizeof(magic)) == 0 &&
		elf_number(e, magic, sizeof(magic)) == BLOB_MAGIC;
}

bool sea_find_blob(const struct view *v, const struct elf_dynamic *d, struct range *ret)
{
	struct notes notes;
	struct note note;

	notes_start(&notes, v, d);
	while (notes_next(&notes, &note))
		if (is_blob(v, &d->elf, &note)) {
			*ret = note.content;
			return true;
		}
	return false;
}
