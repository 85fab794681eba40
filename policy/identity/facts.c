#include "policy/identity/facts.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

static bool string_valid(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == size)
		return false;
	for (size_t i = n; i < size; i++)
		if (s[i])
			return false;
	return text_utf8_valid(s, n);
}

static bool all_zero(const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static bool package_valid(const struct package *p)
{
	return p->type > PACKAGE_NONE && p->type < _PACKAGE_TYPE_MAX &&
		string_valid(p->name, sizeof(p->name)) && p->name[0] &&
		string_valid(p->version, sizeof(p->version));
}

static bool program_valid(const struct facts *f)
{
	if (f->linkage >= _ELF_LINKAGE_MAX || f->runtime >= _RUNTIME_MAX)
		return false;
	if (!file_class_is_elf((enum file_class) f->class))
		return f->linkage == ELF_LINKAGE_NONE && f->runtime == RUNTIME_NONE;
	return f->runtime == RUNTIME_NONE || f->linkage != ELF_LINKAGE_NONE;
}

static bool payload_valid(const struct facts *f)
{
	if (f->payload_size == 0)
		return f->payload_offset == 0;
	return f->payload_offset <= f->size && f->payload_size <= f->size - f->payload_offset;
}

bool facts_valid(const struct facts *f)
{
	if (f->class >= _FILE_CLASS_MAX || (f->have & ~(uint32_t) _FACTS_HAVE_ALL) ||
		f->n_packages > FACTS_PACKAGES_MAX || !program_valid(f) || !payload_valid(f))
		return false;
	if (!(f->have & FACTS_SHA256) && !all_zero(f->sha256, sizeof(f->sha256)))
		return false;
	if (!string_valid(f->interpreter, sizeof(f->interpreter)) ||
		!!(f->have & FACTS_INTERPRETER) != !!f->interpreter[0])
		return false;
	for (uint32_t i = 0; i < f->n_packages; i++)
		if (!package_valid(&f->packages[i]))
			return false;
	return all_zero(f->packages + f->n_packages,
		(FACTS_PACKAGES_MAX - f->n_packages) * sizeof(f->packages[0]));
}

bool file_class_is_elf(enum file_class c)
{
	return c == FILE_CLASS_ELF || (c >= FILE_CLASS_BUN && c <= FILE_CLASS_UPX);
}

const char *file_class_to_string(enum file_class c)
{
	static const char *const names[_FILE_CLASS_MAX] = {
		[FILE_CLASS_UNKNOWN] = "unknown",
		[FILE_CLASS_ELF] = "elf",
		[FILE_CLASS_SCRIPT] = "script",
		[FILE_CLASS_JS] = "js",
		[FILE_CLASS_BUN] = "bun",
		[FILE_CLASS_NODE_SEA] = "node-sea",
		[FILE_CLASS_ELECTRON] = "electron",
		[FILE_CLASS_APPIMAGE] = "appimage",
		[FILE_CLASS_UPX] = "upx",
		[FILE_CLASS_ZIP] = "zip",
		[FILE_CLASS_JAR] = "jar",
		[FILE_CLASS_PYZ] = "pyz",
		[FILE_CLASS_WASM] = "wasm",
		[FILE_CLASS_SQUASHFS] = "squashfs",
	};

	return (unsigned) c < ARRAY_SIZE(names) ? names[c] : "unknown";
}

const char *elf_linkage_to_string(enum elf_linkage l)
{
	static const char *const names[_ELF_LINKAGE_MAX] = {
		[ELF_LINKAGE_NONE] = "",
		[ELF_LINKAGE_STATIC] = "static",
		[ELF_LINKAGE_DYNAMIC] = "dynamic",
		[ELF_LINKAGE_LIBRARY] = "library",
	};

	return (unsigned) l < ARRAY_SIZE(names) ? names[l] : "";
}

const char *runtime_to_string(enum runtime r)
{
	static const char *const names[_RUNTIME_MAX] = {
		[RUNTIME_NONE] = "",
		[RUNTIME_NODE] = "node",
		[RUNTIME_BUN] = "bun",
		[RUNTIME_DENO] = "deno",
		[RUNTIME_ELECTRON] = "electron",
		[RUNTIME_PYTHON] = "python",
		[RUNTIME_RUBY] = "ruby",
		[RUNTIME_PERL] = "perl",
		[RUNTIME_PHP] = "php",
		[RUNTIME_JAVA] = "java",
		[RUNTIME_LUA] = "lua",
		[RUNTIME_SHELL] = "shell",
		[RUNTIME_LOADER] = "loader",
	};

	return (unsigned) r < ARRAY_SIZE(names) ? names[r] : "";
}

const char *package_type_to_string(enum package_type t)
{
	static const char *const names[_PACKAGE_TYPE_MAX] = {
		[PACKAGE_NONE] = "",
		[PACKAGE_NPM] = "npm",
	};

	return (unsigned) t < ARRAY_SIZE(names) ? names[t] : "";
}
