#include "agent/gate/mounts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/mountinfo.h"
#include "policy/base/text.h"

static void add(struct mounts *m, const char *path, const char *type, int error)
{
	struct agent_mount *last;

	if (m->n == ARRAY_SIZE(m->list))
		return;
	last = &m->list[m->n++];
	(void) text_copy(last->path, sizeof(last->path), path);
	(void) text_copy(last->type, sizeof(last->type), type);
	last->error = error;
}

static void type_of(const char *path, char *out, size_t size)
{
	struct stat st;

	out[0] = '\0';
	if (stat(path, &st) == 0)
		mountinfo_type(st.st_dev, out, size);
}

static void watch_named(struct gate *g, const char *path, struct mounts *m)
{
	char type[sizeof(m->list[0].type)];

	type_of(path, type, sizeof(type));
	add(m, path, type, gate_watch(g, path));
}

static int watch_all(struct gate *g, struct mounts *m)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		struct mountinfo mount;

		if (mountinfo_parse(line, &mount) < 0)
			continue;
		switch (mountinfo_kind(mount.type)) {
		case MOUNT_PSEUDO:
			break;
		case MOUNT_LOCAL:
			add(m, mount.path, mount.type, gate_watch(g, mount.path));
			break;
		case MOUNT_FOREIGN:
			add(m, mount.path, mount.type, -EOPNOTSUPP);
			break;
		}
	}
	return 0;
}

int mounts_watch(struct gate *g, const struct settings *settings, struct mounts *ret)
{
	struct mounts m = { 0 };
	int r = 0;

	if (settings->n_watch == 0)
		r = watch_all(g, &m);
	for (uint32_t i = 0; i < settings->n_watch; i++)
		watch_named(g, settings->watch[i], &m);
	if (r == 0)
		*ret = m;
	return r;
}

int mounts_open(int *ret_fd)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}
