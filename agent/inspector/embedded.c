/*
 * Most programs have none of it but a build-id: for these, everything here is a few short reads.
 * Runs inside the inspector.
 */
#include "agent/inspector/embedded.h"

#include <elf.h>
#include <string.h>

#include "agent/inspector/appimage.h"
#include "agent/inspector/archive_package.h"
#include "agent/inspector/cargo_audit.h"
#include "agent/inspector/elf_section.h"
#include "agent/inspector/gobuild.h"
#include "agent/inspector/notes.h"
#include "policy/base/cleanup.h"

static void take_build_id(const struct view *v, const struct note *n, struct facts *f)
{
	const uint32_t size = n->content.size < BUILD_ID_MAX ? (uint32_t) n->content.size
							     : BUILD_ID_MAX;
	uint8_t id[BUILD_ID_MAX] = { 0 };

	if (f->n_build_id > 0 || size == 0 || view_read(v, n->content.offset, id, size) < 0)
		return;
	memcpy(f->build_id, id, sizeof(id));
	f->n_build_id = size;
	f->have |= FACTS_BUILD_ID;
}

/* Returns whether a note says that Go's linker was there. */
static bool read_notes(const struct view *v, const struct elf_dynamic *d, struct facts *f)
{
	struct notes notes;
	struct note n;
	bool is_go = false;

	notes_start(&notes, v, d);
	while (notes_next(&notes, &n)) {
		if (n.type == NT_GNU_BUILD_ID && strcmp(n.name, ELF_NOTE_GNU) == 0)
			take_build_id(v, &n, f);
		is_go |= strcmp(n.name, "Go") == 0;
	}
	return is_go;
}

static void add(struct facts *f, int r, const struct package *p)
{
	if (r < 0)
		f->have |= FACTS_PAYLOAD_REFUSED;
	else if (r > 0)
		facts_add_package(f, p);
}

/* Where Go's linker puts it when no section tells. */
static struct range data_segment(const struct elf_dynamic *d)
{
	for (uint32_t i = 0; i < d->n_segments; i++) {
		const struct elf_segment *s = &d->segments[i];

		if (s->type == PT_LOAD && (s->flags & (PF_W | PF_X)) == PF_W)
			return (struct range){ s->offset, s->size };
	}
	return (struct range){ 0 };
}

static void find_in_elf(const struct view *v, struct facts *f)
{
	static const char *const names[] = { ".go.buildinfo", ".dep-v0" };
	struct range go = { 0 }, places[ARRAY_SIZE(names)] = { 0 };
	struct elf_dynamic d;
	struct package p;
	struct elf e;

	if (!elf_parse(v->head, v->n_head, v->size, &e))
		return;
	elf_dynamic_read(v, &e, &d);
	if (read_notes(v, &d, f))
		go = data_segment(&d);
	if (elf_sections_find(v, &e, names, ARRAY_SIZE(names), places) && places[0].size > 0)
		go = places[0];
	if (go.size > 0)
		add(f, gobuild_read(v, &d, &go, &p), &p);
	if (places[1].size > 0)
		add(f, cargo_audit_read(v, &places[1], &p), &p);
}

void embedded_find(const struct view *v, struct facts *f)
{
	const struct range payload = { f->payload_offset, f->payload_size };
	struct package p;

	if (file_class_is_elf((enum file_class) f->class))
		find_in_elf(v, f);
	if (f->class == FILE_CLASS_APPIMAGE && payload.size > 0)
		add(f, appimage_read(v, &payload, &p), &p);
	if (f->class == FILE_CLASS_ZIP || f->class == FILE_CLASS_JAR || f->class == FILE_CLASS_PYZ)
		if (archive_packages_find(v, f) < 0)
			f->have |= FACTS_PAYLOAD_REFUSED;
}
