/*
 * agent/installed with real inspectors, over made-up roots: from what a policy lists to the files
 * that are taken for it, and to none that merely could be made to look so. The inspector is looked
 * for beside the running program, so this program first copies itself into a folder of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/inspector/packages.h"
#include "agent/installed/path.h"
#include "agent/installed/watch.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"
#include "policy/image/builder.h"

enum { NOBODY = 65534, WAIT_USEC = 20000000 };

static char home[PATH_MAX];      /* the folder of our own */
static char root[PATH_MAX + 64]; /* the root at hand, in it */

/* ---- made-up roots ---- */

static const char *in_root(const char *name)
{
	static char path[3 * PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s%s", root, name);
	return path;
}

static void make_folders(const char *name)
{
	char path[2 * PATH_MAX];

	(void) text_copy(path, sizeof(path), in_root(name));
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void) mkdir(path, 0755);
		*p = '/';
	}
}

static void put(const char *name, const char *text)
{
	_cleanup_fclose_ FILE *f = NULL;

	make_folders(name);
	f = fopen(in_root(name), "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

/* As dpkg does it. */
static void replace(const char *name, const char *text)
{
	char fresh[256], path[2 * PATH_MAX];

	(void) snprintf(fresh, sizeof(fresh), "%s-new", name);
	put(fresh, text);
	(void) text_copy(path, sizeof(path), in_root(name));
	assert_int_equal(rename(in_root(fresh), path), 0);
}

static void put_link(const char *name, const char *target)
{
	make_folders(name);
	assert_int_equal(symlink(target, in_root(name)), 0);
}

static void remove_root(void)
{
	char *arguments[] = { "rm", "-rf", root, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		(void) execvp("rm", arguments);
		_exit(1);
	}
	(void) waitpid(pid, NULL, 0);
}

static int new_root(void **state)
{
	(void) state;
	(void) snprintf(root, sizeof(root), "%s/root", home);
	if (mkdir(root, 0755) < 0)
		return -1;
	put("/etc/os-release", "NAME=x\nID=ubuntu\nID_LIKE=\"debian\"\n");
	return 0;
}

static int end_root(void **state)
{
	(void) state;
	remove_root();
	return 0;
}

/* ---- policies and tables ---- */

struct listed {
	enum package_type type;
	const char *name;
};

static struct policy *make_policy(const struct listed listed[])
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	const struct policy_software software = { .id = "banned", .name = "Banned", .vendor = "" };
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct policy *p = NULL;
	uint32_t s;

	assert_int_equal(builder_new("test", "Test", "", &b), 0);
	assert_int_equal(builder_add_software(b, &software, &s), 0);
	for (; listed->name; listed++)
		assert_int_equal(builder_add_package(b, s, listed->type, listed->name, NULL), 0);
	assert_int_equal(builder_write(b, fd), 0);
	assert_int_equal(policy_open(fd, &p), 0);
	return p;
}

static struct build_options options(void)
{
	const unsigned id = geteuid() == 0 ? NOBODY : (unsigned) -1;

	return (struct build_options){ .root = root, .uid = id, .gid = id };
}

static struct installed *build_for(const struct listed listed[], const char *const homes[])
{
	_cleanup_(policy_unrefp) struct policy *p = make_policy(listed);
	_cleanup_close_ int stop_fd = eventfd(0, EFD_CLOEXEC);
	const struct build_options o = options();
	struct installed *t = NULL;

	assert_in_range(build_table(&o, p, homes, stop_fd, &t), 0, 1);
	return t;
}

/* "NAME VERSION" of the packages that the file @name belongs to, in one line. */
static const char *owners(const struct installed *t, const char *name)
{
	static char text[4096];
	_cleanup_close_ int fd = open(in_root(name), O_RDONLY | O_CLOEXEC);
	struct facts f = { 0 };
	struct stat st;

	text[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0)
		fail_msg("%s is not there", name);
	installed_add_facts(t, fd, st.st_dev, st.st_ino, &f);
	assert_true(facts_valid(&f));
	for (uint32_t i = 0; i < f.n_packages; i++)
		(void) snprintf(strchr(text, '\0'), 512, "%s%s/%s %s", i ? ", " : "",
			metadata_to_string((enum metadata) f.packages[i].told), f.packages[i].name,
			f.packages[i].version);
	return text;
}

static void check_owners(const struct installed *t, const char *name, const char *want)
{
	const char *found = owners(t, name);

	if (strcmp(found, want) != 0)
		fail_msg("%s: is of '%s', expected '%s'", name, found, want);
}

static void check_counts(const struct installed *t, size_t packages, size_t files, size_t notes)
{
	struct installed_counts c;

	installed_counts(t, &c);
	for (size_t i = 0; i < c.n_notes; i++)
		print_message("note: %s\n", installed_note(t, i));
	if (c.n_packages != packages || c.n_files != files || c.n_notes != notes)
		fail_msg("%zu packages, %zu files, %zu notes; expected %zu, %zu, %zu", c.n_packages,
			c.n_files, c.n_notes, packages, files, notes);
}

static void check_note(const struct installed *t, const char *part)
{
	struct installed_counts c;

	installed_counts(t, &c);
	for (size_t i = 0; i < c.n_notes; i++)
		if (strstr(installed_note(t, i), part))
			return;
	fail_msg("nothing was noted about '%s'", part);
}

/* ---- dpkg ---- */

#define STANZA(name, status, version)                                                   \
	"Package: " name "\nStatus: " status "\nArchitecture: amd64\nVersion: " version \
	"\nDescription: short\n long\n .\n Package: fake\n\n"

static void put_transmission(void)
{
	put("/var/lib/dpkg/status",
		STANZA("bash", "install ok installed", "5.2-1")
			STANZA("transmission-cli", "install ok installed", "1:3.00-2+b1"));
	put("/var/lib/dpkg/info/transmission-cli.list",
		"/.\n/usr\n/usr/bin\n/usr/bin/transmission-cli\n/usr/share/doc/transmission-cli\n"
		"/usr/share/doc/transmission-cli/copyright\n/usr/bin/gone\n/usr/bin/linked\n");
	put("/var/lib/dpkg/info/bash.list", "/bin/bash\n");
	put("/usr/bin/transmission-cli", "#!/bin/sh\n");
	put("/usr/bin/bash", "#!/bin/sh\n");
	put("/usr/share/doc/transmission-cli/copyright", "free\n");
	put_link("/bin", "usr/bin");
	put_link("/usr/bin/linked", "bash");
}

static const struct listed transmission[] = { { PACKAGE_DEB, "debian/transmission-cli" }, { 0 } };

static void test_files_of_a_listed_deb(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL;

	(void) state;
	put_transmission();
	t = build_for(transmission, NULL);
	check_counts(t, 1, 2, 0);
	check_owners(t, "/usr/bin/transmission-cli", "dpkg/debian/transmission-cli 1:3.00-2+b1");
	check_owners(t, "/bin/transmission-cli", "dpkg/debian/transmission-cli 1:3.00-2+b1");
	check_owners(t, "/usr/bin/bash", ""); /* a link in the package leads there */
}

static void test_a_diverted_file(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL;

	(void) state;
	put_transmission();
	put("/usr/bin/transmission-cli.distrib", "#!/bin/sh\n");
	put("/var/lib/dpkg/diversions",
		"/usr/bin/other\n/usr/bin/bash\nbash\n"
		"/usr/bin/transmission-cli\n"
		"/usr/bin/transmission-cli.distrib\n:\n"
		"/usr/share/doc/transmission-cli/copyright\n/none\n"
		"transmission-cli\n");
	t = build_for(transmission, NULL);
	check_counts(t, 1, 2, 0);
	check_owners(
		t, "/usr/bin/transmission-cli.distrib", "dpkg/debian/transmission-cli 1:3.00-2+b1");
	check_owners(t, "/usr/bin/transmission-cli", "");
	check_owners(t, "/usr/share/doc/transmission-cli/copyright",
		"dpkg/debian/transmission-cli 1:3.00-2+b1");
}

static void test_what_the_system_is_called(void **state)
{
	static const struct {
		const char *name, *release, *listed, *want;
	} rows[] = {
		{ "the system itself", "ID=debian\n", "debian/x", "dpkg/debian/x 1" },
		{ "what it is like", "ID=mint\nID_LIKE=\"ubuntu debian\"\n", "debian/x",
			"dpkg/debian/x 1" },
		{ "another system", "ID=debian\n", "ubuntu/x", "" },
		{ "no namespace", "ID=debian\n", "x", "dpkg/x 1" },
		{ "capitals in the policy", "ID=debian\n", "Debian/X", "dpkg/Debian/X 1" },
		{ "a name that begins so", "ID=debianish\n", "debian/x", "" },
	};

	(void) state;
	put("/var/lib/dpkg/status", STANZA("x", "install ok installed", "1"));
	put("/var/lib/dpkg/info/x.list", "/x\n");
	put("/x", "x");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct listed listed[] = { { PACKAGE_DEB, rows[i].listed }, { 0 } };
		_cleanup_(installed_unrefp) struct installed *t = NULL;

		put("/etc/os-release", rows[i].release);
		t = build_for(listed, NULL);
		if (strcmp(owners(t, "/x"), rows[i].want) != 0)
			fail_msg("%s: is of '%s'", rows[i].name, owners(t, "/x"));
	}
}

static void test_one_package_under_two_names_and_architectures(void **state)
{
	static const struct listed listed[] = { { PACKAGE_DEB, "debian/lib" },
		{ PACKAGE_DEB, "ubuntu/lib" }, { PACKAGE_DEB, "debian/other" }, { 0 } };
	_cleanup_(installed_unrefp) struct installed *t = NULL;

	(void) state;
	put("/var/lib/dpkg/status",
		"Package: lib\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
		"Package: lib\nStatus: hold ok installed\nArchitecture: i386\nVersion: 2\n");
	put("/var/lib/dpkg/info/lib:amd64.list", "/lib/64\n/lib/both\n");
	put("/var/lib/dpkg/info/lib:i386.list", "/lib/32\n/lib/both\n");
	put("/lib/64", "x");
	put("/lib/32", "x");
	put("/lib/both", "x");
	t = build_for(listed, NULL);
	check_counts(t, 4, 8, 0);
	check_owners(t, "/lib/64", "dpkg/debian/lib 1, dpkg/ubuntu/lib 1");
	check_owners(t, "/lib/32", "dpkg/debian/lib 2, dpkg/ubuntu/lib 2");
	check_owners(t, "/lib/both",
		"dpkg/debian/lib 1, dpkg/ubuntu/lib 1, dpkg/debian/lib 2, dpkg/ubuntu/lib 2");
}

static void test_paths_that_others_could_change(void **state)
{
	static const struct {
		const char *name, *path, *folder; /* which gets... */
		unsigned mode, owner;
		bool found;
	} rows[] = {
		{ "as packages have it", "/opt/x/tool", "/opt/x", 0755, 0, true },
		{ "everybody may write to its folder", "/opt/x/tool", "/opt/x", 0777, 0, false },
		{ "... even if only to what is theirs", "/opt/x/tool", "/opt/x", 01777, 0, false },
		{ "everybody may write to a folder above", "/opt/x/tool", "/opt", 0777, 0, false },
		{ "root's group may write to its folder", "/opt/x/tool", "/opt/x", 0775, 0, true },
		{ "its folder is somebody's", "/opt/x/tool", "/opt/x", 0755, NOBODY, false },
		{ "through a link", "/link/tool", "/opt/x", 0755, 0, true },
		{ "through a link to such a folder", "/link/tool", "/opt/x", 0777, 0, false },
		{ "through an absolute link", "/absolute/tool", "/opt/x", 0755, 0, true },
		{ "through links that go round", "/round/tool", "/opt/x", 0755, 0, false },
		{ "through a link that leaves the root", "/out/tool", "/opt/x", 0755, 0, true },
		{ "through a link of somebody's", "/theirs/tool", "/opt/x", 0755, 0, false },
	};
	const struct listed listed[] = { { PACKAGE_DEB, "debian/x" }, { 0 } };

	(void) state;
	if (geteuid() != 0)
		skip();
	put("/var/lib/dpkg/status", STANZA("x", "install ok installed", "1"));
	put("/opt/x/tool", "x");
	put_link("/link", "opt/../opt/x");
	put_link("/absolute", "/opt/x");
	put_link("/round", "round");
	put_link("/out", "../../../../../../opt/x");
	put_link("/theirs", "opt/x");
	assert_int_equal(lchown(in_root("/theirs"), NOBODY, NOBODY), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(installed_unrefp) struct installed *t = NULL;
		char list[PATH_MAX];

		assert_int_equal(chmod(in_root("/opt"), 0755), 0);
		assert_int_equal(chown(in_root(rows[i].folder), rows[i].owner, 0), 0);
		assert_int_equal(chmod(in_root(rows[i].folder), rows[i].mode), 0);
		(void) snprintf(list, sizeof(list), "%s\n", rows[i].path);
		put("/var/lib/dpkg/info/x.list", list);
		t = build_for(listed, NULL);
		if (!*owners(t, "/opt/x/tool") == rows[i].found)
			fail_msg("%s: is of '%s'", rows[i].name, owners(t, "/opt/x/tool"));
		assert_int_equal(chown(in_root(rows[i].folder), 0, 0), 0);
	}
}

static void test_hostile_lists(void **state)
{
	static const struct {
		const char *name, *list;
	} rows[] = {
		{ "a way up", "/opt/../x\n" },
		{ "a dot", "/./x\n" },
		{ "no absolute path", "x\n" },
		{ "nothing but slashes", "////\n" },
		{ "a folder", "/var\n" },
		{ "a FIFO", "/fifo\n" },
		{ "a file as if it were a folder", "/x/y\n" },
		{ "a blank behind it", "/x \n" },
		{ "empty", "" },
	};
	const struct listed listed[] = { { PACKAGE_DEB, "debian/x" }, { 0 } };

	(void) state;
	put("/var/lib/dpkg/status", STANZA("x", "install ok installed", "1"));
	put("/x", "x");
	assert_int_equal(mkfifo(in_root("/fifo"), 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(installed_unrefp) struct installed *t = NULL;

		put("/var/lib/dpkg/info/x.list", rows[i].list);
		t = build_for(listed, NULL);
		if (*owners(t, "/x"))
			fail_msg("%s: is of '%s'", rows[i].name, owners(t, "/x"));
		check_counts(t, 1, 0, 0);
	}
}

static void test_more_files_than_the_limit(void **state)
{
	const struct listed listed[] = { { PACKAGE_DEB, "debian/x" }, { PACKAGE_DEB, "debian/y" },
		{ 0 } };
	_cleanup_(installed_unrefp) struct installed *t = NULL, *u = NULL;
	_cleanup_free_ char *list = malloc(PACKAGES_FILES_MAX * 3 + 64);
	char *p = list;

	(void) state;
	assert_non_null(list);
	for (int i = 0; i < PACKAGES_FILES_MAX - 1; i++)
		p = stpcpy(p, "/z\n");
	(void) stpcpy(p, "/x\n");
	put("/var/lib/dpkg/status",
		STANZA("x", "install ok installed", "1") STANZA("y", "install ok installed", "2"));
	put("/var/lib/dpkg/info/x.list", list);
	put("/var/lib/dpkg/info/y.list", "/x\n");
	put("/x", "x");
	t = build_for(listed, NULL);
	check_counts(t, 2, 2, 0);
	(void) stpcpy(p, "/z\n/x\n");
	put("/var/lib/dpkg/info/x.list", list);
	u = build_for(listed, NULL);
	check_counts(u, 2, 1, 1);
	check_note(u, "PACKAGES_FILES_MAX");
	check_owners(u, "/x", "dpkg/debian/y 2");
}

static void test_databases_that_cannot_be_read(void **state)
{
	_cleanup_(installed_unrefp) struct installed *missing = NULL, *writable = NULL,
						     *large = NULL, *unlisted = NULL, *fifo = NULL;

	(void) state;
	missing = build_for(transmission, NULL);
	check_counts(missing, 0, 0, 0); /* a system without dpkg */
	put_transmission();
	assert_int_equal(chmod(in_root("/var/lib/dpkg/status"), 0666), 0);
	writable = build_for(transmission, NULL);
	check_counts(writable, 0, 0, 1);
	check_note(writable, "others than root could change it");

	assert_int_equal(unlink(in_root("/var/lib/dpkg/info/transmission-cli.list")), 0);
	assert_int_equal(chmod(in_root("/var/lib/dpkg/status"), 0644), 0);
	unlisted = build_for(transmission, NULL);
	check_counts(unlisted, 1, 0, 1);
	check_note(unlisted, "transmission-cli.list cannot be read");

	assert_int_equal(
		truncate(in_root("/var/lib/dpkg/status"), (off_t) PACKAGES_DATABASE_MAX + 1), 0);
	large = build_for(transmission, NULL);
	check_note(large, "is too large to be read");

	assert_int_equal(unlink(in_root("/var/lib/dpkg/status")), 0);
	assert_int_equal(mkfifo(in_root("/var/lib/dpkg/status"), 0644), 0);
	fifo = build_for(transmission, NULL);
	check_counts(fifo, 0, 0, 1);
}

/* An inode number whose file is gone may be another file's. */
static void test_another_file_with_the_same_number(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL;
	struct package found;
	struct installed_file file;
	struct statx st;
	struct stat plain;

	(void) state;
	put_transmission();
	t = build_for(transmission, NULL);
	assert_int_equal(stat(in_root("/usr/bin/transmission-cli"), &plain), 0);
	assert_int_equal(
		statx(AT_FDCWD, in_root("/usr/bin/transmission-cli"), 0, STATX_BTIME, &st), 0);
	if (!(st.stx_mask & STATX_BTIME))
		skip();
	file = (struct installed_file){ plain.st_dev, plain.st_ino,
		st.stx_btime.tv_sec * NSEC_PER_SEC + st.stx_btime.tv_nsec };
	assert_int_equal(installed_find(t, &file, &found, 1), 1);
	file.born_nsec++;
	assert_int_equal(installed_find(t, &file, &found, 1), 0);
	file.born_nsec--;
	file.device++;
	assert_int_equal(installed_find(t, &file, &found, 1), 0);
	file.device--;
	file.inode++;
	assert_int_equal(installed_find(t, &file, &found, 1), 0);
}

/* ---- rpm ---- */

static const struct listed torrentbox[] = { { PACKAGE_RPM, "fedora/torrentbox" }, { 0 } };

static bool run(const char *command)
{
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

/* Builds a package with rpmbuild and installs it with rpm, into the root at hand. */
static bool install_rpm(void)
{
	static const char spec[] =
		"Name: torrentbox\nVersion: 1.2\nRelease: 3.fc40\nEpoch: 2\nSummary: x\n"
		"License: x\nBuildArch: noarch\n%description\nx\n%install\n"
		"mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/torrentbox\n"
		"echo '#!/bin/sh' >%{buildroot}/usr/bin/torrentbox\n"
		"echo data >%{buildroot}/usr/share/torrentbox/data\n"
		"ln -s torrentbox %{buildroot}/usr/bin/tb\n"
		"%files\n/usr/bin/torrentbox\n/usr/bin/tb\n/usr/share/torrentbox\n";
	char command[8 * PATH_MAX];

	put("/top/spec", spec);
	(void) snprintf(command, sizeof(command),
		"{ rpmbuild -bb --quiet --define '_topdir %s/top' --define '_build_id_links none' "
		"%s/top/spec && rpm --root %s --define '_db_backend sqlite' --define '_dbpath "
		"/var/lib/rpm' -i --nodeps --noscripts %s/top/RPMS/noarch/*.rpm; } >/dev/null 2>&1",
		root, root, root, root);
	return geteuid() == 0 && run("command -v rpmbuild >/dev/null") && run(command);
}

static void test_files_of_a_listed_rpm(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL;

	(void) state;
	put("/etc/os-release", "ID=\"nobara\"\nID_LIKE='fedora'\n");
	if (!install_rpm())
		skip(); /* needs root and rpmbuild */
	put("/usr/bin/other", "#!/bin/sh\n");
	t = build_for(torrentbox, NULL);
	check_counts(t, 1, 2, 0);
	check_owners(t, "/usr/bin/torrentbox", "rpm/fedora/torrentbox 2:1.2-3.fc40");
	check_owners(t, "/usr/bin/tb", "rpm/fedora/torrentbox 2:1.2-3.fc40");
	check_owners(t, "/usr/share/torrentbox/data", "rpm/fedora/torrentbox 2:1.2-3.fc40");
	check_owners(t, "/usr/bin/other", "");
}

static void test_rpm_databases_that_cannot_be_read(void **state)
{
	_cleanup_(installed_unrefp) struct installed *old = NULL, *damaged = NULL, *cut = NULL;

	(void) state;
	put("/etc/os-release", "ID=fedora\n");
	put("/var/lib/rpm/Packages", "x");
	old = build_for(torrentbox, NULL);
	check_counts(old, 0, 0, 1);
	check_note(old, "/var/lib/rpm/Packages is a database of a kind that is not supported");
	put("/var/lib/rpm/rpmdb.sqlite", "x");
	damaged = build_for(torrentbox, NULL);
	check_counts(damaged, 0, 0, 1);
	check_note(damaged, "/var/lib/rpm/rpmdb.sqlite is damaged");
	if (!install_rpm())
		return;
	assert_int_equal(truncate(in_root("/var/lib/rpm/rpmdb.sqlite"), 8192), 0);
	cut = build_for(torrentbox, NULL);
	check_counts(cut, 0, 0, 1);
}

/* ---- flatpak and snap ---- */

static void put_program(const char *name, unsigned owner, unsigned mode)
{
	put(name, "#!/bin/sh\n");
	assert_int_equal(chown(in_root(name), owner, owner), 0);
	assert_int_equal(chmod(in_root(name), mode), 0);
}

#define APP "app/org.example.Torrents/x86_64/stable/0123/files/"

static const struct listed apps[] = { { PACKAGE_GENERIC, "flatpak/org.example.Torrents" },
	{ PACKAGE_GENERIC, "snap/torrents" }, { PACKAGE_GENERIC, "flatpak/.." },
	{ PACKAGE_GENERIC, "snap/." }, { PACKAGE_GENERIC, "appimage/torrents" }, { 0 } };

static void test_files_of_a_flatpak(void **state)
{
	static const char *const homes[] = { "/home/alice", "/root", "/nowhere", NULL };
	const char *const app = "flatpak/flatpak/org.example.Torrents ";
	_cleanup_(installed_unrefp) struct installed *t = NULL;
	char to[3 * PATH_MAX];

	(void) state;
	if (geteuid() != 0)
		skip();
	put_program("/var/lib/flatpak/" APP "bin/torrents", 0, 0755);
	put_program("/var/lib/flatpak/" APP "share/text", 0, 0644);
	put_program("/var/lib/flatpak/app/org.example.Other/files/bin/other", 0, 0755);
	put_program("/home/alice/.local/share/flatpak/" APP "bin/torrents", NOBODY, 0755);
	put_program("/root/.local/share/flatpak/" APP "bin/torrents", 0, 0755);
	put_program("/usr/bin/innocent", 0, 0755);
	assert_int_equal(chown(in_root("/home/alice"), NOBODY, NOBODY), 0);
	(void) text_copy(
		to, sizeof(to), in_root("/home/alice/.local/share/flatpak/" APP "bin/linked"));
	assert_int_equal(link(in_root("/usr/bin/innocent"), to), 0);
	put_link("/home/alice/.local/share/flatpak/" APP "bin/folder", "/usr/bin");
	t = build_for(apps, homes);
	check_counts(t, 1, 3, 0);
	check_owners(t, "/var/lib/flatpak/" APP "bin/torrents", app);
	check_owners(t, "/var/lib/flatpak/" APP "share/text", "");
	check_owners(t, "/var/lib/flatpak/app/org.example.Other/files/bin/other", "");
	check_owners(t, "/home/alice/.local/share/flatpak/" APP "bin/torrents", app);
	check_owners(t, "/root/.local/share/flatpak/" APP "bin/torrents", app);
	check_owners(t, "/usr/bin/innocent", "");
}

static void test_files_of_a_snap(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL;

	(void) state;
	if (geteuid() != 0)
		skip();
	put_program("/snap/torrents/12/usr/bin/torrents", 0, 0755);
	put_program("/snap/torrents/12/lib/x.py", 0, 0644);
	put_program("/snap/torrents/13/usr/bin/torrents", 0, 0755);
	put_program("/snap/other/1/bin/other", 0, 0755);
	put_link("/snap/torrents/current", "13");
	t = build_for(apps, NULL);
	check_counts(t, 1, 3, 0);
	check_owners(t, "/snap/torrents/12/usr/bin/torrents", "snap.yaml/snap/torrents ");
	check_owners(t, "/snap/torrents/12/lib/x.py", "snap.yaml/snap/torrents ");
	check_owners(t, "/snap/torrents/13/usr/bin/torrents", "snap.yaml/snap/torrents ");
	check_owners(t, "/snap/other/1/bin/other", "");
}

static void test_apps_that_are_too_deep(void **state)
{
	_cleanup_(installed_unrefp) struct installed *t = NULL, *u = NULL;
	char path[PATH_MAX], *p = stpcpy(path, "/snap/torrents/1");

	(void) state;
	if (geteuid() != 0)
		skip();
	for (int i = 0; i < APPS_DEPTH_MAX; i++)
		p = stpcpy(p, "/d");
	(void) stpcpy(p, "/x");
	put_program(path, 0, 0755);
	t = build_for(apps, NULL);
	check_counts(t, 1, 1, 0);
	(void) stpcpy(p, "/d/x");
	put_program(path, 0, 0755);
	u = build_for(apps, NULL);
	check_note(u, "APPS_DEPTH_MAX");
}

/* ---- an inspector that lies ---- */

static void choose_inspector(const char *file, const char *scenario)
{
	_cleanup_fclose_ FILE *f = NULL;
	char from[2 * PATH_MAX], to[2 * PATH_MAX];

	(void) snprintf(from, sizeof(from), "%s/%s", home, file);
	(void) snprintf(to, sizeof(to), "%s/proscribe-inspector", home);
	(void) unlink(to);
	assert_int_equal(link(from, to), 0);
	(void) snprintf(to, sizeof(to), "%s/scenario", home);
	f = fopen(to, "we");
	assert_non_null(f);
	assert_true(fputs(scenario, f) >= 0);
}

static void test_an_inspector_that_lies(void **state)
{
	static const struct {
		const char *scenario;
		const char *owner;
		bool noted;
	} rows[] = {
		{ "the truth", "dpkg/debian/x 1", false },
		{ "a path with a way up", "", false }, /* passed over, as in an honest list */
		{ "a path that is not absolute", "", false },
		{ "a path of another kind of record", "", true },
		{ "a record of no kind", "", true },
		{ "an empty record", "", true },
		{ "a record without an end", "", true },
		{ "more than fits", "", true },
		{ "another question", "", true },
		{ "a positive error", "", true },
		{ "an error that is not the last word", "", true },
		{ "nothing, and more to come", "", true },
		{ "a package nobody asked for", "", true },
		{ "a version of nothing", "", true },
		{ "a name with a slash", "", true },
		{ "records without end", "", true },
		{ "ends", "", true },
	};
	const struct listed listed[] = { { PACKAGE_DEB, "debian/x" }, { 0 } };

	(void) state;
	put("/var/lib/dpkg/status", STANZA("x", "install ok installed", "1"));
	put("/var/lib/dpkg/info/x.list", "/x\n");
	put("/x", "x");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(installed_unrefp) struct installed *t = NULL;
		struct installed_counts c;

		choose_inspector("liar", rows[i].scenario);
		t = build_for(listed, NULL);
		installed_counts(t, &c);
		if (strcmp(owners(t, "/x"), rows[i].owner) != 0 || (c.n_notes > 0) != rows[i].noted)
			fail_msg("%s: is of '%s', %zu notes", rows[i].scenario, owners(t, "/x"),
				c.n_notes);
	}
	choose_inspector("real", "");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none was left behind */
}

/* ---- the watch ---- */

static int wait_for_change(int changed_fd, int timeout_msec)
{
	struct pollfd fd = { .fd = changed_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&fd, 1, timeout_msec) != 1)
		return -ETIMEDOUT;
	return read(changed_fd, &count, sizeof(count)) == sizeof(count) ? 0 : -EIO;
}

static void test_the_table_follows_policy_and_packages(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = make_policy(transmission);
	_cleanup_(policy_unrefp) struct policy *none = make_policy(
		(struct listed[]){ { PACKAGE_NPM, "transmission-cli" }, { 0 } });
	_cleanup_(installed_watch_stopp) struct installed_watch *w = NULL;
	_cleanup_(installed_unrefp) struct installed *first = NULL, *second = NULL, *third = NULL;
	_cleanup_close_ int changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct installed_watch_options o = { .build = options(), .changed_fd = changed_fd };

	(void) state;
	put_transmission();
	assert_int_equal(installed_watch_start(&o, &w), 0);
	assert_null(installed_watch_table(w));
	assert_int_equal(installed_watch_set_policy(w, none, WAIT_USEC), 0);
	assert_null(installed_watch_table(w));
	assert_int_equal(installed_watch_set_policy(w, p, WAIT_USEC), 0);
	assert_int_equal(wait_for_change(changed_fd, WAIT_USEC / 1000), 0);
	first = installed_watch_table(w);
	check_counts(first, 1, 2, 0);

	/* Upgraded: dpkg replaces the file, then the list, then the status. */
	replace("/usr/bin/transmission-cli", "#!/bin/sh\n# new\n");
	check_owners(first, "/usr/bin/transmission-cli", "");
	replace("/var/lib/dpkg/status",
		STANZA("transmission-cli", "install ok installed", "1:4.0-1"));
	assert_int_equal(wait_for_change(changed_fd, WAIT_USEC / 1000), 0);
	second = installed_watch_table(w);
	check_owners(second, "/usr/bin/transmission-cli", "dpkg/debian/transmission-cli 1:4.0-1");

	/* What changes nothing tells nobody. */
	replace("/var/lib/dpkg/status",
		STANZA("transmission-cli", "install ok installed", "1:4.0-1"));
	assert_int_equal(wait_for_change(changed_fd, 2500), -ETIMEDOUT);

	replace("/var/lib/dpkg/status",
		STANZA("transmission-cli", "deinstall ok config-files", "1:4.0-1"));
	assert_int_equal(wait_for_change(changed_fd, WAIT_USEC / 1000), 0);
	third = installed_watch_table(w);
	check_counts(third, 0, 0, 0);
	assert_int_equal(installed_watch_set_policy(w, p, WAIT_USEC), 0);
	assert_int_equal(installed_watch_set_policy(w, NULL, WAIT_USEC), 0);
}

static void test_it_ends_while_an_inspector_hangs(void **state)
{
	_cleanup_(policy_unrefp) struct policy *p = make_policy(transmission);
	_cleanup_close_ int changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct installed_watch_options o = { .build = options(), .changed_fd = changed_fd };
	struct installed_watch *w = NULL;
	uint64_t begin;

	(void) state;
	put_transmission();
	/* As large as it may be: all of it is read before an answer comes. */
	assert_int_equal(
		truncate(in_root("/var/lib/dpkg/status"), (off_t) PACKAGES_DATABASE_MAX), 0);
	assert_int_equal(installed_watch_start(&o, &w), 0);
	assert_in_range(installed_watch_set_policy(w, p, 0), 0, 1);
	begin = clock_boot_usec();
	assert_null(installed_watch_stop(w));
	assert_in_range(clock_boot_usec() - begin, 0, 5000000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no inspector was left */
}

/* ---- the folder of our own ---- */

static void copy(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	char path[2 * PATH_MAX];
	ssize_t n;

	(void) snprintf(path, sizeof(path), "%s/%s", home, to);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	assert_int_equal(n, 0);
}

/* Runs a copy of this program in the folder and tidies up behind it. */
static int run_at_home(void)
{
	char self[PATH_MAX] = "", path[2 * PATH_MAX], *arguments[] = { path, home, NULL };
	int status = -1;
	pid_t pid;

	(void) text_copy(home, sizeof(home), "/tmp/proscribe-installed.XXXXXX");
	if (!mkdtemp(home) || readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return 1;
	copy(self, "test_installed");
	(void) dirname(self);
	(void) snprintf(path, sizeof(path), "%s/../../proscribe-inspector", self);
	copy(path, "real");
	copy(path, "proscribe-inspector");
	(void) snprintf(path, sizeof(path), "%s/tool_packages_liar", self);
	copy(path, "liar");
	(void) snprintf(path, sizeof(path), "%s/test_installed", home);
	(void) chmod(home, 0755);
	pid = fork();
	if (pid == 0) {
		(void) execv(path, arguments);
		_exit(1);
	}
	(void) waitpid(pid, &status, 0);
	(void) text_copy(root, sizeof(root), home);
	remove_root();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, new_root, end_root)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(test_files_of_a_listed_deb),
		WITH_ROOT(test_a_diverted_file),
		WITH_ROOT(test_what_the_system_is_called),
		WITH_ROOT(test_one_package_under_two_names_and_architectures),
		WITH_ROOT(test_paths_that_others_could_change),
		WITH_ROOT(test_hostile_lists),
		WITH_ROOT(test_more_files_than_the_limit),
		WITH_ROOT(test_databases_that_cannot_be_read),
		WITH_ROOT(test_another_file_with_the_same_number),
		WITH_ROOT(test_files_of_a_listed_rpm),
		WITH_ROOT(test_rpm_databases_that_cannot_be_read),
		WITH_ROOT(test_files_of_a_flatpak),
		WITH_ROOT(test_files_of_a_snap),
		WITH_ROOT(test_apps_that_are_too_deep),
		WITH_ROOT(test_an_inspector_that_lies),
		WITH_ROOT(test_the_table_follows_policy_and_packages),
		WITH_ROOT(test_it_ends_while_an_inspector_hangs),
	};

	if (argc < 2)
		return run_at_home();
	(void) umask(022);
	(void) text_copy(home, sizeof(home), argv[1]);
	return cmocka_run_group_tests_name("installed", tests, NULL, NULL);
}
