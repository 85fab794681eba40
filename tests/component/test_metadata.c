/* Which metadata files the walk upwards finds, in folders somebody hostile arranged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/pool/directory.h"
#include "agent/pool/metadata.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"

static char home[] = "/tmp/proscribe-metadata.XXXXXX";

static const char *at(const char *name)
{
	static char path[2 * PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s/%s", home, name);
	return path;
}

/* Makes the folders above @name, and the file with its own name as content. */
static void put(const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];

	(void) text_copy(path, sizeof(path), at(name));
	for (char *p = path + strlen(home) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void) mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(name, f) >= 0);
}

/* Says what was found for @path as if it were @inode's: names, blank between them. */
static const char *found(const char *path, const char *inode)
{
	_cleanup_close_ int fd = open(inode, O_RDONLY | O_CLOEXEC);
	static char names[PATH_MAX];
	struct metadata_list list;
	struct stat st;

	names[0] = '\0';
	assert_int_equal(stat(inode, &st), 0);
	metadata_open(fd, path, &st, &list);
	for (size_t i = 0; i < list.n; i++) {
		char text[PATH_MAX];
		ssize_t k = pread(list.fds[i], text, sizeof(text) - 1, 0);

		assert_true(k > 0);
		text[k] = '\0';
		(void) stpcpy(stpcpy(strchr(names, '\0'), i ? " " : ""), text);
	}
	metadata_close(&list);
	return names;
}

static const char *found_for(const char *name)
{
	char path[PATH_MAX];

	(void) text_copy(path, sizeof(path), at(name));
	return found(path, path);
}

static void test_up_to_the_root_of_the_package(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "p/cli.js", "p/package.json" },
		{ "p/a/b/x", "p/a/package.json p/package.json" },
		{ "p/node_modules/m/x", "p/node_modules/m/package.json" },
		{ "p/node_modules/m/dist/x",
			"p/node_modules/m/dist/package.json p/node_modules/m/package.json" },
		{ "p/node_modules/@s/m/x", "p/node_modules/@s/m/package.json" },
		{ "p/node_modules/@s/m/d/x", "p/node_modules/@s/m/package.json" },
		{ "p/node_modules/@s/x", "" },
		{ "p/node_modules/none/d/x", "" },
		{ "p/node_modules/.bin/x", "" },
		{ "p/node_modules/x", "" },
		{ "p/@s/m/x", "p/package.json" },
	};

	(void) state;
	put("p/package.json");
	put("p/a/package.json");
	put("p/node_modules/m/package.json");
	put("p/node_modules/m/dist/package.json");
	put("p/node_modules/@s/m/package.json");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(rows[i].file);
		if (strcmp(found_for(rows[i].file), rows[i].want) != 0)
			fail_msg("%s: found '%s'", rows[i].file, found_for(rows[i].file));
	}
}

static void test_limits(void **state)
{
	char path[PATH_MAX] = "l/package.json";

	(void) state;
	put(path);
	put("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/x");
	put("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/x");
	assert_string_equal(found_for("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/x"), "l/package.json");
	assert_string_equal(found_for("l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/x"), "");

	put("f/package.json");
	put("f/1/package.json");
	put("f/1/2/package.json");
	put("f/1/2/3/package.json");
	put("f/1/2/3/4/package.json");
	put("f/1/2/3/4/x");
	assert_string_equal(found_for("f/1/2/3/4/x"),
		"f/1/2/3/4/package.json f/1/2/3/package.json f/1/2/package.json f/1/package.json");
}

static void test_only_where_the_file_really_lies(void **state)
{
	char path[PATH_MAX], other[PATH_MAX];

	(void) state;
	put("w/package.json");
	put("w/x");
	put("w/y");
	(void) text_copy(path, sizeof(path), at("w/x"));
	(void) text_copy(other, sizeof(other), at("w/y"));
	assert_string_equal(found(path, path), "w/package.json");
	assert_string_equal(found(path, other), "");
	assert_string_equal(found("", path), "");
	assert_string_equal(found("x", path), "");
	assert_string_equal(found("/", path), "");
	assert_string_equal(found("/nowhere/x", path), "");

	assert_int_equal(symlink("w", at("link")), 0);
	(void) text_copy(other, sizeof(other), at("link/x"));
	assert_string_equal(found(other, path), "");
	assert_int_equal(symlink("x", at("w/z")), 0);
	(void) text_copy(other, sizeof(other), at("w/z"));
	assert_string_equal(found(other, path), "");
}

static void test_only_regular_files(void **state)
{
	(void) state;
	put("r/package.json");
	put("r/a/x");
	assert_int_equal(mkfifo(at("r/a/package.json"), 0600), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
	assert_int_equal(unlink(at("r/a/package.json")), 0);
	assert_int_equal(mkdir(at("r/a/package.json"), 0700), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
	assert_int_equal(rmdir(at("r/a/package.json")), 0);
	assert_int_equal(symlink("/etc/passwd", at("r/a/package.json")), 0);
	assert_string_equal(found_for("r/a/x"), "r/package.json");
}

static void test_not_across_filesystems(void **state)
{
	(void) state;
	if (geteuid() != 0)
		skip();
	put("m/package.json");
	put("m/mounted/x");
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("test", at("m/mounted"), "tmpfs", 0, "size=64k"), 0);
	put("m/mounted/d/x");
	assert_string_equal(found_for("m/mounted/d/x"), "");
	put("m/mounted/package.json");
	assert_string_equal(found_for("m/mounted/d/x"), "m/mounted/package.json");
	assert_int_equal(umount2(at("m/mounted"), MNT_DETACH), 0);
}

static void overwrite(const char *name, const char *start, off_t size)
{
	_cleanup_close_ int fd = open(at(name), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, start, strlen(start), 0), (ssize_t) strlen(start));
	assert_int_equal(ftruncate(fd, size), 0);
}

/* Makes each of the blank-separated @names, below the folder @root. */
static void put_all(const char *root, const char *names)
{
	char copy[PATH_MAX], name[PATH_MAX], *rest = copy, *next;

	assert_int_equal(text_copy(copy, sizeof(copy), names), 0);
	while ((next = strsep(&rest, " "))) {
		assert_true(snprintf(name, sizeof(name), "%s/%s", root, next) < PATH_MAX);
		put(name);
	}
}

/* What was found for the program without the folder @root that each row has for itself. */
static const char *found_below(const char *root, const char *program)
{
	static char names[PATH_MAX];
	const size_t k = strlen(root) + 1;
	char path[PATH_MAX], *out = names;
	const char *p;

	(void) snprintf(path, sizeof(path), "%s/%s", root, program);
	*out = '\0';
	for (p = found_for(path); *p; p += strcspn(p, " "), p += *p == ' ') {
		assert_true(strncmp(p, root, k - 1) == 0);
		if (out > names)
			*out++ = ' ';
		out = mempcpy(out, p + k, strcspn(p, " ") - k);
		*out = '\0';
	}
	return names;
}

enum program { PLAIN, SCRIPT, LARGE };

#define SITE  "lib/python3.11/site-packages/"
#define DIST  "lib/python3/dist-packages/"
#define AIDER SITE "aider_chat-0.50.0.dist-info/METADATA " SITE "aider_chat-0.50.0.dist-info/RECORD"
#define FIVE                                                               \
	SITE "a-1.dist-info/METADATA " SITE "b-1.dist-info/METADATA " SITE \
	     "c-1.dist-info/METADATA " SITE "d-1.dist-info/METADATA " SITE \
	     "zz_aider-1.dist-info/METADATA"

static const struct layout_row {
	const char *name, *files, *program;
	enum program kind;
	const char *want;
} layouts[] = {
	{ "a VS Code extension's own program",
		".vscode/extensions/anthropic.claude-code-2.1.91/package.json",
		".vscode/extensions/anthropic.claude-code-2.1.91/resources/native-binary/claude",
		PLAIN, ".vscode/extensions/anthropic.claude-code-2.1.91/package.json" },
	{ "a package inside an extension speaks, and the extension too",
		"extensions/e/node_modules/m/package.json extensions/e/package.json package.json",
		"extensions/e/node_modules/m/x", PLAIN,
		"extensions/e/node_modules/m/package.json extensions/e/package.json" },
	{ "an extension's root has its place behind many package.json",
		"extensions/e/1/2/3/4/package.json extensions/e/1/2/3/package.json "
		"extensions/e/1/2/package.json extensions/e/1/package.json "
		"extensions/e/package.json",
		"extensions/e/1/2/3/4/x", PLAIN,
		"extensions/e/1/2/3/4/package.json extensions/e/1/2/3/package.json "
		"extensions/e/1/2/package.json extensions/e/package.json" },
	{ "codex standalone", "codex/releases/0.169.0-x/codex-package.json",
		"codex/releases/0.169.0-x/bin/codex", PLAIN,
		"codex/releases/0.169.0-x/codex-package.json" },
	{ "no codex-package.json where nothing is named so", "p/codex-package.json", "p/bin/x",
		PLAIN, "" },
	{ "a script of a virtual environment", AIDER, "bin/aider", SCRIPT, AIDER },
	{ "a program of a virtual environment", AIDER " pyvenv.cfg", "bin/aider", PLAIN, AIDER },
	{ "a program beside some lib is no Python package", AIDER, "bin/aider", PLAIN, "" },
	{ "a file in site-packages", AIDER, SITE "aider/main.py", PLAIN, AIDER },
	{ "a module directly in site-packages", SITE "six-1.16.dist-info/METADATA", SITE "six.py",
		PLAIN, SITE "six-1.16.dist-info/METADATA" },
	{ "a name in another spelling", SITE "Claude.Agent_SDK-0.1.dist-info/METADATA",
		SITE "claude_agent_sdk/_bundled/claude", PLAIN,
		SITE "Claude.Agent_SDK-0.1.dist-info/METADATA" },
	{ "the same name comes first, then what resembles it",
		SITE "aider-1.dist-info/METADATA " SITE "aider_chat-1.dist-info/METADATA " SITE
		     "b-1.dist-info/METADATA",
		"bin/aider", SCRIPT,
		SITE "aider-1.dist-info/METADATA " SITE "aider_chat-1.dist-info/METADATA " SITE
		     "b-1.dist-info/METADATA" },
	{ "of many packages only what resembles it", FIVE, "bin/aider", SCRIPT,
		SITE "zz_aider-1.dist-info/METADATA" },
	{ "words put together in another way", FIVE " " SITE "cfn_lint-1.dist-info/METADATA",
		SITE "cfnlint/x.py", PLAIN, SITE "cfn_lint-1.dist-info/METADATA" },
	{ "names that begin alike", FIVE " " SITE "pygments-2.dist-info/METADATA", "bin/pygmentize",
		SCRIPT, SITE "pygments-2.dist-info/METADATA" },
	{ "an extension module", FIVE " " SITE "cffi-1.dist-info/METADATA",
		SITE "_cffi_backend.cpython-311.so", PLAIN, SITE "cffi-1.dist-info/METADATA" },
	{ "Debian's egg-info folder", DIST "deluge-2.0.3.egg-info/PKG-INFO", DIST "deluge/x.py",
		PLAIN, DIST "deluge-2.0.3.egg-info/PKG-INFO" },
	{ "an egg-info with the version of Python", SITE "deluge-2.0.3-py3.11.egg-info",
		SITE "deluge/x.py", PLAIN, SITE "deluge-2.0.3-py3.11.egg-info" },
	{ "a dist-info without METADATA", SITE "aider-1.dist-info/RECORD", SITE "aider/x.py", PLAIN,
		"" },
	{ "Electron's own program",
		"share/cursor/resources/app/product.json "
		"share/cursor/resources/app/package.json",
		"share/cursor/cursor", LARGE,
		"share/cursor/resources/app/product.json "
		"share/cursor/resources/app/package.json" },
	{ "a small program beside resources", "resources/app/product.json", "crashpad", PLAIN, "" },
	{ "a launcher script of an Electron program", "c/resources/app/product.json", "c/bin/code",
		SCRIPT, "c/resources/app/product.json" },
	{ "JavaScript of an Electron program",
		"c/resources/app/product.json c/resources/app/package.json",
		"c/resources/app/out/cli.js", PLAIN,
		"c/resources/app/product.json c/resources/app/package.json" },
	{ "a snap", "snap/code/17/meta/snap.yaml", "snap/code/17/usr/share/code/code", PLAIN,
		"snap/code/17/meta/snap.yaml" },
	{ "no snap without a revision", "snap/code/meta/snap.yaml", "snap/code/x", PLAIN, "" },
	{ "a flatpak", "app/com.x.App/x86_64/stable/0a1b/metadata",
		"app/com.x.App/x86_64/stable/0a1b/files/bin/app", PLAIN,
		"app/com.x.App/x86_64/stable/0a1b/metadata" },
	{ "a file called metadata elsewhere", "app/a/b/c/metadata", "app/a/b/c/files/x", PLAIN,
		"" },
	{ "a program that cargo installed", ".cargo/.crates2.json", ".cargo/bin/rg", PLAIN,
		".cargo/.crates2.json" },
	{ "not a program of cargo's own folders", ".cargo/.crates2.json", ".cargo/x/rg", PLAIN,
		"" },
	{ "a plugin's jars, its own name first",
		"JetBrains/IDEA/claude/lib/a.jar JetBrains/IDEA/claude/lib/claude-1.jar "
		"JetBrains/IDEA/claude/lib/x.txt",
		"JetBrains/IDEA/claude/bin/claude", PLAIN,
		"JetBrains/IDEA/claude/lib/claude-1.jar JetBrains/IDEA/claude/lib/a.jar" },
	{ "at most four jars",
		"plugins/p/lib/e.jar plugins/p/lib/d.jar plugins/p/lib/c.jar "
		"plugins/p/lib/b.jar plugins/p/lib/a.jar",
		"plugins/p/x", PLAIN,
		"plugins/p/lib/a.jar plugins/p/lib/b.jar plugins/p/lib/c.jar plugins/p/lib/d.jar" },
};

static void test_layouts(void **state)
{
	static const char *const starts[] = { "\x7f"
					      "ELF",
		"#!/bin/x\n",
		"\x7f"
		"ELF" };
	static const off_t sizes[] = { 100, 100, METADATA_ELECTRON_MIN };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout_row *row = &layouts[i];
		char root[16], program[PATH_MAX];

		(void) snprintf(root, sizeof(root), "layout%zu", i);
		put_all(root, row->files);
		put_all(root, row->program);
		(void) snprintf(program, sizeof(program), "%s/%s", root, row->program);
		overwrite(program, starts[row->kind], sizes[row->kind]);
		if (strcmp(found_below(root, row->program), row->want) != 0)
			fail_msg("%s: found '%s'", row->name, found_below(root, row->program));
	}
}

/* uv and pipx name the environment after the package, whose scripts may have any name. */
static void test_environment_name(void **state)
{
	(void) state;
	put_all("tools/aider-chat", FIVE " " SITE "aider_chat-1.dist-info/METADATA bin/ai-pair");
	overwrite("tools/aider-chat/bin/ai-pair", "#!/x\n", 10);
	assert_string_equal(found_below("tools/aider-chat", "bin/ai-pair"),
		SITE "aider_chat-1.dist-info/METADATA");
}

static void test_many_packages(void **state)
{
	char name[NAME_MAX];

	(void) state;
	for (int i = 0; i < 300; i++) {
		(void) snprintf(name, sizeof(name), SITE "p%d-1.dist-info/METADATA", i);
		put_all("many", name);
	}
	put_all("many", SITE "p123/x.py " SITE "p9/x.py");
	assert_string_equal(found_below("many", SITE "p123/x.py"),
		SITE "p123-1.dist-info/METADATA " SITE "p12-1.dist-info/METADATA");
	assert_string_equal(found_below("many", SITE "p9/x.py"), SITE "p9-1.dist-info/METADATA");
}

/* Everything at once is cut at METADATA_MAX, of each kind at METADATA_OF_A_KIND_MAX. */
static void test_candidates_max(void **state)
{
	static const char start[] = "f/" SITE "tea/snap/n/1/";
	char name[PATH_MAX];
	struct metadata_list list;
	struct stat st;

	(void) state;
	for (int i = 0; i < 6; i++) {
		(void) snprintf(name, sizeof(name), "f/" SITE "tea%d-1.dist-info/METADATA", i);
		put(name);
		(void) snprintf(name, sizeof(name), "f/" SITE "tea%d-1.dist-info/RECORD", i);
		put(name);
		(void) snprintf(
			name, sizeof(name), "%s%.*spackage.json", start, 2 * i, "a/b/c/d/e/f/g");
		put(name);
	}
	(void) snprintf(name, sizeof(name), "%smeta/snap.yaml", start);
	put(name);
	put("f/" SITE "tea-1.dist-info/METADATA");
	(void) snprintf(name, sizeof(name), "%sa/b/c/d/e/x", start);
	put(name);
	(void) text_copy(name, sizeof(name), at(name));
	assert_int_equal(stat(name, &st), 0);
	metadata_open(-1, name, &st, &list);
	assert_int_equal(list.n, METADATA_MAX);
	for (size_t i = 0; i < list.n; i++)
		assert_int_equal(list.kinds[i],
			i < 4                      ? METADATA_PACKAGE_JSON
				: i == 4           ? METADATA_SNAP
				: i == 5           ? METADATA_DIST_INFO
				: (i - 6) % 2 == 0 ? METADATA_DIST_INFO
						   : METADATA_DIST_RECORD);
	metadata_close(&list);
}

static int any(const char *name, const void *context)
{
	(void) name;
	(void) context;
	return 1;
}

/* A folder may have any number of names; only so many are read. */
static void test_names_max(void **state)
{
	_cleanup_close_ int folder = -1;
	struct picks picks;

	(void) state;
	assert_int_equal(mkdir(at("names"), 0755), 0);
	folder = directory_open(at("names"));
	assert_true(folder >= 0);
	for (int i = 0; i < DIRECTORY_NAMES_MAX - 2; i++) { /* "." and ".." are names, too */
		char name[16];

		(void) snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(mknodat(folder, name, S_IFREG | 0600, 0), 0);
	}
	directory_pick(folder, any, NULL, &picks);
	assert_int_equal(picks.seen, DIRECTORY_NAMES_MAX);
	assert_int_equal(mknodat(folder, "one more", S_IFREG | 0600, 0), 0);
	directory_pick(folder, any, NULL, &picks);
	assert_int_equal(picks.seen, DIRECTORY_NAMES_MAX);
	assert_int_equal(picks.n, DIRECTORY_PICKS_MAX);
}

static void test_folders_read_max(void **state)
{
	char name[NAME_MAX];

	(void) state;
	for (int minor = 6; minor < 6 + METADATA_FOLDERS_READ_MAX; minor++) {
		(void) snprintf(name, sizeof(name), "lib/python3.%d/site-packages/a.py", minor);
		put_all("folders", name);
	}
	put_all("folders", "lib/python3/dist-packages/x-1.dist-info/METADATA bin/x");
	overwrite("folders/bin/x", "#!/x\n", 10);
	assert_string_equal(found_below("folders", "bin/x"), "");
	assert_int_equal(unlink(at("folders/lib/python3.6/site-packages/a.py")), 0);
	assert_int_equal(rmdir(at("folders/lib/python3.6/site-packages")), 0);
	assert_string_equal(found_below("folders", "bin/x"),
		"lib/python3/dist-packages/x-1.dist-info/METADATA");
}

/* Links lead nowhere, whatever stands for a folder or a file. */
static void test_links_in_layouts(void **state)
{
	(void) state;
	put_all("links",
		"real/" SITE "x-1.dist-info/METADATA real/meta/snap.yaml "
		"env/pyvenv.cfg env/bin/x snap/s/1/x env2/bin/x");
	put_all("links", "env2/" SITE "y-1.dist-info/RECORD");
	overwrite("links/env/bin/x", "#!/x\n", 10);
	overwrite("links/env2/bin/x", "#!/x\n", 10);
	assert_int_equal(symlink("../real/lib", at("links/env/lib")), 0);
	assert_int_equal(symlink("../../../real/meta", at("links/snap/s/1/meta")), 0);
	assert_int_equal(symlink("../../../../../real/" SITE "x-1.dist-info",
				 at("links/env2/" SITE "x-1.dist-info")),
		0);
	assert_int_equal(
		symlink("/etc/passwd", at("links/env2/" SITE "y-1.dist-info/METADATA")), 0);
	assert_string_equal(found_below("links", "env/bin/x"), "");
	assert_string_equal(found_below("links", "env2/bin/x"), "");
	assert_string_equal(found_below("links", "snap/s/1/x"), "");
}

static int make_home(void **state)
{
	(void) state;
	return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
	char *rm[] = { "rm", "-rf", home, NULL };
	pid_t pid = fork();

	(void) state;
	if (pid == 0) {
		(void) execvp("rm", rm);
		_exit(1);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_to_the_root_of_the_package),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_only_where_the_file_really_lies),
		cmocka_unit_test(test_only_regular_files),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_environment_name),
		cmocka_unit_test(test_many_packages),
		cmocka_unit_test(test_candidates_max),
		cmocka_unit_test(test_names_max),
		cmocka_unit_test(test_folders_read_max),
		cmocka_unit_test(test_links_in_layouts),
		cmocka_unit_test(test_not_across_filesystems),
	};

	return cmocka_run_group_tests_name("metadata", tests, make_home, remove_home);
}
