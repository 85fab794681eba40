/*
 * Runs in proscribectl. The file is read directly where its mode allows it: then the agent need not
 * run. The agent gives pages of at most PAGE records, the caller's own unless it is root.
 */
#include "ctl/records.h"

#include <string.h>

#include "ctl/json.h"

#define LEDGER_PATH "/var/lib/proscribe/ledger.db"

enum { PAGE = 500 };

struct records {
	struct ledger_reader *reader; /* or: */
	struct client *client;
	struct record_filter filter;
	json_t *page;
	size_t at;
	bool complete; /* there is no further page */
	char *path;    /* bytes of the present record's path where they are no text */
};

struct records *records_free(struct records *r)
{
	if (!r)
		return NULL;
	ledger_reader_close(r->reader);
	client_free(r->client);
	json_decref(r->page);
	free(r->path);
	free(r);
	return NULL;
}

static enum exit_code explain_file(const char *path, int error)
{
	complain("cannot read the ledger %s: %s", path, strerror(abs(error)));
	if (error == -EUCLEAN)
		(void) fprintf(stderr, "It is damaged, no ledger, or of another version.\n");
	return EXIT_CODE_FAILED;
}

static int open_file(struct records *r, const char *path)
{
	return ledger_reader_open(path, &r->reader);
}

/* With an agent: its own ledger if the file may be read, else through it. */
static int open_agents(struct records *r)
{
	_cleanup_json_ json_t *status = NULL;
	const char *path;
	int e = client_call(r->client, NULL, &status, "Status", "");

	if (e < 0)
		return e;
	path = json_get_text(json_object_get(status, "ledger"), "path");
	if (*path && access(path, R_OK) == 0 && open_file(r, path) == 0)
		r->client = client_free(r->client);
	return 0;
}

int records_open(const struct arguments *a, struct records **ret, enum exit_code *ret_code)
{
	_cleanup_(records_freep) struct records *r = calloc(1, sizeof(*r));
	int e;

	*ret_code = EXIT_CODE_FAILED;
	if (!r)
		return -ENOMEM;
	if (a->ledger) {
		e = open_file(r, a->ledger);
		if (e < 0) {
			*ret_code = explain_file(a->ledger, e);
			return e;
		}
	} else {
		e = client_connect(a, &r->client);
		e = e < 0 ? e : open_agents(r);
		if (e < 0 && (a->socket || access(LEDGER_PATH, R_OK) < 0)) {
			*ret_code = client_explain(a, e);
			return e;
		}
		if (e < 0) {
			e = open_file(r, LEDGER_PATH);
			if (e < 0) {
				*ret_code = explain_file(LEDGER_PATH, e);
				return e;
			}
		}
	}
	*ret = TAKE_PTR(r);
	return 0;
}

/* One record by its id: a page of one. */
static int find_id(struct records *r)
{
	json_t *record = NULL;
	int e = client_call(r->client, NULL, &record, "Why", "s", r->filter.id);

	if (e < 0)
		return client_error_is(r->client, "NotFound") ? 0 : e;
	(void) json_array_append_new(r->page, record);
	return 0;
}

static int next_page(struct records *r)
{
	_cleanup_json_ json_t *page = NULL;
	size_t n;
	int e = r->filter.of_scans
		? client_call(r->client, NULL, &page, "Findings", "tu", r->filter.after,
			  (uint32_t) PAGE)
		: client_call(r->client, NULL, &page, "Records", "txu", r->filter.after,
			  r->filter.since_nsec, (uint32_t) PAGE);

	if (e < 0)
		return e;
	n = json_array_size(page);
	r->complete = n == 0;
	if (n > 0)
		r->filter.after = (uint64_t) json_get_integer(
			json_array_get(page, n - 1), "sequence");
	return json_array_extend(r->page, page) < 0 ? -ENOMEM : 0;
}

/* The agent has no "last N": the pages go by, and the end of them is kept. */
static int find_last(struct records *r)
{
	int e = 0;

	while (e == 0 && !r->complete) {
		e = next_page(r);
		while (json_array_size(r->page) > r->filter.last)
			(void) json_array_remove(r->page, 0);
	}
	return e;
}

int records_find(struct records *r, const struct record_filter *f)
{
	if (r->reader)
		return ledger_reader_find(r->reader, f);
	json_decref(r->page);
	r->page = json_array();
	if (!r->page)
		return -ENOMEM;
	r->filter = *f;
	r->at = 0;
	r->complete = f->id != NULL;
	if (f->id)
		return find_id(r);
	return f->last ? find_last(r) : 0;
}

int records_next(struct records *r, struct record *ret)
{
	int e;

	if (r->reader)
		return ledger_reader_next(r->reader, ret);
	if (r->at == json_array_size(r->page) && !r->complete) {
		(void) json_array_clear(r->page);
		r->at = 0;
		e = next_page(r);
		if (e < 0)
			return e;
	}
	if (r->at == json_array_size(r->page))
		return 0;
	e = json_to_record(json_array_get(r->page, r->at++), &r->path, ret);
	return e < 0 ? e : 1;
}

const char *records_error(const struct records *r, int error)
{
	return r->client ? client_error(r->client) : strerror(abs(error));
}

enum exit_code records_code(const struct records *r)
{
	return r->client && client_lost(r->client) ? EXIT_CODE_UNREACHABLE : EXIT_CODE_FAILED;
}
