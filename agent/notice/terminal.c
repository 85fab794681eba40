/*
 * The device is opened by name, so what was opened is checked: numbers are used again as soon as a
 * terminal is closed, by then perhaps for somebody else's. A root shell under sudo or su runs on
 * the terminal of the person who logged in, hence two owners.
 *
 * mesg(1) is not consulted: it is about messages from other users, and this one is the answer to
 * what was typed on the terminal itself.
 */
#include "agent/notice/terminal.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/ledger/event.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"

static bool digits_only(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* "pts/3", "tty1", "ttyS0", "ttyUSB0", "hvc0": nothing that could name another file than a
 * terminal's, and no "tty", "console" or "ptmx", which mean another one to everybody. */
static bool is_terminal_name(const char *tty)
{
	if (strncmp(tty, "pts/", 4) == 0)
		return digits_only(tty + 4);
	if (strncmp(tty, "tty", 3) == 0)
		return digits_only(tty + 3 + strspn(tty + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
	return strncmp(tty, "hvc", 3) == 0 && digits_only(tty + 3);
}

static bool is_owner(uid_t owner, uid_t uid)
{
	return uid != EVENT_UID_UNKNOWN && uid == owner;
}

int terminal_open(const char *tty, uint32_t device, uid_t uid, uid_t login_uid, int *ret_fd,
	unsigned *ret_columns)
{
	char path[sizeof("/dev/") + EVENT_TTY_MAX];
	struct winsize size = { 0 };
	struct stat st;

	if (device == 0)
		return -ENODEV;
	if (!is_terminal_name(tty) ||
		(size_t) snprintf(path, sizeof(path), "/dev/%s", tty) >= sizeof(path))
		return -EINVAL;

	_cleanup_close_ int fd = open(
		path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != device)
		return -ENODEV;
	if (!is_owner(st.st_uid, uid) && !is_owner(st.st_uid, login_uid))
		return -EPERM;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return -errno;
	*ret_columns = size.ws_col;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int terminal_write(int fd, const char *text, size_t n)
{
	const struct timespec pause = { .tv_nsec = TERMINAL_PAUSE_MSEC * NSEC_PER_MSEC };
	size_t done = 0;

	for (unsigned tries = 0; tries < TERMINAL_TRIES_MAX;) {
		ssize_t r = write(fd, text + done, n - done);

		if (r >= 0)
			done += (size_t) r;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
		if (done == n)
			return 0;
		/* also while another process is in the middle of a write of its own */
		if (r < 0 && errno == EAGAIN && ++tries < TERMINAL_TRIES_MAX)
			(void) nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}
