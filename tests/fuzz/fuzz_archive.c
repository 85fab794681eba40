/* Whatever an archive holds, reading it ends within the limits of content.h, and what is found in
 * it makes valid facts. Runs on the input as it is, as the directory of an archive, as the packed
 * bytes of an entry, and as each kind of metadata among the entries. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/archive.h"
#include "agent/inspector/embedded.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 10 };

struct counter {
	struct content_sink sink;
	size_t n_entries;
	uint64_t n_bytes;
};

static int begin(struct content_sink *s, const char *name, uint64_t size)
{
	struct counter *c = (struct counter *) s;

	(void) size;
	if (strlen(name) > CONTENT_NAME_MAX || ++c->n_entries > CONTENT_ENTRIES_MAX)
		abort();
	return 1;
}

static int bytes(struct content_sink *s, const uint8_t *p, size_t n)
{
	struct counter *c = (struct counter *) s;

	if (n == 0 || n > ARCHIVE_CHUNK || !p)
		abort();
	c->n_bytes += n;
	return 0;
}

static void check(const uint8_t *p, size_t n)
{
	const struct view v = {
		.fd = -1, .size = n, .head = p, .n_head = n, .tail = p, .n_tail = n
	};
	struct facts f = { .size = n, .class = FILE_CLASS_ZIP };
	struct counter c = { .sink = { begin, bytes } };

	(void) archive_read(&v, &c.sink);
	if (c.n_bytes > CONTENT_SIZE_MAX ||
		(c.n_bytes > CONTENT_RATIO_FREE && c.n_bytes / CONTENT_RATIO_MAX > n))
		abort();
	embedded_find(&v, &f);
	if (!facts_valid(&f))
		abort();
}

/* An archive with the input as its entry @name, packed already when @method is not 0. */
static void check_entry(const char *name, const uint8_t *data, size_t size, uint16_t method)
{
	struct seed_zip z = { 0 };

	seed_zip_add(&z, name, data, size, ZIP_STORED);
	z.directory[10] = (uint8_t) method;
	seed_zip_add_text(&z, "EGG-INFO/PKG-INFO", "Name: a\nVersion: 1\n");
	seed_zip_end(&z);
	check(z.bytes, z.n);
	seed_zip_done(&z);
}

static void check_directory(const uint8_t *data, size_t size)
{
	struct seed_zip z = { .n_entries = 1 };

	seed_zip_add_text(&z, "a", "text");
	free(z.directory);
	z.directory = NULL;
	z.n_directory = 0;
	seed_put(&z.directory, &z.n_directory, data, size);
	seed_zip_end(&z);
	check(z.bytes, z.n);
	for (size_t i = 0; i < size && i < z.n; i++) /* and over a good one */
		z.bytes[z.n - 1 - i] ^= (uint8_t) (data[i] ^ 'a');
	check(z.bytes, z.n);
	seed_zip_done(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "META-INF/maven/g/a/pom.properties",
		"META-INF/plugin.xml", "node_modules/a/package.json", "a.dist-info/METADATA" };

	if (size > INPUT_MAX)
		return 0;
	check(data, size);
	check_directory(data, size);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		check_entry(names[i], data, size, ZIP_STORED);
		check_entry(names[i], data, size, ZIP_DEFLATED);
	}
	return 0;
}
