/* Whatever a header holds, what is read from it is one package's name first, at most one version,
 * then absolute paths; and is the same when read twice. Runs on the input as it is, and on the
 * input laid over a good header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/rpm_header.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned n_names, n_versions, n_files;
	uint64_t hash;
};

static int check_record(enum packages_record tag, const char *text, void *context)
{
	struct seen *s = context;

	if (!*text || strlen(text) > PACKAGES_PATH_MAX)
		abort();
	switch (tag) {
	case RECORD_PACKAGE:
		if (s->n_names++ || strchr(text, '/'))
			abort();
		break;
	case RECORD_VERSION:
		if (!s->n_names || s->n_versions++ || s->n_files || strchr(text, '/') ||
			!strchr(text, '-') || strlen(text) > PACKAGE_VERSION_MAX)
			abort();
		break;
	case RECORD_FILE:
		if (!s->n_names || text[0] != '/' || ++s->n_files > PACKAGES_FILES_MAX)
			abort();
		break;
	case RECORD_SYSTEM:
	case RECORD_ARCHITECTURE:
		abort();
	}
	for (; *text; text++)
		s->hash = (s->hash ^ (uint8_t) *text) * UINT64_C(0x100000001b3);
	return 0;
}

static uint64_t read_once(const uint8_t *data, size_t size, unsigned files_min)
{
	struct seen seen = { 0 };
	struct sink sink = { .put = check_record, .context = &seen };
	int r = rpm_header_read(data, size, &sink);

	if ((r == 0 && seen.n_names != 1) || seen.n_files < files_min)
		abort();
	return seen.hash + (unsigned) r;
}

static const uint8_t good[] = "\0\0\0\7\0\0\0\x39"
			      "\0\0\3\xe8\0\0\0\6\0\0\0\0\0\0\0\1"    /* name */
			      "\0\0\3\xe9\0\0\0\6\0\0\0\2\0\0\0\1"    /* version */
			      "\0\0\3\xea\0\0\0\6\0\0\0\4\0\0\0\1"    /* release */
			      "\0\0\3\xeb\0\0\0\4\0\0\0\x8\0\0\0\1"   /* epoch */
			      "\0\0\4\x5e\0\0\0\x8\0\0\0\x10\0\0\0\2" /* folders */
			      "\0\0\4\x5d\0\0\0\x8\0\0\0\x20\0\0\0\3" /* names */
			      "\0\0\4\x5c\0\0\0\4\0\0\0\x2c\0\0\0\3"  /* indexes */
			      "x\0001\0002\0\0\0\0\0\0\3\0\0\0\0"
			      "/usr/bin/\0/etc/\0"
			      "a\0bc\0d\0\0\0\0\0\0"
			      "\0\0\0\0\0\0\0\1\0\0\0\0\0";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *changed = malloc(sizeof(good));
	uint64_t first;

	(void) read_once(data, size, 0);
	if (!changed)
		return 0;
	for (size_t i = 0; i < sizeof(good); i++)
		changed[i] = (uint8_t) (good[i] ^ (i < size ? data[i] ^ 'a' : 0));
	first = read_once(changed, sizeof(good), size == 0 ? 3 : 0);
	if (read_once(changed, sizeof(good), 0) != first)
		abort();
	return 0;
}
