/*
 * proscribectl identify
 */
#include <string.h>

#include "ctl/json.h"
#include "ctl/judge.h"

enum { LABEL_COLUMNS = 13, INDENT = 2 };

static void show(const struct style *s, const char *label, const char *text)
{
	if (*text)
		print_labelled(stdout, s, INDENT, LABEL_COLUMNS, label, TINT_NONE, text);
}

static void show_size(const struct style *s, const json_t *file)
{
	_cleanup_free_ char *text = NULL;
	char size[PRINT_SIZE_SIZE];
	long long bytes = (long long) json_get_integer(file, "size");

	print_size((uint64_t) bytes, size);
	if (bytes < 1000)
		show(s, "size", size);
	else if (asprintf(&text, "%s (%lld bytes)", size, bytes) >= 0)
		show(s, "size", text);
}

/* "elf, dynamic", "bun, dynamic, runtime bun" */
static void show_class(const struct style *s, const json_t *file)
{
	const char *linkage = json_get_text(file, "linkage"),
		   *runtime = json_get_text(file, "runtime");
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%s%s%s%s%s", json_get_text(file, "class"), *linkage ? ", " : "",
		    linkage, *runtime ? ", runtime " : "", runtime) >= 0)
		show(s, "class", text);
}

static void show_packages(const struct style *s, const json_t *file)
{
	const json_t *packages = json_object_get(file, "packages"), *p;
	size_t i;

	for (i = 0; (p = json_array_get(packages, i)); i++) {
		_cleanup_free_ char *text = NULL;
		const char *version = json_get_text(p, "version");

		if (asprintf(&text, "%s %s%s%s, by %s", json_get_text(p, "type"),
			    json_get_text(p, "name"), *version ? "@" : "",
			    *version ? version : " (version unknown)",
			    json_get_text(p, "told_by")) >= 0)
			show(s, "package", text);
	}
	if (json_get_true(file, "metadata_refused"))
		show(s, "package", "metadata beside the file is malformed or too large");
	if (json_get_true(file, "payload_refused"))
		show(s, "payload", "what the file carries is malformed or too large");
}

static void show_matches(const struct style *s, const json_t *file)
{
	const json_t *matches = json_object_get(file, "matches"), *m;
	size_t i;

	for (i = 0; (m = json_array_get(matches, i)); i++) {
		_cleanup_free_ char *text = NULL;
		const char *version = json_get_text(m, "version"),
			   *detail = json_get_text(m, "detail");

		if (asprintf(&text, "%s%s%s, by %s%s%s", json_get_text(m, "name"),
			    *version ? " " : "", version, json_get_text(m, "evidence"),
			    *detail ? " " : "", detail) >= 0)
			show(s, "listed as", text);
	}
}

static void show_file(const struct style *s, const json_t *file, bool has_policy)
{
	print_text(stdout, s, TINT_BOLD, json_get_text(file, "file"));
	(void) putchar('\n');
	if (strcmp(json_get_text(file, "file"), json_get_text(file, "path")) != 0)
		show(s, "lies at", json_get_text(file, "path"));
	show_class(s, file);
	show(s, "interpreter", json_get_text(file, "interpreter"));
	show_size(s, file);
	show(s, "sha256", json_get_text(file, "sha256"));
	show(s, "build-id", json_get_text(file, "build_id"));
	show_packages(s, file);
	if (!has_policy)
		return;
	show_matches(s, file);
	show(s, "verdict", json_get_text(file, "verdict"));
}

enum exit_code cmd_identify(const struct arguments *a)
{
	_cleanup_json_ json_t *files = NULL, *policy = NULL;
	enum exit_code code = judge_files(a, true, &files, &policy);
	const json_t *file;
	struct style style;
	size_t i;

	if (!files)
		return code;
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = json_pack(
			"{s:O?, s:O}", "policy", policy, "files", files);

		(void) json_print(document);
		return code;
	}
	print_style(stdout, &style);
	for (i = 0; (file = json_array_get(files, i)); i++)
		if (!json_object_get(file, "error"))
			show_file(&style, file, policy != NULL);
	return code;
}
