/*
 * Delegations of a targets file, each by itself or, succinctly (TAP 15), as hash bins that share
 * their keys. Bins become delegations like any other, by the hash prefixes that fall to each.
 */
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/trust/metadata_parts.h"

enum {
	PREFIX_MAX = 64, /* hexadecimal digits of a SHA-256 */
	BIN_BITS_MAX = 16,
};
_Static_assert(1 << BIN_BITS_MAX == TUF_BINS_MAX, "as many bins as their bits can tell apart");

static bool is_prefix(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= PREFIX_MAX && strspn(s, "0123456789abcdef") == n;
}

static int read_patterns(const struct reading *rd, const char *key, const json_t *array,
	bool is_hash, struct tuf_delegation *d)
{
	size_t n = json_array_size(array);
	char **patterns;

	if (!json_is_array(array))
		return member_refuse(rd, key, array, "a list");
	if (n > TUF_PATTERNS_MAX)
		return reading_fail(rd, "has %zu patterns in \"%s\", expected %d at most", n, key,
			TUF_PATTERNS_MAX);
	patterns = calloc(n + 1, sizeof(*patterns));
	if (!patterns)
		return -ENOMEM;
	if (is_hash)
		d->prefixes = patterns;
	else
		d->paths = patterns;
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(array, i);
		const char *pattern = json_string_value(value);

		if (!pattern || (is_hash && !is_prefix(pattern)))
			return member_refuse(rd, key, value,
				is_hash ? "1 to 64 lower-case hexadecimal digits" : "a string");
		patterns[i] = strdup(pattern);
		if (!patterns[i])
			return -ENOMEM;
		d->n_patterns++;
	}
	return 0;
}

static int read_paths(const struct reading *rd, const json_t *object, struct tuf_delegation *d)
{
	const json_t *paths = json_object_get(object, "paths");
	const json_t *prefixes = json_object_get(object, "path_hash_prefixes");

	if (!paths == !prefixes)
		return reading_fail(rd,
			"has %s \"paths\" %s \"path_hash_prefixes\", expected one of them",
			paths ? "both" : "neither", paths ? "and" : "nor");
	return paths ? read_patterns(rd, "paths", paths, false, d)
		     : read_patterns(rd, "path_hash_prefixes", prefixes, true, d);
}

static int check_name(const struct reading *rd, const char *name)
{
	if (!*name)
		return reading_fail(rd, "has no name");
	if (strlen(name) > TUF_ROLE_MAX)
		return reading_fail(rd, "has a name of %zu bytes, expected %d at most",
			strlen(name), TUF_ROLE_MAX);
	for (int t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		if (strcmp(name, tuf_type_to_string(t)) == 0)
			return reading_fail(rd, "has the name of a top-level role");
	return 0;
}

static int read_delegation(const struct reading *rd, const json_t *object, struct tuf_delegation *d)
{
	struct reading in_role = *rd;
	const char *name = NULL;
	int r;

	in_role.part = "delegation";
	r = member_string(&in_role, object, "name", &name);
	if (r < 0)
		return r;
	in_role.name = name;
	r = check_name(&in_role, name);
	if (r < 0)
		return r;
	d->role.name = strdup(name);
	if (!d->role.name)
		return -ENOMEM;
	r = metadata_read_role(&in_role, object, &d->role);
	if (r == 0)
		r = member_bool(&in_role, object, "terminating", &d->terminating);
	return r < 0 ? r : read_paths(&in_role, object, d);
}

static int read_roles(const struct reading *rd, const json_t *roles, struct tuf_metadata *m)
{
	size_t n = json_array_size(roles);
	int r = 0;

	if (!json_is_array(roles))
		return member_refuse(rd, "roles", roles, "a list");
	if (n > TUF_ROLES_MAX)
		return reading_fail(
			rd, "\"roles\" has %zu delegations, expected %d at most", n, TUF_ROLES_MAX);
	m->delegations = calloc(n + 1, sizeof(*m->delegations));
	if (!m->delegations)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_delegation(
			rd, json_array_get(roles, i), &m->delegations[m->n_delegations++]);
	return r;
}

/* ---- hash bins ---- */

struct bins {
	const char *prefix; /* of their names */
	unsigned bits;
	int digits;           /* that tell one from another in its name */
	struct tuf_role role; /* keys and threshold of each; without a name */
};

static int make_bin(const struct bins *b, unsigned index, struct tuf_delegation *d)
{
	unsigned each = 1U << (4 * (unsigned) b->digits - b->bits);

	d->role = b->role;
	d->terminating = true;
	if (asprintf(&d->role.name, "%s-%0*x", b->prefix, b->digits, index) < 0) {
		d->role.name = NULL;
		return -ENOMEM;
	}
	d->prefixes = calloc(each + 1, sizeof(*d->prefixes));
	if (!d->prefixes)
		return -ENOMEM;
	for (unsigned i = 0; i < each; i++) {
		if (asprintf(&d->prefixes[i], "%0*x", b->digits, index * each + i) < 0) {
			d->prefixes[i] = NULL;
			return -ENOMEM;
		}
		d->n_patterns++;
	}
	return 0;
}

static int make_bins(const struct bins *b, struct tuf_metadata *m)
{
	size_t n = (size_t) 1 << b->bits;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = make_bin(b, (unsigned) i, &m->delegations[m->n_delegations++]);
	return r;
}

static int read_bins(const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	struct reading in_bins = *rd;
	struct bins b = { .prefix = "" };
	int64_t bits = 0;
	int r;

	in_bins.part = "the succinct roles";
	if (!json_is_object(object))
		return member_refuse(rd, "succinct_roles", object, "an object");
	r = member_integer(&in_bins, object, "bit_length", 1, BIN_BITS_MAX, &bits);
	if (r == 0)
		r = member_string(&in_bins, object, "name_prefix", &b.prefix);
	if (r < 0)
		return r;
	b.bits = (unsigned) bits;
	b.digits = (int) (bits + 3) / 4;
	if (strlen(b.prefix) + 1 + (size_t) b.digits > TUF_ROLE_MAX)
		return reading_fail(&in_bins, "have names of more than %d bytes", TUF_ROLE_MAX);
	m->delegations = calloc((size_t) 1 << b.bits, sizeof(*m->delegations));
	if (!m->delegations)
		return -ENOMEM;
	r = metadata_read_role(&in_bins, object, &b.role);
	if (r < 0) {
		metadata_role_done(&b.role);
		return r;
	}
	return make_bins(&b, m); /* the first bin owns the key ids, also on failure */
}

/* ---- both ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct tuf_delegation *const *) a)->role.name,
		(*(struct tuf_delegation *const *) b)->role.name);
}

static int sort_names(const struct reading *rd, struct tuf_metadata *m)
{
	m->by_name = calloc(m->n_delegations + 1, sizeof(*m->by_name));
	if (!m->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_delegations; i++)
		m->by_name[i] = &m->delegations[i];
	qsort(m->by_name, m->n_delegations, sizeof(struct tuf_delegation *), compare_names);
	for (size_t i = 1; i < m->n_delegations; i++)
		if (compare_names(&m->by_name[i - 1], &m->by_name[i]) == 0)
			return reading_fail(
				rd, "delegates to \"%.80s\" twice", m->by_name[i]->role.name);
	return 0;
}

int metadata_read_delegations(
	const struct reading *rd, const json_t *object, struct tuf_metadata *m)
{
	const json_t *delegations = NULL, *roles, *succinct;
	int r;

	if (!json_object_get(object, "delegations"))
		return 0;
	r = member_object(rd, object, "delegations", &delegations);
	if (r == 0)
		r = metadata_read_keys(rd, delegations, m);
	if (r < 0)
		return r;
	roles = json_object_get(delegations, "roles");
	succinct = json_object_get(delegations, "succinct_roles");
	if (!roles == !succinct)
		return reading_fail(rd,
			"\"delegations\" has %s \"roles\" %s \"succinct_roles\", expected one of"
			" them",
			roles ? "both" : "neither", roles ? "and" : "nor");
	r = roles ? read_roles(rd, roles, m) : read_bins(rd, succinct, m);
	return r < 0 ? r : sort_names(rd, m);
}

void metadata_delegations_done(struct tuf_metadata *m)
{
	for (size_t i = m->n_delegations; i-- > 0;) {
		struct tuf_delegation *d = &m->delegations[i];
		char **patterns = d->paths ? d->paths : d->prefixes;

		if (i > 0 && d->role.keyids == d[-1].role.keyids)
			d->role.keyids = NULL; /* bins share what the first one owns */
		for (size_t k = 0; k < d->n_patterns; k++)
			free(patterns[k]);
		free(patterns);
		metadata_role_done(&d->role);
	}
	free(m->delegations);
	free(m->by_name);
}
