/*
 * One piece of evidence that a file is a piece of software: checked, it goes straight into the
 * builder. Runs in proscribe-compiler.
 */
#pragma once

#include "policy/source/software.h"
#include "policy/source/tree.h"

enum {
	EVIDENCE_PURL_MAX = 1024,     /* bytes */
	EVIDENCE_BUILD_ID_MAX = 64,   /* bytes, that is half as many digits */
	EVIDENCE_VERSIONS_MAX = 1000, /* different versions remembered of one piece of software */
};

/* Adds what @n says to @s. 0 (messages tell what is wrong), or a negative errno after which there
 * is no going on: -EINVAL with a message for a limit, -ENOMEM. */
int evidence_add(struct software *s, const struct node *n, const struct software_context *context);
