#include "agent/notice/limit.h"

#include <string.h>

#include "agent/notice/notice.h"
#include "policy/base/clock.h"

static const uint64_t interval_usec = NOTICE_INTERVAL_SEC * USEC_PER_SEC;

static void refill(struct limit_terminal *t, uint64_t now_usec)
{
	uint64_t n = now_usec > t->filled_usec ? (now_usec - t->filled_usec) / interval_usec : 0;

	if (n >= NOTICE_BURST - t->credit) {
		t->credit = NOTICE_BURST;
		t->filled_usec = now_usec;
	} else {
		t->credit += (unsigned) n;
		t->filled_usec += n * interval_usec;
	}
}

static bool is_waiting(const struct limit_terminal *t)
{
	return t->device != 0 && (t->n_refused > 0 || t->n_other > 0);
}

static void take(struct limit_terminal *t, struct limit_terminal *ret)
{
	*ret = *t;
	t->n_refused = t->n_other = 0;
}

/* The place of the event's terminal; else a free one; else that of the quietest. */
static struct limit_terminal *place_of(struct limit *l, uint32_t device)
{
	struct limit_terminal *best = &l->terminals[0];

	for (size_t i = 0; i < NOTICE_TERMINALS_MAX; i++) {
		struct limit_terminal *t = &l->terminals[i];

		if (t->device == device)
			return t;
		if (best->device != 0 && (t->device == 0 || t->used_usec < best->used_usec))
			best = t;
	}
	return best;
}

enum limit_answer limit_ask(struct limit *l, const struct event *e, uint64_t now_usec,
	struct limit_terminal *ret_forgotten)
{
	struct limit_terminal *t = place_of(l, e->tty_device);

	*ret_forgotten = (struct limit_terminal){ 0 };
	if (t->device != e->tty_device) {
		if (is_waiting(t))
			*ret_forgotten = *t;
		*t = (struct limit_terminal){
			.device = e->tty_device,
			.filled_usec = now_usec,
			.credit = NOTICE_BURST,
		};
	}
	refill(t, now_usec);
	t->used_usec = now_usec;
	/* whose it is may change with su, and when the number is given to another terminal */
	t->uid = e->uid;
	t->login_uid = e->login_uid;
	memcpy(t->tty, e->tty, sizeof(t->tty));
	if (t->credit > 0 && !is_waiting(t)) {
		t->credit--;
		return LIMIT_WRITE;
	}
	if (e->outcome == OUTCOME_RAN)
		t->n_other++;
	else
		t->n_refused++;
	return LIMIT_HOLD;
}

bool limit_due(
	struct limit *l, uint64_t now_usec, struct limit_terminal *ret, uint64_t *ret_wait_usec)
{
	uint64_t wait = UINT64_MAX;

	for (size_t i = 0; i < NOTICE_TERMINALS_MAX; i++) {
		struct limit_terminal *t = &l->terminals[i];

		if (!is_waiting(t))
			continue;
		refill(t, now_usec);
		if (t->credit > 0) {
			t->credit--;
			take(t, ret);
			return true;
		}
		if (t->filled_usec + interval_usec - now_usec < wait)
			wait = t->filled_usec + interval_usec - now_usec;
	}
	*ret_wait_usec = wait;
	return false;
}

bool limit_drain(struct limit *l, struct limit_terminal *ret)
{
	for (size_t i = 0; i < NOTICE_TERMINALS_MAX; i++)
		if (is_waiting(&l->terminals[i])) {
			take(&l->terminals[i], ret);
			return true;
		}
	return false;
}
