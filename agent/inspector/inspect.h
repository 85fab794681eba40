/*
 * One inspection: descriptors in, facts out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/identity/facts.h"

/* Inspects the regular file @fd and the package.json candidates beside it, nearest first (all
 * borrowed, read at offsets only). The package is the nearest candidate with a name and a version;
 * failing that, the nearest with a name. 0, -EINVAL for what is not a regular file, or a negative
 * errno of reading. What is wrong with metadata or a digest is not an error, but told in *ret. */
int inspect_file(
	int fd, const int metadata[], size_t n_metadata, bool want_sha256, struct facts *ret);
