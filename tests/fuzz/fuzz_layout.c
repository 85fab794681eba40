/* Whatever a path holds: packages that the agent accepts, each of which is in the path, and the
 * same ones for the same path. */
#include <string.h>

#include "agent/inspector/layout.h"
#include "policy/base/cleanup.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name's last part stands in the path as it is, in whatever case. */
static void check(const char *path, const struct package *p)
{
	const char *slash = strrchr(p->name, '/'), *name = slash ? slash + 1 : p->name;

	if (p->told != METADATA_PATH || !strcasestr(path, name) || !strstr(path, p->version))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct package found[LAYOUT_PACKAGES_MAX], again[LAYOUT_PACKAGES_MAX];
	_cleanup_free_ char *path = strndup((const char *) data, size);
	struct facts f = { 0 };
	size_t n;

	if (!path)
		abort();
	n = layout_read(path, found);
	if (n > LAYOUT_PACKAGES_MAX || layout_read(path, again) != n)
		abort();
	for (size_t i = 0; i < n; i++) {
		check(path, &found[i]);
		facts_add_package(&f, &found[i]);
		if (!package_equals(&found[i], &again[i]))
			abort();
	}
	if (!facts_valid(&f))
		abort();
	return 0;
}
