#include "policy/trust/member.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "policy/trust/key.h"

enum {
	SHOWN_MAX = 80, /* bytes of a value or name in a message */
	SHOWN_SIZE = SHOWN_MAX + 16,
};

static void quote(const char *s, char out[SHOWN_SIZE])
{
	(void) snprintf(
		out, SHOWN_SIZE, strlen(s) > SHOWN_MAX ? "\"%.*s...\"" : "\"%.*s\"", SHOWN_MAX, s);
}

static void show(const json_t *value, char out[SHOWN_SIZE])
{
	const char *text = "missing";

	if (json_is_string(value)) {
		quote(json_string_value(value), out);
		return;
	}
	if (json_is_integer(value)) {
		(void) snprintf(
			out, SHOWN_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	}
	if (json_is_object(value))
		text = "an object";
	else if (json_is_array(value))
		text = "a list";
	else if (json_is_boolean(value))
		text = json_is_true(value) ? "true" : "false";
	else if (json_is_real(value))
		text = "a number with a fraction";
	else if (json_is_null(value))
		text = "null";
	(void) snprintf(out, SHOWN_SIZE, "%s", text);
}

int reading_fail(const struct reading *rd, const char *format, ...)
{
	char text[TUF_TEXT_MAX + 1], name[SHOWN_SIZE] = "";
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (rd->name)
		quote(rd->name, name);
	return tuf_fail(rd->e, -EBADMSG, rd->role, rd->file, "%s%s%s%s%s", rd->part ? rd->part : "",
		rd->name ? " " : "", name, rd->part ? " " : "", text);
}

int member_refuse(
	const struct reading *rd, const char *key, const json_t *value, const char *expected)
{
	char found[SHOWN_SIZE], name[SHOWN_SIZE] = "";

	show(value, found);
	if (rd->name)
		quote(rd->name, name);
	return tuf_fail(rd->e, -EBADMSG, rd->role, rd->file, "\"%s\"%s%s%s%s is %s, expected %s",
		key, rd->part ? " of " : "", rd->part ? rd->part : "", rd->name ? " " : "", name,
		found, expected);
}

int member_string(const struct reading *rd, const json_t *object, const char *key, const char **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return member_refuse(rd, key, value, "a string");
	*ret = json_string_value(value);
	return 0;
}

int member_object(
	const struct reading *rd, const json_t *object, const char *key, const json_t **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return member_refuse(rd, key, value, "an object");
	*ret = value;
	return 0;
}

int member_array(
	const struct reading *rd, const json_t *object, const char *key, const json_t **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_array(value))
		return member_refuse(rd, key, value, "a list");
	*ret = value;
	return 0;
}

int member_integer(const struct reading *rd, const json_t *object, const char *key, int64_t min,
	int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(object, key);
	char expected[80];

	if (json_is_integer(value) && json_integer_value(value) >= min &&
		json_integer_value(value) <= max) {
		*ret = json_integer_value(value);
		return 0;
	}
	if (max == INT64_MAX)
		(void) snprintf(
			expected, sizeof(expected), "a whole number from %" PRId64 " on", min);
	else
		(void) snprintf(expected, sizeof(expected),
			"a whole number from %" PRId64 " to %" PRId64, min, max);
	return member_refuse(rd, key, value, expected);
}

int member_bool(const struct reading *rd, const json_t *object, const char *key, bool *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return member_refuse(rd, key, value, "true or false");
	*ret = json_is_true(value);
	return 0;
}

bool member_is_keyid(const char *s)
{
	return strspn(s, "0123456789abcdef") == TUF_KEYID_SIZE - 1 && !s[TUF_KEYID_SIZE - 1];
}
