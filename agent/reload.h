/*
 * Loading a policy: compile the folder in the sandboxed compiler, map the image, keep it as the
 * last good one. Takes as long as it takes, so a running agent does it on a thread of its own.
 */
#pragma once

#include "policy/base/cleanup.h"
#include "policy/image/policy.h"

struct load_options {
	const char *path;      /* policy folder */
	unsigned flags;        /* enum compiler_flags */
	const char *keep_path; /* where good images are kept (kept.h); NULL: nowhere */
};

struct loaded {
	int result;            /* 0, or a negative errno: -EBADMSG the policy has errors */
	char *messages;        /* owned; what the compiler said; never NULL after load_policy() */
	struct policy *policy; /* one reference; NULL on failure */
};

void loaded_done(struct loaded *l);
void load_policy(const struct load_options *options, struct loaded *ret);

struct loader;
/* Runs load_policy() on a thread; @wake_fd (eventfd) is written to when it has ended. */
int loader_start(const struct load_options *options, int wake_fd, struct loader **ret);
/* Waits for the thread and moves its result to *ret. Returns NULL. */
struct loader *loader_finish(struct loader *l, struct loaded *ret);
