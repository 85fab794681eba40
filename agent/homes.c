#include "agent/homes.h"

#include <pwd.h>
#include <string.h>

#include "policy/base/cleanup.h"

int homes_load(char ***ret)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	char **homes = calloc(HOMES_MAX + 1, sizeof(*homes));
	const struct passwd *p;
	size_t n = 0;

	if (!homes)
		return -ENOMEM;
	while (f && n < HOMES_MAX && (p = fgetpwent(f)))
		if (p->pw_dir && p->pw_dir[0] == '/' && p->pw_dir[1] &&
			(homes[n] = strdup(p->pw_dir)))
			n++;
	*ret = homes;
	return 0;
}

void homes_free(char **homes)
{
	for (char **h = homes; h && *h; h++)
		free(*h);
	free(homes);
}
