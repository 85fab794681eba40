/*
 * Runs in proscribed and in proscribectl; touches nothing but the record it is given.
 */
#include "agent/ledger/fields.h"

#include <string.h>

#define FIELD(kind, name, member)                           \
	{                                                   \
		name, kind, offsetof(struct record, member) \
	}

const struct record_field record_fields[RECORD_FIELDS_N] = {
	FIELD(FIELD_COUNT, "sequence", sequence),
	FIELD(FIELD_TEXT, "id", id),
	FIELD(FIELD_TIME, "time", utc_nsec),
	FIELD(FIELD_TEXT, "kind", kind),
	FIELD(FIELD_TEXT, "outcome", outcome),
	FIELD(FIELD_TEXT, "verdict", verdict),
	FIELD(FIELD_TEXT, "evidence", evidence),
	FIELD(FIELD_TEXT, "risk", risk),
	FIELD(FIELD_TEXT, "host", host),
	FIELD(FIELD_NUMBER, "uid", uid),
	FIELD(FIELD_TEXT, "user", user),
	FIELD(FIELD_NUMBER, "login_uid", login_uid),
	FIELD(FIELD_NUMBER, "pid", pid),
	FIELD(FIELD_NUMBER, "parent", parent),
	FIELD(FIELD_TEXT, "tty", tty),
	FIELD(FIELD_BYTES, "path", path),
	FIELD(FIELD_COUNT, "device", device),
	FIELD(FIELD_COUNT, "inode", inode),
	FIELD(FIELD_COUNT, "size", size),
	FIELD(FIELD_TEXT, "sha256", sha256),
	FIELD(FIELD_TEXT, "purl", purl),
	FIELD(FIELD_TEXT, "version", version),
	FIELD(FIELD_TEXT, "software", software_id),
	FIELD(FIELD_TEXT, "software_name", software_name),
	FIELD(FIELD_TEXT, "rules", rules),
	FIELD(FIELD_TEXT, "reason", reason),
	FIELD(FIELD_TEXT, "reference", reference),
	FIELD(FIELD_TEXT, "url", url),
	FIELD(FIELD_TEXT, "alternative_name", alternative_name),
	FIELD(FIELD_TEXT, "alternative_url", alternative_url),
	FIELD(FIELD_TEXT, "policy_name", policy_name),
	FIELD(FIELD_TEXT, "policy_owner", policy_owner),
	FIELD(FIELD_TEXT, "policy_contact", policy_contact),
	FIELD(FIELD_TEXT, "policy_digest", policy_digest),
	FIELD(FIELD_TEXT, "detail", detail),
	FIELD(FIELD_COUNT, "count", count),
};

/* memcpy() because a field is reached by its offset, whatever the compiler thinks of its type. */
const char *record_field_text(const struct record *r, const struct record_field *f)
{
	const char *s;

	memcpy(&s, (const char *) r + f->offset, sizeof(s));
	return s;
}

uint64_t record_field_count(const struct record *r, const struct record_field *f)
{
	uint64_t n;

	memcpy(&n, (const char *) r + f->offset, sizeof(n));
	return n;
}

int64_t record_field_number(const struct record *r, const struct record_field *f)
{
	int64_t n;

	memcpy(&n, (const char *) r + f->offset, sizeof(n));
	return n;
}
