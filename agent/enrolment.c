#include "agent/enrolment.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "agent/delivery.h"
#include "agent/enrolment_text.h"
#include "agent/kept.h"
#include "agent/ledger/thread.h"
#include "agent/state.h"
#include "policy/base/clock.h"
#include "policy/base/idle.h"
#include "policy/base/log.h"

enum {
	STOP_USEC = 5000000,
	BUSY_DOUBLINGS = 5,
	WATCHED = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	WATCH_LOST = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT,
};

/* Somebody who wants to know what the next look finds. */
struct waiter {
	void (*done)(int result, bool changed, const char *messages, void *context);
	void *context;
	uint64_t policy; /* the one in force when it was asked for */
};

struct waiters {
	struct waiter list[ENROLMENT_WAITERS_MAX];
	size_t n;
};

/* What the thread does: a look, or to keep what a look has brought. */
struct work {
	struct enrolment *enrolment; /* the thread reads only what does not change meanwhile */
	pthread_t thread;
	bool keeping;
	struct delivery_order order;
	struct delivery found;
	struct trust_state state; /* a copy; its bundle is the enrolment's */
	struct policy *policy;    /* to be kept, NULL: the state only; or to be proven */
	int result;
};

struct enrolment {
	struct agent *agent;
	char *state_path, *keep_path;
	struct trust_state state;
	bool unsaved;  /* the state is newer than its file */
	bool unproven; /* what is in force comes from a disk and was not looked through yet */
	bool damaged;  /* ... or was, and is not what it should be */
	bool has_report;
	struct update_report report;
	char *trouble;
	uint8_t seen[SHA256_SIZE];
	unsigned busy;

	struct work *work; /* under way; NULL */
	bool again, again_whole;
	struct waiters waiting, next; /* for the look under way, for the one after it */

	int wake_fd;
	uint64_t ended_usec; /* of the last look */
	sd_event_source *wake, *watch, *timer, *expiry;
};

static void start_look(struct enrolment *e, bool whole);
static void start_keeping(struct enrolment *e, bool policy);

/* ---- what is told ---- */

static void set_trouble(struct enrolment *e, const char *text)
{
	free(e->trouble);
	e->trouble = text && *text ? strdup(text) : NULL;
	free(e->agent->policy_error);
	e->agent->policy_error = NULL;
}

/* Is @text something else than was told last? */
static bool is_news(struct enrolment *e, enum trust_refuser who, const char *text)
{
	uint8_t digest[SHA256_SIZE], *told = e->state.record.refusals[who];
	_cleanup_free_ char *key = strdup(text);

	if (!key)
		return false;
	enrolment_text_mask_times(key);
	if (trust_digest(key, strlen(key), digest) < 0 || !memcmp(digest, told, sizeof(digest)))
		return false;
	memcpy(told, digest, sizeof(digest));
	e->unsaved = true;
	return true;
}

static void forget_refusal(struct enrolment *e, enum trust_refuser who)
{
	static const uint8_t none[SHA256_SIZE];
	uint8_t *told = e->state.record.refusals[who];

	e->unsaved = e->unsaved || memcmp(told, none, SHA256_SIZE) != 0;
	memset(told, 0, SHA256_SIZE);
}

static void tell_refusal(struct enrolment *e, enum trust_refuser who, const char *text)
{
	_cleanup_free_ char *whole = enrolment_text_refusal(
		text, e->agent->policy, &e->state.record.in_force);

	if (!is_news(e, who, text))
		return;
	log_lines(LOG_LEVEL_ERROR, whole ? whole : text);
	policy_record(e->agent, OUTCOME_REJECTED, whole ? whole : text);
}

/* Once, until the host has taken something new. */
static void tell_doubt(struct enrolment *e, uint32_t *told, const char *why)
{
	_cleanup_free_ char *stays = enrolment_text_stays(
		e->agent->policy, &e->state.record.in_force);
	_cleanup_free_ char *text = NULL;

	if (told && *told)
		return;
	if (!stays || asprintf(&text, "%s; %s", why, stays) < 0) {
		text = NULL;
		return;
	}
	if (told) {
		*told = 1;
		e->unsaved = true;
	}
	log_warning("%s", text);
	policy_record(e->agent, OUTCOME_STALE, text);
}

static bool clock_suspect(const struct enrolment *e)
{
	return clock_utc_nsec() + ENROLMENT_CLOCK_SEC * NSEC_PER_SEC <
		e->state.record.accepted_utc_nsec;
}

static int64_t stale_since(const struct enrolment *e)
{
	const int64_t expires = trust_expires_utc_sec(&e->state.record),
		      last = e->state.record.accepted_utc_nsec, clock = clock_utc_nsec();

	return expires > 0 && (clock > last ? clock : last) / NSEC_PER_SEC >= expires ? expires : 0;
}

static void check_doubts(struct enrolment *e)
{
	struct trust_record *r = &e->state.record;
	char when[CLOCK_TEXT_SIZE];
	_cleanup_free_ char *text = NULL;
	const int64_t since = stale_since(e);

	if (clock_suspect(e)) {
		clock_format_utc(r->accepted_utc_nsec, 0, when);
		if (asprintf(&text,
			    "the clock runs before %s, when signed policy was last accepted; that "
			    "time is taken for it",
			    when) >= 0)
			tell_doubt(e, &r->told_clock, text);
	} else if (r->told_clock) {
		r->told_clock = 0;
		e->unsaved = true;
	}
	if (since > 0) {
		free(text);
		text = NULL;
		clock_format_utc(since * NSEC_PER_SEC, 0, when);
		if (asprintf(&text,
			    "what was fetched last was good until %s, and nothing newer was",
			    when) >= 0)
			tell_doubt(e, &r->told_stale, text);
	}
}

static int on_expiry(sd_event_source *s, uint64_t usec, void *context)
{
	struct enrolment *e = context;

	(void) s;
	(void) usec;
	check_doubts(e);
	if (e->unsaved && !e->work)
		start_keeping(e, false);
	return 0;
}

static void arm_expiry(struct enrolment *e)
{
	const int64_t at = trust_expires_utc_sec(&e->state.record);

	e->expiry = sd_event_source_disable_unref(e->expiry);
	if (at > 0 && stale_since(e) == 0)
		(void) sd_event_add_time(e->agent->event, &e->expiry, CLOCK_REALTIME,
			(uint64_t) at * USEC_PER_SEC, USEC_PER_SEC, on_expiry, e);
}

/* ---- when it is looked ---- */

static void watch_folder(struct enrolment *e);
static void look_in(struct enrolment *e, uint64_t usec);

static int on_timer(sd_event_source *s, uint64_t usec, void *context)
{
	struct enrolment *e = context;

	(void) s;
	(void) usec;
	if (!e->watch)
		watch_folder(e);
	if (e->watch)
		start_look(e, false);
	else
		look_in(e, ENROLMENT_ABSENT_USEC);
	return 0;
}

/* In place of a time that was set before. */
static void look_in(struct enrolment *e, uint64_t usec)
{
	e->timer = sd_event_source_disable_unref(e->timer);
	(void) sd_event_add_time_relative(
		e->agent->event, &e->timer, CLOCK_BOOTTIME, usec, 0, on_timer, e);
}

/* Not at once after the last one: somebody who renames reports all day would keep us busy. */
static void look_soon(struct enrolment *e)
{
	const uint64_t next = e->ended_usec + ENROLMENT_PAUSE_USEC, now = clock_boot_usec();

	if (e->work)
		e->again = true;
	else
		look_in(e, e->ended_usec > 0 && next > now ? next - now : 0);
}

static int on_changed(sd_event_source *s, const struct inotify_event *i, void *context)
{
	struct enrolment *e = context;

	(void) s;
	if (i->mask & WATCH_LOST) {
		e->watch = sd_event_source_disable_unref(e->watch);
		look_in(e, ENROLMENT_BUSY_USEC);
	} else if ((i->mask & IN_Q_OVERFLOW) ||
		(i->len > 0 && !strcmp(i->name, UPDATE_REPORT_FILE))) {
		look_soon(e);
	}
	return 0;
}

/* Without the folder there is nothing to watch yet; it is looked for again now and then. */
static void watch_folder(struct enrolment *e)
{
	int r = sd_event_add_inotify(e->agent->event, &e->watch, e->agent->options.update_folder,
		WATCHED, on_changed, e);

	if (r < 0)
		e->watch = NULL;
}

static void plan_next(struct enrolment *e, int result)
{
	if (result == -EBUSY) {
		look_in(e, (uint64_t) ENROLMENT_BUSY_USEC << e->busy);
		e->busy += e->busy < BUSY_DOUBLINGS;
		return;
	}
	e->busy = 0;
	look_in(e, e->watch ? ENROLMENT_PATROL_USEC : ENROLMENT_ABSENT_USEC);
}

/* ---- the thread ---- */

static void *run(void *context)
{
	struct work *w = context;
	struct enrolment *e = w->enrolment;

	if (!w->keeping) {
		delivery_look(&w->order, &w->found);
	} else {
		/* Copying it all has time: launches do not. */
		idle_enter();
		/* The image first: a state without it would be of another one. */
		w->result = w->policy ? kept_save(e->keep_path, policy_fd(w->policy)) : 0;
		if (w->result == 0)
			w->result = trust_state_save(e->state_path, &w->state);
	}
	(void) !write(e->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	return NULL;
}

static struct work *work_free(struct work *w)
{
	if (!w)
		return NULL;
	if (!w->keeping)
		delivery_done(&w->found);
	(void) policy_unref(w->policy);
	free(w);
	return NULL;
}

static int begin(struct enrolment *e, struct work *w)
{
	int r;

	w->enrolment = e;
	/* With a stack of the usual size: a look takes more of it than a recorder does. */
	r = -pthread_create(&w->thread, NULL, run, w);
	if (r < 0) {
		work_free(w);
		return log_error_errno(r, "What was fetched cannot be looked at: %m");
	}
	e->work = w;
	return 0;
}

static void answer(struct enrolment *e, struct waiters *w, int result, const char *messages)
{
	const uint64_t now = e->agent->policy ? policy_id(e->agent->policy) : 0;
	struct waiters all = *w;

	w->n = 0;
	for (size_t i = 0; i < all.n; i++)
		all.list[i].done(result, all.list[i].policy != now, messages, all.list[i].context);
}

static void start_look(struct enrolment *e, bool whole)
{
	struct policy_info info;
	struct work *w;
	int r;

	if (e->work) {
		e->again = true;
		e->again_whole = e->again_whole || whole;
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return answer(e, &e->waiting, -ENOMEM, NULL);
	w->order = (struct delivery_order){
		.folder = e->agent->options.update_folder,
		.anchor_path = e->agent->options.trust_root,
		.state = &w->state,
	};
	w->state = e->state;
	if (e->agent->policy && !e->damaged) {
		policy_info(e->agent->policy, &info);
		memcpy(w->order.image, info.digest, SHA256_SIZE);
	}
	if (e->unproven && e->agent->policy)
		w->order.unproven = w->policy = policy_ref(e->agent->policy);
	if (!whole)
		memcpy(w->order.seen, e->seen, SHA256_SIZE);
	trust_state_init(&w->found.state);
	r = begin(e, w);
	if (r < 0)
		answer(e, &e->waiting, r, NULL);
}

static void start_keeping(struct enrolment *e, bool policy)
{
	struct work *w = calloc(1, sizeof(*w));

	if (!w)
		return;
	w->keeping = true;
	w->state = e->state;
	w->policy = policy && e->agent->policy ? policy_ref(e->agent->policy) : NULL;
	e->unsaved = false;
	(void) begin(e, w);
}

/* ---- what a look has found ---- */

static bool same_signers(const struct trust_summary *a, const struct trust_summary *b)
{
	if (a->n_signers != b->n_signers)
		return false;
	for (uint32_t i = 0; i < a->n_signers; i++)
		if (strcmp(a->signers[i].role, b->signers[i].role) != 0 ||
			strcmp(a->signers[i].keyid, b->signers[i].keyid) != 0)
			return false;
	return true;
}

/* New signatures of the roles that a machine signs every day are no change to tell of. */
static bool worth_telling(const struct trust_summary *from, const struct trust_summary *to)
{
	return from->roles[TUF_ROOT].version != to->roles[TUF_ROOT].version ||
		from->roles[TUF_TARGETS].version != to->roles[TUF_TARGETS].version ||
		!same_signers(from, to);
}

static void take_state(struct enrolment *e, struct delivery *d)
{
	struct trust_record *r = &d->state.record;

	if (!d->has_state)
		return;
	/* What was told may have become more since the look began. */
	memcpy(r->refusals, e->state.record.refusals, sizeof(r->refusals));
	r->told_clock = e->state.record.told_clock;
	r->told_stale = d->verified ? 0 : e->state.record.told_stale;
	trust_state_done(&e->state);
	e->state = d->state;
	trust_state_init(&d->state);
	e->unsaved = true;
	if (d->afresh)
		tell_doubt(e, NULL,
			"the trust anchor is another one, so what was accepted by the earlier one "
			"does not count any more");
}

static void tell_accepted(struct enrolment *e, const struct trust_summary *before, bool swapped)
{
	const struct trust_summary *now = &e->state.record.in_force;
	_cleanup_free_ char *change = enrolment_text_change(before, now), *text = NULL;

	if (!swapped && !worth_telling(before, now))
		return;
	if (!change ||
		asprintf(&text, "signed policy%s: %s", swapped ? "" : " as before, signed anew",
			change) < 0) {
		text = NULL;
		return;
	}
	log_info("%s", text);
	policy_record(e->agent, OUTCOME_APPLIED, text);
}

static int accept_found(struct enrolment *e, struct delivery *d)
{
	_cleanup_free_ struct trust_record *before = malloc(sizeof(*before));
	struct policy *p = TAKE_PTR(d->policy);
	const bool swapped = p;
	int r = 0;

	if (!before) {
		(void) policy_unref(p);
		return -ENOMEM;
	}
	*before = e->state.record;
	if (p)
		r = policy_apply(e->agent, p);
	if (r < 0) { /* not in force, so it must not count as such at the next look */
		d->state.record.in_force = before->in_force;
		memcpy(d->state.record.image, before->image, SHA256_SIZE);
		take_state(e, d);
		return r;
	}
	take_state(e, d);
	e->damaged = e->damaged && !swapped;
	forget_refusal(e, TRUST_REFUSER_AGENT);
	set_trouble(e, NULL);
	log_lines(LOG_LEVEL_WARNING, d->messages);
	tell_accepted(e, &before->in_force, swapped);
	return 0;
}

static void refuse(struct enrolment *e, struct delivery *d)
{
	const char *text = d->messages && *d->messages ? d->messages : strerrordesc_np(-d->result);

	take_state(e, d);
	set_trouble(e, text);
	e->agent->policy_error = strdup(text);
	tell_refusal(e, TRUST_REFUSER_AGENT, text);
}

static void take_report(struct enrolment *e, const struct delivery *d)
{
	_cleanup_free_ char *refusal = NULL;

	if (!d->asked)
		return;
	e->has_report = d->has_report;
	if (!d->has_report)
		return;
	e->report = d->report;
	refusal = enrolment_text_report(&e->report);
	if (refusal)
		tell_refusal(e, TRUST_REFUSER_UPDATE, refusal);
	else if (e->report.error == 0)
		forget_refusal(e, TRUST_REFUSER_UPDATE);
}

static void take_found(struct enrolment *e, struct delivery *d)
{
	const int64_t root = e->state.record.root_version;
	int r = d->result;
	bool swapped = d->policy;

	take_report(e, d);
	e->unproven = false;
	if (d->damaged) {
		e->damaged = true;
		tell_doubt(e, NULL, "the policy in force was damaged on this disk");
	}
	if (r == 0) {
		r = accept_found(e, d);
		swapped = swapped && r == 0;
	} else if (r == -ENODATA) {
		set_trouble(e, d->messages);
	} else if (r < 0 && r != -EBUSY) {
		refuse(e, d);
	}
	/* What was refused is looked at again whenever there is a report. */
	if (d->verified || d->result == 1)
		memcpy(e->seen, d->seen, SHA256_SIZE);
	else
		memset(e->seen, 0, SHA256_SIZE);
	e->again = e->again || e->state.record.root_version >= root + TUF_ROTATIONS_MAX;
	check_doubts(e);
	arm_expiry(e);
	answer(e, &e->waiting, r < 0 ? r : 0, d->messages);
	plan_next(e, r);
	if (e->unsaved || swapped)
		start_keeping(e, swapped);
}

static void go_on(struct enrolment *e)
{
	const bool whole = e->again_whole;

	if (e->unsaved && !e->work)
		start_keeping(e, false);
	if (e->work || !e->again)
		return;
	e->again = e->again_whole = false;
	e->waiting = e->next;
	e->next.n = 0;
	if (e->waiting.n > 0)
		start_look(e, whole);
	else
		look_soon(e);
}

static int on_wake(sd_event_source *s, int fd, uint32_t events, void *context)
{
	struct enrolment *e = context;
	struct work *w = TAKE_PTR(e->work);
	uint64_t count;

	(void) s;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	if (!w)
		return 0;
	(void) pthread_join(w->thread, NULL);
	if (w->keeping) {
		if (w->result < 0)
			(void) log_error_errno(w->result,
				"The policy in force cannot be kept for the next start in %s*: %m",
				e->keep_path);
	} else {
		e->ended_usec = clock_boot_usec();
		take_found(e, &w->found);
	}
	work_free(w);
	go_on(e);
	return 0;
}

int enrolment_update(struct enrolment *e,
	void (*done)(int result, bool changed, const char *messages, void *context), void *context)
{
	struct waiters *w = e->work ? &e->next : &e->waiting;

	if (w->n == ENROLMENT_WAITERS_MAX)
		return -ENOBUFS;
	w->list[w->n++] = (struct waiter){ .done = done,
		.context = context,
		.policy = e->agent->policy ? policy_id(e->agent->policy) : 0 };
	start_look(e, true);
	return 0;
}

/* ---- start and stop ---- */

static bool has_anchor(const struct agent *a)
{
	struct stat st;

	return lstat(a->options.trust_root, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void load_state(struct enrolment *e)
{
	_cleanup_free_ char *text = NULL;
	int r = trust_state_load(e->state_path, &e->state);

	if (r == 0 || r == -ENOENT)
		return;
	if (asprintf(&text,
		    "what was accepted earlier cannot be used (%s: %s), so that trust begins with "
		    "its anchor again",
		    e->state_path, r == -EBADMSG ? "damaged" : strerrordesc_np(-r)) >= 0)
		tell_doubt(e, NULL, text);
}

static void load_kept(struct enrolment *e)
{
	struct policy *kept = NULL;
	int r = kept_load(e->keep_path, &kept);

	if (r == 0)
		r = policy_apply(e->agent, kept);
	e->unproven = r == 0;
	if (r == 0)
		policy_record(
			e->agent, OUTCOME_APPLIED, "last good policy, kept from an earlier run");
	else if (e->agent->policy)
		log_warning(
			"The policy of this host stays in force until a signed one is accepted");
	else
		log_error("This host takes signed policy only, and has accepted none yet: NOTHING "
			  "is enforced until proscribe-update has fetched one");
}

static int prepare(struct enrolment *e)
{
	int r;

	trust_state_init(&e->state);
	if (asprintf(&e->state_path, "%s.trust", e->agent->options.ledger_path) < 0)
		return -ENOMEM;
	if (asprintf(&e->keep_path, "%s.signed", e->agent->options.ledger_path) < 0)
		return -ENOMEM;
	e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->wake_fd < 0)
		return -errno;
	r = sd_event_add_io(e->agent->event, &e->wake, e->wake_fd, EPOLLIN, on_wake, e);
	return r < 0 ? r : 0;
}

int enrolment_start(struct agent *a)
{
	_cleanup_(enrolment_stopp) struct enrolment *e = NULL;
	int r;

	if (!has_anchor(a))
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->agent = a;
	e->wake_fd = -1;
	r = prepare(e);
	if (r < 0)
		return log_error_errno(r, "Signed policy cannot be looked at: %m");
	load_kept(e);
	load_state(e);
	check_doubts(e);
	arm_expiry(e);
	watch_folder(e);
	a->enrolment = e;
	start_look(TAKE_PTR(e), true);
	return 1;
}

struct enrolment *enrolment_stop(struct enrolment *e)
{
	if (!e)
		return NULL;
	answer(e, &e->waiting, -ESHUTDOWN, NULL);
	answer(e, &e->next, -ESHUTDOWN, NULL);
	e->wake = sd_event_source_disable_unref(e->wake);
	e->watch = sd_event_source_disable_unref(e->watch);
	e->timer = sd_event_source_disable_unref(e->timer);
	e->expiry = sd_event_source_disable_unref(e->expiry);
	/* One that hangs in a file of another user's goes with the process. */
	if (e->work && thread_join(e->work->thread, STOP_USEC) < 0)
		return NULL;
	e->work = work_free(e->work);
	trust_state_done(&e->state);
	cleanup_closep(&e->wake_fd);
	free(e->trouble);
	free(e->state_path);
	free(e->keep_path);
	free(e);
	return NULL;
}

void enrolment_status(const struct enrolment *e, struct enrolment_status *ret)
{
	_cleanup_free_ char *refusal = e->has_report ? enrolment_text_report(&e->report) : NULL;

	*ret = (struct enrolment_status){
		.record = &e->state.record,
		.report = e->has_report ? &e->report : NULL,
		.folder = e->agent->options.update_folder,
		.trouble = e->trouble ? e->trouble : "",
		.stale_since_utc_sec = stale_since(e),
		.refused = refusal || e->agent->policy_error,
		.clock_suspect = clock_suspect(e),
	};
}
