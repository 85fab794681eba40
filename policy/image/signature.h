/*
 * Signatures as an image holds them: what builder, reader and inspectors share. The YARA rules
 * themselves lie in a section of their own, as libyara writes compiled rules.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/identity/facts.h"

enum {
	SIGNATURES_MAX = 1000,
	SIGNATURE_NAME_MAX = 127, /* YARA's identifiers may be as long */
	SIGNATURE_PATTERN_MAX = 255,
	SIGNATURE_RULES_SIZE_MAX = 16 << 20, /* bytes of compiled rules */
};

/* A name that begins with this is the rule that looks for the version of the signature whose name
 * follows: it matches where SIGNATURE_PATTERN does. Policies cannot have such names. */
#define SIGNATURE_VERSION_PREFIX "proscribe_version_of_"

/* Fixed size, texts NUL-terminated UTF-8 and zero behind their end. */
struct signature {
	char name[SIGNATURE_NAME_MAX + 1];       /* of the YARA rule */
	char version[SIGNATURE_PATTERN_MAX + 1]; /* POSIX extended regular expression whose first
						  * group is the version; "" when there is none */
	char package[PACKAGE_NAME_MAX + 1];      /* of its purl; "" when there is none */
	uint8_t reserved;                        /* zero */
	uint32_t package_type;                   /* enum package_type */
	uint32_t classes;                        /* bit 1 << enum file_class; 0: every class */
	uint32_t reserved2;                      /* zero */
	uint64_t min_size, max_size;             /* bytes of the file, both inclusive */
};

/* Texts terminated and well-formed, numbers in range. */
bool signature_valid(const struct signature *s);

/* Could a file of @class and @size bytes match? */
bool signature_admits(const struct signature *s, enum file_class class, uint64_t size);
