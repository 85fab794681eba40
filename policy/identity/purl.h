/*
 * Package URL (purl, ECMA-427): the name of a piece of software, of any registered type. Every byte
 * may come from a stranger; purl_package.h has those that files can be matched with.
 */
#pragma once

#include <stddef.h>

enum {
	PURL_TEXT_MAX = 4096, /* bytes of a purl, as it is read and in its canonical form */
	PURL_QUALIFIERS_MAX = 32,
};

struct purl_qualifier {
	const char *key, *value;
};

/* Decoded; "" where there is none. One that purl_parse() or purl_build() made is normal, owns what
 * it points to, and goes back with purl_done(). Who fills in one for purl_build() lends it strings
 * (NULL is like ""), and leaves text and store alone. */
struct purl {
	const char *type, *namespace, *name, *version, *subpath;
	struct purl_qualifier qualifiers[PURL_QUALIFIERS_MAX]; /* sorted by key when normal */
	size_t n_qualifiers;
	char *text; /* canonical */
	char *store;
};

enum purl_mode {
	PURL_STRICT,  /* refuses keys of the type's own qualifiers that are not in lower case */
	PURL_LENIENT, /* puts them right */
};

/* What is said of a purl that lacks the namespace of its type. */
#define PURL_NAMESPACE_MISSING "its type wants a namespace: it is pkg:TYPE/NAMESPACE/NAME"

/* 0, -ENOMEM, or -EINVAL with *ret_error saying what is wrong in a few words ("the name is
 * missing"). */
int purl_parse(const char *s, enum purl_mode mode, struct purl *ret, const char **ret_error);
int purl_build(const struct purl *parts, struct purl *ret, const char **ret_error);
void purl_done(struct purl *p);
