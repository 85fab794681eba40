/*
 * proscribectl purl: package URLs and their parts, for admins and scripts. One answer a line, so
 * that line n of the output is about line n of the input.
 */
#include <string.h>

#include "ctl/arguments.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "policy/identity/purl.h"

enum { LINE_SIZE_MAX = 64 * 1024 };

/* What a command does with one line, which it may change. 0, or -EINVAL or -ENOMEM after having
 * printed the error. */
typedef int answer_line(const struct arguments *a, char *line);

static int refuse(const struct arguments *a, int r, const char *error)
{
	_cleanup_json_ json_t *document = NULL;

	if (r == -ENOMEM)
		error = strerror(ENOMEM);
	if (a->given & OPTION_JSON) {
		document = json_pack("{s:s}", "error", error);
		(void) json_dumpf(document, stdout, JSON_COMPACT);
		(void) putchar('\n');
	} else {
		(void) printf("error: %s\n", error);
	}
	return r;
}

static json_t *text_or_null(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static json_t *qualifiers_or_null(const struct purl *p)
{
	json_t *object = p->n_qualifiers > 0 ? json_object() : json_null();

	for (size_t i = 0; i < p->n_qualifiers; i++)
		(void) json_object_set_new(
			object, p->qualifiers[i].key, json_string(p->qualifiers[i].value));
	return object;
}

static int print_json_parts(const struct purl *p)
{
	_cleanup_json_ json_t *document = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:s}", "type",
		p->type, "namespace", text_or_null(p->namespace), "name", p->name, "version",
		text_or_null(p->version), "qualifiers", qualifiers_or_null(p), "subpath",
		text_or_null(p->subpath), "purl", p->text);

	if (!document)
		return -ENOMEM;
	(void) json_dumpf(document, stdout, JSON_COMPACT);
	(void) putchar('\n');
	return 0;
}

static void print_part(
	const struct style *s, const char *before, const char *key, const char *value)
{
	if (!*value)
		return;
	(void) printf("%s%s=", before, key);
	print_text(stdout, s, TINT_NONE, value);
}

static void print_parts(const struct purl *p)
{
	struct style style;

	print_style(stdout, &style);
	(void) fputs(p->text, stdout);
	print_part(&style, "\t", "type", p->type);
	print_part(&style, "\t", "namespace", p->namespace);
	print_part(&style, "\t", "name", p->name);
	print_part(&style, "\t", "version", p->version);
	for (size_t i = 0; i < p->n_qualifiers; i++)
		print_part(&style, "\tqualifier.", p->qualifiers[i].key, p->qualifiers[i].value);
	print_part(&style, "\t", "subpath", p->subpath);
	(void) putchar('\n');
}

static int parse_one(const struct arguments *a, char *text)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	const char *error = "";
	int r = purl_parse(text, PURL_STRICT, &p, &error);

	if (r < 0)
		return refuse(a, r, error);
	if (a->given & OPTION_JSON)
		r = print_json_parts(&p);
	else
		print_parts(&p);
	return r < 0 ? refuse(a, r, "") : 0;
}

static int build_one(const struct arguments *a, const struct purl *parts)
{
	_cleanup_(purl_done) struct purl p = { 0 };
	const char *error = "";
	int r = purl_build(parts, &p, &error);

	if (r < 0)
		return refuse(a, r, error);
	if (a->given & OPTION_JSON)
		r = print_json_parts(&p);
	else
		(void) puts(p.text);
	return r < 0 ? refuse(a, r, "") : 0;
}

/* *ret_error tells whether @object had something else than text there. */
static const char *text_of(const json_t *object, const char *key, const char **ret_error)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && !json_is_string(value))
		*ret_error = "a part is not a string";
	return json_string_value(value);
}

static void qualifiers_of(json_t *object, struct purl *parts, const char **ret_error)
{
	json_t *qualifiers = json_object_get(object, "qualifiers"), *value;
	const char *key;

	if (!qualifiers || json_is_null(qualifiers))
		return;
	if (!json_is_object(qualifiers)) {
		*ret_error = "'qualifiers' is not an object";
		return;
	}
	json_object_foreach(qualifiers, key, value)
	{
		if (parts->n_qualifiers == PURL_QUALIFIERS_MAX) {
			*ret_error = "it has too many qualifiers";
			return;
		}
		parts->qualifiers[parts->n_qualifiers++] = (struct purl_qualifier){ key,
			text_of(qualifiers, key, ret_error) };
	}
}

static int build_from_json(const struct arguments *a, char *line)
{
	_cleanup_json_ json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	struct purl parts = { 0 };
	const char *error = NULL;

	if (!json_is_object(object))
		return refuse(a, -EINVAL, "it is not a JSON object");
	parts.type = text_of(object, "type", &error);
	parts.namespace = text_of(object, "namespace", &error);
	parts.name = text_of(object, "name", &error);
	parts.version = text_of(object, "version", &error);
	parts.subpath = text_of(object, "subpath", &error);
	qualifiers_of(object, &parts, &error);
	return error ? refuse(a, -EINVAL, error) : build_one(a, &parts);
}

/* A line that ended in something else than '\n' is the last one. */
static int answer_one_line(const struct arguments *a, answer_line *answer, char *line, size_t n)
{
	if (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	if (strlen(line) != n)
		return refuse(a, -EINVAL, "there is a NUL in the line");
	return n >= LINE_SIZE_MAX ? refuse(a, -EINVAL, "it is too long") : answer(a, line);
}

static enum exit_code answer_lines(const struct arguments *a, answer_line *answer)
{
	_cleanup_free_ char *line = NULL;
	enum exit_code code = EXIT_CODE_FINE;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		if (answer_one_line(a, answer, line, (size_t) n) < 0)
			code = EXIT_CODE_FAILED;
		if (ferror(stdout))
			return EXIT_CODE_FAILED;
	}
	if (ferror(stdin)) {
		complain("cannot read standard input: %s", strerror(errno));
		return EXIT_CODE_FAILED;
	}
	return code;
}

enum exit_code cmd_purl_parse(const struct arguments *a)
{
	enum exit_code code = EXIT_CODE_FINE;

	if (a->n_operands == 1 && strcmp(a->operands[0], "-") == 0)
		return answer_lines(a, parse_one);
	for (int i = 0; i < a->n_operands; i++)
		if (parse_one(a, a->operands[i]) < 0)
			code = EXIT_CODE_FAILED;
	return code;
}

static enum exit_code refuse_arguments(void)
{
	(void) fputs("Try 'proscribectl purl build --help'.\n", stderr);
	return EXIT_CODE_USAGE;
}

enum exit_code cmd_purl_build(const struct arguments *a)
{
	bool lines = a->n_operands == 1;

	if (lines && strcmp(a->operands[0], "-") != 0) {
		complain("unexpected argument '%s': the parts are options", a->operands[0]);
		return refuse_arguments();
	}
	if (lines && (a->given & OPTION_PURL_PARTS)) {
		complain("'-' reads the parts from standard input: no options for them then");
		return refuse_arguments();
	}
	if (lines)
		return answer_lines(a, build_from_json);
	return build_one(a, &a->purl) < 0 ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
}
