/* What a #! line yields lies inside that line, in order, and has no byte the kernel would cut at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t seen = size < SCRIPT_LINE_MAX ? size : SCRIPT_LINE_MAX;
	struct script s;

	if (script_parse((const char *) data, size, &s) <= 0)
		return 0;
	if (size < 3 || data[0] != '#' || data[1] != '!' || !s.interpreter[0] ||
		strpbrk(s.interpreter, " \t\n") || strchr(s.argument, '\n') ||
		strlen(s.interpreter) + strlen(s.argument) > seen - 2 ||
		!memmem(data, seen, s.interpreter, strlen(s.interpreter)) ||
		!memmem(data, seen, s.argument, strlen(s.argument)))
		abort();
	return 0;
}
