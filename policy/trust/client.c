#include "policy/trust/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/trust/search.h"
#include "policy/trust/trusted.h"

struct visit {
	const char *role, *delegator; /* borrowed from metadata */
};

struct found {
	const struct tuf_target *target;
	const char *role;
};

struct tuf_client {
	struct tuf_client_options o;
	struct tuf_trusted *trusted;
	bool refreshed;
	struct tuf_error failure; /* of the refresh */
	struct visit *visits;
	size_t n_visits;
	struct found *found; /* by the last tuf_client_each() */
	size_t n_found;
};

struct bytes {
	char *p; /* owned */
	size_t n;
};

static void bytes_done(struct bytes *b)
{
	free(b->p);
}

#define _cleanup_bytes_ _cleanup_(bytes_done)

/* An error of this host, about which the others have said nothing yet. */
static int fail_host(struct tuf_error *e, int r, const char *role, const char *file)
{
	(void) tuf_fail(e, r, role, file, "cannot be worked on: %s", strerror(-r));
	return r;
}

/* ---- what is stored ---- */
static int store_name(const char *role, char out[TUF_FILE_MAX + 1])
{
	char quoted[TUF_FILE_MAX + 1];
	int n, r = tuf_quote(role, 0, quoted, sizeof(quoted));

	if (r < 0)
		return r;
	n = snprintf(out, TUF_FILE_MAX + 1, "%s.json", quoted);
	return n < 0 || n > TUF_FILE_MAX ? -ENAMETOOLONG : 0;
}

/* 1: *ret holds it; 0: there is none, or one that nobody can have accepted. */
static int load(const struct tuf_client *c, const char *role, size_t max, struct bytes *ret,
	struct tuf_error *e)
{
	char name[TUF_FILE_MAX + 1];
	int r = store_name(role, name);

	if (r == 0)
		r = c->o.store->load(c->o.store->context, name, max, &ret->p, &ret->n);
	if (r == -ENOENT || r == -EFBIG)
		return 0;
	if (r < 0)
		return tuf_fail(
			e, r, role, name, "cannot be read from the store: %s", strerror(-r));
	return 1;
}

static int save(
	const struct tuf_client *c, const char *role, const struct bytes *b, struct tuf_error *e)
{
	char name[TUF_FILE_MAX + 1];
	int r = store_name(role, name);

	if (r == 0)
		r = c->o.store->save(c->o.store->context, name, b->p, b->n);
	if (r < 0)
		return tuf_fail(e, r, role, name, "cannot be stored: %s", strerror(-r));
	return 0;
}

static int forget(const struct tuf_client *c, const char *role, struct tuf_error *e)
{
	char name[TUF_FILE_MAX + 1];
	int r = store_name(role, name);

	if (r == 0)
		r = c->o.store->remove(c->o.store->context, name);
	if (r < 0)
		return tuf_fail(
			e, r, role, name, "cannot be deleted from the store: %s", strerror(-r));
	return 0;
}

/* Is @r a judgement on the content of a file? */
static bool refused(int r)
{
	switch (r) {
	case -EBADMSG:
	case -EFBIG:
	case -EKEYREJECTED:
	case -EKEYEXPIRED:
	case -ESTALE:
	case -EPROTO:
	case -EUCLEAN:
		return true;
	default:
		return false;
	}
}

/* ---- what the repository has ---- */
/* "4.targets.json", or "targets.json" for a @version of 0. */
static int file_name(const char *role, int64_t version, char out[TUF_FILE_MAX + 1])
{
	char name[TUF_FILE_MAX + 1];
	int n, r = store_name(role, name);

	if (r < 0 || version == 0)
		return r < 0 ? r : text_copy(out, TUF_FILE_MAX + 1, name);
	n = snprintf(out, TUF_FILE_MAX + 1, "%" PRId64 ".%s", version, name);
	return n < 0 || n > TUF_FILE_MAX ? -ENAMETOOLONG : 0;
}

static int fetch(const struct tuf_client *c, const char *role, const char *file, size_t max,
	struct bytes *ret, struct tuf_error *e)
{
	const struct tuf_transport *t = c->o.transport;
	int r = t->fetch(t->context, file, max, &ret->p, &ret->n, e);

	if (r < 0 && e && !e->role[0])
		(void) text_copy(e->role, sizeof(e->role), role);
	return r;
}

/* The version in the name of a file that must be @version. */
static int64_t version_in_name(const struct tuf_client *c, int64_t version)
{
	return tuf_trusted_get(c->trusted, TUF_ROOT)->consistent_snapshot ? version : 0;
}

static size_t size_max(enum tuf_type type, const struct tuf_fileinfo *info)
{
	size_t max = tuf_type_size_max(type);

	return info->has_length && info->length < max ? (size_t) info->length : max;
}

/* ---- refresh ---- */
int tuf_client_init(const struct tuf_store *store, int64_t now_utc_sec, const void *root, size_t n,
	struct tuf_error *e)
{
	_cleanup_(tuf_trusted_freep) struct tuf_trusted *t = NULL;
	_cleanup_bytes_ struct bytes old = { 0 };
	int r;

	r = tuf_trusted_new(now_utc_sec, root, n, &t, e);
	if (r < 0)
		return r;
	r = store->load(store->context, "root.json", TUF_ROOT_SIZE_MAX, &old.p, &old.n);
	if (r == 0 && old.n == n && memcmp(old.p, root, n) == 0)
		return 0;
	if (r == 0 || r == -EFBIG)
		return tuf_fail(
			e, -EEXIST, "root", "root.json", "is in the store already, and is another");
	if (r == -ENOENT)
		r = store->save(store->context, "root.json", root, n);
	if (r < 0)
		return tuf_fail(e, r, "root", "root.json", "cannot be stored: %s", strerror(-r));
	return 0;
}

int tuf_client_new(const struct tuf_client_options *o, struct tuf_client **ret, struct tuf_error *e)
{
	_cleanup_(tuf_client_freep) struct tuf_client *c = calloc(1, sizeof(*c));
	_cleanup_bytes_ struct bytes root = { 0 };
	int r;

	if (!c)
		return fail_host(e, -ENOMEM, "root", "root.json");
	c->o = *o;
	r = o->store->load(o->store->context, "root.json", TUF_ROOT_SIZE_MAX, &root.p, &root.n);
	if (r < 0)
		return tuf_fail(e, r, "root", "root.json", "cannot be read from the store: %s",
			strerror(-r));
	r = tuf_trusted_new(o->now_utc_sec, root.p, root.n, &c->trusted, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct tuf_client *tuf_client_free(struct tuf_client *c)
{
	if (!c)
		return NULL;
	(void) tuf_trusted_free(c->trusted);
	free(c->visits);
	free(c->found);
	free(c);
	return NULL;
}

/* Takes the next root, if there is one: 1. */
static int next_root(struct tuf_client *c, struct tuf_error *e)
{
	_cleanup_bytes_ struct bytes b = { 0 };
	char file[TUF_FILE_MAX + 1];
	int64_t version = tuf_trusted_get(c->trusted, TUF_ROOT)->version;
	int r;

	if (version == TUF_VERSION_MAX)
		return 0;
	r = file_name("root", version + 1, file);
	if (r < 0)
		return fail_host(e, r, "root", "root.json");
	r = fetch(c, "root", file, TUF_ROOT_SIZE_MAX, &b, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = tuf_trusted_root(c->trusted, file, b.p, b.n, e);
	if (r == 0)
		r = save(c, "root", &b, e);
	return r < 0 ? r : 1;
}

/* Has any key of the root signed what is stored of @type? A crash between storing a root with other
 * keys and deleting what the old ones had signed is found here. */
static int stored_is_signed(const struct tuf_client *c, enum tuf_type type, struct tuf_error *e)
{
	_cleanup_bytes_ struct bytes b = { 0 };
	const char *role = tuf_type_to_string(type);
	int r = load(c, role, tuf_type_size_max(type), &b, e);

	if (r <= 0)
		return r < 0 ? r : 1;
	r = tuf_trusted_signed(c->trusted, type, b.p, b.n);
	if (r < 0 && !refused(r))
		return fail_host(e, r, role, "");
	return r != -EKEYREJECTED;
}

static int update_root(struct tuf_client *c, struct tuf_error *e)
{
	int r = 1;

	for (unsigned i = 0; i < TUF_ROTATIONS_MAX && r > 0; i++)
		r = next_root(c, e);
	if (r < 0)
		return r;
	r = tuf_trusted_end_roots(c->trusted, e);
	if (r < 0)
		return r;
	if (!tuf_trusted_rotated(c->trusted)) {
		r = stored_is_signed(c, TUF_TIMESTAMP, e);
		if (r > 0)
			r = stored_is_signed(c, TUF_SNAPSHOT, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = forget(c, "timestamp", e);
	return r < 0 ? r : forget(c, "snapshot", e);
}

static int update_timestamp(struct tuf_client *c, struct tuf_error *e)
{
	_cleanup_bytes_ struct bytes stored = { 0 }, b = { 0 };
	int r;

	r = load(c, "timestamp", TUF_TIMESTAMP_SIZE_MAX, &stored, e);
	if (r > 0)
		r = tuf_trusted_timestamp(
			c->trusted, "timestamp.json", stored.p, stored.n, true, NULL);
	if (r < 0 && !refused(r))
		return fail_host(e, r, "timestamp", "timestamp.json");
	r = fetch(c, "timestamp", "timestamp.json", TUF_TIMESTAMP_SIZE_MAX, &b, e);
	if (r < 0)
		return r;
	r = tuf_trusted_timestamp(c->trusted, "timestamp.json", b.p, b.n, false, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return save(c, "timestamp", &b, e);
}

static int update_snapshot(struct tuf_client *c, struct tuf_error *e)
{
	_cleanup_bytes_ struct bytes stored = { 0 }, b = { 0 };
	const struct tuf_meta *meta;
	char file[TUF_FILE_MAX + 1];
	int r;

	r = load(c, "snapshot", TUF_SNAPSHOT_SIZE_MAX, &stored, e);
	if (r < 0)
		return r;
	if (r > 0) {
		r = tuf_trusted_snapshot(
			c->trusted, "snapshot.json", stored.p, stored.n, true, NULL);
		if (r == 0 || !refused(r))
			return r < 0 ? fail_host(e, r, "snapshot", "snapshot.json") : 0;
	}
	meta = tuf_metadata_meta(tuf_trusted_get(c->trusted, TUF_TIMESTAMP), "snapshot.json");
	r = file_name("snapshot", version_in_name(c, meta->version), file);
	if (r < 0)
		return fail_host(e, r, "snapshot", "snapshot.json");
	r = fetch(c, "snapshot", file, size_max(TUF_SNAPSHOT, &meta->info), &b, e);
	if (r == 0)
		r = tuf_trusted_snapshot(c->trusted, file, b.p, b.n, false, e);
	return r < 0 ? r : save(c, "snapshot", &b, e);
}

static int remember(struct tuf_client *c, const char *role, const char *delegator)
{
	struct visit *visits = reallocarray(c->visits, c->n_visits + 1, sizeof(*visits));

	if (!visits)
		return -ENOMEM;
	c->visits = visits;
	visits[c->n_visits++] = (struct visit){ role, delegator };
	return 0;
}

/* Takes the stored file of a role, else the repository's. */
static int load_targets(struct tuf_client *c, const char *role, const char *delegator,
	const struct tuf_meta *meta, struct tuf_error *e)
{
	_cleanup_bytes_ struct bytes stored = { 0 }, b = { 0 };
	char file[TUF_FILE_MAX + 1];
	int r;

	r = load(c, role, TUF_TARGETS_SIZE_MAX, &stored, e);
	if (r < 0)
		return r;
	if (r > 0) {
		r = tuf_trusted_targets(c->trusted, role, delegator, "", stored.p, stored.n, NULL);
		if (r == 0 || !refused(r))
			return r < 0 ? fail_host(e, r, role, "") : 0;
	}
	r = file_name(role, version_in_name(c, meta->version), file);
	if (r < 0)
		return fail_host(e, r, role, "");
	r = fetch(c, role, file, size_max(TUF_TARGETS, &meta->info), &b, e);
	if (r == 0)
		r = tuf_trusted_targets(c->trusted, role, delegator, file, b.p, b.n, e);
	return r < 0 ? r : save(c, role, &b, e);
}

static int visit(struct tuf_client *c, const char *role, const char *delegator,
	const struct tuf_metadata **ret, struct tuf_error *e)
{
	const struct tuf_metadata *m = tuf_trusted_role(c->trusted, role, delegator);
	const struct tuf_meta *meta;
	int r;

	if (!m) {
		meta = tuf_trusted_expected(c->trusted, role, delegator, e);
		if (!meta)
			return -EPROTO;
		r = load_targets(c, role, delegator, meta, e);
		if (r < 0)
			return r;
		if (strcmp(role, "targets") != 0) {
			r = remember(c, role, delegator);
			if (r < 0)
				return fail_host(e, r, role, "");
		}
		m = tuf_trusted_role(c->trusted, role, delegator);
	}
	*ret = m;
	return 0;
}

int tuf_client_refresh(struct tuf_client *c, struct tuf_error *e)
{
	const struct tuf_metadata *targets;
	int r;

	if (c->refreshed)
		return tuf_fail(e, -EALREADY, NULL, NULL, "this client has made its update");
	c->refreshed = true;
	r = update_root(c, &c->failure);
	if (r == 0)
		r = update_timestamp(c, &c->failure);
	if (r == 0)
		r = update_snapshot(c, &c->failure);
	if (r == 0)
		r = visit(c, "targets", "root", &targets, &c->failure);
	if (r == 0)
		c->failure = (struct tuf_error){ 0 };
	if (r < 0 && e)
		*e = c->failure;
	return r;
}

/* ---- targets ---- */
static int refresh_once(struct tuf_client *c, struct tuf_error *e)
{
	if (!c->refreshed)
		return tuf_client_refresh(c, e);
	if (c->failure.error < 0 && e)
		*e = c->failure;
	return c->failure.error;
}

static int fail_search(struct tuf_error *e, int r, const char *path, size_t roles_max)
{
	if (r == -ELOOP)
		return tuf_fail(e, r, NULL, path, "would be searched for in more than %zu roles",
			roles_max);
	return fail_host(e, r, NULL, path);
}

/* *ret stays NULL when no role that may speak of @path does. */
static int find(struct tuf_client *c, const char *path, struct found *ret, struct tuf_error *e)
{
	_cleanup_(tuf_search_freep) struct tuf_search *s = NULL;
	const char *role, *delegator;
	const struct tuf_metadata *m;
	int r = tuf_search_new(path, &s);

	while (r == 0) {
		r = tuf_search_next(s, &role, &delegator);
		if (r <= 0)
			break;
		r = visit(c, role, delegator, &m, e);
		if (r < 0)
			return r;
		ret->target = tuf_metadata_target(m, path);
		ret->role = role;
		if (ret->target)
			return 0;
		r = tuf_search_enter(s, m);
	}
	return r < 0 ? fail_search(e, r, path, TUF_DELEGATIONS_MAX) : 0;
}

int tuf_client_find(struct tuf_client *c, const char *path, const struct tuf_target **ret,
	const char **ret_role, struct tuf_error *e)
{
	struct found found = { 0 };
	int r;

	r = refresh_once(c, e);
	if (r == 0)
		r = find(c, path, &found, e);
	if (r < 0)
		return r;
	if (!found.target)
		return tuf_fail(e, -ENOENT, NULL, path, "is no target of this repository");
	*ret = found.target;
	if (ret_role)
		*ret_role = found.role;
	return 0;
}

struct candidates {
	const char **paths; /* borrowed from metadata */
	size_t n, allocated;
};

static void candidates_done(struct candidates *x)
{
	free(x->paths);
}

static int add_candidates(struct candidates *x, const struct tuf_metadata *m, const char *prefix)
{
	for (size_t i = 0; i < m->n_targets; i++) {
		if (strncmp(m->targets[i].path, prefix, strlen(prefix)) != 0)
			continue;
		if (x->n == x->allocated) {
			size_t n = x->allocated ? 2 * x->allocated : 64;
			const char **paths = reallocarray(x->paths, n, sizeof(*paths));

			if (!paths)
				return -ENOMEM;
			x->paths = paths;
			x->allocated = n;
		}
		x->paths[x->n++] = m->targets[i].path;
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The paths of which any role speaks, be it entitled to or not, sorted and each once. */
static int collect(
	struct tuf_client *c, const char *prefix, struct candidates *x, struct tuf_error *e)
{
	_cleanup_(tuf_search_freep) struct tuf_search *s = NULL;
	const char *role, *delegator;
	const struct tuf_metadata *m;
	size_t n = 0;
	int r = tuf_search_new_all(prefix, TUF_EACH_ROLES_MAX, &s);

	while (r == 0) {
		r = tuf_search_next(s, &role, &delegator);
		if (r <= 0)
			break;
		r = visit(c, role, delegator, &m, e);
		if (r < 0)
			return r;
		r = add_candidates(x, m, prefix);
		if (r == 0)
			r = tuf_search_enter(s, m);
	}
	if (r < 0)
		return fail_search(e, r, prefix, TUF_EACH_ROLES_MAX);
	if (x->n > 0)
		qsort(x->paths, x->n, sizeof(*x->paths), by_path);
	for (size_t i = 0; i < x->n; i++)
		if (n == 0 || strcmp(x->paths[n - 1], x->paths[i]) != 0)
			x->paths[n++] = x->paths[i];
	x->n = n;
	return 0;
}

/* Whose word counts for each of them? */
static int find_all(struct tuf_client *c, const struct candidates *x, struct tuf_error *e)
{
	_cleanup_free_ struct found *found = calloc(x->n + 1, sizeof(*found));
	size_t n = 0;

	if (!found)
		return fail_host(e, -ENOMEM, NULL, NULL);
	for (size_t i = 0; i < x->n; i++) {
		int r = find(c, x->paths[i], &found[n], e);

		if (r < 0)
			return r;
		n += found[n].target != NULL;
	}
	free(c->found);
	c->found = TAKE_PTR(found);
	c->n_found = n;
	return 0;
}

int tuf_client_each(struct tuf_client *c, const char *prefix,
	int (*each)(void *context, const struct tuf_target *t, const char *role), void *context,
	struct tuf_error *e)
{
	_cleanup_(candidates_done) struct candidates x = { 0 };
	int r;

	r = refresh_once(c, e);
	if (r == 0)
		r = collect(c, prefix, &x, e);
	if (r == 0)
		r = find_all(c, &x, e);
	for (size_t i = 0; r == 0 && i < c->n_found; i++)
		r = each(context, c->found[i].target, c->found[i].role);
	return r;
}

const struct tuf_target *tuf_client_found(const struct tuf_client *c, size_t i)
{
	return i < c->n_found ? c->found[i].target : NULL;
}

const struct tuf_metadata *tuf_client_get(const struct tuf_client *c, enum tuf_type type)
{
	return tuf_trusted_get(c->trusted, type);
}

/* The delegator is the one that was asked: the same role may have been visited for several. */
static const struct tuf_metadata *delegator_of(
	const struct tuf_client *c, const struct visit *v, const struct tuf_role **ret_role)
{
	const struct tuf_metadata *m = NULL;
	const struct tuf_delegation *d;

	if (strcmp(v->delegator, "targets") == 0)
		m = tuf_trusted_get(c->trusted, TUF_TARGETS);
	for (size_t i = 0; i < c->n_visits && !m; i++)
		if (strcmp(c->visits[i].role, v->delegator) == 0)
			m = tuf_trusted_role(c->trusted, v->delegator, c->visits[i].delegator);
	d = m ? tuf_metadata_delegation(m, v->role) : NULL;
	*ret_role = d ? &d->role : NULL;
	return m;
}

const char *tuf_client_role(const struct tuf_client *c, size_t i, const struct tuf_metadata **ret,
	const struct tuf_metadata **ret_keys_of, const struct tuf_role **ret_role)
{
	const struct tuf_metadata *root = tuf_trusted_get(c->trusted, TUF_ROOT), *m, *keys_of;
	const struct tuf_role *keys;
	const struct visit *v;

	if (i + TUF_ROOT < _TUF_TYPE_MAX) {
		enum tuf_type type = TUF_ROOT + (enum tuf_type) i;

		m = tuf_trusted_get(c->trusted, type);
		if (!m)
			return NULL;
		*ret = m;
		*ret_keys_of = root;
		*ret_role = &root->roles[type];
		return tuf_type_to_string(type);
	}
	i -= _TUF_TYPE_MAX - TUF_ROOT;
	if (i >= c->n_visits)
		return NULL;
	v = &c->visits[i];
	m = tuf_trusted_role(c->trusted, v->role, v->delegator);
	keys_of = delegator_of(c, v, &keys);
	if (!m || !keys)
		return NULL;
	*ret = m;
	*ret_keys_of = keys_of;
	*ret_role = keys;
	return v->role;
}

int tuf_client_target_file(
	const struct tuf_client *c, const struct tuf_target *t, char out[TUF_FILE_MAX + 1])
{
	const struct tuf_fileinfo *info = &t->info;
	char quoted[TUF_FILE_MAX + 1], hash[2 * sizeof(info->sha512) + 1] = "";
	const char *name;
	int n, r = tuf_quote(t->path, 1, quoted, sizeof(quoted));

	if (r < 0)
		return r;
	if (tuf_trusted_get(c->trusted, TUF_ROOT)->consistent_snapshot) {
		if (info->has_sha256)
			text_hex(info->sha256, sizeof(info->sha256), hash);
		else if (info->has_sha512)
			text_hex(info->sha512, sizeof(info->sha512), hash);
		else
			return -EUCLEAN;
	}
	name = strrchr(quoted, '/');
	name = name ? name + 1 : quoted;
	n = snprintf(out, TUF_FILE_MAX + 1, "%.*s%s%s%s", (int) (name - quoted), quoted, hash,
		hash[0] ? "." : "", name);
	return n < 0 || n > TUF_FILE_MAX ? -ENAMETOOLONG : 0;
}
