/*
 * Runs in proscribed. Every text from a file is UTF-8 (facts_valid()), and no more than data.
 */
#include "agent/bus/answer.h"

#include "policy/base/text.h"
#include "policy/identity/purl_package.h"

int answer_append_policy(sd_bus_message *m, const struct policy *p, int64_t loaded_utc_nsec)
{
	struct policy_info info;
	int r;

	if (!p)
		return 0;
	policy_info(p, &info);
	r = dict_open(m, "policy", "a{sv}");
	r = r < 0 ? r : dict_text(m, "name", info.name);
	r = r < 0 ? r : dict_text(m, "owner", info.owner);
	r = r < 0 ? r : dict_text(m, "contact", info.contact);
	r = r < 0 ? r : dict_digest(m, "digest", info.digest);
	r = r < 0 ? r : dict_count(m, "software", info.n_software);
	r = r < 0 ? r : dict_count(m, "rules", info.n_rules);
	r = r < 0 ? r : dict_count(m, "hashes", info.n_hashes);
	r = r < 0 ? r : dict_time(m, "loaded", loaded_utc_nsec);
	return r < 0 ? r : dict_close(m);
}

/* What no purl can name has none. */
static int append_purl(
	sd_bus_message *m, enum package_type type, const char *name, const char *version)
{
	char purl[PURL_PACKAGE_SIZE_MAX];
	struct package p = { .type = type };

	if (text_copy(p.name, sizeof(p.name), name) < 0 ||
		text_copy(p.version, sizeof(p.version), version) < 0 ||
		purl_package_write(&p, purl) < 0)
		return 0;
	return dict_text(m, "purl", purl);
}

static int append_packages(sd_bus_message *m, const struct facts *f)
{
	int r = dict_open(m, "packages", "aa{sv}");

	for (uint32_t i = 0; r >= 0 && i < f->n_packages; i++) {
		const struct package *p = &f->packages[i];

		r = sd_bus_message_open_container(m, 'a', "{sv}");
		r = r < 0 ? r : dict_text(m, "type", package_type_to_string(p->type));
		r = r < 0 ? r : dict_text(m, "name", p->name);
		r = r < 0 ? r : dict_text(m, "version", p->version);
		r = r < 0 ? r : append_purl(m, (enum package_type) p->type, p->name, p->version);
		r = r < 0 ? r : dict_text(m, "told_by", metadata_to_string(p->told));
		r = r < 0 ? r : sd_bus_message_close_container(m);
	}
	return r < 0 ? r : dict_close(m);
}

static int append_facts(sd_bus_message *m, const struct facts *f)
{
	char build_id[2 * BUILD_ID_MAX + 1];
	int r = dict_count(m, "size", f->size);

	r = r < 0 ? r : dict_text(m, "class", file_class_to_string(f->class));
	if (r >= 0 && f->linkage != ELF_LINKAGE_NONE)
		r = dict_text(m, "linkage", elf_linkage_to_string(f->linkage));
	if (r >= 0 && f->runtime != RUNTIME_NONE)
		r = dict_text(m, "runtime", runtime_to_string(f->runtime));
	if (r >= 0 && f->payload_size > 0)
		r = dict_count(m, "payload_offset", f->payload_offset);
	if (r >= 0 && f->payload_size > 0)
		r = dict_count(m, "payload_size", f->payload_size);
	if (r >= 0 && (f->have & FACTS_SHA256))
		r = dict_digest(m, "sha256", f->sha256);
	if (r >= 0 && (f->have & FACTS_INTERPRETER))
		r = dict_text(m, "interpreter", f->interpreter);
	if (r >= 0 && (f->have & FACTS_BUILD_ID)) {
		text_hex(f->build_id, f->n_build_id, build_id);
		r = dict_text(m, "build_id", build_id);
	}
	r = r < 0 ? r : dict_flag(m, "metadata_refused", f->have & FACTS_METADATA_REFUSED);
	r = r < 0 ? r : dict_flag(m, "payload_refused", f->have & FACTS_PAYLOAD_REFUSED);
	r = r < 0 ? r : dict_flag(m, "searched", f->have & FACTS_SCANNED);
	return r < 0 ? r : append_packages(m, f);
}

static int append_match(sd_bus_message *m, const struct policy *p, const struct policy_match *match)
{
	struct policy_software software;
	char version[PACKAGE_VERSION_MAX + 1] = "";
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (match->version)
		policy_match_version(match, version);
	policy_software(p, match->software, &software);
	r = r < 0 ? r : dict_text(m, "software", software.id);
	r = r < 0 ? r : dict_text(m, "name", software.name);
	r = r < 0 ? r : dict_text(m, "vendor", software.vendor);
	r = r < 0 ? r : dict_text(m, "evidence", evidence_to_string(match->evidence));
	r = r < 0 ? r : dict_text(m, "detail", match->detail);
	r = r < 0 ? r : dict_text(m, "version", version);
	if (r >= 0 && match->package)
		r = append_purl(m, match->package_type, match->package, version);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What the file is to this policy, whether or not a rule bans that version. Without home
 * directories, so that a path rule under ~ shows only when it decided. */
static int append_matches(sd_bus_message *m, const struct judgement *j)
{
	struct policy_match matches[POLICY_MATCHES_MAX];
	size_t n = policy_match(j->policy, &j->facts, j->path, NULL, matches, ARRAY_SIZE(matches));
	int r = dict_open(m, "matches", "aa{sv}");

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_match(m, j->policy, &matches[i]);
	return r < 0 ? r : dict_close(m);
}

static int append_rule(sd_bus_message *m, const struct policy *p, uint32_t index)
{
	struct policy_rule rule;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	policy_rule(p, index, &rule);
	r = r < 0 ? r : dict_text(m, "id", rule.id);
	r = r < 0 ? r : dict_text(m, "action", action_to_string(rule.action));
	r = r < 0 ? r : dict_text(m, "risk", risk_to_string(rule.risk));
	r = r < 0 ? r : dict_text(m, "reason", policy_rule_reason(p, index, "en"));
	r = r < 0 ? r : dict_text(m, "reference", rule.reference);
	r = r < 0 ? r : dict_text(m, "url", rule.url);
	r = r < 0 ? r : dict_text(m, "alternative_name", rule.alternative_name);
	r = r < 0 ? r : dict_text(m, "alternative_url", rule.alternative_url);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_decision(sd_bus_message *m, const struct judgement *j)
{
	const struct decision *d = &j->decision;
	struct policy_software software = { 0 };
	int r = dict_text(m, "verdict", verdict_to_string(d->verdict));

	if (!j->policy)
		return r;
	if (d->n_rules > 0)
		policy_software(j->policy, d->software, &software);
	r = r < 0 ? r : dict_text(m, "software", software.id);
	r = r < 0 ? r : dict_text(m, "software_name", software.name);
	if (r >= 0 && d->n_rules > 0)
		r = dict_text(m, "evidence", evidence_to_string(d->evidence));
	r = r < 0 ? r : dict_text(m, "package", d->package);
	r = r < 0 ? r : dict_text(m, "version", d->version);
	r = r < 0 ? r : dict_open(m, "rules", "aa{sv}");
	for (uint32_t i = 0; r >= 0 && i < d->n_rules && i < DECISION_RULES_MAX; i++)
		r = append_rule(m, j->policy, d->rules[i]);
	r = r < 0 ? r : dict_close(m);
	return r < 0 ? r : append_matches(m, j);
}

int answer_append_judgement(sd_bus_message *m, const struct judgement *j)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	r = r < 0 ? r : dict_bytes(m, "path", j->path);
	r = r < 0 ? r : append_facts(m, &j->facts);
	r = r < 0 ? r : append_decision(m, j);
	r = r < 0 ? r : answer_append_policy(m, j->policy, 0);
	return r < 0 ? r : sd_bus_message_close_container(m);
}
