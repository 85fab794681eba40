/*
 * Runs inside the inspector.
 */
#include "agent/inspector/python.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "agent/inspector/field.h"
#include "policy/base/cleanup.h"
#include "policy/identity/pypi.h"

/* ---- METADATA ---- */

/* Is the line "@key: value"? *ret is the value without the blanks around it. */
static bool is_header(const char *line, size_t n, const char *key, const char **ret, size_t *ret_n)
{
	const size_t k = strlen(key);

	if (n <= k || line[k] != ':' || strncasecmp(line, key, k) != 0)
		return false;
	line += k + 1;
	n -= k + 1;
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	*ret = line;
	*ret_n = n;
	return true;
}

static int take_name(struct package *p, const char *s, size_t n)
{
	if (p->name[0] || !pypi_name_normalize(s, n, p->name, sizeof(p->name)))
		return -EBADMSG;
	return 0;
}

static int take_version(struct package *p, const char *s, size_t n)
{
	if (p->version[0])
		return -EBADMSG;
	return field_copy(s, n, p->version, sizeof(p->version)) < 0 ? -EBADMSG : 0;
}

int python_parse(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_PYPI, .told = METADATA_DIST_INFO };
	const char *end = text + n, *next, *value;
	size_t n_value;
	int r = 0;

	if (n > PYTHON_METADATA_SIZE_MAX)
		return -EBADMSG;
	/* The headers end at an empty line; a description of any size and kind may follow. */
	for (const char *line = text; line < end && r == 0; line = next) {
		const char *newline = memchr(line, '\n', (size_t) (end - line));
		size_t k = (size_t) ((newline ? newline : end) - line);

		next = newline ? newline + 1 : end;
		if (k == 0 || (k == 1 && *line == '\r'))
			break;
		if (is_header(line, k, "Name", &value, &n_value))
			r = take_name(&p, value, n_value);
		else if (is_header(line, k, "Version", &value, &n_value))
			r = take_version(&p, value, n_value);
	}
	if (r < 0 || !p.name[0])
		return -EBADMSG;
	*ret = p;
	return 1;
}

/* ---- which files are the package's ---- */

/* What lies behind the last site-packages or dist-packages in the path, or NULL. */
static const char *in_packages(const char *program)
{
	static const char *const kinds[] = { "/site-packages/", "/dist-packages/" };
	const char *last = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const char *p = program; (p = strstr(p, kinds[i])); p++) {
			const char *rest = p + strlen(kinds[i]);

			last = !last || rest > last ? rest : last;
		}
	return last && *last ? last : NULL;
}

/* The name of a program in a bin/, or NULL. */
static const char *in_bin(const char *program)
{
	static const char bin[] = "/bin/";
	const char *slash = strrchr(program, '/');
	const size_t n = slash ? (size_t) (slash + 1 - program) : 0;

	if (n < strlen(bin) || memcmp(slash + 1 - strlen(bin), bin, strlen(bin)) != 0)
		return NULL;
	return slash[1] ? slash + 1 : NULL;
}

/* Is the first field of the row of CSV @wanted? It may be quoted. */
static bool begins_with_field(const char *row, size_t n, const char *wanted, size_t n_wanted)
{
	const bool quoted = n > 0 && row[0] == '"';
	const char behind = quoted ? '"' : ',';

	row += quoted;
	n -= quoted;
	return n > n_wanted && row[n_wanted] == behind && memcmp(row, wanted, n_wanted) == 0 &&
		(quoted || !memchr(wanted, ',', n_wanted));
}

bool python_record_lists(const char *text, size_t n, const char *program)
{
	/* From PREFIX/lib/python3.N/site-packages. */
	static const char up[] = "../../../bin/";
	const char *rest = in_packages(program), *script = rest ? NULL : in_bin(program);
	const char *end = text + n, *next;
	char wanted[PATH_MAX + sizeof(up)];
	size_t n_wanted;

	if (n > PYTHON_RECORD_SIZE_MAX || (!rest && !script) || strlen(program) >= PATH_MAX ||
		strpbrk(program, "\"\n"))
		return false;
	n_wanted = (size_t) snprintf(
		wanted, sizeof(wanted), "%s%s", rest ? "" : up, rest ? rest : script);
	for (const char *row = text; row < end; row = next) {
		const char *newline = memchr(row, '\n', (size_t) (end - row));
		const char *row_end = newline ? newline : end;

		next = newline ? newline + 1 : end;
		if (begins_with_field(row, (size_t) (row_end - row), wanted, n_wanted))
			return true;
	}
	return false;
}

bool python_is_named_after(const struct package *p, const char *program)
{
	const char *rest = in_packages(program), *name = rest ? rest : in_bin(program);
	char normal[PACKAGE_NAME_MAX + 1];
	size_t n;

	if (!name)
		return false;
	n = strcspn(name, "/");
	if (n > 3 && !name[n] && memcmp(name + n - 3, ".py", 3) == 0)
		n -= 3;
	return pypi_name_normalize(name, n, normal, sizeof(normal)) && strcmp(normal, p->name) == 0;
}
