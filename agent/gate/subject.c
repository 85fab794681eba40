#include "agent/gate/subject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/base/cleanup.h"

/* Device numbers of terminals, Documentation/admin-guide/devices.txt. */
enum {
	MAJOR_TTY = 4,
	MINOR_SERIAL = 64,
	MAJOR_PTS_FIRST = 136,
	MAJOR_PTS_LAST = 143,
	MAJOR_HVC = 229,
};

static int read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	(void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

/* Fields of /proc/PID/stat behind the command name, which may hold blanks and parentheses. */
static void read_stat(pid_t pid, pid_t *ret_parent, dev_t *ret_tty)
{
	char text[1024];
	const char *p;
	int parent, tty;

	if (read_proc(pid, "stat", text, sizeof(text)) < 0)
		return;
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %d %*d %*d %d", &parent, &tty) != 2)
		return;
	*ret_parent = parent;
	*ret_tty = makedev((unsigned) tty >> 8 & 0xfff,
		((unsigned) tty & 0xff) | ((unsigned) tty >> 12 & 0xfff00));
}

static uid_t read_effective_uid(pid_t pid)
{
	char text[4096];
	const char *p;
	unsigned uid;

	if (read_proc(pid, "status", text, sizeof(text)) < 0)
		return EVENT_UID_UNKNOWN;
	p = strstr(text, "\nUid:");
	return p && sscanf(p + 5, "%*u %u", &uid) == 1 ? (uid_t) uid : EVENT_UID_UNKNOWN;
}

static uid_t read_login_uid(pid_t pid)
{
	char text[32];

	if (read_proc(pid, "loginuid", text, sizeof(text)) < 0)
		return EVENT_UID_UNKNOWN;
	return (uid_t) strtoul(text, NULL, 10);
}

static void name_terminal(dev_t device, char out[EVENT_TTY_MAX + 1])
{
	unsigned major_number = major(device), minor_number = minor(device);

	if (major_number >= MAJOR_PTS_FIRST && major_number <= MAJOR_PTS_LAST)
		(void) snprintf(out, EVENT_TTY_MAX + 1, "pts/%u",
			(major_number - MAJOR_PTS_FIRST) * 256 + minor_number);
	else if (major_number == MAJOR_TTY && minor_number < MINOR_SERIAL)
		(void) snprintf(out, EVENT_TTY_MAX + 1, "tty%u", minor_number);
	else if (major_number == MAJOR_TTY)
		(void) snprintf(out, EVENT_TTY_MAX + 1, "ttyS%u", minor_number - MINOR_SERIAL);
	else if (major_number == MAJOR_HVC)
		(void) snprintf(out, EVENT_TTY_MAX + 1, "hvc%u", minor_number);
}

uint64_t subject_mount_namespace(pid_t pid)
{
	char path[64];
	struct stat st;

	(void) snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int) pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

void subject_read(pid_t pid, uint64_t mount_namespace, struct subject *ret)
{
	dev_t tty = 0;

	*ret = (struct subject){
		.pid = pid,
		.uid = EVENT_UID_UNKNOWN,
		.login_uid = EVENT_UID_UNKNOWN,
	};
	if (pid <= 0)
		return;
	read_stat(pid, &ret->parent, &tty);
	ret->uid = read_effective_uid(pid);
	ret->login_uid = read_login_uid(pid);
	if (tty) {
		name_terminal(tty, ret->tty);
		if (ret->tty[0] && mount_namespace &&
			subject_mount_namespace(pid) == mount_namespace)
			ret->tty_device = (uint32_t) tty;
	}
}

pid_t subject_parent(pid_t pid)
{
	pid_t parent = 0;
	dev_t tty;

	read_stat(pid, &parent, &tty);
	return parent;
}

bool subject_runs(pid_t pid, uint64_t device, uint64_t inode)
{
	char path[64];
	struct stat st;

	(void) snprintf(path, sizeof(path), "/proc/%d/exe", (int) pid);
	return stat(path, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}
