/* Whatever a package.json holds, the facts made of it must pass the agent's own check. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/inspector/npm.h"
#include "policy/identity/npm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts f = { 0 };
	int r = npm_parse((const char *) data, size, &f.packages[0]);

	f.n_packages = r > 0;
	if (!facts_valid(&f) || (r > 0 && !npm_name_valid(f.packages[0].name)))
		abort();
	return 0;
}
