/*
 * Runs inside the inspector.
 */
#include "agent/inspector/product.h"

#include "agent/inspector/field.h"
#include "agent/inspector/json.h"

int product_parse(const char *text, size_t n, struct package *ret)
{
	_cleanup_json_ json_t *root = json_read(text, n);
	struct package p = { .type = PACKAGE_GENERIC, .told = METADATA_PRODUCT_JSON };
	char name[PACKAGE_NAME_MAX + 1];
	int has_name;

	if (!root)
		return -EBADMSG;
	has_name = json_take(root, "applicationName", name, sizeof(name));
	if (has_name < 0 || json_take(root, "version", p.version, sizeof(p.version)) < 0)
		return -EBADMSG;
	if (has_name == 0)
		return 0;
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char) (*c - 'A' + 'a');
	if (field_qualify(&p, "electron", name) < 0)
		return -EBADMSG;
	*ret = p;
	return 1;
}
