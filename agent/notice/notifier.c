/*
 * The thread that writes notices. Runs in proscribed; trusts nothing but the numbers the gate took
 * from the kernel. Whatever a terminal does, only this thread could be held up, and a terminal that
 * takes no bytes does not: its notice is lost, the record is in the ledger.
 */
#include "agent/notice/notice.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "agent/notice/limit.h"
#include "agent/notice/terminal.h"
#include "policy/base/clock.h"
#include "policy/base/queue.h"

enum { SHELL_SPEAKS_MSEC = 30 };

struct notifier {
	struct queue *queue;
	pthread_t thread;
	struct limit limit; /* the thread's own */
};

/* No colour: which terminal it is, and whether colour is wanted, stands in the environment of the
 * employee's programs, and reading that means waiting for memory that belongs to them. */
static struct notice_style style_for(unsigned columns)
{
	return (struct notice_style){ .columns = columns };
}

/* The shell has its own words for a refused launch: they come first, and in one piece. */
static void let_shell_speak(const struct event *e)
{
	int64_t since = clock_utc_nsec() - e->utc_nsec, wait = SHELL_SPEAKS_MSEC * NSEC_PER_MSEC;

	if (since >= 0 && since < wait)
		(void) nanosleep(&(struct timespec){ .tv_nsec = wait - since }, NULL);
}

static void write_notice(const struct event *e)
{
	char text[NOTICE_SIZE_MAX];
	_cleanup_close_ int fd = -1;
	struct notice_style style;
	unsigned columns;
	size_t n;

	let_shell_speak(e);
	if (terminal_open(e->tty, e->tty_device, e->uid, e->login_uid, &fd, &columns) < 0)
		return;
	style = style_for(columns);
	n = notice_format(e, &style, text, sizeof(text));
	(void) terminal_write(fd, text, n);
}

static void write_more(const struct limit_terminal *t)
{
	_cleanup_close_ int fd = -1;
	struct notice_style style;
	unsigned columns;
	char text[512];
	size_t n;

	if (t->device == 0 ||
		terminal_open(t->tty, t->device, t->uid, t->login_uid, &fd, &columns) < 0)
		return;
	style = style_for(columns);
	n = notice_format_more(t->n_refused, t->n_other, &style, text, sizeof(text));
	(void) terminal_write(fd, text, n);
}

/* Writes the summaries that are due; returns how long until the next one. */
static uint64_t write_due(struct limit *l)
{
	struct limit_terminal t;
	uint64_t wait;

	while (limit_due(l, clock_boot_usec(), &t, &wait))
		write_more(&t);
	return wait;
}

static void *run(void *argument)
{
	struct notifier *n = argument;
	struct limit_terminal t;
	void *item = NULL;
	int r;

	while ((r = queue_pop(n->queue, write_due(&n->limit), &item)) >= 0) {
		_cleanup_(event_unrefp) struct event *e = NULL;

		if (r == 0)
			continue;
		e = item;
		if (limit_ask(&n->limit, e, clock_boot_usec(), &t) == LIMIT_WRITE)
			write_notice(e);
		write_more(&t);
	}
	while (limit_drain(&n->limit, &t))
		write_more(&t);
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct notifier *n)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&n->thread, NULL, run, n);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int notifier_start(struct notifier **ret)
{
	_cleanup_free_ struct notifier *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	r = queue_new(NOTICE_QUEUE_MAX, -1, &n->queue);
	if (r < 0)
		return r;
	r = start_thread(n);
	if (r < 0) {
		(void) queue_free(n->queue);
		return r;
	}
	*ret = TAKE_PTR(n);
	return 0;
}

struct notifier *notifier_stop(struct notifier *n)
{
	if (!n)
		return NULL;
	queue_close(n->queue);
	(void) pthread_join(n->thread, NULL);
	(void) queue_free(n->queue);
	free(n);
	return NULL;
}

void notifier_push(struct notifier *n, struct event *e)
{
	if (e->tty_device == 0 || !notice_needed(e))
		return;
	if (queue_push(n->queue, event_ref(e)) < 0)
		(void) event_unref(e);
}
