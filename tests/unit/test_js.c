#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/js.h"
#include "policy/base/cleanup.h"

static void test_runtimes_by_line(void **state)
{
	static const struct {
		const char *line;
		bool want;
	} cases[] = {
		{ "#!/usr/bin/node\n", true },
		{ "#!/usr/bin/nodejs\n", true },
		{ "#!/opt/node-v20.1.0\n", true },
		{ "#!/opt/bin/node22 --max-old-space-size=1\n", true },
		{ "#!/home/a/.bun/bin/bun run\n", true },
		{ "#!/usr/bin/env node\n", true },
		{ "#!/usr/bin/env node\r\n", true },
		{ "#!/usr/bin/env deno run -A\n", true },
		{ "#!/usr/bin/env -S node --flag\n", true },
		{ "#!/usr/bin/env -Snode\n", true },
		{ "#!/usr/bin/env -vS node\n", true },
		{ "#!/usr/bin/env --split-string=node -x\n", true },
		{ "#!/usr/bin/env -S A=1 B=node node\n", true },
		{ "#!/usr/bin/env -S -u SHELL node\n", true },
		{ "#!/usr/bin/env -uSHELL node\n", true },
		{ "#!/usr/bin/env -i /usr/local/bin/node\n", true },
		{ "#!/usr/bin/env -S 'node' x\n", true },
		{ "#!/usr/bin/env\n", false },
		{ "#!/usr/bin/env -u node\n", false },
		{ "#!/usr/bin/env NODE=node\n", false },
		{ "#!/usr/bin/env bash\n", false },
		{ "#!/usr/bin/env -S sh node\n", false },
		{ "#!/bin/sh node\n", false },
		{ "#!/usr/bin/bundle\n", false },
		{ "#!/usr/bin/nodemon\n", false },
		{ "#!/usr/bin/python3\n", false },
		{ "#!/node/sh\n", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s;

		assert_int_equal(script_parse(cases[i].line, strlen(cases[i].line), &s), 1);
		if (js_is_run_by(&s) != cases[i].want)
			fail_msg("%s: expected %d", cases[i].line, cases[i].want);
	}
}

static const struct {
	const char *name, *text;
	bool want;
} texts[] = {
	{ "directive", "\"use strict\";\nvar a;", true },
	{ "directive, single quotes, after comments", "/* (c) */\n// x\n'use strict'\n", true },
	{ "import of a name", "import fs from \"node:fs\";\n", true },
	{ "minified import", "import{a as b}from'x';b()", true },
	{ "import over several lines", "import {\n  a,\n  b\n} from \"x\"\n", true },
	{ "require", "const fs = require('fs')\n", true },
	{ "require of parts", "const {\n a } = require(\"fs\")\n", true },
	{ "module.exports", "module.exports = 1", true },
	{ "export", "export default function () {}", true },
	{ "function at once", "(function () {\n  x();\n})();", true },
	{ "arrow at once after webpack's banner", "/******/ (() => { // x\n", true },
	{ "bundle of esbuild", "var __create = Object.create;\n", true },
	{ "#! line that starts nothing", "#!\n\"use strict\"\n", true },
	{ "byte order mark", "\xef\xbb\xbf'use strict'", true },
	{ "Chinese comment first", "// \xe4\xb8\xad\xe6\x96\x87\n'use strict'", true },
	{ "empty", "", false },
	{ "blanks", " \n\n", false },
	{ "comment only", "// hello\n", false },
	{ "comment without an end", "/* 'use strict'", false },
	{ "Python", "import os\nfrom x import y\nz = 'from \"x\"'\n", false },
	{ "Go", "package main\nimport \"fmt\"\n", false },
	{ "Java", "import java.util.List;\nclass A {}", false },
	{ "Lua", "local x = require(\"x\")\n", false },
	{ "Perl", "use strict;\n", false },
	{ "Rust", "let x = 1;", false },
	{ "C", "/* c */\n#include <stdio.h>\n", false },
	{ "shell", "export A=1\nexport PATH\n", false },
	{ "JSON", "{\"use strict\": 1}", false },
	{ "HTML", "<!doctype html><script>'use strict'</script>", false },
	{ "escape sequence inside", "'use strict';\n\033[31m", false },
	{ "not UTF-8", "'use strict';\xff\xfe....", false },
	{ "not UTF-8 at the very end", "'use strict';\xf5Z", false },
	{ "a cut character that is none", "'use strict';\xe4Z", false },
};

static void test_text(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (js_is_text(texts[i].text, strlen(texts[i].text)) != texts[i].want)
			fail_msg("%s: expected %d", texts[i].name, texts[i].want);
}

static void test_cuts_and_nul(void **state)
{
	char text[64] = "'use strict';\n// \xe4\xb8\xad";
	const size_t n = strlen(text);

	(void) state;
	assert_true(js_is_text(text, n));
	assert_true(js_is_text(text, n - 1));
	assert_true(js_is_text(text, n - 2));
	assert_false(js_is_text("'use strict'\xf4Z\0", 15));
	text[14] = '\0';
	assert_false(js_is_text(text, n));
}

static void test_deep_braces_take_linear_time(void **state)
{
	static char text[64 << 10];

	(void) state;
	memset(text, '{', sizeof(text));
	assert_false(js_is_text(text, sizeof(text)));
	memset(text, '/', sizeof(text));
	assert_false(js_is_text(text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runtimes_by_line),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_cuts_and_nul),
		cmocka_unit_test(test_deep_braces_take_linear_time),
	};

	return cmocka_run_group_tests_name("js", tests, NULL, NULL);
}
