/*
 * What is published already: read before anything is added to it. Whoever can write to the folder
 * could have changed it, so it counts as far as this repository's roots vouch for it. Runs in
 * proscribectl.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "policy/trust/repository_folder.h"
#include "policy/trust/repository_publish.h"

void repository_output_done(struct repository_output *o)
{
	tuf_metadata_free(o->root);
	tuf_metadata_free(o->timestamp);
	tuf_metadata_free(o->snapshot);
	cleanup_closep(&o->fd);
	*o = (struct repository_output){ .fd = -1 };
}

static int read_metadata(int folder, enum tuf_type type, const char *file,
	struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;
	int k = repository_read(folder, file, tuf_type_size_max(type), &bytes, &n);

	if (k < 0)
		return tuf_fail(e, k, tuf_type_to_string(type), file,
			"cannot be read where it is published: %s", strerror(-k));
	return tuf_metadata_parse(type, tuf_type_to_string(type), file, bytes, n, ret, e);
}

static bool same(const struct tuf_metadata *a, const struct tuf_metadata *b)
{
	return a->signed_size == b->signed_size &&
		memcmp(a->signed_bytes, b->signed_bytes, a->signed_size) == 0;
}

/* Is the published root @version ours? 1: it is; 0: there is none. */
static int compare_root(struct repository *r, int64_t version, struct repository_output *o,
	const char *output, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *ours = NULL, *theirs = NULL;
	char file[TUF_FILE_MAX + 1];
	int k;

	repository_root_file(version, file);
	k = read_metadata(o->fd, TUF_ROOT, file, &theirs, e);
	if (k < 0)
		return k == -ENOENT ? 0 : k;
	k = read_metadata(r->fd, TUF_ROOT, file, &ours, e);
	if (k == -ENOENT)
		return tuf_fail(e, -ESTALE, "root", file,
			"is published in %s, but this repository has no such root; bring it up to "
			"date (git pull)",
			output);
	if (k < 0)
		return k;
	if (!same(ours, theirs))
		return tuf_fail(e, -EXDEV, "root", file,
			"in %s is another repository's: hosts that believe that one would never "
			"believe this one; publish to another folder",
			output);
	tuf_metadata_free(o->root);
	o->root = TAKE_PTR(theirs);
	return 1;
}

static int read_roots(
	struct repository *r, struct repository_output *o, const char *output, struct tuf_error *e)
{
	int k = 1;

	for (int64_t version = 1; k > 0; version++) /* as far as this repository has them, too */
		k = compare_root(r, version, o, output, e);
	return k;
}

static int check_signed(const struct repository_output *o, const struct tuf_metadata *m,
	const char *output, struct tuf_error *e)
{
	const struct tuf_role *role = &o->root->roles[m->type];

	if (tuf_metadata_count_signatures(m, o->root, role, NULL, NULL) >= role->threshold)
		return 0;
	return tuf_fail(e, -EKEYREJECTED, tuf_type_to_string(m->type), output,
		"what is published there is not signed by the keys of its newest root: somebody "
		"changed it; publish to a new folder");
}

static int read_current(struct repository_output *o, const char *output, struct tuf_error *e)
{
	char file[TUF_FILE_MAX + 1];
	int k = read_metadata(
		o->fd, TUF_TIMESTAMP, REPOSITORY_METADATA "timestamp.json", &o->timestamp, e);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	if (!o->root)
		return tuf_fail(e, -EXDEV, "timestamp", output,
			"is published there, but no root; that is no folder of this repository");
	k = check_signed(o, o->timestamp, output, e);
	if (k < 0)
		return k;
	(void) snprintf(file, sizeof(file), REPOSITORY_METADATA "%" PRId64 ".snapshot.json",
		o->timestamp->metas[0].version);
	k = read_metadata(o->fd, TUF_SNAPSHOT, file, &o->snapshot, e);
	return k < 0 ? k : check_signed(o, o->snapshot, output, e);
}

int repository_output_open(struct repository *r, const char *output, struct repository_output *ret,
	struct tuf_error *e)
{
	_cleanup_(repository_output_done) struct repository_output o = { .fd = -1 };
	int k = 0;

	o.fd = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.fd < 0 && errno != ENOENT)
		return tuf_fail(e, -errno, NULL, output, "cannot be opened: %s", strerror(errno));
	if (o.fd >= 0)
		k = read_roots(r, &o, output, e);
	if (k == 0 && o.fd >= 0)
		k = read_current(&o, output, e);
	if (k < 0)
		return k;
	*ret = o;
	o = (struct repository_output){ .fd = -1 };
	return 0;
}

int64_t repository_output_version(const struct repository_output *o, const char *role)
{
	_cleanup_free_ char *name = NULL;
	const struct tuf_meta *meta;

	switch (repository_role_type(role)) {
	case TUF_ROOT:
		return o->root ? o->root->version : 0;
	case TUF_TIMESTAMP:
		return o->timestamp ? o->timestamp->version : 0;
	case TUF_SNAPSHOT:
		return o->snapshot ? o->snapshot->version : 0;
	case TUF_TARGETS:
	case TUF_TYPE_NONE:
	case _TUF_TYPE_MAX:
		break;
	}
	if (!o->snapshot || asprintf(&name, "%s.json", role) < 0) {
		name = NULL;
		return 0;
	}
	meta = tuf_metadata_meta(o->snapshot, name);
	return meta ? meta->version : 0;
}
