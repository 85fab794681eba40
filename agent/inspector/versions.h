/*
 * The different versions that one content names.
 */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/identity/facts.h"

enum {
	VERSIONS_MAX = 4,        /* of more, none is believed */
	VERSIONS_TEXT_MAX = 256, /* bytes of text; longer ones are left out */
};

struct versions {
	regex_t pattern; /* its first group is the version */
	bool too_many;
	size_t n;
	char version[VERSIONS_MAX][SIGNATURE_VERSION_MAX + 1];
	size_t n_last;
	char last[VERSIONS_TEXT_MAX + 1]; /* the text added last: the next one is mostly the same */
};

/* @pattern: a POSIX extended regular expression. 0, -EINVAL, or -ENOMEM. */
int versions_init(struct versions *v, const char *pattern);
void versions_done(struct versions *v);

/* Adds the version that @text names; one that is no UTF-8 or too long counts as none. NULL: there
 * was more text than could be kept. */
void versions_add(struct versions *v, const uint8_t *text, size_t n);
