/*
 * jansson reads; what it would let pass, or would need too much memory for, is refused before it
 * starts. It cannot write the canonical form (it escapes control characters, which are literal
 * there), so that is done here.
 */
#include "policy/trust/canonical.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/text.h"

_Static_assert(sizeof(json_int_t) == sizeof(long long), "integers are written as long long");

/* ---- reading ---- */

static int refuse(char *why, size_t size, const char *text)
{
	if (why)
		(void) text_escape(text, why, size);
	return -EBADMSG;
}

/* Nesting and number of values, as far as brackets and commas outside of strings tell. */
static int check_size(const char *text, size_t n, char *why, size_t size)
{
	size_t depth = 0, values = 1;
	bool quoted = false;
	char message[80];

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '[' || c == '{')
			depth++, values++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		else if (c == ',')
			values++;
		if (depth > CANONICAL_DEPTH_MAX) {
			(void) snprintf(message, sizeof(message), "nests deeper than %d levels",
				CANONICAL_DEPTH_MAX);
			return refuse(why, size, message);
		}
		if (values > CANONICAL_VALUES_MAX) {
			(void) snprintf(message, sizeof(message), "holds more than %d values",
				CANONICAL_VALUES_MAX);
			return refuse(why, size, message);
		}
	}
	return 0;
}

int canonical_load(const void *bytes, size_t n, char *why, size_t size, json_t **ret)
{
	char message[JSON_ERROR_TEXT_LENGTH + 64];
	json_error_t error = { 0 };
	json_t *value;
	int r;

	r = check_size(bytes, n, why, size);
	if (r < 0)
		return r;
	value = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (value) {
		*ret = value;
		return 0;
	}
	if (json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	(void) snprintf(message, sizeof(message), "line %d, column %d: %s", error.line,
		error.column, error.text);
	return refuse(why, size, message);
}

/* ---- writing ---- */

struct out {
	char *text; /* owned */
	size_t n, room;
};

static void out_done(struct out *o)
{
	free(o->text);
}

static int put(struct out *o, const char *s, size_t n)
{
	if (!o->text || o->room - o->n < n) {
		size_t room = 2 * (o->n + n) + 256;
		char *text = realloc(o->text, room);

		if (!text)
			return -ENOMEM;
		o->text = text;
		o->room = room;
	}
	memcpy(o->text + o->n, s, n);
	o->n += n;
	return 0;
}

static int put_string(struct out *o, const char *s, size_t n)
{
	int r = put(o, "\"", 1);

	while (r == 0 && n > 0) {
		size_t plain = 0;

		while (plain < n && s[plain] != '"' && s[plain] != '\\')
			plain++;
		if (plain > 0)
			r = put(o, s, plain);
		else
			r = put(o, s[plain++] == '"' ? "\\\"" : "\\\\", 2);
		s += plain;
		n -= plain;
	}
	return r < 0 ? r : put(o, "\"", 1);
}

static int put_value(struct out *o, const json_t *value, unsigned depth);

static int put_array(struct out *o, const json_t *array, unsigned depth)
{
	size_t n = json_array_size(array);
	int r = put(o, "[", 1);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			r = put(o, ",", 1);
		if (r == 0)
			r = put_value(o, json_array_get(array, i), depth);
	}
	return r < 0 ? r : put(o, "]", 1);
}

struct member {
	const char *key;
	const json_t *value;
};

/* The order of bytes is the order of code points in UTF-8. */
static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct member *) a)->key, ((const struct member *) b)->key);
}

static int put_object(struct out *o, const json_t *object, unsigned depth)
{
	json_t *all = (json_t *) object; /* iterating writes nothing */
	_cleanup_free_ struct member *members = NULL;
	size_t n = 0;
	int r;

	members = calloc(json_object_size(object) + 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	for (void *i = json_object_iter(all); i; i = json_object_iter_next(all, i))
		members[n++] = (struct member){ json_object_iter_key(i),
			json_object_iter_value(i) };
	qsort(members, n, sizeof(*members), compare_members);

	r = put(o, "{", 1);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			r = put(o, ",", 1);
		if (r == 0)
			r = put_string(o, members[i].key, strlen(members[i].key));
		if (r == 0)
			r = put(o, ":", 1);
		if (r == 0)
			r = put_value(o, members[i].value, depth);
	}
	return r < 0 ? r : put(o, "}", 1);
}

static int put_integer(struct out *o, json_int_t i)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long) i);

	return put(o, digits, (size_t) n);
}

/* @depth: objects and arrays around it. */
static int put_value(struct out *o, const json_t *value, unsigned depth)
{
	if (!value)
		return -EBADMSG;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return depth < CANONICAL_DEPTH_MAX ? put_object(o, value, depth + 1) : -EBADMSG;
	case JSON_ARRAY:
		return depth < CANONICAL_DEPTH_MAX ? put_array(o, value, depth + 1) : -EBADMSG;
	case JSON_STRING:
		return put_string(o, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		return put_integer(o, json_integer_value(value));
	case JSON_TRUE:
		return put(o, "true", 4);
	case JSON_FALSE:
		return put(o, "false", 5);
	case JSON_NULL:
		return put(o, "null", 4);
	case JSON_REAL:
		return -EBADMSG;
	}
	return -EBADMSG;
}

int canonical_encode(const json_t *value, char **ret, size_t *ret_size)
{
	_cleanup_(out_done) struct out o = { 0 };
	int r;

	r = put_value(&o, value, 0);
	if (r == 0)
		r = put(&o, "", 1);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o.text);
	*ret_size = o.n - 1;
	return 0;
}
