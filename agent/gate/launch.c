/*
 * A launch as an owned obligation: from launch_new() on, exactly one answer is written for it,
 * whatever happens to the inspection.
 */
#include "agent/gate/state.h"

#include "policy/base/clock.h"

struct launch *launch_new(struct gate *g, const struct fanotify_event *event)
{
	struct launch *l = TAILQ_FIRST(&g->spare);

	TAILQ_REMOVE(&g->spare, l, in_order);
	*l = (struct launch){ .event = *event, .arrived_usec = clock_boot_usec() };
	TAILQ_INSERT_TAIL(&g->waiting, l, in_order);
	g->n_launches++;
	g->counters.pending++;
	return l;
}

void launch_answer(struct gate *g, struct launch *l, bool allow)
{
	uint64_t waited;

	if (l->answered)
		return;
	/* -ENOENT: the launcher was killed while it waited; then nobody is owed an answer. */
	(void) fanotify_answer(g->group, l->event.fd, allow, g->options.audit);
	l->answered = true;
	l->ran = allow;
	TAILQ_REMOVE(&g->waiting, l, in_order);
	g->counters.pending--;
	waited = clock_boot_usec() - l->arrived_usec;
	if (waited > g->counters.slowest_usec)
		g->counters.slowest_usec = waited;
}

void launch_free(struct gate *g, struct launch *l)
{
	launch_answer(g, l, fails_open(g));
	if (l->inspection)
		TAILQ_REMOVE(&l->inspection->launches, l, of_inspection);
	(void) close(l->event.fd);
	if (l->event.pidfd >= 0)
		(void) close(l->event.pidfd);
	(void) event_unref(l->unjudged);
	TAILQ_INSERT_HEAD(&g->spare, l, in_order);
	g->n_launches--;
}

void launch_know_subject(struct gate *g, struct launch *l)
{
	if (l->subject_known)
		return;
	subject_read(l->event.pid, g->mount_namespace, &l->subject);
	l->subject_known = true;
}
