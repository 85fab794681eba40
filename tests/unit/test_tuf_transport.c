/* Names in URLs, and repository files from a folder that somebody else fills. */
#include "policy/trust/transport.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "policy/base/cleanup.h"

static void test_quoting(void **state)
{
	static const struct {
		const char *name, *text;
		int keep_slash;
		const char *want;
	} cases[] = {
		{ "what is unreserved stays", "AZaz09-._~", 0, "AZaz09-._~" },
		{ "a question mark", "?", 0, "%3F" },
		{ "a number sign", "#", 0, "%23" },
		{ "a path upwards", "../delegatedrole", 0, "..%2Fdelegatedrole" },
		{ "a path from the root", "/delegatedrole", 0, "%2Fdelegatedrole" },
		{ "a slash that stays", "policy/lists/a b.txt", 1, "policy/lists/a%20b.txt" },
		{ "a percent sign", "%2F", 1, "%252F" },
		{ "letters beyond ASCII", "Zo\xc3\xab", 0, "Zo%C3%AB" },
		{ "control characters", "\n\x7f", 0, "%0A%7F" },
		{ "reserved ones", "!$&'()*+,;=:@[]\\", 1,
			"%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40%5B%5D%5C" },
		{ "nothing", "", 0, "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = strlen(cases[i].want);

		for (size_t size = 0; size <= n + 2; size++) {
			char out[80] = "";
			int r = tuf_quote(cases[i].text, cases[i].keep_slash, out, size);

			if (r != (size > n ? 0 : -ENAMETOOLONG))
				fail_msg("%s in %zu bytes: %d", cases[i].name, size, r);
			if (r == 0 && strcmp(out, cases[i].want) != 0)
				fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, out,
					cases[i].want);
		}
	}
}

/* ---- a folder ---- */

struct folder {
	char path[40];
	int fd;
};

static void must_write(int fd, const char *name, const char *text)
{
	_cleanup_close_ int file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t) strlen(text));
}

static void bind_socket(const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
}

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void) snprintf(f->path, sizeof(f->path), "/tmp/test_tuf_transport.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(mkdirat(f->fd, "metadata", 0700), 0);
	assert_int_equal(mkdirat(f->fd, "metadata/deep", 0700), 0);
	must_write(f->fd, "metadata/1.root.json", "root");
	must_write(f->fd, "metadata/1...%2Fteam.json", "team");
	must_write(f->fd, "metadata/deep/file", "deep");
	must_write(f->fd, "metadata/empty", "");
	must_write(f->fd, "outside", "secret");
	assert_int_equal(symlinkat("1.root.json", f->fd, "metadata/link"), 0);
	assert_int_equal(symlinkat("../outside", f->fd, "metadata/link_out"), 0);
	assert_int_equal(symlinkat("deep", f->fd, "metadata/link_folder"), 0);
	assert_int_equal(symlinkat("nowhere", f->fd, "metadata/link_nowhere"), 0);
	assert_int_equal(mkfifoat(f->fd, "metadata/fifo", 0600), 0);
	bind_socket(f->path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "metadata/1.root.json", "metadata/1...%2Fteam.json",
		"metadata/deep/file", "metadata/empty", "outside", "metadata/link",
		"metadata/link_out", "metadata/link_folder", "metadata/link_nowhere",
		"metadata/fifo", "socket" };
	struct folder *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void) unlinkat(f->fd, names[i], 0);
	(void) unlinkat(f->fd, "metadata/deep", AT_REMOVEDIR);
	(void) unlinkat(f->fd, "metadata", AT_REMOVEDIR);
	(void) close(f->fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

static int count_fds(void)
{
	_cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	return n;
}

static void test_folder(void **state)
{
	static char name_too_long[300];
	const struct {
		const char *name, *path;
		size_t max;
		int want;
		const char *text; /* the content, or part of the message */
	} cases[] = {
		{ "a file", "metadata/1.root.json", 100, 0, "root" },
		{ "its name is not decoded", "metadata/1...%2Fteam.json", 100, 0, "team" },
		{ "a file further down", "metadata/deep/file", 100, 0, "deep" },
		{ "an empty file", "metadata/empty", 100, 0, "" },
		{ "an empty file where nothing may be", "metadata/empty", 0, 0, "" },
		{ "as long as it may be", "metadata/1.root.json", 4, 0, "root" },
		{ "a byte longer", "metadata/1.root.json", 3, -EFBIG,
			"has 4 bytes, expected 3 at most" },
		{ "no file", "metadata/2.root.json", 100, -ENOENT, "is not in the folder" },
		{ "no folder", "targets/a", 100, -ENOENT, "is not in the folder" },
		{ "a file as folder", "metadata/1.root.json/x", 100, -ENOENT, "is no regular" },
		{ "a folder", "metadata/deep", 100, -ENOENT, "is no regular file" },
		{ "a folder with a slash", "metadata/deep/", 100, -ENOENT, "is not in the folder" },
		{ "a link", "metadata/link", 100, -ENOENT, "is no regular file" },
		{ "a link out of it", "metadata/link_out", 100, -ENOENT, "is no regular file" },
		{ "a link to nowhere", "metadata/link_nowhere", 100, -ENOENT, "is no regular" },
		{ "through a link", "metadata/link_folder/file", 100, -ENOENT, "is no regular" },
		{ "a FIFO that nobody writes", "metadata/fifo", 100, -ENOENT, "is no regular" },
		{ "a socket", "socket", 100, -ENOENT, "is no regular file" },
		{ "upwards", "metadata/../outside", 100, -ENOENT, "is not in the folder" },
		{ "further upwards", "../../etc/passwd", 100, -ENOENT, "is not in the folder" },
		{ "from the root", "/etc/passwd", 100000, -ENOENT, "is not in the folder" },
		{ "in place", "./outside", 100, -ENOENT, "is not in the folder" },
		{ "two slashes", "metadata//empty", 100, -ENOENT, "is not in the folder" },
		{ "the parent", "..", 100, -ENOENT, "is not in the folder" },
		{ "nothing", "", 100, -ENOENT, "is not in the folder" },
		{ "a name that is too long", memset(name_too_long, 'a', 299), 100, -ENOENT,
			"is not in the folder" },
	};
	struct folder *f = *state;
	struct tuf_transport t;
	int fds = count_fds();

	tuf_folder_transport(&f->fd, &t);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct tuf_error e = { 0 };
		size_t n = 0;
		int r = t.fetch(t.context, cases[i].path, cases[i].max, &text, &n, &e);

		if (r != cases[i].want || e.error != r || (r < 0) != !text)
			fail_msg("%s: %d (%s), expected %d", cases[i].name, r, e.text,
				cases[i].want);
		if (r == 0 && (n != strlen(cases[i].text) || strcmp(text, cases[i].text) != 0))
			fail_msg("%s: \"%s\"", cases[i].name, text);
		if (r < 0 && !strstr(e.text, cases[i].text))
			fail_msg("%s: \"%s\", expected \"%s\"", cases[i].name, e.text,
				cases[i].text);
	}
	assert_int_equal(count_fds(), fds);
}

static void test_folder_that_is_gone(void **state)
{
	int none = -1;
	struct tuf_transport t;
	struct tuf_error e = { 0 };
	char *text = NULL;
	size_t n = 0;

	(void) state;
	tuf_folder_transport(&none, &t);
	assert_int_equal(t.fetch(t.context, "a", 10, &text, &n, &e), -EBADF);
	assert_non_null(strstr(e.text, "could not be opened"));
	assert_int_equal(t.fetch(t.context, "a/b", 10, &text, &n, NULL), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoting),
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test(test_folder_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
