/*
 * What the ledger is told of signed policy, in words. Each *ret-less function returns an owned
 * text, NULL when there is no memory.
 */
#pragma once

#include "agent/trust_state.h"
#include "agent/update/report.h"
#include "policy/image/policy.h"

/* "targets 3 to 4, snapshot 3 to 4, timestamp 9 to 12, root 1; signed by root: Alice, 1a2b3c4d;
 * targets: Bob". @from zero: nothing was accepted before. */
char *enrolment_text_change(const struct trust_summary *from, const struct trust_summary *to);

/* "policy high-risk-software (targets version 3) stays in force" */
char *enrolment_text_stays(struct policy *in_force, const struct trust_summary *s);

/* @messages as one text, with what stays in force behind it. */
char *enrolment_text_refusal(
	const char *messages, struct policy *in_force, const struct trust_summary *s);

/* Makes all times of day in @text the same: "it has expired, and it is now ..." is no other refusal
 * a minute later. */
void enrolment_text_mask_times(char *text);

/* What proscribe-update did not take, or NULL when its report tells of nothing like that: a server
 * that cannot be reached has refused nothing and is no refusal. */
char *enrolment_text_report(const struct update_report *r);
