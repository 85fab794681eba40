#include "policy/image/policy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy/base/text.h"
#include "policy/identity/npm.h"
#include "policy/identity/semver.h"
#include "policy/identity/vers.h"
#include "policy/image/builder.h"
#include "policy/image/format.h"
#include "policy/image/match.h"

struct policy {
	_Atomic uint32_t references;
	const uint8_t *data;
	size_t size;
	const struct format_header *header;
	const char *strings;
	const struct format_software *software;
	const uint32_t *software_rules;
	const struct format_rule *rules;
	const struct format_constraint *constraints;
	const struct format_reason *reasons;
	const struct format_package *packages;
	const struct format_path *paths;
	const struct format_identity *identities;
	const struct format_hash *hashes;
	const struct format_bucket *buckets;
	uint32_t n[_SECTION_MAX]; /* entries of each section */
};

static void find_sections(struct policy *p)
{
	const void *at[_SECTION_MAX];

	for (int i = 0; i < _SECTION_MAX; i++) {
		const struct format_extent *e = &p->header->sections[i];

		at[i] = p->data + e->offset;
		p->n[i] = (uint32_t) (e->size / format_entry_size((enum format_section) i));
	}
	p->strings = at[SECTION_STRINGS];
	p->software = at[SECTION_SOFTWARE];
	p->software_rules = at[SECTION_SOFTWARE_RULES];
	p->rules = at[SECTION_RULES];
	p->constraints = at[SECTION_CONSTRAINTS];
	p->reasons = at[SECTION_REASONS];
	p->packages = at[SECTION_PACKAGES];
	p->paths = at[SECTION_PATHS];
	p->identities = at[SECTION_IDENTITIES];
	p->hashes = at[SECTION_HASHES];
	p->buckets = at[SECTION_BUCKETS];
}

/* All of these offsets start a text that ends inside the section: it ends in NUL as a whole. */
static bool texts_valid(const struct policy *p, const uint32_t offsets[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (offsets[i] >= p->n[SECTION_STRINGS])
			return false;
	return true;
}

static bool range_valid(uint32_t first, uint32_t n, uint32_t available)
{
	return first <= available && n <= available - first;
}

/* Eight bytes at a time as long as they are ASCII: nearly all of the text is. */
static bool strings_valid(const struct policy *p)
{
	size_t n = p->n[SECTION_STRINGS], i = 0;

	if (n == 0 || p->strings[0] || p->strings[n - 1])
		return false;
	while (i < n) {
		uint64_t word;
		uint32_t c;
		size_t k;

		if (n - i >= sizeof(word)) {
			memcpy(&word, p->strings + i, sizeof(word));
			if (!(word & UINT64_C(0x8080808080808080))) {
				i += sizeof(word);
				continue;
			}
		}
		k = text_utf8_decode(p->strings + i, n - i, &c);
		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

static bool software_valid(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n[SECTION_SOFTWARE]; i++) {
		const struct format_software *s = &p->software[i];
		const uint32_t texts[] = { s->id, s->name, s->vendor };

		if (!texts_valid(p, texts, ARRAY_SIZE(texts)) ||
			!range_valid(s->first_rule, s->n_rules, p->n[SECTION_SOFTWARE_RULES]) ||
			s->n_rules > p->n[SECTION_RULES])
			return false;
	}
	for (uint32_t i = 0; i < p->n[SECTION_SOFTWARE_RULES]; i++)
		if (p->software_rules[i] >= p->n[SECTION_RULES])
			return false;
	return true;
}

static bool rule_valid(const struct policy *p, const struct format_rule *r)
{
	const uint32_t texts[] = { r->id, r->reference, r->url, r->alternative_name,
		r->alternative_url };

	return texts_valid(p, texts, ARRAY_SIZE(texts)) && r->action > ACTION_NONE &&
		r->action < _ACTION_MAX && r->risk < _RISK_MAX && r->unknown_version_matches <= 1 &&
		r->reserved == 0 && r->n_constraints <= VERS_CONSTRAINTS_MAX &&
		range_valid(r->first_constraint, r->n_constraints, p->n[SECTION_CONSTRAINTS]) &&
		range_valid(r->first_reason, r->n_reasons, p->n[SECTION_REASONS]);
}

static bool rules_valid(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n[SECTION_RULES]; i++)
		if (!rule_valid(p, &p->rules[i]))
			return false;
	for (uint32_t i = 0; i < p->n[SECTION_CONSTRAINTS]; i++) {
		const struct format_constraint *c = &p->constraints[i];
		struct semver v;

		if (c->comparator > VERS_ANY || !texts_valid(p, &c->version, 1) ||
			(c->comparator != VERS_ANY &&
				semver_parse(p->strings + c->version, &v) < 0))
			return false;
	}
	for (uint32_t i = 0; i < p->n[SECTION_REASONS]; i++) {
		const uint32_t texts[] = { p->reasons[i].language, p->reasons[i].text };

		if (!texts_valid(p, texts, ARRAY_SIZE(texts)))
			return false;
	}
	return true;
}

static bool evidence_valid(const struct policy *p)
{
	uint32_t n_software = p->n[SECTION_SOFTWARE];

	for (uint32_t i = 0; i < p->n[SECTION_PACKAGES]; i++) {
		const struct format_package *k = &p->packages[i];
		const uint32_t texts[] = { k->name, k->version };

		if (k->type == PACKAGE_NONE || k->type >= _PACKAGE_TYPE_MAX ||
			k->software >= n_software || !texts_valid(p, texts, ARRAY_SIZE(texts)))
			return false;
	}
	for (uint32_t i = 0; i < p->n[SECTION_PATHS]; i++)
		if (p->paths[i].software >= n_software || !texts_valid(p, &p->paths[i].glob, 1))
			return false;
	for (uint32_t i = 0; i < p->n[SECTION_IDENTITIES]; i++)
		if (p->identities[i].software >= n_software ||
			!texts_valid(p, &p->identities[i].version, 1))
			return false;
	/* Buckets and hashes are the bulk of an image: each is checked when a look-up reads it. */
	return p->n[SECTION_BUCKETS] == format_n_buckets(p->n[SECTION_HASHES]) + 1;
}

static bool content_valid(const struct policy *p)
{
	const uint32_t texts[] = { p->header->name, p->header->owner, p->header->contact };

	return p->n[SECTION_SOFTWARE] <= IMAGE_SOFTWARE_MAX &&
		p->n[SECTION_RULES] <= IMAGE_RULES_MAX &&
		p->n[SECTION_PACKAGES] <= IMAGE_PACKAGES_MAX &&
		p->n[SECTION_PATHS] <= IMAGE_PATHS_MAX &&
		p->n[SECTION_HASHES] <= IMAGE_HASHES_MAX && strings_valid(p) &&
		texts_valid(p, texts, ARRAY_SIZE(texts)) && software_valid(p) && rules_valid(p) &&
		evidence_valid(p);
}

int policy_open(int fd, struct policy **ret)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	struct stat st;
	void *data;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t) sizeof(struct format_header) ||
		(uint64_t) st.st_size > FORMAT_SIZE_MAX)
		return -EBADMSG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->references = 1;
	/* Private: a memfd that is sealed against writing refuses shared mappings. */
	data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	p->data = data;
	p->size = (size_t) st.st_size;
	r = format_check(p->data, p->size);
	if (r < 0)
		return r;
	p->header = data;
	find_sections(p);
	if (!content_valid(p))
		return -EBADMSG;
	*ret = TAKE_PTR(p);
	return 0;
}

struct policy *policy_ref(struct policy *p)
{
	if (p)
		p->references++;
	return p;
}

struct policy *policy_unref(struct policy *p)
{
	if (!p || --p->references > 0)
		return NULL;
	if (p->data)
		(void) munmap((void *) p->data, p->size);
	free(p);
	return NULL;
}

void policy_info(const struct policy *p, struct policy_info *ret)
{
	*ret = (struct policy_info){
		.name = p->strings + p->header->name,
		.owner = p->strings + p->header->owner,
		.contact = p->strings + p->header->contact,
		.n_software = p->n[SECTION_SOFTWARE],
		.n_rules = p->n[SECTION_RULES],
		.n_hashes = p->n[SECTION_HASHES],
		.has_paths = p->n[SECTION_PATHS] > 0,
	};
	memcpy(ret->digest, p->header->digest, sizeof(ret->digest));
}

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

static void match_hashes(const struct policy *p, const struct facts *f, struct found *found)
{
	uint32_t end, i = find_hash(p, f->size, f->sha256, &end);

	for (; i < end && found->n < found->max &&
		format_compare_hash(&p->hashes[i], f->size, f->sha256) == 0;
		i++) {
		const struct format_identity *identity;

		if (p->hashes[i].identity >= p->n[SECTION_IDENTITIES])
			continue;
		identity = &p->identities[p->hashes[i].identity];
		add_match(found,
			(struct policy_match){
				.software = identity->software,
				.evidence = EVIDENCE_SHA256,
				.version = identity->version ? p->strings + identity->version
							     : NULL,
				.purl_type = "",
			});
	}
}

/* What cannot be compared is not known to be another version. */
static bool is_version(const char *listed, const char *found)
{
	char base[PACKAGE_VERSION_MAX + 1];
	struct semver a, b;

	if (!*listed)
		return true;
	npm_version_base(found, base, sizeof(base));
	return semver_parse(base, &b) < 0 || semver_parse(listed, &a) < 0 ||
		semver_compare(&a, &b) == 0;
}

static int compare_package(const struct policy *p, uint32_t i, const struct package *package)
{
	const struct format_package *k = &p->packages[i];

	return format_compare_package(k->type, p->strings + k->name, package->type, package->name);
}

static void match_package(
	const struct policy *p, const struct package *package, struct found *found)
{
	uint32_t low = 0, high = p->n[SECTION_PACKAGES];

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_package(p, middle, package) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t i = low; i < p->n[SECTION_PACKAGES] && found->n < found->max &&
		compare_package(p, i, package) == 0;
		i++)
		if (is_version(p->strings + p->packages[i].version, package->version))
			add_match(found,
				(struct policy_match){
					.software = p->packages[i].software,
					.evidence = EVIDENCE_PACKAGE,
					.version = *package->version ? package->version : NULL,
					.purl_type = package_type_to_string(package->type),
					.package = package->name,
				});
}

size_t policy_match(const struct policy *p, const struct facts *f, const char *path,
	const char *const homes[], struct policy_match ret[], size_t max)
{
	struct found found = { .matches = ret, .max = max };

	if (f->have & FACTS_SHA256)
		match_hashes(p, f, &found);
	for (uint32_t i = 0; i < f->n_packages; i++)
		match_package(p, &f->packages[i], &found);
	for (uint32_t i = 0; path && i < p->n[SECTION_PATHS] && found.n < found.max; i++)
		if (match_glob(p->strings + p->paths[i].glob, path, homes))
			add_match(&found,
				(struct policy_match){
					.software = p->paths[i].software,
					.evidence = EVIDENCE_PATH,
					.purl_type = "",
				});
	return found.n;
}

void policy_software(const struct policy *p, uint32_t software, struct policy_software *ret)
{
	const struct format_software *s = &p->software[software];

	*ret = (struct policy_software){
		.id = p->strings + s->id,
		.name = p->strings + s->name,
		.vendor = p->strings + s->vendor,
	};
}

uint32_t policy_software_n_rules(const struct policy *p, uint32_t software)
{
	return p->software[software].n_rules;
}

uint32_t policy_software_rule(const struct policy *p, uint32_t software, uint32_t k)
{
	return p->software_rules[p->software[software].first_rule + k];
}

void policy_rule(const struct policy *p, uint32_t rule, struct policy_rule *ret)
{
	const struct format_rule *r = &p->rules[rule];

	*ret = (struct policy_rule){
		.id = p->strings + r->id,
		.reference = p->strings + r->reference,
		.url = p->strings + r->url,
		.alternative_name = p->strings + r->alternative_name,
		.alternative_url = p->strings + r->alternative_url,
		.action = (enum action) r->action,
		.risk = (enum risk) r->risk,
		.unknown_version_matches = r->unknown_version_matches,
	};
}

bool policy_rule_covers(const struct policy *p, uint32_t rule, const struct policy_match *m)
{
	const struct format_rule *r = &p->rules[rule];
	char version[PACKAGE_VERSION_MAX + 1];
	struct vers range = { .scheme = "npm", .n = r->n_constraints };
	int held;

	if (r->n_constraints == 0)
		return true;
	if (!m->version)
		return r->unknown_version_matches;
	for (uint32_t i = 0; i < r->n_constraints; i++) {
		const struct format_constraint *c = &p->constraints[r->first_constraint + i];

		/* vers_contains() only reads: the text stays the image's. */
		range.constraints[i].comparator = (enum vers_comparator) c->comparator;
		range.constraints[i].version = (char *) p->strings + c->version;
	}
	npm_version_base(m->version, version, sizeof(version));
	held = vers_contains(&range, version);
	return held < 0 ? r->unknown_version_matches : held;
}

/* Letters, digits and '-' of a language tag; "pt_BR.UTF-8" is "pt-BR" to us. */
static size_t take_language(const char *s, char out[16])
{
	size_t n = 0;

	for (; s && s[n] && !strchr(".@:", s[n]) && n < 15; n++)
		out[n] = (char) (s[n] == '_'                 ? '-'
				: s[n] >= 'A' && s[n] <= 'Z' ? s[n] - 'A' + 'a'
							     : s[n]);
	out[n] = '\0';
	return n;
}

/* How well @given serves somebody who reads @wanted: 3 the same, 2 the same language without a
 * country, 1 of another country, 0 not at all. */
static int language_fits(const char *given, const char *wanted)
{
	char a[16], b[16];

	(void) take_language(given, a);
	(void) take_language(wanted, b);
	if (!*a || strcmp(a, b) == 0)
		return *a ? 3 : 0;
	if (strcspn(a, "-") != strcspn(b, "-") || strncmp(a, b, strcspn(a, "-")) != 0)
		return 0;
	return strchr(a, '-') ? 1 : 2;
}

const char *policy_rule_reason(const struct policy *p, uint32_t rule, const char *language)
{
	const struct format_rule *r = &p->rules[rule];
	const struct format_reason *best = NULL;
	int best_score = -1;

	for (uint32_t i = 0; i < r->n_reasons; i++) {
		const struct format_reason *reason = &p->reasons[r->first_reason + i];
		const char *given = p->strings + reason->language;
		int fits = language_fits(given, language), english = language_fits(given, "en");
		int score = fits > 0 ? 4 + fits : english;

		if (score > best_score) {
			best = reason;
			best_score = score;
		}
	}
	return best ? p->strings + best->text : "";
}

const char *action_to_string(enum action a)
{
	static const char *const names[_ACTION_MAX] = {
		[ACTION_NONE] = "none",
		[ACTION_LOG] = "log",
		[ACTION_WARN] = "warn",
		[ACTION_BLOCK] = "block",
	};

	return (unsigned) a < ARRAY_SIZE(names) ? names[a] : "none";
}

const char *evidence_to_string(enum evidence e)
{
	static const char *const names[_EVIDENCE_MAX] = {
		[EVIDENCE_NONE] = "none",
		[EVIDENCE_PATH] = "path",
		[EVIDENCE_PACKAGE] = "package",
		[EVIDENCE_SHA256] = "sha256",
	};

	return (unsigned) e < ARRAY_SIZE(names) ? names[e] : "none";
}

const char *risk_to_string(enum risk r)
{
	static const char *const names[_RISK_MAX] = {
		[RISK_UNSTATED] = "",
		[RISK_LOW] = "low",
		[RISK_MEDIUM] = "medium",
		[RISK_HIGH] = "high",
		[RISK_CRITICAL] = "critical",
	};

	return (unsigned) r < ARRAY_SIZE(names) ? names[r] : "";
}
