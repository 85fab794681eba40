/* Any bytes as agent.yaml: either settings the agent would take, or an error and no change. */
#include <stdint.h>
#include <string.h>

#include "policy/source/settings.h"
#include "policy/source/settings_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Byte by byte, whatever they are. */
static int same(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct settings)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = { .name = "agent.yaml", .text = (const char *) data, .size = size };
	_cleanup_(messages_freep) struct messages *m = NULL;
	struct settings s, before;
	int r;

	memset(&s, 0x55, sizeof(s));
	memcpy(&before, &s, sizeof(s));
	if (messages_new(&m) < 0)
		abort();
	r = settings_file_read(&source, m, &s);
	if (r == 0 && (!settings_valid(&s) || messages_count(m, MESSAGE_ERROR) > 0))
		abort();
	if (r < 0 && (!same(&s, &before) || messages_count(m, MESSAGE_ERROR) == 0))
		abort();
	return 0;
}
