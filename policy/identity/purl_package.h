/*
 * The purls that packages on disk can be matched with: those of every enum package_type, without
 * qualifiers and subpath.
 */
#pragma once

#include "policy/identity/facts.h"

/* The canonical purl of a package. */
enum { PURL_PACKAGE_SIZE_MAX = 3 * (PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX) + 32 };

/* 0 with *ret as its metadata would name it (version "" when the purl has none); -EINVAL with
 * *ret_error saying what is wrong in a few words; -ENOTSUP, also with words, for a well-formed purl
 * of a type that cannot be matched; -ENOMEM. */
int purl_package_read(const char *s, struct package *ret, const char **ret_error);
/* 0; -EINVAL for a package that no purl can name, with @out empty; -ENOMEM. */
int purl_package_write(const struct package *p, char out[PURL_PACKAGE_SIZE_MAX]);
