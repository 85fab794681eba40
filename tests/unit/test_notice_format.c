/*
 * Golden texts of notices, and what must hold for any event whatever its strings are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/notice/notice.h"
#include "policy/base/text.h"

#define REASON_EN                                                                        \
	"Added to the list of high-risk software with security vulnerabilities after a " \
	"comprehensive evaluation."

static struct event claude(void)
{
	return (struct event){
		.kind = EVENT_LAUNCH,
		.outcome = OUTCOME_REFUSED,
		.verdict = VERDICT_BLOCK,
		.id = "7K2M-Q4TX-9D3F",
		.path = "/home/alice/.npm-global/lib/node_modules/@anthropic-ai/claude-code/cli.js",
		.version = "2.1.91",
		.software_name = "Claude Code",
		.reason = REASON_EN,
		.reference = "SEC-4411",
		.url = "https://it.example.com/hrs/014",
		.alternative_name = "Qoder",
		.alternative_url = "https://it.example.com/qoder",
		.policy_owner = "Information Security",
		.policy_contact = "https://it.example.com/high-risk-software",
	};
}

static struct event chinese(void)
{
	struct event e = claude();

	e.reason = "经全面评估，已列入存在安全漏洞的高风险软件名单。详见"
		   "https://it.example.com/hrs/014。请改用（Qoder）。";
	e.policy_owner = "信息安全部";
	e.path = "/opt/工具/克劳德";
	e.reference = e.url = NULL;
	return e;
}

static struct event bare(void)
{
	return (struct event){
		.kind = EVENT_LAUNCH,
		.outcome = OUTCOME_REFUSED,
		.verdict = VERDICT_BLOCK,
		.id = "7K2M-Q4TX-9D3F",
	};
}

static struct event hostile(void)
{
	struct event e = bare();

	e.path = "/tmp/\x1b]0;owned\x07/a\nYour password: \xff\u202etxt.exe";
	e.reason = "Line one\nline two\x1b[31m";
	e.policy_owner = "";
	return e;
}

static struct event long_words(void)
{
	struct event e = claude();

	e.software_name = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamten";
	e.reason = "See https://it.example.com/a/very/long/link/that/no/terminal/of/forty/columns/"
		   "holds or ask.";
	e.path = "/srv/0123456789012345678901234567890123456789012345678901234567890123456789/x";
	e.url = e.alternative_url = NULL;
	return e;
}

static struct event warned(void)
{
	struct event e = claude();

	e.outcome = OUTCOME_RAN;
	e.verdict = VERDICT_WARN;
	e.path = NULL;
	return e;
}

static struct event stopped(void)
{
	struct event e = warned();

	e.outcome = OUTCOME_STOPPED;
	e.verdict = VERDICT_BLOCK;
	return e;
}

static struct event unjudged(void)
{
	struct event e = bare();

	e.verdict = VERDICT_UNJUDGED;
	e.path = "/mnt/nfs/tool";
	return e;
}

static const struct golden {
	const char *name;
	struct event (*event)(void);
	unsigned columns;
	bool colour;
	const char *want;
} goldens[] = {
	/* clang-format off */
	{ "refused, 40 columns", claude, 40, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"Decided by: Information Security\n"
		"Why: Added to the list of high-risk\n"
		"  software with security vulnerabilities\n"
		"  after a comprehensive evaluation.\n"
		"Reference: SEC-4411\n"
		"  https://it.example.com/hrs/014\n"
		"Use instead: Qoder\n"
		"  https://it.example.com/qoder\n"
		"File: /home/alice/.npm-global/lib/\n"
		"  node_modules/@anthropic-ai/\n"
		"  claude-code/cli.js\n"
		"Questions:\n"
		"https://it.example.com/high-risk-software\n"
		"Event: 7K2M-Q4TX-9D3F\n"
		"Details: proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "refused, 60 columns", claude, 60, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          Added to the list of high-risk software with\n"
		"               security vulnerabilities after a\n"
		"               comprehensive evaluation.\n"
		"  Reference    SEC-4411 https://it.example.com/hrs/014\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  File         /home/alice/.npm-global/lib/node_modules/\n"
		"               @anthropic-ai/claude-code/cli.js\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "refused, 80 columns", claude, 80, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          Added to the list of high-risk software with security\n"
		"               vulnerabilities after a comprehensive evaluation.\n"
		"  Reference    SEC-4411 https://it.example.com/hrs/014\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  File         /home/alice/.npm-global/lib/node_modules/@anthropic-ai/\n"
		"               claude-code/cli.js\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "refused, 120 columns", claude, 120, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          Added to the list of high-risk software with security vulnerabilities after a\n"
		"               comprehensive evaluation.\n"
		"  Reference    SEC-4411 https://it.example.com/hrs/014\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  File         /home/alice/.npm-global/lib/node_modules/@anthropic-ai/claude-code/cli.js\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "refused, 60 columns, in colour", claude, 60, true,
		"\n"
		"\x1b[1mClaude Code 2.1.91 was not started.\x1b[0m\n"
		"\n"
		"  \x1b[2mDecided by\x1b[0m   Information Security\n"
		"  \x1b[2mWhy\x1b[0m          Added to the list of high-risk software with\n"
		"               security vulnerabilities after a\n"
		"               comprehensive evaluation.\n"
		"  \x1b[2mReference\x1b[0m    SEC-4411 https://it.example.com/hrs/014\n"
		"  \x1b[2mUse instead\x1b[0m  Qoder https://it.example.com/qoder\n"
		"  \x1b[2mFile\x1b[0m         /home/alice/.npm-global/lib/node_modules/\n"
		"               @anthropic-ai/claude-code/cli.js\n"
		"  \x1b[2mQuestions\x1b[0m    https://it.example.com/high-risk-software\n"
		"  \x1b[2mEvent\x1b[0m        7K2M-Q4TX-9D3F\n"
		"  \x1b[2mDetails\x1b[0m      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "Chinese, 40 columns", chinese, 40, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"Decided by: 信息安全部\n"
		"Why: 经全面评估，已列入存在安全漏洞的高\n"
		"  风险软件名单。详见\n"
		"  https://it.example.com/hrs/014。请改用\n"
		"  （Qoder）。\n"
		"Use instead: Qoder\n"
		"  https://it.example.com/qoder\n"
		"File: /opt/工具/克劳德\n"
		"Questions:\n"
		"https://it.example.com/high-risk-software\n"
		"Event: 7K2M-Q4TX-9D3F\n"
		"Details: proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "Chinese, 80 columns", chinese, 80, false,
		"\n"
		"Claude Code 2.1.91 was not started.\n"
		"\n"
		"  Decided by   信息安全部\n"
		"  Why          经全面评估，已列入存在安全漏洞的高风险软件名单。详见\n"
		"               https://it.example.com/hrs/014。请改用（Qoder）。\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  File         /opt/工具/克劳德\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "nothing known but the id", bare, 80, false,
		"\n"
		"A program was not started.\n"
		"\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "hostile path and reason, 40 columns", hostile, 40, false,
		"\n"
		"a\\x0aYour password: \\xff\\u202etxt.exe\n"
		"was not started.\n"
		"\n"
		"Why: Line one line two\\x1b[31m\n"
		"File: /tmp/\\x1b]0;owned\\x07/\n"
		"  a\\x0aYour password: \\xff\\u202etxt.exe\n"
		"Event: 7K2M-Q4TX-9D3F\n"
		"Details: proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "hostile path and reason, 80 columns", hostile, 80, false,
		"\n"
		"a\\x0aYour password: \\xff\\u202etxt.exe was not started.\n"
		"\n"
		"  Why          Line one line two\\x1b[31m\n"
		"  File         /tmp/\\x1b]0;owned\\x07/a\\x0aYour password: \\xff\\u202etxt.exe\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "long words, 40 columns", long_words, 40, false,
		"\n"
		"Donaudampfschifffahrtselektrizitaetenhau\n"
		"ptbetriebswerkbauunterbeamten 2.1.91 was\n"
		"not started.\n"
		"\n"
		"Decided by: Information Security\n"
		"Why: See\n"
		"https://it.example.com/a/very/long/link/that/no/terminal/of/forty/columns/holds\n"
		"  or ask.\n"
		"Reference: SEC-4411\n"
		"Use instead: Qoder\n"
		"File: /srv/01234567890123456789012345678\n"
		"  90123456789012345678901234567890123456\n"
		"  789/x\n"
		"Questions:\n"
		"https://it.example.com/high-risk-software\n"
		"Event: 7K2M-Q4TX-9D3F\n"
		"Details: proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "long words, 80 columns", long_words, 80, false,
		"\n"
		"Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamten 2.1.91 was\n"
		"not started.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          See\n"
		"https://it.example.com/a/very/long/link/that/no/terminal/of/forty/columns/holds\n"
		"               or ask.\n"
		"  Reference    SEC-4411\n"
		"  Use instead  Qoder\n"
		"  File         /srv/012345678901234567890123456789012345678901234567890123456789\n"
		"               0123456789/x\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "warned, 80 columns", warned, 80, false,
		"\n"
		"Claude Code 2.1.91 is on the high-risk software list. It runs this time.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          Added to the list of high-risk software with security\n"
		"               vulnerabilities after a comprehensive evaluation.\n"
		"  Reference    SEC-4411 https://it.example.com/hrs/014\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "stopped, 80 columns", stopped, 80, false,
		"\n"
		"Claude Code 2.1.91 was stopped.\n"
		"\n"
		"  Decided by   Information Security\n"
		"  Why          Added to the list of high-risk software with security\n"
		"               vulnerabilities after a comprehensive evaluation.\n"
		"  Reference    SEC-4411 https://it.example.com/hrs/014\n"
		"  Use instead  Qoder https://it.example.com/qoder\n"
		"  Questions    https://it.example.com/high-risk-software\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	{ "not judged in time, 60 columns", unjudged, 60, false,
		"\n"
		"tool was not started: it could not be checked in time.\n"
		"Please try again.\n"
		"\n"
		"  File         /mnt/nfs/tool\n"
		"  Event        7K2M-Q4TX-9D3F\n"
		"  Details      proscribectl why 7K2M-Q4TX-9D3F\n" },
	/* clang-format on */
};

/* The notice with plain line ends, having checked that each was \r\n. */
static char *formatted(const struct event *e, const struct notice_style *style)
{
	static char out[NOTICE_SIZE_MAX];
	size_t n = notice_format(e, style, out, sizeof(out)), m = 0;

	assert_int_equal(n, strlen(out));
	for (size_t i = 0; i < n; i++) {
		if (out[i] == '\n' && (i == 0 || out[i - 1] != '\r'))
			fail_msg("a line end without carriage return at byte %zu", i);
		if (out[i] != '\r')
			out[m++] = out[i];
	}
	out[m] = '\0';
	return out;
}

static void test_goldens(void **state)
{
	int failed = 0;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(goldens); i++) {
		const struct golden *g = &goldens[i];
		struct event e = g->event();
		struct notice_style style = { .columns = g->columns, .colour = g->colour };
		const char *got = formatted(&e, &style);

		if (strcmp(got, g->want) != 0) {
			print_error("%s:\n--- wanted ---\n%s--- got ---\n%s---\n", g->name, g->want,
				got);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

static void test_who_gets_none(void **state)
{
	static const struct {
		const char *name;
		enum event_kind kind;
		enum outcome outcome;
		enum verdict verdict;
		bool want;
	} cases[] = {
		{ "a refused launch", EVENT_LAUNCH, OUTCOME_REFUSED, VERDICT_BLOCK, true },
		{ "a refused launch nobody judged", EVENT_LAUNCH, OUTCOME_REFUSED, VERDICT_UNJUDGED,
			true },
		{ "a warned launch", EVENT_LAUNCH, OUTCOME_RAN, VERDICT_WARN, true },
		{ "a banned launch that ran", EVENT_LAUNCH, OUTCOME_RAN, VERDICT_BLOCK, true },
		{ "a stopped launch", EVENT_LAUNCH, OUTCOME_STOPPED, VERDICT_BLOCK, true },
		{ "a logged launch", EVENT_LAUNCH, OUTCOME_RAN, VERDICT_LOG, false },
		{ "an unjudged launch that ran", EVENT_LAUNCH, OUTCOME_RAN, VERDICT_UNJUDGED,
			false },
		{ "a launch without outcome", EVENT_LAUNCH, OUTCOME_NONE, VERDICT_BLOCK, false },
		{ "a digest", EVENT_DIGEST, OUTCOME_REFUSED, VERDICT_BLOCK, false },
		{ "a refused policy", EVENT_POLICY, OUTCOME_REJECTED, VERDICT_UNJUDGED, false },
		{ "a policy that may be old", EVENT_POLICY, OUTCOME_STALE, VERDICT_UNJUDGED,
			false },
		{ "the agent's start", EVENT_AGENT, OUTCOME_APPLIED, VERDICT_UNJUDGED, false },
		{ "a gap", EVENT_GAP, OUTCOME_NONE, VERDICT_UNJUDGED, false },
	};
	struct notice_style style = { 0 };
	char out[NOTICE_SIZE_MAX];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event e = claude();

		e.kind = cases[i].kind;
		e.outcome = cases[i].outcome;
		e.verdict = cases[i].verdict;
		if ((notice_format(&e, &style, out, sizeof(out)) > 0) != cases[i].want ||
			notice_needed(&e) != cases[i].want)
			fail_msg("%s: wanted %s", cases[i].name,
				cases[i].want ? "a notice" : "no notice");
	}
}

/* What must hold for every line, whatever the texts were. */
static void check_lines(const char *what, const char *notice, unsigned columns, bool with_links)
{
	char line[NOTICE_SIZE_MAX];
	const char *end;

	if (!text_utf8_valid(notice, strlen(notice)))
		fail_msg("%s: not UTF-8", what);
	for (const char *s = notice; *s; s = end + 2) {
		end = strstr(s, "\r\n");
		if (!end)
			fail_msg("%s: the last line has no end", what);
		memcpy(line, s, (size_t) (end - s));
		line[end - s] = '\0';
		for (const char *c = line; *c; c++)
			if ((unsigned char) *c < 0x20 || *c == 0x7f)
				fail_msg("%s: control byte %02x in \"%s\"", what,
					(unsigned char) *c, line);
		if (text_columns(line) > columns && !(with_links && strstr(line, "://")))
			fail_msg("%s: %zu columns of %u in \"%s\"", what, text_columns(line),
				columns, line);
	}
}

static void fill_string(char *s, size_t n, unsigned *seed)
{
	static const char *const pieces[] = { " ", "a", "\x1b[2J", "\n", "\r", "\t", "é", "中",
		"。", "（", "\xff", "\xe4\xb8", "\u0301", "\u200f", "/", "...", "word", "-",
		"\U0001f600" };
	size_t used = 0;

	while (used + 8 < n) {
		const char *p = pieces[(unsigned) rand_r(seed) % ARRAY_SIZE(pieces)];

		memcpy(s + used, p, strlen(p));
		used += strlen(p);
		if (rand_r(seed) % 64 == 0)
			break;
	}
	s[used] = '\0';
}

static void test_any_text_keeps_to_the_width(void **state)
{
	static const unsigned widths[] = { 20, 21, 33, 40, 55, 56, 57, 60, 80, 100 };
	char s[10][4096], out[NOTICE_SIZE_MAX], what[64];
	unsigned seed = 1;

	(void) state;
	for (unsigned round = 0; round < 400; round++) {
		struct notice_style style = { .columns = widths[round % ARRAY_SIZE(widths)] };
		struct event e = bare();

		for (size_t i = 0; i < ARRAY_SIZE(s); i++)
			fill_string(s[i], round % 3 ? 64 : sizeof(s[i]), &seed);
		e.path = s[0], e.version = s[1], e.software_name = s[2], e.reason = s[3];
		e.reference = s[4], e.url = s[5], e.alternative_name = s[6];
		e.alternative_url = s[7], e.policy_owner = s[8], e.policy_contact = s[9];
		(void) snprintf(what, sizeof(what), "random texts, round %u", round);
		assert_true(notice_format(&e, &style, out, sizeof(out)) > 0);
		check_lines(what, out, style.columns, false);
		if (!strstr(out, "9D3F\r\n"))
			fail_msg("%s: the event id is missing", what);
	}
}

/* Every text longer than its limit, in scripts that fill pages differently. */
static void test_overlong_texts_leave_room_for_the_id(void **state)
{
	static const char *const fillers[] = { "x", "ab cde ", "中文字", "\x01",
		"\xf3\xa0\x80\x81" };
	static char text[20000];
	char out[NOTICE_SIZE_MAX];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
		for (unsigned columns = 20; columns <= 120; columns += 20) {
			struct notice_style style = { .columns = columns };
			struct event e = bare();
			size_t k = strlen(fillers[i]);

			for (size_t n = 0; n + k < sizeof(text); n += k)
				memcpy(text + n, fillers[i], k + 1);
			e.path = e.version = e.software_name = e.reason = e.reference = text;
			e.url = e.alternative_url = e.alternative_name = text;
			e.policy_owner = e.policy_contact = text;
			assert_true(notice_format(&e, &style, out, sizeof(out)) > 0);
			check_lines(fillers[i], out, columns, false);
			assert_non_null(strstr(out, "..."));
			assert_non_null(strstr(out, "9D3F\r\n"));
			if (columns >= 40)
				assert_non_null(strstr(out, "proscribectl why 7K2M-Q4TX-9D3F\r\n"));
		}
}

static void test_any_buffer_size_is_kept(void **state)
{
	struct notice_style style = { .columns = 40, .colour = true };
	struct event e = claude();
	char *out;

	(void) state;
	for (size_t size = 0; size < 1400; size++) {
		size_t n;

		out = malloc(size + 1); /* exact, so that a sanitizer sees a byte too many */
		assert_non_null(out);
		out[size] = 'X';
		n = notice_format(&e, &style, out, size);
		assert_true(size == 0 || n < size);
		assert_int_equal(out[size], 'X');
		if (n > 0)
			assert_non_null(strstr(out, "why 7K2M-Q4TX-9D3F\r\n"));
		n = notice_format_more(12, 3, &style, out, size);
		assert_true(size == 0 || n < size);
		assert_int_equal(out[size], 'X');
		free(out);
	}
}

static void test_limits(void **state)
{
	static const struct {
		const char *name;
		size_t length;
		bool cut;
	} cases[] = {
		{ "a reason at the limit is whole", 1536, false },
		{ "a reason one byte longer is cut", 1537, true },
	};
	struct notice_style style = { .columns = 80 };
	char reason[1600], out[NOTICE_SIZE_MAX];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event e = bare();

		memset(reason, 'r', cases[i].length);
		reason[cases[i].length] = '\0';
		e.reason = reason;
		assert_true(notice_format(&e, &style, out, sizeof(out)) > 0);
		if (!!strstr(out, "...\r\n") != cases[i].cut)
			fail_msg("%s", cases[i].name);
	}
}

static void test_a_link_too_long_to_show_whole_is_not_shown(void **state)
{
	struct notice_style style = { .columns = 80 };
	char url[770] = "https://", out[NOTICE_SIZE_MAX];
	struct event e = bare();

	(void) state;
	memset(url + 8, 'u', 760);
	url[768] = '\0';
	e.url = url;
	assert_true(notice_format(&e, &style, out, sizeof(out)) > 0);
	assert_non_null(strstr(out, url));
	url[768] = 'u';
	url[769] = '\0';
	assert_true(notice_format(&e, &style, out, sizeof(out)) > 0);
	assert_null(strstr(out, "https"));
	assert_null(strstr(out, "Reference"));
}

static void test_summary(void **state)
{
	static const struct {
		const char *name;
		uint64_t refused, other;
		unsigned columns;
		const char *want;
	} cases[] = {
		{ "nothing", 0, 0, 80, "" },
		{ "one", 1, 0, 80, "\r\n1 more launch was not started; see proscribectl log\r\n" },
		{ "many", 12, 0, 80,
			"\r\n12 more launches were not started; see proscribectl log\r\n" },
		{ "warned ones", 0, 2, 80,
			"\r\n2 more launches were of listed software; see proscribectl log\r\n" },
		{ "both", 2, 1, 80,
			"\r\n2 more launches were not started; see proscribectl log\r\n"
			"1 more launch was of listed software; see proscribectl log\r\n" },
		{ "a narrow terminal", UINT64_MAX, 0, 40,
			"\r\n18446744073709551615 more launches were\r\n"
			"not started; see proscribectl log\r\n" },
	};
	char out[512];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct notice_style style = { .columns = cases[i].columns };

		(void) notice_format_more(
			cases[i].refused, cases[i].other, &style, out, sizeof(out));
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("%s: got \"%s\"", cases[i].name, out);
	}
}

static void test_unusual_widths(void **state)
{
	char wide[NOTICE_SIZE_MAX], out[NOTICE_SIZE_MAX];
	struct event e = claude();

	(void) state;
	(void) notice_format(&e, &(struct notice_style){ .columns = 80 }, wide, sizeof(wide));
	(void) notice_format(&e, &(struct notice_style){ .columns = 0 }, out, sizeof(out));
	assert_string_equal(out, wide);
	(void) notice_format(
		&e, &(struct notice_style){ .columns = 80, .language = "xx" }, out, sizeof(out));
	assert_string_equal(out, wide);
	(void) notice_format(&e, &(struct notice_style){ .columns = 20 }, wide, sizeof(wide));
	(void) notice_format(&e, &(struct notice_style){ .columns = 1 }, out, sizeof(out));
	assert_string_equal(out, wide);
	(void) notice_format(&e, &(struct notice_style){ .columns = 100 }, wide, sizeof(wide));
	(void) notice_format(&e, &(struct notice_style){ .columns = 65535 }, out, sizeof(out));
	assert_string_equal(out, wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),
		cmocka_unit_test(test_who_gets_none),
		cmocka_unit_test(test_any_text_keeps_to_the_width),
		cmocka_unit_test(test_overlong_texts_leave_room_for_the_id),
		cmocka_unit_test(test_any_buffer_size_is_kept),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_a_link_too_long_to_show_whole_is_not_shown),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_unusual_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
