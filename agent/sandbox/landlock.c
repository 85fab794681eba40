#include "agent/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "policy/base/cleanup.h"

enum { ABI_LEAST = 2, ABI_TRUNCATE = 3, ABI_NETWORK = 4, ABI_IOCTL = 5, ABI_SCOPES = 6 };

/* As in linux/landlock.h of later kernels than the oldest this is built on. */
#define FS_TRUNCATE  (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define SCOPES       (UINT64_C(3)) /* abstract sockets and signals stay within */
#define FS_LEAST     ((LANDLOCK_ACCESS_FS_REFER << 1) - 1)

#define FS_READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITES                                                              \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |       \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define FS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

struct ruleset {
	uint64_t fs, net, scoped;
};

static int abi(void)
{
	const long v = syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (v < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
	return v < ABI_LEAST ? -EOPNOTSUPP : (int) v;
}

static size_t describe(int version, struct ruleset *ret)
{
	*ret = (struct ruleset){ .fs = FS_LEAST };
	if (version >= ABI_TRUNCATE)
		ret->fs |= FS_TRUNCATE;
	if (version >= ABI_IOCTL)
		ret->fs |= FS_IOCTL_DEV;
	if (version >= ABI_NETWORK)
		ret->net = NET_BIND_TCP;
	if (version >= ABI_SCOPES)
		ret->scoped = SCOPES;
	return version >= ABI_SCOPES     ? sizeof(*ret)
		: version >= ABI_NETWORK ? offsetof(struct ruleset, scoped)
					 : offsetof(struct ruleset, net);
}

static int add_path(int ruleset, const struct ruleset *all, const struct landlock_path *p)
{
	_cleanup_close_ int fd = open(p->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
		.allowed_access = (FS_READS | (p->writes ? FS_WRITES : 0)) & all->fs,
		.parent_fd = fd,
	};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILES;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int landlock_new(const struct landlock_path *paths, size_t n, int *ret)
{
	_cleanup_close_ int ruleset = -1;
	struct ruleset all;
	size_t size;
	int r = abi();

	if (r < 0)
		return r;
	size = describe(r, &all);
	ruleset = (int) syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (ruleset < 0)
		return -errno;
	r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_path(ruleset, &all, &paths[i]);
	if (r < 0)
		return r;
	*ret = TAKE_FD(ruleset);
	return 0;
}
