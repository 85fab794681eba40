#include "policy/image/policy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy/base/text.h"
#include "policy/identity/vers.h"
#include "policy/identity/version.h"
#include "policy/image/builder.h"
#include "policy/image/mapped.h"

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
	p->build_ids = at[SECTION_BUILD_IDS];
	p->signatures = at[SECTION_SIGNATURES];
	p->signature_uses = at[SECTION_SIGNATURE_USES];
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
		r->alternative_url, r->scheme };

	return texts_valid(p, texts, ARRAY_SIZE(texts)) && r->action > ACTION_NONE &&
		r->action < _ACTION_MAX && r->risk < _RISK_MAX && r->unknown_version_matches <= 1 &&
		r->reserved == 0 && r->n_constraints <= VERS_CONSTRAINTS_MAX &&
		range_valid(r->first_constraint, r->n_constraints, p->n[SECTION_CONSTRAINTS]) &&
		(r->n_constraints == 0 || version_scheme_find(p->strings + r->scheme)) &&
		range_valid(r->first_reason, r->n_reasons, p->n[SECTION_REASONS]);
}

/* A constraint whose version is none of the scheme covers nothing: vers_contains() says so. */
static bool rules_valid(const struct policy *p)
{
	for (uint32_t i = 0; i < p->n[SECTION_RULES]; i++)
		if (!rule_valid(p, &p->rules[i]))
			return false;
	for (uint32_t i = 0; i < p->n[SECTION_CONSTRAINTS]; i++)
		if (p->constraints[i].comparator > VERS_ANY ||
			!texts_valid(p, &p->constraints[i].version, 1))
			return false;
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
	for (uint32_t i = 0; i < p->n[SECTION_BUILD_IDS]; i++)
		if (p->build_ids[i].software >= n_software || p->build_ids[i].n > BUILD_ID_MAX ||
			!texts_valid(p, &p->build_ids[i].version, 1))
			return false;
	for (uint32_t i = 0; i < p->n[SECTION_SIGNATURES]; i++)
		if (!signature_valid(&p->signatures[i]))
			return false;
	for (uint32_t i = 0; i < p->n[SECTION_SIGNATURE_USES]; i++)
		if (p->signature_uses[i].software >= n_software ||
			p->signature_uses[i].signature >= p->n[SECTION_SIGNATURES])
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
		p->n[SECTION_HASHES] <= IMAGE_HASHES_MAX &&
		p->n[SECTION_BUILD_IDS] <= IMAGE_BUILD_IDS_MAX &&
		p->n[SECTION_SIGNATURES] <= SIGNATURES_MAX &&
		p->n[SECTION_SIGNATURE_USES] <= IMAGE_SIGNATURE_USES_MAX &&
		p->n[SECTION_YARA] <= SIGNATURE_RULES_SIZE_MAX && strings_valid(p) &&
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
	p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (p->fd < 0)
		return -errno;
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
	if (p->fd >= 0)
		(void) close(p->fd);
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

uint64_t policy_id(const struct policy *p)
{
	uint64_t id;

	memcpy(&id, p->header->digest, sizeof(id));
	return id ? id : 1;
}

int policy_fd(const struct policy *p)
{
	return p->fd;
}

void policy_signatures(const struct policy *p, struct policy_signatures *ret)
{
	const struct format_extent *rules = &p->header->sections[SECTION_YARA];

	*ret = (struct policy_signatures){
		.n = p->n[SECTION_SIGNATURES],
		.offset = p->header->sections[SECTION_SIGNATURES].offset,
		.rules_offset = rules->offset,
		.rules_size = rules->size,
	};
}

const struct signature *policy_signature(const struct policy *p, uint32_t i)
{
	return &p->signatures[i];
}

uint32_t policy_n_packages(const struct policy *p)
{
	return p->n[SECTION_PACKAGES];
}

void policy_package(const struct policy *p, uint32_t i, struct policy_package *ret)
{
	const struct format_package *k = &p->packages[i];

	*ret = (struct policy_package){
		.type = (enum package_type) k->type,
		.name = p->strings + k->name,
		.version = p->strings + k->version,
		.software = k->software,
	};
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
		[EVIDENCE_BUILD_ID] = "build-id",
		[EVIDENCE_SIGNATURE] = "signature",
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
