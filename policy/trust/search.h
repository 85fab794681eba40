/*
 * In which order the roles of a repository are asked for a target (specification, section 5.6.7):
 * pre-order, depth first, each role once, as far as its delegators let it speak of the target. No
 * I/O: whoever searches loads the role that is due, and says what it delegates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/trust/metadata.h"

/* Shell wildcards, case sensitive, by code points: '*', '?' and "[a-z]" ("[!a-z]"), none of which
 * matches a '/'. A '[' that is not closed before the next '/' is itself. */
bool tuf_pattern_matches(const char *pattern, const char *path);
/* May @pattern match a path that begins with @prefix? */
bool tuf_pattern_may_begin(const char *pattern, const char *prefix);

struct tuf_search;

/* For the target @path (borrowed while the search lives): -ELOOP past TUF_DELEGATIONS_MAX. */
int tuf_search_new(const char *path, struct tuf_search **ret);
/* For every role that may speak of anything that begins with @prefix, also where a terminating
 * delegation would end the search for one target: -ELOOP past @roles_max. */
int tuf_search_new_all(const char *prefix, size_t roles_max, struct tuf_search **ret);
struct tuf_search *tuf_search_free(struct tuf_search *s);
DEFINE_CLEANUP(struct tuf_search, tuf_search_free)

/* 1: *ret_role, delegated to by *ret_delegator, is to be looked at ("targets" of "root" first);
 * both are borrowed from the metadata. 0: that was all. -ELOOP. */
int tuf_search_next(struct tuf_search *s, const char **ret_role, const char **ret_delegator);
/* The role of the last tuf_search_next() is @m (borrowed while the search lives). */
int tuf_search_enter(struct tuf_search *s, const struct tuf_metadata *m);
