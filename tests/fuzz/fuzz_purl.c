/* A purl that is taken must survive the way to its canonical text and back, unchanged. */
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/npm.h"
#include "policy/identity/purl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);
	char first[PURL_SIZE_MAX], second[PURL_SIZE_MAX], base[PACKAGE_VERSION_MAX + 1];
	const char *error = NULL;
	struct purl p, q;

	if (!text)
		return 0;
	if (purl_parse(text, &p, &error) < 0) {
		if (!error || !*error)
			abort();
		return 0;
	}
	if (p.type != PACKAGE_NPM || !npm_name_valid(p.name))
		abort();
	purl_build(&p, first);
	if (purl_parse(first, &q, &error) < 0 || strcmp(p.name, q.name) != 0 ||
		strcmp(p.version, q.version) != 0)
		abort();
	purl_build(&q, second);
	npm_version_base(p.version, base, sizeof(base));
	if (strcmp(first, second) != 0 || strncmp(base, p.version, strlen(base)) != 0)
		abort();
	return 0;
}
