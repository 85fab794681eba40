/*
 * What changes in a policy, as the people who must approve it speak of it: rules, software and its
 * evidence, hashes by number, signatures by name.
 */
#pragma once

#include <jansson.h>

#include "policy/image/policy.h"

/* *ret (a new reference) is a list of objects: "change" ("+", "-" or "~"), "what" ("policy",
 * "rule", "software", "evidence", "hashes", "signature"), "id" and "text". @old NULL: there was no
 * policy. */
int changes_policies(const struct policy *old, const struct policy *new, json_t **ret);

/* The same of YARA rules: of those that @old and @new (either may be NULL) hold, one behind the
 * other, as they stand in their files. Appends to @list. */
int changes_signatures(const char *old, const char *new, json_t *list);

/* One line each, coloured where that is welcome. */
void changes_print(const json_t *list);
