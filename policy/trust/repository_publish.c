#include "policy/trust/repository_publish.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <openssl/sha.h>

#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/repository_folder.h"
#include "policy/trust/repository_verify.h"

enum { COPY_BLOCK_SIZE = 1 << 16 };

/* A file that hosts must not see before everything it speaks of is there. */
struct pending {
	char file[TUF_FILE_MAX + 1]; /* "metadata/timestamp.json" */
	char *bytes;                 /* owned */
	size_t n;
};

/* One run. */
struct publishing {
	struct repository *r;
	const struct repository_publish *p;
	struct repository_output old;
	struct tuf_metadata *root; /* owned; whose keys sign */
	json_t *metas;             /* owned; of the snapshot */
	struct tuf_metadata *snapshot,
		*timestamp;   /* owned; new ones, NULL where the old one stays */
	char *snapshot_bytes; /* owned; of either */
	size_t snapshot_size;
	struct pending *pending; /* owned; in the order in which they go out */
	size_t n_pending;
	struct repository_published ret;
};

static void publishing_done(struct publishing *p)
{
	repository_output_done(&p->old);
	tuf_metadata_free(p->root);
	tuf_metadata_free(p->snapshot);
	tuf_metadata_free(p->timestamp);
	json_decref(p->metas);
	free(p->snapshot_bytes);
	for (size_t i = 0; i < p->n_pending; i++)
		free(p->pending[i].bytes);
	free(p->pending);
}

static int no_memory(struct tuf_error *e)
{
	return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
}

/* A web server must be able to read it, whatever the umask. */
static int make_folder(int folder, const char *name)
{
	if (mkdirat(folder, name, 0755) == 0)
		return fchmodat(folder, name, 0755, 0) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

/* Opens the folder and keeps everybody else from publishing to it, as far as its filesystem can. */
static int open_output(struct publishing *p, struct tuf_error *e)
{
	const char *output = p->p->output;
	struct stat here, there;
	int k;

	k = p->p->dry_run || p->p->renew ? 0 : make_folder(AT_FDCWD, output);
	if (k < 0)
		return tuf_fail(e, k, NULL, output, "this folder cannot be made: %s", strerror(-k));
	if (stat(output, &there) == 0 && fstat(p->r->fd, &here) == 0 &&
		there.st_dev == here.st_dev && there.st_ino == here.st_ino)
		return tuf_fail(e, -EINVAL, NULL, output,
			"is the repository itself; publish to a folder of its own");
	k = repository_output_open(p->r, output, &p->old, e);
	if (k < 0 || p->p->dry_run)
		return k;
	if (p->p->renew && !p->old.timestamp)
		return tuf_fail(e, -ENOENT, NULL, output,
			"nothing is published there yet; 'proscribectl repo publish' begins");
	if (flock(p->old.fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return tuf_fail(e, -EBUSY, NULL, output,
			"somebody else is publishing there; try again when that is done");
	k = make_folder(p->old.fd, "metadata");
	if (k == 0)
		k = make_folder(p->old.fd, "targets");
	if (k < 0)
		return tuf_fail(e, k, NULL, output, "cannot be written to: %s", strerror(-k));
	return 0;
}

static void count_new(struct publishing *p, const char *file, uint64_t size)
{
	p->ret.n_files++;
	p->ret.bytes += size;
	if (p->p->tell)
		p->p->tell(p->p->context, file, size);
}

static int write_new(
	struct publishing *p, const char *file, const char *bytes, size_t n, struct tuf_error *e)
{
	int k = p->p->dry_run ? 0 : repository_write(p->old.fd, file, bytes, n, 0644);

	if (k < 0)
		return tuf_fail(e, k, NULL, file, "cannot be written in %s: %s", p->p->output,
			strerror(-k));
	count_new(p, file, n);
	return 0;
}

/* @bytes becomes the run's. */
static int add_pending(
	struct publishing *p, const char *file, char *bytes, size_t n, struct tuf_error *e)
{
	struct pending *more = reallocarray(p->pending, p->n_pending + 1, sizeof(struct pending));

	if (!more) {
		free(bytes);
		return no_memory(e);
	}
	p->pending = more;
	more[p->n_pending].bytes = bytes;
	more[p->n_pending].n = n;
	(void) text_copy(more[p->n_pending].file, sizeof(more->file), file);
	p->n_pending++;
	return 0;
}

/* ---- what is published as it was signed ---- */

static int add_roots(struct publishing *p, struct tuf_error *e)
{
	int64_t have = p->old.root ? p->old.root->version : 0;

	for (int64_t version = have + 1; version <= p->root->version; version++) {
		char file[TUF_FILE_MAX + 1];
		char *bytes;
		size_t n;
		int k;

		repository_root_file(version, file);
		k = repository_read(p->r->fd, file, TUF_ROOT_SIZE_MAX, &bytes, &n);
		if (k < 0)
			return tuf_fail(e, k, "root", file, "cannot be read: %s", strerror(-k));
		k = add_pending(p, file, bytes, n, e);
		if (k < 0)
			return k;
	}
	return 0;
}

static int check_usable(const struct publishing *p, const char *role,
	const struct repository_state *s, struct tuf_error *e)
{
	if (!s->complete)
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"version %" PRId64
			" is not signed by enough yet; 'proscribectl repo status' "
			"shows who still must sign",
			s->metadata->version);
	if (s->metadata->expires_utc_sec <= p->p->now_utc_sec)
		return tuf_fail(e, -EKEYEXPIRED, role, NULL,
			"version %" PRId64 " has expired; run: proscribectl repo role expire %s "
			"--expires %s, and sign it",
			s->metadata->version, role, strcmp(role, "root") == 0 ? "1y" : "90d");
	return 0;
}

/* What is published under this version already must say the same; more signatures than were needed
 * then may have come since, but the file stays. *ret: its bytes, or ours where there is none. */
static int role_bytes(struct publishing *p, const char *role, const char *file,
	const struct tuf_metadata *m, bool *ret_new, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *theirs = NULL;
	_cleanup_free_ char *bytes = NULL;
	char ours[TUF_FILE_MAX + 1];
	size_t n;
	int k = p->old.fd < 0 ? -ENOENT
			      : repository_read(p->old.fd, file, TUF_TARGETS_SIZE_MAX, &bytes, &n);

	*ret_new = k == -ENOENT;
	if (k == -ENOENT) {
		k = repository_role_file(role, ours);
		return k < 0 ? k
			     : repository_read(p->r->fd, ours, TUF_TARGETS_SIZE_MAX, ret, ret_size);
	}
	if (k == 0)
		k = tuf_metadata_parse(TUF_TARGETS, role, file, bytes, n, &theirs, e);
	if (k < 0 || !theirs)
		return k;
	if (theirs->signed_size != m->signed_size ||
		memcmp(theirs->signed_bytes, m->signed_bytes, m->signed_size) != 0)
		return tuf_fail(e, -EEXIST, role, file,
			"is published in %s with another content, and a published file never "
			"changes; give this one a new version: proscribectl repo role expire %s "
			"--expires 90d, and sign it",
			p->p->output, role);
	*ret = TAKE_PTR(bytes);
	*ret_size = n;
	return 0;
}

/* "metadata/7.ROLE.json" */
static int versioned_file(const char *role, int64_t version, char out[TUF_FILE_MAX + 1])
{
	char plain[TUF_FILE_MAX + 1];
	const size_t head = sizeof(REPOSITORY_METADATA) - 1;
	int k = repository_role_file(role, plain);

	if (k == 0 &&
		snprintf(out, TUF_FILE_MAX + 1, REPOSITORY_METADATA "%" PRId64 ".%s", version,
			plain + head) > TUF_FILE_MAX)
		k = -ENAMETOOLONG;
	return k;
}

static int copy_block(int from, int to, struct tuf_digest *digest, struct tuf_error *e,
	const char *file, uint64_t *offset)
{
	char block[COPY_BLOCK_SIZE];
	ssize_t n = fd_pread_full(from, block, sizeof(block), (off_t) *offset);
	int k = n < 0 ? (int) n : 0;

	if (k == 0 && tuf_digest_add(digest, block, (size_t) n) < 0)
		return tuf_fail(e, -EUCLEAN, NULL, file, "is not what was signed");
	if (k == 0)
		k = fd_write_full(to, block, (size_t) n);
	if (k < 0)
		return tuf_fail(e, k, NULL, file, "cannot be copied: %s", strerror(-k));
	*offset += (uint64_t) n;
	return n == 0 ? 0 : 1;
}

/* Copies what has the signed length and hash, and nothing else. */
static int copy_target(struct publishing *p, const struct tuf_target *t, int from, const char *to,
	struct tuf_error *e)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *digest = NULL;
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t offset = 0;
	int k = tuf_digest_new(&t->info, &digest);

	if (k < 0 || asprintf(&temporary, "%s.new", to) < 0)
		return no_memory(e);
	fd = openat(
		p->old.fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, temporary, "cannot be written in %s: %s",
			p->p->output, strerror(errno));
	do
		k = copy_block(from, fd, digest, e, t->path, &offset);
	while (k > 0);
	if (k == 0 && tuf_digest_end(digest) < 0)
		k = tuf_fail(e, -EUCLEAN, NULL, t->path,
			"in the repository's folder targets/ is not what was signed; run "
			"'proscribectl repo add' again");
	if (k == 0 &&
		(fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
			renameat(p->old.fd, temporary, p->old.fd, to) < 0))
		k = tuf_fail(e, -errno, NULL, to, "cannot be written in %s: %s", p->p->output,
			strerror(errno));
	if (k == 0 && repository_sync_folder(p->old.fd, to) < 0)
		k = tuf_fail(e, -EIO, NULL, to, "cannot be made durable");
	if (k < 0)
		(void) unlinkat(p->old.fd, temporary, 0);
	return k;
}

/* Every folder that @file lies in. */
static int make_folders(int folder, const char *file)
{
	_cleanup_free_ char *path = strdup(file);

	if (!path)
		return -ENOMEM;
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		int k;

		*slash = '\0';
		k = make_folder(folder, path);
		if (k < 0)
			return k;
		*slash = '/';
	}
	return 0;
}

static int add_target(struct publishing *p, const struct tuf_target *t, struct tuf_error *e)
{
	_cleanup_close_ int from = -1;
	_cleanup_free_ char *source = NULL;
	const char *slash = strrchr(t->path, '/'), *name = slash ? slash + 1 : t->path;
	char hex[2 * SHA256_DIGEST_LENGTH + 1], file[TUF_FILE_MAX + 1];
	struct stat st;
	int k;

	text_hex(t->info.sha256, sizeof(t->info.sha256), hex);
	if (!t->info.has_sha256 ||
		snprintf(file, sizeof(file), REPOSITORY_TARGETS "%.*s%s.%s", (int) (name - t->path),
			t->path, hex, name) > TUF_FILE_MAX ||
		asprintf(&source, REPOSITORY_TARGETS "%s", t->path) < 0)
		return tuf_fail(e, -EINVAL, NULL, t->path,
			"cannot be published: it has no sha256, or too long a name");
	if (p->old.fd >= 0 && fstatat(p->old.fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	from = openat(p->r->fd, source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return tuf_fail(e, -errno, NULL, source, "cannot be opened: %s", strerror(errno));
	k = p->p->dry_run ? 0 : make_folders(p->old.fd, file);
	if (k < 0)
		return tuf_fail(e, k, NULL, file, "cannot be written in %s: %s", p->p->output,
			strerror(-k));
	k = p->p->dry_run ? 0 : copy_target(p, t, from, file, e);
	if (k == 0)
		count_new(p, file, t->info.length);
	return k;
}

/* targets and each delegated role: its files, then itself. */
static int add_role(struct publishing *p, const char *role, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	_cleanup_free_ char *bytes = NULL, *name = NULL;
	char file[TUF_FILE_MAX + 1];
	bool is_new = false;
	size_t n = 0;
	int64_t old = repository_output_version(&p->old, role);
	int k = repository_state(p->r, role, &s, e);

	if (k == 0)
		k = check_usable(p, role, &s, e);
	if (k < 0)
		return k;
	if (s.metadata->version < old)
		return tuf_fail(e, -ESTALE, role, NULL,
			"version %" PRId64 " is published in %s, and here it is version %" PRId64
			"; bring this repository up to date (git pull)",
			old, p->p->output, s.metadata->version);
	if (versioned_file(role, s.metadata->version, file) < 0 ||
		asprintf(&name, "%s.json", role) < 0)
		return no_memory(e);
	k = role_bytes(p, role, file, s.metadata, &is_new, &bytes, &n, e);
	for (size_t i = 0; i < s.metadata->n_targets && k == 0; i++)
		k = add_target(p, &s.metadata->targets[i], e);
	if (k == 0 && is_new)
		k = write_new(p, file, bytes, n, e);
	if (k == 0 &&
		json_object_set_new(
			p->metas, name, repository_meta(s.metadata->version, bytes, n)) < 0)
		k = no_memory(e);
	if (strcmp(role, "targets") == 0)
		p->ret.targets = s.metadata->version;
	return k;
}

static int add_roles(struct publishing *p, struct tuf_error *e)
{
	char **roles;
	int k = repository_roles(p->r, &roles, e);

	if (k < 0)
		return k;
	for (size_t i = 0; roles[i] && k == 0; i++)
		if (repository_role_type(roles[i]) == TUF_TARGETS)
			k = add_role(p, roles[i], e);
	repository_roles_free(roles);
	return k;
}

/* ---- what is signed here ---- */

/* As many signatures as @type needs, by whichever of its keys are at hand. */
static int sign_document(struct publishing *p, enum tuf_type type, const json_t *signed_part,
	json_t *signatures, struct tuf_error *e)
{
	const struct tuf_role *role = &p->root->roles[type];
	_cleanup_free_ char *payload = NULL;
	uint8_t signature[TUF_SIGNATURE_MAX];
	char hex[2 * TUF_SIGNATURE_MAX + 1];
	size_t n, size, have = 0;
	int k = canonical_encode(signed_part, &payload, &n);

	if (k < 0)
		return no_memory(e);
	for (size_t i = 0; i < role->n_keyids && have < role->threshold; i++) {
		k = p->p->sign(p->p->context, role->keyids[i], payload, n, signature, &size, e);
		if (k == -ENOKEY)
			continue;
		if (k < 0)
			return k;
		text_hex(signature, size, hex);
		if (json_array_append_new(signatures,
			    json_pack("{s:s, s:s}", "keyid", role->keyids[i], "sig", hex)) < 0)
			return no_memory(e);
		have++;
	}
	if (have < role->threshold)
		return tuf_fail(e, -EKEYREJECTED, tuf_type_to_string(type), NULL,
			"needs %u signatures, and %zu of its private keys are here; publish where "
			"the online key is",
			role->threshold, have);
	return 0;
}

/* *ret is what the new file says, *ret_bytes the file. */
static int make_file(struct publishing *p, enum tuf_type type, json_t *signed_part,
	struct tuf_metadata **ret, char **ret_bytes, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	_cleanup_json_ json_t *document = json_pack(
		"{s:[], s:O}", "signatures", "signed", signed_part);
	const char *role = tuf_type_to_string(type);
	_cleanup_free_ char *bytes = NULL;
	size_t n;
	int k = document ? 0 : no_memory(e);

	if (k == 0 && !p->p->dry_run)
		k = sign_document(p, type, signed_part, json_object_get(document, "signatures"), e);
	if (k < 0)
		return k;
	if (repository_dump(document, &bytes, &n) < 0)
		return no_memory(e);
	k = tuf_metadata_parse(type, role, role, bytes, n, &m, e);
	if (k < 0)
		return k;
	if (!p->p->dry_run &&
		tuf_metadata_count_signatures(m, p->root, &p->root->roles[type], NULL, NULL) <
			p->root->roles[type].threshold)
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"was signed, but its signatures do not verify; is the private key the one "
			"whose public part root names?");
	*ret = TAKE_PTR(m);
	*ret_bytes = TAKE_PTR(bytes);
	*ret_size = n;
	return 0;
}

/* Later than every version that was seen, here or there. */
static int64_t next_version(struct publishing *p, enum tuf_type type)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	int64_t version = repository_output_version(&p->old, tuf_type_to_string(type));

	if (!p->p->renew && repository_load(p->r, tuf_type_to_string(type), &m, NULL) == 0 &&
		m->version > version)
		version = m->version;
	return version < TUF_VERSION_MAX ? version + 1 : version;
}

/* The signed part of a new snapshot or timestamp. */
static int begin_file(struct publishing *p, enum tuf_type type, json_t *metas, json_t **ret)
{
	char expires[21];

	tuf_time_format(p->p->now_utc_sec + p->p->life_sec, expires);
	*ret = json_pack("{s:s, s:s, s:I, s:s, s:O}", "_type", tuf_type_to_string(type),
		"spec_version", "1.0.34", "version", (json_int_t) next_version(p, type), "expires",
		expires, "meta", metas);
	return *ret ? 0 : -ENOMEM;
}

/* Still good: signed by the keys that count now, and not past a third of its life. */
static bool is_fresh(const struct publishing *p, const struct tuf_metadata *m)
{
	const struct tuf_role *role;

	if (!m)
		return false;
	role = &p->root->roles[m->type];
	return tuf_metadata_count_signatures(m, p->root, role, NULL, NULL) >= role->threshold &&
		m->expires_utc_sec - p->p->now_utc_sec > p->p->life_sec / 3 * 2;
}

static const json_t *metas_of(const struct tuf_metadata *m)
{
	return m ? json_object_get(json_object_get(m->document, "signed"), "meta") : NULL;
}

static int make_snapshot(struct publishing *p, struct tuf_error *e)
{
	_cleanup_json_ json_t *signed_part = NULL;
	char file[TUF_FILE_MAX + 1];
	int k;

	if (is_fresh(p, p->old.snapshot) && json_equal(metas_of(p->old.snapshot), p->metas)) {
		if (versioned_file("snapshot", p->old.snapshot->version, file) < 0)
			return no_memory(e);
		p->ret.snapshot = p->old.snapshot->version;
		k = repository_read(p->old.fd, file, TUF_SNAPSHOT_SIZE_MAX, &p->snapshot_bytes,
			&p->snapshot_size);
		return k < 0 ? tuf_fail(e, k, "snapshot", file, "cannot be read: %s", strerror(-k))
			     : 0;
	}
	if (begin_file(p, TUF_SNAPSHOT, p->metas, &signed_part) < 0)
		return no_memory(e);
	k = make_file(p, TUF_SNAPSHOT, signed_part, &p->snapshot, &p->snapshot_bytes,
		&p->snapshot_size, e);
	if (k < 0)
		return k;
	p->ret.snapshot = p->snapshot->version;
	if (versioned_file("snapshot", p->snapshot->version, file) < 0)
		return no_memory(e);
	return write_new(p, file, p->snapshot_bytes, p->snapshot_size, e);
}

static int make_timestamp(struct publishing *p, struct tuf_error *e)
{
	_cleanup_json_ json_t *signed_part = NULL, *metas = NULL;
	char *bytes;
	size_t n;
	int k;

	if (!p->snapshot && !p->p->renew && p->n_pending == 0 && is_fresh(p, p->old.timestamp)) {
		p->ret.timestamp = p->old.timestamp->version;
		p->ret.expires_utc_sec = p->old.timestamp->expires_utc_sec;
		return 0;
	}
	metas = json_pack("{s:o}", "snapshot.json",
		repository_meta(p->ret.snapshot, p->snapshot_bytes, p->snapshot_size));
	if (!metas || begin_file(p, TUF_TIMESTAMP, metas, &signed_part) < 0)
		return no_memory(e);
	k = make_file(p, TUF_TIMESTAMP, signed_part, &p->timestamp, &bytes, &n, e);
	if (k < 0)
		return k;
	p->ret.timestamp = p->timestamp->version;
	p->ret.expires_utc_sec = p->timestamp->expires_utc_sec;
	return add_pending(p, REPOSITORY_METADATA "timestamp.json", bytes, n, e);
}

/* ---- as hosts will see it ---- */

/* The published folder with what is pending. */
static int fetch_pending(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	const struct publishing *p = context;
	const size_t head = sizeof(REPOSITORY_METADATA) - 1;
	_cleanup_free_ char *file = NULL;
	int k;

	for (size_t i = 0; i < p->n_pending; i++)
		if (strcmp(p->pending[i].file + head, path) == 0) {
			if (p->pending[i].n > max)
				return tuf_fail(e, -EFBIG, NULL, path,
					"is longer than %zu bytes, which is as much as hosts take",
					max);
			*ret = malloc(p->pending[i].n + 1);
			if (!*ret)
				return no_memory(e);
			memcpy(*ret, p->pending[i].bytes, p->pending[i].n + 1);
			*ret_size = p->pending[i].n;
			return 0;
		}
	if (asprintf(&file, REPOSITORY_METADATA "%s", path) < 0) {
		file = NULL;
		return no_memory(e);
	}
	k = repository_read(p->old.fd, file, max, ret, ret_size);
	return k < 0 ? tuf_fail(e, k, NULL, file, "%s", strerror(-k)) : 0;
}

static int read_content(void *context, const struct tuf_target *t, const char *file,
	struct tuf_digest *digest, struct tuf_error *e)
{
	const struct publishing *p = context;
	_cleanup_free_ char *path = NULL, *block = malloc(COPY_BLOCK_SIZE);
	_cleanup_close_ int fd = -1;
	uint64_t offset = 0;
	ssize_t n;

	if (!block || asprintf(&path, REPOSITORY_TARGETS "%s", file) < 0) {
		path = NULL;
		return no_memory(e);
	}
	fd = openat(p->old.fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	while ((n = fd_pread_full(fd, block, COPY_BLOCK_SIZE, (off_t) offset)) > 0) {
		if (tuf_digest_add(digest, block, (size_t) n) < 0)
			return tuf_fail(e, -EUCLEAN, NULL, path,
				"is longer than the %" PRIu64 " bytes that were signed; remove it "
				"and publish again",
				t->info.length);
		offset += (uint64_t) n;
	}
	return n < 0 ? tuf_fail(e, (int) n, NULL, path, "%s", strerror((int) -n)) : 0;
}

static int verify_all(struct publishing *p, struct tuf_error *e)
{
	_cleanup_(repository_verified_done) struct repository_verified verified = { 0 };
	struct tuf_transport transport = { .fetch = fetch_pending, .context = p };
	struct repository_verify v = { .metadata = &transport,
		.now_utc_sec = p->p->now_utc_sec,
		.content = read_content,
		.context = p };
	_cleanup_free_ char *root = NULL;
	char file[TUF_FILE_MAX + 1];
	int k;

	/* older ones get here in more than one update */
	repository_root_file(
		p->root->version > TUF_ROTATIONS_MAX ? p->root->version - TUF_ROTATIONS_MAX : 1,
		file);
	k = repository_read(p->r->fd, file, TUF_ROOT_SIZE_MAX, &root, &v.root_size);
	if (k < 0)
		return tuf_fail(e, k, "root", file, "cannot be read: %s", strerror(-k));
	v.root = root;
	return repository_verify(&v, &verified, e);
}

static int write_pending(struct publishing *p, struct tuf_error *e)
{
	int k = 0;

	for (size_t i = 0; i < p->n_pending && k == 0; i++)
		k = write_new(p, p->pending[i].file, p->pending[i].bytes, p->pending[i].n, e);
	return k;
}

/* So that git shows what went out. */
static int keep_copies(struct publishing *p, struct tuf_error *e)
{
	int k = 0;

	if (p->p->renew || p->p->dry_run)
		return 0;
	if (p->snapshot)
		k = repository_write_json(
			p->r->fd, REPOSITORY_METADATA "snapshot.json", p->snapshot->document);
	if (k == 0 && p->timestamp)
		k = repository_write_json(
			p->r->fd, REPOSITORY_METADATA "timestamp.json", p->timestamp->document);
	return k < 0 ? tuf_fail(e, k, NULL, REPOSITORY_METADATA,
			       "is published, but cannot be kept here: %s", strerror(-k))
		     : 0;
}

/* A role that was in a snapshot once stays in every later one, or hosts would take it for a
 * rollback. */
static int begin_metas(struct publishing *p, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *ours = NULL;

	if (!p->old.snapshot && repository_load(p->r, "snapshot", &ours, NULL) < 0)
		ours = NULL;
	p->metas = json_deep_copy(metas_of(p->old.snapshot ? p->old.snapshot : ours));
	if (!p->metas)
		p->metas = json_object();
	return p->metas ? 0 : no_memory(e);
}

static int collect(struct publishing *p, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	int k;

	if (p->p->renew) {
		p->root = TAKE_PTR(p->old.root);
		p->ret.targets = repository_output_version(&p->old, "targets");
		return 0;
	}
	k = repository_state(p->r, "root", &s, e);
	if (k == 0)
		k = check_usable(p, "root", &s, e);
	if (k < 0)
		return k;
	p->root = TAKE_PTR(s.metadata);
	k = add_roots(p, e);
	return k < 0 ? k : add_roles(p, e);
}

int repository_publish(struct repository *r, const struct repository_publish *p,
	struct repository_published *ret, struct tuf_error *e)
{
	_cleanup_(publishing_done) struct publishing run = { .r = r, .p = p, .old.fd = -1 };
	int k = open_output(&run, e);

	if (k == 0)
		k = begin_metas(&run, e);
	if (k == 0)
		k = collect(&run, e);
	if (k == 0)
		k = make_snapshot(&run, e);
	if (k == 0)
		k = make_timestamp(&run, e);
	if (k == 0 && !p->dry_run)
		k = verify_all(&run, e);
	if (k == 0)
		k = write_pending(&run, e);
	if (k == 0)
		k = keep_copies(&run, e);
	if (k < 0)
		return k;
	run.ret.root = run.root->version;
	*ret = run.ret;
	return 0;
}
