/*
 * Where things stand in a text of YARA rules: libyara tells what it compiled, but not where. Only
 * for messages: what is believed of a rule is what libyara says. Runs in proscribe-compiler.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/source/message.h"

enum {
	OUTLINE_RULES_MAX = 10000,
	OUTLINE_WORD_MAX = 128, /* bytes of a word worth remembering, and one more */
};

/* A key in the "meta" of a rule. */
struct outline_key {
	char name[OUTLINE_WORD_MAX];
	struct place at;
};

struct outline_rule {
	char name[OUTLINE_WORD_MAX];
	struct place at;        /* of its name */
	size_t first_key, keys; /* in outline.keys */
};

struct outline {
	struct outline_rule *rules;
	struct outline_key *keys;
	struct outline_rule **sorted; /* by name, once outline_sort() was called */
	size_t n_rules, n_keys, rules_room, keys_room;
};

void outline_done(struct outline *o);

/* Adds the rules in @s, and tells messages of what no signature may have: imports, includes, more
 * than OUTLINE_RULES_MAX rules. 0 or -ENOMEM. */
int outline_add(struct outline *o, const struct source *s, struct messages *m);

/* After the last outline_add(): tells of repeated names. 0 or -ENOMEM. */
int outline_sort(struct outline *o, struct messages *m);
/* The one called @name; NULL. */
const struct outline_rule *outline_find(const struct outline *o, const char *name);
/* Where the key stands, or else the rule. */
struct place outline_key(const struct outline *o, const struct outline_rule *r, const char *key);
