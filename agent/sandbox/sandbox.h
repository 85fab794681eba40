/*
 * What a child of the agent gives up before it reads its first hostile byte. There is no weaker
 * second best: when any step fails, the program must end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sandbox {
	uid_t uid; /* to become; (uid_t) -1: stay, which is refused for root */
	gid_t gid;
	uint64_t memory_max;    /* bytes of address space */
	uint64_t cpu_sec_max;   /* 0: no limit */
	uint64_t file_size_max; /* bytes it may write into a file handed to it (a memfd too); 0:
				   none */
	unsigned files_max;     /* open descriptors */
	bool keeps_root;        /* goes on seeing the filesystem, for reading */
	bool writes;            /* and for writing, as far as its Landlock rules go */
	bool threads;           /* may start threads, but never processes */
	bool loads_libraries;   /* may map code of files, as NSS modules are */
	int ruleset;            /* Landlock's (landlock.h), applied; 0: none */
	uint64_t capabilities;  /* bits 1 << CAP_*, kept as far as the process has them; 0: none */
	const int *syscalls;    /* allowed system calls (__NR_*); any other kills the process */
	size_t n_syscalls;
};

/* The first half alone, for a program that must still find out as @uid what it will need, before it
 * can enter its sandbox as that user: capability bounds, groups, gid, uid, every capability. */
int sandbox_become(uid_t uid, gid_t gid);

/* In this order: when run by root, namespaces of its own (no network) and, unless it keeps its
 * root, an empty one nobody can write to; resource limits, capability bounds, groups, gid, uid,
 * every capability but those it keeps, no_new_privs, not dumpable, Landlock rules, allowlist. Where
 * mmap and mprotect are allowed, PROT_EXEC is not (but see above); openat in a program that keeps
 * its root only reads; socket makes what the resolver and TCP need; clone makes threads. Call
 * it while the process has one thread. Returns 0, or a negative errno after which the
 * caller must exit. */
int sandbox_enter(const struct sandbox *s);
