/*
 * Runs inside the inspector.
 */
#include "agent/inspector/json.h"

#include <string.h>

#include "agent/inspector/field.h"

json_t *json_read(const char *text, size_t n)
{
	json_t *root;

	if (n > JSON_SIZE_MAX)
		return NULL;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

int json_take(const json_t *object, const char *key, char *out, size_t size)
{
	const json_t *value = json_object_get(object, key);

	*out = '\0';
	if (!value)
		return 0;
	if (!json_is_string(value))
		return -EBADMSG;
	return field_copy(json_string_value(value), json_string_length(value), out, size);
}
