/*
 * Runs inside the inspector.
 */
#include "agent/inspector/npm.h"

#include <string.h>

#include "agent/inspector/field.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char) (*s - 'A' + 'a');
}

static bool is_extension(const json_t *root)
{
	return json_is_string(json_object_get(json_object_get(root, "engines"), "vscode")) &&
		json_string_length(json_object_get(root, "publisher")) > 0;
}

/* As take_name(), for an extension. */
static int take_extension_name(const json_t *root, struct package *p)
{
	char publisher[PACKAGE_NAME_MAX + 1], name[PACKAGE_NAME_MAX + 1];
	int has_publisher = json_take(root, "publisher", publisher, sizeof(publisher)),
	    has_name = json_take(root, "name", name, sizeof(name));

	if (has_publisher < 0 || has_name < 0)
		return -EBADMSG;
	if (has_name == 0)
		return 0;
	lower(publisher);
	lower(name);
	p->type = PACKAGE_VSCODE_EXTENSION;
	return field_qualify(p, publisher, name);
}

static int take_name(const json_t *root, struct package *p)
{
	int r;

	if (is_extension(root))
		return take_extension_name(root, p);
	r = json_take(root, "name", p->name, sizeof(p->name));
	return r > 0 && !npm_name_valid(p->name) ? -EBADMSG : r;
}

int npm_parse(const char *text, size_t n, struct package *ret)
{
	_cleanup_json_ json_t *root = json_read(text, n);
	struct package p = { .type = PACKAGE_NPM, .told = METADATA_PACKAGE_JSON };
	int has_name;

	if (!root)
		return -EBADMSG;
	has_name = take_name(root, &p);
	if (has_name < 0 || json_take(root, "version", p.version, sizeof(p.version)) < 0)
		return -EBADMSG;
	if (has_name == 0)
		return 0;
	*ret = p;
	return 1;
}

int npm_parse_codex(const char *text, size_t n, struct package *ret)
{
	_cleanup_json_ json_t *root = json_read(text, n);
	struct package p = { .type = PACKAGE_NPM, .told = METADATA_CODEX_JSON };

	if (!root || json_take(root, "version", p.version, sizeof(p.version)) < 0)
		return -EBADMSG;
	if (!json_is_integer(json_object_get(root, "layoutVersion")))
		return 0;
	(void) text_copy(p.name, sizeof(p.name), "@openai/codex");
	*ret = p;
	return 1;
}

void npm_prepare(void)
{
	json_object_seed(0);
}
