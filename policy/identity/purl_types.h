/*
 * What the purl registry says about each of its types; purl_types.c is generated from it.
 */
#pragma once

#include <stdint.h>

enum purl_rule {
	PURL_NAMESPACE_REQUIRED = 1u << 0,
	PURL_NAMESPACE_PROHIBITED = 1u << 1,
	PURL_NAMESPACE_LOWER = 1u << 2,
	PURL_NAMESPACE_UPPER = 1u << 3,
	PURL_NAME_LOWER = 1u << 4,
	PURL_NAME_DASHES = 1u << 5,      /* '_' is '-' */
	PURL_NAME_UNDERSCORES = 1u << 6, /* what is no letter and no digit is '_' */
	PURL_NAME_IS_PATH = 1u << 7,     /* the namespace is one part, the name is all others */
	PURL_VERSION_LOWER = 1u << 8,
	PURL_SUBPATH_LOWER = 1u << 9,
};

enum {
	PURL_TYPE_QUALIFIERS_MAX = 8,
	PURL_TYPE_HOSTS_MAX = 4,
};

struct purl_type {
	const char *name;
	uint32_t rules;                  /* enum purl_rule */
	unsigned namespace_parts_max;    /* 0: any number */
	const char *name_pattern;        /* extended regular expression, or NULL */
	const char *version_pattern;     /* the same */
	const char *lower_if_repository; /* names are folded where its URL has this */
	const char *lower_on_hosts[PURL_TYPE_HOSTS_MAX];  /* and in these namespaces */
	const char *qualifiers[PURL_TYPE_QUALIFIERS_MAX]; /* that the type itself defines */
	const char *required_qualifier;                   /* or NULL */
};

/* NULL for a type that is not registered; @name is in lower case. */
const struct purl_type *purl_type_find(const char *name);
