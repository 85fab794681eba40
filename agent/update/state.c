#include "agent/update/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/update/report.h"
#include "policy/base/cleanup.h"

/* Held for all of a run; UPDATE_LOCK_FILE only while the mirror is changed, so that the agent can
 * read the one in use meanwhile. */
#define RUN_LOCK_FILE "running"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640 };

int state_open(const char *path, uid_t uid, gid_t gid, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (uid == (uid_t) -1)
		uid = geteuid();
	if (st.st_uid == 0 && uid != 0 && geteuid() == 0 && fchown(fd, uid, gid) < 0)
		return -errno;
	if (st.st_uid != 0 && st.st_uid != uid)
		return -EPERM;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int state_lock(int state, bool wait, int *ret_fd)
{
	_cleanup_close_ int fd = openat(
		state, UPDATE_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return -errno;
	cleanup_closep(&fd); /* only so that the agent finds it */
	fd = openat(state, RUN_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
		if (errno == EWOULDBLOCK)
			return 1;
		if (errno != EINTR)
			return -errno;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}
