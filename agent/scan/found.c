#include "agent/scan/found.h"

#include <string.h>

#include "agent/scan/scan.h"
#include "policy/base/text.h"

static uint32_t hash_of(const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path; path++)
		h = (h ^ (unsigned char) *path) * 16777619u;
	return h;
}

void found_add(struct found_list *l, struct event *e, int64_t since_nsec)
{
	if (l->n == l->room && l->n < SCAN_FOUND_MAX) {
		size_t room = l->room ? 2 * l->room : 16;
		struct found *list = reallocarray(l->list, room, sizeof(*list));

		l->list = list ?: l->list;
		l->room = list ? room : l->room;
	}
	if (l->n == l->room || l->n == SCAN_FOUND_MAX) {
		l->n_untold++;
		return;
	}
	l->list[l->n++] = (struct found){ event_ref(e), since_nsec, hash_of(e->path) };
}

bool found_has(const struct found_list *l, const char *path)
{
	uint32_t hash = hash_of(path);

	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].hash == hash && strcmp(l->list[i].event->path, path) == 0)
			return true;
	return false;
}

void found_done(struct found_list *l)
{
	while (l->n > 0)
		(void) event_unref(l->list[--l->n].event);
	free(l->list);
	l->list = NULL;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool found_is_same(const struct event *e, const struct finding_entry *known)
{
	char hex[2 * SHA256_SIZE + 1] = "";

	if (e->have_sha256)
		text_hex(e->sha256, SHA256_SIZE, hex);
	return same_text(e->software_id, known->software_id) &&
		same_text(e->version, known->version) && same_text(e->rules, known->rules) &&
		same_text(verdict_to_string(e->verdict), known->verdict) &&
		same_text(hex, known->sha256);
}
