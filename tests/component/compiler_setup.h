/*
 * Programs look for their helpers beside themselves, and tests do not live where programs do.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Puts a link to the built program @name beside the running test. 0 or a negative errno. */
static inline int helper_setup(const char *name)
{
	char self[PATH_MAX], link[PATH_MAX + 64], target[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	(void) snprintf(link, sizeof(link), "%s/%s", self, name);
	(void) snprintf(target, sizeof(target), "../../%s", name);
	return symlink(target, link) < 0 && errno != EEXIST ? -errno : 0;
}

static inline int compiler_setup(void)
{
	return helper_setup("proscribe-compiler");
}
