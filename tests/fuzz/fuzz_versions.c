/* Lines of versions: in every scheme the order of those that are read must be total, and a version
 * that is taken equal to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/version.h"

enum { VERSIONS_MAX = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_triples(int order[VERSIONS_MAX][VERSIONS_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			if (order[i][j] != -order[j][i])
				abort();
			for (size_t k = 0; k < n; k++)
				if (order[i][j] <= 0 && order[j][k] <= 0 && order[i][k] > 0)
					abort();
		}
}

static void check_scheme(const struct version_scheme *scheme, char *const lines[], size_t n_lines)
{
	const char *versions[VERSIONS_MAX];
	int order[VERSIONS_MAX][VERSIONS_MAX], r;
	size_t n = 0;

	for (size_t i = 0; i < n_lines; i++)
		if (version_compare(scheme, lines[i], lines[i], &r) == 0) {
			if (r != 0)
				abort();
			versions[n++] = lines[i];
		}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			if (version_compare(scheme, versions[i], versions[j], &r) < 0)
				abort();
			order[i][j] = (r > 0) - (r < 0);
		}
	check_triples(order, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);
	char *lines[VERSIONS_MAX], *state = NULL;
	size_t n = 0;

	if (!text)
		return 0;
	for (char *line = strtok_r(text, "\n", &state); line && n < VERSIONS_MAX;
		line = strtok_r(NULL, "\n", &state))
		lines[n++] = line;
	for (size_t i = 0; version_scheme_name(i); i++)
		check_scheme(version_scheme_find(version_scheme_name(i)), lines, n);
	return 0;
}
