/*
 * Keys and roles: who may sign what.
 */
#include <assert.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/trust/metadata_parts.h"

static int compare_keyids(const void *a, const void *b)
{
	return memcmp(a, b, TUF_KEYID_SIZE);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp((*(struct tuf_key *const *) a)->id, (*(struct tuf_key *const *) b)->id);
}

static int read_key(const struct reading *rd, const json_t *object, struct tuf_key **ret)
{
	struct tuf_key *k = NULL;
	int r;

	r = tuf_key_parse(object, &k);
	if (r == -EBADMSG)
		return reading_fail(rd,
			"is no key, expected an object with \"keytype\", \"scheme\" and \"keyval\""
			" with the public key in the form that its scheme has");
	if (r < 0)
		return r;
	*ret = k; /* the caller's in any case */
	if (strcmp(k->id, rd->name) != 0)
		return reading_fail(rd, "has another id than that by its content, %s", k->id);
	return 0;
}

int metadata_read_keys(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *keys = NULL;
	int r;

	r = member_object(rd, object, "keys", &keys);
	if (r < 0)
		return r;
	if (json_object_size(keys) > TUF_KEYS_MAX)
		return reading_fail(rd, "\"keys\" holds %zu keys, expected %d at most",
			json_object_size(keys), TUF_KEYS_MAX);
	m->keys = calloc(json_object_size(keys) + 1, sizeof(*m->keys));
	if (!m->keys)
		return -ENOMEM;
	for (void *i = json_object_iter((json_t *) keys); i;
		i = json_object_iter_next((json_t *) keys, i)) {
		struct reading key = *rd;

		key.part = "key";
		key.name = json_object_iter_key(i);
		r = read_key(&key, json_object_iter_value(i), &m->keys[m->n_keys]);
		m->n_keys += m->keys[m->n_keys] != NULL;
		if (r < 0)
			return r;
	}
	qsort(m->keys, m->n_keys, sizeof(struct tuf_key *), compare_keys);
	return 0;
}

static int read_keyids(const struct reading *rd, const json_t *keyids, struct tuf_role *role)
{
	size_t n = json_array_size(keyids);

	if (n > TUF_KEYS_MAX)
		return reading_fail(rd, "has %zu key ids, expected %d at most", n, TUF_KEYS_MAX);
	role->keyids = calloc(n + 1, sizeof(*role->keyids));
	if (!role->keyids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(keyids, i);
		const char *keyid = json_string_value(value);

		if (!keyid || !member_is_keyid(keyid))
			return member_refuse(
				rd, "keyids", value, "key ids of 64 lower-case hexadecimal digits");
		memcpy(role->keyids[role->n_keyids++], keyid, TUF_KEYID_SIZE);
	}
	qsort(role->keyids, n, sizeof(*role->keyids), compare_keyids);
	for (size_t i = 1; i < n; i++)
		if (memcmp(role->keyids[i - 1], role->keyids[i], TUF_KEYID_SIZE) == 0)
			return reading_fail(rd, "names the key %s twice", role->keyids[i]);
	return 0;
}

int metadata_read_role(const struct reading *rd, const json_t *object, struct tuf_role *role)
{
	const json_t *keyids = NULL;
	int64_t threshold = 0;
	int r;

	r = member_array(rd, object, "keyids", &keyids);
	if (r == 0)
		r = member_integer(rd, object, "threshold", 1, UINT32_MAX, &threshold);
	if (r == 0)
		r = read_keyids(rd, keyids, role);
	role->threshold = (uint32_t) threshold;
	return r;
}

void metadata_role_done(struct tuf_role *role)
{
	free(role->name);
	free(role->keyids);
	*role = (struct tuf_role){ 0 };
}

/* The four roles and, at most, the one that the specification allows besides and nobody uses. */
static int check_names(const struct reading *rd, const json_t *roles)
{
	for (void *i = json_object_iter((json_t *) roles); i;
		i = json_object_iter_next((json_t *) roles, i)) {
		const char *name = json_object_iter_key(i);
		bool known = strcmp(name, "mirrors") == 0;

		for (int t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
			known = known || strcmp(name, tuf_type_to_string(t)) == 0;
		if (!known)
			return reading_fail(rd,
				"\"roles\" names \"%.80s\", expected root, timestamp, snapshot and"
				" targets",
				name);
	}
	return 0;
}

int metadata_read_root(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *roles = NULL, *role = NULL;
	int r;

	r = metadata_read_keys(rd, object, m);
	if (r == 0 && json_object_get(object, "consistent_snapshot"))
		r = member_bool(rd, object, "consistent_snapshot", &m->consistent_snapshot);
	if (r == 0)
		r = member_object(rd, object, "roles", &roles);
	if (r == 0)
		r = check_names(rd, roles);
	for (int t = TUF_ROOT; r == 0 && t < _TUF_TYPE_MAX; t++) {
		struct reading in_role = *rd;

		r = member_object(rd, roles, tuf_type_to_string(t), &role);
		if (r < 0)
			break;
		in_role.part = "role";
		in_role.name = tuf_type_to_string(t);
		m->roles[t].name = strdup(in_role.name);
		r = m->roles[t].name ? metadata_read_role(&in_role, role, &m->roles[t]) : -ENOMEM;
	}
	return r;
}
