/* Headers of rpm packages, made here tag by tag: what is read from them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "agent/inspector/rpm_header.h"
#include "policy/base/cleanup.h"

enum {
	NAME = 1000,
	VERSION = 1001,
	RELEASE = 1002,
	EPOCH = 1003,
	OLD_FILES = 1027,
	STATES = 1029,
	INDEXES = 1116,
	BASE_NAMES = 1117,
	FOLDERS = 1118,
	CHAR = 1,
	INT32 = 4,
	STRING = 6,
	STRINGS = 8,
	TAGS_MAX = 16,
};

/* ---- making headers ---- */

struct maker {
	uint32_t n;
	uint32_t index[TAGS_MAX][4];
	uint8_t data[4096];
	uint32_t size;
};

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t) (value >> (24 - 8 * i));
}

static void add(struct maker *m, uint32_t tag, uint32_t type, const void *data, uint32_t size,
	uint32_t count)
{
	const uint32_t entry[4] = { tag, type, m->size, count };

	memcpy(m->index[m->n++], entry, sizeof(entry));
	memcpy(m->data + m->size, data, size);
	m->size += size;
}

/* @strings: one after the other, an empty one ends them. */
static void add_strings(struct maker *m, uint32_t tag, uint32_t type, const char *strings)
{
	uint32_t size = 0, n = 0;

	for (; strings[size]; n++)
		size += (uint32_t) strlen(strings + size) + 1;
	add(m, tag, type, strings, size, n);
}

static void add_numbers(struct maker *m, uint32_t tag, uint32_t n, const uint32_t numbers[])
{
	uint8_t data[64];

	for (uint32_t i = 0; i < n; i++)
		put32(data + (size_t) 4 * i, numbers[i]);
	add(m, tag, INT32, data, 4 * n, n);
}

static size_t finish(const struct maker *m, uint8_t *out)
{
	put32(out, m->n);
	put32(out + 4, m->size);
	for (uint32_t i = 0; i < m->n; i++)
		for (uint32_t k = 0; k < 4; k++)
			put32(out + 8 + (size_t) 16 * i + (size_t) 4 * k, m->index[i][k]);
	memcpy(out + 8 + (size_t) 16 * m->n, m->data, m->size);
	return 8 + (size_t) 16 * m->n + m->size;
}

static struct maker torrentbox(void)
{
	struct maker m = { 0 };

	add_strings(&m, NAME, STRING, "torrentbox\0");
	add_strings(&m, VERSION, STRING, "1.2\0");
	add_strings(&m, RELEASE, STRING, "3.fc40\0");
	return m;
}

/* ---- reading them ---- */

struct put {
	char text[2048];
	int error;
};

static int put_record(enum packages_record tag, const char *text, void *context)
{
	struct put *p = context;
	size_t at = strlen(p->text);

	(void) snprintf(p->text + at, sizeof(p->text) - at, "%c:%.300s ", (char) tag, text);
	return p->error;
}

/* From memory of exactly that size, so that a read past its end shows. */
static int read_exactly(const uint8_t *data, size_t n, struct put *ret)
{
	_cleanup_free_ uint8_t *copy = malloc(n ? n : 1);
	struct sink sink = { .put = put_record, .context = ret };

	assert_non_null(copy);
	memcpy(copy, data, n);
	return rpm_header_read(copy, n, &sink);
}

static void check(const char *name, const struct maker *m, int want, const char *text)
{
	uint8_t data[8192] = { 0 };
	struct put put = { 0 };
	int r = read_exactly(data, finish(m, data), &put);

	if (r != want || strcmp(put.text, text) != 0)
		fail_msg("%s: %d, '%s'", name, r, put.text);
}

static void test_versions(void **state)
{
	static const struct {
		const char *name, *version, *release;
		int64_t epoch; /* -1: none */
		const char *want;
	} rows[] = {
		{ "without an epoch", "1.2\0", "3.fc40\0", -1, "p:x v:1.2-3.fc40 " },
		{ "with an epoch", "1.2\0", "3\0", 2, "p:x v:2:1.2-3 " },
		{ "with epoch 0", "1.2\0", "3\0", 0, "p:x v:0:1.2-3 " },
		{ "the largest epoch", "1\0", "1\0", UINT32_MAX, "p:x v:4294967295:1-1 " },
		{ "tilde and caret", "1~rc1\0", "1^git\0", -1, "p:x v:1~rc1-1^git " },
		{ "without a release", "1\0", NULL, -1, "p:x " },
		{ "blanks in it", "1 2\0", "1\0", -1, "p:x " },
		{ "a hyphen in the version", "1-2\0", "1\0", -1, "p:x " },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct maker m = { 0 };

		add_strings(&m, NAME, STRING, "x\0");
		add_strings(&m, VERSION, STRING, rows[i].version);
		if (rows[i].release)
			add_strings(&m, RELEASE, STRING, rows[i].release);
		if (rows[i].epoch >= 0)
			add_numbers(&m, EPOCH, 1, (uint32_t[]){ (uint32_t) rows[i].epoch });
		check(rows[i].name, &m, 0, rows[i].want);
	}
}

#define HEAD "p:torrentbox v:1.2-3.fc40 "

static void test_files(void **state)
{
	static const struct {
		const char *name, *folders, *names;
		uint32_t n, indexes[3];
		const char *states; /* of n bytes, or NULL */
		int want;
		const char *text;
	} rows[] = {
		{ "two folders", "/usr/bin/\0/etc/\0", "a\0b\0c\0", 3, { 0, 1, 0 }, NULL, 0,
			HEAD "f:/usr/bin/a f:/etc/b f:/usr/bin/c " },
		{ "what another package took, and what was left out", "/\0", "a\0b\0c\0", 3, { 0 },
			"\1\0\2", 0, HEAD "f:/b " },
		{ "what lies on a shared disk", "/\0", "a\0", 1, { 0 }, "\3", 0, HEAD "f:/a " },
		{ "a folder that is none", "usr/\0", "a\0", 1, { 0 }, NULL, 0, HEAD },
		{ "an index past the folders", "/\0", "a\0b\0", 2, { 0, 1 }, NULL, -EBADMSG,
			HEAD "f:/a " },
		{ "fewer indexes than names", "/\0", "a\0b\0", 1, { 0 }, NULL, -EBADMSG, HEAD },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct maker m = torrentbox();

		add_strings(&m, FOLDERS, STRINGS, rows[i].folders);
		add_strings(&m, BASE_NAMES, STRINGS, rows[i].names);
		add_numbers(&m, INDEXES, rows[i].n, rows[i].indexes);
		if (rows[i].states)
			add(&m, STATES, CHAR, rows[i].states, rows[i].n, rows[i].n);
		check(rows[i].name, &m, rows[i].want, rows[i].text);
	}
}

static void test_whole_paths_of_old_packages(void **state)
{
	struct maker m = torrentbox();

	(void) state;
	add_strings(&m, OLD_FILES, STRINGS, "/usr/bin/a\0/b\0");
	check("old", &m, 0, HEAD "f:/usr/bin/a f:/b ");
}

static void test_refused(void **state)
{
	struct maker nameless = { 0 }, typed = { 0 }, way_up = { 0 }, endless = { 0 },
		     far = torrentbox(), many = torrentbox(), lone = torrentbox();

	(void) state;
	check("no name", &nameless, -EBADMSG, "");
	add_strings(&typed, NAME, STRINGS, "x\0");
	check("a name of another type", &typed, -EBADMSG, "");
	add_strings(&way_up, NAME, STRING, "../x\0");
	check("a name with a way up", &way_up, -EBADMSG, "");
	add(&endless, NAME, STRING, "x", 1, 1);
	check("a name without an end", &endless, -EBADMSG, "");
	far.index[0][2] = UINT32_MAX;
	check("a name behind the data", &far, -EBADMSG, "");
	add_strings(&many, BASE_NAMES, STRINGS, "a\0");
	many.index[3][3] = UINT32_MAX;
	check("more names than data", &many, 0, HEAD); /* as good as none */
	add_strings(&lone, BASE_NAMES, STRINGS, "a\0");
	check("names without folders", &lone, -EBADMSG, HEAD);
}

static void test_cut_at_every_length(void **state)
{
	struct maker m = torrentbox();
	uint8_t data[8192] = { 0 };
	size_t n;

	(void) state;
	add_strings(&m, FOLDERS, STRINGS, "/usr/bin/\0/etc/\0");
	add_strings(&m, BASE_NAMES, STRINGS, "a\0b\0");
	add_numbers(&m, INDEXES, 2, (uint32_t[]){ 0, 1 });
	n = finish(&m, data);
	for (size_t k = 0; k < n; k++) {
		struct put put = { 0 };

		if (read_exactly(data, k, &put) != -EBADMSG || put.text[0])
			fail_msg("%zu of %zu bytes: '%s'", k, n, put.text);
	}
}

static void test_limits(void **state)
{
	uint8_t *data = calloc(1, (size_t) RPM_HEADER_MAX + 1);
	struct sink sink = { .put = put_record };

	(void) state;
	assert_non_null(data);
	assert_int_equal(rpm_header_read(data, (size_t) RPM_HEADER_MAX + 1, &sink), -E2BIG);
	put32(data, RPM_TAGS_MAX + 1);
	assert_int_equal(rpm_header_read(data, RPM_HEADER_MAX, &sink), -E2BIG);
	put32(data, RPM_TAGS_MAX);
	assert_int_equal(rpm_header_read(data, RPM_HEADER_MAX, &sink), -EBADMSG); /* no name */
	put32(data, 1);
	put32(data + 4, RPM_HEADER_MAX);
	assert_int_equal(rpm_header_read(data, RPM_HEADER_MAX, &sink), -EBADMSG);
	free(data);
}

static void test_one_folder_too_many(void **state)
{
	static const uint32_t numbers[] = { NAME, STRING, 0, 1, FOLDERS, STRINGS, 2, 0, BASE_NAMES,
		STRINGS, 0, 1, INDEXES, INT32, 4, 1 };
	const size_t size = 8 + sizeof(numbers) + 16 + RPM_FOLDERS_MAX * 2;
	uint8_t *data = calloc(1, size);

	(void) state;
	assert_non_null(data);
	put32(data, 4);
	put32(data + 4, (uint32_t) (size - 8 - sizeof(numbers)));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put32(data + 8 + 4 * i, numbers[i]);
	data[8 + sizeof(numbers)] = 'x';
	for (uint32_t n = RPM_FOLDERS_MAX; n <= RPM_FOLDERS_MAX + 1; n++) {
		struct put put = { 0 };
		struct sink sink = { .put = put_record, .context = &put };

		put32(data + 8 + 16 + 12, n);
		assert_int_equal(
			rpm_header_read(data, size, &sink), n > RPM_FOLDERS_MAX ? -E2BIG : 0);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_whole_paths_of_old_packages),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_at_every_length),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_one_folder_too_many),
	};

	return cmocka_run_group_tests_name("rpm header", tests, NULL, NULL);
}
