/*
 * The order of versions, by the scheme of their ecosystem: one table for VERS, the command line
 * and whoever finds packages. A text that is no version of a scheme is refused, never guessed at.
 */
#pragma once

#include <stddef.h>

enum { VERSION_LENGTH_MAX = 1024 };

struct version_scheme;

/* NULL: not known. @name is VERS's word for it: "deb". */
const struct version_scheme *version_scheme_find(const char *name);
/* The @i-th name, NULL behind the last one. */
const char *version_scheme_name(size_t i);
/* A sentence: what a version of the scheme looks like. */
const char *version_scheme_wanted(const struct version_scheme *scheme);

/* 0, or -EINVAL: version_scheme_wanted() says what would be one. */
int version_check(const struct version_scheme *scheme, const char *version);
/* *ret < 0, 0 or > 0: a total order of the scheme's versions. -EINVAL: one of them is none. */
int version_compare(const struct version_scheme *scheme, const char *a, const char *b, int *ret);
