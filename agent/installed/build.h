/*
 * Makes a table: asks which of the packages that a policy lists are installed, and finds their
 * files. Takes as long as disks and databases do, so it is for a thread that nobody waits for.
 */
#pragma once

#include <sys/types.h>

#include "agent/installed/installed.h"
#include "policy/image/policy.h"

/* Of one flatpak or snap; what lies beyond is noted. */
enum {
	APPS_DEPTH_MAX = 48, /* folders in folders */
	APPS_ENTRIES_MAX = 200000,
};

struct build_options {
	const char *root; /* the folder that paths begin at: "/" */
	uid_t uid;        /* what the inspector becomes; (uid_t) -1: it stays who it is */
	gid_t gid;
};

/* Does @p list packages that would have to be looked for? */
bool build_is_needed(const struct policy *p);

/* Databases that are missing are no error; whatever else went wrong is noted in the table. @homes:
 * as in policy_match(). @stop_fd (borrowed): readable once everybody is to stop. 0; 1 when some of
 * it may turn out better another time; or a negative errno: -ESHUTDOWN. */
int build_table(const struct build_options *options, const struct policy *p,
	const char *const homes[], int stop_fd, struct installed **ret);
