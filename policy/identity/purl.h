/*
 * Package URL (purl, ECMA-427): the name of a piece of software. This version reads the type npm.
 */
#pragma once

#include "policy/identity/facts.h"

struct purl {
	enum package_type type;
	/* npm: "@scope/name" or "name", decoded. Case is kept (the registry's type definition wants
	 * that); who compares names folds it. */
	char name[PACKAGE_NAME_MAX + 1];
	char version[PACKAGE_VERSION_MAX + 1]; /* "" when the purl has none */
};

/* 0, or -EINVAL with *ret_error saying what is wrong in a few words ("the name is missing"), or
 * -ENOTSUP for a well-formed purl of a type this version cannot match. */
int purl_parse(const char *s, struct purl *ret, const char **ret_error);
/* The canonical text of it; @out needs PURL_SIZE_MAX. */
enum { PURL_SIZE_MAX = 3 * (PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX) + 32 };
void purl_build(const struct purl *p, char out[PURL_SIZE_MAX]);
