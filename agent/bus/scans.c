/*
 * Inventory scans over the bus. A client starts one, then asks how it is doing and what it has
 * found since, as often as it likes: so a client that does not read costs nothing, and one that has
 * gone is noticed. Runs in proscribed.
 */
#include <string.h>

#include "agent/bus/call.h"
#include "agent/bus/errors.h"
#include "agent/scan/scan.h"

enum { FOUND_IN_ONE_ANSWER_MAX = 100 };

/* ---- Scan ---- */

struct request {
	struct agent_scan_request r;
	char paths[WALK_ROOTS_MAX][WALK_PATH_MAX];
	const char *pointers[WALK_ROOTS_MAX];
};

static int read_path(sd_bus_message *m, struct request *q, sd_bus_error *e)
{
	const void *bytes;
	size_t n;
	int r = sd_bus_message_read_array(m, 'y', &bytes, &n);

	if (r < 0)
		return r;
	if (q->r.n_paths == WALK_ROOTS_MAX)
		return bus_error_set(e, EINVAL, "At most %d paths in one scan", WALK_ROOTS_MAX);
	if (n == 0 || n >= WALK_PATH_MAX || memchr(bytes, '\0', n) || *(const char *) bytes != '/')
		return bus_error_set(
			e, EINVAL, "A path is absolute and shorter than %d bytes", WALK_PATH_MAX);
	memcpy(q->paths[q->r.n_paths], bytes, n);
	q->pointers[q->r.n_paths] = q->paths[q->r.n_paths];
	q->r.n_paths++;
	return 0;
}

static int read_paths(sd_bus_message *m, struct request *q, sd_bus_error *e)
{
	int r = sd_bus_message_enter_container(m, 'a', "ay");

	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0)
		r = read_path(m, q, e);
	q->r.paths = q->pointers;
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_option(sd_bus_message *m, struct request *q, sd_bus_error *e)
{
	const char *key;
	int flag, r = sd_bus_message_read(m, "s", &key);

	if (r < 0)
		return r;
	if (strcmp(key, "state") == 0)
		return sd_bus_message_read(m, "v", "s", &q->r.state);
	if (strcmp(key, "other_filesystems") != 0 && strcmp(key, "resume") != 0)
		return bus_error_set(e, EINVAL, "Scan() knows no option '%s'", key);
	r = sd_bus_message_read(m, "v", "b", &flag);
	if (r >= 0 && *key == 'r')
		q->r.resume = flag;
	else if (r >= 0)
		q->r.other_filesystems = flag;
	return r;
}

static int read_options(sd_bus_message *m, struct request *q, sd_bus_error *e)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
		r = sd_bus_message_enter_container(m, 'e', "sv");
		r = r < 0 ? r : read_option(m, q, e);
		r = r < 0 ? r : sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int explain(int error, sd_bus_error *e)
{
	switch (error) {
	case -ENOENT:
		return bus_error_set(e, error, "No policy is in force");
	case -EBUSY:
		return bus_error_set(e, error, "A scan is under way already");
	case -EBADMSG:
		return bus_error_set(e, EINVAL, "The state is not one that a scan has written");
	case -ENODATA:
		return bus_error_set(e, ENOENT, "No scan was interrupted");
	default:
		return bus_error_set(e, error, "The scan could not be started: %m");
	}
}

int scans_method_scan(struct call *c, sd_bus_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ struct request *q = calloc(1, sizeof(*q));
	uint64_t id;
	int r;

	if (!q)
		return bus_error_set(e, ENOMEM, "Out of memory");
	if (!call_privileged(c))
		return bus_error_set(e, EACCES, "Only root may scan this host");
	r = read_paths(c->message, q, e);
	r = r < 0 ? r : read_options(c->message, q, e);
	if (r < 0)
		return sd_bus_error_is_set(e)
			? r
			: bus_error_set(e, EINVAL, "Scan() takes paths and options");
	r = agent_scan(c->bus->agent, &q->r, &id);
	if (r < 0)
		return explain(r, e);
	r = sd_bus_message_new_method_return(c->message, &reply);
	r = r < 0 ? r : sd_bus_message_append(reply, "t", id);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	call_reply(c, reply);
	return 0;
}

/* ---- ScanStatus ---- */

static int append_texts(sd_bus_message *m, const struct event *e)
{
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "id", e->id },
		{ "software", e->software_id },
		{ "software_name", e->software_name },
		{ "version", e->version },
		{ "purl", e->purl },
		{ "verdict", verdict_to_string(e->verdict) },
		{ "evidence", evidence_to_string(e->evidence) },
		{ "rules", e->rules },
		{ "risk", risk_to_string(e->risk) },
		{ "reason", e->reason },
		{ "reference", e->reference },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && r >= 0; i++)
		r = dict_text(m, texts[i].key, texts[i].text);
	return r;
}

static int append_found(sd_bus_message *m, const struct event *e, int64_t since_nsec)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	r = r < 0 ? r : dict_bytes(m, "path", e->path);
	r = r < 0 ? r : append_texts(m, e);
	r = r < 0 ? r : dict_time(m, "first_seen", since_nsec);
	r = r < 0 ? r : dict_number(m, "uid", e->uid);
	r = r < 0 ? r : dict_count(m, "size", e->size);
	if (r >= 0 && e->have_sha256)
		r = dict_digest(m, "sha256", e->sha256);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_all_found(
	sd_bus_message *m, const struct scan *s, uint64_t from, const struct scan_status *status)
{
	int r = dict_open(m, "found", "aa{sv}");

	for (uint64_t i = from; r >= 0 && i < status->n_found && i - from < FOUND_IN_ONE_ANSWER_MAX;
		i++)
		r = append_found(m, scan_found(s, (size_t) i), scan_found_since(s, (size_t) i));
	return r < 0 ? r : dict_close(m);
}

static int append_counts(sd_bus_message *m, const struct scan_status *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{ "files", s->counts.files },
		{ "folders", s->counts.folders },
		{ "unread", s->counts.unread },
		{ "limited", s->counts.limited },
		{ "other_mounts", s->counts.other_mounts },
		{ "inspected", s->inspected },
		{ "uninspected", s->uninspected },
		{ "findings", s->n_found + s->n_untold },
		{ "told", s->n_found },
		{ "gone", s->n_gone },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(counts) && r >= 0; i++)
		r = dict_count(m, counts[i].key, counts[i].value);
	return r;
}

static int append_status(sd_bus_message *m, struct scan *s, uint64_t from)
{
	_cleanup_free_ char *state = NULL;
	struct scan_status status;
	int r = scan_state(s, &state);

	scan_status(s, &status);
	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "{sv}");
	r = r < 0 ? r : dict_flag(m, "running", status.running);
	r = r < 0 ? r : dict_flag(m, "complete", status.complete);
	r = r < 0 ? r : dict_text(m, "detail", status.detail);
	r = r < 0 ? r : dict_bytes(m, "path", status.path);
	r = r < 0 ? r : dict_text(m, "state", state);
	r = r < 0 ? r : append_counts(m, &status);
	r = r < 0 ? r : append_all_found(m, s, from, &status);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int find(struct call *c, uint64_t id, struct scan **ret, sd_bus_error *e)
{
	if (!call_privileged(c))
		return bus_error_set(e, EACCES, "Only root may see what a scan finds");
	*ret = agent_scan_find(c->bus->agent, id);
	return *ret ? 0 : bus_error_set(e, ENOENT, "There is no such scan");
}

int scans_method_status(struct call *c, sd_bus_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct scan *s = NULL;
	uint64_t id, from;
	int r = sd_bus_message_read(c->message, "tt", &id, &from);

	if (r < 0)
		return bus_error_set(e, EINVAL, "ScanStatus() takes the scan and a number");
	r = find(c, id, &s, e);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(c->message, &reply);
	r = r < 0 ? r : append_status(reply, s, from);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	call_reply(c, reply);
	return 0;
}

int scans_method_stop(struct call *c, sd_bus_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct scan *s = NULL;
	uint64_t id;
	int r = sd_bus_message_read(c->message, "t", &id);

	if (r < 0)
		return bus_error_set(e, EINVAL, "ScanStop() takes the scan");
	r = find(c, id, &s, e);
	if (r < 0)
		return r;
	scan_stop(s);
	r = sd_bus_message_new_method_return(c->message, &reply);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	call_reply(c, reply);
	return 0;
}
