/* Class and digest of whole files, and the ELF header check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/class.h"
#include "agent/inspector/digest.h"
#include "agent/inspector/elf.h"
#include "agent/inspector/inspect.h"
#include "policy/base/cleanup.h"
#include "policy/base/text.h"

enum { FILE_SIZE = 4096 };

static Elf64_Ehdr good64(void)
{
	return (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_DYN,
		.e_phoff = 64,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4 };
}

static void test_elf_header(void **state)
{
	struct {
		const char *name;
		Elf64_Ehdr h;
		bool want;
	} cases[] = {
		{ "position-independent program", good64(), true },
		{ "fixed program", good64(), true },
		{ "class that lies, which the kernel does not see", good64(), true },
		{ "byte order that lies, which the kernel does not see", good64(), true },
		{ "object file", good64(), false },
		{ "core dump", good64(), false },
		{ "no program header", good64(), false },
		{ "program headers of another size", good64(), false },
		{ "program headers that end at the end", good64(), true },
		{ "program headers one byte past the end", good64(), false },
		{ "program headers at 2^64 - 1", good64(), false },
		{ "magic number damaged", good64(), false },
	};

	(void) state;
	cases[1].h.e_type = ET_EXEC;
	cases[2].h.e_ident[EI_CLASS] = ELFCLASS32;
	cases[3].h.e_ident[EI_DATA] = ELFDATA2MSB;
	cases[4].h.e_type = ET_REL;
	cases[5].h.e_type = ET_CORE;
	cases[6].h.e_phnum = 0;
	cases[7].h.e_phentsize = 57;
	cases[8].h.e_phoff = FILE_SIZE - 4 * sizeof(Elf64_Phdr);
	cases[9].h.e_phoff = cases[8].h.e_phoff + 1;
	cases[10].h.e_phoff = UINT64_MAX;
	cases[11].h.e_ident[3] = 'f';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint8_t *head = (const uint8_t *) &cases[i].h;

		if (elf_is_program(head, sizeof(cases[i].h), FILE_SIZE) != cases[i].want)
			fail_msg("%s: expected %d", cases[i].name, cases[i].want);
	}
	for (size_t n = 0; n < sizeof(Elf64_Ehdr); n++)
		assert_false(elf_is_program((const uint8_t *) &cases[0].h, n, n));
}

static void test_elf_of_other_machines(void **state)
{
	Elf32_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC,
		.e_phoff = 52,
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1 };

	(void) state;
	assert_true(elf_is_program((const uint8_t *) &h, sizeof(h), FILE_SIZE));
	h.e_ident[EI_DATA] = ELFDATA2MSB;
	h.e_type = __builtin_bswap16(h.e_type);
	h.e_phoff = __builtin_bswap32(h.e_phoff);
	h.e_phentsize = __builtin_bswap16(h.e_phentsize);
	h.e_phnum = __builtin_bswap16(h.e_phnum);
	assert_true(elf_is_program((const uint8_t *) &h, sizeof(h), FILE_SIZE));
}

static int file_of(const void *content, size_t n)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, n), (ssize_t) n);
	return fd;
}

static struct facts facts_of(int fd, bool want_sha256)
{
	struct facts f = { 0 };

	assert_int_equal(inspect_file(
				 &(struct inspect_request){
					 .fd = fd, .want_sha256 = want_sha256, .path = "" },
				 &f),
		0);
	assert_true(facts_valid(&f));
	return f;
}

static void test_files(void **state)
{
	static const struct {
		const char *name, *text;
		enum file_class class;
		const char *interpreter;
	} cases[] = {
		{ "script", "#!/bin/sh\n", FILE_CLASS_SCRIPT, "/bin/sh" },
		{ "script for node", "#!/usr/bin/env node\nx", FILE_CLASS_JS, "/usr/bin/env" },
		{ "script in no encoding", "#!/b\xff\n", FILE_CLASS_SCRIPT, "" },
		{ "#! without interpreter", "#!\n", FILE_CLASS_UNKNOWN, "" },
		{ "JavaScript", "'use strict'\n", FILE_CLASS_JS, "" },
		{ "text", "hello", FILE_CLASS_UNKNOWN, "" },
		{ "four bytes of ELF", "\177ELF", FILE_CLASS_UNKNOWN, "" },
		{ "empty", "", FILE_CLASS_UNKNOWN, "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = file_of(cases[i].text, strlen(cases[i].text));
		struct facts f = facts_of(fd, false);

		if (f.class != cases[i].class || strcmp(f.interpreter, cases[i].interpreter) != 0 ||
			f.size != strlen(cases[i].text) || (f.have & FACTS_SHA256))
			fail_msg("%s: class %u, interpreter '%s'", cases[i].name, f.class,
				f.interpreter);
	}
}

static void test_only_regular_files(void **state)
{
	_cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int device = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct facts f = { .size = 42 };
	int fifo[2], fds[] = { folder, device, -1, -1 };

	(void) state;
	assert_int_equal(pipe(fifo), 0);
	fds[2] = fifo[0];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		const struct inspect_request request = {
			.fd = fds[i], .want_sha256 = true, .path = ""
		};

		assert_int_equal(inspect_file(&request, &f), fds[i] < 0 ? -EBADF : -EINVAL);
	}
	assert_int_equal(f.size, 42);
	(void) close(fifo[0]);
	(void) close(fifo[1]);
}

static void test_digest(void **state)
{
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	static const char million_a[] =
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	_cleanup_close_ int small = file_of("abc", 3), large = -1;
	static char a[1000000];
	uint8_t digest[SHA256_SIZE] = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	struct facts f;

	(void) state;
	f = facts_of(small, true);
	assert_true(f.have & FACTS_SHA256);
	text_hex(f.sha256, SHA256_SIZE, hex);
	assert_string_equal(hex, abc);

	memset(a, 'a', sizeof(a));
	large = file_of(a, 1000000);
	assert_int_equal(digest_file(large, 1000000, digest), 0);
	text_hex(digest, SHA256_SIZE, hex);
	assert_string_equal(hex, million_a);

	/* It shrank or grew since its size was read. */
	assert_int_equal(digest_file(large, 1000001, digest), -ESTALE);
	assert_int_equal(digest_file(large, 999999, digest), -ESTALE);
	assert_int_equal(ftruncate(large, 1 << 20), 0);
	assert_int_equal(digest_file(large, 1 << 20, digest), 0);
	assert_int_equal(digest_file(large, (1 << 20) - 1, digest), -ESTALE);
	assert_int_equal(digest_file(large, 0, digest), -ESTALE);
}

static void test_a_sparse_terabyte_has_no_digest(void **state)
{
	_cleanup_close_ int fd = file_of("'use strict'\n//", 15);
	struct facts f;

	(void) state;
	assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
	f = facts_of(fd, true);
	assert_int_equal(f.size, INT64_C(1) << 40);
	assert_false(f.have & FACTS_SHA256);
	assert_int_equal(f.class, FILE_CLASS_UNKNOWN);
	assert_int_equal(
		digest_file(fd, DIGEST_FILE_SIZE_MAX + 1, (uint8_t[SHA256_SIZE]){ 0 }), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf_header),
		cmocka_unit_test(test_elf_of_other_machines),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_only_regular_files),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_a_sparse_terabyte_has_no_digest),
	};

	return cmocka_run_group_tests_name("class", tests, NULL, NULL);
}
