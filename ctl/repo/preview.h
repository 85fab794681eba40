/*
 * What somebody is about to sign, in short, and what is still missing afterwards.
 */
#pragma once

#include "policy/trust/repository.h"

/* Role, version, expiry, and what it says; of a root, what changes. @folder is the repository's:
 * targets whose files there are others are pointed out. A negative errno after saying what is
 * wrong.
 */
int preview_show(struct repository *r, const char *folder, const char *role,
	const struct repository_state *s);

/* "root version 2 is complete", or who still must sign. */
void preview_missing(struct repository *r, const char *role, const struct repository_state *s);
