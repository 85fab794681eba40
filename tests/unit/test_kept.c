/* Kept images: which one is loaded, how they grow old, and every state that a crash can leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/kept.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/image/builder.h"

/* The files of a state are "NEW 0 1 2", a letter each: an upper-case one is the good image of that
 * name, and else */
enum {
	NOTHING = '-',
	EMPTY = 'e',
	CUT = 'c',    /* half of an image */
	OTHERS = 'w', /* a good one that others may write */
	LINK = 'l',   /* to a good one */
	DANGLING = 'd',
	FOLDER = 'f',
	FIFO = 'p',
};

enum { N_FILES = 1 + KEPT_IMAGES };

struct place {
	char folder[64];
	char path[128];
};

static const char *file_name(const struct place *p, int i, char out[160])
{
	static const char *const ends[N_FILES] = { ".new", "", ".1", ".2" };

	(void) snprintf(out, 160, "%s%s", p->path, ends[i]);
	return out;
}

static int image_of(char name)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(builder_new((char[]){ name, '\0' }, "Tests", "", &b), 0);
	assert_int_equal(builder_write(b, fd), 0);
	return fd;
}

static void write_image(const char *path, char name, mode_t mode, bool whole)
{
	_cleanup_close_ int image = image_of(name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_file(image, 1 << 20, &bytes, &n), 0);
	assert_int_equal(fd_write_full(fd, bytes, whole ? n : n / 2), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void make_file(const struct place *p, int i, char what)
{
	char name[160], target[160];

	(void) file_name(p, i, name);
	(void) snprintf(target, sizeof(target), "%s/target", p->folder);
	switch (what) {
	case NOTHING:
		break;
	case EMPTY:
		assert_int_equal(close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
		break;
	case LINK:
		write_image(target, 'L', 0600, true);
		assert_int_equal(symlink(target, name), 0);
		break;
	case DANGLING:
		assert_int_equal(symlink(target, name), 0);
		break;
	case FOLDER:
		assert_int_equal(mkdir(name, 0700), 0);
		break;
	case FIFO:
		assert_int_equal(mkfifo(name, 0600), 0);
		break;
	default:
		write_image(name, what, what == OTHERS ? 0620 : 0600, what != CUT);
	}
}

static void make_place(struct place *p, const char *state)
{
	(void) strcpy(p->folder, "/tmp/proscribe-kept-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void) snprintf(p->path, sizeof(p->path), "%s/policy", p->folder);
	for (int i = 0; i < N_FILES; i++)
		make_file(p, i, state[i]);
}

static void remove_place(const struct place *p)
{
	char name[160];

	for (int i = 0; i < N_FILES; i++)
		(void) remove(file_name(p, i, name));
	(void) snprintf(name, sizeof(name), "%s/target", p->folder);
	(void) remove(name);
	assert_int_equal(rmdir(p->folder), 0); /* nothing else is left behind */
}

/* The name of the image in the file, '-' without one, '?' for what is none. */
static char look(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	struct policy_info info;

	if (fd < 0 && errno == ENOENT)
		return NOTHING;
	if (fd < 0 || policy_open(fd, &p) < 0)
		return '?';
	policy_info(p, &info);
	return info.name[0];
}

static char load(const struct place *at)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct policy_info info;
	int r = kept_load(at->path, &p);

	if (r < 0) {
		assert_int_equal(r, -ENOENT);
		assert_null(p);
		return NOTHING;
	}
	policy_info(p, &info);
	assert_int_equal(fcntl(policy_fd(p), F_GET_SEALS) & seals, seals);
	return info.name[0];
}

static void test_the_newest_good_one_is_loaded(void **state)
{
	static const struct {
		const char *name, *files;
		char loaded;
	} cases[] = {
		{ "nothing was ever kept", "----", NOTHING },
		{ "one", "-A--", 'A' },
		{ "three", "-CBA", 'C' },
		{ "a damaged newest", "-cBA", 'B' },
		{ "an empty newest", "-eBA", 'B' },
		{ "two damaged ones", "-ecA", 'A' },
		{ "three damaged ones", "-ecc", NOTHING },
		{ "a gap where the newest was", "--BA", 'B' },
		{ "the oldest alone", "---A", 'A' },
		{ "a newest that others may write", "-wBA", 'B' },
		{ "a link to a good one", "-lBA", 'B' },
		{ "a link to nowhere", "-dBA", 'B' },
		{ "a folder", "-fBA", 'B' },
		{ "a FIFO, which is not waited for", "-pBA", 'B' },
		{ "a new one that was never finished", "N---", NOTHING },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct place p;
		char loaded;

		make_place(&p, cases[i].files);
		loaded = load(&p);
		if (loaded != cases[i].loaded)
			fail_msg("%s: loaded %c, expected %c", cases[i].name, loaded,
				cases[i].loaded);
		remove_place(&p);
	}
}

/* The states between the steps of a save are those that a crash leaves: the one from before is
 * still loaded or the new one already is, and the next save puts all of it in order. */
static void test_saving(void **state)
{
	static const struct {
		const char *name, *files;
		char before; /* what is loaded as long as nothing is saved */
		const char *after;
	} cases[] = {
		{ "the first", "----", NOTHING, "-N--" },
		{ "the second", "-A--", 'A', "-NA-" },
		{ "the third", "-BA-", 'B', "-NBA" },
		{ "the fourth drives out the first", "-CBA", 'C', "-NCB" },
		{ "the same again", "-NBA", 'N', "-NBA" },
		{ "an older one again", "-BNA", 'B', "-NBN" },
		{ "after a crash while it was written", "cCBA", 'C', "-NCB" },
		{ "after one before the first rename", "NCBA", 'C', "-NCB" },
		{ "after one behind the first rename", "NC-B", 'C', "-NCB" },
		{ "after one behind the second rename", "N-CB", 'C', "-NCB" },
		{ "after one behind the last rename", "-NCB", 'N', "-NCB" },
		{ "a damaged one grows old as others do", "-cBA", 'B', "-N?B" },
		{ "a link is not written through", "-dBA", 'B', "-NBA" },
		{ "nor is one in the place of the new one", "lCBA", 'C', "-NCB" },
		{ "the same, but others may write it", "-wBA", 'B', "-NwB" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int image = image_of('N');
		char after[N_FILES + 1] = "", name[160], before;
		struct place p;
		int r;

		make_place(&p, cases[i].files);
		before = load(&p);
		r = kept_save(p.path, image);
		for (int k = 0; k < N_FILES; k++)
			after[k] = look(file_name(&p, k, name));
		if (r != 0 || before != cases[i].before || strcmp(after, cases[i].after) != 0 ||
			load(&p) != 'N')
			fail_msg("%s: %d, %c before, %s after; expected 0, %c, %s", cases[i].name,
				r, before, after, cases[i].before, cases[i].after);
		remove_place(&p);
	}
}

static void test_the_same_image_is_not_written_again(void **state)
{
	_cleanup_close_ int image = image_of('A');
	struct stat first, second;
	struct place p;

	(void) state;
	make_place(&p, "----");
	assert_int_equal(kept_save(p.path, image), 0);
	assert_int_equal(stat(p.path, &first), 0);
	assert_int_equal(first.st_mode & 07777, 0600);
	assert_int_equal(kept_save(p.path, image), 0);
	assert_int_equal(stat(p.path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
	remove_place(&p);
}

static void test_one_of_another_user_is_not_loaded(void **state)
{
	struct place p;

	(void) state;
	if (geteuid() != 0)
		skip();
	make_place(&p, "-BA-");
	assert_int_equal(chown(p.path, 65534, 65534), 0);
	assert_int_equal(load(&p), 'A');
	remove_place(&p);
}

static void test_a_failure_changes_nothing(void **state)
{
	_cleanup_close_ int image = image_of('N'), unreadable = open("/", O_PATH | O_CLOEXEC);
	char name[160];
	struct place p;

	(void) state;
	make_place(&p, "-BA-");
	assert_int_equal(kept_save(p.path, unreadable), -EBADF);
	assert_int_equal(load(&p), 'B');
	assert_int_equal(look(file_name(&p, 0, name)), NOTHING);
	remove_place(&p);
	assert_int_equal(kept_save(p.path, image), -ENOENT); /* the folder is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_newest_good_one_is_loaded),
		cmocka_unit_test(test_saving),
		cmocka_unit_test(test_the_same_image_is_not_written_again),
		cmocka_unit_test(test_one_of_another_user_is_not_loaded),
		cmocka_unit_test(test_a_failure_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
