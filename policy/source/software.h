/*
 * The part "software" of a policy: what software is. Each entry is checked and goes straight into
 * the builder; what the rules must know of it stays in a list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/image/builder.h"
#include "policy/source/list.h"
#include "policy/source/message.h"
#include "policy/source/signatures.h"
#include "policy/source/tree.h"

enum { SOFTWARE_NAME_MAX = 128 }; /* bytes, of a vendor's name too */

struct software {
	const char *id;   /* into the tree */
	const char *name; /* NULL when it was wrong */
	struct place at;
	bool checked; /* all of it was right, so @index is its index in the builder */
	bool used;    /* a rule speaks of it */
	uint32_t index;
	/* What its evidence may tell of the version: */
	bool any_version;       /* a package: any at all */
	bool no_version;        /* a path, a hash without one: none */
	bool free_version;      /* some is told by other evidence than packages */
	uint32_t package_types; /* bits 1 << enum package_type that it is known by */
	char **versions;        /* these very ones, sorted; owned */
	size_t n_versions;
};

struct software_list {
	struct software *items;
	size_t n, room;
	struct software *
		*by_id; /* sorted, once software_sort() was called; without an id: not there */
	size_t n_by_id;
};

/* What software may be known by, and where it goes. */
struct software_context {
	struct messages *m;
	struct builder *builder;
	struct signature_list *signatures;
	struct list *lists;
	size_t n_lists;
};

void software_done(struct software_list *l);

/* Takes the list @n of a file; every signature must be known by now. 0 (messages tell what is wrong
 * in it), or a negative errno after which there is no going on: -EINVAL with a message for a limit,
 * -ENOMEM. */
int software_add(
	struct software_list *l, const struct node *n, const struct software_context *context);

/* After the last software_add(): makes ids known and tells of repeated ones. */
int software_sort(struct software_list *l, struct messages *m);
/* NULL: no such id. */
struct software *software_find(struct software_list *l, const char *id);
/* The id that @id was probably meant to be; NULL. */
const char *software_closest(const struct software_list *l, const char *id);
