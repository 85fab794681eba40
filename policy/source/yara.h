/*
 * libyara's compiler, with its errors as messages. Runs in proscribe-compiler. Nothing is read but
 * the texts given: files cannot be included.
 */
#pragma once

#include <stddef.h>
#include <yara.h>

#include "policy/base/cleanup.h"
#include "policy/source/message.h"

/* A rule of ours, which is compiled together with those of the files. */
struct yara_extra {
	char *text;      /* owned */
	struct place at; /* what it was made from: where messages about it point to */
};

static inline YR_RULES *yara_rules_free(YR_RULES *rules)
{
	if (rules)
		(void) yr_rules_destroy(rules);
	return NULL;
}
DEFINE_CLEANUP(YR_RULES, yara_rules_free)

/* Compiles @files in their order, then @extras. With extras, the files were compiled before, and
 * nothing more is told of them. 0; -EINVAL when messages say what is wrong;
 * -ENOMEM. */
int yara_compile(const struct source files[], size_t n, const struct yara_extra extras[],
	size_t n_extras, struct messages *m, YR_RULES **ret);

/* Calls @found for each rule that matches a file which could be anything: one of zeros, an ELF
 * header, a shell's script. 0 or -ENOMEM. */
int yara_probe(YR_RULES *rules, void (*found)(const char *rule, void *context), void *context);

/* As libyara writes them; *ret belongs to the caller. 0; -E2BIG past @max; -ENOMEM. */
int yara_save(YR_RULES *rules, size_t max, char **ret, size_t *ret_size);
