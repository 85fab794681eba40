/* Whatever METADATA and RECORD hold: a name in normal form or none, which reads as the same when it
 * is written anew; and a RECORD that lists a file still does with honest lines around it. */
#include "agent/inspector/python.h"
#include "policy/base/cleanup.h"
#include "policy/identity/pypi.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_metadata(const uint8_t *data, size_t size)
{
	char text[PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX + 64], normal[PACKAGE_NAME_MAX + 1];
	struct package p;
	int n;

	if (package_fuzz(python_parse, data, size, &p) <= 0)
		return;
	if (!pypi_name_normalize(p.name, strlen(p.name), normal, sizeof(normal)) ||
		strcmp(normal, p.name) != 0)
		abort();
	n = snprintf(text, sizeof(text), "Name: %s\nVersion: %s\n\n", p.name, p.version);
	package_round_trip(python_parse, text, (size_t) n, &p);
}

static void fuzz_record(const uint8_t *data, size_t size)
{
	static const char around[] = "x/y.py,sha256=1,2\n", script[] = "/v/bin/tool",
			  file[] = "/v/lib/python3.11/site-packages/pkg/tool";
	_cleanup_free_ char *more = malloc(size + 2 * sizeof(around));
	const char *programs[] = { script, file };
	char *end;

	if (!more)
		abort();
	end = mempcpy(more, around, strlen(around));
	end = mempcpy(end, data, size);
	if (size > 0 && data[size - 1] != '\n')
		*end++ = '\n';
	end = mempcpy(end, around, strlen(around));
	for (size_t i = 0; i < 2; i++) {
		bool lists = python_record_lists((const char *) data, size, programs[i]);

		if (lists && !memmem(data, size, "tool", 4))
			abort();
		if (lists != python_record_lists(more, (size_t) (end - more), programs[i]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_metadata(data, size);
	if (size < PYTHON_RECORD_SIZE_MAX / 2)
		fuzz_record(data, size);
	return 0;
}
