/*
 * Semantic Versioning 2.0.0 as node-semver reads it (leading "v" or "=", blanks around): order
 * only.
 */
#pragma once

#include <stdint.h>

enum { SEMVER_LENGTH_MAX = 256 };

/* A parsed version borrows its text. Numbers are at most 2^53 - 1, node-semver's limit. */
struct semver {
	uint64_t major, minor, patch;
	const char *prerelease; /* into the text; NULL: a release */
	int prerelease_length;
};

/* 0, or -EINVAL. */
int semver_parse(const char *s, struct semver *ret);
/* < 0, 0 or > 0; build metadata does not count. A total order. */
int semver_compare(const struct semver *a, const struct semver *b);
