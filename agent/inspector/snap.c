/*
 * Runs inside the inspector. libyaml's events are taken one by one, so that nothing is ever built
 * of what the file holds besides two scalars: neither anchors nor tags mean anything here.
 */
#include "agent/inspector/snap.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "agent/inspector/field.h"

/* What has been read so far. */
struct reader {
	size_t depth; /* 1: inside the top mapping */
	bool is_key;  /* the next node of the top mapping is a key */
	char *out;    /* where the value of the last key goes, or NULL */
	size_t size;
	char name[PACKAGE_NAME_MAX + 1];
	struct package *package;
};

static int take_key(struct reader *r, const char *key, size_t n)
{
	r->out = NULL;
	if (n == strlen("name") && memcmp(key, "name", n) == 0) {
		r->out = r->name;
		r->size = sizeof(r->name);
	} else if (n == strlen("version") && memcmp(key, "version", n) == 0) {
		r->out = r->package->version;
		r->size = sizeof(r->package->version);
	}
	return r->out && *r->out ? -EBADMSG : 0; /* a second time */
}

static int on_scalar(struct reader *r, const char *s, size_t n)
{
	int result = 0;

	if (r->depth == 0)
		return -EBADMSG;
	if (r->depth > 1)
		return 0;
	if (r->is_key)
		result = take_key(r, s, n);
	else if (r->out)
		result = field_copy(s, n, r->out, r->size);
	r->is_key = !r->is_key;
	return result < 0 ? result : 0;
}

static int on_begin(struct reader *r, bool is_mapping)
{
	if (r->depth == 0 ? !is_mapping : r->depth == 1 && (r->is_key || r->out))
		return -EBADMSG;
	r->is_key = r->depth == 0;
	return ++r->depth > SNAP_NESTING_MAX ? -EBADMSG : 0;
}

static void on_end(struct reader *r)
{
	r->depth--;
	r->is_key = true; /* the next one of the top mapping; deeper ones do not matter */
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, (const char *) e->data.scalar.value, e->data.scalar.length);
	case YAML_ALIAS_EVENT:
		return r->depth == 1 && (r->is_key || r->out) ? -EBADMSG : on_scalar(r, "", 0);
	case YAML_MAPPING_START_EVENT:
		return on_begin(r, true);
	case YAML_SEQUENCE_START_EVENT:
		return on_begin(r, false);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		on_end(r);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return 1;
	case YAML_STREAM_END_EVENT:
		return -EBADMSG; /* no document */
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		return 0;
	}
	return 0;
}

/* Reads the first document to its end. */
static int read_document(yaml_parser_t *parser, struct reader *r)
{
	int result = 0;

	while (result == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return parser->error == YAML_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
		result = on_event(r, &event);
		yaml_event_delete(&event);
	}
	return result;
}

int snap_parse(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_GENERIC, .told = METADATA_SNAP };
	struct reader reader = { .package = &p };
	yaml_parser_t parser;
	int r;

	if (n > SNAP_SIZE_MAX)
		return -EBADMSG;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *) text, n);
	r = read_document(&parser, &reader);
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	if (!reader.name[0])
		return 0;
	if (field_qualify(&p, "snap", reader.name) < 0)
		return -EBADMSG;
	*ret = p;
	return 1;
}
