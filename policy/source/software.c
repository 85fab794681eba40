#include "policy/source/software.h"

#include <string.h>

#include "policy/source/evidence.h"
#include "policy/source/grow.h"
#include "policy/source/schema.h"

enum {
	SOFTWARE_ID,
	SOFTWARE_NAME,
	SOFTWARE_VENDOR,
	SOFTWARE_IS,
	_SOFTWARE_KEYS,
};

static const struct key software_keys[_SOFTWARE_KEYS] = {
	[SOFTWARE_ID] = { "id", KEY_TEXT | KEY_REQUIRED },
	[SOFTWARE_NAME] = { "name", KEY_TEXT | KEY_REQUIRED },
	[SOFTWARE_VENDOR] = { "vendor", KEY_TEXT },
	[SOFTWARE_IS] = { "is", KEY_LIST | KEY_REQUIRED },
};
static const struct schema software_schema = { "software", software_keys, _SOFTWARE_KEYS };

enum { CLOSEST_MAX = 10000 }; /* ids compared for one suggestion */

void software_done(struct software_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->items[i].n_versions; k++)
			free(l->items[i].versions[k]);
		free(l->items[i].versions);
	}
	free(l->items);
	free(l->by_id);
	*l = (struct software_list){ 0 };
}

static int add_evidence(
	struct software *s, const struct node *n, const struct software_context *context)
{
	int r = 0;

	if (n->n == 0)
		message_error(context->m, n->at,
			"this list is empty: no file could ever be recognised as this software");
	for (size_t i = 0; i < n->n && r == 0; i++)
		r = evidence_add(s, n->items[i], context);
	return r;
}

static int add_item(
	struct software *s, const struct node *n, const struct software_context *context)
{
	struct messages *m = context->m;
	const struct node *v[_SOFTWARE_KEYS];
	struct policy_software entry = { .id = "", .name = "", .vendor = "" };
	uint32_t errors = messages_count(m, MESSAGE_ERROR);
	int r;

	(void) schema_mapping(&software_schema, n, m, v);
	s->at = n->at;
	if (v[SOFTWARE_ID] && schema_id(v[SOFTWARE_ID], m, "id", &s->id)) {
		s->at = v[SOFTWARE_ID]->at;
		entry.id = s->id;
	}
	if (v[SOFTWARE_NAME] &&
		schema_text(v[SOFTWARE_NAME], m, "name", SOFTWARE_NAME_MAX, false, &s->name))
		entry.name = s->name;
	if (v[SOFTWARE_VENDOR])
		(void) schema_text(
			v[SOFTWARE_VENDOR], m, "vendor", SOFTWARE_NAME_MAX, false, &entry.vendor);
	r = builder_add_software(context->builder, &entry, &s->index);
	if (r == -E2BIG) {
		message_error(m, n->at, "the policy has more than %d software entries",
			IMAGE_SOFTWARE_MAX);
		return -EINVAL;
	}
	if (r == 0 && v[SOFTWARE_IS])
		r = add_evidence(s, v[SOFTWARE_IS], context);
	s->checked = messages_count(m, MESSAGE_ERROR) == errors;
	return r;
}

int software_add(
	struct software_list *l, const struct node *n, const struct software_context *context)
{
	int r = 0;

	for (size_t i = 0; i < n->n && r == 0; i++) {
		struct software *items = grow(l->items, l->n, &l->room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		items[l->n] = (struct software){ 0 };
		r = add_item(&items[l->n++], n->items[i], context);
	}
	return r;
}

static int by_id(const void *x, const void *y)
{
	const struct software *a = *(struct software *const *) x,
			      *b = *(struct software *const *) y;
	int k = strcmp(a->id, b->id);

	return k ?: a < b ? -1 : a > b;
}

int software_sort(struct software_list *l, struct messages *m)
{
	size_t n = 0;

	l->by_id = calloc(l->n + 1, sizeof(struct software *));
	if (!l->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].id)
			l->by_id[n++] = &l->items[i];
	l->n_by_id = n;
	if (n > 1)
		qsort(l->by_id, n, sizeof(struct software *), by_id);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(l->by_id[i - 1]->id, l->by_id[i]->id))
			message_error(m, l->by_id[i]->at,
				"the software id '%s' is taken; first in %s on line %u",
				l->by_id[i]->id, l->by_id[i - 1]->at.source->name,
				l->by_id[i - 1]->at.line);
	return 0;
}

struct software *software_find(struct software_list *l, const char *id)
{
	size_t low = 0, high = l->n_by_id;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->by_id[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n_by_id && !strcmp(l->by_id[low]->id, id) ? l->by_id[low] : NULL;
}

const char *software_closest(const struct software_list *l, const char *id)
{
	_cleanup_free_ const char **ids = NULL;
	size_t n = l->n_by_id < CLOSEST_MAX ? l->n_by_id : CLOSEST_MAX;

	ids = calloc(n + 1, sizeof(*ids));
	if (!ids)
		return NULL;
	for (size_t i = 0; i < n; i++)
		ids[i] = l->by_id[i]->id;
	return message_closest(id, ids, n, sizeof(*ids));
}
