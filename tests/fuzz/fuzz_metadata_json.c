/* Whatever product.json and .crates2.json hold: a package or none, which reads as the same when it
 * is written anew. */
#include "agent/inspector/crates.h"
#include "agent/inspector/json.h"
#include "agent/inspector/product.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int crates(const char *text, size_t n, struct package *ret)
{
	return crates_parse(text, n, "/home/u/.cargo/bin/rg", ret);
}

static json_t *written_product(const struct package *p)
{
	return json_pack("{s:s, s:s}", "applicationName", p->name + strlen("electron/"), "version",
		p->version);
}

static json_t *written_crates(const struct package *p)
{
	char id[PACKAGE_NAME_MAX + PACKAGE_VERSION_MAX + 16];

	(void) snprintf(id, sizeof(id), "%s %s (x)", p->name, p->version);
	return json_pack("{s:{s:{s:[s]}}}", "installs", id, "bins", "rg");
}

static void fuzz(package_parser parse, json_t *(*write)(const struct package *p),
	const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *root = NULL;
	_cleanup_free_ char *text = NULL;
	struct package p;

	if (package_fuzz(parse, data, size, &p) <= 0)
		return;
	root = write(&p);
	text = json_dumps(root, 0);
	if (!text)
		abort();
	package_round_trip(parse, text, strlen(text), &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz(product_parse, written_product, data, size);
	fuzz(crates, written_crates, data, size);
	return 0;
}
