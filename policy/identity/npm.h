/*
 * Rules of the npm ecosystem: package names and what is cut from a version before it is compared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A name npm would accept or once accepted: "name" or "@scope/name", at most PACKAGE_NAME_MAX
 * bytes, no control characters, blanks or path tricks. Case is kept: old packages have upper case.
 */
bool npm_name_valid(const char *name);

/* Platform packages append their platform to the version ("0.169.0-linux-x64"), which semver would
 * take for a pre-release. Writes @version without it (unchanged when there is none). */
void npm_version_base(const char *version, char *out, size_t size);
