#include "agent/ledger/recorder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "agent/ledger/journal.h"
#include "agent/ledger/ledger.h"
#include "agent/ledger/thread.h"
#include "agent/ledger/users.h"
#include "policy/base/clock.h"
#include "policy/base/queue.h"
#include "policy/base/text.h"

_Static_assert((int) USERS_BATCH_MAX >= (int) RECORDER_BATCH_MAX, "names must outlive a batch");

enum {
	WAIT_FULL_MSEC = 100,     /* between two looks when there is no room for more */
	JOURNAL_GRACE_MSEC = 200, /* at the end, for entries of the last batch */
};

/* What has been lost and is not yet on the record. */
struct gap {
	bool pending;
	uint64_t lost;
	uint64_t after; /* it belongs behind this many of the events taken from the queue */
	int error;      /* why: 0 when events came too fast */
};

struct recorder {
	struct queue *queue;
	pthread_t thread;
	struct journal *journal;
	char *path, *host;
	_Atomic uint64_t dropped;
	_Atomic uint64_t stop_by_usec; /* boot clock; 0: go on */

	pthread_mutex_t lock; /* of the status */
	struct recorder_status status;
	pthread_mutex_t callback_lock; /* held while it runs; it may ask for the status */
	void (*appended)(struct event *e, uint64_t sequence, void *context);
	void *context;

	/* The thread's own. */
	struct ledger *ledger; /* NULL: could not be opened */
	struct users *users;
	int error;
	uint64_t retry_usec;
	uint64_t n_taken, n_written;
	struct gap gap;
	size_t head, n_held;
	struct event *held[RECORDER_HELD_MAX]; /* a ring */
};

static struct recorder *recorder_free(struct recorder *r)
{
	void *e;

	if (!r)
		return NULL;
	while (r->queue && queue_pop(r->queue, 0, &e) == 1)
		(void) event_unref(e);
	for (; r->n_held > 0; r->n_held--, r->head++)
		(void) event_unref(r->held[r->head % RECORDER_HELD_MAX]);
	(void) ledger_close(r->ledger);
	(void) users_free(r->users);
	(void) queue_free(r->queue);
	(void) pthread_mutex_destroy(&r->lock);
	(void) pthread_mutex_destroy(&r->callback_lock);
	free(r->path);
	free(r->host);
	free(r);
	return NULL;
}
DEFINE_CLEANUP(struct recorder, recorder_free)

/* ---- the state of the ledger ---- */

static void set_error(struct recorder *r, int error)
{
	r->error = error;
	pthread_mutex_lock(&r->lock);
	if (error == 0)
		r->status.error_since_nsec = 0;
	else if (r->status.error == 0)
		r->status.error_since_nsec = clock_utc_nsec();
	r->status.error = error;
	pthread_mutex_unlock(&r->lock);
}

static void fail(struct recorder *r, int error)
{
	r->retry_usec = clock_boot_usec() + RECORDER_RETRY_SEC * USEC_PER_SEC;
	set_error(r, error);
	if (error == -ESTALE) {
		r->gap.pending = true;
		r->gap.error = error;
	}
	/* Whatever the damage is, a fresh look at the file may find it repaired. */
	if (error != -ENOSPC && error != -EBUSY)
		r->ledger = ledger_close(r->ledger);
}

static bool reopen(struct recorder *r)
{
	int error = 0;

	if (!r->ledger)
		error = ledger_open(r->path, &r->ledger);
	if (error < 0)
		fail(r, error);
	else if (r->n_held == 0 && r->error != 0)
		set_error(r, 0);
	return error == 0;
}

/* ---- one batch ---- */

static void publish(struct recorder *r, struct event *e, uint64_t sequence, const char *user)
{
	journal_push(r->journal, e, sequence, user);
	pthread_mutex_lock(&r->lock);
	r->status.appended++;
	r->status.last_sequence = sequence;
	pthread_mutex_unlock(&r->lock);
	pthread_mutex_lock(&r->callback_lock);
	if (r->appended)
		r->appended(e, sequence, r->context);
	pthread_mutex_unlock(&r->callback_lock);
}

static int append(struct recorder *r, struct event *const events[], size_t n)
{
	const char *names[RECORDER_BATCH_MAX];
	uint64_t last;
	int error;

	users_begin(r->users);
	for (size_t i = 0; i < n; i++)
		names[i] = events[i]->uid == EVENT_UID_UNKNOWN
			? NULL
			: users_name(r->users, events[i]->uid);
	error = ledger_append(r->ledger, r->host, events, names, n, &last);
	if (error < 0) {
		fail(r, error);
		return error;
	}
	if (r->error != 0)
		set_error(r, 0);
	for (size_t i = 0; i < n; i++)
		publish(r, events[i], last - n + 1 + i, names[i]);
	return 0;
}

static bool append_held(struct recorder *r)
{
	struct event *events[RECORDER_BATCH_MAX] = { NULL };
	size_t n = r->n_held < RECORDER_BATCH_MAX ? r->n_held : RECORDER_BATCH_MAX;

	/* Not past the place of a gap. */
	if (r->gap.pending && r->gap.after > r->n_written && r->gap.after - r->n_written < n)
		n = (size_t) (r->gap.after - r->n_written);
	for (size_t i = 0; i < n; i++)
		events[i] = r->held[(r->head + i) % RECORDER_HELD_MAX];
	if (append(r, events, n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		(void) event_unref(events[i]);
	r->head = (r->head + n) % RECORDER_HELD_MAX;
	r->n_held -= n;
	r->n_written += n;
	return true;
}

static int describe_gap(const struct gap *g, char **ret)
{
	int n;

	if (g->error == -ESTALE)
		n = asprintf(ret, "The ledger's file was removed or replaced while in use.");
	else if (g->error < 0)
		n = asprintf(
			ret, "The ledger could not be written: %s.", strerrordesc_np(-g->error));
	else
		n = asprintf(ret, "Events came faster than the ledger could be written.");
	if (n < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static bool append_gap(struct recorder *r)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	r->gap.lost += queue_take_dropped(r->queue);
	if (event_new(EVENT_GAP, &e) < 0 || describe_gap(&r->gap, &e->detail) < 0) {
		fail(r, -ENOMEM);
		return false;
	}
	e->count = r->gap.lost;
	if (append(r, &e, 1) < 0)
		return false;
	r->gap = (struct gap){ 0 };
	return true;
}

static bool gap_due(const struct recorder *r)
{
	return r->gap.pending && r->n_written >= r->gap.after;
}

/* Writes what is held, as far as it gets. */
static void flush(struct recorder *r)
{
	if (!reopen(r))
		return;
	if (gap_due(r) && !append_gap(r))
		return;
	if (r->n_held > 0)
		(void) append_held(r);
}

/* ---- the thread ---- */

static void note_lost(struct recorder *r)
{
	uint64_t lost = queue_take_dropped(r->queue);

	if (lost == 0)
		return;
	if (!r->gap.pending)
		r->gap.after = r->n_taken + queue_depth(r->queue);
	r->gap.pending = true;
	r->gap.lost += lost;
	if (r->error != 0 && r->gap.error == 0)
		r->gap.error = r->error;
}

/* How long to wait for the next event: for ever, unless something else is to be done meanwhile. */
static uint64_t patience(const struct recorder *r)
{
	uint64_t now = clock_boot_usec();

	if (r->error != 0)
		return r->retry_usec > now ? r->retry_usec - now : 0;
	return r->n_held > 0 || r->gap.pending ? 0 : UINT64_MAX;
}

/* Moves events from the queue to the ring: 0, or -ESHUTDOWN when none is left nor will come. */
static int collect(struct recorder *r)
{
	static const struct timespec pause = { .tv_nsec = WAIT_FULL_MSEC * 1000000L };
	size_t enough = r->error != 0 ? RECORDER_HELD_MAX : RECORDER_BATCH_MAX;
	uint64_t timeout = patience(r);
	void *e;
	int n;

	note_lost(r);
	if (r->n_held == RECORDER_HELD_MAX && timeout > 0 && r->stop_by_usec == 0)
		(void) nanosleep(&pause, NULL);
	while (r->n_held < enough) {
		n = queue_pop(r->queue, timeout, &e);
		if (n <= 0)
			return n;
		r->held[(r->head + r->n_held++) % RECORDER_HELD_MAX] = e;
		r->n_taken++;
		timeout = 0;
	}
	return 0;
}

/* At the end a ledger that does not work is tried once more, but not waited for. */
static bool is_over(const struct recorder *r, bool drained)
{
	if (clock_boot_usec() >= r->stop_by_usec || (r->error != 0 && r->error != -EBUSY))
		return true;
	return drained && r->n_held == 0 && !r->gap.pending;
}

static void *run(void *argument)
{
	struct recorder *r = argument;
	bool drained, stopping;

	do {
		drained = collect(r) == -ESHUTDOWN;
		stopping = r->stop_by_usec != 0;
		if (r->error == 0 || stopping || clock_boot_usec() >= r->retry_usec)
			flush(r);
	} while (!stopping || !is_over(r, drained));
	return NULL;
}

static int prepare(struct recorder *r, const struct recorder_options *options)
{
	int e;

	e = text_dup(options->ledger_path, &r->path);
	if (e >= 0)
		e = text_dup(options->host, &r->host);
	if (e >= 0)
		e = queue_new(RECORDER_QUEUE_MAX, -1, &r->queue);
	if (e >= 0)
		e = users_new(&r->users);
	return e;
}

int recorder_start(const struct recorder_options *options, struct recorder **ret)
{
	_cleanup_(recorder_freep) struct recorder *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	(void) pthread_mutex_init(&r->lock, NULL);
	(void) pthread_mutex_init(&r->callback_lock, NULL);
	r->appended = options->appended;
	r->context = options->context;
	e = prepare(r, options);
	if (e < 0)
		return e;
	(void) reopen(r);
	e = journal_start(&r->journal);
	if (e < 0)
		return e;
	e = thread_start(run, r, &r->thread);
	if (e < 0) {
		(void) journal_stop(r->journal, 0);
		return e;
	}
	*ret = TAKE_PTR(r);
	return 0;
}

struct recorder *recorder_stop(struct recorder *r, uint64_t timeout_usec)
{
	uint64_t deadline = clock_boot_usec() + timeout_usec, now;

	if (!r)
		return NULL;
	r->stop_by_usec = deadline;
	queue_close(r->queue);
	if (thread_join(r->thread, timeout_usec + JOURNAL_GRACE_MSEC * USEC_PER_MSEC) < 0) {
		/* Stuck in the disk: it can be neither ended nor waited for, so it keeps what it
		 * holds, and nobody hears of it any more. */
		(void) pthread_detach(r->thread);
		pthread_mutex_lock(&r->callback_lock);
		r->appended = NULL;
		pthread_mutex_unlock(&r->callback_lock);
		return NULL;
	}
	now = clock_boot_usec();
	(void) journal_stop(r->journal,
		(now < deadline ? deadline - now : 0) + JOURNAL_GRACE_MSEC * USEC_PER_MSEC);
	return recorder_free(r);
}

void recorder_push(struct recorder *r, struct event *e)
{
	if (queue_push(r->queue, event_ref(e)) < 0) {
		r->dropped++;
		(void) event_unref(e);
	}
}

void recorder_status(struct recorder *r, struct recorder_status *ret)
{
	pthread_mutex_lock(&r->lock);
	*ret = r->status;
	pthread_mutex_unlock(&r->lock);
	ret->dropped = r->dropped;
	ret->journal_dropped = journal_dropped(r->journal);
}
