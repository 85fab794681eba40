/*
 * agent/walker/walk and names: what is walked, in what order, where it can be gone on with, and
 * what happens at the limits. On real folders below TMPDIR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/walker/names.h"
#include "agent/walker/walk.h"
#include "policy/base/text.h"
#include "tests/support/listed_policy.h"

enum { SEEN_MAX = 4096 };

/* What the walk said. */
struct seen {
	size_t n, n_ticks;
	char *paths[SEEN_MAX], *done[SEEN_MAX]; /* of each file: its path, how far that was */
	unsigned wanted[SEEN_MAX];
	size_t stop_after; /* ends the walk; 0: never */
	void (*on_file)(const char *path);
};

static char top[64];
static struct policy *policy; /* every file that is named banned-* is wanted */

static int on_file(const struct walk *w, unsigned wanted, int fd, void *context)
{
	struct seen *s = context;
	char done[WALK_PATH_MAX];
	struct stat st;

	assert_true(s->n < SEEN_MAX);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	walk_done(w, done);
	s->wanted[s->n] = wanted;
	s->done[s->n] = strdup(done);
	s->paths[s->n++] = strdup(walk_path(w));
	if (s->on_file)
		s->on_file(walk_path(w));
	return s->n == s->stop_after ? -ECANCELED : 0;
}

static int on_tick(const struct walk *w, void *context)
{
	(void) w;
	((struct seen *) context)->n_ticks++;
	return 0;
}

static void forget(struct seen *s)
{
	while (s->n > 0) {
		free(s->paths[--s->n]);
		free(s->done[s->n]);
	}
}

struct options {
	const struct policy *policy; /* NULL: the one above */
	const char *done;
	uint32_t part, n_parts;
	bool other_filesystems;
};

static int walk(const char *root, const struct options *options, struct seen *s,
	struct walk_counts *ret_counts)
{
	struct walk_options o = { .events = { on_file, on_tick, s },
		.part = options ? options->part : 0,
		.n_parts = options ? options->n_parts : 0,
		.other_filesystems = options && options->other_filesystems };
	_cleanup_(walk_freep) struct walk *w = NULL;
	int r;

	wanted_prepare(options && options->policy ? options->policy : policy, NULL, &o.rules);
	assert_int_equal(walk_new(&o, &w), 0);
	r = walk_root(w, root, options ? options->done : NULL);
	if (ret_counts)
		*ret_counts = *walk_counts(w);
	return r;
}

/* ---- folders to walk ---- */

static int make_top(void **state)
{
	const char *folder = getenv("TMPDIR");

	(void) state;
	(void) snprintf(top, sizeof(top), "%s/walk-XXXXXX", folder ? folder : "/tmp");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	char command[256];

	(void) state;
	/* Of paths too long for nftw(3), too. */
	(void) snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", top, top);
	return system(command);
}

static const char *at(const char *name)
{
	static char paths[2][512]; /* one call may need two of them */
	static unsigned turn;
	char *path = paths[turn++ % 2];

	(void) snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void folder(const char *name)
{
	assert_int_equal(mkdir(at(name), 0755), 0);
}

static void file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void) close(fd);
}

static void sample_tree(void)
{
	static const char *const folders[] = { "b", "b/c", "b/c/d", "a-", "a", "a/z", "e" };
	static const char *const names[] = { "banned-2", "banned-1", "other", "b/banned-x",
		"b/c/banned-y", "b/c/banned-a", "b/c/d/banned-q", "a-/banned-m", "a/banned-n",
		"a/z/banned-o", "a/z/banned-p" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		folder(folders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		file(names[i]);
}

static void assert_paths(const struct seen *s, const char *const want[], size_t n)
{
	for (size_t i = 0; i < s->n && i < n; i++)
		if (strcmp(s->paths[i] + strlen(top) + 1, want[i]) != 0)
			fail_msg("file %zu is %s, not %s", i, s->paths[i], want[i]);
	assert_int_equal(s->n, n);
}

/* ---- tests ---- */

static void files_come_before_folders_each_by_name(void **state)
{
	static const char *const want[] = { "banned-1", "banned-2", "a/banned-n", "a/z/banned-o",
		"a/z/banned-p", "a-/banned-m", "b/banned-x", "b/c/banned-a", "b/c/banned-y",
		"b/c/d/banned-q" };
	struct walk_counts counts;
	struct seen s = { 0 };

	(void) state;
	sample_tree();
	assert_int_equal(walk(top, NULL, &s, &counts), 0);
	assert_paths(&s, want, ARRAY_SIZE(want));
	assert_int_equal(counts.files, 11);
	assert_int_equal(counts.folders, 8);
	assert_int_equal(counts.unread + counts.limited + counts.other_mounts, 0);
	assert_int_equal(s.n_ticks, 8);
	forget(&s);
}

/* Whatever it was that was done last: the rest is what follows, no less and no more. */
static void a_walk_goes_on_where_it_was(void **state)
{
	struct seen all = { 0 };

	(void) state;
	sample_tree();
	assert_int_equal(walk(top, NULL, &all, NULL), 0);
	for (size_t i = 0; i < all.n; i++) {
		const struct options o = { .done = all.done[i] };
		struct seen rest = { 0 };

		assert_int_equal(walk(top, &o, &rest, NULL), 0);
		if (rest.n != all.n - i - 1)
			fail_msg(
				"after %s: %zu files, not %zu", all.done[i], rest.n, all.n - i - 1);
		for (size_t k = 0; k < rest.n; k++)
			assert_string_equal(rest.paths[k], all.paths[i + 1 + k]);
		forget(&rest);
	}
	forget(&all);
}

static void places_that_are_gone_cost_nothing_but_themselves(void **state)
{
	static const struct {
		const char *name, *done;
		size_t n; /* files still to come */
	} cases[] = {
		{ "a file that is gone", "/b/banned-k", 4 },
		{ "a folder that is gone, before others", "/a/y/gone/x", 7 },
		{ "a folder that is a file now, after which nothing comes", "/banned-1/x", 0 },
		{ "a folder just begun", "/b/c/", 3 },
		{ "the beginning", "/", 10 },
		{ "nothing said", "", 10 },
		{ "past the end", "/zzz/", 0 },
		{ "no such form", "b/c", 10 },
	};

	(void) state;
	sample_tree();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct options o = { .done = cases[i].done };
		struct seen s = { 0 };

		assert_int_equal(walk(top, &o, &s, NULL), 0);
		if (s.n != cases[i].n)
			fail_msg("%s: %zu files, not %zu", cases[i].name, s.n, cases[i].n);
		forget(&s);
	}
}

static void parts_share_all_of_it(void **state)
{
	struct walk_counts all, sum = { 0 }, counts;
	struct seen whole = { 0 }, s = { 0 };

	(void) state;
	sample_tree();
	assert_int_equal(walk(top, NULL, &whole, &all), 0);
	for (uint32_t part = 0; part < 3; part++) {
		const struct options o = { .part = part, .n_parts = 3 };

		assert_int_equal(walk(top, &o, &s, &counts), 0);
		sum.files += counts.files;
		sum.folders += counts.folders;
	}
	assert_int_equal(s.n, whole.n);
	assert_int_equal(sum.files, all.files);
	assert_int_equal(sum.folders, all.folders);
	for (size_t i = 0; i < whole.n; i++) {
		size_t times = 0;

		for (size_t k = 0; k < s.n; k++)
			times += strcmp(whole.paths[i], s.paths[k]) == 0;
		assert_int_equal(times, 1);
	}
	forget(&whole);
	forget(&s);
}

static void only_folders_and_files_are_opened(void **state)
{
	static const char *const want[] = { "banned-\n\033[2J\xff", "d/banned-x" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct seen seen = { 0 };

	(void) state;
	folder("d");
	file("d/banned-x");
	file("banned-\n\033[2J\xff");
	assert_int_equal(mkfifo(at("banned-fifo"), 0644), 0);
	assert_int_equal(symlink("d", at("banned-link")), 0);
	assert_int_equal(symlink(".", at("loop")), 0);
	assert_int_equal(symlink("d/banned-x", at("banned-to-file")), 0);
	assert_int_equal(
		text_copy(address.sun_path, sizeof(address.sun_path), at("banned-socket")), 0);
	assert_int_equal(bind(s, (struct sockaddr *) &address, sizeof(address)), 0);
	assert_int_equal(walk(top, NULL, &seen, NULL), 0);
	assert_paths(&seen, want, ARRAY_SIZE(want));
	forget(&seen);
}

static void a_root_may_be_a_file_or_nothing(void **state)
{
	struct seen s = { 0 };
	char path[128];

	(void) state;
	folder("d");
	file("d/banned-x");
	(void) snprintf(path, sizeof(path), "%s/d/banned-x", top);
	assert_int_equal(walk(path, NULL, &s, NULL), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.paths[0], path);
	(void) snprintf(path, sizeof(path), "%s/d///", top);
	assert_int_equal(walk(path, NULL, &s, NULL), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(walk(at("nothing"), NULL, &s, NULL), -ENOENT);
	assert_int_equal(mkfifo(at("fifo"), 0644), 0);
	assert_int_equal(walk(at("fifo"), NULL, &s, NULL), -ENOTDIR);
	assert_int_equal(symlink("d", at("link")), 0);
	assert_int_equal(walk(at("link"), NULL, &s, NULL), -ENOTDIR);
	assert_int_equal(walk("relative", NULL, &s, NULL), -ENAMETOOLONG);
	assert_int_equal(walk("/proc", NULL, &s, NULL), -EMEDIUMTYPE);
	forget(&s);
}

/* Folders 1 deeper than allowed, made and removed by descriptor. */
static void depth_is_limited(void **state)
{
	int fds[WALK_DEPTH_MAX + 2];
	struct walk_counts counts;
	struct seen s = { 0 };

	(void) state;
	fds[0] = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i <= WALK_DEPTH_MAX; i++) {
		assert_int_equal(mkdirat(fds[i], "d", 0755), 0);
		fds[i + 1] = openat(fds[i], "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[i + 1] < 0)
			fail_msg("%d folders: %s", i, strerror(errno));
		(void) close(fds[i]);
		if (i >= WALK_DEPTH_MAX - 2)
			(void) close(openat(
				fds[i + 1], "banned-x", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	(void) close(fds[WALK_DEPTH_MAX + 1]);
	assert_int_equal(walk(top, NULL, &s, &counts), 0);
	assert_int_equal(counts.folders, WALK_DEPTH_MAX + 1);
	assert_int_equal(counts.limited, 1);
	assert_int_equal(s.n, 2); /* the third one lies too deep */
	forget(&s);
}

static void long_paths_are_counted(void **state)
{
	char name[256];
	struct walk_counts counts;
	struct seen s = { 0 };
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void) state;
	memset(name, 'n', 255);
	name[255] = '\0';
	for (size_t n = strlen(top); n < WALK_PATH_MAX + 512; n += 256) {
		int next;

		(void) close(openat(fd, "banned-x", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void) close(fd);
		fd = next;
	}
	(void) close(fd);
	assert_int_equal(walk(top, NULL, &s, &counts), 0);
	assert_int_equal(counts.limited, 1);
	assert_int_equal(s.n, counts.folders);
	for (size_t i = 0; i < s.n; i++)
		assert_true(strlen(s.paths[i]) < WALK_PATH_MAX);
	forget(&s);
}

/* One name more than a lot holds: all are seen, and such a folder is done again, never half. */
static void a_folder_may_hold_more_than_a_lot(void **state)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct options o = { 0 };
	struct walk_counts counts;
	struct seen s = { 0 };
	char name[32];

	(void) state;
	folder("zz");
	file("zz/banned-last");
	for (int i = 0; i < NAMES_MAX; i++) {
		(void) snprintf(name, sizeof(name), i % 1000 ? "n%d" : "banned-%d", i);
		(void) close(openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	}
	(void) close(fd);
	assert_int_equal(walk(top, NULL, &s, &counts), 0);
	assert_int_equal(counts.files, NAMES_MAX + 1);
	assert_int_equal(counts.limited, 0);
	assert_int_equal(s.n, NAMES_MAX / 1000 + 2);
	assert_string_equal(s.done[0], "/");
	o.done = "/banned-30000";
	forget(&s);
	assert_int_equal(walk(top, &o, &s, &counts), 0);
	assert_int_equal(counts.files, NAMES_MAX + 1);
	forget(&s);
}

static void package_files_are_limited(void **state)
{
	_cleanup_(policy_unrefp) struct policy *listed = listed_policy(LISTED_NPM);
	const struct options o = { .policy = listed };
	struct walk_counts counts;
	struct seen s = { 0 };
	char name[64];

	(void) state;
	folder("node_modules");
	folder("node_modules/tool");
	folder("node_modules/tool/lib");
	folder("node_modules/tool/node_modules");
	folder("node_modules/tool/node_modules/tool");
	file("node_modules/tool/node_modules/tool/own.js");
	for (int i = 0; i <= WALK_PACKAGE_FILES_MAX; i++) {
		(void) snprintf(
			name, sizeof(name), "node_modules/tool/%s%d.js", i % 2 ? "lib/" : "", i);
		file(name);
	}
	assert_int_equal(walk(top, &o, &s, &counts), 0);
	assert_int_equal(s.n, WALK_PACKAGE_FILES_MAX + 1); /* and the one of the other package */
	assert_int_equal(counts.limited, 1);
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.wanted[i], WANTED_PACKAGE);
	forget(&s);
	/* The same, begun in the package. */
	assert_int_equal(walk(at("node_modules/tool/lib"), &o, &s, NULL), 0);
	assert_int_equal(s.n, WALK_PACKAGE_FILES_MAX / 2);
	forget(&s);
}

static void pull_the_rug(const char *path)
{
	if (!strstr(path, "banned-1"))
		return;
	(void) unlink(at("banned-2"));
	(void) unlink(at("banned-3"));
	assert_int_equal(symlink("/etc/passwd", at("banned-3")), 0);
	(void) unlink(at("banned-4"));
	(void) mkfifo(at("banned-4"), 0644);
	(void) rename(at("a"), at("moved"));
	(void) rmdir(at("b"));
	assert_int_equal(symlink("/", at("b")), 0);
}

static void a_folder_may_change_meanwhile(void **state)
{
	static const char *const want[] = { "banned-1", "c/banned-x" };
	struct seen s = { .on_file = pull_the_rug };
	struct walk_counts counts;

	(void) state;
	for (int i = 1; i <= 4; i++) {
		char name[] = "banned-0";

		name[7] = (char) ('0' + i);
		file(name);
	}
	folder("a");
	file("a/banned-y");
	folder("b");
	folder("c");
	file("c/banned-x");
	assert_int_equal(walk(top, NULL, &s, &counts), 0);
	assert_paths(&s, want, ARRAY_SIZE(want));
	assert_int_equal(counts.unread, 0);
	forget(&s);
}

static void an_event_ends_the_walk(void **state)
{
	struct seen s = { .stop_after = 4 };

	(void) state;
	sample_tree();
	assert_int_equal(walk(top, NULL, &s, NULL), -ECANCELED);
	assert_int_equal(s.n, 4);
	forget(&s);
}

/* Root may read everything, so it walks as somebody else. */
static void closed_folders_are_counted(void **state)
{
	enum { NOBODY = 65534 };
	const uid_t user = geteuid();
	struct walk_counts counts;
	struct seen s = { 0 };
	int r;

	(void) state;
	folder("closed");
	file("banned-closed");
	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(chmod(at("closed"), 0), 0);
	assert_int_equal(chmod(at("banned-closed"), 0), 0);
	assert_int_equal(user == 0 ? seteuid(NOBODY) : 0, 0);
	r = walk(top, NULL, &s, &counts);
	assert_int_equal(user == 0 ? seteuid(user) : 0, 0);
	assert_int_equal(r, 0);
	assert_int_equal(counts.unread, 2);
	assert_int_equal(s.n, 0);
}

static void known_paths_are_opened_without_links(void **state)
{
	static const struct {
		const char *name, *path;
		int want;
	} cases[] = {
		{ "a file", "d/banned-x", 0 },
		{ "slashes", "d//banned-x", 0 },
		{ "nothing", "d/nothing", -ENOENT },
		{ "a folder that is gone", "gone/banned-x", -ENOENT },
		{ "a folder that is a file", "d/banned-x/y", -ENOTDIR },
		{ "a link on the way", "link/banned-x", -ENOTDIR },
		{ "a link at the end", "link", -ENOENT },
		{ "a FIFO", "fifo", -ENOENT },
		{ "a folder", "d", -ENOENT },
	};

	(void) state;
	folder("d");
	file("d/banned-x");
	assert_int_equal(symlink("d", at("link")), 0);
	assert_int_equal(mkfifo(at("fifo"), 0644), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = -1;
		int r = walk_open(at(cases[i].path), &fd);

		if (r != cases[i].want || (fd >= 0) != (r == 0))
			fail_msg("%s: %d", cases[i].name, r);
	}
}

static int make_policy(void **state)
{
	(void) state;
	policy = listed_policy(LISTED_PATH);
	return policy ? 0 : -1;
}

static int drop_policy(void **state)
{
	(void) state;
	policy = policy_unref(policy);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_top, remove_top)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_come_before_folders_each_by_name),
		TEST(a_walk_goes_on_where_it_was),
		TEST(places_that_are_gone_cost_nothing_but_themselves),
		TEST(parts_share_all_of_it),
		TEST(only_folders_and_files_are_opened),
		TEST(a_root_may_be_a_file_or_nothing),
		TEST(depth_is_limited),
		TEST(long_paths_are_counted),
		TEST(a_folder_may_hold_more_than_a_lot),
		TEST(package_files_are_limited),
		TEST(a_folder_may_change_meanwhile),
		TEST(an_event_ends_the_walk),
		TEST(closed_folders_are_counted),
		TEST(known_paths_are_opened_without_links),
	};

	return cmocka_run_group_tests(tests, make_policy, drop_policy);
}
