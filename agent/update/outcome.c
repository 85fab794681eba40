#include "agent/update/outcome.h"

#include <string.h>
#include <sys/random.h>

#include "agent/update/durable.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

enum { CLOCK_BEHIND_SEC = 300 };

void outcome_load(int state, struct update_report *ret)
{
	_cleanup_free_ char *bytes = NULL;
	struct update_report r;
	size_t n;

	*ret = (struct update_report){ 0 };
	if (durable_read(state, UPDATE_REPORT_FILE, sizeof(r), &bytes, &n) < 0 || n != sizeof(r))
		return;
	(void) memcpy(&r, bytes, sizeof(r));
	if (update_report_valid(&r))
		*ret = r;
}

int outcome_save(int state, const struct update_report *r)
{
	return durable_write(state, UPDATE_REPORT_FILE, r, sizeof(*r));
}

/* From half of @usec to all of it. */
static int64_t spread_nsec(uint64_t usec)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	return (int64_t) ((usec / 2 + random % (usec / 2 + 1)) * 1000);
}

static int64_t pause_nsec(uint64_t interval_usec, uint32_t failures)
{
	uint64_t usec = interval_usec;

	if (failures == 0)
		return (int64_t) interval_usec * 1000;
	for (uint32_t i = 1; i < failures && usec < OUTCOME_BACKOFF_MAX * interval_usec; i++)
		usec *= 2;
	if (usec > OUTCOME_BACKOFF_MAX * interval_usec)
		usec = OUTCOME_BACKOFF_MAX * interval_usec;
	return spread_nsec(usec);
}

/* Longer texts are cut; the rest of the field stays zero. */
static void set_text(char *out, size_t size, const char *text)
{
	(void) text_escape(text, out, size);
}

void outcome_make(const struct update_report *last, const struct update_settings *s,
	const struct run_result *result, const struct tuf_error *e, int64_t now_utc_nsec,
	struct update_report *ret)
{
	*ret = (struct update_report){
		.magic = UPDATE_REPORT_MAGIC,
		.ended_utc_nsec = now_utc_nsec,
		.succeeded_utc_nsec = e->error < 0 ? last->succeeded_utc_nsec : now_utc_nsec,
		.error = e->error,
		.requests = result->requests,
		.bytes = result->bytes,
	};
	if (e->error < 0)
		ret->failures = last->failures < UINT32_MAX ? last->failures + 1 : UINT32_MAX;
	ret->next_utc_nsec = now_utc_nsec + pause_nsec(s->interval_usec, ret->failures);
	set_text(ret->repository, sizeof(ret->repository), s->repository);
	if (e->error == 0)
		return;
	set_text(ret->role, sizeof(ret->role), e->role);
	set_text(ret->file, sizeof(ret->file), e->file);
	set_text(ret->message, sizeof(ret->message), e->text[0] ? e->text : strerror(-e->error));
}

/* A due time further away than any pause is of a clock that has gone back since. */
bool outcome_is_due(const struct update_report *last, uint64_t interval_usec, int64_t now_utc_nsec)
{
	const int64_t longest = OUTCOME_BACKOFF_MAX * (int64_t) interval_usec * 1000;
	const int64_t due = last->next_utc_nsec - OUTCOME_EARLY_SEC * NSEC_PER_SEC;

	return last->magic == 0 || now_utc_nsec >= due || due - now_utc_nsec > longest;
}

bool outcome_clock_is_behind(const struct update_report *last, int64_t now_utc_nsec)
{
	return now_utc_nsec < last->succeeded_utc_nsec - CLOCK_BEHIND_SEC * NSEC_PER_SEC;
}
