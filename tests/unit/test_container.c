/* Classes that take head and tail to tell, on files made here: each as it should be, with one
 * number past its limit, and with bytes appended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/class.h"
#include "agent/inspector/inspect.h"
#include "policy/base/cleanup.h"

enum { FILE_MAX = 1024 };

struct file {
	uint8_t bytes[FILE_MAX];
	size_t n;
};

static void add(struct file *f, const void *bytes, size_t n)
{
	assert_true(n <= sizeof(f->bytes) - f->n);
	memcpy(f->bytes + f->n, bytes, n);
	f->n += n;
}

static void add_number(struct file *f, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = i < sizeof(v) ? (uint8_t) (v >> 8 * i) : 0;

		add(f, &byte, 1);
	}
}

static void add_text(struct file *f, const char *text)
{
	add(f, text, strlen(text));
}

/* The file as it is, with @appended zero bytes behind it. */
static struct facts facts_of(const struct file *f, size_t appended)
{
	_cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	struct facts facts = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->bytes, f->n), (ssize_t) f->n);
	assert_int_equal(ftruncate(fd, (off_t) (f->n + appended)), 0);
	assert_int_equal(
		inspect_file(&(struct inspect_request){ .fd = fd, .path = "" }, &facts), 0);
	assert_true(facts_valid(&facts));
	return facts;
}

static void expect(
	const char *name, struct facts f, enum file_class class, uint64_t offset, uint64_t size)
{
	if (f.class != class || f.payload_offset != offset || f.payload_size != size)
		fail_msg("%s: %s, payload %llu bytes at %llu", name, file_class_to_string(f.class),
			(unsigned long long) f.payload_size, (unsigned long long) f.payload_offset);
}

static void add_elf(struct file *f, const char mark[3])
{
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_phoff = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shoff = sizeof(h) + sizeof(Elf64_Phdr) };
	Elf64_Phdr p = { 0 };

	memcpy(h.e_ident + 8, mark, 3);
	add(f, &h, sizeof(h));
	add(f, &p, sizeof(p));
}

/* An archive of one entry that lies behind what is in @f already. */
static void add_zip(struct file *f, const char *name, const char *comment, uint32_t skew)
{
	const size_t start = f->n;
	size_t directory;

	add_text(f, "PK\3\4");
	add_number(f, 0, 26);
	directory = f->n;
	add_text(f, "PK\1\2");
	add_number(f, 0, 24);
	add_number(f, strlen(name), 2);
	add_number(f, 0, 16);
	add_text(f, name);
	const size_t size = f->n - directory;
	add_text(f, "PK\5\6");
	add_number(f, 0, 4);
	add_number(f, 1, 2);
	add_number(f, 1, 2);
	add_number(f, size, 4);
	add_number(f, directory - start + skew, 4);
	add_number(f, strlen(comment), 2);
	add_text(f, comment);
}

static void test_archives(void **state)
{
	static const struct {
		const char *name, *prefix, *entry, *comment;
		uint32_t skew;
		size_t appended;
		enum file_class class;
		size_t offset;
	} cases[] = {
		{ "archive", "", "a.txt", "", 0, 0, FILE_CLASS_ZIP, 0 },
		{ "jar", "", "META-INF/MANIFEST.MF", "", 0, 0, FILE_CLASS_JAR, 0 },
		{ "Python program", "", "__main__.py", "", 0, 0, FILE_CLASS_PYZ, 0 },
		{ "Python program behind #!", "#!/usr/bin/python3\n", "__main__.py", "", 0, 0,
			FILE_CLASS_PYZ, 19 },
		{ "jar behind #!", "#!/bin/sh\n", "META-INF/MANIFEST.MF", "", 0, 0, FILE_CLASS_JAR,
			10 },
		{ "behind something else", "\xff\xd8", "__main__.py", "", 0, 0, FILE_CLASS_PYZ, 2 },
		{ "main file in a folder", "", "a/__main__.py", "", 0, 0, FILE_CLASS_ZIP, 0 },
		{ "longer name", "", "__main__.pyc", "", 0, 0, FILE_CLASS_ZIP, 0 },
		{ "with a comment", "", "__main__.py", "hello", 0, 0, FILE_CLASS_PYZ, 0 },
		{ "bytes appended, as Python allows", "", "__main__.py", "", 0, 65535,
			FILE_CLASS_PYZ, 0 },
		{ "one byte too many appended", "", "__main__.py", "", 0, 65536, FILE_CLASS_UNKNOWN,
			0 },
		{ "archive that begins before the file", "", "__main__.py", "", 1, 0,
			FILE_CLASS_UNKNOWN, 0 },
		{ "directory at 2^32 - 1", "", "__main__.py", "", UINT32_MAX - 30, 0,
			FILE_CLASS_UNKNOWN, 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f = { .n = 0 };
		enum file_class class = cases[i].class;

		add_text(&f, cases[i].prefix);
		add_zip(&f, cases[i].entry, cases[i].comment, cases[i].skew);
		expect(cases[i].name, facts_of(&f, cases[i].appended), class, cases[i].offset,
			class == FILE_CLASS_UNKNOWN ? 0 : f.n - cases[i].offset);
	}
}

static void test_bun(void **state)
{
	static const struct {
		const char *name;
		int64_t size, table, length, entry, text; /* added to what is right */
		size_t appended;
		bool is;
	} cases[] = {
		{ "as Bun writes it", 0, 0, 0, 0, 0, 0, true },
		{ "bytes appended", 0, 0, 0, 0, 0, (128 << 10) - 16, true },
		{ "appended past the tail", 0, 0, 0, 0, 0, 128 << 10, false },
		{ "begins before the file", 121, 0, 0, 0, 0, 0, false },
		{ "size of nearly 2^63", INT64_MAX - 60, 0, 0, 0, 0, 0, false },
		{ "table one byte past the end", 0, 1, 0, 0, 0, 0, false },
		{ "table at 2^32 - 1", 0, -9, 0, 0, 0, 0, false },
		{ "table of half a module", 0, 0, -26, 0, 0, 0, false },
		{ "no table", 0, 0, -52, 0, 0, 0, false },
		{ "entry that is not in the table", 0, 0, 0, 1, 0, 0, false },
		{ "text that ends at the end", 0, 0, 0, 0, 52, 0, true },
		{ "text that ends past the end", 0, 0, 0, 0, 53, 0, false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f = { .n = 0 };

		add_elf(&f, "\0\0\0");
		add_text(&f, "contents");
		add_number(&f, 0, 8);
		add_number(&f, 0, 4);
		add_number(&f, (uint64_t) (8 + cases[i].text), 4);
		add_number(&f, 0, 52 - 16);
		add_number(&f, (uint64_t) (60 + cases[i].size), 8);
		add_number(&f, (uint64_t) (8 + cases[i].table), 4);
		add_number(&f, (uint64_t) (52 + cases[i].length), 4);
		add_number(&f, (uint64_t) cases[i].entry, 4);
		add_number(&f, 0, 12);
		add_text(&f, "\n---- Bun! ----\n");
		expect(cases[i].name, facts_of(&f, cases[i].appended),
			cases[i].is ? FILE_CLASS_BUN : FILE_CLASS_ELF, cases[i].is ? 120 : 0,
			cases[i].is ? 60 : 0);
		assert_int_equal(facts_of(&f, cases[i].appended).runtime,
			cases[i].is ? RUNTIME_BUN : RUNTIME_NONE);
	}
}

static void add_squashfs(struct file *f, uint64_t size)
{
	add_text(f, "hsqs");
	add_number(f, 0, 24);
	add_number(f, 4, 4);
	add_number(f, 0, 8);
	add_number(f, size, 8);
	add_number(f, 0, 48);
}

static void test_images(void **state)
{
	static const struct {
		const char *name, *mark;
		bool has_elf, has_squashfs;
		uint64_t size;
		enum file_class class;
		uint64_t offset;
	} cases[] = {
		{ "squashfs", "\0\0\0", false, true, 96, FILE_CLASS_SQUASHFS, 0 },
		{ "squashfs longer than the file", "\0\0\0", false, true, 97, FILE_CLASS_UNKNOWN,
			0 },
		{ "squashfs shorter than its head", "\0\0\0", false, true, 95, FILE_CLASS_UNKNOWN,
			0 },
		{ "AppImage of type 2", "AI\2", true, true, 96, FILE_CLASS_APPIMAGE, 120 },
		{ "AppImage of type 1", "AI\1", true, false, 0, FILE_CLASS_APPIMAGE, 0 },
		{ "AppImage of type 3", "AI\3", true, false, 0, FILE_CLASS_ELF, 0 },
		{ "mark wiped out", "\0\0\0", true, true, 96, FILE_CLASS_APPIMAGE, 120 },
		{ "mark wiped out, image cut", "\0\0\0", true, true, 97, FILE_CLASS_ELF, 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f = { .n = 0 };

		if (cases[i].has_elf)
			add_elf(&f, cases[i].mark);
		if (cases[i].has_squashfs)
			add_squashfs(&f, cases[i].size);
		expect(cases[i].name, facts_of(&f, 0), cases[i].class, cases[i].offset,
			cases[i].has_squashfs && cases[i].class > FILE_CLASS_ELF ? 96 : 0);
	}
}

static void test_other_forms(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		bool has_elf;
		enum file_class class;
	} cases[] = {
		{ "WebAssembly module", "\0asm\1\0\0\0", 8, false, FILE_CLASS_WASM },
		{ "WebAssembly component", "\0asm\15\0\1\0", 8, false, FILE_CLASS_WASM },
		{ "WebAssembly of no known version", "\0asm\2\0\0\0", 8, false,
			FILE_CLASS_UNKNOWN },
		{ "WebAssembly cut short", "\0asm\1\0\0", 7, false, FILE_CLASS_UNKNOWN },
		{ "UPX loader header", "....UPX!", 8, true, FILE_CLASS_UPX },
		{ "UPX mark elsewhere", "UPX!....................................", 40, true,
			FILE_CLASS_ELF },
		{ "UPX pack header at the end", ".........UPX!................................", 45,
			true, FILE_CLASS_UPX },
		{ "an end of an archive alone", "PK\5\6", 4, false, FILE_CLASS_UNKNOWN },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f = { .n = 0 };

		if (cases[i].has_elf)
			add_elf(&f, "\0\0\0");
		add(&f, cases[i].text, cases[i].n);
		expect(cases[i].name, facts_of(&f, 0), cases[i].class, 0, 0);
	}
}

static void test_claims_about_programs(void **state)
{
	struct {
		const char *name;
		struct facts f;
		bool want;
	} cases[] = {
		{ "runtime", { .class = FILE_CLASS_ELF, .linkage = 2, .runtime = 1 }, true },
		{ "script that is a runtime", { .class = FILE_CLASS_SCRIPT, .runtime = 1 }, false },
		{ "script that is linked", { .class = FILE_CLASS_SCRIPT, .linkage = 1 }, false },
		{ "runtime nobody looked at", { .class = FILE_CLASS_ELF, .runtime = 1 }, false },
		{ "unknown runtime",
			{ .class = FILE_CLASS_ELF, .linkage = 1, .runtime = _RUNTIME_MAX }, false },
		{ "unknown linkage", { .class = FILE_CLASS_ELF, .linkage = _ELF_LINKAGE_MAX },
			false },
		{ "payload is the file", { .size = 9, .payload_size = 9 }, true },
		{ "payload one byte longer", { .size = 9, .payload_size = 10 }, false },
		{ "payload one byte further", { .size = 9, .payload_offset = 1, .payload_size = 9 },
			false },
		{ "payload past 2^64",
			{ .size = 9, .payload_offset = 8, .payload_size = UINT64_MAX }, false },
		{ "payload of no bytes somewhere", { .size = 9, .payload_offset = 1 }, false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (facts_valid(&cases[i].f) != cases[i].want)
			fail_msg("%s: expected %d", cases[i].name, cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_archives),
		cmocka_unit_test(test_bun),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_claims_about_programs),
	};

	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
