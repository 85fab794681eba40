/*
 * Programs look for their helpers beside themselves, and tests do not live where programs do.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where this program lies, and its name there. 0 or a negative errno. */
static inline int own_place(char folder[PATH_MAX], char name[NAME_MAX + 1])
{
	ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	folder[n] = '\0';
	slash = strrchr(folder, '/');
	if (!slash || strlen(slash + 1) > NAME_MAX)
		return -EINVAL;
	strcpy(name, slash + 1);
	*slash = '\0';
	return 0;
}

/* Puts a link to the built compiler beside the running test. 0 or a negative errno. */
static inline int compiler_setup(void)
{
	char folder[PATH_MAX], name[NAME_MAX + 1], link[PATH_MAX + 64];
	int r = own_place(folder, name);

	if (r < 0)
		return r;
	(void) snprintf(link, sizeof(link), "%s/proscribe-compiler", folder);
	return symlink("../../proscribe-compiler", link) < 0 && errno != EEXIST ? -errno : 0;
}

/* For a test that puts other helpers there: goes on in the folder @own below, where no other test
 * looks. Returns 0 there, or a negative errno. */
static inline int move_to_folder(const char *own, char *argv[])
{
	char folder[PATH_MAX], name[NAME_MAX + 1], place[PATH_MAX + 64], self[2 * PATH_MAX];
	char copy[2 * PATH_MAX];
	int r = own_place(folder, name);
	const char *last;

	if (r < 0)
		return r;
	last = strrchr(folder, '/');
	if (last && !strcmp(last + 1, own))
		return 0;
	(void) snprintf(self, sizeof(self), "%s/%s", folder, name);
	(void) snprintf(place, sizeof(place), "%s/%s", folder, own);
	(void) snprintf(copy, sizeof(copy), "%s/%s", place, name);
	if (mkdir(place, 0755) < 0 && errno != EEXIST)
		return -errno;
	(void) unlink(copy);
	if (link(self, copy) < 0)
		return -errno;
	(void) execv(copy, argv);
	return -errno;
}

/* In that folder: the built compiler, or (with @mode) one that does what @mode says. */
static inline int choose_compiler(const char *mode)
{
	char folder[PATH_MAX], name[NAME_MAX + 1], target[PATH_MAX + 64], path[PATH_MAX + 64];
	int r = own_place(folder, name);
	FILE *f;

	if (r < 0)
		return r;
	(void) snprintf(path, sizeof(path), "%s/proscribe-compiler", folder);
	(void) unlink(path);
	if (!mode)
		return symlink("../../../proscribe-compiler", path) < 0 ? -errno : 0;
	(void) snprintf(target, sizeof(target), "%s/../tool_fake_compiler", folder);
	if (link(target, path) < 0)
		return -errno;
	(void) snprintf(path, sizeof(path), "%s/fake-compiler.mode", folder);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	(void) fputs(mode, f);
	return fclose(f) == 0 ? 0 : -EIO;
}
