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

bool facts_valid(const struct facts *f)
{
	if (f->class >= _FILE_CLASS_MAX || (f->have & ~(uint32_t) _FACTS_HAVE_ALL) ||
		f->n_packages > FACTS_PACKAGES_MAX)
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

const char *file_class_to_string(enum file_class c)
{
	static const char *const names[_FILE_CLASS_MAX] = {
		[FILE_CLASS_UNKNOWN] = "unknown",
		[FILE_CLASS_ELF] = "elf",
		[FILE_CLASS_SCRIPT] = "script",
		[FILE_CLASS_JS] = "js",
	};

	return (unsigned) c < ARRAY_SIZE(names) ? names[c] : "unknown";
}

const char *package_type_to_string(enum package_type t)
{
	static const char *const names[_PACKAGE_TYPE_MAX] = {
		[PACKAGE_NONE] = "",
		[PACKAGE_NPM] = "npm",
	};

	return (unsigned) t < ARRAY_SIZE(names) ? names[t] : "";
}
