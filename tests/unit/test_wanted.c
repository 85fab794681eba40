/*
 * agent/walker/place and wanted: which folders hold a listed package, and which files a scan opens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "agent/walker/wanted.h"
#include "tests/support/listed_policy.h"

/* The place of the folder @path, as a walk from "/" would have it. */
static struct place place_of(const struct policy *p, const char *path)
{
	struct place place = { 0 }, next;
	char copy[512], *rest = copy, *name;
	const char *above = "";

	(void) snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		place_enter(p, &place, above, name, &next);
		place = next;
		above = name;
	}
	return place;
}

static void folders_tell_of_packages(void **state)
{
	static const struct {
		const char *name, *path;
		bool listed, starts;
	} cases[] = {
		{ "a package of npm", "/x/node_modules/tool", true, true },
		{ "one with a scope", "/x/node_modules/@vendor/tool", true, true },
		{ "in other letters", "/x/node_modules/TOOL", true, true },
		{ "a folder in it", "/x/node_modules/tool/dist/bin", true, false },
		{ "what it depends on", "/x/node_modules/tool/node_modules/other", false, false },
		{ "itself below another", "/x/node_modules/other/node_modules/tool", true, true },
		{ "another scope", "/x/node_modules/@other/tool", false, false },
		{ "the scope alone", "/x/node_modules/@vendor", false, false },
		{ "no folder of packages", "/x/modules/tool", false, false },
		{ "pnpm's store", "/s/.pnpm/tool@1/node_modules/tool", true, true },
		{ "an extension", "/h/.vscode/extensions/vendor.tool-2-1.0.9", true, true },
		{ "with a platform", "/h/.cursor/extensions/vendor.tool-2-1.0.9-linux-x64", true,
			true },
		{ "without a version", "/h/extensions/vendor.tool-2", true, true },
		{ "of another publisher", "/h/extensions/other.tool-2-1.0.9", false, false },
		{ "a longer name", "/h/extensions/vendor.tool-25-1.0.9", false, false },
		{ "an extension without a dot", "/h/extensions/tool", false, false },
		{ "Homebrew", "/home/linuxbrew/.linuxbrew/Cellar/tool/1.2/bin", true, false },
		{ "its casks", "/opt/Caskroom/tool", true, true },
		{ "Nix", "/nix/store/0123456789abcdef0123456789abcdef-tool-1.2", true, true },
		{ "Nix, a folder in it", "/nix/store/0123456789abcdef0123456789abcdef-tool-1.2/bin",
			true, false },
		{ "Nix, no hash", "/nix/store/tool-1.2", false, false },
		{ "Nix, another name", "/nix/store/0123456789abcdef0123456789abcdef-toolbox-1.2",
			false, false },
		{ "a store elsewhere", "/x/store/0123456789abcdef0123456789abcdef-tool-1", false,
			false },
	};
	_cleanup_(policy_unrefp) struct policy *p = listed_policy(LISTED_NPM | LISTED_OTHER);

	(void) state;
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct place place = place_of(p, cases[i].path);

		if (place.listed != cases[i].listed || place.starts_listed != cases[i].starts)
			fail_msg("%s: listed %d, starts %d", cases[i].name, place.listed,
				place.starts_listed);
	}
}

static void metadata_of_python_is_found(void **state)
{
	static const struct {
		const char *name, *path;
		enum place_kind kind;
	} cases[] = {
		{ "dist-info", "/s/site-packages/tool_chat-1.2.dist-info", PLACE_DIST_INFO },
		{ "other separators", "/s/site-packages/Tool.Chat-1.2.dist-info", PLACE_DIST_INFO },
		{ "egg-info", "/s/tool_chat-1.2-py3.11.egg-info", PLACE_DIST_INFO },
		{ "of another", "/s/site-packages/tool-1.2.dist-info", PLACE_PLAIN },
		{ "nothing but the suffix", "/s/.dist-info", PLACE_PLAIN },
	};
	_cleanup_(policy_unrefp) struct policy *p = listed_policy(LISTED_OTHER);

	(void) state;
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (place_of(p, cases[i].path).kind != cases[i].kind)
			fail_msg("%s: %d", cases[i].name, place_of(p, cases[i].path).kind);
}

static void long_names_are_no_packages(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = listed_policy(LISTED_NPM | LISTED_OTHER);
	struct place above = { .kind = PLACE_NODE_MODULES }, scope = { .kind = PLACE_SCOPE },
		     extensions = { .kind = PLACE_EXTENSIONS }, place;
	char name[PACKAGE_NAME_MAX + 60];

	(void) state;
	assert_non_null(p);
	for (size_t n = PACKAGE_NAME_MAX - 2; n < sizeof(name); n++) {
		memset(name, 'a', n);
		name[n] = '\0';
		place_enter(p, &above, "node_modules", name, &place);
		assert_false(place.listed);
		place_enter(p, &scope, name, "tool", &place);
		assert_false(place.listed);
		name[n - 1] = '.';
		place_enter(p, &extensions, "extensions", name, &place);
		assert_false(place.listed);
	}
}

enum {
	ALL = LISTED_NPM | LISTED_OTHER | LISTED_HASH | LISTED_SIGNATURE | LISTED_PATH |
		LISTED_BUILD_ID
};

static const struct {
	const char *name;
	unsigned policy; /* enum listed */
	const char *folder, *file;
	uint64_t size;
	mode_t mode;
	unsigned want;
} files[] = {
	{ "a hash's size, whatever it is called", ALL, "/d", "x.txt", LISTED_SIZE, 0644,
		WANTED_SIZE },
	{ "one byte more", ALL, "/d", "x.txt", LISTED_SIZE + 1, 0644, 0 },
	{ "a signature's least size", ALL, "/d", "photo.jpg", LISTED_MIN, 0600, WANTED_SIGNATURE },
	{ "its greatest", ALL, "/d", "photo.jpg", LISTED_MAX, 0600, WANTED_SIGNATURE },
	{ "below it", ALL, "/d", "photo.jpg", LISTED_MIN - 1, 0600, 0 },
	{ "above it", ALL, "/d", "photo.jpg", LISTED_MAX + 1, 0600, 0 },
	{ "a path, also of an empty file", ALL, "/d/e", "banned-x", 0, 0644, WANTED_PATH },
	{ "no such path rule", LISTED_NPM, "/d/e", "banned-x", 10, 0644, 0 },
	{ "a script of a listed package", LISTED_NPM, "/n/node_modules/tool", "cli.js", 10, 0644,
		WANTED_PACKAGE },
	{ "in capitals", LISTED_NPM, "/n/node_modules/tool", "CLI.MJS", 10, 0644, WANTED_PACKAGE },
	{ "a program of it", LISTED_NPM, "/n/node_modules/tool/bin", "tool", 10, 0755,
		WANTED_PACKAGE },
	{ "its text", LISTED_NPM, "/n/node_modules/tool", "README.md", 10, 0644, 0 },
	{ "an empty script of it", LISTED_NPM, "/n/node_modules/tool", "cli.js", 0, 0755, 0 },
	{ "a name that is a suffix only", LISTED_NPM, "/n/node_modules/tool", ".js", 10, 0644, 0 },
	{ "a script of another package", LISTED_NPM, "/n/node_modules/other", "cli.js", 10, 0644,
		0 },
	{ "a program, where programs tell", LISTED_OTHER, "/usr/bin", "x", 10, 0755,
		WANTED_PROGRAM },
	{ "executable for others only", LISTED_OTHER, "/usr/bin", "x", 10, 0601, WANTED_PROGRAM },
	{ "a library", LISTED_BUILD_ID, "/usr/lib", "libx.so.1.2", 10, 0644, WANTED_PROGRAM },
	{ "an addon", LISTED_BUILD_ID, "/x", "x.node", 10, 0644, WANTED_PROGRAM },
	{ "a document, where programs tell", LISTED_OTHER, "/x", "x.txt", 10, 0644, 0 },
	{ "a program, where only folders tell", LISTED_EXTENSION, "/usr/bin", "x", 10, 0755, 0 },
	{ "a jar anywhere", LISTED_NPM, "/x", "x.jar", 10, 0644, WANTED_PROGRAM },
	{ "an AppImage", LISTED_NPM, "/x", "X.AppImage", 10, 0644, WANTED_PROGRAM },
	{ "an archive in a cache", LISTED_NPM, "/h/.yarn/berry/cache", "tool-npm-1.zip", 10, 0644,
		WANTED_PROGRAM },
	{ "an archive elsewhere", LISTED_NPM, "/h", "x.zip", 10, 0644, 0 },
	{ "Python's metadata", LISTED_OTHER, "/s/tool_chat-1.dist-info", "METADATA", 10, 0644,
		WANTED_PACKAGE },
	{ "its other files", LISTED_OTHER, "/s/tool_chat-1.dist-info", "RECORD", 10, 0644, 0 },
	{ "two reasons at once", ALL, "/n/node_modules/tool", "cli.js", LISTED_SIZE, 0644,
		WANTED_SIZE | WANTED_PACKAGE },
};

static void what_is_opened(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(policy_unrefp) struct policy *p = listed_policy(files[i].policy);
		struct wanted_rules w;
		struct place place;
		char path[512];
		unsigned got;

		assert_non_null(p);
		wanted_prepare(p, NULL, &w);
		place = place_of(p, files[i].folder);
		(void) snprintf(path, sizeof(path), "%s/%s", files[i].folder, files[i].file);
		got = wanted_file(&w, &place, files[i].file, files[i].size, files[i].mode, path);
		if (got != files[i].want)
			fail_msg("%s: %#x, not %#x", files[i].name, got, files[i].want);
		if (got && !wanted_needs_stat(&w, &place, files[i].file))
			fail_msg("%s: wanted, but nobody would have asked", files[i].name);
	}
}

static void programs_near_metadata_are_opened(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = listed_policy(LISTED_NPM);
	struct place near = { .near_left = PLACE_NEAR_LEVELS + 1 }, place = near;
	struct wanted_rules w;
	char name[] = "dx";

	(void) state;
	assert_non_null(p);
	wanted_prepare(p, NULL, &w);
	for (int level = 0; level <= PLACE_NEAR_LEVELS + 1; level++) {
		unsigned want = level <= PLACE_NEAR_LEVELS ? WANTED_PROGRAM : 0;

		if (wanted_file(&w, &place, "tool", 10, 0755, "/tool") != want)
			fail_msg("%d folders below the metadata: not %#x", level, want);
		assert_int_equal(wanted_file(&w, &place, "tool.js", 10, 0644, "/tool.js"), 0);
		near = place;
		place_enter(p, &near, name, name, &place);
	}
}

static void nothing_is_asked_for_nothing(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = listed_policy(LISTED_NPM);
	const struct place plain = { 0 };
	struct wanted_rules w;

	(void) state;
	assert_non_null(p);
	wanted_prepare(p, NULL, &w);
	assert_false(wanted_needs_stat(&w, &plain, "x.txt"));
	assert_true(wanted_needs_stat(&w, &plain, "x.jar"));
}

/* However many signatures: what one of them admits is opened. */
static void ranges_hide_nothing(void **state)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC);
	const struct place plain = { 0 };
	struct wanted_rules w;
	uint32_t at;

	(void) state;
	assert_int_equal(builder_new("many", "Tests", "", &b), 0);
	for (uint64_t i = 0; i < 4 * WANTED_RANGES_MAX; i++) {
		uint64_t k = i * 37 % (4 * WANTED_RANGES_MAX);
		struct signature s = { .min_size = 1000 * k, .max_size = 1000 * k + 10 * (k % 7) };

		(void) snprintf(s.name, sizeof(s.name), "s%u", (unsigned) i);
		assert_int_equal(builder_add_signature(b, &s, &at), 0);
	}
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	wanted_prepare(p, NULL, &w);
	for (uint64_t size = 1; size < 5000 * WANTED_RANGES_MAX; size++)
		if (policy_admits(p, FILE_CLASS_UNKNOWN, size) &&
			!wanted_file(&w, &plain, "x", size, 0600, "/x"))
			fail_msg("%llu bytes would be passed over", (unsigned long long) size);
	for (unsigned i = 1; i < w.n_ranges; i++)
		assert_true(w.ranges[i - 1].max < w.ranges[i].min);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_tell_of_packages),
		cmocka_unit_test(metadata_of_python_is_found),
		cmocka_unit_test(long_names_are_no_packages),
		cmocka_unit_test(what_is_opened),
		cmocka_unit_test(programs_near_metadata_are_opened),
		cmocka_unit_test(nothing_is_asked_for_nothing),
		cmocka_unit_test(ranges_hide_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
