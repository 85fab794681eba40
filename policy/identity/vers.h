/*
 * VERS (version range specifier, package-url/vers-spec): "vers:npm/>=2.1.91|<3.0.0". Parsing is
 * strict: only the canonical form is taken, anything else is an error that says why.
 * The order of versions is that of their scheme (version.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { VERS_CONSTRAINTS_MAX = 64, VERS_LENGTH_MAX = 8192 };

enum vers_comparator {
	VERS_EQUAL,
	VERS_NOT_EQUAL,
	VERS_LESS,
	VERS_LESS_EQUAL,
	VERS_GREATER,
	VERS_GREATER_EQUAL,
	VERS_ANY, /* "*" */
};

struct vers_constraint {
	enum vers_comparator comparator;
	char *version; /* owned, percent-decoded; NULL for VERS_ANY */
};

struct vers {
	char scheme[32]; /* "npm" */
	size_t n;
	struct vers_constraint constraints[VERS_CONSTRAINTS_MAX];
};

/* 0; -EINVAL with *ret_error a sentence of what is wrong; -ENOTSUP (and a sentence): a scheme of
 * another version; -ENOMEM. */
int vers_parse(const char *s, struct vers *ret, const char **ret_error);
void vers_done(struct vers *v);

/* The canonical text of what vers_parse() refused, for its message: blanks, '=', a leading 'v' and
 * empty constraints gone, versions in order. 0, or -EINVAL when it still is not one, or is longer
 * than @size: then @out is "". */
int vers_canonical(const char *s, char *out, size_t size);

/* 1 the range holds @version, 0 it does not, -EINVAL: not a version of this scheme. Containment as
 * in vers-spec (how-to-parse); order only, so pre-releases are versions like any other. */
int vers_contains(const struct vers *v, const char *version);
