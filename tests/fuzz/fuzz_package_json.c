/* Whatever a package.json or codex-package.json holds: a package that is named as its type allows,
 * or none; and what was read reads as the same when it is written anew. */
#include "agent/inspector/npm.h"
#include "policy/base/cleanup.h"
#include "policy/identity/npm.h"
#include "tests/fuzz/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *written(const struct package *p)
{
	const char *slash = strchr(p->name, '/');

	if (p->type == PACKAGE_NPM)
		return json_pack("{s:s, s:s, s:i}", "name", p->name, "version", p->version,
			"layoutVersion", 1);
	if (!slash)
		abort();
	return json_pack("{s:s, s:s#, s:s, s:{s:s}}", "name", slash + 1, "publisher", p->name,
		(int) (slash - p->name), "version", p->version, "engines", "vscode", "1");
}

static void fuzz(package_parser parse, const uint8_t *data, size_t size)
{
	_cleanup_json_ json_t *root = NULL;
	_cleanup_free_ char *text = NULL;
	struct package p;

	if (package_fuzz(parse, data, size, &p) <= 0)
		return;
	if (p.type == PACKAGE_NPM && !npm_name_valid(p.name))
		abort();
	root = written(&p);
	text = json_dumps(root, 0);
	if (!text)
		abort();
	package_round_trip(parse, text, strlen(text), &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz(npm_parse, data, size);
	fuzz(npm_parse_codex, data, size);
	return 0;
}
