#include "agent/gate/mounts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/base/text.h"

enum mount_kind {
	MOUNT_PSEUDO,  /* the kernel's own; nothing can be launched from it */
	MOUNT_LOCAL,   /* watched */
	MOUNT_FOREIGN, /* a server or a user process answers for its files: not watched */
};

static const char *const local_types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs",
	"bcachefs", "zfs", "jfs", "reiserfs", "nilfs2", "tmpfs", "ramfs", "devtmpfs", "overlay",
	"squashfs", "erofs", "iso9660", "udf", "vfat", "msdos", "exfat", "ntfs3", "hfsplus",
	"minix" };
static const char *const pseudo_types[] = { "proc", "sysfs", "devpts", "cgroup", "cgroup2",
	"mqueue", "securityfs", "debugfs", "tracefs", "pstore", "bpf", "configfs", "hugetlbfs",
	"autofs", "binfmt_misc", "efivarfs", "fusectl", "rpc_pipefs", "nsfs", "selinuxfs", "nfsd",
	"fuse.lxcfs" };

static bool listed(const char *type, const char *const types[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static enum mount_kind kind_of(const char *type)
{
	if (listed(type, local_types, ARRAY_SIZE(local_types)))
		return MOUNT_LOCAL;
	return listed(type, pseudo_types, ARRAY_SIZE(pseudo_types)) ? MOUNT_PSEUDO : MOUNT_FOREIGN;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		unsigned value;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &value) == 1) {
			*out++ = (char) value;
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /root /mount/point options [optional ...] - type source options", proc(5) */
static int parse_line(char *line, char **ret_device, char **ret_path, char **ret_type)
{
	char *fields[5], *p = line, *dash = strstr(line, " - ");

	if (!dash)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strsep(&p, " ")))
			return -EBADMSG;
	p = dash + 3;
	*ret_device = fields[2];
	*ret_path = fields[4];
	*ret_type = strsep(&p, " \n");
	unescape(*ret_path);
	return *ret_type ? 0 : -EBADMSG;
}

static void add(struct mounts *m, const char *path, const char *type, int error)
{
	struct agent_mount *last;

	if (m->n == ARRAY_SIZE(m->list))
		return;
	last = &m->list[m->n++];
	(void) snprintf(last->path, sizeof(last->path), "%s", path);
	(void) snprintf(last->type, sizeof(last->type), "%s", type);
	last->error = error;
}

/* The type of the filesystem that @path lies on; "" where mountinfo does not tell. */
static void type_of(const char *path, char *out, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	char *device, *mounted, *type, wanted[32];
	size_t line_size = 0;
	struct stat st;

	out[0] = '\0';
	if (!f || stat(path, &st) < 0)
		return;
	(void) snprintf(wanted, sizeof(wanted), "%u:%u", major(st.st_dev), minor(st.st_dev));
	while (!out[0] && getline(&line, &line_size, f) > 0)
		if (parse_line(line, &device, &mounted, &type) == 0 && strcmp(device, wanted) == 0)
			(void) text_copy(out, size, type);
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
		char *device, *path, *type;

		if (parse_line(line, &device, &path, &type) < 0)
			continue;
		switch (kind_of(type)) {
		case MOUNT_PSEUDO:
			break;
		case MOUNT_LOCAL:
			add(m, path, type, gate_watch(g, path));
			break;
		case MOUNT_FOREIGN:
			add(m, path, type, -EOPNOTSUPP);
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
