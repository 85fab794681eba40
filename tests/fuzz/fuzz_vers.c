/* A range that is taken must be its own canonical text, hold the versions it names as its
 * comparators say, and answer for each. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/identity/vers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bound(const struct vers *v, const struct vers_constraint *c)
{
	int r = vers_contains(v, c->version);

	switch (c->comparator) {
	case VERS_EQUAL:
	case VERS_LESS_EQUAL:
	case VERS_GREATER_EQUAL:
		if (r != 1)
			abort();
		return;
	case VERS_NOT_EQUAL:
	case VERS_LESS:
	case VERS_GREATER:
		if (r != 0)
			abort();
		return;
	case VERS_ANY:
		abort();
	}
}

static void check_repaired(const char *text)
{
	_cleanup_(vers_done) struct vers v = { 0 };
	char canonical[VERS_LENGTH_MAX + 1];
	const char *error;

	if (vers_canonical(text, canonical, sizeof(canonical)) == 0 &&
		vers_parse(canonical, &v, &error) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *) data, size);
	_cleanup_(vers_done) struct vers v = { 0 };
	char canonical[VERS_LENGTH_MAX + 1];
	const char *error = NULL;

	if (!text)
		return 0;
	check_repaired(text);
	if (vers_parse(text, &v, &error) < 0) {
		if (!error || !*error)
			abort();
		return 0;
	}
	if (v.n == 0 || v.n > VERS_CONSTRAINTS_MAX ||
		vers_canonical(text, canonical, sizeof(canonical)) < 0 ||
		strcmp(text, canonical) != 0)
		abort();
	for (size_t i = 0; i < v.n; i++)
		if (v.constraints[i].version)
			check_bound(&v, &v.constraints[i]);
	if (strcmp(v.scheme, "npm") != 0)
		return 0;
	if (vers_contains(&v, "0.0.0") < 0 || vers_contains(&v, text) != -EINVAL)
		abort();
	return 0;
}
