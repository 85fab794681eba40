/* Lines of the mount table, and which filesystems might never answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/mountinfo.h"
#include "policy/base/cleanup.h"

static void test_lines(void **state)
{
	static const struct {
		const char *name, *line, *device, *path, *type; /* device NULL: refused */
	} rows[] = {
		{ "a root", "36 35 98:0 / / rw,noatime master:1 - ext4 /dev/root rw\n", "98:0", "/",
			"ext4" },
		{ "no optional fields", "36 35 0:5 / /dev rw - devtmpfs udev rw", "0:5", "/dev",
			"devtmpfs" },
		{ "a blank and a newline in the path", "1 2 0:6 / /a\\040b\\012c rw - tmpfs t rw",
			"0:6", "/a b\nc", "tmpfs" },
		{ "several optional fields",
			"1 2 0:7 / /m rw shared:1 master:2 propagate_from:3 - fuse.sshfs u@h: rw",
			"0:7", "/m", "fuse.sshfs" },
		{ "no separator", "36 35 98:0 / / rw,noatime ext4 /dev/root rw", NULL, NULL, NULL },
		{ "too few fields", "36 35 98:0 /", NULL, NULL, NULL },
		{ "nothing", "", NULL, NULL, NULL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *line = strdup(rows[i].line);
		struct mountinfo m = { 0 };
		int r = mountinfo_parse(line, &m);

		if (!rows[i].device && r < 0)
			continue;
		if (r < 0 || !rows[i].device || strcmp(m.device, rows[i].device) != 0 ||
			strcmp(m.path, rows[i].path) != 0 || strcmp(m.type, rows[i].type) != 0)
			fail_msg("%s: %d, '%s' '%s' '%s'", rows[i].name, r, r < 0 ? "" : m.device,
				r < 0 ? "" : m.path, r < 0 ? "" : m.type);
	}
}

static void test_kinds(void **state)
{
	static const struct {
		const char *type;
		enum mount_kind kind;
	} rows[] = {
		{ "ext4", MOUNT_LOCAL },
		{ "overlay", MOUNT_LOCAL },
		{ "proc", MOUNT_PSEUDO },
		{ "fuse.lxcfs", MOUNT_PSEUDO },
		{ "fuse", MOUNT_FOREIGN },
		{ "fuse.sshfs", MOUNT_FOREIGN },
		{ "nfs4", MOUNT_FOREIGN },
		{ "something new", MOUNT_FOREIGN },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (mountinfo_kind(rows[i].type) != rows[i].kind)
			fail_msg("%s", rows[i].type);
}

static void test_devices(void **state)
{
	struct stat st;

	(void) state;
	assert_int_equal(stat("/proc", &st), 0);
	assert_false(mountinfo_may_hang(st.st_dev));
	assert_false(mountinfo_may_hang(makedev(8, 1)));      /* a disk, mounted or not */
	assert_true(mountinfo_may_hang(makedev(0, 0xfffff))); /* mounted elsewhere, if at all */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
