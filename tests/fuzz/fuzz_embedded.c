/* Notes, sections, Go's and Rust's build information of an ELF program: what is found lies inside
 * the file and makes valid facts. Runs on the input as it is, as each of these parts, and over a
 * small program that has them all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/cargo_audit.h"
#include "agent/inspector/elf_section.h"
#include "agent/inspector/embedded.h"
#include "agent/inspector/gobuild.h"
#include "agent/inspector/notes.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 10 };

static const char module[] = "path\tx.com/a\nmod\tx.com/a\tv1.2.3\th1:x=\n";
static const char list[] = "{\"packages\":[{\"name\":\"b\",\"version\":\"1.0.0\",\"root\":true}]}";

static void check_place(const struct range *r, size_t n)
{
	if (r->offset > n || r->size > n - r->offset)
		abort();
}

static void check(const uint8_t *p, size_t n)
{
	static const char *const names[] = { ".go.buildinfo", ".dep-v0", "" };
	const struct view v = {
		.fd = -1, .size = n, .head = p, .n_head = n, .tail = p, .n_tail = n
	};
	_cleanup_free_ struct elf_dynamic *d = malloc(sizeof(*d));
	struct facts f = { .size = n, .class = FILE_CLASS_ELF };
	struct range places[ARRAY_SIZE(names)];
	struct notes notes;
	struct note note;
	struct elf e;
	size_t n_notes = 0;

	if (!d)
		abort();
	embedded_find(&v, &f);
	if (!facts_valid(&f))
		abort();
	if (!elf_parse(p, n, n, &e))
		return;
	elf_dynamic_read(&v, &e, d);
	notes_start(&notes, &v, d);
	while (notes_next(&notes, &note)) {
		check_place(&note.content, n);
		if (++n_notes > NOTES_MAX || strlen(note.name) > NOTE_NAME_MAX)
			abort();
	}
	if (elf_sections_find(&v, &e, names, ARRAY_SIZE(names), places))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			check_place(&places[i], n);
}

/* A program with these bytes for its notes, Go's and Rust's part. */
static void build(struct seed_elf *e, const uint8_t *note, size_t n_note, const uint8_t *go,
	size_t n_go, const uint8_t *cargo, size_t n_cargo)
{
	seed_elf_init(e);
	seed_elf_segment(e, PT_NOTE, PF_R, note, n_note);
	seed_elf_segment(e, PT_LOAD, PF_R | PF_W, go, n_go);
	seed_elf_section(e, ".go.buildinfo", go, n_go);
	seed_elf_section(e, ".dep-v0", cargo, n_cargo);
	seed_elf_end(e);
}

/* The texts themselves, whatever packs them. */
static void check_texts(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_free_ uint8_t *go = NULL, *cargo = NULL;
	size_t n_go = 0, n_cargo = 0;
	struct seed_elf e;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	seed_go(&go, &n_go, text);
	seed_cargo(&cargo, &n_cargo, data, size);
	build(&e, data, size, go, n_go, cargo, n_cargo);
	check(e.bytes, e.n);
	seed_elf_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *note = NULL, *go = NULL, *cargo = NULL;
	size_t n_note = 0, n_go = 0, n_cargo = 0;
	struct facts f = { .class = FILE_CLASS_ELF };
	struct seed_elf e;

	if (size > INPUT_MAX)
		return 0;
	seed_note(&note, &n_note, NT_GNU_BUILD_ID, "GNU", "0123456789", 10);
	seed_go(&go, &n_go, module);
	seed_cargo(&cargo, &n_cargo, list, sizeof(list) - 1);
	build(&e, note, n_note, go, n_go, cargo, n_cargo);
	const struct view v = { .fd = -1,
		.size = e.n,
		.head = e.bytes,
		.n_head = e.n,
		.tail = e.bytes,
		.n_tail = e.n };

	embedded_find(&v, &f);
	if (f.n_packages != 2 || f.n_build_id != 10)
		abort();
	for (size_t i = 0; i < size && i < e.n; i++)
		e.bytes[i] ^= (uint8_t) (data[i] ^ 'a');
	check(e.bytes, e.n);
	for (size_t i = 0; i < size && i < e.n; i++) /* and from its end, where the sections are */
		e.bytes[e.n - 1 - i] ^= (uint8_t) (data[i] ^ 'a');
	check(e.bytes, e.n);
	seed_elf_done(&e);

	build(&e, data, size, data, size, data, size);
	check(e.bytes, e.n);
	seed_elf_done(&e);
	n_go = 0; /* what Go wrote before 1.18: addresses */
	seed_put(&go, &n_go, "\xff Go buildinf:\x08", 15);
	seed_put(&go, &n_go, data, size);
	build(&e, note, n_note, go, n_go, cargo, n_cargo);
	check(e.bytes, e.n);
	seed_elf_done(&e);
	check(data, size);
	check_texts(data, size);
	return 0;
}
