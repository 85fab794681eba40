/*
 * proscribectl vers compare|contains: the order of versions and what a range holds, for admins and
 * scripts. Needs no agent.
 */
#include <string.h>

#include "ctl/arguments.h"
#include "ctl/json.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "policy/identity/vers.h"
#include "policy/identity/version.h"

enum { WORDS_MAX = 3, LINE_MAX_BYTES = VERS_LENGTH_MAX + 2 * VERSION_LENGTH_MAX };

/* One kind of question: what its words are called, and its answer. 0, or -EINVAL and *ret_text is
 * what is wrong. */
struct question {
	int n_words;
	const char *keys[WORDS_MAX];
	int (*answer)(char *const words[], const char **ret_text);
};

static int answer_compare(char *const words[], const char **ret_text)
{
	const struct version_scheme *scheme = version_scheme_find(words[0]);
	int order;

	if (!scheme) {
		*ret_text = strcmp(words[0], "generic") == 0
			? "the scheme generic has no order; intdot, datetime and lexicographic have"
			: "this version scheme is not known (npm, semver, deb and others are)";
		return -EINVAL;
	}
	if (version_compare(scheme, words[1], words[2], &order) < 0) {
		*ret_text = version_scheme_wanted(scheme);
		return -EINVAL;
	}
	*ret_text = order < 0 ? "<" : order > 0 ? ">" : "=";
	return 0;
}

static int answer_contains(char *const words[], const char **ret_text)
{
	_cleanup_(vers_done) struct vers v = { 0 };
	int r = vers_parse(words[0], &v, ret_text);

	if (r < 0)
		return -EINVAL;
	r = vers_contains(&v, words[1]);
	if (r < 0) {
		*ret_text = version_scheme_wanted(version_scheme_find(v.scheme));
		return -EINVAL;
	}
	*ret_text = r ? "yes" : "no";
	return 0;
}

static void print_json(const struct question *q, char *const words[], int r, const char *text)
{
	_cleanup_json_ json_t *document = json_object();

	for (int i = 0; words && i < q->n_words; i++)
		(void) json_object_set_new(document, q->keys[i], json_text(words[i]));
	(void) json_object_set_new(document, r < 0 ? "error" : "answer", json_text(text));
	(void) json_dumpf(document, stdout, JSON_COMPACT);
	(void) putchar('\n');
}

/* @words: NULL when a line is not a question at all. */
static int show(const struct arguments *a, const struct question *q, char *const words[])
{
	const char *text = "this line is too long, or has more or fewer words than the command";
	int r = words ? q->answer(words, &text) : -EINVAL;

	if (a->given & OPTION_JSON)
		print_json(q, words, r, text);
	else
		(void) printf("%s%s\n", r < 0 ? "error: " : "", text);
	return r;
}

static bool split(char *line, int n, char *words[])
{
	char *state = NULL, *word = strtok_r(line, " \t\n", &state);

	for (int i = 0; i < n; i++, word = strtok_r(NULL, " \t\n", &state)) {
		if (!word)
			return false;
		words[i] = word;
	}
	return !word;
}

/* One question a line; an answer a line, so that the two can be laid side by side. */
static enum exit_code show_lines(const struct arguments *a, const struct question *q)
{
	_cleanup_free_ char *line = NULL;
	bool failed = false;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		char *words[WORDS_MAX];
		bool whole = n <= LINE_MAX_BYTES && !memchr(line, '\0', (size_t) n) &&
			split(line, q->n_words, words);

		failed = show(a, q, whole ? words : NULL) < 0 || failed;
	}
	if (ferror(stdin)) {
		complain("cannot read standard input: %m");
		failed = true;
	}
	return failed ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
}

static enum exit_code run(const struct arguments *a, const struct question *q)
{
	if (a->n_operands == 1 && strcmp(a->operands[0], "-") == 0)
		return show_lines(a, q);
	if (a->n_operands == q->n_words)
		return show(a, q, a->operands) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
	complain("'%s' wants %s", a->command->name, a->command->operands);
	(void) fprintf(stderr, "Try 'proscribectl %s --help'.\n", a->command->name);
	return EXIT_CODE_USAGE;
}

enum exit_code cmd_vers_compare(const struct arguments *a)
{
	static const struct question question = { 3, { "scheme", "a", "b" }, answer_compare };

	return run(a, &question);
}

enum exit_code cmd_vers_contains(const struct arguments *a)
{
	static const struct question question = { 2, { "range", "version" }, answer_contains };

	return run(a, &question);
}
