/*
 * The signatures of a policy: its files signatures/NAME.yar, compiled by libyara, and what their
 * "meta" says of the files they are for. Runs in proscribe-compiler. Its process must have called
 * yr_initialize() before it entered its sandbox.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/image/builder.h"
#include "policy/source/message.h"
#include "policy/source/outline.h"

/* One that software can be known by. */
struct signature_rule {
	struct signature entry;
	struct place at;
	bool private;          /* a helper, which nobody is told about when it matches */
	bool matches_anything; /* or nearly so */
	bool used;
	uint32_t index; /* in the builder, once it is used */
};

struct signature_list {
	struct outline outline;
	struct signature_rule *items; /* sorted by name */
	size_t n;
	char *rules; /* compiled */
	size_t rules_size;
};

void signatures_done(struct signature_list *l);

/* Compiles the @n files (those of @files that policy/source/compiler.h calls POLICY_SIGNATURES).
 * 0 (messages tell what is wrong in them), or -ENOMEM. */
int signatures_read(struct signature_list *l, struct source files[], size_t n, struct messages *m);

/* NULL: no such signature, or one that could not be compiled. */
struct signature_rule *signatures_find(struct signature_list *l, const char *name);
/* Is there one of that name at all? */
bool signatures_know(const struct signature_list *l, const char *name);
/* The name that @name was probably meant to be; NULL. */
const char *signatures_closest(const struct signature_list *l, const char *name);
/* A file that matches @s is @software. 0 or what the builder returns. */
int signatures_use(struct signature_rule *s, uint32_t software, struct builder *b);

/* After the last signatures_use(): gives the rules to the builder if any is used; tells of those
 * that are not, and of those that cost much. 0 or what the builder returns. */
int signatures_check(struct signature_list *l, struct messages *m, struct builder *b);
