#include "policy/image/builder.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/vers.h"
#include "policy/identity/version.h"
#include "policy/image/format.h"
#include "policy/image/hash_sort.h"
#include "policy/image/match.h"

enum { PIECE_SIZE = 256 << 10 };

/* A growing array of one section's entries. */
struct table {
	void *entries;
	uint32_t n, room;
};

/* Finds entries of a table by their content: open addressing, slots hold index + 1. */
struct intern {
	uint32_t *slots;
	uint32_t n, n_slots;
};

/* Which rule speaks of which software; sorted, it becomes SECTION_SOFTWARE_RULES. */
struct link {
	uint32_t software, rule;
};

struct rule_reason {
	uint32_t rule, order;
	struct format_reason reason;
};

struct builder {
	struct table sections[_SECTION_MAX];
	struct table links;   /* struct link */
	struct table reasons; /* struct rule_reason */
	struct intern strings, identities;
	struct format_header header;
};

static int table_reserve(struct table *t, size_t entry_size, uint64_t more)
{
	uint64_t want = (uint64_t) t->n + more, room = t->room;
	void *entries;

	if (want > UINT32_MAX || want * entry_size > FORMAT_SIZE_MAX)
		return -E2BIG;
	if (want <= room)
		return 0;
	room = room * 2 > want ? room * 2 : want + 64;
	entries = reallocarray(t->entries, room, entry_size);
	if (!entries)
		return -ENOMEM;
	t->entries = entries;
	t->room = (uint32_t) room;
	return 0;
}

static int table_add(struct table *t, const void *entry, size_t entry_size, uint32_t max)
{
	int r = t->n >= max ? -E2BIG : table_reserve(t, entry_size, 1);

	if (r < 0)
		return r;
	memcpy((char *) t->entries + t->n++ * entry_size, entry, entry_size);
	return 0;
}

static int section_add(struct builder *b, enum format_section s, const void *entry, uint32_t max)
{
	return table_add(&b->sections[s], entry, format_entry_size(s), max);
}

static uint32_t hash_bytes(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return (uint32_t) (h ^ h >> 32);
}

/* Makes room for one more. Slots move, so that what they stand for must be hashed again. */
static int intern_reserve(
	struct intern *t, uint32_t (*hash)(const struct builder *, uint32_t), struct builder *b)
{
	uint32_t n_slots = t->n_slots ? t->n_slots * 2 : 1024, *slots;

	if (t->n < t->n_slots / 2)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_slots; i++) {
		uint32_t at;

		if (!t->slots[i])
			continue;
		at = hash(b, t->slots[i] - 1) & (n_slots - 1);
		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
	return 0;
}

static const char *string_at(const struct builder *b, uint32_t offset)
{
	return (const char *) b->sections[SECTION_STRINGS].entries + offset;
}

static uint32_t hash_string(const struct builder *b, uint32_t offset)
{
	const char *s = string_at(b, offset);

	return hash_bytes(s, strlen(s));
}

/* Where @text lies in SECTION_STRINGS; equal texts lie there once. NULL is "". */
static int add_string(struct builder *b, const char *text, uint32_t *ret)
{
	struct table *strings = &b->sections[SECTION_STRINGS];
	size_t n = text ? strlen(text) : 0;
	uint32_t at;
	int r;

	if (n == 0) {
		*ret = 0;
		return 0;
	}
	if (!text_utf8_valid(text, n))
		return -EINVAL;
	r = intern_reserve(&b->strings, hash_string, b);
	if (r < 0)
		return r;
	at = hash_bytes(text, n) & (b->strings.n_slots - 1);
	for (; b->strings.slots[at]; at = (at + 1) & (b->strings.n_slots - 1))
		if (strcmp(string_at(b, b->strings.slots[at] - 1), text) == 0) {
			*ret = b->strings.slots[at] - 1;
			return 0;
		}
	r = table_reserve(strings, 1, n + 1);
	if (r < 0)
		return r;
	memcpy((char *) strings->entries + strings->n, text, n + 1);
	b->strings.slots[at] = strings->n + 1;
	b->strings.n++;
	*ret = strings->n;
	strings->n += (uint32_t) n + 1;
	return 0;
}

static int add_strings(
	struct builder *b, const char *const texts[], uint32_t *const offsets[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = add_string(b, texts[i], offsets[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int builder_new(const char *name, const char *owner, const char *contact, struct builder **ret)
{
	_cleanup_(builder_freep) struct builder *b = calloc(1, sizeof(*b));
	const char *const texts[] = { name, owner, contact };
	uint32_t *offsets[3];
	int r;

	if (!b)
		return -ENOMEM;
	r = section_add(b, SECTION_STRINGS, "", 1);
	if (r < 0)
		return r;
	offsets[0] = &b->header.name;
	offsets[1] = &b->header.owner;
	offsets[2] = &b->header.contact;
	r = add_strings(b, texts, offsets, ARRAY_SIZE(texts));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b);
	return 0;
}

struct builder *builder_free(struct builder *b)
{
	if (!b)
		return NULL;
	for (int i = 0; i < _SECTION_MAX; i++)
		free(b->sections[i].entries);
	free(b->links.entries);
	free(b->reasons.entries);
	free(b->strings.slots);
	free(b->identities.slots);
	free(b);
	return NULL;
}

int builder_add_software(struct builder *b, const struct policy_software *s, uint32_t *ret)
{
	struct format_software entry = { 0 };
	const char *const texts[] = { s->id, s->name, s->vendor };
	uint32_t *const offsets[] = { &entry.id, &entry.name, &entry.vendor };
	int r = add_strings(b, texts, offsets, ARRAY_SIZE(texts));

	if (r == 0)
		r = section_add(b, SECTION_SOFTWARE, &entry, IMAGE_SOFTWARE_MAX);
	if (r == 0)
		*ret = b->sections[SECTION_SOFTWARE].n - 1;
	return r;
}

static bool has_software(const struct builder *b, uint32_t software)
{
	return software < b->sections[SECTION_SOFTWARE].n;
}

int builder_add_package(struct builder *b, uint32_t software, enum package_type type,
	const char *name, const char *version)
{
	struct format_package entry = { .type = type, .software = software };
	const char *const texts[] = { name, version };
	uint32_t *const offsets[] = { &entry.name, &entry.version };
	const char *scheme = package_type_scheme(type);
	int r;

	if (!has_software(b, software) || type <= PACKAGE_NONE || type >= _PACKAGE_TYPE_MAX ||
		!*name || strlen(name) > PACKAGE_NAME_MAX ||
		(type == PACKAGE_NPM && !npm_name_valid(name)))
		return -EINVAL;
	if (version && *version && scheme &&
		version_check(version_scheme_find(scheme), version) < 0)
		return -EINVAL;
	r = add_strings(b, texts, offsets, ARRAY_SIZE(texts));
	return r < 0 ? r : section_add(b, SECTION_PACKAGES, &entry, IMAGE_PACKAGES_MAX);
}

static uint32_t hash_identity(const struct builder *b, uint32_t index)
{
	const struct format_identity *identities = b->sections[SECTION_IDENTITIES].entries;

	return hash_bytes(&identities[index], sizeof(*identities));
}

static int add_identity(struct builder *b, struct format_identity identity, uint32_t *ret)
{
	struct table *t = &b->sections[SECTION_IDENTITIES];
	uint32_t at;
	int r = intern_reserve(&b->identities, hash_identity, b);

	if (r < 0)
		return r;
	at = hash_bytes(&identity, sizeof(identity)) & (b->identities.n_slots - 1);
	for (; b->identities.slots[at]; at = (at + 1) & (b->identities.n_slots - 1)) {
		const struct format_identity *known = t->entries;

		known += b->identities.slots[at] - 1;
		if (memcmp(known, &identity, sizeof(identity)) == 0) {
			*ret = b->identities.slots[at] - 1;
			return 0;
		}
	}
	r = section_add(b, SECTION_IDENTITIES, &identity, IMAGE_HASHES_MAX);
	if (r < 0)
		return r;
	b->identities.slots[at] = t->n;
	b->identities.n++;
	*ret = t->n - 1;
	return 0;
}

/* Neighbours in a list nearly always are of the same software and version. */
static bool is_of_last_hash(
	const struct builder *b, uint32_t software, const char *version, uint32_t *ret)
{
	const struct table *hashes = &b->sections[SECTION_HASHES];
	const struct format_hash *last = hashes->entries;
	const struct format_identity *identity = b->sections[SECTION_IDENTITIES].entries;

	if (hashes->n == 0)
		return false;
	last += hashes->n - 1;
	identity += last->identity;
	if (identity->software != software || strcmp(string_at(b, identity->version), version) != 0)
		return false;
	*ret = last->identity;
	return true;
}

static int find_identity(struct builder *b, uint32_t software, const char *version, uint32_t *ret)
{
	struct format_identity identity = { .software = software };
	int r;

	if (is_of_last_hash(b, software, version, ret))
		return 0;
	r = add_string(b, version, &identity.version);
	return r < 0 ? r : add_identity(b, identity, ret);
}

int builder_add_sha256(struct builder *b, uint32_t software, const uint8_t digest[SHA256_SIZE],
	uint64_t size, const char *version)
{
	struct format_hash entry = { .size_low = (uint32_t) size,
		.size_high = (uint32_t) (size >> 32) };
	int r;

	if (!has_software(b, software))
		return -EINVAL;
	r = find_identity(b, software, version ? version : "", &entry.identity);
	if (r < 0)
		return r;
	memcpy(entry.digest, digest, SHA256_SIZE);
	return section_add(b, SECTION_HASHES, &entry, IMAGE_HASHES_MAX);
}

int builder_add_path(struct builder *b, uint32_t software, const char *glob)
{
	struct format_path entry = { .software = software };
	const char *error;
	int r;

	if (!has_software(b, software) || match_glob_check(glob, &error) < 0)
		return -EINVAL;
	r = add_string(b, glob, &entry.glob);
	return r < 0 ? r : section_add(b, SECTION_PATHS, &entry, IMAGE_PATHS_MAX);
}

int builder_add_build_id(
	struct builder *b, uint32_t software, const uint8_t *id, size_t n, const char *version)
{
	struct format_build_id entry = { .software = software };
	int r;

	if (!has_software(b, software) || n == 0)
		return -EINVAL;
	entry.n = (uint32_t) (n < BUILD_ID_MAX ? n : BUILD_ID_MAX);
	memcpy(entry.id, id, entry.n);
	r = add_string(b, version, &entry.version);
	return r < 0 ? r : section_add(b, SECTION_BUILD_IDS, &entry, IMAGE_BUILD_IDS_MAX);
}

int builder_add_signature(struct builder *b, const struct signature *s, uint32_t *ret)
{
	int r = signature_valid(s) ? section_add(b, SECTION_SIGNATURES, s, SIGNATURES_MAX)
				   : -EINVAL;

	if (r == 0)
		*ret = b->sections[SECTION_SIGNATURES].n - 1;
	return r;
}

int builder_use_signature(struct builder *b, uint32_t software, uint32_t signature)
{
	const struct format_signature_use entry = { signature, software };

	if (!has_software(b, software) || signature >= b->sections[SECTION_SIGNATURES].n)
		return -EINVAL;
	return section_add(b, SECTION_SIGNATURE_USES, &entry, IMAGE_SIGNATURE_USES_MAX);
}

int builder_set_rules(struct builder *b, const void *rules, size_t n)
{
	struct table *t = &b->sections[SECTION_YARA];
	int r;

	if (n > SIGNATURE_RULES_SIZE_MAX)
		return -E2BIG;
	t->n = 0;
	r = table_reserve(t, 1, n);
	if (r < 0)
		return r;
	memcpy(t->entries, rules, n);
	t->n = (uint32_t) n;
	return 0;
}

static int add_constraints(struct builder *b, const struct vers *v, struct format_rule *rule)
{
	rule->first_constraint = b->sections[SECTION_CONSTRAINTS].n;
	for (size_t i = 0; i < v->n; i++) {
		struct format_constraint entry = { .comparator = v->constraints[i].comparator };
		int r = add_string(b, v->constraints[i].version, &entry.version);

		if (r == 0)
			r = section_add(b, SECTION_CONSTRAINTS, &entry, UINT32_MAX);
		if (r < 0)
			return r;
	}
	rule->n_constraints = (uint32_t) v->n;
	return 0;
}

static int add_range(struct builder *b, const char *versions, struct format_rule *rule)
{
	_cleanup_(vers_done) struct vers v = { 0 };
	const char *error;
	int r;

	if (!versions)
		return 0;
	r = vers_parse(versions, &v, &error);
	r = r < 0 ? r : add_string(b, v.scheme, &rule->scheme);
	return r < 0 ? r : add_constraints(b, &v, rule);
}

static int add_links(struct builder *b, const uint32_t software[], size_t n, uint32_t rule)
{
	for (size_t i = 0; i < n; i++) {
		struct link link = { .software = software[i], .rule = rule };
		int r = has_software(b, software[i]) ? 0 : -EINVAL;

		if (r == 0)
			r = table_add(&b->links, &link, sizeof(link), UINT32_MAX);
		if (r < 0)
			return r;
	}
	return 0;
}

int builder_add_rule(struct builder *b, const struct policy_rule *r, const char *versions,
	const uint32_t software[], size_t n_software, uint32_t *ret)
{
	struct format_rule entry = { .action = (uint8_t) r->action,
		.risk = (uint8_t) r->risk,
		.unknown_version_matches = r->unknown_version_matches };
	const char *const texts[] = { r->id, r->reference, r->url, r->alternative_name,
		r->alternative_url };
	uint32_t *const offsets[] = { &entry.id, &entry.reference, &entry.url,
		&entry.alternative_name, &entry.alternative_url };
	uint32_t rule = b->sections[SECTION_RULES].n, n_links = b->links.n;
	int k;

	if (r->action <= ACTION_NONE || r->action >= _ACTION_MAX || (unsigned) r->risk >= _RISK_MAX)
		return -EINVAL;
	k = add_strings(b, texts, offsets, ARRAY_SIZE(texts));
	if (k == 0)
		k = add_range(b, versions, &entry);
	if (k == 0)
		k = add_links(b, software, n_software, rule);
	if (k == 0)
		k = section_add(b, SECTION_RULES, &entry, IMAGE_RULES_MAX);
	if (k < 0) {
		b->links.n = n_links; /* nothing may speak of a rule that is not there */
		return k;
	}
	*ret = rule;
	return 0;
}

int builder_add_reason(struct builder *b, uint32_t rule, const char *language, const char *text)
{
	struct rule_reason entry = { .rule = rule, .order = b->reasons.n };
	const char *const texts[] = { language, text };
	uint32_t *const offsets[] = { &entry.reason.language, &entry.reason.text };
	int r;

	if (rule >= b->sections[SECTION_RULES].n)
		return -EINVAL;
	r = add_strings(b, texts, offsets, ARRAY_SIZE(texts));
	return r < 0 ? r : table_add(&b->reasons, &entry, sizeof(entry), UINT32_MAX);
}

static int compare_uint32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	int r = compare_uint32(x->software, y->software);

	return r ? r : compare_uint32(x->rule, y->rule);
}

static int compare_reasons(const void *a, const void *b)
{
	const struct rule_reason *x = a, *y = b;
	int r = compare_uint32(x->rule, y->rule);

	return r ? r : compare_uint32(x->order, y->order);
}

static int compare_build_ids(const void *a, const void *b)
{
	const struct format_build_id *x = a, *y = b;
	int r = memcmp(x->id, y->id, BUILD_ID_MAX);

	return r ? r : compare_uint32(x->software, y->software);
}

static int compare_packages(const void *a, const void *b, void *context)
{
	const struct format_package *x = a, *y = b;
	struct builder *builder = context;
	int r = format_compare_package(
		x->type, string_at(builder, x->name), y->type, string_at(builder, y->name));

	return r ? r : compare_uint32(x->software, y->software);
}

static void sort(struct table *t, size_t entry_size, int (*compare)(const void *, const void *))
{
	if (t->n > 1)
		qsort(t->entries, t->n, entry_size, compare);
}

static int finish_links(struct builder *b)
{
	struct format_software *software = b->sections[SECTION_SOFTWARE].entries;
	const struct link *links = b->links.entries;

	sort(&b->links, sizeof(struct link), compare_links);
	b->sections[SECTION_SOFTWARE_RULES].n = 0;
	for (uint32_t i = 0; i < b->links.n; i++) {
		struct format_software *s = &software[links[i].software];
		int r;

		if (i > 0 && compare_links(&links[i - 1], &links[i]) == 0)
			continue;
		r = section_add(b, SECTION_SOFTWARE_RULES, &links[i].rule, UINT32_MAX);
		if (r < 0)
			return r;
		if (i == 0 || links[i - 1].software != links[i].software) {
			s->first_rule = b->sections[SECTION_SOFTWARE_RULES].n - 1;
			s->n_rules = 0;
		}
		s->n_rules++;
	}
	return 0;
}

static int finish_reasons(struct builder *b)
{
	struct format_rule *rules = b->sections[SECTION_RULES].entries;
	const struct rule_reason *reasons = b->reasons.entries;

	sort(&b->reasons, sizeof(struct rule_reason), compare_reasons);
	b->sections[SECTION_REASONS].n = 0;
	for (uint32_t i = 0; i < b->reasons.n; i++) {
		struct format_rule *rule = &rules[reasons[i].rule];
		int r = section_add(b, SECTION_REASONS, &reasons[i].reason, UINT32_MAX);

		if (r < 0)
			return r;
		if (i == 0 || reasons[i - 1].rule != reasons[i].rule) {
			rule->first_reason = i;
			rule->n_reasons = 0;
		}
		rule->n_reasons++;
	}
	return 0;
}

/* Hashes are sorted, and with them their buckets. */
static int fill_buckets(struct table *t, const struct format_hash *hashes, uint32_t n)
{
	uint32_t n_buckets = format_n_buckets(n), next = 0;
	struct format_bucket *buckets;
	int r;

	t->n = 0;
	r = table_reserve(t, sizeof(*buckets), n_buckets + 1);
	if (r < 0)
		return r;
	buckets = t->entries;
	memset(buckets, 0, (n_buckets + 1) * sizeof(*buckets));
	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = format_size_key(format_hash_size(&hashes[i]));
		uint32_t at = format_bucket(key, n_buckets);

		while (next <= at)
			buckets[next++].first = i;
		if (i - buckets[at].first < FORMAT_BUCKET_TAGS)
			buckets[at].tags[i - buckets[at].first] = (uint8_t) key;
	}
	while (next <= n_buckets)
		buckets[next++].first = n;
	t->n = next;
	return 0;
}

static int finish_hashes(struct builder *b)
{
	struct table *t = &b->sections[SECTION_HASHES];
	struct format_hash *hashes = t->entries;
	int r = hash_sort(&hashes, &t->n);

	if (r < 0)
		return r;
	t->entries = hashes;
	t->room = t->n;
	return fill_buckets(&b->sections[SECTION_BUCKETS], hashes, t->n);
}

static int finish(struct builder *b)
{
	struct table *packages = &b->sections[SECTION_PACKAGES];
	int r = finish_links(b);

	if (r == 0)
		r = finish_reasons(b);
	if (r == 0)
		r = finish_hashes(b);
	if (r == 0)
		sort(&b->sections[SECTION_BUILD_IDS], sizeof(struct format_build_id),
			compare_build_ids);
	if (r == 0 && packages->n > 1)
		qsort_r(packages->entries, packages->n, sizeof(struct format_package),
			compare_packages, b);
	return r;
}

static uint64_t aligned(uint64_t n)
{
	return (n + FORMAT_ALIGNMENT - 1) / FORMAT_ALIGNMENT * FORMAT_ALIGNMENT;
}

static int lay_out(struct builder *b)
{
	uint64_t at = aligned(sizeof(b->header));

	memcpy(b->header.magic, FORMAT_MAGIC, sizeof(b->header.magic));
	b->header.version = FORMAT_VERSION;
	b->header.header_size = sizeof(b->header);
	memset(b->header.digest, 0, sizeof(b->header.digest));
	for (int i = 0; i < _SECTION_MAX; i++) {
		uint64_t size = b->sections[i].n * format_entry_size((enum format_section) i);

		b->header.sections[i] = (struct format_extent){ .offset = at, .size = size };
		at = aligned(at + size);
	}
	b->header.size = at;
	return at > FORMAT_SIZE_MAX ? -E2BIG : 0;
}

/* What has been written is in the digest, too. Piece by piece, so that each is still in the
 * processor's cache when it is written. */
static int emit(int fd, EVP_MD_CTX *digest, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	int r = 0;

	for (size_t piece; n > 0 && r == 0; p += piece, n -= piece) {
		piece = n < PIECE_SIZE ? n : PIECE_SIZE;
		r = EVP_DigestUpdate(digest, p, piece) == 1 ? fd_write_full(fd, p, piece) : -EIO;
	}
	return r;
}

static int emit_padded(int fd, EVP_MD_CTX *digest, const void *bytes, size_t n)
{
	static const uint8_t padding[FORMAT_ALIGNMENT];
	int r = emit(fd, digest, bytes, n);

	return r < 0 ? r : emit(fd, digest, padding, (size_t) (aligned(n) - n));
}

static int emit_all(const struct builder *b, int fd, EVP_MD_CTX *digest)
{
	int r = emit_padded(fd, digest, &b->header, sizeof(b->header));

	for (int i = 0; i < _SECTION_MAX && r == 0; i++)
		r = emit_padded(fd, digest, b->sections[i].entries, b->header.sections[i].size);
	return r;
}

/* The header goes first without the digest, which is of all of it as it is then. */
static int write_image(struct builder *b, int fd)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int r;

	if (!digest)
		return -ENOMEM;
	r = EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 ? emit_all(b, fd, digest) : -EIO;
	if (r == 0 && EVP_DigestFinal_ex(digest, b->header.digest, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(digest);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : fd_write_full(fd, &b->header, sizeof(b->header));
}

int builder_write(struct builder *b, int fd)
{
	int r = finish(b);

	if (r == 0)
		r = lay_out(b);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, (off_t) b->header.size) < 0)
		return -errno;
	return write_image(b, fd);
}
