/* Text with a NUL or an escape is never JavaScript, and blanks in front never change the answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/js.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char indented[INPUT_MAX + 2] = "\n ";
	const bool is = js_is_text((const char *) data, size);
	struct script s;

	if (size > INPUT_MAX)
		return 0;
	if (is && (memchr(data, '\0', size) || memchr(data, '\033', size)))
		abort();
	if (size > 0)
		memcpy(indented + 2, data, size);
	if (size > 0 && data[0] != '#' && data[0] != 0xef && js_is_text(indented, size + 2) != is)
		abort();
	if (script_parse((const char *) data, size, &s) > 0)
		(void) js_is_run_by(&s);
	return 0;
}
