#include "policy/source/essential.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/base/cleanup.h"
#include "policy/image/match.h"

struct group {
	const char *const *folders;
	size_t n_folders;
	const char *const *files;
	size_t n_files;
};

static const char *const program_folders[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };
static const char *const programs[] = { "sh", "bash", "dash", "busybox", "ldconfig", "init",
	"systemd", "systemctl", "systemd-run", "dpkg", "dpkg-deb", "apt", "apt-get", "rpm", "dnf",
	"dnf-3", "dnf5", "microdnf", "yum", "zypper", "pacman", "apk", "proscribed",
	"proscribectl" };

static const char *const loader_folders[] = { "/lib64", "/lib", "/lib32", "/usr/lib64", "/usr/lib",
	"/usr/lib32", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu" };
static const char *const loaders[] = { "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
	"ld-linux-armhf.so.3", "ld-linux-riscv64-lp64d.so.1", "ld-linux.so.2", "ld64.so.1",
	"ld64.so.2", "ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1", "libc.so.6" };

static const char *const systemd_folders[] = { "/usr/lib/systemd", "/lib/systemd" };
static const char *const systemd_files[] = { "systemd", "systemd-executor", "systemd-journald",
	"systemd-logind", "systemd-udevd", "systemd-networkd", "systemd-shutdown" };

static const char *const own_folders[] = { LIBEXECDIR, "/usr/libexec/proscribe",
	"/usr/local/libexec/proscribe" };
static const char *const own_files[] = { "proscribed", "proscribe-inspector",
	"proscribe-compiler" };

#define GROUP(folders, files)                                          \
	{                                                              \
		folders, ARRAY_SIZE(folders), files, ARRAY_SIZE(files) \
	}
static const struct group groups[] = {
	GROUP(program_folders, programs),
	GROUP(loader_folders, loaders),
	GROUP(systemd_folders, systemd_files),
	GROUP(own_folders, own_files),
};

static bool group_path(const struct group *g, const char *glob, char out[ESSENTIAL_PATH_MAX])
{
	static const char *const homes[] = { "/root", "/bin", "/sbin", "/usr/bin", "/usr/sbin",
		NULL };

	for (size_t i = 0; i < g->n_folders; i++)
		for (size_t k = 0; k < g->n_files; k++) {
			(void) snprintf(
				out, ESSENTIAL_PATH_MAX, "%s/%s", g->folders[i], g->files[k]);
			if (match_glob(glob, out, homes))
				return true;
		}
	return false;
}

bool essential_path(const char *glob, char out[ESSENTIAL_PATH_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (group_path(&groups[i], glob, out))
			return true;
	return false;
}

/* A name that ends in '*' stands for those that begin as it does. */
static bool name_in(const char *const names[], size_t n_names, const char *s, size_t n)
{
	for (size_t i = 0; i < n_names; i++) {
		size_t length = strcspn(names[i], "*");

		if ((names[i][length] ? n >= length : n == length) &&
			!strncasecmp(names[i], s, length))
			return true;
	}
	return false;
}

static bool system_package(const char *s, size_t n)
{
	static const char *const names[] = { "bash", "bash-sh", "dash", "dash-sh", "busybox",
		"busybox-static", "busybox-sh", "libc6", "libc-bin", "glibc", "glibc-common",
		"musl", "systemd", "systemd-sysv", "systemd-udev", "udev", "init", "sysvinit-core",
		"dpkg", "apt", "libapt-pkg*", "rpm", "rpm-ostree", "dnf", "python3-dnf", "dnf5",
		"microdnf", "yum", "zypper", "libzypp", "pacman", "apk-tools", "nix", "proscribe" };

	return name_in(names, ARRAY_SIZE(names), s, n);
}

bool essential_package(enum package_type type, const char *name)
{
	const char *slash = strrchr(name, '/');

	switch (type) {
	case PACKAGE_NPM:
		return !strcasecmp(name, "npm");
	case PACKAGE_PYPI:
		return !strcasecmp(name, "pip");
	case PACKAGE_DEB:
	case PACKAGE_RPM:
	case PACKAGE_BREW:
	case PACKAGE_GENERIC:
		name = slash ? slash + 1 : name;
		return system_package(name, strlen(name));
	/* A "bash" or "init" of these is no shell and no init. */
	case PACKAGE_NONE:
	case PACKAGE_VSCODE_EXTENSION:
	case PACKAGE_GOLANG:
	case PACKAGE_CARGO:
	case PACKAGE_MAVEN:
	case _PACKAGE_TYPE_MAX:
		return false;
	}
	return false;
}

bool essential_purl(const char *purl)
{
	static const char *const types[] = { "pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/",
		"pkg:brew/", "pkg:generic/" };
	const char *slash;
	size_t n = strcspn(purl, "?#");
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known = known || !strncasecmp(purl, types[i], strlen(types[i]));
	while (n > 0 && purl[n - 1] == '/')
		n--;
	slash = known ? memrchr(purl, '/', n) : NULL;
	if (!slash)
		return false;
	n -= (size_t) (slash + 1 - purl);
	if (memchr(slash + 1, '@', n))
		n = strcspn(slash + 1, "@");
	return system_package(slash + 1, n);
}
