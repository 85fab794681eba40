/*
 * A miss: the file goes to the inspectors, its launches wait. Launches of one file share one
 * inspection, so a storm of them costs one.
 */
#include "agent/gate/state.h"

#include <string.h>

#include "policy/base/clock.h"

enum {
	WRITER_WAITS_MAX =
		10, /* of GATE_GUARD_USEC each, for whoever has the file open for writing */
	INSPECTION_ATTEMPTS_MAX =
		2, /* an inspector that dies once may have been killed; twice: it is the file */
	INSPECTION_KEPT_MAX = 64, /* launches kept while what they run is searched */
	FRESH_NSEC =
		50000000, /* a ctime this young may not move with the next write (one clock tick) */
};

static struct inspection *inspection_of(struct gate *g, const struct verdict_key *key)
{
	struct inspection *i;

	LIST_FOREACH (i, &g->inspections, entry)
		if (!i->again && memcmp(&i->key, key, sizeof(*key)) == 0)
			return i;
	return NULL;
}

static struct inspection *inspection_free(struct inspection *i)
{
	if (!i)
		return NULL;
	LIST_REMOVE(i, entry);
	(void) policy_unref(i->job.policy);
	if (i->job.fd >= 0)
		(void) close(i->job.fd);
	free(i);
	return NULL;
}

/* NULL: out of memory or descriptors. */
static struct inspection *inspection_new(
	struct gate *g, int fd, const struct verdict_key *key, bool root_only)
{
	struct inspection *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->key = *key;
	i->root_only = root_only;
	i->job.scan = SCAN_ANSWER;
	TAILQ_INIT(&i->launches);
	LIST_INSERT_HEAD(&g->inspections, i, entry);
	/* The same open file, so the lease taken on the copy holds as long as either is open. */
	i->job.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return i->job.fd < 0 ? inspection_free(i) : i;
}

static int submit(struct gate *g, struct inspection *i)
{
	i->job.priority = i->job.scan == SCAN_ALL ? JOB_BACKGROUND : JOB_LAUNCH;
	(void) policy_unref(i->job.policy);
	i->job.policy = policy_ref(g->policy);
	i->job.want_sha256 = policy_size_listed(g->policy, i->key.size) ||
		policy_size_listed(g->policy, i->job.facts.size);
	/* Root is trusted, and its mounts are not to be kept busy; a search keeps no writer out. */
	i->job.take_lease = !i->root_only && i->job.scan != SCAN_ALL;
	i->job.done = gate_job_done;
	i->job.context = g;
	i->attempts++;
	if (g->halted)
		return -ESHUTDOWN;
	return pool_submit(g->options.pool, &i->job);
}

void inspection_begin(
	struct gate *g, struct launch *l, const struct verdict_key *key, bool root_only)
{
	struct inspection *i = inspection_of(g, key);

	if (!i) {
		i = inspection_new(g, l->event.fd, key, root_only);
		if (i && submit(g, i) < 0)
			i = inspection_free(i);
	}
	if (!i) {
		finding_unjudged(
			g, l, fails_open(g), "too many files are waiting to be inspected", NULL);
		launch_free(g, l);
		return;
	}
	l->inspection = i;
	TAILQ_INSERT_TAIL(&i->launches, l, of_inspection);
}

void inspection_expire(struct gate *g, struct launch *l)
{
	finding_unjudged(g, l, fails_open(g), "the inspection took longer than inspect_timeout",
		&l->unjudged);
}

/* Nobody can say what the file is: every launch of it gets the fail mode. */
static void give_up(struct gate *g, struct inspection *i, const char *why)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&i->launches))) {
		if (!l->answered || i->job.scan == SCAN_ALL)
			finding_unjudged(g, l, fails_open(g), why, NULL);
		launch_free(g, l);
	}
	(void) inspection_free(i);
}

static const char *why_unjudged(int result)
{
	switch (result) {
	case -EPIPE:
		return "the inspector died over the file";
	case -EBADMSG:
		return "the inspector broke its protocol";
	case -ETIMEDOUT:
		return "the inspector did not answer";
	case -ESHUTDOWN:
		return "the agent was stopping";
	case -ENOBUFS:
		return "too many files are waiting to be inspected";
	default:
		return strerrordesc_np(-result);
	}
}

static struct finding *finding_new(struct gate *g, struct inspection *i)
{
	struct finding *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	installed_add_facts(g->installed, i->job.fd, i->key.device, i->key.inode, &i->job.facts);
	verdict_decide(g->policy, &i->job.facts, i->job.path, (const char *const *) g->homes,
		&f->decision);
	f->size = i->job.facts.size;
	f->have_sha256 = !!(i->job.facts.have & FACTS_SHA256);
	memcpy(f->sha256, i->job.facts.sha256, SHA256_SIZE);
	return f;
}

/* Was it searched for the signatures of another policy than the one that now admits it? */
static bool is_outdated(const struct gate *g, const struct inspection *i)
{
	return policy_id(i->job.policy) != policy_id(g->policy) &&
		policy_admits(g->policy, i->job.facts.class, i->job.facts.size);
}

/* Does the verdict hold for the next launch of this key too? The lease kept writers out while the
 * file was read, and until its ctime has moved past the one in the key. */
static bool is_stable(const struct gate *g, const struct inspection *i)
{
	return !i->job.writer_present && !is_outdated(g, i) &&
		(i->job.leased || clock_utc_nsec() - i->key.ctime_nsec > FRESH_NSEC);
}

static void allow_all(struct gate *g, struct inspection *i)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&i->launches))) {
		if (!l->answered)
			g->counters.allowed++;
		launch_answer(g, l, true);
		launch_free(g, l);
	}
	/* Root alone could write to it: the kernel need not ask again, until root does. */
	if (i->root_only && is_stable(g, i) &&
		fanotify_ignore(g->group, i->job.fd, &g->features) == 0)
		g->counters.marked++;
}

/* What hides a part of the file from us, so that only the rest of it is known not to be banned. */
static const char *why_incomplete(const struct facts *f)
{
	if (f->have & FACTS_PAYLOAD_REFUSED)
		return "what the file carries is malformed or past a limit";
	if (f->have & FACTS_METADATA_REFUSED)
		return "metadata beside the file is malformed or past a limit";
	return NULL;
}

/* Metadata is but a hint, and what is wrong with it no reason to refuse anything. */
static bool allows_incomplete(const struct gate *g, const struct facts *f)
{
	return fails_open(g) || !(f->have & FACTS_PAYLOAD_REFUSED);
}

/* Recorded once, not with each launch that the cache answers. */
static void allow_incomplete(struct gate *g, struct inspection *i, const char *why)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&i->launches))) {
		finding_unjudged(g, l, allows_incomplete(g, &i->job.facts), why, NULL);
		launch_free(g, l);
	}
}

static void apply_all(struct gate *g, struct inspection *i, struct finding *f)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&i->launches))) {
		if (l->answered && l->ran && f->decision.verdict == VERDICT_BLOCK)
			finding_stop(g, l, i, f);
		else if (!l->answered || i->job.scan == SCAN_ALL)
			finding_apply(g, l, &i->key, f);
		launch_free(g, l);
	}
}

/* Did the file change, or the policy come to want more, while the inspection was under way? */
static bool must_repeat(struct gate *g, const struct inspection *i)
{
	if (i->attempts >= INSPECTION_ATTEMPTS_MAX)
		return false;
	if (i->job.result == -EPIPE)
		return true;
	if (i->job.result < 0)
		return false;
	return (!i->job.want_sha256 && policy_size_listed(g->policy, i->job.facts.size)) ||
		is_outdated(g, i);
}

static void schedule(struct gate *g, struct inspection *i)
{
	i->attempts = 0;
	i->again_usec = clock_boot_usec() + GATE_GUARD_USEC;
	TAILQ_INSERT_TAIL(&g->unsettled, i, by_time);
}

/* A program that somebody has open for writing cannot be launched (ETXTBSY), unless the writer goes
 * away just between our answer and the kernel's own check. So it is waited for; a compiler is gone
 * in a moment. */
static bool wait_for_writer(struct gate *g, struct inspection *i)
{
	if (!i->job.writer_present || !file_class_is_elf(i->job.facts.class) || i->again ||
		i->waits == WRITER_WAITS_MAX)
		return false;
	i->waits++;
	schedule(g, i);
	return true;
}

static void refuse_contested(struct gate *g, struct inspection *i)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&i->launches))) {
		if (!l->answered)
			finding_unjudged(g, l, false,
				"somebody has the file open for writing, and could change it "
				"before it runs",
				NULL);
		launch_free(g, l);
	}
}

/* A script can be written to while it runs, so writers are no reason to refuse it; but a second
 * look tells what was made of it, and a launch of what is then found banned is stopped. The same
 * goes for files that cannot be leased. */
static void look_again(struct gate *g, struct inspection *i)
{
	for (struct launch *l = TAILQ_FIRST(&i->launches); l; l = TAILQ_NEXT(l, of_inspection)) {
		if (!l->answered)
			g->counters.allowed++;
		launch_answer(g, l, true);
	}
	i->again = true;
	schedule(g, i);
}

void inspection_look_again(struct gate *g, uint64_t now_usec)
{
	struct inspection *i;
	int r;

	while ((i = TAILQ_FIRST(&g->unsettled)) && i->again_usec <= now_usec) {
		TAILQ_REMOVE(&g->unsettled, i, by_time);
		r = submit(g, i);
		if (r < 0)
			give_up(g, i, why_unjudged(r));
	}
}

/* What is allowed as it stands, but may not stand so. False: that is all that can be done. */
static bool settle_later(struct gate *g, struct inspection *i)
{
	if (wait_for_writer(g, i))
		return true;
	if (i->again)
		return false;
	if (i->job.writer_present && file_class_is_elf(i->job.facts.class)) {
		refuse_contested(g, i);
		return false;
	}
	look_again(g, i);
	return true;
}

static struct inspection *search_of(struct gate *g, const struct verdict_key *key)
{
	struct inspection *i;

	LIST_FOREACH (i, &g->inspections, entry)
		if (i->job.scan == SCAN_ALL && memcmp(&i->key, key, sizeof(*key)) == 0)
			return i;
	return NULL;
}

/* Answers all launches of @from, and keeps them with @to to be stopped if need be. Those past the
 * limit are on record instead. */
static void keep_launches(struct gate *g, struct inspection *from, struct inspection *to)
{
	struct launch *l, *next;

	for (l = TAILQ_FIRST(&from->launches); l; l = next) {
		next = TAILQ_NEXT(l, of_inspection);
		if (!l->answered && to->n_kept == INSPECTION_KEPT_MAX) {
			finding_unjudged(g, l, true,
				"it was launched too often while it was searched", NULL);
			launch_free(g, l);
			continue;
		}
		if (!l->answered) {
			launch_know_subject(g, l);
			g->counters.allowed++;
			to->n_kept++;
		}
		launch_answer(g, l, true);
		if (from == to)
			continue;
		TAILQ_REMOVE(&from->launches, l, of_inspection);
		TAILQ_INSERT_TAIL(&to->launches, l, of_inspection);
		l->inspection = to;
	}
}

/* What is too large to be searched for signatures while a launch waits is searched after the
 * answer, once however often it is launched meanwhile. Not at once: who is to be stopped must first
 * have become what was launched. */
static void search_rest(struct gate *g, struct inspection *i)
{
	struct inspection *search = search_of(g, &i->key);
	int fd = i->job.leased ? fcntl(i->job.fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd >= 0)
		(void) hold_file(g, fd, false, clock_boot_usec());
	keep_launches(g, i, search ? search : i);
	if (search) {
		(void) inspection_free(i);
		return;
	}
	i->job.scan = SCAN_ALL;
	i->again = true;
	schedule(g, i);
}

void inspection_finish(struct gate *g, struct inspection *i)
{
	const char *incomplete = why_incomplete(&i->job.facts);
	bool cacheable = is_stable(g, i);
	struct finding *f;

	if (must_repeat(g, i) && submit(g, i) == 0)
		return;
	if (i->job.result < 0) {
		give_up(g, i, why_unjudged(i->job.result));
		return;
	}
	f = finding_new(g, i);
	if (!f) {
		give_up(g, i, "out of memory");
		return;
	}
	if (f->decision.verdict != VERDICT_BLOCK && (i->job.facts.have & FACTS_SCAN_LATER) &&
		i->job.scan != SCAN_ALL) {
		free(f);
		search_rest(g, i);
		return;
	}
	if (f->decision.verdict <= VERDICT_ALLOW && !cacheable && !i->root_only &&
		settle_later(g, i)) {
		free(f);
		return;
	}
	if (f->decision.verdict > VERDICT_ALLOW)
		apply_all(g, i, f);
	else if (incomplete)
		allow_incomplete(g, i, incomplete);
	else
		allow_all(g, i);
	if (f->decision.verdict == VERDICT_ALLOW && incomplete &&
		!allows_incomplete(g, &i->job.facts))
		cacheable = false;
	if (cacheable)
		verdict_cache_put(g->cache, &i->key, g->generation, f->decision.verdict,
			f->decision.verdict == VERDICT_ALLOW ? NULL : f);
	if (!cacheable || f->decision.verdict == VERDICT_ALLOW)
		free(f);
	if (i->job.leased)
		(void) hold_file(g, TAKE_FD(i->job.fd), false, clock_boot_usec());
	(void) inspection_free(i);
}
