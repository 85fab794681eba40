/*
 * The bounds of what a client of the private socket may send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/bus/frame.h"
#include "policy/base/cleanup.h"

static const char auth[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

static void begin(struct frame *f)
{
	*f = (struct frame){ 0 };
	assert_int_equal(frame_feed(f, (const uint8_t *) auth, sizeof(auth) - 1), 0);
	assert_true(f->begun);
}

/* The sixteen fixed bytes of a little-endian message. */
static void header(uint8_t out[16], uint32_t fields, uint32_t body)
{
	const uint8_t fixed[] = { 'l', 1, 0, 1, (uint8_t) body, (uint8_t) (body >> 8),
		(uint8_t) (body >> 16), (uint8_t) (body >> 24), 1, 0, 0, 0, (uint8_t) fields,
		(uint8_t) (fields >> 8), (uint8_t) (fields >> 16), (uint8_t) (fields >> 24) };

	memcpy(out, fixed, sizeof(fixed));
}

static void test_sizes(void **state)
{
	static const struct {
		const char *name;
		uint32_t fields, body;
		int want;
	} cases[] = {
		{ "the smallest message", 0, 0, 0 },
		{ "the largest message", 8, FRAME_MESSAGE_MAX - 16 - 8, 0 },
		{ "one byte more", 8, FRAME_MESSAGE_MAX - 16 - 8 + 1, -EMSGSIZE },
		{ "padding counts", 1, FRAME_MESSAGE_MAX - 16 - 1, -EMSGSIZE },
		{ "sizes that would overflow 32 bits", UINT32_MAX, UINT32_MAX, -EMSGSIZE },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f;
		uint8_t bytes[16];
		int r;

		begin(&f);
		header(bytes, cases[i].fields, cases[i].body);
		r = frame_feed(&f, bytes, sizeof(bytes));
		if (r != cases[i].want)
			fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].want);
	}
}

static void test_not_dbus(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
	} cases[] = {
		{ "an unknown byte order", 0, 'x' },
		{ "another version of the protocol", 3, 2 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame f;
		uint8_t bytes[16];

		begin(&f);
		header(bytes, 0, 0);
		bytes[cases[i].at] = cases[i].byte;
		if (frame_feed(&f, bytes, sizeof(bytes)) != -EBADMSG)
			fail_msg("%s was let through", cases[i].name);
	}
}

static void test_auth_limit(void **state)
{
	struct frame f = { 0 };
	uint8_t byte = 'A';

	(void) state;
	for (int i = 0; i < FRAME_AUTH_MAX; i++)
		assert_int_equal(frame_feed(&f, &byte, 1), 0);
	assert_int_equal(frame_feed(&f, &byte, 1), -EMSGSIZE);
}

static void test_begin_is_found_after_false_starts(void **state)
{
	static const char text[] = "\r\nBEG\r\r\nBEGIN\r\n";
	struct frame f = { 0 };

	(void) state;
	assert_int_equal(frame_feed(&f, (const uint8_t *) text, sizeof(text) - 1), 0);
	assert_true(f.begun);
}

/* What the agent says is cut at messages, too, so that a descriptor stays with its own. */
static void test_from_agent(void **state)
{
	static const char lines[] = "DATA\r\nOK 0123\r\nAGREE_UNIX_FD\r\n";
	struct frame f = { .from_agent = 1 };
	uint8_t bytes[16], body[100] = { 0 };

	(void) state;
	for (size_t i = 0; i < sizeof(lines) - 1; i++) {
		assert_int_equal(frame_need(&f), 1);
		assert_int_equal(frame_feed(&f, (const uint8_t *) &lines[i], 1), 0);
		assert_false(f.begun);
	}
	assert_int_equal(frame_need(&f), 1);
	header(bytes, 0, sizeof(body));
	assert_int_equal(frame_feed(&f, bytes, 1), 0);
	assert_true(f.begun);
	assert_int_equal(frame_need(&f), 15);
	assert_int_equal(frame_feed(&f, bytes + 1, 15), 0);
	assert_int_equal(frame_need(&f), sizeof(body));
	assert_int_equal(frame_feed(&f, body, sizeof(body)), 0);
	assert_int_equal(frame_need(&f), 16);
	header(bytes, 8, FRAME_MESSAGE_MAX); /* its own limits are elsewhere */
	assert_int_equal(frame_feed(&f, bytes, sizeof(bytes)), 0);
	assert_int_equal(frame_need(&f), FRAME_MESSAGE_MAX + 8);
}

/* Reading never crosses a boundary, however the bytes are cut. */
static void test_need(void **state)
{
	struct frame f = { 0 };
	uint8_t bytes[16], body[100] = { 0 };

	(void) state;
	assert_int_equal(frame_need(&f), 1);
	begin(&f);
	assert_int_equal(frame_need(&f), 16);
	header(bytes, 0, sizeof(body));
	assert_int_equal(frame_feed(&f, bytes, 5), 0);
	assert_int_equal(frame_need(&f), 11);
	assert_int_equal(frame_feed(&f, bytes + 5, 11), 0);
	assert_int_equal(frame_need(&f), sizeof(body));
	assert_int_equal(frame_feed(&f, body, 99), 0);
	assert_int_equal(frame_need(&f), 1);
	assert_int_equal(frame_feed(&f, body, 1), 0);
	assert_int_equal(frame_need(&f), 16);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_not_dbus),
		cmocka_unit_test(test_auth_limit),
		cmocka_unit_test(test_begin_is_found_after_false_starts),
		cmocka_unit_test(test_from_agent),
		cmocka_unit_test(test_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
