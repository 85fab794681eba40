/*
 * A bundle of metadata made of lines "NAME=CONTENT", in which some bytes are then changed: what can
 * still be read is written as the same bytes again, and can be changed, written and read back. So
 * it is with any bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/base/fd.h"
#include "policy/trust/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static char *write_out(const struct tuf_bundle *b, size_t *ret_size)
{
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char *bytes;

	must(fd >= 0 && tuf_bundle_write(b, fd) == 0);
	must(fd_read_file(fd, TUF_BUNDLE_SIZE_MAX, &bytes, ret_size) == 0);
	return bytes;
}

/* As many files as lines until an empty one; *rest is what is behind it. */
static char *make(const uint8_t *data, size_t size, const uint8_t **rest, size_t *ret_size)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL;
	_cleanup_free_ char *text = strndup((const char *) data, size);
	struct tuf_store s;
	char *line = text, *end, *equals;

	must(text && tuf_bundle_new(NULL, 0, &b) == 0);
	tuf_bundle_store(b, &s);
	for (; (end = strchr(line, '\n')) && end > line; line = end + 1) {
		*end = '\0';
		equals = strchr(line, '=');
		if (equals) {
			*equals = '\0';
			(void) s.save(s.context, line, equals + 1, strlen(equals + 1));
		}
	}
	*rest = data + (line - text);
	return write_out(b, ret_size);
}

static void check(const char *input, size_t size)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL, *again = NULL;
	_cleanup_free_ char *bytes = NULL, *other = NULL, *root = NULL;
	struct tuf_store s;
	size_t n;

	if (tuf_bundle_new(input, size, &b) < 0)
		return;
	bytes = write_out(b, &n);
	must(n == size && memcmp(bytes, input, n) == 0);
	tuf_bundle_store(b, &s);
	if (s.save(s.context, "root.json", input, size) < 0)
		return;
	other = write_out(b, &n);
	must(tuf_bundle_new(other, n, &again) == 0);
	tuf_bundle_store(again, &s);
	must(s.load(s.context, "root.json", size, &root, &n) == 0);
	must(n == size && memcmp(root, input, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *bytes = NULL;
	const uint8_t *edits;
	size_t n;

	check((const char *) data, size);
	bytes = make(data, size, &edits, &n);
	check(bytes, n);
	for (; data + size - edits >= 2; edits += 2) {
		bytes[edits[0] % n] = (char) edits[1];
		check(bytes, n);
	}
	return 0;
}
