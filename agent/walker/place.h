/*
 * What the name of a folder tells, together with the folders it lies in: whose package it holds.
 * Pure: names only, nothing is opened.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/image/policy.h"

enum place_kind {
	PLACE_PLAIN,
	PLACE_NODE_MODULES,
	PLACE_SCOPE,      /* node_modules/@scope */
	PLACE_EXTENSIONS, /* of an editor: publisher.name-VERSION in it */
	PLACE_CELLAR,     /* Homebrew's Cellar and Caskroom: NAME in it */
	PLACE_NIX,        /* /nix, and below it store: HASH-NAME-VERSION in it */
	PLACE_NIX_STORE,
	PLACE_DIST_INFO, /* NAME-VERSION.dist-info of a listed Python package */
	PLACE_BIN,       /* programs of Python packages lie in one */
	PLACE_CACHE,     /* yarn keeps whole packages as archives in one */
};

enum { PLACE_NEAR_LEVELS = 3 }; /* folders below one with metadata that may be of its package */

struct place {
	uint8_t kind;       /* enum place_kind */
	uint8_t near_left;  /* above 0: so near below a folder with package.json */
	bool listed;        /* in a package that the policy lists */
	bool starts_listed; /* and this is its topmost folder */
};

/* The place of the folder @name that lies in @above, which is called @above_name. */
void place_enter(const struct policy *p, const struct place *above, const char *above_name,
	const char *name, struct place *ret);
