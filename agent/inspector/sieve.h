/*
 * Finds the few parts of a block in which compiled YARA rules could match at all, several times
 * faster than libyara's own automaton gets through text. It looks for the atoms of that automaton:
 * the four bytes of each string without which libyara does not even try it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yara.h>

#include "policy/base/cleanup.h"

enum {
	SIEVE_ATOM = 4,            /* bytes */
	SIEVE_ATOMS_MAX = 1 << 16, /* of all rules; letter case multiplies them */
};

struct sieve;

/* A part of a block. */
struct sieve_part {
	size_t from, to;
};

/* Learns the atoms of @rules, which outlive it. @reach: how far from its atom a match of a regular
 * expression or pattern of @rule may lie. -ENOTSUP when one is shorter than SIEVE_ATOM or there are
 * more than SIEVE_ATOMS_MAX: then any part could match. 0, or -ENOMEM. */
int sieve_new(const YR_RULES *rules, size_t (*reach)(const YR_RULE *rule), struct sieve **ret);
struct sieve *sieve_free(struct sieve *s);
DEFINE_CLEANUP(struct sieve, sieve_free)

/* Before each search: no string has matched yet. */
void sieve_reset(struct sieve *s);

/* How far a block was sieved; zero at first. */
struct sieve_cursor {
	size_t at;
	struct sieve_part next; /* seen, but not told yet */
};

/* The next part of @n bytes at @block in which a string could match that @scanner still wants in
 * fast mode. Each must be searched. */
bool sieve_next(struct sieve *s, const YR_SCANNER *scanner, const uint8_t *block, size_t n,
	struct sieve_cursor *c, struct sieve_part *ret);
