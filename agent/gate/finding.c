/*
 * What follows an answer that somebody must hear of: the record, the notice, the file's hash, and
 * the end of a launch that slipped by. The answer always comes first.
 */
#include "agent/gate/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "policy/base/text.h"

static void describe_subject(struct event *e, const struct subject *s)
{
	e->uid = s->uid;
	e->login_uid = s->login_uid;
	e->pid = s->pid;
	e->parent = s->parent;
	e->tty_device = s->tty_device;
	(void) text_copy(e->tty, sizeof(e->tty), s->tty);
}

static void describe_file(struct event *e, int fd)
{
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0) {
		path[n] = '\0';
		(void) text_dup(path, &e->path);
	}
	if (fstat(fd, &st) == 0) {
		e->device = st.st_dev;
		e->inode = st.st_ino;
		e->size = (uint64_t) st.st_size;
	}
}

static int launch_event(struct gate *g, struct launch *l, struct event **ret)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	int r = event_new(EVENT_LAUNCH, &e);

	if (r < 0)
		return r;
	launch_know_subject(g, l);
	describe_subject(e, &l->subject);
	describe_file(e, l->event.fd);
	*ret = TAKE_PTR(e);
	return 0;
}

static void publish(struct gate *g, struct event *e)
{
	recorder_push(g->options.recorder, e);
	if (g->options.notifier && e->kind == EVENT_LAUNCH && e->verdict >= VERDICT_WARN)
		notifier_push(g->options.notifier, e);
}

static void begin_digest(
	struct gate *g, int fd, const struct verdict_key *key, struct finding *f, struct event *e)
{
	struct digest *d;

	if (g->halted || f->have_sha256 || f->digest_pending || g->n_digests >= GATE_DIGESTS_MAX)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		return;
	d->key = *key;
	d->generation = g->generation;
	d->job = (struct job){
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.priority = JOB_BACKGROUND,
		.want_sha256 = true,
		.done = gate_job_done,
		.context = g,
	};
	if (d->job.fd < 0 || pool_submit(g->options.pool, &d->job) < 0) {
		if (d->job.fd >= 0)
			(void) close(d->job.fd);
		free(d);
		return;
	}
	d->event = event_ref(e);
	f->digest_pending = true;
	LIST_INSERT_HEAD(&g->digests, d, entry);
	g->n_digests++;
}

static int finding_event(
	struct gate *g, struct launch *l, const struct finding *f, struct event **ret)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	int r = launch_event(g, l, &e);

	r = r < 0 ? r : event_set_decision(e, g->policy, &f->decision);
	if (r < 0)
		return r;
	e->have_sha256 = f->have_sha256;
	memcpy(e->sha256, f->sha256, sizeof(e->sha256));
	*ret = TAKE_PTR(e);
	return 0;
}

static void count(struct gate *g, enum verdict v)
{
	switch (v) {
	case VERDICT_UNJUDGED:
		g->counters.unjudged++;
		break;
	case VERDICT_ALLOW:
		g->counters.allowed++;
		break;
	case VERDICT_LOG:
		g->counters.logged++;
		break;
	case VERDICT_WARN:
		g->counters.warned++;
		break;
	case VERDICT_BLOCK:
		g->counters.blocked++;
		break;
	case _VERDICT_MAX:
		break;
	}
}

void finding_apply(
	struct gate *g, struct launch *l, const struct verdict_key *key, struct finding *f)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	enum verdict v = f->decision.verdict;

	launch_know_subject(g, l);
	launch_answer(g, l, v != VERDICT_BLOCK);
	count(g, v);
	if (finding_event(g, l, f, &e) < 0)
		return;
	e->outcome = v == VERDICT_BLOCK ? OUTCOME_REFUSED : OUTCOME_RAN;
	publish(g, e);
	if (v == VERDICT_BLOCK)
		begin_digest(g, l->event.fd, key, f, e);
}

void finding_unjudged(
	struct gate *g, struct launch *l, bool allow, const char *why, struct event **ret)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	launch_know_subject(g, l);
	launch_answer(g, l, allow);
	count(g, VERDICT_UNJUDGED);
	if (launch_event(g, l, &e) < 0)
		return;
	e->verdict = VERDICT_UNJUDGED;
	e->outcome = l->ran ? OUTCOME_RAN : OUTCOME_REFUSED;
	(void) text_dup(why, &e->detail);
	publish(g, e);
	if (ret)
		*ret = TAKE_PTR(e);
}

/* Only the process that launched it, by pidfd: a number could belong to somebody else by now. A
 * script's process runs its interpreter, so there is no image to compare. */
static bool stop_process(const struct launch *l, const struct inspection *i)
{
	if (l->event.pidfd < 0)
		return false;
	if (file_class_is_elf((enum file_class) i->job.facts.class) &&
		!subject_runs(l->event.pid, i->key.device, i->key.inode))
		return false;
	return syscall(SYS_pidfd_send_signal, l->event.pidfd, SIGKILL, NULL, 0) == 0;
}

void finding_stop(struct gate *g, struct launch *l, const struct inspection *i, struct finding *f)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	bool stopped = stop_process(l, i);

	g->counters.stopped += stopped;
	if (finding_event(g, l, f, &e) < 0)
		return;
	e->outcome = stopped ? OUTCOME_STOPPED : OUTCOME_RAN;
	if (!l->unjudged)
		(void) text_dup(i->job.scan == SCAN_ALL
				? "too large to be searched before its launch was answered"
				: "the file changed while it was launched",
			&e->detail);
	else if (asprintf(&e->detail, "ran unjudged as %s", l->unjudged->id) < 0)
		e->detail = NULL;
	publish(g, e);
	begin_digest(g, i->job.fd, &i->key, f, e);
}

static void remember_digest(struct gate *g, const struct digest *d)
{
	struct verdict_entry *entry = verdict_cache_find(g->cache, &d->key, d->generation);
	struct finding *f = entry ? entry->finding : NULL;

	if (!f)
		return;
	f->digest_pending = false;
	if (d->job.result == 0 && (d->job.facts.have & FACTS_SHA256)) {
		f->have_sha256 = true;
		memcpy(f->sha256, d->job.facts.sha256, sizeof(f->sha256));
	}
}

void digest_finish(struct gate *g, struct digest *d)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	remember_digest(g, d);
	if (d->job.result == 0 && (d->job.facts.have & FACTS_SHA256) &&
		event_new(EVENT_DIGEST, &e) == 0) {
		memcpy(e->id, d->event->id, sizeof(e->id));
		e->have_sha256 = true;
		memcpy(e->sha256, d->job.facts.sha256, sizeof(e->sha256));
		(void) text_dup(d->event->path, &e->path);
		e->device = d->event->device;
		e->inode = d->event->inode;
		e->size = d->job.facts.size;
		e->uid = d->event->uid;
		e->login_uid = d->event->login_uid;
		publish(g, e);
	}
	(void) event_unref(d->event);
	(void) close(d->job.fd);
	LIST_REMOVE(d, entry);
	g->n_digests--;
	free(d);
}
