#include "policy/trust/trusted.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/trust/digest.h"

/* A targets file, and who vouches for it. */
struct held {
	char *role, *delegator; /* owned */
	struct tuf_metadata *metadata;
};

struct tuf_trusted {
	int64_t now_utc_sec;
	bool rotated, roots_ended;
	struct tuf_metadata *top[TUF_SNAPSHOT + 1]; /* owned; root, timestamp and snapshot */
	bool final[TUF_SNAPSHOT + 1];               /* else a reference against rollback only */
	struct held *held;
	size_t n_held;
};

static int check_signatures(const struct tuf_metadata *m, const struct tuf_metadata *keys_of,
	const struct tuf_role *role, const char *name, const char *file, struct tuf_error *e)
{
	unsigned have = tuf_metadata_count_signatures(m, keys_of, role, NULL, NULL);

	if (have >= role->threshold)
		return 0;
	return tuf_fail(e, -EKEYREJECTED, name, file,
		"is signed by %u of the %zu keys that version %" PRId64
		" of its %s gives a say, but needs %" PRIu32,
		have, role->n_keyids, keys_of->version,
		keys_of->type == TUF_ROOT ? "root" : "delegator", role->threshold);
}

static int check_expiry(const struct tuf_trusted *t, const struct tuf_metadata *m, const char *role,
	const char *file, struct tuf_error *e)
{
	char expired[21], now[21];

	if (m->expires_utc_sec > t->now_utc_sec)
		return 0;
	tuf_time_format(m->expires_utc_sec, expired);
	tuf_time_format(t->now_utc_sec, now);
	return tuf_fail(e, -EKEYEXPIRED, role, file,
		"has expired: version %" PRId64 " was good until %s, and it is %s", m->version,
		expired, now);
}

int tuf_trusted_new(int64_t now_utc_sec, const void *root, size_t n, struct tuf_trusted **ret,
	struct tuf_error *e)
{
	_cleanup_(tuf_trusted_freep) struct tuf_trusted *t = calloc(1, sizeof(*t));
	struct tuf_metadata *m;
	int r;

	if (!t)
		return tuf_fail(e, -ENOMEM, "root", "root.json", "cannot be read: out of memory");
	t->now_utc_sec = now_utc_sec;
	r = tuf_metadata_parse(TUF_ROOT, "root", "root.json", root, n, &t->top[TUF_ROOT], e);
	if (r < 0)
		return r;
	m = t->top[TUF_ROOT];
	r = check_signatures(m, m, &m->roles[TUF_ROOT], "root", "root.json", e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

struct tuf_trusted *tuf_trusted_free(struct tuf_trusted *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(t->top); i++)
		(void) tuf_metadata_free(t->top[i]);
	for (size_t i = 0; i < t->n_held; i++) {
		free(t->held[i].role);
		free(t->held[i].delegator);
		(void) tuf_metadata_free(t->held[i].metadata);
	}
	free(t->held);
	free(t);
	return NULL;
}

static bool has_keyid(const struct tuf_role *role, const char *keyid)
{
	for (size_t i = 0; i < role->n_keyids; i++)
		if (strcmp(role->keyids[i], keyid) == 0)
			return true;
	return false;
}

/* A key that was only added is no reason to forget versions: nobody has lost his say. */
static bool lost_key(const struct tuf_role *old, const struct tuf_role *new)
{
	for (size_t i = 0; i < old->n_keyids; i++)
		if (!has_keyid(new, old->keyids[i]))
			return true;
	return false;
}

int tuf_trusted_root(
	struct tuf_trusted *t, const char *file, const void *bytes, size_t n, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *old = t->top[TUF_ROOT];
	int r;

	assert(!t->roots_ended);
	r = tuf_metadata_parse(TUF_ROOT, "root", file, bytes, n, &m, e);
	if (r < 0)
		return r;
	r = check_signatures(m, old, &old->roles[TUF_ROOT], "root", file, e);
	if (r < 0)
		return r;
	if (m->version - 1 != old->version)
		return tuf_fail(e, m->version <= old->version ? -ESTALE : -EPROTO, "root", file,
			"is version %" PRId64 ", but the one after version %" PRId64
			" was expected",
			m->version, old->version);
	r = check_signatures(m, m, &m->roles[TUF_ROOT], "root", file, e);
	if (r < 0)
		return r;
	t->rotated |= lost_key(&old->roles[TUF_TIMESTAMP], &m->roles[TUF_TIMESTAMP]) ||
		lost_key(&old->roles[TUF_SNAPSHOT], &m->roles[TUF_SNAPSHOT]);
	(void) tuf_metadata_free(t->top[TUF_ROOT]);
	t->top[TUF_ROOT] = TAKE_PTR(m);
	return 0;
}

int tuf_trusted_end_roots(struct tuf_trusted *t, struct tuf_error *e)
{
	int r = check_expiry(t, t->top[TUF_ROOT], "root", "root.json", e);

	if (r < 0)
		return r;
	t->roots_ended = true;
	t->final[TUF_ROOT] = true;
	return 0;
}

bool tuf_trusted_rotated(const struct tuf_trusted *t)
{
	return t->rotated;
}

/* Reads what keys of the root must have signed. */
static int read_top(const struct tuf_trusted *t, enum tuf_type type, const char *file,
	const void *bytes, size_t n, struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *root = t->top[TUF_ROOT];
	const char *role = tuf_type_to_string(type);
	int r;

	assert(t->roots_ended);
	r = tuf_metadata_parse(type, role, file, bytes, n, &m, e);
	if (r < 0)
		return r;
	r = check_signatures(m, root, &root->roles[type], role, file, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

int tuf_trusted_signed(const struct tuf_trusted *t, enum tuf_type type, const void *bytes, size_t n)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *root = t->top[TUF_ROOT];
	const char *role = tuf_type_to_string(type);
	int r = tuf_metadata_parse(type, role, role, bytes, n, &m, NULL);

	if (r < 0)
		return r;
	return tuf_metadata_count_signatures(m, root, &root->roles[type], NULL, NULL) > 0
		? 0
		: -EKEYREJECTED;
}

static void keep(struct tuf_trusted *t, struct tuf_metadata *m, bool final)
{
	(void) tuf_metadata_free(t->top[m->type]);
	t->top[m->type] = m;
	t->final[m->type] = final;
}

static const struct tuf_meta *snapshot_meta(const struct tuf_metadata *timestamp)
{
	const struct tuf_meta *meta = tuf_metadata_meta(timestamp, "snapshot.json");

	assert(meta);
	return meta;
}

static int check_newer_timestamp(const struct tuf_metadata *m, const struct tuf_metadata *old,
	const char *file, struct tuf_error *e)
{
	int64_t snapshot = snapshot_meta(m)->version, old_snapshot = snapshot_meta(old)->version;

	if (m->version < old->version)
		return tuf_fail(e, -ESTALE, "timestamp", file,
			"is version %" PRId64 ", but version %" PRId64 " was accepted before",
			m->version, old->version);
	if (m->version > old->version && snapshot < old_snapshot)
		return tuf_fail(e, -ESTALE, "timestamp", file,
			"names version %" PRId64 " of the snapshot, but version %" PRId64
			" was named before",
			snapshot, old_snapshot);
	return 0;
}

int tuf_trusted_timestamp(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *old = t->top[TUF_TIMESTAMP];
	int r;

	r = read_top(t, TUF_TIMESTAMP, file, bytes, n, &m, e);
	if (r < 0)
		return r;
	if (old) {
		r = check_newer_timestamp(m, old, file, e);
		if (r < 0)
			return r;
	}
	if (old && m->version == old->version) {
		r = check_expiry(t, old, "timestamp", file, e);
		if (r < 0)
			return r;
		t->final[TUF_TIMESTAMP] = true;
		return 1;
	}
	r = check_expiry(t, m, "timestamp", file, e);
	if (r < 0 && !local)
		return r;
	/* what is stored says nothing of today, before the repository was asked */
	keep(t, TAKE_PTR(m), !local);
	return r;
}

/* Is it the one that the timestamp names? */
static int check_named_snapshot(const struct tuf_trusted *t, const struct tuf_metadata *m,
	const char *file, struct tuf_error *e)
{
	const struct tuf_meta *meta = snapshot_meta(t->top[TUF_TIMESTAMP]);

	if (m->version == meta->version)
		return 0;
	return tuf_fail(e, -EPROTO, "snapshot", file,
		"is version %" PRId64 ", but the timestamp names version %" PRId64, m->version,
		meta->version);
}

static int check_newer_snapshot(const struct tuf_metadata *m, const struct tuf_metadata *old,
	const char *file, struct tuf_error *e)
{
	if (m->version < old->version)
		return tuf_fail(e, -ESTALE, "snapshot", file,
			"is version %" PRId64 ", but version %" PRId64 " was accepted before",
			m->version, old->version);
	for (size_t i = 0; i < old->n_metas; i++) {
		const struct tuf_meta *was = &old->metas[i];
		const struct tuf_meta *is = tuf_metadata_meta(m, was->name);

		if (!is)
			return tuf_fail(e, -ESTALE, "snapshot", file,
				"does not list %s any more, which version %" PRId64 " did",
				was->name, old->version);
		if (is->version < was->version)
			return tuf_fail(e, -ESTALE, "snapshot", file,
				"lists version %" PRId64 " of %s, but version %" PRId64
				" was accepted before",
				is->version, was->name, was->version);
	}
	return 0;
}

int tuf_trusted_snapshot(struct tuf_trusted *t, const char *file, const void *bytes, size_t n,
	bool local, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *old = t->top[TUF_SNAPSHOT];
	int r, named;

	assert(t->final[TUF_TIMESTAMP]);
	named = tuf_digest_check(
		&snapshot_meta(t->top[TUF_TIMESTAMP])->info, "snapshot", file, bytes, n, e);
	if (named < 0 && (!local || named == -ENOMEM))
		return named;
	r = read_top(t, TUF_SNAPSHOT, file, bytes, n, &m, e);
	if (r < 0)
		return r;
	if (named == 0)
		named = check_named_snapshot(t, m, file, e);
	if (named == 0 && old)
		named = check_newer_snapshot(m, old, file, e);
	if (named == 0)
		named = check_expiry(t, m, "snapshot", file, e);
	if (named < 0 && !local)
		return named;
	keep(t, TAKE_PTR(m), named == 0);
	return named;
}

static bool top_level(const char *role)
{
	for (enum tuf_type i = TUF_ROOT; i < _TUF_TYPE_MAX; i++)
		if (strcmp(role, tuf_type_to_string(i)) == 0)
			return true;
	return false;
}

/* The last one that was taken, whoever vouches for it. */
static const struct tuf_metadata *last_of(const struct tuf_trusted *t, const char *role)
{
	for (size_t i = t->n_held; i > 0; i--)
		if (strcmp(t->held[i - 1].role, role) == 0)
			return t->held[i - 1].metadata;
	return NULL;
}

/* Whose keys must have signed @role, when @delegator is asked? NULL with @e: nobody's. */
static const struct tuf_role *find_keys(const struct tuf_trusted *t, const char *role,
	const char *delegator, const char *file, const struct tuf_metadata **ret_keys_of,
	struct tuf_error *e)
{
	const struct tuf_metadata *from;
	const struct tuf_delegation *d;

	if (strcmp(delegator, "root") == 0 && strcmp(role, "targets") == 0) {
		*ret_keys_of = t->top[TUF_ROOT];
		return &t->top[TUF_ROOT]->roles[TUF_TARGETS];
	}
	from = last_of(t, delegator);
	d = from && !top_level(role) ? tuf_metadata_delegation(from, role) : NULL;
	if (!d) {
		(void) tuf_fail(
			e, -EPROTO, role, file, "is not a role that %s may delegate to", delegator);
		return NULL;
	}
	*ret_keys_of = from;
	return &d->role;
}

const struct tuf_meta *tuf_trusted_expected(
	const struct tuf_trusted *t, const char *role, const char *delegator, struct tuf_error *e)
{
	const struct tuf_metadata *snapshot = t->top[TUF_SNAPSHOT];
	const struct tuf_meta *meta;
	char name[TUF_FILE_MAX + 1];

	assert(t->final[TUF_SNAPSHOT]);
	(void) snprintf(name, sizeof(name), "%s.json", role);
	meta = tuf_metadata_meta(snapshot, name);
	if (!meta)
		(void) tuf_fail(e, -EPROTO, role, name,
			"is delegated to by %s, but version %" PRId64
			" of the snapshot does not list it",
			delegator, snapshot->version);
	return meta;
}

static int hold(
	struct tuf_trusted *t, const char *role, const char *delegator, struct tuf_metadata **m)
{
	_cleanup_free_ char *a = strdup(role), *b = strdup(delegator);
	struct held *held;

	held = reallocarray(t->held, t->n_held + 1, sizeof(*held));
	if (held)
		t->held = held;
	if (!a || !b || !held)
		return -ENOMEM;
	held[t->n_held++] = (struct held){ TAKE_PTR(a), TAKE_PTR(b), TAKE_PTR(*m) };
	return 0;
}

int tuf_trusted_targets(struct tuf_trusted *t, const char *role, const char *delegator,
	const char *file, const void *bytes, size_t n, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_metadata *keys_of;
	const struct tuf_role *keys = find_keys(t, role, delegator, file, &keys_of, e);
	const struct tuf_meta *meta;
	int r;

	meta = keys ? tuf_trusted_expected(t, role, delegator, e) : NULL;
	if (!meta)
		return -EPROTO;
	r = tuf_digest_check(&meta->info, role, file, bytes, n, e);
	if (r < 0)
		return r;
	r = tuf_metadata_parse(TUF_TARGETS, role, file, bytes, n, &m, e);
	if (r < 0)
		return r;
	r = check_signatures(m, keys_of, keys, role, file, e);
	if (r < 0)
		return r;
	if (m->version != meta->version)
		return tuf_fail(e, m->version < meta->version ? -ESTALE : -EPROTO, role, file,
			"is version %" PRId64 ", but the snapshot lists version %" PRId64,
			m->version, meta->version);
	r = check_expiry(t, m, role, file, e);
	if (r < 0)
		return r;
	r = hold(t, role, delegator, &m);
	return r < 0 ? tuf_fail(e, r, role, file, "cannot be kept: out of memory") : 0;
}

const struct tuf_metadata *tuf_trusted_get(const struct tuf_trusted *t, enum tuf_type type)
{
	switch (type) {
	case TUF_ROOT:
		return t->top[TUF_ROOT];
	case TUF_TIMESTAMP:
	case TUF_SNAPSHOT:
		return t->final[type] ? t->top[type] : NULL;
	case TUF_TARGETS:
		return tuf_trusted_role(t, "targets", "root");
	case TUF_TYPE_NONE:
	case _TUF_TYPE_MAX:
		break;
	}
	return NULL;
}

const struct tuf_metadata *tuf_trusted_role(
	const struct tuf_trusted *t, const char *role, const char *delegator)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (strcmp(t->held[i].role, role) == 0 &&
			strcmp(t->held[i].delegator, delegator) == 0)
			return t->held[i].metadata;
	return NULL;
}
