#include "ctl/repo/staging.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/source/folder.h"
#include "policy/trust/repository_folder.h"
#include "policy/trust/search.h"

#define STAGING_FOLDER ".policy.new" /* git leaves it out */

enum { STAGING_BLOCK_SIZE = 1 << 16 };

static int no_memory(struct tuf_error *e)
{
	return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
}

void staging_done(struct staging *s)
{
	if (s->folder)
		(void) repository_remove_tree(AT_FDCWD, s->folder);
	for (size_t i = 0; i < s->n; i++)
		free(s->files[i].path);
	for (size_t i = 0; i < s->n_roles; i++)
		tuf_metadata_free(s->metadata[i]);
	repository_roles_free(s->roles);
	free(s->metadata);
	free(s->files);
	free(s->folder);
	free(s->messages);
	*s = (struct staging){ 0 };
}

/* ---- whose is it? ---- */

static int load_roles(struct staging *s, struct tuf_error *e)
{
	size_t n = 0;
	int k = repository_roles(s->r, &s->roles, e);

	if (k < 0)
		return k;
	while (s->roles[n])
		n++;
	s->metadata = calloc(n + 1, sizeof(*s->metadata));
	if (!s->metadata)
		return no_memory(e);
	s->n_roles = n;
	for (size_t i = 0; i < n && k == 0; i++)
		if (repository_role_type(s->roles[i]) == TUF_TARGETS)
			k = repository_load(s->r, s->roles[i], &s->metadata[i], e);
	return k;
}

static const struct tuf_metadata *metadata_of(const struct staging *s, const char *role)
{
	for (size_t i = 0; i < s->n_roles; i++)
		if (strcmp(s->roles[i], role) == 0)
			return s->metadata[i];
	return NULL;
}

/* The role that speaks of @path; NULL. */
static const char *owner_of(
	const struct staging *s, const char *path, const struct tuf_target **ret)
{
	for (size_t i = 0; i < s->n_roles; i++) {
		*ret = s->metadata[i] ? tuf_metadata_target(s->metadata[i], path) : NULL;
		if (*ret)
			return s->roles[i];
	}
	return NULL;
}

/* Who delegates to @role: the index of it; s->n_roles: nobody. */
static size_t delegator_of(
	const struct staging *s, const char *role, const struct tuf_delegation **ret)
{
	size_t i = 0;

	for (; i < s->n_roles; i++) {
		*ret = s->metadata[i] ? tuf_metadata_delegation(s->metadata[i], role) : NULL;
		if (*ret)
			break;
	}
	return i;
}

/* May @role speak of @path? Everybody on the way from targets must let it. */
static bool may_speak_of(const struct staging *s, const char *role, const char *path)
{
	for (size_t depth = 0; role && strcmp(role, "targets") != 0; depth++) {
		const struct tuf_delegation *d;
		size_t from = delegator_of(s, role, &d);
		bool covered = false;

		if (from == s->n_roles || depth > s->n_roles)
			return false;
		for (size_t i = 0; d->paths && i < d->n_patterns; i++)
			covered = covered || tuf_pattern_matches(d->paths[i], path);
		if (!covered)
			return false;
		role = s->roles[from];
	}
	return true;
}

/* ---- files ---- */

static int copy_file(int from, int to, char sha256[65], uint64_t *ret_size)
{
	_cleanup_free_ char *block = malloc(STAGING_BLOCK_SIZE);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE];
	uint64_t size = 0;
	ssize_t n = 1;
	int r = block && digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

	while (r == 0 && n > 0) {
		n = fd_pread_full(from, block, STAGING_BLOCK_SIZE, (off_t) size);
		if (n > 0 && EVP_DigestUpdate(digest, block, (size_t) n) != 1)
			r = -ENOMEM;
		else
			r = n < 0 ? (int) n : fd_write_full(to, block, (size_t) n);
		size += n > 0 ? (uint64_t) n : 0;
	}
	if (r == 0 && EVP_DigestFinal_ex(digest, sum, NULL) != 1)
		r = -ENOMEM;
	EVP_MD_CTX_free(digest);
	if (r < 0)
		return r;
	text_hex(sum, 32, sha256);
	*ret_size = size;
	return 0;
}

/* URLs and file names must write it alike, everywhere. */
static bool name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._~-/";

	return name[strspn(name, letters)] == '\0';
}

static struct staged *add_file(struct staging *s, const char *path, struct tuf_error *e)
{
	struct staged *more = reallocarray(s->files, s->n + 1, sizeof(*more));

	if (!more) {
		(void) no_memory(e);
		return NULL;
	}
	s->files = more;
	more[s->n] = (struct staged){ .path = strdup(path) };
	if (!more[s->n].path) {
		(void) no_memory(e);
		return NULL;
	}
	return &more[s->n++];
}

static struct staged *find_file(const struct staging *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

/* Writes the content of @fd as "policy/..." into the folder. */
static int stage(struct staging *s, const char *path, int fd, bool other, struct tuf_error *e)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int to = -1;
	struct staged *f = add_file(s, path, e);
	int r;

	if (!f)
		return -ENOMEM;
	f->other = other;
	if (asprintf(&file, "%s/%s", s->folder, path + strlen(REPOSITORY_POLICY)) < 0) {
		file = NULL;
		return no_memory(e);
	}
	to = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = to < 0 ? -errno : copy_file(fd, to, f->sha256, &f->size);
	if (r == 0 && (fchmod(to, 0644) < 0 || fsync(to) < 0))
		r = -errno;
	return r < 0 ? tuf_fail(e, r, NULL, file, "cannot be written: %s", strerror(-r)) : 0;
}

static bool equals(const struct staged *f, const struct tuf_target *t)
{
	char hex[65];

	text_hex(t->info.sha256, sizeof(t->info.sha256), hex);
	return t->info.has_sha256 && t->info.length == f->size && strcmp(hex, f->sha256) == 0;
}

/* Takes the last one off again: it is another role's, and as that one has it. */
static void drop_last(struct staging *s)
{
	struct staged *f = &s->files[--s->n];
	_cleanup_free_ char *file = NULL;

	if (asprintf(&file, "%s/%s", s->folder, f->path + strlen(REPOSITORY_POLICY)) < 0)
		file = NULL;
	else
		(void) unlink(file);
	free(f->path);
}

/* One file of somebody's folder. What is another role's may be there, too, if it is as that role
 * has it: people check and edit the whole. */
static int take_file(struct staging *s, const struct folder_file *file, struct tuf_error *e)
{
	_cleanup_free_ char *path = NULL;
	const struct tuf_target *t;
	const char *owner;
	int r;

	if (asprintf(&path, REPOSITORY_POLICY "%s", file->name) < 0) {
		path = NULL;
		return no_memory(e);
	}
	if (!name_valid(path))
		return tuf_fail(e, -EINVAL, s->role, file->name,
			"has a name that cannot be published: letters, digits, '.', '_', '~' and "
			"'-' only");
	r = stage(s, path, file->fd, false, e);
	if (r < 0)
		return r;
	owner = owner_of(s, path, &t);
	if (owner && strcmp(owner, s->role) != 0) {
		if (!equals(&s->files[s->n - 1], t))
			return tuf_fail(e, -EINVAL, s->role, path,
				"belongs to role %s; what it changes in it is added with --role "
				"%s",
				owner, owner);
		drop_last(s);
		return 0;
	}
	if (!may_speak_of(s, s->role, path))
		return tuf_fail(e, -EINVAL, s->role, path,
			"is no file that this role may speak of; its delegation names the "
			"patterns");
	return 0;
}

static int take_folder(struct staging *s, const char *source, struct tuf_error *e)
{
	_cleanup_(folder_done) struct folder folder;
	int r = folder_open(source, false, &folder);

	if (r < 0) {
		s->messages = folder.message;
		folder.message = NULL;
		return s->messages ? r : tuf_fail(e, r, NULL, source, "%s", strerror(-r));
	}
	for (size_t i = 0; i < folder.n && r == 0; i++)
		r = take_file(s, &folder.files[i], e);
	return r;
}

/* What the other roles speak of stays. */
static int take_others(struct staging *s, struct tuf_error *e)
{
	int r = 0;

	for (size_t i = 0; i < s->n_roles && r == 0; i++) {
		const struct tuf_metadata *m = s->metadata[i];

		if (!m || strcmp(s->roles[i], s->role) == 0)
			continue;
		for (size_t j = 0; j < m->n_targets && r == 0; j++) {
			const char *path = m->targets[j].path;
			_cleanup_free_ char *file = NULL;
			_cleanup_close_ int fd = -1;

			if (find_file(s, path) ||
				strncmp(path, REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) != 0)
				continue;
			if (asprintf(&file, REPOSITORY_TARGETS "%s", path) < 0) {
				file = NULL;
				return no_memory(e);
			}
			fd = openat(s->r->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
			if (fd < 0)
				return tuf_fail(e, -errno, s->roles[i], file,
					"cannot be opened: %s", strerror(errno));
			r = stage(s, path, fd, true, e);
		}
	}
	return r;
}

static int make_folder(struct staging *s, struct tuf_error *e)
{
	static const char *const below[] = { "", "/lists", "/signatures" };
	int r;

	if (asprintf(&s->folder, "%s/" STAGING_FOLDER, s->r->path) < 0) {
		s->folder = NULL;
		return no_memory(e);
	}
	r = repository_remove_tree(AT_FDCWD, s->folder); /* of a run that was interrupted */
	for (size_t i = 0; i < ARRAY_SIZE(below) && r == 0; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", s->folder, below[i]) < 0) {
			path = NULL;
			return no_memory(e);
		}
		r = mkdir(path, 0755) < 0 ? -errno : 0;
	}
	return r < 0 ? tuf_fail(e, r, NULL, s->folder, "cannot be made: %s", strerror(-r)) : 0;
}

int staging_make(struct repository *r, const char *role, const char *source, struct staging *ret,
	struct tuf_error *e)
{
	int k;

	*ret = (struct staging){ .r = r, .role = role };
	k = load_roles(ret, e);
	if (k == 0 && !metadata_of(ret, role))
		k = tuf_fail(e, -ENOENT, role, NULL,
			"is no role that speaks of files; 'proscribectl repo status' shows those "
			"there are");
	if (k == 0)
		k = make_folder(ret, e);
	if (k == 0)
		k = take_folder(ret, source, e);
	return k < 0 ? k : take_others(ret, e);
}

/* ---- what it comes to ---- */

int staging_targets(const struct staging *s, json_t **ret)
{
	const struct tuf_metadata *m = metadata_of(s, s->role);
	json_t *targets = json_object();

	for (size_t i = 0; i < s->n; i++) {
		const struct staged *f = &s->files[i];
		const struct tuf_target *t = tuf_metadata_target(m, f->path);
		json_t *entry;

		if (f->other)
			continue;
		entry = json_pack("{s:{s:s}, s:I}", "hashes", "sha256", f->sha256, "length",
			(json_int_t) f->size);
		if (t && t->custom && equals(f, t))
			(void) json_object_set(entry, "custom", (json_t *) t->custom);
		if (json_object_set_new(targets, f->path, entry) < 0) {
			json_decref(targets);
			return -ENOMEM;
		}
	}
	/* what is no policy is not what this is about */
	for (size_t i = 0; i < m->n_targets; i++)
		if (strncmp(m->targets[i].path, REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) != 0)
			(void) json_object_set(targets, m->targets[i].path,
				json_object_get(
					json_object_get(
						json_object_get(m->document, "signed"), "targets"),
					m->targets[i].path));
	*ret = targets;
	return 0;
}

bool staging_unchanged(const struct staging *s)
{
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_free_ char *file = NULL;
		_cleanup_close_ int fd = -1, none = -1;
		struct staged now = { 0 };

		if (asprintf(&file, REPOSITORY_TARGETS "%s", s->files[i].path) < 0) {
			file = NULL;
			return false;
		}
		fd = openat(s->r->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		none = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || none < 0 || copy_file(fd, none, now.sha256, &now.size) < 0 ||
			now.size != s->files[i].size || strcmp(now.sha256, s->files[i].sha256) != 0)
			return false;
	}
	return true;
}

static int move_file(struct staging *s, const struct staged *f)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *above = NULL;

	if (asprintf(&from, "%s/%s", s->folder, f->path + strlen(REPOSITORY_POLICY)) < 0 ||
		asprintf(&to, REPOSITORY_TARGETS "%s", f->path) < 0)
		return -ENOMEM;
	above = strndup(to, (size_t) (strrchr(to, '/') - to));
	if (!above)
		return -ENOMEM;
	if ((mkdirat(s->r->fd, REPOSITORY_TARGETS "policy", 0755) < 0 && errno != EEXIST) ||
		(mkdirat(s->r->fd, above, 0755) < 0 && errno != EEXIST) ||
		renameat(AT_FDCWD, from, s->r->fd, to) < 0)
		return -errno;
	return repository_sync_folder(s->r->fd, to);
}

int staging_apply(struct staging *s, struct tuf_error *e)
{
	const struct tuf_metadata *m = metadata_of(s, s->role);

	for (size_t i = 0; i < s->n; i++) {
		int r = s->files[i].other ? 0 : move_file(s, &s->files[i]);

		if (r < 0)
			return tuf_fail(e, r, s->role, s->files[i].path,
				"cannot be put in place: %s", strerror(-r));
	}
	for (size_t i = 0; i < m->n_targets; i++) {
		_cleanup_free_ char *file = NULL;
		const char *path = m->targets[i].path;

		if (find_file(s, path) ||
			strncmp(path, REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) != 0)
			continue;
		if (asprintf(&file, REPOSITORY_TARGETS "%s", path) < 0) {
			file = NULL;
			return no_memory(e);
		}
		if (unlinkat(s->r->fd, file, 0) < 0 && errno != ENOENT)
			return tuf_fail(
				e, -errno, s->role, path, "cannot be removed: %s", strerror(errno));
	}
	return 0;
}

int staging_old(const struct staging *s, char **ret)
{
	bool any = false;

	*ret = NULL;
	for (size_t i = 0; i < s->n_roles; i++)
		any = any || (s->metadata[i] && s->metadata[i]->n_targets > 0);
	if (!any)
		return 0;
	return asprintf(ret, "%s/" REPOSITORY_TARGETS "policy", s->r->path) < 0 ? -ENOMEM : 0;
}
