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

bool essential_purl(const char *purl)
{
	static const char *const packages[] = { "bash", "dash", "busybox", "libc6", "libc-bin",
		"glibc", "musl", "systemd", "systemd-sysv", "init", "dpkg", "apt", "libapt-pkg6.0",
		"rpm", "dnf", "dnf5", "microdnf", "yum", "zypper", "libzypp", "pacman", "apk-tools",
		"proscribe" };
	const char *slash;
	size_t n = strcspn(purl, "?#");

	if (!strncasecmp(purl, "pkg:npm/", 8))
		return false;
	while (n > 0 && purl[n - 1] == '/')
		n--;
	slash = memrchr(purl, '/', n);
	if (!slash)
		return false;
	n -= (size_t) (slash + 1 - purl);
	if (memchr(slash + 1, '@', n))
		n = strcspn(slash + 1, "@");
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
		if (strlen(packages[i]) == n && !strncasecmp(slash + 1, packages[i], n))
			return true;
	return false;
}

/* Of all the npm packages only npm itself manages packages; a "bash" there is no shell. */
bool essential_npm(const char *name)
{
	return !strcasecmp(name, "npm");
}
