/*
 * agent/ledger/export and ocsf: hostile texts neither break a line nor a spreadsheet, and each kind
 * of record becomes the OCSF class that is documented.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/ledger/export.h"
#include "agent/ledger/ocsf.h"
#include "agent/ledger/plain.h"

#define HEADER                                                                             \
	"sequence,id,time,kind,outcome,verdict,evidence,risk,host,uid,user,login_uid,pid," \
	"parent,tty,path,device,inode,size,sha256,purl,version,software,software_name,"    \
	"rules,reason,reference,url,alternative_name,alternative_url,policy_name,"         \
	"policy_owner,policy_contact,policy_digest,detail,count\r\n"

static const struct record blocked = {
	.sequence = 7,
	.id = "7K2M-Q4TX-9D3F",
	.kind = "launch",
	.outcome = "refused",
	.verdict = "block",
	.evidence = "package",
	.risk = "high",
	.host = "laptop",
	.uid = 1000,
	.user = "alice",
	.login_uid = -1,
	.pid = 4711,
	.parent = 815,
	.tty = "pts/3",
	.utc_nsec = INT64_C(1783036800123456789),
	.path = "/home/alice/bin/claude",
	.device = 2049,
	.inode = 12,
	.size = 99,
	.purl = "pkg:npm/%40anthropic-ai/claude-code@2.1.91",
	.version = "2.1.91",
	.software_id = "claude-code",
	.software_name = "Claude Code",
	.rules = "HRS-2026-014,HRS-2026-020",
	.reason = "It says \"no\", plainly",
	.policy_name = "high-risk",
	.policy_digest = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
};

/* What export_record() writes; the caller frees it. */
static char *exported(enum export_format format, const struct record *r)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(export_record(f, format, r), 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void csv_begins_with_its_columns(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void) state;
	assert_int_equal(export_begin(f, EXPORT_CSV), 0);
	assert_int_equal(export_begin(f, EXPORT_JSONL), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, HEADER);
}

static void csv_of_a_block(void **state)
{
	_cleanup_free_ char *text = exported(EXPORT_CSV, &blocked);

	(void) state;
	assert_string_equal(text,
		"7,7K2M-Q4TX-9D3F,2026-07-03T00:00:00.123456789Z,launch,refused,block,package,high,"
		"laptop,1000,alice,,4711,815,pts/3,/home/alice/bin/claude,2049,12,99,,"
		"pkg:npm/%40anthropic-ai/claude-code@2.1.91,2.1.91,claude-code,Claude Code,"
		"\"HRS-2026-014,HRS-2026-020\",\"It says \"\"no\"\", plainly\",,,,,high-risk,,,"
		"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20,,\r\n");
}

static void csv_cells_do_no_harm(void **state)
{
	static const struct {
		const char *name, *path, *want;
	} cases[] = {
		{ "plain", "/bin/x", "/bin/x" },
		{ "UTF-8", "/\xe4\xb8\xad", "/\xe4\xb8\xad" },
		{ "comma", "/a,b", "\"/a,b\"" },
		{ "quote", "/a\"b", "\"/a\"\"b\"" },
		{ "line feed", "/a\nb", "/a\\x0ab" },
		{ "carriage return and line feed", "/a\r\nb", "/a\\x0d\\x0ab" },
		{ "escape sequence", "/\033[2J", "/\\x1b[2J" },
		{ "not UTF-8", "/\xff\xfe", "/\\xff\\xfe" },
		{ "overlong", "/\xc0\xaf", "/\\xc0\\xaf" },
		{ "text that looks like an escape", "/\\xff", "/\\\\xff" },
		{ "right-to-left override", "/\xe2\x80\xae", "/\\u202e" },
		{ "formula", "=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"" },
		{ "plus", "+1", "\"'+1\"" },
		{ "minus", "-1", "\"'-1\"" },
		{ "at", "@SUM(A1)", "\"'@SUM(A1)\"" },
		{ "formula after a tab", "\t=1", "\\x09=1" },
		{ "formula with quotes", "=\"a\",b", "\"'=\"\"a\"\",b\"" },
		{ "equals sign later on", "/a=b", "/a=b" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record r = { .kind = "launch",
			.uid = -1,
			.login_uid = -1,
			.pid = -1,
			.parent = -1,
			.path = cases[i].path };
		_cleanup_free_ char *text = exported(EXPORT_CSV, &r), *want = NULL;

		assert_true(asprintf(&want,
				    ",,1970-01-01T00:00:00.000000000Z,launch,,,,,,,,,,,,%s"
				    ",,,,,,,,,,,,,,,,,,,,\r\n",
				    cases[i].want) > 0);
		if (strcmp(text, want) != 0)
			fail_msg("%s: got %s", cases[i].name, text);
	}
}

static void a_long_hostile_path_is_whole(void **state)
{
	_cleanup_free_ char *path = malloc(4096), *plain = NULL;

	(void) state;
	assert_non_null(path);
	memset(path, 0xff, 4095);
	path[4095] = '\0';
	assert_int_equal(plain_text(path, &plain), 0);
	assert_int_equal(strlen(plain), 4 * 4095);
	memset(path, '\\', 4095);
	free(TAKE_PTR(plain));
	assert_int_equal(plain_text(path, &plain), 0);
	assert_int_equal(strlen(plain), 2 * 4095);
	free(TAKE_PTR(plain));
	for (size_t i = 0; i < 4092; i += 4)
		memcpy(path + i, "\xf3\xa0\x80\x81", 4); /* a tag character: \U000e0001 */
	path[4092] = '\0';
	assert_int_equal(plain_text(path, &plain), 0);
	assert_int_equal(strlen(plain), 10 * 1023);
}

static int64_t number(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

static void a_block_is_process_activity(void **state)
{
	_cleanup_free_ char *line = exported(EXPORT_JSONL, &blocked);
	json_t *e = json_loads(line, JSON_REJECT_DUPLICATES, NULL), *process, *unmapped, *rules;
	_cleanup_free_ char *again = NULL;

	(void) state;
	assert_non_null(e);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_int_equal(number(e, "class_uid"), 1007);
	assert_int_equal(number(e, "type_uid"), 100701);
	assert_int_equal(number(e, "category_uid"), 1);
	assert_int_equal(number(e, "time"), 1783036800123);
	assert_int_equal(number(e, "action_id"), 2);
	assert_int_equal(number(e, "disposition_id"), 2);
	assert_int_equal(number(e, "severity_id"), 4);
	assert_int_equal(number(e, "status_id"), 2);
	assert_string_equal(text(e, "message"), "Refused to start Claude Code 2.1.91");
	process = json_object_get(e, "process");
	assert_int_equal(number(process, "pid"), 4711);
	assert_string_equal(text(json_object_get(process, "file"), "name"), "claude");
	assert_string_equal(text(json_object_get(process, "user"), "uid"), "1000");
	assert_string_equal(text(json_object_get(e, "metadata"), "uid"), "7K2M-Q4TX-9D3F");
	unmapped = json_object_get(e, "unmapped");
	rules = json_object_get(unmapped, "rules");
	assert_int_equal(json_array_size(rules), 2);
	assert_string_equal(json_string_value(json_array_get(rules, 1)), "HRS-2026-020");
	again = json_dumps(e, JSON_COMPACT | JSON_SORT_KEYS);
	assert_int_equal(strncmp(again, line, strlen(again)), 0);
	json_decref(e);
}

static void what_was_done_is_told_as_it_was(void **state)
{
	static const struct {
		const char *outcome, *verdict;
		int action, disposition, status;
	} cases[] = {
		{ "refused", "block", 2, 2, 2 },
		{ "refused", "unjudged", 2, 2, 2 },
		{ "stopped", "block", 2, 99, 1 },
		{ "ran", "unjudged", 1, 99, 1 },
		{ "ran", "warn", 1, 19, 1 },
		{ "ran", "log", 3, 17, 1 },
		{ "ran", "allow", 1, 1, 1 },
		{ NULL, NULL, 0, 0, 1 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record r = blocked;
		json_t *e;

		r.outcome = cases[i].outcome;
		r.verdict = cases[i].verdict;
		assert_int_equal(ocsf_from_record(&r, &e), 0);
		if (number(e, "action_id") != cases[i].action ||
			number(e, "disposition_id") != cases[i].disposition ||
			number(e, "status_id") != cases[i].status)
			fail_msg("row %zu: action %lld, disposition %lld, status %lld", i,
				(long long) number(e, "action_id"),
				(long long) number(e, "disposition_id"),
				(long long) number(e, "status_id"));
		json_decref(e);
	}
}

static void each_kind_has_its_class(void **state)
{
	static const struct {
		const char *kind, *outcome;
		int64_t type, severity, status;
	} cases[] = {
		{ "launch", "refused", 100701, 0, 2 },
		{ "digest", NULL, 100199, 1, 1 },
		{ "policy", "applied", 300403, 1, 1 },
		{ "policy", "rejected", 300403, 3, 2 },
		{ "policy", "stale", 300403, 3, 2 },
		{ "agent", "applied", 600203, 1, 1 },
		{ "agent", "ended", 600204, 1, 1 },
		{ "gap", NULL, 100899, 4, 2 },
		{ "finding", "found", 200301, 0, 1 },
		{ "finding", "gone", 200303, 1, 4 },
		{ "scan", "complete", 600702, 1, 1 },
		{ "scan", "incomplete", 600706, 2, 2 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record r = { .kind = cases[i].kind,
			.outcome = cases[i].outcome,
			.uid = -1,
			.login_uid = -1,
			.pid = -1,
			.parent = -1,
			.count = 5 };
		json_t *e;

		assert_int_equal(ocsf_from_record(&r, &e), 0);
		if (number(e, "type_uid") != cases[i].type ||
			number(e, "severity_id") != cases[i].severity ||
			number(e, "status_id") != cases[i].status)
			fail_msg("%s %s: type %lld", cases[i].kind,
				cases[i].outcome ? cases[i].outcome : "",
				(long long) number(e, "type_uid"));
		if (strcmp(cases[i].kind, "gap") == 0)
			assert_int_equal(number(json_object_get(e, "unmapped"), "lost"), 5);
		json_decref(e);
	}
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	(void) state;
	assert_non_null(f);
	(void) setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(export_begin(f, EXPORT_CSV), -ENOSPC);
	(void) fclose(f);
}

static void formats_have_names(void **state)
{
	enum export_format format = _EXPORT_FORMAT_MAX;

	(void) state;
	assert_int_equal(export_format_from_string("csv", &format), 0);
	assert_int_equal(format, EXPORT_CSV);
	assert_int_equal(export_format_from_string("jsonl", &format), 0);
	assert_int_equal(format, EXPORT_JSONL);
	assert_int_equal(export_format_from_string("xml", &format), -EINVAL);
	assert_int_equal(export_format_from_string("", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_begins_with_its_columns),
		cmocka_unit_test(csv_of_a_block),
		cmocka_unit_test(csv_cells_do_no_harm),
		cmocka_unit_test(a_long_hostile_path_is_whole),
		cmocka_unit_test(a_block_is_process_activity),
		cmocka_unit_test(what_was_done_is_told_as_it_was),
		cmocka_unit_test(each_kind_has_its_class),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
