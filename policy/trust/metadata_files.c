/*
 * What metadata says of other files: their versions, lengths and hashes.
 */
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/trust/metadata_parts.h"

static int read_hash(const struct reading *rd, const char *algorithm, const json_t *value,
	struct tuf_fileinfo *info)
{
	const char *hex = json_string_value(value);
	bool *has;
	uint8_t *out;
	size_t n;

	if (!hex)
		return member_refuse(rd, algorithm, value, "a hash in hexadecimal digits");
	if (strcmp(algorithm, "sha256") == 0) {
		has = &info->has_sha256;
		out = info->sha256;
		n = sizeof(info->sha256);
	} else if (strcmp(algorithm, "sha512") == 0) {
		has = &info->has_sha512;
		out = info->sha512;
		n = sizeof(info->sha512);
	} else {
		info->has_unknown = true;
		return 0;
	}
	if (text_unhex(hex, out, n) < 0)
		return member_refuse(rd, algorithm, value,
			n == sizeof(info->sha256) ? "64 hexadecimal digits"
						  : "128 hexadecimal digits");
	*has = true;
	return 0;
}

static int read_hashes(const struct reading *rd, const json_t *object, struct tuf_fileinfo *info)
{
	const json_t *hashes = NULL;
	int r;

	r = member_object(rd, object, "hashes", &hashes);
	if (r < 0)
		return r;
	if (json_object_size(hashes) == 0)
		return reading_fail(rd, "\"hashes\" is empty, expected one hash or more");
	for (void *i = json_object_iter((json_t *) hashes); i;
		i = json_object_iter_next((json_t *) hashes, i)) {
		r = read_hash(rd, json_object_iter_key(i), json_object_iter_value(i), info);
		if (r < 0)
			return r;
	}
	return 0;
}

int metadata_read_fileinfo(const struct reading *rd, const json_t *object, bool wants_length,
	bool wants_hashes, struct tuf_fileinfo *info)
{
	int64_t length = 0;
	int r;

	if (wants_length || json_object_get(object, "length")) {
		r = member_integer(rd, object, "length", 0, INT64_MAX, &length);
		if (r < 0)
			return r;
		info->has_length = true;
		info->length = (uint64_t) length;
	}
	if (wants_hashes || json_object_get(object, "hashes"))
		return read_hashes(rd, object, info);
	return 0;
}

/* ---- timestamp and snapshot ---- */

static int compare_metas(const void *a, const void *b)
{
	return strcmp(((const struct tuf_meta *) a)->name, ((const struct tuf_meta *) b)->name);
}

static int add_meta(
	const struct reading *rd, const char *name, const json_t *object, struct tuf_metadata *m)
{
	struct tuf_meta *meta = &m->metas[m->n_metas];
	struct reading in_meta = *rd;
	int r;

	if (!*name)
		return reading_fail(rd, "\"meta\" has an entry without a name");
	in_meta.part = "entry";
	in_meta.name = name;
	if (!json_is_object(object))
		return reading_fail(&in_meta, "of \"meta\" is no object");
	meta->name = strdup(name);
	if (!meta->name)
		return -ENOMEM;
	m->n_metas++;
	r = member_integer(&in_meta, object, "version", 1, TUF_VERSION_MAX, &meta->version);
	return r < 0 ? r : metadata_read_fileinfo(&in_meta, object, false, false, &meta->info);
}

int metadata_read_metas(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *metas = NULL, *snapshot = NULL;
	int r;

	r = member_object(rd, object, "meta", &metas);
	if (r < 0)
		return r;
	if (json_object_size(metas) > TUF_META_MAX)
		return reading_fail(rd, "\"meta\" names %zu files, expected %d at most",
			json_object_size(metas), TUF_META_MAX);
	m->metas = calloc(json_object_size(metas) + 1, sizeof(*m->metas));
	if (!m->metas)
		return -ENOMEM;
	if (m->type == TUF_TIMESTAMP) {
		r = member_object(rd, metas, "snapshot.json", &snapshot);
		return r < 0 ? r : add_meta(rd, "snapshot.json", snapshot, m);
	}
	for (void *i = json_object_iter((json_t *) metas); i;
		i = json_object_iter_next((json_t *) metas, i)) {
		r = add_meta(rd, json_object_iter_key(i), json_object_iter_value(i), m);
		if (r < 0)
			return r;
	}
	qsort(m->metas, m->n_metas, sizeof(*m->metas), compare_metas);
	return 0;
}

/* ---- targets ---- */

static int compare_targets(const void *a, const void *b)
{
	return strcmp(((const struct tuf_target *) a)->path, ((const struct tuf_target *) b)->path);
}

static int add_target(
	const struct reading *rd, const char *path, const json_t *object, struct tuf_metadata *m)
{
	struct tuf_target *t = &m->targets[m->n_targets];
	struct reading in_target = *rd;

	if (!*path)
		return reading_fail(rd, "\"targets\" has an entry without a path");
	in_target.part = "target";
	in_target.name = path;
	if (!json_is_object(object))
		return reading_fail(&in_target, "is no object");
	t->path = strdup(path);
	if (!t->path)
		return -ENOMEM;
	m->n_targets++;
	t->custom = json_object_get(object, "custom");
	return metadata_read_fileinfo(&in_target, object, true, true, &t->info);
}

int metadata_read_targets(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *targets = NULL;
	int r;

	r = member_object(rd, object, "targets", &targets);
	if (r < 0)
		return r;
	if (json_object_size(targets) > TUF_TARGETS_MAX)
		return reading_fail(rd, "\"targets\" names %zu files, expected %d at most",
			json_object_size(targets), TUF_TARGETS_MAX);
	m->targets = calloc(json_object_size(targets) + 1, sizeof(*m->targets));
	if (!m->targets)
		return -ENOMEM;
	for (void *i = json_object_iter((json_t *) targets); i;
		i = json_object_iter_next((json_t *) targets, i)) {
		r = add_target(rd, json_object_iter_key(i), json_object_iter_value(i), m);
		if (r < 0)
			return r;
	}
	qsort(m->targets, m->n_targets, sizeof(*m->targets), compare_targets);
	return metadata_read_delegations(rd, object, m);
}
