#include "agent/ledger/plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

enum { LONGEST_ESCAPE = 4 }; /* bytes out for one byte in: \xNN; \U takes ten, for four bytes */

int plain_text(const char *s, char **ret)
{
	size_t size = 2 * strlen(s) + 1;
	_cleanup_free_ char *doubled = malloc(size), *out = NULL;
	char *end = doubled;

	if (!doubled)
		return -ENOMEM;
	for (; *s; s++) {
		if (*s == '\\')
			*end++ = '\\';
		*end++ = *s;
	}
	*end = '\0';
	size = LONGEST_ESCAPE * (size_t) (end - doubled) + 16;
	out = malloc(size);
	if (!out)
		return -ENOMEM;
	(void) text_escape(doubled, out, size);
	*ret = TAKE_PTR(out);
	return 0;
}
