/*
 * proscribectl check
 */
#include <string.h>

#include "ctl/json.h"
#include "ctl/judge.h"

enum { LABEL_COLUMNS = 12, INDENT = 2 };

static const struct {
	const char *verdict, *words;
	enum tint tint;
} verdicts[] = {
	{ "block", "would be blocked", TINT_BAD },
	{ "warn", "would run, with a warning", TINT_WARN },
	{ "log", "would run, and be recorded", TINT_WARN },
	{ "allow", "would run", TINT_GOOD },
};

static void show_verdict(const struct style *s, const json_t *file, bool has_policy)
{
	const char *verdict = json_get_text(file, "verdict");
	const char *words = "would not be judged";
	enum tint tint = TINT_WARN;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (strcmp(verdicts[i].verdict, verdict) == 0) {
			words = verdicts[i].words;
			tint = verdicts[i].tint;
		}
	if (!has_policy)
		words = "would run: no policy is in force";
	print_text(stdout, s, TINT_BOLD, json_get_text(file, "file"));
	(void) fputs(": ", stdout);
	print_text(stdout, s, tint, words);
	(void) putchar('\n');
}

static void show(const struct style *s, const char *label, const char *text)
{
	if (*text)
		print_labelled(stdout, s, INDENT, LABEL_COLUMNS, label, TINT_NONE, text);
}

static void show_pair(const struct style *s, const char *label, const char *format, const char *one,
	const char *two)
{
	_cleanup_free_ char *text = NULL;

	if (!*one || !*two)
		show(s, label, *one ? one : two);
	else if (asprintf(&text, "%s%s%s", one, format, two) >= 0)
		show(s, label, text);
}

static void show_rule(const struct style *s, const json_t *rule)
{
	_cleanup_free_ char *what = NULL;
	const char *risk = json_get_text(rule, "risk");

	if (asprintf(&what, "%s%s%s", json_get_text(rule, "action"), *risk ? ", risk " : "",
		    risk) >= 0)
		show_pair(s, "rule", ": ", json_get_text(rule, "id"), what);
	show(s, "reason", json_get_text(rule, "reason"));
	show(s, "reference", json_get_text(rule, "reference"));
	show(s, "more", json_get_text(rule, "url"));
	show_pair(s, "instead", " ", json_get_text(rule, "alternative_name"),
		json_get_text(rule, "alternative_url"));
}

static void show_file(const struct style *s, const json_t *file, bool has_policy)
{
	const json_t *rules = json_object_get(file, "rules"), *rule;
	size_t i;

	show_verdict(s, file, has_policy);
	if (json_array_size(rules) == 0)
		return;
	show_pair(s, "software", " ", json_get_text(file, "software_name"),
		json_get_text(file, "version"));
	show_pair(s, "recognised", " ", json_get_text(file, "evidence"),
		json_get_text(file, "package"));
	for (i = 0; (rule = json_array_get(rules, i)); i++)
		show_rule(s, rule);
}

static size_t count_banned(const json_t *files)
{
	const json_t *file;
	size_t i, n = 0;

	for (i = 0; (file = json_array_get(files, i)); i++)
		n += strcmp(json_get_text(file, "verdict"), "block") == 0;
	return n;
}

enum exit_code cmd_check(const struct arguments *a)
{
	_cleanup_json_ json_t *files = NULL, *policy = NULL;
	enum exit_code code = judge_files(a, false, &files, &policy);
	const json_t *file;
	struct style style;
	size_t i, banned;

	if (!files)
		return code;
	banned = count_banned(files);
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = json_pack("{s:O?, s:I, s:O}", "policy", policy,
			"banned", (json_int_t) banned, "files", files);

		(void) json_print(document);
	} else {
		print_style(stdout, &style);
		for (i = 0; (file = json_array_get(files, i)); i++)
			if (!json_object_get(file, "error"))
				show_file(&style, file, policy != NULL);
	}
	return banned > 0 ? EXIT_CODE_BANNED : code;
}
