/*
 * Metadata of a repository: what is worked on, who must sign it and who did. Runs in proscribectl.
 */
#include <inttypes.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/trust/canonical.h"
#include "policy/trust/repository_folder.h"

static int no_memory(struct tuf_error *e, const char *role)
{
	return tuf_fail(e, -ENOMEM, role, NULL, "not enough memory");
}

/* ---- reading ---- */

static int load_file(struct repository *r, const char *role, const char *file,
	struct tuf_metadata **ret, struct tuf_error *e)
{
	enum tuf_type type = repository_role_type(role);
	_cleanup_free_ char *bytes = NULL;
	size_t n;
	int k = repository_read(r->fd, file, tuf_type_size_max(type), &bytes, &n);

	if (k == -ENOENT)
		return tuf_fail(e, k, role, file, "is not there; git may still have it");
	if (k < 0)
		return tuf_fail(e, k, role, file, "cannot be read: %s", strerror(-k));
	return tuf_metadata_parse(type, role, file, bytes, n, ret, e);
}

int repository_load(
	struct repository *r, const char *role, struct tuf_metadata **ret, struct tuf_error *e)
{
	char file[TUF_FILE_MAX + 1];
	int k = repository_role_file(role, file);

	if (k < 0)
		return tuf_fail(e, k, role, NULL, "is too long for the name of a role");
	return load_file(r, role, file, ret, e);
}

static int load_root(
	struct repository *r, int64_t version, struct tuf_metadata **ret, struct tuf_error *e)
{
	char file[TUF_FILE_MAX + 1];

	repository_root_file(version, file);
	return load_file(r, "root", file, ret, e);
}

/* A working copy that is complete has a copy under its number, and one that is not follows such a
 * one. */
int repository_root(struct repository *r, struct tuf_metadata **ret, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *working = NULL;
	int k = repository_load(r, "root", &working, e);

	if (k < 0)
		return k;
	k = load_root(r, working->version, ret, e);
	if (k == -ENOENT && working->version > 1)
		k = load_root(r, working->version - 1, ret, e);
	return k;
}

/* ---- roles ---- */

void repository_roles_free(char **roles)
{
	for (size_t i = 0; roles && roles[i]; i++)
		free(roles[i]);
	free(roles);
}

/* Roles still to be looked into, the next one last. */
struct walk {
	char *roles[REPOSITORY_DELEGATED_MAX + 1]; /* found, in pre-order; owned */
	size_t n;
	char *stack[REPOSITORY_DELEGATED_MAX + 1]; /* owned */
	size_t depth;
};

static void walk_done(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->roles[i]);
	for (size_t i = 0; i < w->depth; i++)
		free(w->stack[i]);
}

static bool walk_knows(const struct walk *w, const char *role)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->roles[i], role) == 0)
			return true;
	for (size_t i = 0; i < w->depth; i++)
		if (strcmp(w->stack[i], role) == 0)
			return true;
	return false;
}

static int walk_push(struct walk *w, const char *role, struct tuf_error *e)
{
	if (walk_knows(w, role))
		return 0;
	if (w->n + w->depth > REPOSITORY_DELEGATED_MAX)
		return tuf_fail(e, -ELOOP, role, NULL,
			"is one role too many: %d can be delegated to, or hosts would give up",
			REPOSITORY_DELEGATED_MAX);
	w->stack[w->depth] = strdup(role);
	if (!w->stack[w->depth])
		return no_memory(e, role);
	w->depth++;
	return 0;
}

static int walk_step(struct repository *r, struct walk *w, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	char *role = w->stack[--w->depth];
	int k;

	w->roles[w->n++] = role;
	k = repository_load(r, role, &m, e);
	if (k == -ENOENT && strcmp(role, "targets") != 0)
		return 0; /* delegated to, but not begun yet */
	for (size_t i = k == 0 ? m->n_delegations : 0; i > 0 && k == 0; i--)
		k = walk_push(w, m->delegations[i - 1].role.name, e);
	return k;
}

int repository_roles(struct repository *r, char ***ret, struct tuf_error *e)
{
	static const char *const first[] = { "root", "targets", "snapshot", "timestamp" };
	_cleanup_(walk_done) struct walk w = { 0 };
	char **roles;
	size_t n = 0;
	int k = walk_push(&w, "targets", e);

	while (k == 0 && w.depth > 0)
		k = walk_step(r, &w, e);
	if (k < 0)
		return k;
	roles = calloc(ARRAY_SIZE(first) + w.n, sizeof(*roles));
	if (!roles)
		return no_memory(e, NULL);
	for (; n < ARRAY_SIZE(first); n++) {
		roles[n] = strdup(first[n]);
		if (!roles[n]) {
			repository_roles_free(roles);
			return no_memory(e, NULL);
		}
	}
	for (size_t i = 1; i < w.n; i++)
		roles[n++] = TAKE_PTR(w.roles[i]);
	*ret = roles;
	return 0;
}

int repository_delegator(struct repository *r, const char *role, struct tuf_metadata **ret,
	const struct tuf_delegation **ret_delegation, char **ret_name, struct tuf_error *e)
{
	char **roles;
	int k = repository_roles(r, &roles, e);

	if (k < 0)
		return k;
	k = -ENOENT;
	for (size_t i = 0; roles[i] && k == -ENOENT; i++) {
		_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
		const struct tuf_delegation *d;

		if (repository_role_type(roles[i]) != TUF_TARGETS)
			continue;
		k = repository_load(r, roles[i], &m, e);
		d = k == 0 ? tuf_metadata_delegation(m, role) : NULL;
		if (k == 0 && !d)
			k = -ENOENT;
		if (!d)
			continue;
		if (ret_name && !(*ret_name = strdup(roles[i])))
			k = no_memory(e, role);
		if (k < 0)
			break;
		*ret_delegation = d;
		*ret = TAKE_PTR(m);
	}
	repository_roles_free(roles);
	if (k == -ENOENT)
		return tuf_fail(e, k, role, NULL,
			"there is no such role; 'proscribectl repo status' shows those there are");
	return k;
}

/* ---- who must sign, who did ---- */

void repository_state_done(struct repository_state *s)
{
	tuf_metadata_free(s->metadata);
	for (size_t i = 0; i < ARRAY_SIZE(s->keys_of); i++)
		tuf_metadata_free(s->keys_of[i]);
	*s = (struct repository_state){ 0 };
}

static void add_approval(
	struct repository_state *s, const struct tuf_metadata *keys_of, const struct tuf_role *role)
{
	s->approvals[s->n_approvals++] = (struct repository_approval){
		.role = role,
		.keys_of = keys_of,
		.have = tuf_metadata_count_signatures(s->metadata, keys_of, role, NULL, NULL),
	};
}

static int find_approvals(
	struct repository *r, const char *role, struct repository_state *s, struct tuf_error *e)
{
	enum tuf_type type = repository_role_type(role);
	const struct tuf_delegation *d = NULL;
	int k;

	if (type == TUF_ROOT) {
		if (s->metadata->version > 1) {
			k = load_root(r, s->metadata->version - 1, &s->keys_of[0], e);
			if (k < 0)
				return k;
			add_approval(s, s->keys_of[0], &s->keys_of[0]->roles[TUF_ROOT]);
		}
		add_approval(s, s->metadata, &s->metadata->roles[TUF_ROOT]);
	} else if (strcmp(role, tuf_type_to_string(type)) == 0) {
		k = repository_load(r, "root", &s->keys_of[0], e);
		if (k < 0)
			return k;
		add_approval(s, s->keys_of[0], &s->keys_of[0]->roles[type]);
	} else {
		k = repository_delegator(r, role, &s->keys_of[0], &d, NULL, e);
		if (k < 0 || !d)
			return k;
		add_approval(s, s->keys_of[0], &d->role);
	}
	return 0;
}

int repository_state(
	struct repository *r, const char *role, struct repository_state *ret, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	int k = repository_load(r, role, &s.metadata, e);

	if (k == 0)
		k = find_approvals(r, role, &s, e);
	if (k < 0)
		return k;
	s.complete = true;
	for (size_t i = 0; i < s.n_approvals; i++)
		s.complete = s.complete && s.approvals[i].have >= s.approvals[i].role->threshold;
	*ret = s;
	s = (struct repository_state){ 0 };
	return 0;
}

struct looked_for {
	const char *keyid;
	bool found;
};

static void look_for(void *context, const struct tuf_key *key)
{
	struct looked_for *l = context;

	l->found = l->found || strcmp(key->id, l->keyid) == 0;
}

bool repository_signed_by(const struct repository_state *s, const char *keyid)
{
	struct looked_for l = { .keyid = keyid };

	for (size_t i = 0; i < s->n_approvals; i++)
		(void) tuf_metadata_count_signatures(
			s->metadata, s->approvals[i].keys_of, s->approvals[i].role, look_for, &l);
	return l.found;
}

/* ---- changing ---- */

/* Was this version published? The snapshot that names it came with that. A root that changed who
 * signs can make such a one incomplete; it must not change under its number. */
static bool was_published(struct repository *r, const char *role, int64_t version)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *snapshot = NULL;
	_cleanup_free_ char *name = NULL;
	const struct tuf_meta *meta;

	if (repository_role_type(role) != TUF_TARGETS || asprintf(&name, "%s.json", role) < 0) {
		name = NULL;
		return false;
	}
	if (repository_load(r, "snapshot", &snapshot, NULL) < 0)
		return false;
	meta = tuf_metadata_meta(snapshot, name);
	return meta && meta->version >= version;
}

int repository_draft(struct repository *r, const char *role, json_t **ret, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	json_t *draft;
	int64_t version;
	int k = repository_state(r, role, &s, e);

	if (k < 0)
		return k;
	version = s.metadata->version;
	if (s.complete || was_published(r, role, version)) {
		if (version == TUF_VERSION_MAX)
			return tuf_fail(e, -ERANGE, role, NULL,
				"has the last version number there is; nothing can follow it");
		version++;
	}
	draft = json_deep_copy(json_object_get(s.metadata->document, "signed"));
	if (!draft || json_object_set_new(draft, "version", json_integer(version)) < 0) {
		json_decref(draft);
		return no_memory(e, role);
	}
	*ret = draft;
	return 0;
}

/* Writes what parses as metadata of @role, and nothing else. */
static int write_document(struct repository *r, const char *role, const char *file,
	const json_t *document, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	_cleanup_free_ char *text = NULL;
	size_t n;
	int k = repository_dump(document, &text, &n);

	if (k < 0)
		return no_memory(e, role);
	k = tuf_metadata_parse(repository_role_type(role), role, file, text, n, &m, e);
	if (k < 0)
		return k;
	k = repository_write(r->fd, file, text, n, 0644);
	return k < 0 ? tuf_fail(e, k, role, file, "cannot be written: %s", strerror(-k)) : 0;
}

int repository_put(
	struct repository *r, const char *role, const json_t *signed_part, struct tuf_error *e)
{
	_cleanup_json_ json_t *document = json_pack(
		"{s:[], s:O}", "signatures", "signed", signed_part);
	char file[TUF_FILE_MAX + 1];
	int k = repository_role_file(role, file);

	if (k < 0)
		return tuf_fail(e, k, role, NULL, "is too long for the name of a role");
	return document ? write_document(r, role, file, document, e) : no_memory(e, role);
}

int repository_payload(
	struct repository *r, const char *role, char **ret, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;
	int k = repository_load(r, role, &m, e);

	if (k < 0)
		return k;
	*ret = TAKE_PTR(m->signed_bytes);
	*ret_size = m->signed_size;
	return 0;
}

/* ---- signatures ---- */

static const struct tuf_key *find_signer(const struct repository_state *s, const char *keyid)
{
	for (size_t i = 0; i < s->n_approvals; i++)
		for (size_t j = 0; j < s->approvals[i].role->n_keyids; j++)
			if (strcmp(s->approvals[i].role->keyids[j], keyid) == 0)
				return tuf_metadata_key(s->approvals[i].keys_of, keyid);
	return NULL;
}

static int by_keyid(const void *a, const void *b)
{
	return strcmp(json_string_value(json_object_get(*(json_t *const *) a, "keyid")),
		json_string_value(json_object_get(*(json_t *const *) b, "keyid")));
}

/* The signatures of @old without those by @keyid, with the new one, in the order of key ids: two
 * people who sign in any order make the same file. */
static json_t *with_signature(const json_t *old, const char *keyid, const char *hex)
{
	size_t n = json_array_size(old), used = 0;
	json_t *all = json_array(), **items = calloc(n + 1, sizeof(json_t *));
	json_t *own = json_pack("{s:s, s:s}", "keyid", keyid, "sig", hex);
	int r = all && items && own ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		json_t *one = json_array_get(old, i);
		const char *id = json_string_value(json_object_get(one, "keyid"));

		if (id && strcmp(id, keyid) != 0)
			items[used++] = one;
	}
	if (r == 0) {
		items[used++] = own;
		qsort(items, used, sizeof(*items), by_keyid);
	}
	for (size_t i = 0; i < used && r == 0; i++)
		r = json_array_append(all, items[i]);
	json_decref(own);
	free(items);
	if (r == 0)
		return all;
	json_decref(all);
	return NULL;
}

static int write_signed(struct repository *r, const char *role, const json_t *document,
	int64_t version, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	char file[TUF_FILE_MAX + 1];
	int k = repository_role_file(role, file);

	if (k == 0)
		k = write_document(r, role, file, document, e);
	if (k < 0 || repository_role_type(role) != TUF_ROOT)
		return k;
	k = repository_state(r, role, &s, e);
	if (k < 0 || !s.complete)
		return k;
	repository_root_file(version, file);
	return write_document(r, role, file, document, e);
}

int repository_add_signature(struct repository *r, const char *role, const char *keyid,
	const uint8_t *bytes, size_t n, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	_cleanup_json_ json_t *document = NULL;
	char hex[2 * TUF_SIGNATURE_MAX + 1];
	const struct tuf_key *key;
	json_t *signatures;
	int k = repository_state(r, role, &s, e);

	if (k < 0)
		return k;
	key = find_signer(&s, keyid);
	if (!key)
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"is not signed by the key %.16s: it has no say in this role", keyid);
	if (n == 0 || n > TUF_SIGNATURE_MAX ||
		!tuf_key_verify(key, s.metadata->signed_bytes, s.metadata->signed_size, bytes, n))
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"version %" PRId64 " is not what this signature by the key %.16s was made "
			"for",
			s.metadata->version, keyid);
	text_hex(bytes, n, hex);
	signatures = with_signature(
		json_object_get(s.metadata->document, "signatures"), keyid, hex);
	document = signatures ? json_pack("{s:o, s:O}", "signatures", signatures, "signed",
					json_object_get(s.metadata->document, "signed"))
			      : NULL;
	return document ? write_signed(r, role, document, s.metadata->version, e)
			: no_memory(e, role);
}
