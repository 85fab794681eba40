/*
 * Runs inside the inspector.
 */
#include "agent/inspector/runtime.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"

/* A program that imports more than a launcher does only embeds the interpreter. */
static bool uses(const struct view *v, const struct elf_dynamic *d, const char *name)
{
	return elf_dynamic_exports(v, d, name) ||
		(d->n_strings <= RUNTIME_LAUNCHER_STRINGS_MAX &&
			elf_dynamic_mentions(d, name, true));
}

static enum runtime javascript(const struct view *v, const struct elf_dynamic *d)
{
	if (!elf_dynamic_exports(v, d, "napi_create_function"))
		return RUNTIME_NONE;
	if (elf_dynamic_mentions(d, "BUN_1.", false))
		return RUNTIME_BUN;
	if (!elf_dynamic_exports(v, d, "node_module_register"))
		return RUNTIME_DENO;
	return elf_dynamic_mentions(d, "libffmpeg.so", true) ? RUNTIME_ELECTRON : RUNTIME_NODE;
}

/* Where the linker gathered constants: the read-only segment behind the code; where there is none,
 * they lie with the code. */
static const struct elf_segment *constants(const struct elf_dynamic *d)
{
	const struct elf_segment *code = NULL;

	for (uint32_t i = 0; i < d->n_segments; i++) {
		const struct elf_segment *s = &d->segments[i];

		if (s->type != PT_LOAD || (s->flags & PF_W))
			continue;
		if (s->flags & PF_X)
			code = s;
		else if (code)
			return s;
	}
	return code;
}

static bool constants_hold(const struct view *v, const struct elf_dynamic *d,
	const char *const words[], size_t n_words)
{
	const struct elf_segment *s = constants(d);
	_cleanup_free_ uint8_t *bytes = NULL;

	if (!s || s->size == 0 || s->size > RUNTIME_CONSTANTS_MAX)
		return false;
	bytes = malloc((size_t) s->size);
	if (!bytes || view_read(v, s->offset, bytes, (size_t) s->size) < 0)
		return false;
	for (size_t i = 0; i < n_words; i++)
		if (!memmem(bytes, (size_t) s->size, words[i], strlen(words[i])))
			return false;
	return true;
}

static bool is_shell(const struct view *v, const struct elf_dynamic *d)
{
	static const char *const words[] = { "OPTIND", "getopts", "PS4", "unalias" };

	return constants_hold(v, d, words, ARRAY_SIZE(words));
}

static bool is_lua(const struct view *v, const struct elf_dynamic *d)
{
	static const char *const words[] = { "LUA_INIT" };

	return uses(v, d, "luaL_openlibs") && constants_hold(v, d, words, ARRAY_SIZE(words));
}

static bool is_loader(const struct view *v, const struct elf_dynamic *d)
{
	return elf_dynamic_exports(v, d, "_rtld_global") || elf_dynamic_exports(v, d, "__dls3");
}

static const struct {
	enum runtime runtime;
	const char *symbols[2]; /* all of them */
} by_symbol[] = {
	{ RUNTIME_PYTHON, { "Py_BytesMain" } },
	{ RUNTIME_PYTHON, { "Py_Main" } },
	{ RUNTIME_PERL, { "perl_run", "perl_parse" } },
	{ RUNTIME_RUBY, { "ruby_run_node" } },
	{ RUNTIME_PHP, { "php_execute_script" } },
	{ RUNTIME_JAVA, { "JLI_Launch" } },
};

static enum runtime linked(const struct view *v, const struct elf_dynamic *d)
{
	enum runtime js = javascript(v, d);

	if (js != RUNTIME_NONE)
		return js;
	for (size_t i = 0; i < ARRAY_SIZE(by_symbol); i++)
		if (uses(v, d, by_symbol[i].symbols[0]) &&
			(!by_symbol[i].symbols[1] || uses(v, d, by_symbol[i].symbols[1])))
			return by_symbol[i].runtime;
	return is_lua(v, d) ? RUNTIME_LUA : RUNTIME_NONE;
}

enum runtime runtime_of(const struct view *v, const struct elf_dynamic *d)
{
	enum runtime r = RUNTIME_NONE;

	if (!d->has_interpreter && d->has_dynamic && !d->is_pie)
		return is_loader(v, d) ? RUNTIME_LOADER : RUNTIME_NONE;
	if (d->has_interpreter)
		r = linked(v, d);
	return r == RUNTIME_NONE && is_shell(v, d) ? RUNTIME_SHELL : r;
}
