/*
 * What a policy says about a file: the look-ups. None of them can fail, allocate or wait.
 */
#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/vers.h"
#include "policy/identity/version.h"
#include "policy/image/mapped.h"
#include "policy/image/match.h"

/* For a bucket that has a tag for each hash. The few hashes are read in order: this goes right on
 * the first read nearly always, so that the processor need not wait for one look-up to begin the
 * next. */
static uint32_t find_by_tag(const struct policy *p, const struct format_bucket *bucket,
	uint64_t size, const uint8_t *digest)
{
	uint32_t low = bucket[0].first, high = bucket[1].first, tagged = 0;
	uint8_t tag = (uint8_t) format_size_key(size);

	for (uint32_t i = 0; i < FORMAT_BUCKET_TAGS; i++)
		tagged |= (uint32_t) (bucket->tags[i] == tag) << i;
	tagged &= (1U << (high - low)) - 1;
	if (!tagged)
		return high;
	low += (uint32_t) __builtin_ctz(tagged);
	while (low < high && format_compare_hash(&p->hashes[low], size, digest) < 0)
		low++;
	return low;
}

/* The first hash not before (@size, @digest), and the end of its bucket. */
static uint32_t find_hash(
	const struct policy *p, uint64_t size, const uint8_t *digest, uint32_t *ret_end)
{
	const struct format_bucket *bucket =
		&p->buckets[format_bucket(format_size_key(size), p->n[SECTION_BUCKETS] - 1)];
	uint32_t low = bucket[0].first, high = bucket[1].first;

	if (low > high || high > p->n[SECTION_HASHES]) {
		*ret_end = 0;
		return 0;
	}
	*ret_end = high;
	if (high - low <= FORMAT_BUCKET_TAGS)
		return find_by_tag(p, bucket, size, digest);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (format_compare_hash(&p->hashes[middle], size, digest) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool policy_size_listed(const struct policy *p, uint64_t size)
{
	uint32_t end, i = find_hash(p, size, NULL, &end);

	return i < end && format_compare_hash(&p->hashes[i], size, NULL) == 0;
}

bool policy_has_build_ids(const struct policy *p)
{
	return p->n[SECTION_BUILD_IDS] > 0;
}

bool policy_admits(const struct policy *p, enum file_class class, uint64_t size)
{
	for (uint32_t i = 0; i < p->n[SECTION_SIGNATURES]; i++)
		if (signature_admits(&p->signatures[i], class, size))
			return true;
	return false;
}

/* What policy_match() has found so far. */
struct found {
	struct policy_match *matches;
	size_t n, max;
};

static void add_match(struct found *found, struct policy_match m)
{
	if (found->n < found->max)
		found->matches[found->n++] = m;
}

/* The text at @offset, or NULL for "". */
static const char *text_or_null(const struct policy *p, uint32_t offset)
{
	return offset ? p->strings + offset : NULL;
}

static void match_hashes(const struct policy *p, const struct facts *f, struct found *found)
{
	uint32_t end, i = find_hash(p, f->size, f->sha256, &end);

	for (; i < end && format_compare_hash(&p->hashes[i], f->size, f->sha256) == 0; i++) {
		const struct format_identity *identity;

		if (p->hashes[i].identity >= p->n[SECTION_IDENTITIES])
			continue;
		identity = &p->identities[p->hashes[i].identity];
		add_match(found,
			(struct policy_match){
				.software = identity->software,
				.evidence = EVIDENCE_SHA256,
				.version = text_or_null(p, identity->version),
				.detail = "",
			});
	}
}

static void match_signature(
	const struct policy *p, const struct signature_match *m, struct found *found)
{
	const struct signature *s = &p->signatures[m->signature];

	for (uint32_t i = 0; i < p->n[SECTION_SIGNATURE_USES]; i++)
		if (p->signature_uses[i].signature == m->signature)
			add_match(found,
				(struct policy_match){
					.software = p->signature_uses[i].software,
					.evidence = EVIDENCE_SIGNATURE,
					.version = *m->version ? m->version : NULL,
					.package_type = (enum package_type) s->package_type,
					.package = *s->package ? s->package : NULL,
					.detail = s->name,
				});
}

/* Facts may come from an inspection under another policy, whose indexes mean nothing here. */
static void match_signatures(const struct policy *p, const struct facts *f, struct found *found)
{
	if (f->policy_id != policy_id(p))
		return;
	for (uint32_t i = 0; i < f->n_signatures; i++)
		if (f->signatures[i].signature < p->n[SECTION_SIGNATURES])
			match_signature(p, &f->signatures[i], found);
}

static void match_build_id(const struct policy *p, const struct facts *f, struct found *found)
{
	uint32_t low = 0, high = p->n[SECTION_BUILD_IDS];

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(p->build_ids[middle].id, f->build_id, BUILD_ID_MAX) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < p->n[SECTION_BUILD_IDS] &&
		memcmp(p->build_ids[low].id, f->build_id, BUILD_ID_MAX) == 0;
		low++)
		if (p->build_ids[low].n == f->n_build_id)
			add_match(found,
				(struct policy_match){
					.software = p->build_ids[low].software,
					.evidence = EVIDENCE_BUILD_ID,
					.version = text_or_null(p, p->build_ids[low].version),
					.detail = "",
				});
}

/* What cannot be compared is not known to be another version. */
static bool is_version(enum package_type type, const char *listed, const char *found)
{
	const char *scheme = package_type_scheme(type);
	char base[PACKAGE_VERSION_MAX + 1];
	int order;

	if (!*listed || !*found)
		return true;
	if (!scheme)
		return strcmp(listed, found) == 0;
	if (type == PACKAGE_NPM) {
		npm_version_base(found, base, sizeof(base));
		found = base;
	}
	return version_compare(version_scheme_find(scheme), listed, found, &order) < 0 ||
		order == 0;
}

static int compare_package(
	const struct policy *p, uint32_t i, enum package_type type, const char *name)
{
	const struct format_package *k = &p->packages[i];

	return format_compare_package(k->type, p->strings + k->name, type, name);
}

/* The first that is not before (@type, @name). */
static uint32_t find_package(const struct policy *p, enum package_type type, const char *name)
{
	uint32_t low = 0, high = p->n[SECTION_PACKAGES];

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_package(p, middle, type, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool policy_lists_package(const struct policy *p, enum package_type type, const char *name)
{
	uint32_t i = find_package(p, type, name);

	return i < p->n[SECTION_PACKAGES] && compare_package(p, i, type, name) == 0;
}

static void match_package(
	const struct policy *p, const struct package *package, struct found *found)
{
	const enum package_type type = (enum package_type) package->type;

	for (uint32_t i = find_package(p, type, package->name);
		i < p->n[SECTION_PACKAGES] && compare_package(p, i, type, package->name) == 0; i++)
		if (is_version(type, p->strings + p->packages[i].version, package->version))
			add_match(found,
				(struct policy_match){
					.software = p->packages[i].software,
					.evidence = EVIDENCE_PACKAGE,
					.version = *package->version ? package->version : NULL,
					.package_type = type,
					.package = package->name,
					.detail = metadata_to_string((enum metadata) package->told),
				});
}

static void match_paths(
	const struct policy *p, const char *path, const char *const homes[], struct found *found)
{
	for (uint32_t i = 0; i < p->n[SECTION_PATHS] && found->n < found->max; i++)
		if (match_glob(p->strings + p->paths[i].glob, path, homes))
			add_match(found,
				(struct policy_match){
					.software = p->paths[i].software,
					.evidence = EVIDENCE_PATH,
					.detail = p->strings + p->paths[i].glob,
				});
}

/* Evidence that tells no version takes the one that content gives for the same software, if that is
 * evidence at least as strong. Metadata gives none: an employee can edit it. */
static void complete_versions(struct found *found)
{
	struct policy_match *m = found->matches;

	for (size_t i = 0; i < found->n; i++)
		for (size_t k = 0; k < found->n && !m[i].version; k++)
			if (m[k].software == m[i].software && m[k].evidence >= m[i].evidence &&
				m[k].evidence >= EVIDENCE_BUILD_ID)
				m[i].version = m[k].version;
}

size_t policy_match(const struct policy *p, const struct facts *f, const char *path,
	const char *const homes[], struct policy_match ret[], size_t max)
{
	struct found found = { .matches = ret, .max = max };

	if (f->have & FACTS_SHA256)
		match_hashes(p, f, &found);
	match_signatures(p, f, &found);
	if (f->have & FACTS_BUILD_ID)
		match_build_id(p, f, &found);
	for (uint32_t i = 0; i < f->n_packages; i++)
		match_package(p, &f->packages[i], &found);
	if (path)
		match_paths(p, path, homes, &found);
	complete_versions(&found);
	return found.n;
}

void policy_match_version(const struct policy_match *m, char ret[PACKAGE_VERSION_MAX + 1])
{
	ret[0] = '\0';
	if (m->version && m->package_type == PACKAGE_NPM)
		npm_version_base(m->version, ret, PACKAGE_VERSION_MAX + 1);
	else if (m->version)
		(void) text_copy(ret, PACKAGE_VERSION_MAX + 1, m->version);
}

bool policy_rule_covers(const struct policy *p, uint32_t rule, const struct policy_match *m)
{
	const struct format_rule *r = &p->rules[rule];
	char version[PACKAGE_VERSION_MAX + 1];
	struct vers range = { .n = r->n_constraints };
	int held;

	if (r->n_constraints == 0)
		return true;
	if (!m->version)
		return r->unknown_version_matches;
	(void) text_copy(range.scheme, sizeof(range.scheme), p->strings + r->scheme);
	for (uint32_t i = 0; i < r->n_constraints; i++) {
		const struct format_constraint *c = &p->constraints[r->first_constraint + i];

		/* vers_contains() only reads: the text stays the image's. */
		range.constraints[i].comparator = (enum vers_comparator) c->comparator;
		range.constraints[i].version = (char *) p->strings + c->version;
	}
	npm_version_base(m->version, version, sizeof(version));
	held = vers_contains(&range, strcmp(range.scheme, "npm") == 0 ? version : m->version);
	return held < 0 ? r->unknown_version_matches : held;
}
