/* Lines of versions: the order of those that are read must be total. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/semver.h"

enum { VERSIONS_MAX = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(const struct semver *a, const struct semver *b)
{
	int r = semver_compare(a, b);

	return (r > 0) - (r < 0);
}

static void check_order(const struct semver v[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			if (sign(&v[i], &v[j]) != -sign(&v[j], &v[i]))
				abort();
			for (size_t k = 0; k < n; k++)
				if (sign(&v[i], &v[j]) <= 0 && sign(&v[j], &v[k]) <= 0 &&
					sign(&v[i], &v[k]) > 0)
					abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);
	struct semver versions[VERSIONS_MAX];
	char *state = NULL;
	size_t n = 0;

	if (!text)
		return 0;
	for (char *line = strtok_r(text, "\n", &state); line && n < VERSIONS_MAX;
		line = strtok_r(NULL, "\n", &state))
		if (semver_parse(line, &versions[n]) == 0)
			n++;
	check_order(versions, n);
	return 0;
}
