#include "agent/mountinfo.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

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

enum mount_kind mountinfo_kind(const char *type)
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
int mountinfo_parse(char *line, struct mountinfo *ret)
{
	char *fields[5], *p = line, *dash = strstr(line, " - "), *type;

	if (!dash)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strsep(&p, " ")))
			return -EBADMSG;
	p = dash + 3;
	type = strsep(&p, " \n");
	if (!type)
		return -EBADMSG;
	unescape(fields[4]);
	*ret = (struct mountinfo){ .device = fields[2], .path = fields[4], .type = type };
	return 0;
}

void mountinfo_type(dev_t device, char *out, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	struct mountinfo mount;
	size_t line_size = 0;
	char wanted[32];

	out[0] = '\0';
	if (!f)
		return;
	(void) snprintf(wanted, sizeof(wanted), "%u:%u", major(device), minor(device));
	while (!out[0] && getline(&line, &line_size, f) > 0)
		if (mountinfo_parse(line, &mount) == 0 && strcmp(mount.device, wanted) == 0)
			(void) text_copy(out, size, mount.type);
}

bool mountinfo_may_hang(dev_t device)
{
	char type[64];

	if (major(device) != 0)
		return false;
	mountinfo_type(device, type, sizeof(type));
	return !*type || mountinfo_kind(type) == MOUNT_FOREIGN;
}
