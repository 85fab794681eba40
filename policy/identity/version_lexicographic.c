/*
 * VERS's lexicographic: UTF-8 texts by their bytes, nothing normalised. And its schemes all and
 * none, which take any text and order nothing.
 */
#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/version_schemes.h"

bool version_lexicographic_valid(const char *s)
{
	return *s && text_utf8_valid(s, strlen(s));
}

int version_lexicographic_compare(const char *a, const char *b)
{
	return strcmp(a, b);
}

bool version_any_valid(const char *s)
{
	return *s;
}
