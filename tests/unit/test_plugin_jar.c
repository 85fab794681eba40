/* What the jars in a JetBrains plugin's lib/ say: honest ones, broken ones, and those of its
 * libraries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/inspector/evidence.h"
#include "agent/inspector/plugin_jar.h"
#include "policy/base/cleanup.h"
#include "tests/support/seed_zip.h"

#define XML(text)  "<?xml version=\"1.0\"?><!-- <id>no</id> --><idea-plugin>" text "</idea-plugin>"
#define ID(id)     "<id>" id "</id>"
#define VERSION(v) "<version>" v "</version>"

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("jar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t) n);
	return fd;
}

/* A jar with @xml (NULL: none) between entries of other kinds. */
static int jar_of(const char *xml)
{
	struct seed_zip z = { 0 };
	int fd;

	seed_zip_add_text(&z, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n");
	seed_zip_add_text(&z, "META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\n");
	if (xml)
		seed_zip_add_text(&z, "META-INF/plugin.xml", xml);
	seed_zip_add_text(&z, "a/META-INF/plugin.xml", XML(ID("other")));
	seed_zip_end(&z);
	fd = file_of(z.bytes, z.n);
	seed_zip_done(&z);
	return fd;
}

static void test_table(void **state)
{
	static const struct {
		const char *name, *xml;
		int want;
		const char *package, *version;
	} rows[] = {
		{ "id and version", XML(ID("com.anthropic.code.plugin") VERSION("0.1.14-beta")), 1,
			"jetbrains/com.anthropic.code.plugin", "0.1.14-beta" },
		{ "no version", XML(ID("a.b")), 1, "jetbrains/a.b", "" },
		{ "a name in place of the id", XML("<name> Claude Code </name>" VERSION("1")), 1,
			"jetbrains/Claude Code", "1" },
		{ "ids of what it depends on", XML("<depends><id>x</id></depends>" ID("a")), 1,
			"jetbrains/a", "" },
		{ "neither id nor name", XML(VERSION("1")), 0, NULL, NULL },
		{ "another document", "<project><id>a</id></project>", 0, NULL, NULL },
		{ "nothing", "", 0, NULL, NULL },
		{ "an escape sequence in the id", XML(ID("a\x1b[2J")), -EBADMSG, NULL, NULL },
		{ "a slash in the id", XML(ID("a/b")), -EBADMSG, NULL, NULL },
		{ "a library's jar", NULL, 0, NULL, NULL },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_close_ int fd = jar_of(rows[i].xml);
		struct package p = { 0 };
		struct facts f = { 0 };
		int r = plugin_jar_read(fd, &p);

		if (r != rows[i].want)
			fail_msg("%s: returned %d, not %d", rows[i].name, r, rows[i].want);
		if (r <= 0 && p.type != PACKAGE_NONE)
			fail_msg("%s: wrote a package all the same", rows[i].name);
		if (r <= 0)
			continue;
		facts_add_package(&f, &p);
		if (!facts_valid(&f) || p.type != PACKAGE_GENERIC ||
			p.told != METADATA_PLUGIN_JAR || strcmp(p.name, rows[i].package) != 0 ||
			strcmp(p.version, rows[i].version) != 0)
			fail_msg("%s: found %s@%s", rows[i].name, p.name, p.version);
	}
}

static char *long_xml(size_t size)
{
	static const char start[] = "<idea-plugin><id>a</id>", end[] = "</idea-plugin>";
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, ' ', size);
	text[size] = '\0';
	memcpy(text, start, strlen(start));
	memcpy(text + size - strlen(end), end, strlen(end));
	return text;
}

static void test_size(void **state)
{
	_cleanup_free_ char *fits = long_xml(PLUGIN_XML_SIZE_MAX),
			    *over = long_xml(PLUGIN_XML_SIZE_MAX + 1);
	_cleanup_close_ int good = jar_of(fits), bad = jar_of(over);
	struct package p;

	(void) state;
	assert_int_equal(plugin_jar_read(good, &p), 1);
	assert_int_equal(plugin_jar_read(bad, &p), -E2BIG);
}

/* An entry that claims to be small and is not. */
static void test_false_size(void **state)
{
	_cleanup_free_ char *over = long_xml(PLUGIN_XML_SIZE_MAX + 1);
	struct seed_zip z = { 0 };
	struct package p = { 0 };
	int fd;

	(void) state;
	seed_zip_entry(&z,
		&(struct seed_entry){ .name = "META-INF/plugin.xml",
			.data = over,
			.n = strlen(over),
			.method = ZIP_DEFLATED,
			.size = 100 });
	seed_zip_end(&z);
	fd = file_of(z.bytes, z.n);
	assert_int_equal(plugin_jar_read(fd, &p), -E2BIG);
	assert_int_equal(p.type, PACKAGE_NONE);
	(void) close(fd);
	seed_zip_done(&z);
}

static void test_truncation(void **state)
{
	struct seed_zip z = { 0 };

	(void) state;
	seed_zip_add_text(&z, "META-INF/plugin.xml", XML(ID("a") VERSION("1")));
	seed_zip_end(&z);
	for (size_t n = 0; n < z.n; n++) {
		_cleanup_close_ int fd = file_of(z.bytes, n);
		struct package p = { 0 };

		if (plugin_jar_read(fd, &p) > 0)
			fail_msg("cut at %zu of %zu: a plugin all the same", n, z.n);
	}
	seed_zip_done(&z);
}

/* The jar with plugin.xml may be any of the plugin's. */
static void test_one_of_several(void **state)
{
	static const uint8_t kinds[] = { METADATA_PLUGIN_JAR, METADATA_PLUGIN_JAR,
		METADATA_PLUGIN_JAR };
	_cleanup_close_ int library = jar_of(NULL), plugin = jar_of(XML(ID("a") VERSION("1"))),
			    text = file_of("x", 1);
	const int fds[] = { library, text, plugin };
	struct facts f = { 0 };

	(void) state;
	evidence_read(&(struct inspect_request){ .fd = -1,
			      .metadata = kinds,
			      .metadata_fds = fds,
			      .n_metadata = 3,
			      .path = "/h/JetBrains/I/p/bin/x" },
		&f);
	assert_int_equal(f.n_packages, 1);
	assert_string_equal(f.packages[0].name, "jetbrains/a");
	assert_false(f.have & FACTS_METADATA_REFUSED);
}

static void test_what_is_not_a_file(void **state)
{
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct package p;
	int fifo[2];

	(void) state;
	assert_int_equal(pipe(fifo), 0);
	assert_int_equal(plugin_jar_read(folder, &p), -EINVAL);
	assert_int_equal(plugin_jar_read(fifo[0], &p), -EINVAL);
	assert_int_equal(plugin_jar_read(-1, &p), -EBADF);
	(void) close(fifo[0]);
	(void) close(fifo[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_false_size),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_one_of_several),
		cmocka_unit_test(test_what_is_not_a_file),
	};

	return cmocka_run_group_tests_name("plugin jar", tests, NULL, NULL);
}
