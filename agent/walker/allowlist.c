/*
 * Whatever a walk needs: to open for reading, to list, to ask what lies there, and to hand over.
 * Reading what is in a file is not among it, nor is anything that changes or starts something.
 */
#include "agent/walker/allowlist.h"

#include <linux/capability.h>
#include <sys/syscall.h>

#include "agent/walker/walk.h"
#include "policy/base/cleanup.h"

enum {
	WALKER_MEMORY_MAX = 64 << 20,           /* bytes of address space, the policy's aside */
	WALKER_FILES_MAX = WALK_DEPTH_MAX + 64, /* a folder for each level, and a few */
};

static const int allowed[] = {
	__NR_statx, /* the most frequent first */
	__NR_getdents64,
	__NR_openat,
	__NR_close,
	__NR_newfstatat, /* glibc's fstat() */
	__NR_fstat,
	__NR_fstatfs,
	__NR_fcntl, /* descriptors doubled */
	__NR_sendmsg,
	__NR_recvmsg,
	__NR_clock_gettime, /* where it is no call of the virtual object's */
	__NR_brk,
	__NR_mmap,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_getrandom, /* some allocators, a sanitizer's among them */
	__NR_exit_group,
};

struct sandbox walker_sandbox(uid_t uid, gid_t gid, uint64_t policy_size)
{
	return (struct sandbox){
		.uid = uid,
		.gid = gid,
		.memory_max = WALKER_MEMORY_MAX + policy_size,
		.files_max = WALKER_FILES_MAX,
		.keeps_root = true,
		.capabilities = UINT64_C(1) << CAP_DAC_READ_SEARCH,
		.syscalls = allowed,
		.n_syscalls = ARRAY_SIZE(allowed),
	};
}
