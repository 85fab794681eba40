/*
 * Runs inside the inspector. An interpreter that is not UTF-8 cannot be told in facts; the file is
 * a script all the same.
 */
#include "agent/inspector/class.h"

#include <string.h>

#include "agent/inspector/bun.h"
#include "agent/inspector/container.h"
#include "agent/inspector/elf.h"
#include "agent/inspector/js.h"
#include "agent/inspector/runtime.h"
#include "agent/inspector/script.h"
#include "agent/inspector/sea.h"
#include "agent/inspector/zip.h"
#include "policy/base/text.h"

static void class_of_script(const struct script *s, struct facts *f)
{
	const size_t n = strlen(s->interpreter);

	f->class = js_is_run_by(s) ? FILE_CLASS_JS : FILE_CLASS_SCRIPT;
	if (text_utf8_valid(s->interpreter, n) &&
		text_copy(f->interpreter, sizeof(f->interpreter), s->interpreter) == 0)
		f->have |= FACTS_INTERPRETER;
}

void class_of(const uint8_t *head, size_t n, uint64_t size, struct facts *f)
{
	struct script script;

	if (elf_is_program(head, n, size))
		f->class = FILE_CLASS_ELF;
	else if (script_parse((const char *) head, n, &script) > 0)
		class_of_script(&script, f);
	else if (js_is_text((const char *) head, n))
		f->class = FILE_CLASS_JS;
	else if (container_is_wasm(head, n))
		f->class = FILE_CLASS_WASM;
	else
		f->class = FILE_CLASS_UNKNOWN;
}

bool class_wants_tail(const uint8_t *head, size_t n, const struct facts *f)
{
	if (f->class == FILE_CLASS_SCRIPT || f->class == FILE_CLASS_UNKNOWN)
		return zip_is_candidate(head, n) || (n >= 4 && memcmp(head, "hsqs", 4) == 0);
	return f->class == FILE_CLASS_ELF;
}

static enum elf_linkage linkage_of(const struct elf_dynamic *d)
{
	if (d->has_interpreter)
		return ELF_LINKAGE_DYNAMIC;
	return d->has_dynamic && !d->is_pie ? ELF_LINKAGE_LIBRARY : ELF_LINKAGE_STATIC;
}

static enum file_class class_of_elf(const struct view *v, const struct elf_dynamic *d,
	enum runtime runtime, struct range *payload)
{
	if (container_is_appimage(v, &d->elf, payload))
		return FILE_CLASS_APPIMAGE;
	if (bun_find_modules(v, d->elf.end, payload))
		return FILE_CLASS_BUN;
	if (sea_find_blob(v, d, payload))
		return FILE_CLASS_NODE_SEA;
	if (runtime == RUNTIME_ELECTRON)
		return FILE_CLASS_ELECTRON;
	return container_is_upx(v, &d->elf) ? FILE_CLASS_UPX : FILE_CLASS_ELF;
}

static void refine_elf(const struct view *v, struct facts *f, struct range *payload)
{
	struct elf_dynamic d;
	struct elf e;

	if (!elf_parse(v->head, v->n_head, v->size, &e))
		return;
	elf_dynamic_read(v, &e, &d);
	f->linkage = linkage_of(&d);
	f->runtime = runtime_of(v, &d);
	f->class = class_of_elf(v, &d, (enum runtime) f->runtime, payload);
	if (f->class == FILE_CLASS_BUN)
		f->runtime = RUNTIME_BUN;
}

/* Any jar may start with a script and any Python program in an archive, too. */
static enum file_class class_of_zip(const struct zip *z)
{
	if (z->has_main)
		return FILE_CLASS_PYZ;
	return z->has_manifest ? FILE_CLASS_JAR : FILE_CLASS_ZIP;
}

void class_refine(const struct view *v, struct facts *f)
{
	struct range payload = { 0 };
	struct zip z;

	if (f->class == FILE_CLASS_ELF) {
		refine_elf(v, f, &payload);
	} else if (f->class == FILE_CLASS_UNKNOWN && container_find_squashfs(v, 0, &payload)) {
		f->class = FILE_CLASS_SQUASHFS;
	} else if (zip_read(v, &z)) {
		f->class = class_of_zip(&z);
		payload = z.archive;
	}
	f->payload_offset = payload.offset;
	f->payload_size = payload.size;
}
