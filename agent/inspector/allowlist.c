/*
 * Whatever an inspector needs once its libraries are set up: descriptors come and go by message,
 * files are read at offsets, memory comes and goes. Nothing that takes a path, starts a process or
 * makes a descriptor out of nothing.
 */
#include "agent/inspector/allowlist.h"

#include <sys/syscall.h>

#include "policy/base/cleanup.h"

enum {
	/* Bytes of address space: 10 MiB of it libraries, some 40 MiB compiled rules as large as
	 * they may be, and what a search keeps of a file that repeats what is searched for. */
	INSPECTOR_MEMORY_MAX = 256 << 20,
	INSPECTOR_FILES_MAX = 32,
};

static const int allowed[] = {
	__NR_recvmsg,
	__NR_sendmsg,
	__NR_close,
	__NR_fstat,
	__NR_newfstatat, /* glibc's fstat(); the root it could name a path in is empty */
	__NR_pread64,
	__NR_brk,
	__NR_mmap,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_clock_gettime, /* where the clock takes a system call */
	__NR_getrandom,     /* some allocators, a sanitizer's among them */
	__NR_exit_group,
};

struct sandbox inspector_sandbox(uid_t uid, gid_t gid)
{
	return (struct sandbox){
		.uid = uid,
		.gid = gid,
		.memory_max = INSPECTOR_MEMORY_MAX,
		.files_max = INSPECTOR_FILES_MAX,
		.syscalls = allowed,
		.n_syscalls = ARRAY_SIZE(allowed),
	};
}
