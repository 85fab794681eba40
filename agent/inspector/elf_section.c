/*
 * Runs inside the inspector.
 */
#include "agent/inspector/elf_section.h"

#include <elf.h>
#include <string.h>

#define AT(e, type, member) \
	((e)->is64 ? offsetof(Elf64_##type, member) : offsetof(Elf32_##type, member))

struct sections {
	const struct view *view;
	const struct elf *elf;
	size_t size; /* of one header */
	size_t n;
	uint8_t headers[ELF_SECTIONS_MAX * sizeof(Elf64_Shdr)];
	size_t n_names;
	char names[ELF_SECTION_NAMES_MAX];
};

/* A number as wide as an address. */
static uint64_t word(const struct elf *e, const uint8_t *p)
{
	return elf_number(e, p, e->is64 ? 8 : 4);
}

static struct range place_of(const struct sections *s, size_t i)
{
	const uint8_t *p = s->headers + i * s->size;
	const struct range r = { word(s->elf, p + AT(s->elf, Shdr, sh_offset)),
		word(s->elf, p + AT(s->elf, Shdr, sh_size)) };

	if (elf_number(s->elf, p + AT(s->elf, Shdr, sh_type), 4) == SHT_NOBITS ||
		r.offset > s->view->size || r.size > s->view->size - r.offset)
		return (struct range){ 0 };
	return r;
}

static bool read_sections(struct sections *s)
{
	const struct elf *e = s->elf;
	const uint8_t *head = s->view->head;
	uint64_t size, start, names;
	struct range r;

	if (e->end == 0)
		return false;
	s->size = e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	start = word(e, head + AT(e, Ehdr, e_shoff));
	size = elf_number(e, head + AT(e, Ehdr, e_shentsize), 2);
	s->n = (size_t) elf_number(e, head + AT(e, Ehdr, e_shnum), 2);
	names = elf_number(e, head + AT(e, Ehdr, e_shstrndx), 2);
	if (start == 0 || size != s->size || s->n > ELF_SECTIONS_MAX || names >= s->n ||
		view_read(s->view, start, s->headers, s->n * s->size) < 0)
		return false;
	r = place_of(s, (size_t) names);
	s->n_names = r.size < sizeof(s->names) ? (size_t) r.size : sizeof(s->names);
	return s->n_names > 0 && view_read(s->view, r.offset, s->names, s->n_names) == 0;
}

static bool is_named(const struct sections *s, size_t i, const char *name)
{
	const uint64_t at = elf_number(
		s->elf, s->headers + i * s->size + AT(s->elf, Shdr, sh_name), 4);
	const size_t n = strlen(name) + 1;

	return at < s->n_names && n <= s->n_names - at && memcmp(s->names + at, name, n) == 0;
}

bool elf_sections_find(const struct view *v, const struct elf *e, const char *const names[],
	size_t n, struct range ret[])
{
	struct sections s = { .view = v, .elf = e };

	if (!read_sections(&s))
		return false;
	for (size_t j = 0; j < n; j++) {
		ret[j] = (struct range){ 0 };
		for (size_t i = 0; i < s.n && ret[j].size == 0; i++)
			if (is_named(&s, i, names[j]))
				ret[j] = place_of(&s, i);
	}
	return true;
}
