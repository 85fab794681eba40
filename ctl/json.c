/*
 * Runs in proscribectl.
 */
#include "ctl/json.h"

#include <string.h>

#include "agent/ledger/fields.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

enum { DEPTH_MAX = 16, ESCAPE_GROWTH = 10 };

json_t *json_text(const char *s)
{
	_cleanup_free_ char *clean = NULL;
	size_t size;

	if (!s)
		return NULL;
	if (text_utf8_valid(s, strlen(s)))
		return json_string(s);
	size = strlen(s) * ESCAPE_GROWTH + 1;
	clean = malloc(size);
	if (!clean)
		return NULL;
	(void) text_escape(s, clean, size);
	return json_string(clean);
}

/* ---- from D-Bus ---- */

static int value_from(sd_bus_message *m, json_t *parent, const char *key, int depth, json_t **ret);

static int basic_from(sd_bus_message *m, char type, json_t **ret)
{
	union {
		const char *s;
		uint64_t t;
		int64_t x;
		uint32_t u;
		int i;
		double d;
	} v;
	int r = sd_bus_message_read_basic(m, type, &v);

	if (r < 0)
		return r;
	switch (type) {
	case 's':
		*ret = json_text(v.s);
		break;
	case 't':
		*ret = json_integer((json_int_t) v.t);
		break;
	case 'x':
		*ret = json_integer(v.x);
		break;
	case 'u':
		*ret = json_integer(v.u);
		break;
	case 'b':
		*ret = json_boolean(v.i);
		break;
	default:
		return -EPROTO;
	}
	return *ret ? 0 : -ENOMEM;
}

static int bytes_from(sd_bus_message *m, json_t *parent, const char *key, json_t **ret)
{
	_cleanup_free_ char *text = NULL, *hex = NULL, *name = NULL;
	const void *bytes;
	size_t n;
	int r = sd_bus_message_read_array(m, 'y', &bytes, &n);

	if (r < 0)
		return r;
	text = strndup(bytes ? bytes : "", n);
	hex = malloc(2 * n + 1);
	if (!text || !hex || asprintf(&name, "%s_bytes", key ? key : "value") < 0)
		return -ENOMEM;
	text_hex(bytes, n, hex);
	if (json_is_object(parent))
		(void) json_object_set_new(parent, name, json_string(hex));
	*ret = json_text(text);
	return *ret ? 0 : -ENOMEM;
}

static int entry_from(sd_bus_message *m, json_t *object, int depth)
{
	json_t *value = NULL;
	const char *key;
	int r = sd_bus_message_enter_container(m, 'e', "sv");

	if (r < 0)
		return r;
	r = sd_bus_message_read(m, "s", &key);
	r = r < 0 ? r : value_from(m, object, key, depth, &value);
	if (r < 0)
		return r;
	if (json_object_set_new(object, key, value) < 0)
		return -ENOMEM;
	return sd_bus_message_exit_container(m);
}

static int container_from(sd_bus_message *m, const char *contents, int depth, json_t **ret)
{
	bool is_dict = contents[0] == '{';
	_cleanup_json_ json_t *all = is_dict ? json_object() : json_array();
	int r = sd_bus_message_enter_container(m, 'a', contents);

	if (!all)
		return -ENOMEM;
	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
		json_t *value = NULL;

		if (is_dict) {
			r = entry_from(m, all, depth);
			continue;
		}
		r = value_from(m, NULL, NULL, depth, &value);
		if (r >= 0 && json_array_append_new(all, value) < 0)
			r = -ENOMEM;
	}
	r = r < 0 ? r : sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(all);
	return 0;
}

static int value_from(sd_bus_message *m, json_t *parent, const char *key, int depth, json_t **ret)
{
	const char *contents;
	char type;
	int r = sd_bus_message_peek_type(m, &type, &contents);

	if (r <= 0 || depth == DEPTH_MAX)
		return r < 0 ? r : -EPROTO;
	if (type == 'v') {
		r = sd_bus_message_enter_container(m, 'v', contents);
		r = r < 0 ? r : value_from(m, parent, key, depth + 1, ret);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		return r < 0 ? r : 0;
	}
	if (type == 'a' && strcmp(contents, "y") == 0)
		return bytes_from(m, parent, key, ret);
	if (type == 'a')
		return container_from(m, contents, depth + 1, ret);
	return basic_from(m, type, ret);
}

int json_from_message(sd_bus_message *m, json_t **ret)
{
	return value_from(m, NULL, NULL, 0, ret);
}

/* ---- records ---- */

static int set_bytes(json_t *o, const char *key, const char *s)
{
	_cleanup_free_ char *hex = NULL, *name = NULL;

	if (!text_utf8_valid(s, strlen(s))) {
		hex = malloc(2 * strlen(s) + 1);
		if (!hex || asprintf(&name, "%s_bytes", key) < 0)
			return -1;
		text_hex((const uint8_t *) s, strlen(s), hex);
		(void) json_object_set_new(o, name, json_string(hex));
	}
	return json_object_set_new(o, key, json_text(s));
}

static int set_field(json_t *o, const struct record *r, const struct record_field *f)
{
	const char *text;
	char time[CLOCK_TEXT_SIZE];

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_BYTES:
		text = record_field_text(r, f);
		return text && *text ? set_bytes(o, f->name, text) : 0;
	case FIELD_COUNT:
		return record_field_count(r, f)
			? json_object_set_new(
				  o, f->name, json_integer((json_int_t) record_field_count(r, f)))
			: 0;
	case FIELD_NUMBER:
		return record_field_number(r, f) != -1
			? json_object_set_new(o, f->name, json_integer(record_field_number(r, f)))
			: 0;
	case FIELD_TIME:
		clock_format_utc(record_field_number(r, f), 9, time);
		return json_object_set_new(o, f->name, json_string(time));
	case _FIELD_KIND_MAX:
		break;
	}
	return -1;
}

json_t *json_from_record(const struct record *r)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < ARRAY_SIZE(record_fields); i++)
		if (set_field(o, r, &record_fields[i]) < 0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

/* The bytes of a path that is no text come beside it in hexadecimal digits. */
static int get_bytes(const json_t *o, const char *key, char **ret)
{
	_cleanup_free_ char *name = NULL, *bytes = NULL;
	const char *hex;
	size_t n;

	if (asprintf(&name, "%s_bytes", key) < 0)
		return -ENOMEM;
	hex = json_string_value(json_object_get(o, name));
	if (!hex)
		return 0;
	n = strlen(hex) / 2;
	bytes = calloc(1, n + 1);
	if (!bytes)
		return -ENOMEM;
	if (text_unhex(hex, (uint8_t *) bytes, n) < 0)
		return -EPROTO;
	free(*ret);
	*ret = TAKE_PTR(bytes);
	return 1;
}

static int get_field(const json_t *o, const struct record_field *f, char **path, struct record *ret)
{
	const json_t *value = json_object_get(o, f->name);
	const char *text = json_string_value(value);
	int64_t number = json_is_integer(value) ? json_integer_value(value)
		: f->kind == FIELD_NUMBER       ? -1
						: 0;
	void *field = (char *) ret + f->offset;
	int r = 0;

	switch (f->kind) {
	case FIELD_BYTES:
		r = get_bytes(o, f->name, path);
		text = r > 0 ? *path : text;
		memcpy(field, &text, sizeof(text));
		break;
	case FIELD_TEXT:
		memcpy(field, &text, sizeof(text));
		break;
	case FIELD_TIME:
		r = text ? clock_parse(text, &number) : 0;
		memcpy(field, &number, sizeof(number));
		break;
	case FIELD_COUNT:
	case FIELD_NUMBER:
		memcpy(field, &number, sizeof(number));
		break;
	case _FIELD_KIND_MAX:
		break;
	}
	return r < 0 ? r : 0;
}

int json_to_record(const json_t *object, char **path, struct record *ret)
{
	struct record record = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(record_fields); i++)
		r = get_field(object, &record_fields[i], path, &record);
	if (r == 0)
		*ret = record;
	return r;
}

/* ---- reading and printing ---- */

const char *json_get_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int64_t json_get_integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool json_get_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

int json_print(const json_t *document)
{
	if (json_dumpf(document, stdout, JSON_INDENT(2)) < 0)
		return -EIO;
	return putchar('\n') == EOF ? -EIO : 0;
}
