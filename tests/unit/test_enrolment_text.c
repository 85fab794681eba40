/* What the ledger is told of signed policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "agent/enrolment_text.h"

static void expect(char *text, const char *want)
{
	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void add_signer(struct trust_summary *s, const char *role, const char *owner)
{
	struct trust_signer *one = &s->signers[s->n_signers++];

	strcpy(one->role, role);
	strcpy(one->owner, owner);
	strcpy(one->keyid, "0123456789abcdef");
}

static void a_change_names_versions_and_signers(void **state)
{
	struct trust_summary from = { 0 }, to = { 0 };

	(void) state;
	to.roles[TUF_ROOT].version = to.roles[TUF_TIMESTAMP].version = 1;
	to.roles[TUF_SNAPSHOT].version = 2;
	to.roles[TUF_TARGETS].version = INT64_MAX;
	expect(enrolment_text_change(&from, &to),
		"targets 9223372036854775807, snapshot 2, timestamp 1, root 1");
	from = to;
	from.roles[TUF_TARGETS].version = 3;
	to.roles[TUF_TARGETS].version = 4;
	add_signer(&to, "root", "Ada");
	add_signer(&to, "root", "");
	add_signer(&to, "targets", "");
	add_signer(&to, "team: a", "Bea");
	expect(enrolment_text_change(&from, &to),
		"targets 3 to 4, snapshot 2, timestamp 1, root 1; signed by root: Ada, key "
		"01234567; targets: key 01234567; team: a: Bea");
}

static void a_refusal_ends_with_what_stays(void **state)
{
	struct trust_summary s = { 0 };

	(void) state;
	expect(enrolment_text_refusal(
		       "error: 3.targets.json (role targets): has expired\n", NULL, &s),
		"3.targets.json (role targets): has expired; no policy is in force");
	expect(enrolment_text_refusal("p:1:1: error: x\n  1 | x\n    | ^\n", NULL, &s),
		"p:1:1: error: x\n  1 | x\n    | ^\nno policy is in force");
	expect(enrolment_text_refusal("", NULL, &s), "; no policy is in force");
}

static void times_of_day_are_no_difference(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "expired 2026-11-20T18:41:16Z, and it is 2026-11-21T18:41:17Z",
			"expired 0000-00-00T00:00:00Z, and it is 0000-00-00T00:00:00Z" },
		{ "2026-11-20T18:41:1", "2026-11-20T18:41:1" },
		{ "2026-11-20 18:41:16, 3.root.json", "2026-11-20 18:41:16, 3.root.json" },
		{ "92026-11-20T18:41:16", "90000-00-00T00:00:00" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = strdup(cases[i].text);

		enrolment_text_mask_times(text);
		expect(text, cases[i].want);
	}
}

static void a_report_tells_of_what_was_refused_only(void **state)
{
	static const struct {
		const char *name;
		int error;
		const char *role, *file, *message, *want;
	} cases[] = {
		{ "a success", 0, "", "", "", NULL },
		{ "nobody answered", -EHOSTUNREACH, "", "", "no answer", NULL },
		{ "the server is in trouble", -EREMOTEIO, "", "", "answered 503", NULL },
		{ "an expired file", -EKEYEXPIRED, "timestamp", "timestamp.json", "has expired",
			"proscribe-update: timestamp.json (role timestamp): has expired" },
		{ "a file without a role", -EUCLEAN, "", "policy/a.yaml", "is another one",
			"proscribe-update: policy/a.yaml: is another one" },
		{ "words that name the file", -EUCLEAN, "targets", "a.json",
			"a.json (role targets): is another one",
			"proscribe-update: a.json (role targets): is another one" },
		{ "a certificate", -ECONNABORTED, "", "", "the certificate was not accepted",
			"proscribe-update: the certificate was not accepted" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct update_report r = { .error = cases[i].error };
		_cleanup_free_ char *text = NULL;

		strcpy(r.role, cases[i].role);
		strcpy(r.file, cases[i].file);
		strcpy(r.message, cases[i].message);
		text = enrolment_text_report(&r);
		if (!text != !cases[i].want || (text && strcmp(text, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].name, text ? text : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_names_versions_and_signers),
		cmocka_unit_test(a_refusal_ends_with_what_stays),
		cmocka_unit_test(times_of_day_are_no_difference),
		cmocka_unit_test(a_report_tells_of_what_was_refused_only),
	};

	return cmocka_run_group_tests_name("enrolment_text", tests, NULL, NULL);
}
