/*
 * Any bytes as a list of hashes: what is taken from a line can be written as a line again, from
 * which the same is taken; and only so many messages are made of the rest, however long it is.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/source/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Writes what was taken as lines. */
static int take(
	void *context, const uint8_t digest[SHA256_SIZE], uint64_t size, const char *version)
{
	char hex[2 * SHA256_SIZE + 1];

	text_hex(digest, SHA256_SIZE, hex);
	must(size > 0 && strlen(version) <= PACKAGE_VERSION_MAX);
	(void) fprintf(context, "%s %" PRIu64 " %s\n", hex, size, version);
	return 0;
}

static char *read_all(const void *text, size_t size, size_t *ret_size, bool clean)
{
	struct list l = { .source = { .name = "lists/a.txt" },
		.fd = memfd_create("fuzz", MFD_CLOEXEC) };
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_free_ char *said = NULL;
	char *taken;
	FILE *f = open_memstream(&taken, ret_size);

	must(f && l.fd >= 0 && messages_new(&m) == 0);
	must(fd_write_full(l.fd, text, size) == 0);
	if (clean) { /* what was taken from a file is taken from memory, too */
		l.text = text;
		l.size = size;
	}
	must(list_read(&l, m, take, f) == 0);
	must(messages_count(m, MESSAGE_ERROR) <= LIST_COMPLAINTS_MAX + 1);
	must(!clean || messages_count(m, MESSAGE_ERROR) == 0);
	must(messages_format(m, 1 << 20, &said) == 0);
	list_done(&l);
	(void) close(l.fd);
	must(fclose(f) == 0);
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *first = NULL, *second = NULL;
	size_t first_size, second_size;

	first = read_all(data, size, &first_size, false);
	second = read_all(first, first_size, &second_size, true);
	must(first_size == second_size && memcmp(first, second, first_size) == 0);
	return 0;
}
