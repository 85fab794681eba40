/*
 * What an image says, item by item, for those who compare two of them. Strings point into the
 * images unless they are said to be owned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/image/policy.h"

/* A piece of evidence: "pkg:npm/tool@1.2", "path ~/x/..", "build-id 052e..", "signature x". Hashes
 * are apart. */
struct content_item {
	const char *software; /* its id */
	char *text;           /* owned */
};
struct content {
	struct content_item *items; /* owned; sorted by software, then text */
	size_t n;
};
int content_evidence(const struct policy *p, struct content *ret);
void content_done(struct content *c);

/* The rule's range as VERS text, "" for every version; *ret owned. */
int content_versions(const struct policy *p, uint32_t rule, char **ret);
/* "en: Not permitted. zh: ..."; *ret owned. */
int content_reasons(const struct policy *p, uint32_t rule, char **ret);
/* What each rule speaks of: its software's ids or, @names, names, "a, b". *ret (owned, as its
 * policy_info.n_rules strings are) is for content_subjects_free(). */
int content_subjects(const struct policy *p, bool names, char ***ret);
void content_subjects_free(char **subjects, uint32_t n);

/* How the hashes of each software, by its id, differ; sorted by id, those without a difference left
 * out. @old or @new may be NULL: none. A hash with another version is added and removed. */
struct content_hashes {
	const char *software;
	size_t added, removed;
};
int content_compare_hashes(const struct policy *old, const struct policy *new,
	struct content_hashes **ret, size_t *ret_n);
