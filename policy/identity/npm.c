#include "policy/identity/npm.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"

/* npm takes what encodeURIComponent() leaves as it is, and no leading dot. */
static bool part_valid(const char *s, size_t n)
{
	if (n == 0 || *s == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || strchr("-_.!~*'()", s[i])))
			return false;
	return true;
}

bool npm_name_valid(const char *name)
{
	size_t n = strnlen(name, PACKAGE_NAME_MAX + 1);
	const char *slash;

	if (n > PACKAGE_NAME_MAX)
		return false;
	if (*name != '@')
		return part_valid(name, n);
	slash = memchr(name, '/', n);
	return slash && part_valid(name + 1, (size_t) (slash - name) - 1) &&
		part_valid(slash + 1, (size_t) (name + n - slash) - 1);
}

static bool word_in(const char *s, size_t n, const char *const words[], size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return true;
	return false;
}

/* The words node's process.platform and process.arch have, and those that packagers use instead. */
static bool is_system(const char *s, size_t n)
{
	static const char *const words[] = { "linux", "linuxmusl", "darwin", "macos", "win32",
		"windows", "freebsd", "openbsd", "netbsd", "android", "sunos", "aix", "alpine" };

	return word_in(s, n, words, ARRAY_SIZE(words));
}

static bool is_machine(const char *s, size_t n)
{
	static const char *const words[] = { "x64", "arm64", "arm", "ia32", "x86", "x86_64",
		"amd64", "aarch64", "armv6", "armv7", "armv7l", "ppc64", "ppc64le", "s390x",
		"riscv64", "loong64", "mips64el", "universal" };

	return word_in(s, n, words, ARRAY_SIZE(words));
}

static bool is_flavour(const char *s, size_t n)
{
	static const char *const words[] = { "musl", "gnu", "glibc", "gnueabihf", "musleabihf",
		"msvc", "baseline" };

	return word_in(s, n, words, ARRAY_SIZE(words));
}

/* The last '-' in the first @n bytes of @s; NULL when there is none. */
static const char *last_dash(const char *s, size_t n)
{
	return memrchr(s, '-', n);
}

void npm_version_base(const char *version, char *out, size_t size)
{
	const char *end = version + strlen(version), *machine, *system;
	size_t keep = (size_t) (end - version);

	machine = last_dash(version, (size_t) (end - version));
	while (machine && is_flavour(machine + 1, (size_t) (end - machine) - 1)) {
		end = machine;
		machine = last_dash(version, (size_t) (end - version));
	}
	system = machine ? last_dash(version, (size_t) (machine - version)) : NULL;
	if (system && system > version && is_machine(machine + 1, (size_t) (end - machine) - 1) &&
		is_system(system + 1, (size_t) (machine - system) - 1))
		keep = (size_t) (system - version);
	if (size == 0)
		return;
	if (keep >= size)
		keep = size - 1;
	memcpy(out, version, keep);
	out[keep] = '\0';
}
