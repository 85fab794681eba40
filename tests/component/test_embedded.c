/*
 * A real inspector, in its sandbox, with images and archives that are large, packed in every way,
 * or made to hurt: it answers each, and the same process answers the next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/inspector/archive_package.h"
#include "agent/inspector/message.h"
#include "agent/inspector/squash.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"
#include "tests/support/seed_elf.h"
#include "tests/support/seed_squash.h"

enum { NOBODY = 65534, MIB = 1 << 20, ANSWER_USEC_MAX = 20 * USEC_PER_SEC };

static char home[] = "/tmp/proscribe-embedded.XXXXXX";
static int inspector = -1;
static pid_t inspector_pid;

/* ---- the inspector ---- */

static void run_inspector(int fd)
{
	char path[PATH_MAX] = "", program[PATH_MAX + 64], id[16];

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		_exit(1);
	(void) snprintf(program, sizeof(program), "%s/../../proscribe-inspector", dirname(path));
	(void) snprintf(id, sizeof(id), "%d", NOBODY);
	if (dup2(fd, SPAWN_FIRST_FD) < 0)
		_exit(1);
	if (geteuid() == 0)
		(void) execl(program, "proscribe-inspector", id, id, (char *) NULL);
	else
		(void) execl(program, "proscribe-inspector", (char *) NULL);
	_exit(1);
}

static void receive(enum message_state state, union message *ret)
{
	int fds[MESSAGE_FDS_MAX];
	size_t n;

	assert_int_equal(
		message_receive(inspector, MESSAGE_FROM_INSPECTOR, state, ret, fds, &n), 0);
}

static int start(void **state)
{
	union message m;
	int pair[2];

	(void) state;
	assert_non_null(mkdtemp(home));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	inspector_pid = fork();
	if (inspector_pid == 0)
		run_inspector(pair[1]);
	assert_true(inspector_pid > 0);
	(void) close(pair[1]);
	inspector = pair[0];
	receive(MESSAGE_STARTING, &m);
	return 0;
}

static int stop(void **state)
{
	char command[128];
	int status;

	(void) state;
	if (waitpid(inspector_pid, &status, WNOHANG) != 0)
		fail_msg("the inspector ended with wait status %#x", status);
	(void) close(inspector);
	assert_int_equal(waitpid(inspector_pid, &status, 0), inspector_pid);
	(void) snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

/* The facts of @fd, which the one inspector answers in time. */
static struct facts inspect(const char *name, int fd)
{
	static uint64_t id;
	union message m = { .inspect = { .type = MESSAGE_INSPECT } };
	const uint64_t start_usec = clock_boot_usec();
	uint64_t usec;

	m.inspect.id = ++id;
	assert_int_equal(message_send(inspector, &m, &fd, 1), 0);
	receive(MESSAGE_BUSY, &m);
	usec = clock_boot_usec() - start_usec;
	if (m.facts.id != id || m.facts.error != 0 || !facts_valid(&m.facts.facts))
		fail_msg("%s: error %d", name, m.facts.error);
	print_message("%s: %llu ms\n", name, (unsigned long long) (usec / USEC_PER_MSEC));
	if (usec > ANSWER_USEC_MAX)
		fail_msg("%s: took %llu usec", name, (unsigned long long) usec);
	return m.facts.facts;
}

static struct facts inspect_bytes(const char *name, const uint8_t *bytes, size_t n)
{
	_cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);

	for (size_t at = 0; at < n;) {
		ssize_t r = write(fd, bytes + at, n - at);

		assert_true(r > 0);
		at += (size_t) r;
	}
	return inspect(name, fd);
}

static void expect(const char *name, const struct facts *f, enum file_class class, bool refused,
	const char *package, const char *version)
{
	const struct package none = { 0 }, *p = f->n_packages > 0 ? &f->packages[0] : &none;

	if (f->class != class || !!(f->have & FACTS_PAYLOAD_REFUSED) != refused ||
		strcmp(p->name, package) != 0 || strcmp(p->version, version) != 0)
		fail_msg("%s: %s, %s, %s %s", name,
			file_class_to_string((enum file_class) f->class),
			f->have & FACTS_PAYLOAD_REFUSED ? "refused" : "not refused", p->name,
			p->version);
}

/* ---- AppImages as mksquashfs makes them ---- */

static void run_shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static bool have_mksquashfs(void)
{
	return system("mksquashfs -version >/dev/null 2>&1") == 0;
}

/* A program with home/NAME.squashfs behind it. */
static struct facts inspect_appimage(const char *name)
{
	_cleanup_close_ int fd = memfd_create("appimage", MFD_CLOEXEC), image = -1;
	char path[PATH_MAX];
	struct seed_elf e;
	struct stat st;

	(void) snprintf(path, sizeof(path), "%s/%s.squashfs", home, name);
	image = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(image, &st), 0);
	seed_elf_init(&e);
	seed_elf_end(&e);
	((Elf64_Ehdr *) e.bytes)->e_shoff = e.n;
	assert_int_equal(write(fd, e.bytes, e.n), (ssize_t) e.n);
	seed_elf_done(&e);
	assert_int_equal(sendfile(fd, image, NULL, (size_t) st.st_size), st.st_size);
	return inspect(name, fd);
}

static void make_tree(void)
{
	char command[1024];

	(void) snprintf(command, sizeof(command),
		"cd %s && mkdir -p tree/usr/share/applications tree/usr/bin tree/zlib && "
		"printf '[Desktop Entry]\\nName=Sample Editor\\nX-AppImage-Version=1.2.3\\n' "
		">tree/usr/share/applications/a.desktop && "
		"ln -s usr/share/applications/a.desktop tree/a.desktop && "
		"cp -L /bin/sh /bin/ls tree/usr/bin/ && "
		"(cd tree/zlib && seq 1000 | split -a 4 -l 1)",
		home);
	run_shell(command);
}

static void test_every_compressor(void **state)
{
	static const struct {
		const char *name, *options;
		bool known;
	} cases[] = {
		{ "gzip", "-comp gzip", true },
		{ "gzip, smallest blocks", "-comp gzip -b 4K", true },
		{ "gzip, largest blocks", "-comp gzip -b 1M", true },
		{ "xz", "-comp xz", true },
		{ "xz, largest blocks and dictionary", "-comp xz -b 1M -Xdict-size 100% -Xbcj x86",
			true },
		{ "zstd", "-comp zstd -b 1M -Xcompression-level 22", true },
		{ "lz4", "-comp lz4 -Xhc -b 1M", true },
		{ "lzma", "-comp lzma -b 1M", true },
		{ "nothing packed", "-noI -noD -noF -noX", true },
		{ "no fragments", "-no-fragments", true },
		{ "always fragments", "-always-use-fragments", true },
		{ "lzo", "-comp lzo", false },
	};
	char command[1024];

	(void) state;
	if (!have_mksquashfs()) {
		print_message("no mksquashfs here\n");
		skip();
	}
	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct facts f;

		(void) snprintf(command, sizeof(command),
			"cd %s && rm -f x.squashfs && "
			"mksquashfs tree x.squashfs %s -no-progress -all-root >/dev/null 2>&1",
			home, cases[i].options);
		run_shell(command);
		f = inspect_appimage("x");
		expect(cases[i].name, &f, FILE_CLASS_APPIMAGE, !cases[i].known,
			cases[i].known ? "appimage/Sample Editor" : "",
			cases[i].known ? "1.2.3" : "");
	}
}

static void test_images_past_their_limits(void **state)
{
	char command[1024];
	struct facts f;

	(void) state;
	if (!have_mksquashfs()) {
		print_message("no mksquashfs here\n");
		skip();
	}
	(void) snprintf(command, sizeof(command),
		"cd %s && rm -rf many deep && mkdir many deep && "
		"awk 'BEGIN { for (i = 0; i < 330; i++) { print i \" d 755 0 0\"; "
		"for (j = 0; j < 300; j++) print i \"/\" j \" d 755 0 0\" } }' >list && "
		"(cd deep && mkdir -p $(printf 'd/%%.0s' $(seq %d))) && "
		"mksquashfs many many.squashfs -pf list -no-progress >/dev/null 2>&1 && "
		"mksquashfs deep deep.squashfs -no-progress >/dev/null 2>&1",
		home, 10 * SQUASH_DEPTH_MAX);
	run_shell(command);
	f = inspect_appimage("many");
	expect("99,330 folders", &f, FILE_CLASS_APPIMAGE, true, "", "");
	f = inspect_appimage("deep");
	expect("640 folders deep", &f, FILE_CLASS_APPIMAGE, true, "", "");
}

/* ---- bombs ---- */

/* Deflated zeros: @n pieces of a megabyte, each of which begins anew, so that all are the same. */
static void add_zeros(struct seed_zip *z, const char *name, size_t n)
{
	static uint8_t zeros[MIB], piece[64 << 10];
	z_stream s = { .next_in = zeros,
		.avail_in = sizeof(zeros),
		.next_out = piece,
		.avail_out = sizeof(piece) };
	struct seed_entry e = { .name = name, .size = UINT32_MAX - 1 };
	uint8_t *packed = NULL;

	assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&s, Z_FULL_FLUSH), Z_OK);
	(void) deflateEnd(&s);
	for (size_t i = 0; i < n; i++)
		seed_put(&packed, &e.n, piece, s.total_out);
	seed_put(&packed, &e.n, "\3\0", 2);
	e.data = packed;
	seed_zip_entry(z, &e);
	z->directory[z->n_directory - strlen(name) - 36] = ZIP_DEFLATED;
	free(packed);
}

static const char pom[] = "META-INF/maven/g/a/pom.properties";

static void test_zip_bombs(void **state)
{
	struct seed_zip z = { 0 }, outer = { 0 };
	struct facts f;

	(void) state;
	add_zeros(&z, pom, 10240);
	seed_zip_end(&z);
	f = inspect_bytes("10 GiB of zeros", z.bytes, z.n);
	expect("10 GiB of zeros", &f, FILE_CLASS_ZIP, true, "", "");

	/* as 42.zip: archives of archives, each sixteen times */
	for (int depth = 0; depth < 4; depth++) {
		for (int i = 0; i < 16; i++) {
			char name[32];

			(void) snprintf(name, sizeof(name), "lib %d.zip", i);
			seed_zip_add(&outer, name, z.bytes, z.n, ZIP_DEFLATED);
		}
		seed_zip_done(&z);
		seed_zip_end(&outer);
		z = outer;
		outer = (struct seed_zip){ 0 };
	}
	f = inspect_bytes("archives of archives", z.bytes, z.n);
	expect("archives of archives", &f, FILE_CLASS_ZIP, false, "", "");
	seed_zip_done(&z);
}

/* Each entry is all entries behind it, down to the kernel of zeros. */
static void test_overlapping_entries(void **state)
{
	struct seed_zip z = { 0 };
	struct facts f;
	size_t n;

	(void) state;
	add_zeros(&z, "kernel", 20);
	n = z.n - 30 - 6;
	for (int i = 0; i < ARCHIVE_METADATA_ENTRIES_MAX; i++) {
		char name[64];

		(void) snprintf(name, sizeof(name), "META-INF/maven/g/%02d/pom.properties", i);
		seed_zip_entry(&z,
			&(struct seed_entry){
				.name = name, .data = "", .packed = (uint32_t) n, .header = 1 });
		z.directory[z.n_directory - strlen(name) - 36] = ZIP_DEFLATED;
	}
	seed_zip_end(&z);
	f = inspect_bytes("overlapping entries", z.bytes, z.n);
	expect("overlapping entries", &f, FILE_CLASS_ZIP, true, "", "");
	seed_zip_done(&z);
}

/* The first entry's bytes are the whole file, itself included. */
static void test_archive_that_holds_itself(void **state)
{
	struct seed_zip z = { 0 };
	struct facts f;

	(void) state;
	seed_zip_add_text(&z, "node_modules/a/package.json", "{\"name\":\"a\",\"version\":\"1\"}");
	seed_zip_entry(&z,
		&(struct seed_entry){ .name = "self.zip", .data = "", .header = 1, .packed = 300 });
	seed_zip_end(&z);
	f = inspect_bytes("archive that holds itself", z.bytes, z.n);
	expect("archive that holds itself", &f, FILE_CLASS_ZIP, false, "a", "1");
	seed_zip_done(&z);
}

static void test_cargo_bomb(void **state)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, 64 * MIB), *list = NULL;
	struct seed_elf e;
	struct facts f;
	size_t n = 0;

	(void) state;
	assert_non_null(zeros);
	memset(zeros, '[', 64 * MIB);
	seed_cargo(&list, &n, zeros, 64 * MIB);
	seed_elf_init(&e);
	seed_elf_section(&e, ".dep-v0", list, n);
	seed_elf_end(&e);
	f = inspect_bytes("64 MiB of brackets", e.bytes, e.n);
	expect("64 MiB of brackets", &f, FILE_CLASS_ELF, true, "", "");
	seed_elf_done(&e);
}

/* A terabyte, with a program at one end and an archive at the other. */
static void test_sparse_terabyte(void **state)
{
	_cleanup_close_ int fd = memfd_create("sparse", MFD_CLOEXEC);
	const off_t far = (off_t) 1 << 40;
	struct seed_zip z = { 0 };
	struct seed_elf e;
	struct facts f;

	(void) state;
	seed_elf_init(&e);
	seed_elf_segment(&e, PT_NOTE, PF_R, "", 0);
	e.segments[0].p_filesz = (uint64_t) far;
	seed_elf_segment(&e, PT_LOAD, PF_R | PF_W, "", 0);
	e.segments[1].p_filesz = (uint64_t) far;
	seed_elf_end(&e);
	assert_int_equal(pwrite(fd, e.bytes, e.n, 0), (ssize_t) e.n);
	assert_int_equal(ftruncate(fd, far), 0);
	f = inspect("program of a terabyte", fd);
	expect("program of a terabyte", &f, FILE_CLASS_ELF, false, "", "");
	seed_elf_done(&e);

	seed_zip_add_text(&z, "node_modules/a/package.json", "{\"name\":\"a\",\"version\":\"1\"}");
	seed_zip_end(&z);
	assert_int_equal(pwrite(fd, z.bytes, z.n, far), (ssize_t) z.n);
	assert_int_equal(pwrite(fd, "PK\3\4", 4, 0), 4);
	f = inspect("archive behind a terabyte", fd);
	expect("archive behind a terabyte", &f, FILE_CLASS_ZIP, false, "a", "1");
	seed_zip_done(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_compressor),
		cmocka_unit_test(test_images_past_their_limits),
		cmocka_unit_test(test_zip_bombs),
		cmocka_unit_test(test_overlapping_entries),
		cmocka_unit_test(test_archive_that_holds_itself),
		cmocka_unit_test(test_cargo_bomb),
		cmocka_unit_test(test_sparse_terabyte),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
