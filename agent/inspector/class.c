/*
 * Runs inside the inspector. An interpreter that is not UTF-8 cannot be told in facts; the file is
 * a script all the same.
 */
#include "agent/inspector/class.h"

#include <string.h>

#include "agent/inspector/elf.h"
#include "agent/inspector/js.h"
#include "agent/inspector/script.h"
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
	else
		f->class = FILE_CLASS_UNKNOWN;
}
