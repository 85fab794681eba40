/* Programs and archives made here: what they say of themselves, as it should be, and as hostile as
 * it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/appimage.h"
#include "agent/inspector/archive_package.h"
#include "agent/inspector/cargo_audit.h"
#include "agent/inspector/class.h"
#include "agent/inspector/elf_section.h"
#include "agent/inspector/embedded.h"
#include "agent/inspector/gobuild.h"
#include "agent/inspector/inspect.h"
#include "agent/inspector/notes.h"
#include "agent/inspector/plugin_xml.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"
#include "tests/support/seed_elf.h"
#include "tests/support/seed_squash.h"

enum { TEXT_MAX = 4096, MIB = 1 << 20 };

/* "golang a/b 1.0 (go buildinfo);" for each package, the build-id, and "refused". */
static const char *text_of(const struct facts *f)
{
	static char text[TEXT_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < f->n_packages; i++)
		n += (size_t) snprintf(text + n, sizeof(text) - n, "%s %s %s (%s);",
			package_type_to_string((enum package_type) f->packages[i].type),
			f->packages[i].name, f->packages[i].version,
			metadata_to_string((enum metadata) f->packages[i].told));
	for (uint32_t i = 0; i < f->n_build_id; i++)
		n += (size_t) snprintf(text + n, sizeof(text) - n, "%02x", f->build_id[i]);
	if (f->have & FACTS_PAYLOAD_REFUSED)
		(void) snprintf(text + n, sizeof(text) - n, "refused");
	return text;
}

static struct facts facts_of(const uint8_t *p, size_t n)
{
	_cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	struct facts f = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t) n);
	assert_int_equal(inspect_file(&(struct inspect_request){ .fd = fd, .path = "" }, &f), 0);
	assert_true(facts_valid(&f));
	return f;
}

static void expect(const char *name, const struct facts *f, const char *want)
{
	if (strcmp(text_of(f), want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", name, text_of(f), want);
}

/* The seed is used up. */
static struct facts facts_of_elf(struct seed_elf *e)
{
	struct facts f;

	seed_elf_end(e);
	f = facts_of(e->bytes, e->n);
	seed_elf_done(e);
	return f;
}

/* ---- notes ---- */

static void test_build_ids(void **state)
{
	static const struct {
		const char *name, *owner;
		uint32_t type;
		size_t n;
		const char *want;
	} cases[] = {
		{ "20 bytes", "GNU", NT_GNU_BUILD_ID, 20,
			"3031323334353637383930313233343536373839" },
		{ "16 bytes", "GNU", NT_GNU_BUILD_ID, 16, "30313233343536373839303132333435" },
		{ "one byte", "GNU", NT_GNU_BUILD_ID, 1, "30" },
		{ "none", "GNU", NT_GNU_BUILD_ID, 0, "" },
		{ "more than BUILD_ID_MAX", "GNU", NT_GNU_BUILD_ID, BUILD_ID_MAX + 1,
			"3031323334353637383930313233343536373839" },
		{ "another type", "GNU", NT_GNU_ABI_TAG, 20, "" },
		{ "another owner", "GNV", NT_GNU_BUILD_ID, 20, "" },
		{ "a longer owner", "GNUS", NT_GNU_BUILD_ID, 20, "" },
		{ "an owner past NOTE_NAME_MAX", "GNU_GNU_GNU_GNU_GNU_GNU_GNU_GNU_",
			NT_GNU_BUILD_ID, 20, "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ uint8_t *note = NULL;
		struct seed_elf e;
		struct facts f;
		size_t n = 0;

		seed_note(&note, &n, 1, "stapsdt", "0123456789", 10);
		seed_note(&note, &n, cases[i].type, cases[i].owner,
			"012345678901234567890123456789", cases[i].n);
		seed_elf_init(&e);
		seed_elf_segment(&e, PT_NOTE, PF_R, note, n);
		f = facts_of_elf(&e);
		expect(cases[i].name, &f, cases[i].want);
	}
}

static size_t count_notes(const uint8_t *bytes, size_t n, struct note *last)
{
	_cleanup_free_ struct elf_dynamic *d = calloc(1, sizeof(*d));
	const struct view v = { .fd = -1, .size = n, .head = bytes, .n_head = n };
	struct notes notes;
	struct note note;
	struct elf e;
	size_t count = 0;

	assert_non_null(d);
	assert_true(elf_parse(bytes, n, n, &e));
	elf_dynamic_read(&v, &e, d);
	notes_start(&notes, &v, d);
	while (notes_next(&notes, &note)) {
		if (note.content.offset > n || note.content.size > n - note.content.offset)
			fail_msg("note %zu lies outside of the file", count);
		*last = note;
		count++;
	}
	return count;
}

static void test_notes_at_their_limits(void **state)
{
	(void) state;
	for (size_t more = 0; more < 2; more++) {
		_cleanup_free_ uint8_t *notes = NULL;
		struct note last = { 0 };
		struct seed_elf e;
		size_t n = 0;

		for (size_t i = 0; i < NOTES_MAX + more; i++)
			seed_note(&notes, &n, (uint32_t) i, "GNU", "", 0);
		seed_elf_init(&e);
		seed_elf_segment(&e, PT_NOTE, PF_R, notes, n);
		seed_elf_end(&e);
		assert_int_equal(count_notes(e.bytes, e.n, &last), NOTES_MAX);
		assert_int_equal(last.type, NOTES_MAX - 1);
		seed_elf_done(&e);
	}
}

/* Sizes that reach past the segment, up to the largest there are; the segment behind is read. */
static void test_hostile_notes(void **state)
{
	static const uint32_t sizes[][2] = { { UINT32_MAX, 0 }, { 0, UINT32_MAX },
		{ UINT32_MAX, UINT32_MAX }, { 4, 9 }, { 13, 0 }, { 0x7fffffff, 0x7fffffff },
		{ UINT32_MAX - 3, 8 } };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ uint8_t *notes = NULL, *good = NULL;
		size_t n = 0, n_good = 0;
		struct note last = { 0 };
		struct seed_elf e;

		seed_number(&notes, &n, sizes[i][0], 4);
		seed_number(&notes, &n, sizes[i][1], 4);
		seed_number(&notes, &n, 3, 4);
		seed_put(&notes, &n, "GNU\0content!", 12);
		seed_note(&good, &n_good, 7, "GNU", "good", 4);
		seed_elf_init(&e);
		seed_elf_segment(&e, PT_NOTE, PF_R, notes, n);
		seed_elf_segment(&e, PT_NOTE, PF_R, good, n_good);
		seed_elf_end(&e);
		if (count_notes(e.bytes, e.n, &last) != 1 || last.type != 7)
			fail_msg("sizes %u and %u", sizes[i][0], sizes[i][1]);
		seed_elf_done(&e);
	}
}

/* A note of gigabytes, in a file that has them as a hole, is stepped over. */
static void test_sparse_terabyte(void **state)
{
	_cleanup_close_ int fd = memfd_create("sparse", MFD_CLOEXEC);
	_cleanup_free_ uint8_t *note = NULL;
	struct seed_elf e;
	struct facts f = { 0 };
	size_t n = 0;

	(void) state;
	seed_elf_init(&e);
	seed_elf_segment(&e, PT_NOTE, PF_R, "", 0);
	e.segments[0].p_filesz = UINT64_C(1) << 40;
	seed_number(&note, &n, 4, 4);
	seed_number(&note, &n, UINT32_MAX - 3, 4);
	seed_number(&note, &n, 1, 4);
	seed_put(&note, &n, "BIG", 4);
	(void) seed_elf_bytes(&e, note, n);
	seed_elf_end(&e);
	assert_int_equal(pwrite(fd, e.bytes, e.n, 0), (ssize_t) e.n);
	free(TAKE_PTR(note));
	seed_note(&note, &n, NT_GNU_BUILD_ID, "GNU", "far away", 8);
	assert_int_equal(pwrite(fd, note + 16, n - 16,
				 (off_t) (e.segments[0].p_offset + 16 + UINT32_MAX - 3)),
		(ssize_t) n - 16);
	assert_int_equal(ftruncate(fd, (off_t) 1 << 40), 0);
	assert_int_equal(inspect_file(&(struct inspect_request){ .fd = fd, .path = "" }, &f), 0);
	expect("a build-id behind 4 GiB", &f, "6661722061776179");
	seed_elf_done(&e);
}

/* ---- sections ---- */

static void test_sections_at_their_limits(void **state)
{
	static const char *const names[] = { ".one", ".two", ".none", ".shstrtab" };
	struct range places[ARRAY_SIZE(names)];
	struct seed_elf seed;
	struct elf e;

	(void) state;
	seed_elf_init(&seed);
	seed_elf_section(&seed, ".one", "1", 1);
	seed_elf_section(&seed, ".two", "22", 2);
	seed.sections[2].sh_type = SHT_NOBITS;
	seed_elf_end(&seed);
	const struct view v = { .fd = -1, .size = seed.n, .head = seed.bytes, .n_head = seed.n };

	assert_true(elf_parse(seed.bytes, seed.n, seed.n, &e));
	assert_true(elf_sections_find(&v, &e, names, ARRAY_SIZE(names), places));
	assert_int_equal(places[0].size, 1);
	assert_int_equal(seed.bytes[places[0].offset], '1');
	assert_int_equal(places[1].size, 0); /* takes no room in the file */
	assert_int_equal(places[2].size, 0);
	assert_true(places[3].size > 0);

	/* each field of the list as wrong as can be */
	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++) {
		const uint8_t old = seed.bytes[i];

		seed.bytes[i] = 0xff;
		if (elf_parse(seed.bytes, seed.n, seed.n, &e) &&
			elf_sections_find(&v, &e, names, ARRAY_SIZE(names), places))
			for (size_t j = 0; j < ARRAY_SIZE(names); j++)
				assert_true(places[j].offset <= seed.n &&
					places[j].size <= seed.n - places[j].offset);
		seed.bytes[i] = old;
	}
	seed_elf_done(&seed);
}

static void test_number_of_sections(void **state)
{
	static const char *const names[] = { ".one" };

	(void) state;
	for (size_t more = 0; more < 2; more++) {
		const Elf64_Shdr none = { 0 };
		struct range place;
		struct seed_elf seed;
		struct elf e;
		Elf64_Ehdr h;

		seed_elf_init(&seed);
		seed_elf_section(&seed, ".one", "1", 1);
		seed_elf_end(&seed); /* which leaves the list at the end: lengthen it */
		memcpy(&h, seed.bytes, sizeof(h));
		while (h.e_shnum < ELF_SECTIONS_MAX + more) {
			seed_put(&seed.bytes, &seed.n, &none, sizeof(none));
			h.e_shnum++;
		}
		memcpy(seed.bytes, &h, sizeof(h));
		const struct view v = {
			.fd = -1, .size = seed.n, .head = seed.bytes, .n_head = seed.n
		};

		assert_true(elf_parse(seed.bytes, seed.n, seed.n, &e));
		assert_int_equal(elf_sections_find(&v, &e, names, 1, &place), more == 0);
		seed_elf_done(&seed);
	}
}

/* ---- Go ---- */

#define MODULE \
	"path\tgithub.com/ngrok/ngrok/cmd/ngrok\nmod\tgithub.com/ngrok/ngrok\tv3.1.0\th1:x=\n"
#define NO_NAME "path\tcommand-line-arguments\n"

static void test_go(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "module and version", MODULE "dep\tx.com/y\tv1.0.0\th1:y=\n",
			"golang github.com/ngrok/ngrok v3.1.0 (go buildinfo);" },
		{ "built from a working copy", "mod\tx.com/y\t(devel)\t\n",
			"golang x.com/y  (go buildinfo);" },
		{ "with changes of its own",
			"mod\tx.com/y\tv1.2.3-0.20240101000000-abcdef+dirty\t\n",
			"golang x.com/y v1.2.3-0.20240101000000-abcdef+dirty (go buildinfo);" },
		{ "no version", "mod\tx.com/y\n", "golang x.com/y  (go buildinfo);" },
		{ "no module, as Debian builds", "path\tgithub.com/cli/cli/v2/cmd/gh\nbuild\tx=y\n",
			"golang github.com/cli/cli/v2  (go buildinfo);" },
		{ "no module nor command", "path\tgithub.com/rclone/rclone\n",
			"golang github.com/rclone/rclone  (go buildinfo);" },
		{ "one file", NO_NAME, "" },
		{ "only modules it depends on", "dep\tx.com/y\tv1.0.0\th1:y=\n", "" },
		{ "no text", "", "" },
		{ "control character", "mod\tx.com/\x1b[1m\tv1.0.0\t\n", "refused" },
		{ "not UTF-8", "mod\tx.com/\xff\tv1.0.0\t\n", "refused" },
		{ "blank in the version", "mod\tx.com/y\tv1 0\t\n", "refused" },
		{ "empty name", "mod\t\tv1.0\t\n", "refused" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int by_section = 0; by_section < 2; by_section++) {
			_cleanup_free_ uint8_t *go = NULL, *note = NULL;
			size_t n = 0, n_note = 0;
			struct seed_elf e;
			struct facts f;

			seed_go(&go, &n, cases[i].text);
			seed_note(&note, &n_note, 4, "Go", "id", 2);
			seed_elf_init(&e);
			if (by_section) {
				seed_elf_section(&e, ".go.buildinfo", go, n);
			} else {
				seed_elf_segment(&e, PT_NOTE, PF_R, note, n_note);
				seed_elf_segment(&e, PT_LOAD, PF_R | PF_W, go, n);
			}
			f = facts_of_elf(&e);
			expect(cases[i].name, &f, cases[i].want);
		}
}

static int read_go(const uint8_t *bytes, size_t n, struct package *ret)
{
	const struct view v = { .fd = -1, .size = n, .head = bytes, .n_head = n };

	_cleanup_free_ struct elf_dynamic *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	return gobuild_read(&v, d, &(struct range){ 0, n }, ret);
}

static void test_go_where_it_may_be(void **state)
{
	static const struct {
		const char *name;
		size_t before;
		int result;
	} cases[] = {
		{ "at once", 0, 1 },
		{ "16 bytes on", 16, 1 },
		{ "not aligned", 8, 0 },
		{ "as far as is searched", GOBUILD_SEARCH_MAX - 32, 1 },
		{ "one step further", GOBUILD_SEARCH_MAX - 16, 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ uint8_t *bytes = NULL;
		struct package p;
		size_t n = 0;
		int r;

		seed_number(&bytes, &n, 0, cases[i].before);
		seed_go(&bytes, &n, MODULE);
		r = read_go(bytes, n, &p);
		if (r != cases[i].result)
			fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].result);
	}
}

static void test_hostile_go(void **state)
{
	static const struct {
		const char *name;
		uint64_t version, text;
		int result;
	} cases[] = {
		{ "version longer than any", 257, 8, -EBADMSG },
		{ "version of 2^64 - 1", UINT64_MAX, 8, -EBADMSG },
		{ "text past the file", 0, 9999, -EBADMSG },
		{ "text of 2^64 - 1", 0, UINT64_MAX, -EBADMSG },
		{ "text without room for its guards", 0, 32, 0 },
	};
	static const uint8_t endless[] = "\xff Go buildinf:\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
					 "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80";
	_cleanup_free_ uint8_t *good = NULL, *long_name = NULL;
	char text[PACKAGE_NAME_MAX + 64];
	struct package p;
	size_t n = 0;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ uint8_t *bytes = NULL;
		int r;

		n = 0;
		seed_put(&bytes, &n, "\xff Go buildinf:\x08\x02", 16);
		seed_number(&bytes, &n, 0, 16);
		seed_varint(&bytes, &n, cases[i].version);
		seed_varint(&bytes, &n, cases[i].text);
		seed_number(&bytes, &n, 0, 64);
		r = read_go(bytes, n, &p);
		if (r != cases[i].result)
			fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].result);
	}
	assert_int_equal(read_go(endless, sizeof(endless) - 1, &p), -EBADMSG);

	n = 0;
	seed_go(&good, &n, MODULE);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ uint8_t *copy = malloc(i + 1);

		assert_non_null(copy);
		memcpy(copy, good, i);
		if (read_go(copy, i, &p) > 0)
			fail_msg("the first %zu bytes name a module", i);
	}
	for (size_t more = 0; more < 2; more++) {
		(void) snprintf(text, sizeof(text), "mod\tx.com/%0*d\tv1\t\n",
			(int) (PACKAGE_NAME_MAX - 6 + more), 0);
		n = 0;
		free(TAKE_PTR(long_name));
		seed_go(&long_name, &n, text);
		assert_int_equal(read_go(long_name, n, &p), more ? -EBADMSG : 1);
	}
}

/* A segment at address 0x1000: header, string, text. */
static struct facts facts_of_old_go(uint8_t word, uint64_t string, uint64_t text, uint64_t n_text)
{
	_cleanup_free_ uint8_t *go = NULL;
	struct seed_elf e;
	size_t n = 0;

	seed_put(&go, &n, "\xff Go buildinf:", 14);
	seed_number(&go, &n, word, 2);
	seed_number(&go, &n, 0, word == 4 || word == 8 ? word : 8);
	seed_number(&go, &n, string, word == 4 || word == 8 ? word : 8);
	seed_number(&go, &n, 0, 32 - n);
	seed_number(&go, &n, text, word == 4 ? 4 : 8);
	seed_number(&go, &n, n_text, word == 4 ? 4 : 8);
	seed_number(&go, &n, 0, 48 - n);
	seed_put(&go, &n, "0123456789abcdef" MODULE "0123456789abcdef", strlen(MODULE) + 32);
	seed_elf_init(&e);
	seed_elf_segment(&e, PT_LOAD, PF_R | PF_W, go, n);
	e.segments[0].p_vaddr = 0x1000;
	seed_elf_section(&e, ".go.buildinfo", go, n);
	return facts_of_elf(&e);
}

static void test_go_before_1_18(void **state)
{
	static const char *const good = "golang github.com/ngrok/ngrok v3.1.0 (go buildinfo);";
	const uint64_t n = strlen(MODULE) + 32;
	const struct {
		const char *name;
		uint8_t word;
		uint64_t string, text, n_text;
		const char *want;
	} cases[] = {
		{ "64 bits", 8, 0x1020, 0x1030, n, good },
		{ "32 bits", 4, 0x1020, 0x1030, n, good },
		{ "no modules", 8, 0, 0, 0, "" },
		{ "empty text", 8, 0x1020, 0, 0, "" },
		{ "text without room for its guards", 8, 0x1020, 0x1030, 32, "" },
		{ "string nowhere", 8, 0x9000, 0x1030, n, "refused" },
		{ "string at 2^64 - 1", 8, UINT64_MAX, 0x1030, n, "refused" },
		{ "text nowhere", 8, 0x1020, 0x10, n, "refused" },
		{ "text past the file", 8, 0x1020, 0x1030, 1 << 20, "refused" },
		{ "text of 2^64 - 1", 8, 0x1020, 0x1030, UINT64_MAX, "refused" },
		{ "addresses of no size", 0, 0x1020, 0x1030, n, "refused" },
		{ "addresses of 16 bytes", 16, 0x1020, 0x1030, n, "refused" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct facts f = facts_of_old_go(
			cases[i].word, cases[i].string, cases[i].text, cases[i].n_text);

		expect(cases[i].name, &f, cases[i].want);
	}
}

/* ---- Rust ---- */

static void test_cargo(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "root package",
			"{\"packages\":[{\"name\":\"adler\",\"version\":\"1.0.2\",\"source\":"
			"\"crates.io\"},"
			"{\"name\":\"codex-cli\",\"version\":\"0.169.0\",\"source\":\"local\","
			"\"root\":true}]}",
			"cargo codex-cli 0.169.0 (cargo auditable);" },
		{ "no root", "{\"packages\":[{\"name\":\"a\",\"version\":\"1.0.2\"}]}", "" },
		{ "root is not true",
			"{\"packages\":[{\"name\":\"a\",\"version\":\"1\",\"root\":1}]}", "" },
		{ "no packages", "{\"packages\":[]}", "" },
		{ "packages of another type", "{\"packages\":{}}", "refused" },
		{ "not an object", "[]", "refused" },
		{ "not JSON", "hello", "refused" },
		{ "no version", "{\"packages\":[{\"name\":\"a\",\"root\":true}]}", "refused" },
		{ "escape code in the name",
			"{\"packages\":[{\"name\":\"\\u001b\",\"version\":\"1\",\"root\":true}]}",
			"refused" },
		{ "numbers for names", "{\"packages\":[1,[],{\"root\":true,\"name\":1}]}",
			"refused" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ uint8_t *list = NULL;
		struct seed_elf e;
		struct facts f;
		size_t n = 0;

		seed_cargo(&list, &n, cases[i].text, strlen(cases[i].text));
		seed_elf_init(&e);
		seed_elf_section(&e, ".dep-v0", list, n);
		f = facts_of_elf(&e);
		expect(cases[i].name, &f, cases[i].want);
	}
}

static int read_cargo(const char *text, size_t n_text, bool cut)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	struct package p;
	size_t n = 0;

	seed_cargo(&bytes, &n, text, n_text);
	n -= cut;
	const struct view v = { .fd = -1, .size = n, .head = bytes, .n_head = n };

	return cargo_audit_read(&v, &(struct range){ 0, n }, &p);
}

/* @depth brackets inside of each other, closed again. */
static int read_nested_cargo(size_t depth)
{
	_cleanup_free_ char *text = malloc(64 + 2 * depth);
	size_t n;

	assert_non_null(text);
	n = (size_t) sprintf(text, "{\"packages\":[],\"x\":\"[[[\\\"[\",\"y\":");
	memset(text + n, '[', depth - 1);
	memset(text + n + depth - 1, ']', depth - 1);
	n += 2 * (depth - 1);
	text[n++] = '}';
	return read_cargo(text, n, false);
}

static void test_cargo_limits(void **state)
{
	static const char nothing[] = "{\"packages\":[]}";
	_cleanup_free_ char *blanks = malloc(64 * MIB);
	const struct view v = { .fd = -1, .size = CARGO_AUDIT_PACKED_MAX + 1 };
	struct package p;

	(void) state;
	assert_non_null(blanks);
	memset(blanks, ' ', 64 * MIB);
	*stpcpy(blanks, nothing) = ' ';
	assert_int_equal(read_cargo(blanks, CARGO_AUDIT_SIZE_MAX, false), 0);
	assert_int_equal(read_cargo(blanks, CARGO_AUDIT_SIZE_MAX + 1, false), -E2BIG);
	assert_int_equal(read_cargo(blanks, 64 * MIB, false), -E2BIG);
	assert_int_equal(read_cargo(blanks, strlen(nothing), true), -EBADMSG);
	assert_int_equal(read_nested_cargo(CARGO_AUDIT_DEPTH_MAX), 0);
	assert_int_equal(read_nested_cargo(CARGO_AUDIT_DEPTH_MAX + 1), -E2BIG);
	assert_int_equal(read_nested_cargo(10000), -E2BIG);
	assert_int_equal(cargo_audit_read(&v, &(struct range){ 0, v.size }, &p), -E2BIG);
}

/* ---- archives ---- */

#define POM "META-INF/maven/org.slf4j/slf4j-api/pom.properties"
#define PLUGIN \
	"<idea-plugin><id>com.anthropic.code.plugin</id><version>0.1.12</version></idea-plugin>"

static void test_archives(void **state)
{
	static const struct {
		const char *name, *entry, *text, *want;
	} cases[] = {
		{ "Maven", POM,
			"#made\r\nversion=2.0.16\r\ngroupId=org.slf4j\r\nartifactId = "
			"slf4j-api\r\n",
			"maven org.slf4j/slf4j-api 2.0.16 (archive);" },
		{ "Maven without a version", POM, "groupId=a\nartifactId=b\n",
			"maven a/b  (archive);" },
		{ "Maven without a name", POM, "version=1\n", "" },
		{ "Maven, hostile", POM, "groupId=a/../b\nartifactId=c\n", "refused" },
		{ "somewhere else", "x/" POM, "groupId=a\nartifactId=b\n", "" },
		{ "JetBrains plugin", "META-INF/plugin.xml", PLUGIN,
			"generic jetbrains/com.anthropic.code.plugin 0.1.12 (archive);" },
		{ "Yarn", "node_modules/left-pad/package.json",
			"{\"name\":\"left-pad\",\"version\":\"1.3.0\"}",
			"npm left-pad 1.3.0 (archive);" },
		{ "Yarn, with a scope", "node_modules/@anthropic-ai/claude-code/package.json",
			"{\"name\":\"@anthropic-ai/claude-code\",\"version\":\"2.1.91\"}",
			"npm @anthropic-ai/claude-code 2.1.91 (archive);" },
		{ "a package's own module", "node_modules/a/node_modules/b/package.json",
			"{\"name\":\"b\",\"version\":\"1.3.0\"}", "" },
		{ "a folder of a package", "node_modules/a/dist/package.json",
			"{\"name\":\"b\",\"version\":\"1.3.0\"}", "" },
		{ "Yarn, not JSON", "node_modules/a/package.json", "hello", "refused" },
		{ "wheel", "Ruamel.Yaml-0.18.6.dist-info/METADATA",
			"Metadata-Version: 2.1\nName: Ruamel_.Yaml\nVersion: 0.18.6\n\nName: no\n",
			"pypi ruamel-yaml 0.18.6 (archive);" },
		{ "egg", "EGG-INFO/PKG-INFO", "Name: aider\nVersion: 1\n",
			"pypi aider 1 (archive);" },
		{ "wheel of another one", "lib/a.dist-info/METADATA", "Name: a\nVersion: 1\n", "" },
		{ "wheel, too long", "a.dist-info/METADATA",
			"Name: a\nVersion: "
			"00000000000000000000000000000000000000000000000000000000000000000"
			"00000000000000000000000000000000000000000000000000000000000000000000000000"
			"0000000000"
			"00000000000000000000000000000000000000000000000000000000000000000000000000"
			"0000000000"
			"00000000000000000000000000000000000000000000000000000000000000000000000000"
			"0000000000\n",
			"refused" },
		{ "VSIX", "extension/package.json",
			"{\"name\":\"Claude-Code\",\"publisher\":\"Anthropic\",\"version\":\"2.1."
			"91\","
			"\"engines\":{\"vscode\":\"^1.98.0\"}}",
			"vscode-extension anthropic/claude-code 2.1.91 (archive);" },
		{ "nothing of interest", "a/b/c", "hello", "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seed_zip z = { 0 };
		struct facts f;

		seed_zip_add_text(&z, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n");
		seed_zip_add_text(&z, cases[i].entry, cases[i].text);
		seed_zip_add_text(&z, "last", "");
		seed_zip_end(&z);
		f = facts_of(z.bytes, z.n);
		assert_int_equal(f.class, FILE_CLASS_JAR);
		expect(cases[i].name, &f, cases[i].want);
		seed_zip_done(&z);
	}
}

static void test_plugins(void **state)
{
	static const struct {
		const char *name, *text;
		int result;
		const char *id, *version;
	} cases[] = {
		{ "id and version", PLUGIN, 1, "jetbrains/com.anthropic.code.plugin", "0.1.12" },
		{ "name instead of an id", "<idea-plugin><name>Key Promoter</name></idea-plugin>",
			1, "jetbrains/Key Promoter", "" },
		{ "declarations, comments, blanks",
			"\xef\xbb\xbf<?xml version='1.0'?><!DOCTYPE x>\n<!-- "
			"<idea-plugin><id>no</id> -->\n"
			"<idea-plugin url=\"a>b\"><!-- <id>no</id> --><id>\n a.b "
			"\n</id></idea-plugin>",
			1, "jetbrains/a.b", "" },
		{ "ids of other things",
			"<idea-plugin><depends><id>no</id></depends><x/><id>yes</id></idea-plugin>",
			1, "jetbrains/yes", "" },
		{ "in quoted text",
			"<idea-plugin><description><![CDATA[<id>no</id>]]></description>"
			"<id>yes</id></idea-plugin>",
			1, "jetbrains/yes", "" },
		{ "the first one counts", "<idea-plugin><id>aaaa</id><id>b</id></idea-plugin>", 1,
			"jetbrains/aaaa", "" },
		{ "empty elements", "<idea-plugin><id/><id></id><id>a</id></idea-plugin>", 1,
			"jetbrains/a", "" },
		{ "another root", "<plugin><id>a</id></plugin>", 0, "", "" },
		{ "behind the root", "<idea-plugin></idea-plugin><id>a</id>", 0, "", "" },
		{ "cut", "<idea-plugin><id>a", 1, "jetbrains/a", "" },
		{ "cut in a tag", "<idea-plugin><id", 0, "", "" },
		{ "no text at all", "", 0, "", "" },
		{ "path in an id", "<idea-plugin><id>a/b</id></idea-plugin>", -EBADMSG, "", "" },
		{ "not UTF-8", "<idea-plugin><id>\xff</id></idea-plugin>", -EBADMSG, "", "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct package p = { 0 };
		int r = plugin_xml_parse(cases[i].text, strlen(cases[i].text), &p);

		if (r != cases[i].result || strcmp(p.name, cases[i].id) != 0 ||
			strcmp(p.version, cases[i].version) != 0)
			fail_msg("%s: %d, %s, %s", cases[i].name, r, p.name, p.version);
	}
}

static struct facts facts_of_poms(size_t n, bool named)
{
	struct seed_zip z = { 0 };
	struct facts f;

	for (size_t i = 0; i < n; i++) {
		char name[64], body[64];

		(void) snprintf(name, sizeof(name), "META-INF/maven/g/a%zu/pom.properties", i);
		(void) snprintf(
			body, sizeof(body), "%sartifactId=a%zu\n", named ? "groupId=g\n" : "", i);
		seed_zip_add(&z, name, body, strlen(body), ZIP_STORED);
	}
	seed_zip_end(&z);
	f = facts_of(z.bytes, z.n);
	seed_zip_done(&z);
	return f;
}

static void test_archive_limits(void **state)
{
	static const char named[] = "groupId=g\nartifactId=a";
	_cleanup_free_ char *text = malloc(ARCHIVE_METADATA_MAX + 1);
	struct facts f;

	(void) state;
	f = facts_of_poms(ARCHIVE_PACKAGES_MAX + 1, true);
	assert_int_equal(f.n_packages, ARCHIVE_PACKAGES_MAX);
	assert_int_equal(f.have & FACTS_PAYLOAD_REFUSED, 0);

	f = facts_of_poms(ARCHIVE_METADATA_ENTRIES_MAX, false);
	assert_int_equal(f.have & FACTS_PAYLOAD_REFUSED, 0);
	f = facts_of_poms(ARCHIVE_METADATA_ENTRIES_MAX + 1, false);
	assert_int_equal(f.have & FACTS_PAYLOAD_REFUSED, FACTS_PAYLOAD_REFUSED);

	assert_non_null(text);
	memset(text, '\n', ARCHIVE_METADATA_MAX + 1);
	*stpcpy(text, named) = '\n';
	for (size_t more = 0; more < 2; more++) {
		struct seed_zip z = { 0 };

		seed_zip_add(&z, POM, text, ARCHIVE_METADATA_MAX + more, ZIP_DEFLATED);
		seed_zip_add_text(&z, "META-INF/plugin.xml", PLUGIN);
		seed_zip_end(&z);
		f = facts_of(z.bytes, z.n);
		expect("metadata at its limit", &f,
			more ? "generic jetbrains/com.anthropic.code.plugin 0.1.12 "
			       "(archive);refused"
			     : "maven g/a  (archive);"
			       "generic jetbrains/com.anthropic.code.plugin 0.1.12 (archive);");
		seed_zip_done(&z);
	}
}

/* ---- AppImages ---- */

#define ENTRY "[Desktop Entry]\nType=Application\n"

static void test_desktop_files(void **state)
{
	static const struct {
		const char *name, *text;
		int result;
		const char *id, *version;
	} cases[] = {
		{ "name and version", ENTRY "Name=Cursor\nX-AppImage-Version=1.7.3\n", 1,
			"appimage/Cursor", "1.7.3" },
		{ "its own name first", ENTRY "Name=Editor\nX-AppImage-Name=Cursor\n", 1,
			"appimage/Cursor", "" },
		{ "names in other languages", ENTRY "Name[de]=Nein\nName = Two Words \n", 1,
			"appimage/Two Words", "" },
		{ "names of actions", ENTRY "[Desktop Action x]\nName=No\n", 0, "", "" },
		{ "no group", "Name=No\n", 0, "", "" },
		{ "no name", ENTRY, 0, "", "" },
		{ "nothing", "", 0, "", "" },
		{ "path in a name", ENTRY "Name=a/b\n", -EBADMSG, "", "" },
		{ "escape code", ENTRY "Name=\x1b[1m\n", -EBADMSG, "", "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct package p = { 0 };
		int r = appimage_parse_desktop(cases[i].text, strlen(cases[i].text), &p);

		if (r != cases[i].result || strcmp(p.name, cases[i].id) != 0 ||
			strcmp(p.version, cases[i].version) != 0)
			fail_msg("%s: %d, %s, %s", cases[i].name, r, p.name, p.version);
	}
}

/* An ELF program with a squashfs right behind it. */
static struct facts facts_of_appimage(const struct seed_squash *q)
{
	struct seed_elf e;
	struct facts f;

	seed_elf_init(&e);
	seed_elf_end(&e);
	((Elf64_Ehdr *) e.bytes)->e_shoff = e.n;
	seed_put(&e.bytes, &e.n, q->bytes, q->n);
	f = facts_of(e.bytes, e.n);
	assert_int_equal(f.class, FILE_CLASS_APPIMAGE);
	seed_elf_done(&e);
	return f;
}

static uint64_t text_file(struct seed_squash *q, const char *text)
{
	return seed_squash_file(q, text, strlen(text), true);
}

/* The file at the top, in usr/share/applications, and in a folder where it does not count. */
static struct facts facts_of_desktops(
	const char *top, const char *applications, const char *elsewhere)
{
	struct seed_listed listed[3];
	struct seed_squash q;
	struct facts f;
	size_t n = 0;

	seed_squash_init(&q);
	if (elsewhere) {
		const struct seed_listed file = { "a.desktop", text_file(&q, elsewhere) };

		listed[n++] = (struct seed_listed){ "opt", seed_squash_folder(&q, &file, 1) };
	}
	if (applications) {
		struct seed_listed path = { "a.desktop", text_file(&q, applications) };

		path = (struct seed_listed){ "applications", seed_squash_folder(&q, &path, 1) };
		path = (struct seed_listed){ "share", seed_squash_folder(&q, &path, 1) };
		listed[n++] = (struct seed_listed){ "usr", seed_squash_folder(&q, &path, 1) };
	}
	if (top)
		listed[n++] = (struct seed_listed){ "z.desktop", text_file(&q, top) };
	seed_squash_end(&q, seed_squash_folder(&q, listed, n));
	f = facts_of_appimage(&q);
	seed_squash_done(&q);
	return f;
}

static void test_appimages(void **state)
{
	static const char *const a = ENTRY "Name=A\n", *const b = ENTRY "Name=B\n",
				 *const bad = ENTRY "Name=a/b\n";
	const struct {
		const char *name, *top, *applications, *elsewhere, *want;
	} cases[] = {
		{ "at the top", a, NULL, NULL, "generic appimage/A  (appimage);" },
		{ "at the top and below", a, b, NULL, "generic appimage/A  (appimage);" },
		{ "only below", NULL, b, NULL, "generic appimage/B  (appimage);" },
		{ "somewhere else", NULL, NULL, b, "" },
		{ "malformed", bad, NULL, NULL, "refused" },
		{ "malformed at the top only", bad, b, NULL, "generic appimage/B  (appimage);" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct facts f = facts_of_desktops(
			cases[i].top, cases[i].applications, cases[i].elsewhere);

		expect(cases[i].name, &f, cases[i].want);
	}
}

static void test_large_desktop_file(void **state)
{
	_cleanup_free_ char *text = malloc(APPIMAGE_DESKTOP_MAX + 2);
	struct facts f;

	(void) state;
	assert_non_null(text);
	memset(text, '\n', APPIMAGE_DESKTOP_MAX + 1);
	memcpy(text, ENTRY "Name=A", strlen(ENTRY "Name=A"));
	text[APPIMAGE_DESKTOP_MAX] = '\0';
	f = facts_of_desktops(text, NULL, NULL);
	expect("at the limit", &f, "generic appimage/A  (appimage);");
	text[APPIMAGE_DESKTOP_MAX] = '\n';
	text[APPIMAGE_DESKTOP_MAX + 1] = '\0';
	f = facts_of_desktops(text, NULL, NULL);
	expect("one byte more", &f, "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test(test_notes_at_their_limits),
		cmocka_unit_test(test_hostile_notes),
		cmocka_unit_test(test_sparse_terabyte),
		cmocka_unit_test(test_sections_at_their_limits),
		cmocka_unit_test(test_number_of_sections),
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_go_where_it_may_be),
		cmocka_unit_test(test_hostile_go),
		cmocka_unit_test(test_go_before_1_18),
		cmocka_unit_test(test_cargo),
		cmocka_unit_test(test_cargo_limits),
		cmocka_unit_test(test_archives),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_archive_limits),
		cmocka_unit_test(test_desktop_files),
		cmocka_unit_test(test_appimages),
		cmocka_unit_test(test_large_desktop_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
