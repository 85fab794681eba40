/*
 * What would happen to a launch: the same inspectors and the same decision as for a real one, asked
 * for by a client of the bus. Never in the way of a launch.
 */
#include <string.h>
#include <unistd.h>

#include "agent/state.h"
#include "policy/base/text.h"

/* Two inspections at once: what the file is, and its sha256, which may well take as long. */
struct question {
	struct job job, digest;
	_Atomic int n_pending;
	struct agent *agent;
	char *path;
	void (*done)(const struct judgement *j, void *context);
	void *context;
};

static void question_free(struct question *q)
{
	(void) policy_unref(q->job.policy);
	(void) close(q->job.fd);
	free(q->path);
	free(q);
}

/* On a pool thread. */
static void question_inspected(struct job *j)
{
	struct question *q = j->context;

	/* Cannot be full: it has room for AGENT_JUDGING_MAX, and no more are ever under way. */
	if (--q->n_pending == 0)
		(void) queue_push(q->agent->judged, q);
}

int agent_judge(struct agent *a, int fd, const char *path,
	void (*done)(const struct judgement *j, void *context), void *context)
{
	struct question *q;
	int r;

	if (a->n_judging == AGENT_JUDGING_MAX) {
		(void) close(fd);
		return -ENOBUFS;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		(void) close(fd);
		return -ENOMEM;
	}
	q->agent = a;
	q->done = done;
	q->context = context;
	q->n_pending = 2;
	q->job = (struct job){
		.fd = fd,
		.priority = JOB_BACKGROUND,
		.scan = SCAN_ALL,
		.policy = policy_ref(a->policy),
		.done = question_inspected,
		.context = q,
	};
	q->digest = (struct job){
		.fd = fd,
		.priority = JOB_BACKGROUND,
		.want_sha256 = true,
		.done = question_inspected,
		.context = q,
	};
	r = text_dup(path, &q->path);
	r = r < 0 ? r : pool_submit(a->pool, &q->job);
	if (r < 0) {
		question_free(q);
		return r;
	}
	a->n_judging++;
	if (pool_submit(a->pool, &q->digest) < 0) {
		q->digest.result = -ENOBUFS;
		question_inspected(&q->digest);
	}
	return 0;
}

/* What both inspections found. The file may have changed in between, and then has no digest. */
static void take_digest(struct question *q)
{
	const struct facts *f = &q->digest.facts;

	if (q->digest.result < 0 || !(f->have & FACTS_SHA256) || f->size != q->job.facts.size)
		return;
	q->job.facts.have |= FACTS_SHA256;
	memcpy(q->job.facts.sha256, f->sha256, SHA256_SIZE);
}

void judge_decide(struct agent *a, const struct policy *p, int fd, const char *path,
	struct facts *f, struct decision *ret)
{
	packages_add_facts(a, fd, f);
	verdict_decide(p, f, path, (const char *const *) a->homes, ret);
}

static void answer_question(struct agent *a, struct question *q)
{
	struct judgement j = {
		.error = q->job.result,
		.policy = a->policy,
		.path = q->path ? q->path : q->job.path,
	};

	if (j.error == 0) {
		take_digest(q);
		j.facts = q->job.facts;
		if (a->policy)
			judge_decide(a, a->policy, q->job.fd, q->job.path, &j.facts, &j.decision);
	}
	a->n_judging--;
	q->done(&j, q->context);
	question_free(q);
}

void judge_answer(struct agent *a)
{
	void *item;

	while (queue_pop(a->judged, 0, &item) > 0)
		answer_question(a, item);
}

void judge_forget(struct agent *a)
{
	void *item;

	while (a->judged && queue_pop(a->judged, 0, &item) > 0)
		question_free(item);
	a->judged = queue_free(a->judged);
}
