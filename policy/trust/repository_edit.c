#include "policy/trust/repository_edit.h"

#include <inttypes.h>
#include <string.h>

#include "policy/trust/canonical.h"
#include "policy/trust/repository_folder.h"

#define SPEC_VERSION "1.0.34"

static int no_memory(struct tuf_error *e, const char *role)
{
	return tuf_fail(e, -ENOMEM, role, NULL, "not enough memory");
}

/* A role in the draft of the metadata that says who signs it. */
struct place {
	char *name;    /* of that metadata's role; owned */
	json_t *draft; /* owned */
	json_t *keys;  /* in it, all by key id */
	json_t *role;  /* in it, with keyids and threshold */
};

static void place_done(struct place *p)
{
	free(p->name);
	json_decref(p->draft);
}

static bool is_top(const char *role)
{
	return strcmp(role, tuf_type_to_string(repository_role_type(role))) == 0;
}

int repository_keys_role(struct repository *r, const char *role, char **ret, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	const struct tuf_delegation *d;

	if (!is_top(role))
		return repository_delegator(r, role, &m, &d, ret, e);
	*ret = strdup("root");
	return *ret ? 0 : no_memory(e, role);
}

static json_t *find_delegation(const json_t *signed_part, const char *role)
{
	json_t *roles = json_object_get(json_object_get(signed_part, "delegations"), "roles");
	json_t *one;

	for (size_t i = 0; (one = json_array_get(roles, i)); i++) {
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name && strcmp(name, role) == 0)
			return one;
	}
	return NULL;
}

static int place_find(
	struct repository *r, const char *role, struct place *ret, struct tuf_error *e)
{
	_cleanup_(place_done) struct place p = { 0 };
	int k = repository_keys_role(r, role, &p.name, e);

	if (k == 0)
		k = repository_draft(r, p.name, &p.draft, e);
	if (k < 0)
		return k;
	if (is_top(role)) {
		p.keys = json_object_get(p.draft, "keys");
		p.role = json_object_get(json_object_get(p.draft, "roles"), role);
	} else {
		p.keys = json_object_get(json_object_get(p.draft, "delegations"), "keys");
		p.role = find_delegation(p.draft, role);
	}
	if (!p.keys || !p.role)
		return tuf_fail(e, -EBADMSG, p.name, NULL, "does not say who signs %s", role);
	*ret = p;
	memset(&p, 0, sizeof(p));
	return 0;
}

/* Whoever signs @role changes. A version of it that is complete, and may be published, but would
 * not be any more, must be followed by another one: under its number it cannot change. What the
 * online key signs, publishing signs anew. */
static int place_write(
	struct repository *r, const char *role, const struct place *p, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state before = { 0 }, after = { 0 };
	_cleanup_json_ json_t *next = NULL;
	bool signed_by_people = repository_role_type(role) == TUF_TARGETS;
	int k = 0;

	if (signed_by_people)
		k = repository_state(r, role, &before, e);
	if (k == 0 && before.complete)
		k = repository_draft(r, role, &next, e);
	if (k == 0)
		k = repository_put(r, p->name, p->draft, e);
	if (k < 0 || !next)
		return k;
	k = repository_state(r, role, &after, e);
	return k < 0 || after.complete ? k : repository_put(r, role, next, e);
}

static uint64_t threshold_of(const json_t *role)
{
	return (uint64_t) json_integer_value(json_object_get(role, "threshold"));
}

int repository_set_threshold(
	struct repository *r, const char *role, uint64_t threshold, struct tuf_error *e)
{
	_cleanup_(place_done) struct place p = { 0 };
	size_t n;
	int k = place_find(r, role, &p, e);

	if (k < 0)
		return k;
	n = json_array_size(json_object_get(p.role, "keyids"));
	if (threshold == 0 || threshold > n)
		return tuf_fail(e, -EINVAL, role, NULL,
			"has %zu keys, so %" PRIu64
			" of them can never sign; add keys first (repo role add-key)",
			n, threshold);
	if (threshold == threshold_of(p.role))
		return tuf_fail(e, -EALREADY, role, NULL,
			"needs %" PRIu64 " signatures already; nothing to change", threshold);
	if (json_object_set_new(p.role, "threshold", json_integer((json_int_t) threshold)) < 0)
		return no_memory(e, role);
	return place_write(r, role, &p, e);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(
		json_string_value(*(json_t *const *) a), json_string_value(*(json_t *const *) b));
}

/* Sorted, so that the order in which keys came does not show in git. */
static int sort_strings(json_t *array)
{
	size_t n = json_array_size(array);
	json_t **items = calloc(n + 1, sizeof(json_t *));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		items[i] = json_incref(json_array_get(array, i));
	qsort(items, n, sizeof(*items), by_string);
	for (size_t i = 0; i < n; i++)
		(void) json_array_set_new(array, i, items[i]);
	free(items);
	return 0;
}

static bool index_of(const json_t *array, const char *text, size_t *ret)
{
	const json_t *one;

	for (size_t i = 0; (one = json_array_get(array, i)); i++)
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static int add_keyid(json_t *keys, json_t *role, const struct repository_key *key)
{
	json_t *ids = json_object_get(role, "keyids");

	if (json_array_append_new(ids, json_string(key->key->id)) < 0 ||
		json_object_set(keys, key->key->id, key->object) < 0)
		return -ENOMEM;
	return sort_strings(ids);
}

int repository_role_add_key(struct repository *r, const char *role,
	const struct repository_key *key, struct tuf_error *e)
{
	_cleanup_(place_done) struct place p = { 0 };
	size_t at;
	int k = place_find(r, role, &p, e);

	if (k < 0)
		return k;
	if (index_of(json_object_get(p.role, "keyids"), key->key->id, &at))
		return tuf_fail(e, -EALREADY, role, NULL, "has the key '%s' already", key->name);
	if (add_keyid(p.keys, p.role, key) < 0)
		return no_memory(e, role);
	return place_write(r, role, &p, e);
}

/* Does any role in the same file still want the key? */
static bool key_wanted(const json_t *draft, const char *keyid)
{
	json_t *top = json_object_get(draft, "roles"), *one;
	json_t *roles = json_object_get(json_object_get(draft, "delegations"), "roles");
	size_t at;

	for (void *i = json_object_iter(top); i; i = json_object_iter_next(top, i)) {
		one = json_object_iter_value(i);
		if (index_of(json_object_get(one, "keyids"), keyid, &at))
			return true;
	}
	for (size_t i = 0; (one = json_array_get(roles, i)); i++)
		if (index_of(json_object_get(one, "keyids"), keyid, &at))
			return true;
	return false;
}

int repository_role_remove_key(
	struct repository *r, const char *role, const char *keyid, struct tuf_error *e)
{
	_cleanup_(place_done) struct place p = { 0 };
	json_t *ids;
	size_t at;
	int k = place_find(r, role, &p, e);

	if (k < 0)
		return k;
	ids = json_object_get(p.role, "keyids");
	if (!index_of(ids, keyid, &at))
		return tuf_fail(e, -ENOENT, role, NULL, "does not have the key %.16s", keyid);
	if (json_array_size(ids) <= threshold_of(p.role))
		return tuf_fail(e, -EINVAL, role, NULL,
			"needs %" PRIu64 " signatures and has %zu keys; add another key or lower "
			"the threshold first",
			threshold_of(p.role), json_array_size(ids));
	if (json_array_remove(ids, at) < 0)
		return no_memory(e, role);
	if (!key_wanted(p.draft, keyid))
		(void) json_object_del(p.keys, keyid);
	return place_write(r, role, &p, e);
}

static json_t *json_time(int64_t utc_sec)
{
	char text[21];

	tuf_time_format(utc_sec, text);
	return json_string(text);
}

int repository_set_expiry(
	struct repository *r, const char *role, int64_t utc_sec, struct tuf_error *e)
{
	_cleanup_json_ json_t *draft = NULL;
	enum tuf_type type = repository_role_type(role);
	int k;

	if (type == TUF_SNAPSHOT || type == TUF_TIMESTAMP)
		return tuf_fail(e, -EINVAL, role, NULL,
			"is signed anew by 'proscribectl repo refresh DIR', which also takes "
			"--expires");
	k = repository_draft(r, role, &draft, e);
	if (k < 0)
		return k;
	if (json_object_set_new(draft, "expires", json_time(utc_sec)) < 0)
		return no_memory(e, role);
	return repository_put(r, role, draft, e);
}

/* ---- delegations ---- */

/* People type it, and its files are called so: only what URLs and file names write alike. */
static bool role_name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._~-";
	size_t n = strlen(name);

	return n > 0 && n <= REPOSITORY_ROLE_MAX && strspn(name, letters) == n && *name != '-' &&
		*name != '.' && !is_top(name);
}

static int check_delegation(
	struct repository *r, const struct repository_delegation *d, struct tuf_error *e)
{
	char **roles, file[TUF_FILE_MAX + 1];
	size_t n = 0;
	bool there = false;
	int k;

	if (!role_name_valid(d->role) || repository_role_file(d->role, file) < 0)
		return tuf_fail(e, -EINVAL, d->role, NULL,
			"cannot be the name of a team's role: up to %d letters, digits, '.', '_', "
			"'~' and '-', beginning with none of '.' and '-', and no role of TUF's own",
			REPOSITORY_ROLE_MAX);
	if (repository_role_type(d->parent) != TUF_TARGETS)
		return tuf_fail(e, -EINVAL, d->parent, NULL,
			"cannot delegate: only targets and roles below it can");
	if (d->n_paths == 0 || d->n_paths > TUF_PATTERNS_MAX)
		return tuf_fail(e, -EINVAL, d->role, NULL, "needs 1 to %d --path patterns",
			TUF_PATTERNS_MAX);
	if (d->threshold == 0 || d->threshold > d->n_keys)
		return tuf_fail(e, -EINVAL, d->role, NULL,
			"would have %zu keys, so %" PRIu64 " of them can never sign", d->n_keys,
			d->threshold);
	for (size_t i = 0; i < d->n_paths; i++)
		if (strncmp(d->paths[i], REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) != 0)
			return tuf_fail(e, -EINVAL, d->role, NULL,
				"may speak of files of the policy only: '%s' does not begin with "
				"'" REPOSITORY_POLICY "'",
				d->paths[i]);
	k = repository_roles(r, &roles, e);
	if (k < 0)
		return k;
	for (; roles[n]; n++)
		there = there || strcmp(roles[n], d->role) == 0;
	repository_roles_free(roles);
	if (there)
		return tuf_fail(e, -EEXIST, d->role, NULL, "is a role already");
	if (n >= REPOSITORY_DELEGATED_MAX + 4)
		return tuf_fail(e, -ELOOP, d->role, NULL,
			"is one role too many: %d can be delegated to", REPOSITORY_DELEGATED_MAX);
	return 0;
}

static json_t *delegation_role(const struct repository_delegation *d)
{
	json_t *role = json_pack("{s:s, s:[], s:I, s:b, s:[]}", "name", d->role, "keyids",
		"threshold", (json_int_t) d->threshold, "terminating", d->terminating, "paths");
	json_t *paths = json_object_get(role, "paths");

	for (size_t i = 0; i < d->n_paths; i++)
		if (json_array_append_new(paths, json_string(d->paths[i])) < 0) {
			json_decref(role);
			return NULL;
		}
	return role;
}

static int add_delegation(json_t *draft, const struct repository_delegation *d)
{
	json_t *delegations = json_object_get(draft, "delegations"), *keys;
	json_t *role = delegation_role(d);
	size_t at;

	if (!delegations) {
		delegations = json_pack("{s:{}, s:[]}", "keys", "roles");
		(void) json_object_set_new(draft, "delegations", delegations);
	}
	keys = json_object_get(delegations, "keys");
	if (!role || json_array_append_new(json_object_get(delegations, "roles"), role) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_keys; i++) {
		const struct repository_key *key = &d->keys[i];

		if (index_of(json_object_get(role, "keyids"), key->key->id, &at))
			return -EALREADY;
		if (add_keyid(keys, role, key) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Hosts that have seen a role of this name before must not see its version fall. */
static int first_version(struct repository *r, const char *role, json_t *first)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *snapshot = NULL;
	_cleanup_free_ char *name = NULL;
	const struct tuf_meta *meta;

	if (asprintf(&name, "%s.json", role) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (repository_load(r, "snapshot", &snapshot, NULL) < 0)
		return 0;
	meta = tuf_metadata_meta(snapshot, name);
	return meta && meta->version < TUF_VERSION_MAX
		? json_object_set_new(first, "version", json_integer(meta->version + 1))
		: 0;
}

int repository_delegate(
	struct repository *r, const struct repository_delegation *d, struct tuf_error *e)
{
	_cleanup_json_ json_t *draft = NULL, *first = NULL;
	int k = check_delegation(r, d, e);

	if (k == 0)
		k = repository_draft(r, d->parent, &draft, e);
	if (k < 0)
		return k;
	k = add_delegation(draft, d);
	if (k == -EALREADY)
		return tuf_fail(e, -EINVAL, d->role, NULL, "cannot have one key twice");
	if (k == 0)
		k = repository_first(TUF_TARGETS, d->expires_utc_sec, &first);
	if (k == 0)
		k = first_version(r, d->role, first);
	if (k < 0)
		return no_memory(e, d->role);
	k = repository_put(r, d->parent, draft, e);
	return k < 0 ? k : repository_put(r, d->role, first, e);
}

static int remove_delegation(json_t *draft, const char *role)
{
	json_t *delegations = json_object_get(draft, "delegations");
	json_t *keys = json_object_get(delegations, "keys");
	json_t *roles = json_object_get(delegations, "roles"), *one = find_delegation(draft, role);
	json_t *ids = json_incref(json_object_get(one, "keyids")), *id;
	size_t at = 0;

	while (json_array_get(roles, at) != one)
		at++;
	(void) json_array_remove(roles, at);
	for (size_t i = 0; (id = json_array_get(ids, i)); i++)
		if (!key_wanted(draft, json_string_value(id)))
			(void) json_object_del(keys, json_string_value(id));
	json_decref(ids);
	return json_array_size(roles) > 0 ? 0 : json_object_del(draft, "delegations");
}

int repository_undelegate(
	struct repository *r, const char *role, char **ret_parent, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *own = NULL;
	_cleanup_(place_done) struct place p = { 0 };
	char file[TUF_FILE_MAX + 1];
	int k;

	if (is_top(role))
		return tuf_fail(e, -EINVAL, role, NULL, "is no role that was delegated to");
	k = place_find(r, role, &p, e);
	if (k < 0)
		return k;
	k = repository_load(r, role, &own, e);
	if (k == 0 && own->n_delegations > 0)
		return tuf_fail(e, -EBUSY, role, NULL, "delegates to %s; undelegate that one first",
			own->delegations[0].role.name);
	if (k < 0 && k != -ENOENT)
		return k;
	if (remove_delegation(p.draft, role) < 0)
		return no_memory(e, role);
	k = repository_put(r, p.name, p.draft, e);
	if (k < 0)
		return k;
	if (repository_role_file(role, file) == 0 && unlinkat(r->fd, file, 0) < 0 &&
		errno != ENOENT)
		return tuf_fail(e, -errno, role, file, "cannot be removed: %s", strerror(errno));
	*ret_parent = TAKE_PTR(p.name);
	return 0;
}

/* ---- the beginning ---- */

int repository_first(enum tuf_type type, int64_t expires_utc_sec, json_t **ret)
{
	json_t *first = json_pack("{s:s, s:s, s:i, s:o}", "_type", tuf_type_to_string(type),
		"spec_version", SPEC_VERSION, "version", 1, "expires", json_time(expires_utc_sec));
	int r = first ? 0 : -ENOMEM;

	if (type == TUF_TARGETS && r == 0)
		r = json_object_set_new(first, "targets", json_object());
	else if (r == 0)
		r = json_object_set_new(first, "meta", json_object());
	if (r < 0) {
		json_decref(first);
		return -ENOMEM;
	}
	*ret = first;
	return 0;
}

int repository_name_file(
	struct repository *r, json_t *signed_part, const char *role, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	_cleanup_free_ char *bytes = NULL, *name = NULL;
	char file[TUF_FILE_MAX + 1];
	size_t n;
	int k = repository_load(r, role, &m, e);

	if (k < 0)
		return k;
	if (repository_role_file(role, file) < 0 || asprintf(&name, "%s.json", role) < 0) {
		name = NULL;
		return no_memory(e, role);
	}
	k = repository_read(r->fd, file, tuf_type_size_max(m->type), &bytes, &n);
	if (k < 0)
		return tuf_fail(e, k, role, file, "cannot be read: %s", strerror(-k));
	return json_object_set_new(json_object_get(signed_part, "meta"), name,
		       repository_meta(m->version, bytes, n)) < 0
		? no_memory(e, role)
		: 0;
}

int repository_first_root(const struct repository_key *const keys[_TUF_TYPE_MAX],
	const size_t n_keys[_TUF_TYPE_MAX], int64_t expires_utc_sec, json_t **ret)
{
	_cleanup_json_ json_t *root = json_pack("{s:s, s:s, s:i, s:o, s:b, s:{}, s:{}}", "_type",
		"root", "spec_version", SPEC_VERSION, "version", 1, "expires",
		json_time(expires_utc_sec), "consistent_snapshot", 1, "keys", "roles");
	json_t *all = json_object_get(root, "keys"), *roles = json_object_get(root, "roles");

	if (!root)
		return -ENOMEM;
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++) {
		json_t *role = json_pack("{s:[], s:i}", "keyids", "threshold", 1);

		if (json_object_set_new(roles, tuf_type_to_string(t), role) < 0)
			return -ENOMEM;
		for (size_t i = 0; i < n_keys[t]; i++)
			if (add_keyid(all, role, &keys[t][i]) < 0)
				return -ENOMEM;
	}
	*ret = TAKE_PTR(root);
	return 0;
}
