/*
 * How deep the JSON goes is checked before jansson starts. Runs inside the inspector.
 */
#include "agent/inspector/cargo_audit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "policy/base/cleanup.h"

/* Nesting as deep as brackets outside of texts make it. */
static bool is_too_deep(const char *text, size_t n)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') &&
			++depth > CARGO_AUDIT_DEPTH_MAX)
			return true;
		else if (!quoted && (text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
	}
	return false;
}

static int parse(const char *text, size_t n, struct package *ret)
{
	_cleanup_json_ json_t *root = NULL;
	struct package p = { .type = PACKAGE_CARGO, .told = METADATA_CARGO_AUDIT };
	const json_t *packages, *package;
	size_t i;

	if (is_too_deep(text, n))
		return -E2BIG;
	root = json_read(text, n);
	packages = json_object_get(root, "packages");
	if (!json_is_array(packages))
		return -EBADMSG;
	json_array_foreach(packages, i, package)
	{
		if (!json_is_true(json_object_get(package, "root")))
			continue;
		if (json_take(package, "name", p.name, sizeof(p.name)) <= 0 ||
			json_take(package, "version", p.version, sizeof(p.version)) <= 0)
			return -EBADMSG;
		*ret = p;
		return 1;
	}
	return 0;
}

/* *ret_n is how much came out. */
static int unpack(uint8_t *packed, size_t n_packed, char *out, size_t *ret_n)
{
	z_stream z = { .next_in = packed, .avail_in = (uInt) n_packed };
	int r, end;

	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	z.next_out = (Bytef *) out;
	z.avail_out = CARGO_AUDIT_SIZE_MAX;
	r = inflate(&z, Z_FINISH);
	*ret_n = z.total_out;
	end = inflateEnd(&z);
	if (r == Z_STREAM_END && end == Z_OK)
		return 0;
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	return z.avail_out == 0 ? -E2BIG : -EBADMSG;
}

int cargo_audit_read(const struct view *v, const struct range *place, struct package *ret)
{
	_cleanup_free_ uint8_t *packed = NULL;
	_cleanup_free_ char *text = NULL;
	const size_t n_packed = (size_t) place->size;
	size_t n = 0;
	int r;

	if (place->size > CARGO_AUDIT_PACKED_MAX)
		return -E2BIG;
	packed = malloc(n_packed + 1);
	text = malloc(CARGO_AUDIT_SIZE_MAX);
	if (!packed || !text)
		return -ENOMEM;
	r = view_read(v, place->offset, packed, n_packed);
	if (r == 0)
		r = unpack(packed, n_packed, text, &n);
	return r < 0 ? r : parse(text, n, ret);
}
