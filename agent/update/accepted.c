#include "agent/update/accepted.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "agent/update/durable.h"
#include "policy/base/text.h"
#include "policy/trust/client.h"
#include "policy/trust/trusted.h"

/* Hexadecimal SHA-256 of the anchor that trusted/ began with; not there while it is begun. */
#define ANCHOR  "anchor"
#define TRUSTED "trusted"
#define ROOTS   "roots"

enum { ANCHOR_SIZE = 2 * 32 + 1, ROOT_NAME_SIZE = 40 };

struct accepted {
	int state; /* borrowed */
	int trusted_fd, roots_fd;
	struct tuf_store trusted, roots;
	struct tuf_store store; /* what the client sees */
	int64_t first;          /* the anchor's version */
};

static int version_of(const void *root, size_t n, int64_t *ret, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	int r = tuf_metadata_parse(TUF_ROOT, "root", "root.json", root, n, &m, e);

	if (r == 0)
		*ret = m->version;
	return r;
}

static void root_name(int64_t version, char out[ROOT_NAME_SIZE])
{
	(void) snprintf(out, ROOT_NAME_SIZE, "%lld.root.json", (long long) version);
}

/* ---- the client's store ---- */

static int load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	struct accepted *k = context;

	return k->trusted.load(k->trusted.context, name, max, ret, ret_size);
}

/* A root goes where it stays first: what is accepted is then never missing there. */
static int save(void *context, const char *name, const void *bytes, size_t n)
{
	struct accepted *k = context;
	char numbered[ROOT_NAME_SIZE];
	int64_t version = 0;
	int r = 0;

	if (strcmp(name, "root.json") == 0) {
		r = version_of(bytes, n, &version, NULL);
		if (r < 0)
			return r;
		root_name(version, numbered);
		r = k->roots.save(k->roots.context, numbered, bytes, n);
	}
	return r ?: k->trusted.save(k->trusted.context, name, bytes, n);
}

static int remove_one(void *context, const char *name)
{
	struct accepted *k = context;

	return k->trusted.remove(k->trusted.context, name);
}

/* ---- beginning ---- */

static int anchor_digest(const void *anchor, size_t n, char out[ANCHOR_SIZE])
{
	uint8_t digest[32];
	unsigned size = sizeof(digest);

	if (EVP_Digest(anchor, n, digest, &size, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	text_hex(digest, sizeof(digest), out);
	return 0;
}

static void close_both(struct accepted *k)
{
	cleanup_closep(&k->trusted_fd);
	cleanup_closep(&k->roots_fd);
	k->trusted_fd = k->roots_fd = -1;
}

static int open_both(struct accepted *k)
{
	int r = durable_folder(k->state, TRUSTED, &k->trusted_fd);

	r = r ?: durable_folder(k->state, ROOTS, &k->roots_fd);
	if (r < 0)
		return r;
	tuf_folder_store(&k->trusted_fd, &k->trusted);
	tuf_folder_store(&k->roots_fd, &k->roots);
	return 0;
}

/* Would a client begin with it? What is kept must not go for one that is of no use. */
static int try_anchor(int64_t now_utc_sec, const void *anchor, size_t n, struct tuf_error *e)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = NULL;
	struct tuf_store store;
	int r = tuf_bundle_new(NULL, 0, &b);

	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "%s", strerror(-r));
	tuf_bundle_store(b, &store);
	return tuf_client_init(&store, now_utc_sec, anchor, n, e);
}

int accepted_begin(
	struct accepted *k, int64_t now_utc_sec, const void *anchor, size_t n, struct tuf_error *e)
{
	char digest[ANCHOR_SIZE];
	int r = try_anchor(now_utc_sec, anchor, n, e);

	if (r < 0)
		return r;
	r = anchor_digest(anchor, n, digest);
	close_both(k);
	if (r == 0 && unlinkat(k->state, ANCHOR, 0) < 0 && errno != ENOENT)
		r = -errno;
	r = r ?: durable_remove(k->state, TRUSTED);
	r = r ?: durable_remove(k->state, ROOTS);
	r = r ?: open_both(k);
	if (r < 0)
		return tuf_fail(
			e, r, NULL, NULL, "the state folder cannot be written: %s", strerror(-r));
	r = tuf_client_init(&k->store, now_utc_sec, anchor, n, e);
	if (r < 0)
		return r;
	r = durable_write(k->state, ANCHOR, digest, strlen(digest));
	if (r < 0)
		return tuf_fail(e, r, NULL, ANCHOR, "cannot be written: %s", strerror(-r));
	return 0;
}

static bool same_anchor(struct accepted *k, const void *anchor, size_t n)
{
	_cleanup_free_ char *before = NULL;
	char digest[ANCHOR_SIZE];
	size_t size;

	return anchor_digest(anchor, n, digest) == 0 &&
		durable_read(k->state, ANCHOR, ANCHOR_SIZE, &before, &size) == 0 &&
		strcmp(before, digest) == 0;
}

static int load_root(struct accepted *k, int64_t version, char **ret, size_t *ret_size)
{
	char name[ROOT_NAME_SIZE];

	root_name(version, name);
	return k->roots.load(k->roots.context, name, TUF_ROOT_SIZE_MAX, ret, ret_size);
}

/* Each root since the anchor, as the one before wants it. */
static bool leads_to(struct accepted *k, int64_t now_utc_sec, const void *anchor, size_t n,
	int64_t last, const char *root, size_t root_size)
{
	_cleanup_(tuf_trusted_freep) struct tuf_trusted *t = NULL;

	if (tuf_trusted_new(now_utc_sec, anchor, n, &t, NULL) < 0)
		return false;
	for (int64_t v = k->first; v <= last; v++) {
		_cleanup_free_ char *one = NULL;
		size_t size;

		if (load_root(k, v, &one, &size) < 0)
			return false;
		if (v == k->first && (size != n || memcmp(one, anchor, n) != 0))
			return false;
		if (v > k->first && tuf_trusted_root(t, "root.json", one, size, NULL) < 0)
			return false;
		if (v == last && (size != root_size || memcmp(one, root, size) != 0))
			return false;
	}
	return last >= k->first;
}

/* The accepted root, and every one on the way to it. */
static bool is_whole(struct accepted *k, int64_t now_utc_sec, const void *anchor, size_t n)
{
	_cleanup_free_ char *root = NULL;
	int64_t last = 0;
	size_t size;

	return k->trusted.load(k->trusted.context, "root.json", TUF_ROOT_SIZE_MAX, &root, &size) ==
		0 &&
		version_of(root, size, &last, NULL) == 0 &&
		leads_to(k, now_utc_sec, anchor, n, last, root, size);
}

int accepted_open(int state, int64_t now_utc_sec, const void *anchor, size_t n,
	struct accepted **ret, struct tuf_error *e)
{
	_cleanup_(accepted_freep) struct accepted *k = malloc(sizeof(*k));
	int r;

	if (!k)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "%s", strerror(ENOMEM));
	*k = (struct accepted){ .state = state, .trusted_fd = -1, .roots_fd = -1 };
	k->store = (struct tuf_store){ load, save, remove_one, k };
	r = version_of(anchor, n, &k->first, e);
	if (r < 0)
		return r;
	if (open_both(k) < 0 || !same_anchor(k, anchor, n) || !is_whole(k, now_utc_sec, anchor, n))
		r = accepted_begin(k, now_utc_sec, anchor, n, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(k);
	return 0;
}

struct accepted *accepted_free(struct accepted *k)
{
	if (!k)
		return NULL;
	close_both(k);
	free(k);
	return NULL;
}

const struct tuf_store *accepted_store(const struct accepted *k)
{
	return &k->store;
}

int accepted_roots(const struct accepted *k, int64_t *ret_first)
{
	*ret_first = k->first;
	return k->roots_fd;
}
