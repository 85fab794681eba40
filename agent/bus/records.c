/*
 * Records of the ledger over the bus: everybody reads what was done under their own user id, root
 * and the agent's own user read all. Runs in proscribed; reads the ledger through its reader only.
 */
#include <string.h>

#include "agent/bus/call.h"
#include "agent/bus/errors.h"
#include "agent/ledger/fields.h"

static int append_field(sd_bus_message *m, const struct record *r, const struct record_field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
		return dict_text(m, f->name, record_field_text(r, f));
	case FIELD_BYTES:
		return dict_bytes(m, f->name, record_field_text(r, f));
	case FIELD_COUNT:
		return record_field_count(r, f) ? dict_count(m, f->name, record_field_count(r, f))
						: 0;
	case FIELD_NUMBER:
		return record_field_number(r, f) != -1
			? dict_number(m, f->name, record_field_number(r, f))
			: 0;
	case FIELD_TIME:
		return dict_time(m, f->name, record_field_number(r, f));
	case _FIELD_KIND_MAX:
		break;
	}
	return -EINVAL;
}

static int append_record(sd_bus_message *m, const struct record *record)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(record_fields); i++)
		r = append_field(m, record, &record_fields[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static size_t record_bytes(const struct record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(record_fields); i++) {
		const struct record_field *f = &record_fields[i];
		bool text = f->kind == FIELD_TEXT || f->kind == FIELD_BYTES;
		const char *s = text ? record_field_text(r, f) : NULL;

		n += strlen(f->name) + 32 + (s ? strlen(s) : 0);
	}
	return n;
}

static int find(
	struct call *c, struct record_filter *f, struct ledger_reader **ret, sd_bus_error *e)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	int r;

	f->uid = call_privileged(c) ? -1 : (int64_t) c->uid;
	if (!c->bus->ledger_path)
		return bus_error_set(e, ENOENT, "This agent keeps no ledger");
	r = ledger_reader_open(c->bus->ledger_path, &reader);
	if (r >= 0)
		r = ledger_reader_find(reader, f);
	if (r < 0)
		return bus_error_set(e, r, "Failed to read the ledger %s: %m", c->bus->ledger_path);
	*ret = TAKE_PTR(reader);
	return 0;
}

int records_method_why(struct call *c, sd_bus_error *e)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct record_filter filter = { 0 };
	struct record record;
	char id[EVENT_ID_SIZE];
	const char *typed;
	int r = sd_bus_message_read(c->message, "s", &typed);

	if (r < 0)
		return bus_error_set(e, EINVAL, "Why() takes an event id");
	r = event_id_parse(typed, id);
	if (r < 0)
		return bus_error_set(e, r, "This is no event id: it looks like 7K2M-Q4TX-9D3F");
	filter.id = id;
	r = find(c, &filter, &reader, e);
	if (r < 0)
		return r;
	r = ledger_reader_next(reader, &record);
	/* Somebody else's id gets the same answer as one that never was. */
	if (r == 0)
		return bus_error_set(e, ENOENT, "No event %s of yours is on record", id);
	if (r < 0)
		return bus_error_set(e, r, "Failed to read the ledger: %m");
	r = sd_bus_message_new_method_return(c->message, &reply);
	if (r >= 0)
		r = append_record(reply, &record);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	call_reply(c, reply);
	return 0;
}

static int append_records(
	sd_bus_message *reply, struct ledger_reader *reader, uint32_t max, sd_bus_error *e)
{
	size_t bytes = 0;
	uint32_t n = 0;
	int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

	while (r >= 0 && n < max && bytes < BUS_RECORDS_BYTES_MAX) {
		struct record record;

		r = ledger_reader_next(reader, &record);
		if (r == 0)
			break;
		if (r < 0)
			return bus_error_set(e, r, "Failed to read the ledger: %m");
		r = append_record(reply, &record);
		bytes += record_bytes(&record);
		n++;
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? bus_error_set(e, r, "Failed to answer: %m") : 0;
}

static int answer_with(struct call *c, struct record_filter *filter, uint32_t max, sd_bus_error *e)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	if (max == 0)
		max = BUS_RECORDS_MAX;
	if (max > BUS_RECORDS_MAX)
		return bus_error_set(
			e, EINVAL, "At most %d records in one answer", BUS_RECORDS_MAX);
	r = find(c, filter, &reader, e);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(c->message, &reply);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	r = append_records(reply, reader, max, e);
	if (r < 0)
		return r;
	call_reply(c, reply);
	return 0;
}

int records_method_records(struct call *c, sd_bus_error *e)
{
	struct record_filter filter = { 0 };
	uint32_t max;
	int r = sd_bus_message_read(c->message, "txu", &filter.after, &filter.since_nsec, &max);

	if (r < 0)
		return bus_error_set(e, EINVAL, "Records() takes after, since_nsec and max");
	return answer_with(c, &filter, max, e);
}

/* Whose homes hold what is for root to know. */
int records_method_findings(struct call *c, sd_bus_error *e)
{
	struct record_filter filter = { .of_scans = true };
	uint32_t max;
	int r = sd_bus_message_read(c->message, "tu", &filter.after, &max);

	if (r < 0)
		return bus_error_set(e, EINVAL, "Findings() takes after and max");
	if (!call_privileged(c))
		return bus_error_set(e, EACCES, "Only root may see what scans have found");
	return answer_with(c, &filter, max, e);
}
