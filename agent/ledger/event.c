#include "agent/ledger/event.h"

#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"
#include "policy/identity/purl_package.h"

int event_new(enum event_kind kind, struct event **ret)
{
	struct event *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->references = 1;
	e->kind = kind;
	e->uid = e->login_uid = EVENT_UID_UNKNOWN;
	e->utc_nsec = clock_utc_nsec();
	event_id_new(e->utc_nsec, e->id);
	*ret = e;
	return 0;
}

struct event *event_ref(struct event *e)
{
	e->references++;
	return e;
}

struct event *event_unref(struct event *e)
{
	if (!e || --e->references > 0)
		return NULL;
	free(e->path);
	free(e->purl);
	free(e->version);
	free(e->software_id);
	free(e->software_name);
	free(e->rules);
	free(e->reason);
	free(e->reference);
	free(e->url);
	free(e->alternative_name);
	free(e->alternative_url);
	free(e->policy_name);
	free(e->policy_owner);
	free(e->policy_contact);
	free(e->detail);
	free(e);
	return NULL;
}

/* Replaces *field by a copy of @text; "" counts as nothing said. */
static int set_text(char **field, const char *text)
{
	char *copy = NULL;
	int r;

	r = text_dup(text && *text ? text : NULL, &copy);
	if (r < 0)
		return r;
	free(*field);
	*field = copy;
	return 0;
}

static int set_policy(struct event *e, const struct policy *p)
{
	struct policy_info info;
	int r;

	policy_info(p, &info);
	memcpy(e->policy_digest, info.digest, sizeof(e->policy_digest));
	r = set_text(&e->policy_name, info.name);
	if (r >= 0)
		r = set_text(&e->policy_owner, info.owner);
	if (r >= 0)
		r = set_text(&e->policy_contact, info.contact);
	return r;
}

static int set_identity(struct event *e, const struct policy *p, const struct decision *d)
{
	struct policy_software software;
	char purl[PURL_PACKAGE_SIZE_MAX] = "";
	struct package package = { 0 };
	int r;

	package.type = d->package_type;
	if (package.type != PACKAGE_NONE && d->package[0]) {
		(void) text_copy(package.name, sizeof(package.name), d->package);
		(void) text_copy(package.version, sizeof(package.version), d->version);
		r = purl_package_write(&package, purl);
		if (r == -ENOMEM)
			return r;
	}
	policy_software(p, d->software, &software);
	r = set_text(&e->purl, purl);
	if (r >= 0)
		r = set_text(&e->version, d->version);
	if (r >= 0)
		r = set_text(&e->software_id, software.id);
	if (r >= 0)
		r = set_text(&e->software_name, software.name);
	return r;
}

static int set_rule_ids(struct event *e, const struct policy *p, const struct decision *d)
{
	uint32_t n = d->n_rules < DECISION_RULES_MAX ? d->n_rules : DECISION_RULES_MAX;
	struct policy_rule rule;
	char *ids, *end;
	size_t size = 1;

	for (uint32_t i = 0; i < n; i++) {
		policy_rule(p, d->rules[i], &rule);
		size += strlen(rule.id) + 1;
	}
	ids = end = malloc(size);
	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		policy_rule(p, d->rules[i], &rule);
		if (i > 0)
			*end++ = ',';
		end = stpcpy(end, rule.id);
	}
	free(e->rules);
	e->rules = ids;
	return 0;
}

static int set_rule_texts(struct event *e, const struct policy *p, uint32_t deciding)
{
	struct policy_rule rule;
	int r;

	policy_rule(p, deciding, &rule);
	e->risk = rule.risk;
	r = set_text(&e->reason, policy_rule_reason(p, deciding, "en"));
	if (r >= 0)
		r = set_text(&e->reference, rule.reference);
	if (r >= 0)
		r = set_text(&e->url, rule.url);
	if (r >= 0)
		r = set_text(&e->alternative_name, rule.alternative_name);
	if (r >= 0)
		r = set_text(&e->alternative_url, rule.alternative_url);
	return r;
}

int event_set_decision(struct event *e, const struct policy *p, const struct decision *d)
{
	int r;

	e->verdict = d->verdict;
	e->evidence = d->evidence;
	r = set_policy(e, p);
	if (r < 0 || d->n_rules == 0)
		return r;
	r = set_identity(e, p, d);
	if (r >= 0)
		r = set_rule_ids(e, p, d);
	if (r >= 0)
		r = set_rule_texts(e, p, d->rules[0]);
	return r;
}

const char *event_kind_to_string(enum event_kind k)
{
	static const char *const names[_EVENT_KIND_MAX] = {
		[EVENT_NONE] = "none",
		[EVENT_LAUNCH] = "launch",
		[EVENT_DIGEST] = "digest",
		[EVENT_POLICY] = "policy",
		[EVENT_AGENT] = "agent",
		[EVENT_GAP] = "gap",
		[EVENT_FINDING] = "finding",
		[EVENT_SCAN] = "scan",
	};

	return (unsigned) k < ARRAY_SIZE(names) ? names[k] : "none";
}

const char *outcome_to_string(enum outcome o)
{
	static const char *const names[_OUTCOME_MAX] = {
		[OUTCOME_NONE] = "none",
		[OUTCOME_REFUSED] = "refused",
		[OUTCOME_RAN] = "ran",
		[OUTCOME_STOPPED] = "stopped",
		[OUTCOME_APPLIED] = "applied",
		[OUTCOME_REJECTED] = "rejected",
		[OUTCOME_ENDED] = "ended",
		[OUTCOME_FOUND] = "found",
		[OUTCOME_GONE] = "gone",
		[OUTCOME_COMPLETE] = "complete",
		[OUTCOME_INCOMPLETE] = "incomplete",
		[OUTCOME_STALE] = "stale",
	};

	return (unsigned) o < ARRAY_SIZE(names) ? names[o] : "none";
}
