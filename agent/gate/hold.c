/*
 * Files that stay open, with a read lease on them, for a moment past their answer. While the lease
 * stands nobody can change the file: who opens it for writing waits. In the first half of that time
 * the kernel need not ask again (an ignore mark); the second half is for launches that began just
 * before, so that they have a running program's protection (ETXTBSY) before a writer gets in.
 */
#include "agent/gate/state.h"

static void drop_mark(struct gate *g)
{
	size_t at = (g->held_first + g->n_unmarked++) % GATE_HELD_MAX;

	/* Kernel memory pressure may have taken it away; what else went wrong must not leave it
	 * there. */
	if (g->held[at].marked && fanotify_ask_again(g->group, g->held[at].fd) < 0)
		(void) fanotify_forget_ignored(g->group);
}

static void release_oldest(struct gate *g)
{
	if (g->n_unmarked == 0)
		drop_mark(g);
	/* Not by closing alone: a search may go on with the same open file. */
	(void) fcntl(g->held[g->held_first].fd, F_SETLEASE, F_UNLCK);
	(void) close(g->held[g->held_first].fd);
	g->held_first = (g->held_first + 1) % GATE_HELD_MAX;
	g->n_held--;
	g->n_unmarked--;
}

uint64_t hold_file(struct gate *g, int fd, bool mark, uint64_t now_usec)
{
	size_t last;

	if (g->n_held == GATE_HELD_MAX)
		release_oldest(g);
	last = (g->held_first + g->n_held++) % GATE_HELD_MAX;
	g->held[last].fd = fd;
	g->held[last].since_usec = now_usec;
	g->held[last].marked = mark && fanotify_ignore(g->group, fd, &g->features) == 0;
	return now_usec + GATE_GUARD_USEC;
}

void hold_release(struct gate *g, uint64_t now_usec)
{
	while (g->n_held > 0 && hold_next_usec(g) <= now_usec) {
		if (g->n_unmarked < g->n_held &&
			g->held[(g->held_first + g->n_unmarked) % GATE_HELD_MAX].since_usec +
					GATE_GUARD_USEC <=
				now_usec)
			drop_mark(g);
		else
			release_oldest(g);
	}
}

uint64_t hold_next_usec(const struct gate *g)
{
	uint64_t next = UINT64_MAX, unmark;

	if (g->n_held > 0)
		next = g->held[g->held_first].since_usec + GATE_HOLD_USEC;
	if (g->n_unmarked < g->n_held) {
		unmark = g->held[(g->held_first + g->n_unmarked) % GATE_HELD_MAX].since_usec +
			GATE_GUARD_USEC;
		next = unmark < next ? unmark : next;
	}
	return next;
}
