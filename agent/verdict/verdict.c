#include "agent/verdict/verdict.h"

#include <string.h>

#include "policy/base/text.h"

static enum verdict verdict_of(enum action a)
{
	switch (a) {
	case ACTION_NONE:
		return VERDICT_ALLOW;
	case ACTION_LOG:
		return VERDICT_LOG;
	case ACTION_WARN:
		return VERDICT_WARN;
	case ACTION_BLOCK:
	case _ACTION_MAX:
		break;
	}
	return VERDICT_BLOCK;
}

/* The rules found so far, the strictest first; of equally strict ones the first found. */
struct findings {
	uint32_t n;
	uint32_t rules[DECISION_RULES_MAX];
	enum action actions[DECISION_RULES_MAX];
};

static void add_rule(struct findings *f, uint32_t rule, enum action action)
{
	uint32_t at = f->n;

	for (uint32_t i = 0; i < f->n; i++)
		if (f->rules[i] == rule)
			return;
	while (at > 0 && f->actions[at - 1] < action)
		at--;
	if (at == DECISION_RULES_MAX)
		return;
	if (f->n < DECISION_RULES_MAX)
		f->n++;
	for (uint32_t i = f->n - 1; i > at; i--) {
		f->rules[i] = f->rules[i - 1];
		f->actions[i] = f->actions[i - 1];
	}
	f->rules[at] = rule;
	f->actions[at] = action;
}

/* Adds the rules that cover @m; returns the strictest action among them. */
static enum action judge_match(
	const struct policy *p, const struct policy_match *m, struct findings *findings)
{
	uint32_t n = policy_software_n_rules(p, m->software);
	enum action strictest = ACTION_NONE;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t index = policy_software_rule(p, m->software, k);
		struct policy_rule rule;

		if (!policy_rule_covers(p, index, m))
			continue;
		policy_rule(p, index, &rule);
		add_rule(findings, index, rule.action);
		if (rule.action > strictest)
			strictest = rule.action;
	}
	return strictest;
}

/* The package a file claims to be, where the deciding evidence is of another kind: only if the
 * policy takes that package for the same software, so that a renamed one does not mislead. */
static const struct policy_match *package_of(
	const struct policy_match matches[], size_t n, const struct policy_match *deciding)
{
	if (deciding->package)
		return deciding;
	for (size_t i = 0; i < n; i++)
		if (matches[i].package && matches[i].software == deciding->software)
			return &matches[i];
	return NULL;
}

static void name_identity(const struct policy_match matches[], size_t n,
	const struct policy_match *deciding, struct decision *d)
{
	const struct policy_match *package = package_of(matches, n, deciding);

	d->known = true;
	d->software = deciding->software;
	d->evidence = deciding->evidence;
	if (package) {
		d->package_type = package->package_type;
		(void) text_copy(d->package, sizeof(d->package), package->package);
	}
	policy_match_version(deciding, d->version);
}

void verdict_decide(const struct policy *p, const struct facts *f, const char *path,
	const char *const homes[], struct decision *ret)
{
	struct policy_match matches[POLICY_MATCHES_MAX];
	const struct policy_match *deciding = matches;
	struct findings findings = { 0 };
	enum action strictest = ACTION_NONE;
	struct decision d = { .verdict = VERDICT_ALLOW };
	size_t n = policy_match(p, f, path, homes, matches, ARRAY_SIZE(matches));

	for (size_t i = 0; i < n; i++) {
		enum action action = judge_match(p, &matches[i], &findings);

		if (action > strictest) {
			strictest = action;
			deciding = &matches[i];
		}
	}
	if (n > 0)
		name_identity(matches, n, deciding, &d);
	d.verdict = verdict_of(strictest);
	d.n_rules = findings.n;
	memcpy(d.rules, findings.rules, sizeof(d.rules));
	*ret = d;
}

const char *verdict_to_string(enum verdict v)
{
	static const char *const names[_VERDICT_MAX] = {
		[VERDICT_UNJUDGED] = "unjudged",
		[VERDICT_ALLOW] = "allow",
		[VERDICT_LOG] = "log",
		[VERDICT_WARN] = "warn",
		[VERDICT_BLOCK] = "block",
	};

	return (unsigned) v < ARRAY_SIZE(names) ? names[v] : "unjudged";
}
