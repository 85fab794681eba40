/* What of each class of file signatures are searched for in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "agent/inspector/payload.h"
#include "policy/base/cleanup.h"

enum { FILE_SIZE = 10000 };

static void test_classes(void **state)
{
	static const struct {
		const char *name;
		enum file_class class;
		struct range carried;
		bool whole, has_rest, damaged;
		enum payload_packing packing;
		struct range range; /* the only one */
	} cases[] = {
		{ "unknown", FILE_CLASS_UNKNOWN, { 0, 0 }, true, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "program", FILE_CLASS_ELF, { 0, 0 }, true, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "packed program", FILE_CLASS_UPX, { 0, 0 }, true, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "Electron", FILE_CLASS_ELECTRON, { 0, 0 }, true, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "WebAssembly", FILE_CLASS_WASM, { 0, 0 }, true, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "script", FILE_CLASS_SCRIPT, { 0, 0 }, false, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "JavaScript", FILE_CLASS_JS, { 0, 0 }, false, false, false, PAYLOAD_PLAIN,
			{ 0, FILE_SIZE } },
		{ "Node application", FILE_CLASS_NODE_SEA, { 5000, 300 }, false, true, false,
			PAYLOAD_PLAIN, { 5000, 300 } },
		{ "Bun with a damaged table", FILE_CLASS_BUN, { 5000, 300 }, true, false, true,
			PAYLOAD_PLAIN, { 0, FILE_SIZE } },
		{ "archive", FILE_CLASS_ZIP, { 0, FILE_SIZE }, false, false, false, PAYLOAD_ZIP,
			{ 0, 0 } },
		{ "jar behind a script", FILE_CLASS_JAR, { 30, 500 }, false, false, false,
			PAYLOAD_ZIP, { 0, 30 } },
		{ "Python program behind a script", FILE_CLASS_PYZ, { 30, 500 }, false, false,
			false, PAYLOAD_ZIP, { 0, 30 } },
		{ "AppImage", FILE_CLASS_APPIMAGE, { 4000, 6000 }, false, false, false,
			PAYLOAD_SQUASHFS, { 0, 4000 } },
		{ "AppImage without a squashfs", FILE_CLASS_APPIMAGE, { 0, 0 }, true, false, false,
			PAYLOAD_PLAIN, { 0, FILE_SIZE } },
		{ "squashfs", FILE_CLASS_SQUASHFS, { 0, 9000 }, false, false, false,
			PAYLOAD_SQUASHFS, { 0, 0 } },
	};
	_cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	const struct view v = { .fd = fd, .size = FILE_SIZE };

	(void) state;
	assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(payload_done) struct payload p = { 0 };
		const struct facts f = { .class = cases[i].class,
			.size = FILE_SIZE,
			.payload_offset = cases[i].carried.offset,
			.payload_size = cases[i].carried.size };

		if (cases[i].damaged) /* contents past the modules' end */
			assert_int_equal(pwrite(fd, "\0\0\0\0\64\0\0\0", 8, 5300 + 8), 8);
		if (cases[i].damaged)
			assert_int_equal(pwrite(fd, "\xff\xff", 2, 5000 + 8), 2);
		assert_int_equal(payload_find(&v, &f, &p), 0);
		if (p.whole != cases[i].whole || p.has_rest != cases[i].has_rest ||
			p.damaged != cases[i].damaged || p.packing != cases[i].packing ||
			p.n_ranges != 1 || p.ranges[0].offset != cases[i].range.offset ||
			p.ranges[0].size != cases[i].range.size || p.size != p.ranges[0].size)
			fail_msg("%s: whole %d, rest %d, damaged %d, packing %d, %zu ranges, "
				 "%llu bytes",
				cases[i].name, p.whole, p.has_rest, p.damaged, p.packing,
				p.n_ranges, (unsigned long long) p.size);
		if (p.packing != PAYLOAD_PLAIN)
			assert_true(p.packed.offset == cases[i].carried.offset &&
				p.packed.size == cases[i].carried.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_classes) };

	return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
