/*
 * The decision: facts about a file + where it lies + the policy -> what happens to the launch.
 * Pure: no I/O, no clock, no globals, no allocation; called by the gate, by `check` and by tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/image/policy.h"

enum verdict {
	VERDICT_UNJUDGED, /* zero: nobody decided, so the fail mode answers and the log says so */
	VERDICT_ALLOW,
	VERDICT_LOG,
	VERDICT_WARN,
	VERDICT_BLOCK,
	_VERDICT_MAX,
};

enum { DECISION_RULES_MAX = 8 };

struct decision {
	enum verdict verdict;
	/* The strongest that led to the verdict; without a rule, the strongest there is. */
	enum evidence evidence;
	bool known;        /* some evidence names software of this policy */
	uint32_t software; /* index into the policy; valid when known */
	uint32_t n_rules;  /* rules that agreed on a finding, the strictest first */
	uint32_t rules[DECISION_RULES_MAX];
	/* The identity that decided, PACKAGE_NONE and "" where unknown. */
	enum package_type package_type;
	char package[PACKAGE_NAME_MAX + 1];
	char version[PACKAGE_VERSION_MAX + 1];
};

/* @path and @homes as in policy_match(). Always decides: VERDICT_ALLOW when no rule speaks. */
void verdict_decide(const struct policy *p, const struct facts *f, const char *path,
	const char *const homes[], struct decision *ret);

const char *verdict_to_string(enum verdict v); /* "block" */
