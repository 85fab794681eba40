#include "agent/gate/fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "policy/base/cleanup.h"

#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD          0x00000080
#define FAN_EVENT_INFO_TYPE_PIDFD 4
struct fanotify_event_info_pidfd {
	struct fanotify_event_info_header hdr;
	__s32 pidfd;
};
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif

enum { EVENT_FILE_FLAGS = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME };

/* Does this kernel take an ignore mark with @flag? A mark on our own executable that ignores what
 * nobody asked for yet changes nothing. */
static bool takes_mark(int group, unsigned flag)
{
	unsigned flags = FAN_MARK_IGNORED_MASK | flag;

	if (fanotify_mark(
		    group, FAN_MARK_ADD | flags, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/proc/self/exe"))
		return false;
	(void) fanotify_mark(group, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN_EXEC_PERM,
		AT_FDCWD, "/proc/self/exe");
	return true;
}

int fanotify_open(bool audit, struct fanotify_features *ret_features, int *ret_fd)
{
	unsigned flags = FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE |
		FAN_UNLIMITED_MARKS | (audit ? FAN_ENABLE_AUDIT : 0);
	_cleanup_close_ int fd = fanotify_init(flags | FAN_REPORT_PIDFD, EVENT_FILE_FLAGS);
	bool pidfd = fd >= 0;

	if (fd < 0 && errno == EINVAL)
		fd = fanotify_init(flags, EVENT_FILE_FLAGS);
	if (fd < 0)
		return errno == EINVAL ? -ENOSYS : -errno;
	if (!takes_mark(fd, 0)) /* FAN_OPEN_EXEC_PERM came in 5.0 */
		return -ENOSYS;
	*ret_features = (struct fanotify_features){
		.pidfd = pidfd,
		.evictable = takes_mark(fd, FAN_MARK_EVICTABLE),
	};
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int pidfd_of(const struct fanotify_event_metadata *m)
{
	const char *p = (const char *) m + m->metadata_len, *end = (const char *) m + m->event_len;

	while ((size_t) (end - p) >= sizeof(struct fanotify_event_info_header)) {
		struct fanotify_event_info_header header;
		struct fanotify_event_info_pidfd info;

		memcpy(&header, p, sizeof(header));
		if (header.len < sizeof(header) || header.len > (size_t) (end - p))
			break;
		if (header.info_type == FAN_EVENT_INFO_TYPE_PIDFD && header.len >= sizeof(info)) {
			memcpy(&info, p, sizeof(info));
			return info.pidfd < 0 ? -1 : info.pidfd;
		}
		p += header.len;
	}
	return -1;
}

int fanotify_receive(int group, struct fanotify_event ret[FANOTIFY_BATCH])
{
	enum {
		EVENT_SIZE = sizeof(struct fanotify_event_metadata) +
			sizeof(struct fanotify_event_info_pidfd)
	};
	_Alignas(struct fanotify_event_metadata) char buffer[FANOTIFY_BATCH * EVENT_SIZE];
	const struct fanotify_event_metadata *m = (const void *) buffer;
	ssize_t n = read(group, buffer, sizeof(buffer));
	int count = 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (; FAN_EVENT_OK(m, n) && count < FANOTIFY_BATCH; m = FAN_EVENT_NEXT(m, n)) {
		if (m->vers != FANOTIFY_METADATA_VERSION)
			return -EPROTO;
		if (m->fd < 0)
			continue;
		ret[count++] = (struct fanotify_event){
			.fd = m->fd,
			.pidfd = pidfd_of(m),
			.pid = m->pid,
		};
	}
	return count;
}

int fanotify_answer(int group, int fd, bool allow, bool audit)
{
	struct fanotify_response response = {
		.fd = fd,
		.response = (allow ? FAN_ALLOW : FAN_DENY) | (audit ? FAN_AUDIT : 0),
	};

	if (write(group, &response, sizeof(response)) < 0)
		return -errno;
	return 0;
}

int fanotify_watch(int group, const char *path)
{
	if (fanotify_mark(
		    group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, path))
		return -errno;
	return 0;
}

int fanotify_unwatch_all(int group)
{
	return fanotify_mark(group, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL) < 0
		? -errno
		: 0;
}

int fanotify_ignore(int group, int fd, const struct fanotify_features *features)
{
	unsigned flags = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK;

	if (features->evictable)
		flags |= FAN_MARK_EVICTABLE;
	return fanotify_mark(group, flags, FAN_OPEN_EXEC_PERM, fd, NULL) < 0 ? -errno : 0;
}

int fanotify_ask_again(int group, int fd)
{
	unsigned flags = FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK;

	if (fanotify_mark(group, flags, FAN_OPEN_EXEC_PERM, fd, NULL) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int fanotify_forget_ignored(int group)
{
	return fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) < 0 ? -errno : 0;
}
