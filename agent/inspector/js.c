/*
 * JavaScript has no magic number. A file counts when its #! line names a runtime, or when it is
 * clean text whose first statement no other common language begins with. Runs inside the inspector;
 * every scan is linear and bounded by the head.
 */
#include "agent/inspector/js.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

/* node, and also node20, node-v22.1, nodejs. */
static bool names_runtime(const char *word, size_t n)
{
	static const char *const runtimes[] = { "nodejs", "node", "bun", "deno" };
	const char *slash = memrchr(word, '/', n);

	if (slash) {
		n -= (size_t) (slash + 1 - word);
		word = slash + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		size_t k = strlen(runtimes[i]);

		if (n >= k && memcmp(word, runtimes[i], k) == 0 &&
			strspn(word + k, "0123456789.-v\r") >= n - k)
			return true;
	}
	return false;
}

static bool takes_next_word(const char *word, size_t n)
{
	return n == 2 && word[0] == '-' && (word[1] == 'u' || word[1] == 'C');
}

/* env(1)'s command: the first word that is neither an option nor an assignment. "-Snode" and
 * "--split-string=node" carry theirs along. */
static bool env_runs_runtime(const char *argument)
{
	static const char blanks[] = " \t\r\"'", split[] = "--split-string=";
	const char *p = argument;

	while (*(p += strspn(p, blanks))) {
		size_t n = strcspn(p, blanks);

		if (strncmp(p, split, strlen(split)) == 0) {
			p += strlen(split);
			continue;
		}
		if (takes_next_word(p, n)) {
			p += n;
			p += strspn(p, blanks);
			n = strcspn(p, blanks);
		} else if (p[0] == '-') {
			const char *s = strchr("-uC", p[1]) ? NULL : memchr(p, 'S', n);

			if (s) {
				p = s + 1;
				continue;
			}
		} else if (!memchr(p, '=', n)) {
			return names_runtime(p, n);
		}
		p += n;
	}
	return false;
}

bool js_is_run_by(const struct script *s)
{
	const char *slash = strrchr(s->interpreter, '/');
	const char *base = slash ? slash + 1 : s->interpreter;

	if (strcmp(base, "env") == 0)
		return env_runs_runtime(s->argument);
	return names_runtime(base, strlen(base));
}

/* Do these last @n bytes begin a code point that is longer than they are? */
static bool is_cut(const char *s, size_t n)
{
	const unsigned char *b = (const unsigned char *) s;
	const size_t length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;

	if (b[0] < 0xc2 || b[0] > 0xf4 || n >= length)
		return false;
	for (size_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* UTF-8 without control characters, but for a last code point that the end of the head cut. */
static bool is_clean_text(const char *s, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		uint32_t c;

		k = text_utf8_decode(s + i, n - i, &c);
		if (k == 0)
			return is_cut(s + i, n - i);
		if ((c < 0x20 && !strchr("\t\n\v\f\r", (int) c)) || c == 0x7f || c == 0)
			return false;
	}
	return true;
}

static const char *after(const char *p, const char *end, const char *what)
{
	const char *at = memmem(p, (size_t) (end - p), what, strlen(what));

	return at ? at + strlen(what) : end;
}

/* Past a byte order mark, a #! line, blanks and comments. */
static const char *first_statement(const char *p, const char *end)
{
	if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (end - p >= 2 && p[0] == '#' && p[1] == '!')
		p = after(p, end, "\n");
	for (;;) {
		while (p < end && (isspace((unsigned char) *p) || *p == ';'))
			p++;
		if (end - p < 2 || p[0] != '/')
			return p;
		if (p[1] == '/')
			p = after(p, end, "\n");
		else if (p[1] == '*')
			p = after(p + 2, end, "*/");
		else
			return p;
	}
}

/* Beginnings written without blanks, so that minified and formatted code look the same. */
static bool has_telling_start(const char *dense)
{
	static const char *const starts[] = { "\"usestrict\"", "'usestrict'", "(function(",
		"!function(", "(()=>{", "(async()=>{", "(asyncfunction(",
		"module.exports=", "Object.defineProperty(exports,", "exportdefault", "exportconst",
		"exportfunction", "exportclass", "exportasyncfunction", "export*from", "export{",
		"var__create=Object.create" };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (strncmp(dense, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* `import x from "y"` and `const x = require("y")`: the statement must hold both halves. */
static bool has_telling_pair(const char *dense)
{
	static const struct {
		const char *start, *later[2];
	} pairs[] = {
		{ "import", { "from\"", "from'" } },
		{ "const", { "=require(\"", "=require('" } },
		{ "let", { "=require(\"", "=require('" } },
		{ "var", { "=require(\"", "=require('" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (size_t k = 0; k < 2; k++)
			if (strncmp(dense, pairs[i].start, strlen(pairs[i].start)) == 0 &&
				strstr(dense, pairs[i].later[k]))
				return true;
	return false;
}

/* The first statement without its blanks, cut at @size. It ends at a semicolon, or with a line that
 * leaves no brace open. Returns its length. */
static size_t condense(const char *p, const char *end, char *out, size_t size)
{
	size_t n = 0;
	int depth = 0;

	for (; p < end && *p != ';' && n < size - 1; p++) {
		if (*p == '\n' && depth <= 0)
			break;
		if (!isspace((unsigned char) *p))
			out[n++] = *p;
		depth += (*p == '{') - (*p == '}');
	}
	out[n] = '\0';
	return n;
}

bool js_is_text(const char *head, size_t n)
{
	const char *end = head + n;
	char dense[1024];

	return is_clean_text(head, n) &&
		condense(first_statement(head, end), end, dense, sizeof(dense)) > 0 &&
		(has_telling_start(dense) || has_telling_pair(dense));
}
