/*
 * Runs inside the inspector. The list has a member "NAME VERSION (SOURCE)" for each crate.
 */
#include "agent/inspector/crates.h"

#include <string.h>

#include "agent/inspector/field.h"
#include "agent/inspector/json.h"

static bool lists(const json_t *bins, const char *name)
{
	for (size_t i = 0; i < json_array_size(bins); i++) {
		const json_t *bin = json_array_get(bins, i);

		if (json_is_string(bin) && json_string_length(bin) == strlen(name) &&
			strcmp(json_string_value(bin), name) == 0)
			return true;
	}
	return false;
}

static bool is_crate_name(const char *s)
{
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			    (*s >= '0' && *s <= '9') || *s == '-' || *s == '_'))
			return false;
	return true;
}

static int read_id(const char *id, struct package *ret)
{
	struct package p = { .type = PACKAGE_CARGO, .told = METADATA_CRATES };
	const size_t n = strcspn(id, " ");
	const char *version = id + n + (id[n] == ' ');

	if (field_copy(id, n, p.name, sizeof(p.name)) <= 0 || !is_crate_name(p.name) ||
		field_copy(version, strcspn(version, " "), p.version, sizeof(p.version)) <= 0)
		return -EBADMSG;
	*ret = p;
	return 1;
}

int crates_parse(const char *text, size_t n, const char *program, struct package *ret)
{
	_cleanup_json_ json_t *root = json_read(text, n);
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program, *id;
	json_t *installs = json_object_get(root, "installs"), *install;

	if (!json_is_object(installs))
		return -EBADMSG;
	json_object_foreach(installs, id,
		install) if (lists(json_object_get(install, "bins"), name)) return read_id(id, ret);
	return 0;
}
