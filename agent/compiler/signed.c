#include "agent/compiler/signed.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/source/compile.h"
#include "policy/trust/client.h"
#include "policy/trust/digest.h"

#define METADATA_FOLDER "metadata/"
#define TARGETS_FOLDER  "targets/"
#define POLICY_PREFIX   "policy/" /* how the paths of targets begin that make up the policy */

/* ---- the files ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct signed_file *) a)->name, ((const struct signed_file *) b)->name);
}

void signed_sort(struct signed_file files[], size_t n)
{
	qsort(files, n, sizeof(*files), by_name);
}

/* -1: there is none. */
static int find_file(const struct signed_policy *s, const char *folder, const char *path)
{
	const struct signed_file *found;
	struct signed_file key = { .fd = -1 };

	if (asprintf(&key.name, "%s%s", folder, path) < 0)
		return -1;
	found = bsearch(&key, s->files, s->n_files, sizeof(*s->files), by_name);
	free(key.name);
	return found ? found->fd : -1;
}

/* struct tuf_transport over the descriptors. */
static int fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	const struct signed_policy *s = context;
	int r, fd = find_file(s, METADATA_FOLDER, path);

	if (fd < 0)
		return tuf_fail(e, -ENOENT, NULL, path,
			"is not among the files that were fetched, or no regular file");
	r = fd_read_file(fd, max, ret, ret_size);
	if (r == -EFBIG)
		return tuf_fail(
			e, r, NULL, path, "is larger than %zu bytes, which is the limit", max);
	return r < 0 ? tuf_fail(e, r, NULL, path, "cannot be read: %s", strerror(-r)) : 0;
}

/* ---- what a target is to the policy ---- */

struct kind {
	const char *folder, *suffix;
	uint64_t size_max;
	bool is_list;
};

static const struct kind kinds[] = {
	{ POLICY_SIGNATURES, ".yar", POLICY_FILE_SIZE_MAX, false },
	{ POLICY_LISTS, ".txt", POLICY_LIST_SIZE_MAX, true },
	{ "", ".yaml", POLICY_FILE_SIZE_MAX, false },
};

/* As the files of a policy folder are chosen by their names; NULL: it is none. */
static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].folder), k = strlen(kinds[i].suffix);
		const char *own = name + n;

		if (strncmp(name, kinds[i].folder, n) != 0)
			continue;
		n = strlen(own);
		return own[0] == '.' || n <= k || n > NAME_MAX || strchr(own, '/') ||
				strcmp(own + n - k, kinds[i].suffix) != 0
			? NULL
			: &kinds[i];
	}
	return NULL;
}

struct target {
	const struct tuf_target *target; /* of the client */
	const char *role, *name;
	const struct kind *kind;
};

struct targets {
	struct signed_policy *policy;
	struct tuf_client *client;
	struct target list[POLICY_ALL_FILES_MAX];
	size_t n;
	uint64_t size;
};

static int check_target(struct targets *all, const struct target *t)
{
	struct tuf_error *e = &all->policy->error;
	const struct tuf_fileinfo *info = &t->target->info;
	const char *path = t->target->path;

	if (!t->kind)
		return tuf_fail(e, -EBADMSG, t->role, path,
			"is none of a policy's files, which are " POLICY_PREFIX
			"NAME.yaml, " POLICY_PREFIX POLICY_SIGNATURES
			"NAME.yar and " POLICY_PREFIX POLICY_LISTS "NAME.txt");
	if (!info->has_sha256)
		return tuf_fail(e, -EUCLEAN, t->role, path, "has no sha256, which it must have");
	if (info->length > t->kind->size_max)
		return tuf_fail(e, -EFBIG, t->role, path,
			"is %ju bytes long; such a file has at most %ju", (uintmax_t) info->length,
			(uintmax_t) t->kind->size_max);
	all->size += info->length;
	if (all->size > SIGNED_SIZE_MAX)
		return tuf_fail(e, -EFBIG, t->role, path,
			"makes the files of the policy larger than %ju bytes together",
			(uintmax_t) SIGNED_SIZE_MAX);
	return 0;
}

static int each_target(void *context, const struct tuf_target *t, const char *role)
{
	struct targets *all = context;
	const char *name = t->path + strlen(POLICY_PREFIX);
	const struct target target = { t, role, name, kind_of(name) };
	size_t n = 0;
	int r = check_target(all, &target);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all->n; i++)
		n += all->list[i].kind == target.kind;
	if (n == POLICY_FILES_MAX)
		return tuf_fail(&all->policy->error, -EFBIG, role, t->path,
			"is one file too many: a policy has at most %d whose names end in %s",
			POLICY_FILES_MAX, target.kind->suffix);
	all->list[all->n++] = target;
	return 0;
}

/* ---- reading what is to be compiled ---- */

static int read_target(struct targets *all, const struct target *t, char **ret, size_t *ret_size)
{
	struct tuf_error *e = &all->policy->error;
	const uint64_t length = t->target->info.length;
	_cleanup_free_ char *bytes = NULL;
	char file[TUF_FILE_MAX + 1];
	struct stat st;
	int fd, r = tuf_client_target_file(all->client, t->target, file);

	if (r < 0)
		return tuf_fail(e, r, t->role, t->target->path, "has too long a name");
	fd = find_file(all->policy, TARGETS_FOLDER, file);
	if (fd < 0)
		return tuf_fail(e, -ENOENT, t->role, t->target->path,
			"is not among the files that were fetched, or no regular file");
	if (fstat(fd, &st) < 0)
		return tuf_fail(e, -errno, t->role, t->target->path, "cannot be looked at");
	if ((uint64_t) st.st_size != length)
		return tuf_fail(e, -EUCLEAN, t->role, t->target->path,
			"is %jd bytes long, but %ju were signed", (intmax_t) st.st_size,
			(uintmax_t) length);
	r = fd_read_file(fd, length, &bytes, ret_size);
	if (r < 0)
		return tuf_fail(e, r, t->role, t->target->path, "cannot be read: %s", strerror(-r));
	r = tuf_digest_check(&t->target->info, t->role, t->target->path, bytes, *ret_size, e);
	if (r == 0)
		*ret = TAKE_PTR(bytes);
	return r;
}

static int keep_target(struct targets *all, const struct target *t)
{
	struct signed_policy *s = all->policy;
	char *text = NULL, *name = strdup(t->name);
	size_t size = 0;
	int r = name ? read_target(all, t, &text, &size) : -ENOMEM;

	if (r < 0) {
		free(name);
		return r;
	}
	if (t->kind->is_list)
		s->lists[s->n_lists++] = (struct list){
			.source = { .name = name }, .text = text, .size = size, .fd = -1
		};
	else
		s->sources[s->n_sources++] = (struct source){
			.name = name, .text = text, .size = size
		};
	return 0;
}

/* policy.yaml comes first, as it does in a folder; the others come by name. */
static int read_targets(struct targets *all)
{
	int r = 0;

	for (int main_file = 1; main_file >= 0; main_file--)
		for (size_t i = 0; i < all->n && r == 0; i++)
			if ((strcmp(all->list[i].name, COMPILE_MAIN_FILE) == 0) == main_file)
				r = keep_target(all, &all->list[i]);
	return r;
}

/* ---- one update ---- */

/* What is trusted so far, or the anchor where nothing is yet. */
static int prepare_store(
	struct signed_policy *s, int64_t now, struct tuf_bundle **ret, struct tuf_store *ret_store)
{
	_cleanup_free_ char *bundle = NULL, *root = NULL;
	size_t bundle_size, root_size;
	int r = fd_read_file(s->bundle_fd, TUF_BUNDLE_SIZE_MAX, &bundle, &bundle_size);

	r = r < 0 ? r : tuf_bundle_new(bundle_size ? bundle : NULL, bundle_size, ret);
	if (r < 0)
		return tuf_fail(&s->error, r, NULL, NULL,
			"what was accepted earlier cannot be read: %s", strerror(-r));
	tuf_bundle_store(*ret, ret_store);
	if (bundle_size > 0)
		return 0;
	r = fd_read_file(s->root_fd, TUF_ROOT_SIZE_MAX, &root, &root_size);
	if (r < 0)
		return tuf_fail(&s->error, r, "root", "root.json",
			"the trusted root cannot be read: %s", strerror(-r));
	return tuf_client_init(ret_store, now, root, root_size, &s->error);
}

static int verify(struct targets *all, const struct wire_trust *order, struct wire_trusted *ret)
{
	static const uint8_t none[sizeof(order->in_force)];
	struct signed_policy *s = all->policy;
	int r = tuf_client_refresh(all->client, &s->error);
	const struct tuf_metadata *root = tuf_client_get(all->client, TUF_ROOT);

	ret->root_version = root ? root->version : 0;
	if (r == 0)
		r = tuf_client_each(all->client, POLICY_PREFIX, each_target, all, &s->error);
	if (r == 0 && all->n == 0)
		r = tuf_fail(&s->error, -ENOENT, "targets", POLICY_PREFIX COMPILE_MAIN_FILE,
			"is not in the repository: it holds no policy");
	if (r < 0)
		return r;
	trust_summary_make(all->client, &ret->summary);
	if (!memcmp(ret->summary.targets_digest, none, sizeof(none)))
		return -ENOMEM;
	ret->same = !memcmp(ret->summary.targets_digest, order->in_force, sizeof(none));
	return ret->same ? 0 : read_targets(all);
}

static int refuse(struct signed_policy *s, int error, struct wire_trusted *ret)
{
	if (s->error.error == 0)
		(void) tuf_fail(&s->error, error, NULL, NULL, "%s", strerror(-error));
	ret->error = s->error.error;
	ret->same = 0;
	memset(&ret->summary, 0, sizeof(ret->summary));
	return 0;
}

static int keep_bundle(
	const struct signed_policy *s, const struct tuf_bundle *bundle, struct wire_trusted *ret)
{
	struct stat st;
	int r = tuf_bundle_write(bundle, s->new_bundle_fd);

	if (r == 0 && fstat(s->new_bundle_fd, &st) < 0)
		r = -errno;
	if (r == 0)
		ret->bundle_size = (uint64_t) st.st_size;
	return r;
}

int signed_verify(struct signed_policy *s, const struct wire_trust *order, struct wire_trusted *ret)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *bundle = NULL;
	_cleanup_(tuf_client_freep) struct tuf_client *client = NULL;
	_cleanup_free_ struct targets *all = calloc(1, sizeof(*all));
	struct tuf_transport transport = { .fetch = fetch, .context = s };
	struct tuf_store store;
	struct tuf_client_options o = {
		.transport = &transport, .store = &store, .now_utc_sec = order->now_utc_sec
	};
	int r;

	if (!all)
		return -ENOMEM;
	r = prepare_store(s, order->now_utc_sec, &bundle, &store);
	r = r < 0 ? r : tuf_client_new(&o, &client, &s->error);
	if (r == 0) {
		all->policy = s;
		all->client = client;
		r = verify(all, order, ret);
	}
	if (r < 0)
		r = refuse(s, r, ret);
	return r < 0 || !bundle ? r : keep_bundle(s, bundle, ret);
}
