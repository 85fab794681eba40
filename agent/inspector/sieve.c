/*
 * A bitmap of hashed atoms, small enough for the first cache, is asked about each position; what
 * passes is looked up, and plain strings are compared at once. Runs inside the inspector.
 */
#include "agent/inspector/sieve.h"

#include <errno.h>
#include <string.h>

enum {
	BITS = 17,       /* the bitmap's size, as a power of two */
	ENCODED_MAX = 3, /* times as long: wide, base64, or both */
	STRIDE = 8,      /* positions that are asked about at once */
	SLACK = 16,      /* bytes around a match, for what looks at its neighbours */
	/* What makes libyara compare otherwise than byte by byte, or look around. */
	NOT_PLAIN = STRING_FLAGS_NO_CASE | STRING_FLAGS_WIDE | STRING_FLAGS_REGEXP |
		STRING_FLAGS_FULL_WORD | STRING_FLAGS_XOR | STRING_FLAGS_BASE64 |
		STRING_FLAGS_BASE64_WIDE,
};

_Static_assert(YR_MAX_ATOM_LENGTH == SIEVE_ATOM, "no atom is longer");

struct atom {
	uint32_t bytes;
	const YR_AC_MATCH *matches; /* NULL: an empty slot */
};

struct string {
	size_t reach;
	bool plain, seen; /* a plain one that was handed over already */
};

struct sieve {
	const YR_RULES *rules;
	struct string *strings; /* by YR_STRING.idx */
	struct atom *slots;
	size_t n_atoms, n_slots; /* a power of two */
	uint64_t bits[1 << (BITS - 6)];
};

static uint32_t hash(uint32_t bytes)
{
	return bytes * UINT32_C(0x9e3779b1);
}

static uint32_t load(const uint8_t *p)
{
	uint32_t bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return bytes;
}

static bool may_be_atom(const struct sieve *s, uint32_t bytes)
{
	const uint32_t bit = hash(bytes) >> (32 - BITS);

	return s->bits[bit >> 6] >> (bit & 63) & 1;
}

/* ---- learning atoms ---- */

static struct atom *slot_of(const struct sieve *s, uint32_t bytes)
{
	size_t i = hash(bytes) & (s->n_slots - 1);

	while (s->slots[i].matches && s->slots[i].bytes != bytes)
		i = (i + 1) & (s->n_slots - 1);
	return &s->slots[i];
}

static const YR_AC_MATCH *matches_of(const YR_RULES *rules, uint32_t state)
{
	const uint32_t i = rules->ac_match_table[state];

	return i == 0 ? NULL : &rules->ac_match_pool[i - 1];
}

/* Without slots: counts. */
static int add_atom(struct sieve *s, uint32_t bytes, const YR_AC_MATCH *matches)
{
	const uint32_t bit = hash(bytes) >> (32 - BITS);

	if (!s->slots)
		return ++s->n_atoms > SIEVE_ATOMS_MAX ? -ENOTSUP : 0;
	*slot_of(s, bytes) = (struct atom){ bytes, matches };
	s->bits[bit >> 6] |= UINT64_C(1) << (bit & 63);
	return 0;
}

/* Walks the automaton's tree; @prefix has the @depth bytes that lead to @state. */
static int walk(struct sieve *s, uint32_t state, uint8_t prefix[SIEVE_ATOM], size_t depth)
{
	const YR_AC_MATCH *matches = matches_of(s->rules, state);
	int r = 0;

	if (depth == SIEVE_ATOM)
		return matches ? add_atom(s, load(prefix), matches) : 0;
	if (matches)
		return -ENOTSUP;
	for (unsigned byte = 0; byte <= UINT8_MAX && r == 0; byte++) {
		const YR_AC_TRANSITION t = s->rules->ac_transition_table[state + byte + 1];

		if (YR_AC_INVALID_TRANSITION(t, byte + 1))
			continue;
		prefix[depth] = (uint8_t) byte;
		r = walk(s, YR_AC_NEXT_STATE(t), prefix, depth + 1);
	}
	return r;
}

static int learn_atoms(struct sieve *s)
{
	uint8_t prefix[SIEVE_ATOM];
	int r = walk(s, YR_AC_ROOT_STATE, prefix, 0);

	if (r < 0)
		return r;
	for (s->n_slots = 16; s->n_slots < 4 * s->n_atoms;)
		s->n_slots *= 2;
	s->slots = calloc(s->n_slots, sizeof(*s->slots));
	return s->slots ? walk(s, YR_AC_ROOT_STATE, prefix, 0) : -ENOMEM;
}

static int learn_strings(struct sieve *s, size_t (*reach)(const YR_RULE *rule))
{
	const YR_RULES *rules = s->rules;

	s->strings = calloc(rules->num_strings + (size_t) 1, sizeof(*s->strings));
	if (!s->strings)
		return -ENOMEM;
	for (uint32_t i = 0; i < rules->num_strings; i++) {
		const YR_STRING *string = &rules->strings_table[i];

		s->strings[i].plain = (string->flags & STRING_FLAGS_LITERAL) &&
			(string->flags & NOT_PLAIN) == 0;
		if (s->strings[i].plain)
			s->strings[i].reach = (size_t) string->length;
		else if (string->flags & STRING_FLAGS_LITERAL)
			s->strings[i].reach = ENCODED_MAX * (size_t) string->length;
		else
			s->strings[i].reach = reach(&rules->rules_table[string->rule_idx]);
	}
	return 0;
}

int sieve_new(const YR_RULES *rules, size_t (*reach)(const YR_RULE *rule), struct sieve **ret)
{
	_cleanup_(sieve_freep) struct sieve *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->rules = rules;
	r = learn_atoms(s);
	if (r == 0)
		r = learn_strings(s, reach);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct sieve *sieve_free(struct sieve *s)
{
	if (!s)
		return NULL;
	free(s->slots);
	free(s->strings);
	free(s);
	return NULL;
}

void sieve_reset(struct sieve *s)
{
	for (uint32_t i = 0; i < s->rules->num_strings; i++)
		s->strings[i].seen = false;
}

/* ---- sieving ---- */

static bool is_wanted(const struct sieve *s, const YR_SCANNER *scanner, const YR_STRING *string)
{
	if (s->strings[string->idx].seen ||
		yr_bitmask_is_set(scanner->strings_temp_disabled, string->idx))
		return false;
	return !STRING_IS_SINGLE_MATCH(string) || !scanner->matches[string->idx].head;
}

/* Adds to *part where @match, whose atom ends at @end, may lie. Says whether it may. */
static bool try_match(struct sieve *s, const YR_AC_MATCH *match, const uint8_t *block, size_t n,
	size_t end, struct sieve_part *part)
{
	const YR_STRING *string = match->string;
	struct string *known = &s->strings[string->idx];
	const size_t reach = known->reach + SLACK;
	size_t start, to;

	if (match->backtrack > end)
		return false;
	start = end - match->backtrack;
	if (known->plain) {
		if (known->reach > n - start ||
			memcmp(block + start, string->string, known->reach) != 0)
			return false;
		known->seen = STRING_IS_SINGLE_MATCH(string) && !STRING_IS_CHAIN_PART(string) &&
			!STRING_IS_FIXED_OFFSET(string);
	}
	to = reach < n - start ? start + reach : n;
	start = start > reach ? start - reach : 0;
	if (start < part->from)
		part->from = start;
	if (to > part->to)
		part->to = to;
	return true;
}

static bool try_atom(struct sieve *s, const YR_SCANNER *scanner, const uint8_t *block, size_t n,
	size_t at, struct sieve_part *part)
{
	bool any = false;

	for (const YR_AC_MATCH *m = slot_of(s, load(block + at))->matches; m; m = m->next)
		if (is_wanted(s, scanner, m->string))
			any |= try_match(s, m, block, n, at + SIEVE_ATOM, part);
	return any;
}

/* From @at on, the first position before @end that passes the bitmap, or @end. */
static size_t next_candidate(const struct sieve *s, const uint8_t *block, size_t at, size_t end)
{
	for (; at + STRIDE <= end; at += STRIDE) {
		uint64_t any = 0;

		for (size_t i = 0; i < STRIDE; i++)
			any |= may_be_atom(s, load(block + at + i));
		if (any)
			break;
	}
	while (at < end && !may_be_atom(s, load(block + at)))
		at++;
	return at;
}

/* Parts that touch melt together. */
bool sieve_next(struct sieve *s, const YR_SCANNER *scanner, const uint8_t *block, size_t n,
	struct sieve_cursor *c, struct sieve_part *ret)
{
	const size_t end = n < SIEVE_ATOM ? 0 : n - SIEVE_ATOM + 1;
	struct sieve_part now = c->next;

	c->next = (struct sieve_part){ 0 };
	while (c->next.to == 0 && (c->at = next_candidate(s, block, c->at, end)) < end) {
		struct sieve_part part = { SIZE_MAX, 0 };

		if (!try_atom(s, scanner, block, n, c->at++, &part))
			continue;
		if (now.to == 0) {
			now = part;
		} else if (part.from > now.to) {
			c->next = part;
		} else {
			now.from = part.from < now.from ? part.from : now.from;
			now.to = part.to > now.to ? part.to : now.to;
		}
	}
	*ret = now;
	return now.to > 0;
}
