/*
 * What a child of the agent gives up before it reads its first hostile byte. There is no weaker
 * second best: when any step fails, the program must end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox {
	uid_t uid; /* to become; (uid_t) -1: stay, which is refused for root */
	gid_t gid;
	uint64_t memory_max;  /* bytes of address space */
	uint64_t cpu_sec_max; /* 0: no limit */
	unsigned files_max;   /* open descriptors */
	const int *syscalls;  /* allowed system calls (__NR_*); any other kills the process */
	size_t n_syscalls;
};

/* In this order: resource limits, an empty root (when run by root: chroot into an empty read-only
 * place in namespaces of its own, without network), groups, gid, uid, every capability,
 * no_new_privs, not dumpable, seccomp allowlist. Returns 0, or a negative errno after which the
 * caller must exit. */
int sandbox_enter(const struct sandbox *s);
