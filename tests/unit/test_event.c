/*
 * agent/ledger/event: ids that nobody gets twice and everybody can type, and the texts of a
 * decision under a real policy image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "agent/ledger/event.h"
#include "policy/base/clock.h"
#include "policy/image/builder.h"

enum { MANY = 100000 };

static void ids_parse_as_people_write_them(void **state)
{
	static const struct {
		const char *name, *text, *want; /* want NULL: -EINVAL */
	} cases[] = {
		{ "the canonical form", "7K2M-Q4TX-9D3F", "7K2M-Q4TX-9D3F" },
		{ "lower case", "7k2m-q4tx-9d3f", "7K2M-Q4TX-9D3F" },
		{ "no dashes", "7k2mq4tx9d3f", "7K2M-Q4TX-9D3F" },
		{ "dashes elsewhere", "-7K-2MQ4T--X9D3F-", "7K2M-Q4TX-9D3F" },
		{ "letters that look like digits", "oOiI-lL00-1111", "0011-1100-1111" },
		{ "the greatest one", "ZZZZ-ZZZZ-ZZZZ", "ZZZZ-ZZZZ-ZZZZ" },
		{ "one digit too few", "7K2M-Q4TX-9D3", NULL },
		{ "one digit too many", "7K2M-Q4TX-9D3F0", NULL },
		{ "nothing", "", NULL },
		{ "only dashes", "---", NULL },
		{ "a U, which is no digit", "7K2M-Q4TX-9D3U", NULL },
		{ "a space", "7K2M Q4TX 9D3F", NULL },
		{ "not ASCII", "7K2M-Q4TX-9D3\xc3\xa9", NULL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char out[EVENT_ID_SIZE] = "untouched";
		int r = event_id_parse(cases[i].text, out);

		if (r != (cases[i].want ? 0 : -EINVAL))
			fail_msg("%s: returned %d", cases[i].name, r);
		if (strcmp(out, cases[i].want ? cases[i].want : "untouched") != 0)
			fail_msg("%s: got %s", cases[i].name, out);
	}
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, EVENT_ID_SIZE);
}

static void ids_are_unique_and_canonical(void **state)
{
	char(*ids)[EVENT_ID_SIZE] = calloc(MANY, EVENT_ID_SIZE), again[EVENT_ID_SIZE];

	(void) state;
	assert_non_null(ids);
	for (size_t i = 0; i < MANY; i++) {
		struct event *e;

		assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
		memcpy(ids[i], e->id, EVENT_ID_SIZE);
		assert_int_equal(event_id_parse(e->id, again), 0);
		assert_string_equal(again, e->id);
		(void) event_unref(e);
	}
	qsort(ids, MANY, EVENT_ID_SIZE, compare_ids);
	for (size_t i = 1; i < MANY; i++)
		if (memcmp(ids[i - 1], ids[i], EVENT_ID_SIZE) == 0)
			fail_msg("%s was given out twice", ids[i]);
	free(ids);
}

static void a_new_event_knows_nobody(void **state)
{
	int64_t before = clock_utc_nsec();
	struct event *e;

	(void) state;
	assert_int_equal(event_new(EVENT_POLICY, &e), 0);
	assert_int_equal(e->kind, EVENT_POLICY);
	assert_int_equal(e->uid, EVENT_UID_UNKNOWN);
	assert_int_equal(e->login_uid, EVENT_UID_UNKNOWN);
	assert_int_equal(e->verdict, VERDICT_UNJUDGED);
	assert_null(e->path);
	assert_true(e->utc_nsec >= before && e->utc_nsec <= clock_utc_nsec());
	assert_ptr_equal(event_ref(e), e);
	assert_null(event_unref(e));
	assert_int_equal(e->references, 1);
	assert_null(event_unref(e));
	assert_null(event_unref(NULL));
}

/* Two rules over one npm package: the second one says next to nothing. */
static struct policy *sample_policy(void)
{
	static const struct policy_software software = { "claude-code", "Claude Code",
		"Anthropic" };
	static const struct policy_rule full = {
		.id = "HRS-2026-014",
		.reference = "SEC-4411",
		.url = "https://it.example.com/hrs/014",
		.alternative_name = "Qoder",
		.alternative_url = "https://it.example.com/qoder",
		.action = ACTION_BLOCK,
		.risk = RISK_HIGH,
	}, bare = { "HRS-2026-099", "", "", "", "", ACTION_LOG, RISK_UNSTATED, true };
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC);
	struct policy *p = NULL;
	uint32_t s, r1, r2;

	assert_true(fd >= 0);
	assert_int_equal(builder_new("high-risk", "Information Security", "", &b), 0);
	assert_int_equal(builder_add_software(b, &software, &s), 0);
	assert_int_equal(builder_add_rule(b, &full, NULL, &s, 1, &r1), 0);
	assert_int_equal(builder_add_reason(b, r1, "zh", "\xe4\xb8\xad"), 0);
	assert_int_equal(builder_add_reason(b, r1, "en", "It phones home."), 0);
	assert_int_equal(builder_add_rule(b, &bare, NULL, &s, 1, &r2), 0);
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	return p;
}

static void a_decision_brings_its_texts(void **state)
{
	static const struct decision d = {
		.verdict = VERDICT_BLOCK,
		.evidence = EVIDENCE_PACKAGE,
		.n_rules = 2,
		.rules = { 0, 1 },
		.package_type = PACKAGE_NPM,
		.package = "@anthropic-ai/claude-code",
		.version = "2.1.91",
	};
	_cleanup_(policy_unrefp) struct policy *p = sample_policy();
	_cleanup_(event_unrefp) struct event *e = NULL;
	struct policy_info info;

	(void) state;
	policy_info(p, &info);
	assert_int_equal(event_new(EVENT_LAUNCH, &e), 0);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(event_set_decision(e, p, &d), 0);
		assert_int_equal(e->verdict, VERDICT_BLOCK);
		assert_int_equal(e->evidence, EVIDENCE_PACKAGE);
		assert_int_equal(e->risk, RISK_HIGH);
		assert_string_equal(e->purl, "pkg:npm/%40anthropic-ai/claude-code@2.1.91");
		assert_string_equal(e->version, "2.1.91");
		assert_string_equal(e->software_id, "claude-code");
		assert_string_equal(e->software_name, "Claude Code");
		assert_string_equal(e->rules, "HRS-2026-014,HRS-2026-099");
		assert_string_equal(e->reason, "It phones home.");
		assert_string_equal(e->reference, "SEC-4411");
		assert_string_equal(e->alternative_name, "Qoder");
		assert_string_equal(e->policy_name, "high-risk");
		assert_string_equal(e->policy_owner, "Information Security");
		assert_null(e->policy_contact);
		assert_memory_equal(e->policy_digest, info.digest, SHA256_SIZE);
	}
}

static void what_a_decision_does_not_say_stays_unsaid(void **state)
{
	static const struct decision nobody_spoke = { .verdict = VERDICT_UNJUDGED },
				     by_path = {
					     .verdict = VERDICT_LOG,
					     .evidence = EVIDENCE_PATH,
					     .n_rules = 1,
					     .rules = { 1 },
				     };
	_cleanup_(policy_unrefp) struct policy *p = sample_policy();
	_cleanup_(event_unrefp) struct event *unjudged = NULL, *logged = NULL;

	(void) state;
	assert_int_equal(event_new(EVENT_LAUNCH, &unjudged), 0);
	assert_int_equal(event_set_decision(unjudged, p, &nobody_spoke), 0);
	assert_string_equal(unjudged->policy_name, "high-risk");
	assert_null(unjudged->rules);
	assert_null(unjudged->software_id);

	assert_int_equal(event_new(EVENT_LAUNCH, &logged), 0);
	assert_int_equal(event_set_decision(logged, p, &by_path), 0);
	assert_string_equal(logged->rules, "HRS-2026-099");
	assert_int_equal(logged->risk, RISK_UNSTATED);
	assert_null(logged->purl);
	assert_null(logged->version);
	assert_null(logged->reference);
	assert_null(logged->url);
}

static void every_kind_and_outcome_has_a_word(void **state)
{
	(void) state;
	for (unsigned k = EVENT_LAUNCH; k < _EVENT_KIND_MAX; k++)
		assert_string_not_equal(event_kind_to_string(k), "none");
	for (unsigned o = OUTCOME_REFUSED; o < _OUTCOME_MAX; o++)
		assert_string_not_equal(outcome_to_string(o), "none");
	assert_string_equal(event_kind_to_string(_EVENT_KIND_MAX), "none");
	assert_string_equal(outcome_to_string(_OUTCOME_MAX), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_parse_as_people_write_them),
		cmocka_unit_test(ids_are_unique_and_canonical),
		cmocka_unit_test(a_new_event_knows_nobody),
		cmocka_unit_test(a_decision_brings_its_texts),
		cmocka_unit_test(what_a_decision_does_not_say_stays_unsaid),
		cmocka_unit_test(every_kind_and_outcome_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
