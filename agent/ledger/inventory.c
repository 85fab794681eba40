#include "agent/ledger/inventory.h"

#include <string.h>

#include "policy/base/text.h"

enum { BUCKETS = 4096 };

struct inventory {
	size_t n, room;
	uint64_t dropped;
	struct finding_entry *entries;
	/* Chains by path: an index + 1, 0 at the end. */
	uint32_t buckets[BUCKETS];
	uint32_t *next;
};

int inventory_new(struct inventory **ret)
{
	struct inventory *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	*ret = i;
	return 0;
}

static void entry_done(struct finding_entry *e)
{
	char *const texts[] = { e->path, e->id, e->software_id, e->software_name, e->version,
		e->purl, e->rules, e->verdict, e->evidence, e->sha256, e->detail };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
}

struct inventory *inventory_free(struct inventory *i)
{
	if (!i)
		return NULL;
	for (size_t k = 0; k < i->n; k++)
		entry_done(&i->entries[k]);
	free(i->entries);
	free(i->next);
	free(i);
	return NULL;
}

bool inventory_is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 0 && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static size_t bucket_of(const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path; path++)
		h = (h ^ (unsigned char) *path) * 16777619u;
	return h % BUCKETS;
}

static struct finding_entry *find(const struct inventory *i, const char *path)
{
	for (uint32_t k = i->buckets[bucket_of(path)]; k; k = i->next[k - 1])
		if (strcmp(i->entries[k - 1].path, path) == 0)
			return &i->entries[k - 1];
	return NULL;
}

static void chain_all(struct inventory *i)
{
	memset(i->buckets, 0, sizeof(i->buckets));
	for (size_t k = 0; k < i->n; k++) {
		uint32_t *bucket = &i->buckets[bucket_of(i->entries[k].path)];

		i->next[k] = *bucket;
		*bucket = (uint32_t) k + 1;
	}
}

/* The oldest of those that are gone, or when none is, the oldest of all; some at once, for it takes
 * going through all. */
static void drop_some(struct inventory *i)
{
	size_t kept = 0, left = INVENTORY_MAX / 8;
	bool any_gone = false;

	for (size_t k = 0; k < i->n; k++)
		any_gone |= i->entries[k].gone_nsec != 0;
	for (size_t k = 0; k < i->n; k++) {
		if (left > 0 && (!any_gone || i->entries[k].gone_nsec != 0)) {
			entry_done(&i->entries[k]);
			left--;
			i->dropped++;
		} else {
			i->entries[kept++] = i->entries[k];
		}
	}
	i->n = kept;
	chain_all(i);
}

static int make_room(struct inventory *i)
{
	size_t room = i->room ? 2 * i->room : 64;
	struct finding_entry *entries = reallocarray(i->entries, room, sizeof(*entries));
	uint32_t *next = reallocarray(i->next, room, sizeof(*next));

	i->entries = entries ?: i->entries;
	i->next = next ?: i->next;
	if (!entries || !next)
		return -ENOMEM;
	i->room = room;
	return 0;
}

static int append(struct inventory *i, const char *path, struct finding_entry **ret)
{
	uint32_t *bucket;

	if (i->n == INVENTORY_MAX)
		drop_some(i);
	if (i->n == i->room && make_room(i) < 0)
		return -ENOMEM;
	i->entries[i->n] = (struct finding_entry){ 0 };
	if (text_dup(path, &i->entries[i->n].path) < 0)
		return -ENOMEM;
	bucket = &i->buckets[bucket_of(path)];
	i->next[i->n] = *bucket;
	*bucket = (uint32_t) ++i->n;
	*ret = &i->entries[i->n - 1];
	return 0;
}

static int set(char **field, const char *text)
{
	char *copy;
	int r = text_dup(text, &copy);

	if (r < 0)
		return r;
	free(*field);
	*field = copy;
	return 0;
}

/* What a file is may have changed: the newest record counts. */
static int describe(struct finding_entry *e, const struct record *r)
{
	const struct {
		char **field;
		const char *text;
	} texts[] = {
		{ &e->id, r->id },
		{ &e->software_id, r->software_id },
		{ &e->software_name, r->software_name },
		{ &e->version, r->version },
		{ &e->purl, r->purl },
		{ &e->rules, r->rules },
		{ &e->verdict, r->verdict },
		{ &e->evidence, r->evidence },
		{ &e->sha256, r->sha256 },
		{ &e->detail, r->detail },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && error >= 0; i++)
		error = set(texts[i].field, texts[i].text);
	e->uid = r->uid;
	e->sequence = r->sequence;
	return error;
}

static int add_found(struct inventory *i, const struct record *r)
{
	struct finding_entry *e = find(i, r->path);
	int error = e ? 0 : append(i, r->path, &e);

	if (error < 0)
		return error;
	/* One that was gone and came back is there since it came back. */
	if (e->first_nsec == 0 || e->gone_nsec != 0)
		e->first_nsec = r->utc_nsec;
	e->gone_nsec = 0;
	e->last_nsec = r->utc_nsec;
	return describe(e, r);
}

static int add_gone(struct inventory *i, const struct record *r)
{
	struct finding_entry *e = find(i, r->path);

	if (!e)
		return 0;
	e->gone_nsec = r->utc_nsec;
	e->sequence = r->sequence;
	return set(&e->detail, r->detail);
}

/* All that is there and lies in the folder was seen again, or would be gone by now. */
static void add_complete(struct inventory *i, const struct record *r)
{
	for (size_t k = 0; k < i->n; k++) {
		struct finding_entry *e = &i->entries[k];

		if (e->gone_nsec == 0 && e->last_nsec < r->utc_nsec &&
			inventory_is_below(e->path, r->path))
			e->last_nsec = r->utc_nsec;
	}
}

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

int inventory_add(struct inventory *i, const struct record *r)
{
	if (!r->path)
		return 0;
	if (is(r->kind, "scan")) {
		if (is(r->outcome, "complete"))
			add_complete(i, r);
		return 0;
	}
	if (!is(r->kind, "finding"))
		return 0;
	return is(r->outcome, "gone") ? add_gone(i, r) : add_found(i, r);
}

int inventory_read(struct inventory *i, struct ledger_reader *reader)
{
	const struct record_filter f = { .uid = -1, .of_scans = true };
	struct record record;
	int r = ledger_reader_find(reader, &f);

	while (r >= 0 && (r = ledger_reader_next(reader, &record)) > 0)
		r = inventory_add(i, &record);
	return r < 0 ? r : 0;
}

size_t inventory_n(const struct inventory *i)
{
	return i->n;
}

const struct finding_entry *inventory_entry(const struct inventory *i, size_t k)
{
	return &i->entries[k];
}

const struct finding_entry *inventory_find(const struct inventory *i, const char *path)
{
	return find(i, path);
}

uint64_t inventory_dropped(const struct inventory *i)
{
	return i->dropped;
}
