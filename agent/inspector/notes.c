/*
 * Runs inside the inspector.
 */
#include "agent/inspector/notes.h"

#include <elf.h>
#include <string.h>

static uint64_t aligned(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

void notes_start(struct notes *n, const struct view *v, const struct elf_dynamic *d)
{
	*n = (struct notes){ .view = v, .elf = d };
}

/* Reads the note at n->at of @s and steps over it, past the end if that is how large it is. */
static bool read_note(struct notes *n, const struct elf_segment *s, struct note *ret)
{
	uint8_t raw[sizeof(Elf64_Nhdr)];
	const uint64_t name = n->at + sizeof(raw);
	uint64_t content, n_name, n_content;

	if (n->at > s->size || s->size - n->at < sizeof(raw) ||
		view_read(n->view, s->offset + n->at, raw, sizeof(raw)) < 0)
		return false;
	n_name = elf_number(&n->elf->elf, raw, 4);
	n_content = elf_number(&n->elf->elf, raw + 4, 4);
	content = name + aligned(n_name);
	if (content > s->size || n_content > s->size - content)
		return false;
	*ret = (struct note){ .type = (uint32_t) elf_number(&n->elf->elf, raw + 8, 4),
		.content = { s->offset + content, n_content } };
	if (n_name > 0 && n_name <= sizeof(ret->name) &&
		(view_read(n->view, s->offset + name, ret->name, (size_t) n_name) < 0 ||
			ret->name[n_name - 1] != '\0'))
		ret->name[0] = '\0';
	n->at = content + aligned(n_content);
	return true;
}

bool notes_next(struct notes *n, struct note *ret)
{
	for (; n->segment < n->elf->n_segments; n->segment++, n->at = 0) {
		const struct elf_segment *s = &n->elf->segments[n->segment];

		if (s->type != PT_NOTE)
			continue;
		if (n->n_seen++ == NOTES_MAX)
			return false;
		if (read_note(n, s, ret))
			return true;
	}
	return false;
}
