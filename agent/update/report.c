#include "agent/update/report.h"

#include <string.h>

#include "policy/base/text.h"

static bool texts_valid(const struct update_report *r)
{
	return text_field_valid(r->repository, sizeof(r->repository)) &&
		text_field_valid(r->role, sizeof(r->role)) &&
		text_field_valid(r->file, sizeof(r->file)) &&
		text_field_valid(r->message, sizeof(r->message));
}

bool update_report_valid(const struct update_report *r)
{
	if (r->magic != UPDATE_REPORT_MAGIC || r->ended_utc_nsec < 0 || r->succeeded_utc_nsec < 0 ||
		r->next_utc_nsec < 0 || r->error > 0 || r->error < -UPDATE_ERROR_MAX ||
		!texts_valid(r))
		return false;
	return (r->error == 0) == (r->message[0] == '\0') && (r->error == 0) == (r->failures == 0);
}
