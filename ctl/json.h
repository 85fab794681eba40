/*
 * JSON for --json and between the parts of proscribectl: from D-Bus messages, from records and
 * back. Strings of any bytes become text that JSON can hold.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "agent/ledger/reader.h"

/* The one value of a message's body. 0 or a negative errno. */
int json_from_message(sd_bus_message *m, json_t **ret);

/* Keys as in record_fields; what is not known is left out. NULL when memory is short. */
json_t *json_from_record(const struct record *r);
/* Strings of *ret live as long as @object, and for paths that are no text, as long as @path, which
 * holds their bytes (owned by the caller, freed here first). */
int json_to_record(const json_t *object, char **path, struct record *ret);

/* Text that may be no UTF-8: escaped then. NULL gives NULL, which json_object_set_new() ignores. */
json_t *json_text(const char *s);
/* object[key] as text, "" when it is not there. */
const char *json_get_text(const json_t *object, const char *key);
int64_t json_get_integer(const json_t *object, const char *key);
bool json_get_true(const json_t *object, const char *key);

/* Prints one document and a line end on stdout. 0 or a negative errno. */
int json_print(const json_t *document);

#define _cleanup_json_ _cleanup_(json_decrefp)
