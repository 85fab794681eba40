/*
 * agent/ledger/inventory: first seen, last seen and gone, from the records of scans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ledger/inventory.h"

static void add(struct inventory *i, const char *kind, const char *outcome, const char *path,
	int64_t time, const char *version)
{
	const struct record r = { .kind = kind,
		.outcome = outcome,
		.path = path,
		.utc_nsec = time,
		.version = version,
		.software_id = "tool",
		.id = "0000-0000-0000",
		.uid = -1 };

	assert_int_equal(inventory_add(i, &r), 0);
}

/* One letter a record: what happened to /home/a/x at time 1, 2, ... */
static void follow(struct inventory *i, const char *story)
{
	for (int64_t time = 1; *story; story++, time++)
		switch (*story) {
		case 'f':
			add(i, "finding", "found", "/home/a/x", time, "1.0");
			break;
		case 'g':
			add(i, "finding", "gone", "/home/a/x", time, NULL);
			break;
		case 'c':
			add(i, "scan", "complete", "/home", time, NULL);
			break;
		case 'i':
			add(i, "scan", "incomplete", "/home", time, NULL);
			break;
		case 'o':
			add(i, "scan", "complete", "/home/ab", time, NULL);
			break;
		case 'l':
			add(i, "launch", "refused", "/home/a/x", time, "9.9");
			break;
		default:
			fail();
		}
}

static void times_follow_from_records(void **state)
{
	static const struct {
		const char *name, *story;
		int64_t first, last, gone;
	} cases[] = {
		{ "found in a scan", "fc", 1, 2, 0 },
		{ "found, and the scan did not end", "fi", 1, 1, 0 },
		{ "three scans", "fccc", 1, 4, 0 },
		{ "other folders were scanned since", "fcoo", 1, 2, 0 },
		{ "gone", "fcgc", 1, 2, 3 },
		{ "gone and back", "fcgcfc", 5, 6, 0 },
		{ "found as something else", "fcfc", 1, 4, 0 },
		{ "gone twice", "fcgcg", 1, 2, 5 },
		{ "launches say nothing", "lflcl", 2, 4, 0 },
	};

	(void) state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		_cleanup_(inventory_freep) struct inventory *i = NULL;
		const struct finding_entry *e;

		assert_int_equal(inventory_new(&i), 0);
		follow(i, cases[k].story);
		assert_int_equal(inventory_n(i), 1);
		e = inventory_entry(i, 0);
		if (e->first_nsec != cases[k].first || e->last_nsec != cases[k].last ||
			e->gone_nsec != cases[k].gone)
			fail_msg("%s: first %d, last %d, gone %d", cases[k].name,
				(int) e->first_nsec, (int) e->last_nsec, (int) e->gone_nsec);
		assert_string_equal(e->version, "1.0");
		assert_ptr_equal(inventory_find(i, "/home/a/x"), e);
		assert_null(inventory_find(i, "/home/a"));
	}
}

static void what_was_never_found_cannot_go(void **state)
{
	_cleanup_(inventory_freep) struct inventory *i = NULL;

	(void) state;
	assert_int_equal(inventory_new(&i), 0);
	follow(i, "gcl");
	assert_int_equal(inventory_n(i), 0);
	assert_null(inventory_free(NULL));
}

static void folders_hold_what_lies_in_them(void **state)
{
	static const struct {
		const char *path, *folder;
		bool want;
	} cases[] = {
		{ "/a/b", "/a", true },
		{ "/a/b", "/a/", true },
		{ "/a", "/a", true },
		{ "/a/b", "/", true },
		{ "/", "/", true },
		{ "/ab", "/a", false },
		{ "/a", "/a/b", false },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (inventory_is_below(cases[i].path, cases[i].folder) != cases[i].want)
			fail_msg("%s in %s", cases[i].path, cases[i].folder);
}

/* One more than there is room for: what is gone makes room first, the oldest before others. */
static void there_is_a_limit(void **state)
{
	_cleanup_(inventory_freep) struct inventory *i = NULL;
	char path[32];

	(void) state;
	assert_int_equal(inventory_new(&i), 0);
	for (int k = 0; k < INVENTORY_MAX; k++) {
		(void) snprintf(path, sizeof(path), "/x/%d", k);
		add(i, "finding", "found", path, k + 1, NULL);
	}
	add(i, "finding", "gone", "/x/5000", INVENTORY_MAX + 1, NULL);
	assert_int_equal(inventory_n(i), INVENTORY_MAX);
	assert_int_equal(inventory_dropped(i), 0);
	add(i, "finding", "found", "/y", INVENTORY_MAX + 2, NULL);
	assert_int_equal(inventory_n(i), INVENTORY_MAX);
	assert_int_equal(inventory_dropped(i), 1);
	assert_null(inventory_find(i, "/x/5000"));
	assert_non_null(inventory_find(i, "/x/0"));
	add(i, "finding", "found", "/z", INVENTORY_MAX + 3, NULL);
	assert_null(inventory_find(i, "/x/0"));
	assert_non_null(inventory_find(i, "/x/9999"));
	assert_non_null(inventory_find(i, "/y"));
	assert_non_null(inventory_find(i, "/z"));
	assert_int_equal(inventory_n(i) + inventory_dropped(i), INVENTORY_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_follow_from_records),
		cmocka_unit_test(what_was_never_found_cannot_go),
		cmocka_unit_test(folders_hold_what_lies_in_them),
		cmocka_unit_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
