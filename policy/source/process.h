/*
 * One run of proscribe-compiler as its parent sees it: started, told what to read, waited for, and
 * ended when it takes too long. Private to this folder. Nothing it says is used before it was
 * checked.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/idle.h"
#include "policy/source/compiler.h"
#include "policy/source/folder.h"
#include "policy/source/wire.h"

#define PROCESS_PROGRAM "proscribe-compiler"

/* What a WIRE_SIGNED run starts from; descriptors are borrowed. */
struct process_trust {
	int64_t now_utc_sec;
	uint8_t in_force[32];
	int bundle_fd, root_fd;
};

struct process {
	enum wire_kind kind;
	bool gives_way;                  /* launches go first */
	const struct folder_file *files; /* borrowed */
	size_t n_files;
	const struct process_trust *trust; /* borrowed; WIRE_SIGNED only */

	int result_fd, messages_fd, trusted_fd;
	struct wire_result result;
	struct wire_trusted trusted;
	char *failure; /* why the compiler could not do its work; owned */

	int socket;
	pid_t pid;
	struct idle_child idle;
	uint64_t deadline_usec;
};

void process_init(struct process *p, enum wire_kind kind);
void process_done(struct process *p);

/* 0: there is a result, which may be that the files are wrong; else a negative errno and a failure.
 */
int process_run(struct process *r);
/* *ret: what the compiler had to say, escaped once more. */
int process_messages(const struct process *r, char **ret);
/* Both, and the image, if there is one, is sealed: from here on nobody can change it. *ret was
 * initialised; what process_run() returns. */
int process_compile(struct process *r, struct compiled *ret);

/* In memory, close-on-exec, to be sealed. */
int process_memfd(const char *name, int *ret);
