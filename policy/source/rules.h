/*
 * The part "rules" of a policy: what happens to software. Each rule is checked against the software
 * it speaks of and goes straight into the builder.
 */
#pragma once

#include <stddef.h>

#include "policy/identity/vers.h"
#include "policy/image/builder.h"
#include "policy/source/message.h"
#include "policy/source/software.h"
#include "policy/source/tree.h"

enum {
	RULE_REASON_MAX = 2000, /* bytes, in each language */
	RULE_LANGUAGES_MAX = 64,
	RULE_REFERENCE_MAX = 128,
	RULE_NAME_MAX = 128, /* of an alternative */
	RULE_RANGE_MAX = VERS_LENGTH_MAX,
	RULE_SUBJECTS_MAX = 1000, /* software ids of one rule */
};

struct rule {
	const char *id; /* into the tree; NULL when it was wrong */
	struct place at;
	const char *alternative; /* its name; NULL: none */
	struct place alternative_at;
};

struct rule_list {
	struct rule *items;
	size_t n, room;
};

void rules_done(struct rule_list *l);

/* Takes the list @n of a file; every file's software must be known by now. As software_add(). */
int rules_add(struct rule_list *l, const struct node *n, struct software_list *software,
	struct messages *m, struct builder *b);

/* After the last rules_add(): repeated ids, alternatives that are themselves on the list, software
 * that no rule speaks of. */
int rules_check(
	const struct rule_list *l, const struct software_list *software, struct messages *m);
