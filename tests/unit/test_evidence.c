/* Which of several metadata files count, and what is told of those that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/inspector/evidence.h"
#include "agent/inspector/npm.h"
#include "agent/inspector/python.h"
#include "policy/base/cleanup.h"

enum { FILES_MAX = 6, TEXT_MAX = 1024 };

#define NPM(name, version) \
	METADATA_PACKAGE_JSON, "{\"name\":\"" name "\",\"version\":\"" version "\"}"
#define NPM_TEXT(text) METADATA_PACKAGE_JSON, text
#define EXTENSION(name)                                                             \
	METADATA_PACKAGE_JSON,                                                      \
		"{\"name\":\"" name "\",\"publisher\":\"P\",\"version\":\"1.0.0\"," \
		"\"engines\":{\"vscode\":\"1\"}}"
#define DIST(name, version) METADATA_DIST_INFO, "Name: " name "\nVersion: " version "\n"
#define RECORD(text)        METADATA_DIST_RECORD, text
#define PRODUCT(text)       METADATA_PRODUCT_JSON, "{\"applicationName\":\"code\"" text "}"

#define STORE "/p/.pnpm/a@1.0.0/node_modules/a/x"
#define VOLTA "/h/.volta/tools/image/packages/a/lib/node_modules/a/x"

static const struct row {
	const char *name, *path;
	struct {
		enum metadata kind;
		const char *text;
	} files[FILES_MAX];
	const char *want; /* "type name@version told; ..." */
	bool refused;
} rows[] = {
	{ "the nearest of two", "", { { NPM("a", "1") }, { NPM("b", "2") } },
		"npm a@1 package.json", false },
	{ "a nearer one of a type only", "",
		{ { NPM_TEXT("{\"type\":\"module\"}") }, { NPM("b", "2") } },
		"npm b@2 package.json", false },
	{ "a nearer one without a version", "",
		{ { NPM_TEXT("{\"name\":\"a\"}") }, { NPM("b", "2") } }, "npm b@2 package.json",
		false },
	{ "none has a version", "",
		{ { NPM_TEXT("{}") }, { NPM_TEXT("{\"name\":\"a\"}") },
			{ NPM_TEXT("{\"name\":\"b\"}") } },
		"npm a@ package.json", false },
	{ "a nearer one is malformed", "", { { NPM_TEXT("{") }, { NPM("b", "2") } },
		"npm b@2 package.json", true },
	{ "a farther one is malformed", "", { { NPM("a", "1") }, { NPM_TEXT("{") } },
		"npm a@1 package.json", false },
	{ "all malformed", "",
		{ { NPM_TEXT("{") }, { NPM_TEXT("[") }, { NPM_TEXT("x") }, { NPM_TEXT("\xff") } },
		"", true },
	{ "none", "", { { 0 } }, "", false },

	{ "an extension, and the package inside it", "/h/extensions/e/node_modules/a/x",
		{ { NPM("a", "1") }, { EXTENSION("E") } },
		"npm a@1 package.json; vscode-extension p/e@1.0.0 package.json", false },
	{ "what lies above an extension is somebody else's", "/h/extensions/e/x",
		{ { EXTENSION("e") }, { NPM("a", "1") }, { NPM_TEXT("{") } },
		"vscode-extension p/e@1.0.0 package.json", false },
	{ "an extension's folder agrees with its package.json", "/h/extensions/p.e-1.0.0/x",
		{ { EXTENSION("e") } }, "vscode-extension p/e@1.0.0 package.json", false },
	{ "an extension's folder does not", "/h/extensions/p.e-2.0.0/x", { { EXTENSION("e") } },
		"vscode-extension p/e@1.0.0 package.json; vscode-extension p/e@2.0.0 path", false },

	{ "a program that RECORD lists", "/v/bin/x",
		{ { DIST("a", "1") }, { RECORD("y,,\n") }, { DIST("b", "2") },
			{ RECORD("../../../bin/x,,\n") } },
		"pypi b@2 dist-info", false },
	{ "a program that no RECORD lists", "/v/bin/a", { { DIST("a", "1") }, { RECORD("y,,\n") } },
		"", false },
	{ "a package without RECORD, by its name", "/v/bin/a", { { DIST("a", "1") } },
		"pypi a@1 dist-info", false },
	{ "a package without RECORD, of another name", "/v/bin/a", { { DIST("b", "1") } }, "",
		false },
	{ "malformed metadata of a package that does not list it", "/v/bin/a",
		{ { METADATA_DIST_INFO, "x" }, { RECORD("y,,\n") } }, "", false },
	{ "malformed metadata of one that does", "/v/bin/a",
		{ { METADATA_DIST_INFO, "x" }, { RECORD("../../../bin/a,,\n") } }, "", true },
	{ "a RECORD without its METADATA", "/v/bin/a", { { RECORD("../../../bin/a,,\n") } }, "",
		false },

	{ "product.json and its version", "",
		{ { PRODUCT(",\"version\":\"1.9\"") }, { NPM("Code", "1.8") } },
		"generic electron/code@1.9 product.json; npm Code@1.8 package.json", false },
	{ "product.json with the version of the package.json beside it", "",
		{ { PRODUCT("") }, { NPM("Code", "1.8") } },
		"generic electron/code@1.8 product.json; npm Code@1.8 package.json", false },
	{ "product.json alone", "", { { PRODUCT("") } }, "generic electron/code@ product.json",
		false },
	{ "product.json beside what is malformed", "", { { PRODUCT("") }, { NPM_TEXT("{") } },
		"generic electron/code@ product.json", true },

	{ "files of each kind", "/h/.cargo/bin/rg",
		{ { NPM("a", "1") },
			{ METADATA_CODEX_JSON, "{\"layoutVersion\":1,\"version\":\"2\"}" },
			{ METADATA_SNAP, "name: s\nversion: '3'\n" },
			{ METADATA_FLATPAK, "[Application]\nname=f\n" },
			{ METADATA_CRATES,
				"{\"installs\":{\"c 4.0.0 (r)\":{\"bins\":[\"rg\"]}}}" } },
		"npm a@1 package.json; npm @openai/codex@2 codex-package.json; "
		"generic snap/s@3 snap.yaml; generic flatpak/f@ flatpak; cargo c@4.0.0 "
		".crates2.json",
		false },
	{ "each kind is malformed for itself", "/x", { { NPM("a", "1") }, { METADATA_SNAP, "[" } },
		"npm a@1 package.json", true },
	{ "kinds that are not files are nobody's", "/x",
		{ { METADATA_PATH, "x" }, { METADATA_NONE + 99, "x" }, { METADATA_DPKG, "x" } }, "",
		false },

	{ "the path says the same", STORE, { { NPM("a", "1.0.0") } }, "npm a@1.0.0 package.json",
		false },
	{ "the path says another version", STORE, { { NPM("a", "0.9.0") } },
		"npm a@0.9.0 package.json; npm a@1.0.0 path", false },
	{ "the path knows the version that the file lacks", STORE,
		{ { NPM_TEXT("{\"name\":\"a\"}") } }, "npm a@1.0.0 path", false },
	{ "the path alone", STORE, { { 0 } }, "npm a@1.0.0 path", false },
	{ "a path without a version adds nothing to a known one", VOLTA, { { NPM("a", "1") } },
		"npm a@1 package.json", false },
	{ "a path without a version alone", VOLTA, { { 0 } }, "npm a@ path", false },
};

static int file_of(const char *text)
{
	int fd = memfd_create("metadata", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
	return fd;
}

static void describe(const struct facts *f, char out[TEXT_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < f->n_packages && n < TEXT_MAX; i++)
		n += (size_t) snprintf(out + n, TEXT_MAX - n, "%s%s %s@%s %s", i ? "; " : "",
			package_type_to_string((enum package_type) f->packages[i].type),
			f->packages[i].name, f->packages[i].version,
			metadata_to_string((enum metadata) f->packages[i].told));
}

static void test_table(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct facts f = { 0 };
		uint8_t kinds[FILES_MAX];
		int fds[FILES_MAX];
		char text[TEXT_MAX];
		size_t n = 0;

		for (; n < FILES_MAX && row->files[n].text; n++) {
			kinds[n] = (uint8_t) row->files[n].kind;
			fds[n] = file_of(row->files[n].text);
		}
		evidence_read(&(struct inspect_request){ .fd = -1,
				      .metadata = kinds,
				      .metadata_fds = fds,
				      .n_metadata = n,
				      .path = row->path },
			&f);
		for (size_t k = 0; k < n; k++)
			(void) close(fds[k]);
		describe(&f, text);
		if (!facts_valid(&f) || strcmp(text, row->want) != 0 ||
			!!(f.have & FACTS_METADATA_REFUSED) != row->refused)
			fail_msg("%s: found '%s', have %u", row->name, text, f.have);
	}
}

/* A request with one file of @kind. */
static uint32_t have_of(enum metadata kind, int fd)
{
	const uint8_t kinds[] = { (uint8_t) kind };
	struct facts f = { 0 };

	evidence_read(&(struct inspect_request){ .fd = -1,
			      .metadata = kinds,
			      .metadata_fds = &fd,
			      .n_metadata = 1,
			      .path = "" },
		&f);
	assert_int_equal(f.n_packages, 0);
	return f.have;
}

static void test_what_is_not_a_small_file(void **state)
{
	static const enum metadata kinds[] = { METADATA_PACKAGE_JSON, METADATA_CODEX_JSON,
		METADATA_DIST_INFO, METADATA_PRODUCT_JSON, METADATA_SNAP, METADATA_FLATPAK,
		METADATA_CRATES };
	_cleanup_close_ int sparse = file_of("{\"name\":\"a\"}"),
			    folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fifo[2];

	(void) state;
	assert_int_equal(pipe(fifo), 0);
	assert_int_equal(ftruncate(sparse, 1 << 30), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(have_of(kinds[i], sparse), FACTS_METADATA_REFUSED);
		assert_int_equal(have_of(kinds[i], folder), FACTS_METADATA_REFUSED);
		assert_int_equal(have_of(kinds[i], fifo[0]), FACTS_METADATA_REFUSED);
		assert_int_equal(have_of(kinds[i], -1), FACTS_METADATA_REFUSED);
	}
	assert_int_equal(ftruncate(sparse, NPM_METADATA_SIZE_MAX + 1), 0);
	assert_int_equal(have_of(METADATA_PACKAGE_JSON, sparse), FACTS_METADATA_REFUSED);
	(void) close(fifo[0]);
	(void) close(fifo[1]);
}

static void test_large_record(void **state)
{
	static const uint8_t kinds[] = { METADATA_DIST_INFO, METADATA_DIST_RECORD };
	_cleanup_close_ int info = file_of("Name: a\nVersion: 1\n"),
			    record = file_of("../../../bin/a,,\n");
	const int fds[] = { info, record };
	const struct inspect_request request = { .fd = -1,
		.metadata = kinds,
		.metadata_fds = fds,
		.n_metadata = 2,
		.path = "/v/bin/a" };
	struct facts f = { 0 }, g = { 0 };

	(void) state;
	assert_int_equal(ftruncate(record, PYTHON_RECORD_SIZE_MAX), 0);
	evidence_read(&request, &f);
	assert_int_equal(f.n_packages, 1);
	assert_int_equal(ftruncate(record, PYTHON_RECORD_SIZE_MAX + 1), 0);
	evidence_read(&request, &g);
	assert_int_equal(g.n_packages, 0);
	assert_int_equal(g.have, FACTS_METADATA_REFUSED);
}

/* No more packages than facts have room for, whatever is found. */
static void test_packages_max(void **state)
{
	static const uint8_t kinds[] = { METADATA_PACKAGE_JSON };
	_cleanup_close_ int fd = file_of("{\"name\":\"z\",\"version\":\"1\"}");
	struct facts f = { 0 };

	(void) state;
	for (unsigned i = 0; i < FACTS_PACKAGES_MAX; i++) {
		struct package p = { .type = PACKAGE_DEB, .told = METADATA_DPKG };

		(void) snprintf(p.name, sizeof(p.name), "debian/p%u", i);
		facts_add_package(&f, &p);
	}
	evidence_read(&(struct inspect_request){ .fd = -1,
			      .metadata = kinds,
			      .metadata_fds = &fd,
			      .n_metadata = 1,
			      .path = STORE },
		&f);
	assert_true(facts_valid(&f));
	assert_int_equal(f.n_packages, FACTS_PACKAGES_MAX);
	assert_string_equal(f.packages[FACTS_PACKAGES_MAX - 1].name, "debian/p7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_what_is_not_a_small_file),
		cmocka_unit_test(test_large_record),
		cmocka_unit_test(test_packages_max),
	};

	npm_prepare();
	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
