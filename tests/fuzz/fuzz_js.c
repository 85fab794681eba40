/* Text with a NUL or an escape is never JavaScript, and blanks in front never change the answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/js.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *indented = malloc(size + 2);
	const bool is = js_is_text((const char *) data, size);
	struct script s;

	if (!indented || (is && (memchr(data, '\0', size) || memchr(data, '\033', size))))
		abort();
	memcpy(indented, "\n ", 2);
	if (size > 0)
		memcpy(indented + 2, data, size);
	if (size > 0 && data[0] != '#' && data[0] != 0xef && js_is_text(indented, size + 2) != is)
		abort();
	if (script_parse((const char *) data, size, &s) > 0)
		(void) js_is_run_by(&s);
	return 0;
}
