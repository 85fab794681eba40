/*
 * Which policy is in force, how another one takes its place, and what stays when it is broken.
 */
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/homes.h"
#include "agent/kept.h"
#include "agent/state.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/base/text.h"

void policy_record(struct agent *a, enum outcome outcome, const char *detail)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	struct policy_info info;

	if (!a->recorder || event_new(EVENT_POLICY, &e) < 0)
		return;
	e->outcome = outcome;
	(void) text_dup(detail, &e->detail);
	if (a->policy && outcome != OUTCOME_REJECTED) {
		policy_info(a->policy, &info);
		(void) text_dup(info.name, &e->policy_name);
		(void) text_dup(info.owner, &e->policy_owner);
		memcpy(e->policy_digest, info.digest, sizeof(e->policy_digest));
	}
	recorder_push(a->recorder, e);
}

static int on_retired(sd_event_source *s, uint64_t usec, void *context)
{
	struct agent *a = context;

	(void) s;
	(void) usec;
	a->retired = policy_unref(a->retired);
	return 0;
}

/* Giving an image back takes milliseconds for every ten megabytes. An inspection may be the last to
 * have it, and launches should not wait for that. */
static void retire(struct agent *a, struct policy *p)
{
	(void) policy_unref(a->retired);
	a->retired = p;
	(void) sd_event_add_time_relative(
		a->event, NULL, CLOCK_MONOTONIC, AGENT_RETIRED_USEC, 0, on_retired, a);
}

int policy_apply(struct agent *a, struct policy *p)
{
	char **homes = NULL, **gate_homes = NULL;
	struct policy_info info;
	int r = homes_load(&homes);

	r = r < 0 ? r : homes_load(&gate_homes);
	packages_follow(a, p);
	if (r == 0 && a->gate)
		r = gate_set_policy(a->gate, p, TAKE_PTR(gate_homes));
	homes_free(gate_homes);
	if (r < 0) {
		homes_free(homes);
		(void) policy_unref(p);
		packages_follow(a, a->policy);
		return log_error_errno(r, "The policy could not be put in force: %m");
	}
	retire(a, a->policy);
	homes_free(a->homes);
	a->policy = p;
	a->homes = homes;
	a->policy_loaded_utc_nsec = clock_utc_nsec();
	policy_info(p, &info);
	log_info("Policy '%s' of %s is in force: %u rules, %u kinds of software", info.name,
		info.owner, info.n_rules, info.n_software);
	return 0;
}

static void refuse_policy(struct agent *a, const struct loaded *l)
{
	free(a->policy_error);
	a->policy_error = strdup(
		l->messages && l->messages[0] ? l->messages : strerrordesc_np(-l->result));
	log_lines(LOG_LEVEL_ERROR, l->messages ? l->messages : "");
	policy_record(a, OUTCOME_REJECTED, a->policy_error);
}

static struct load_options load_options(const struct agent *a)
{
	return (struct load_options){
		.path = a->options.policy_path,
		.flags = a->options.offline ? 0 : COMPILER_REQUIRE_ROOT_OWNED,
		.keep_path = a->options.offline ? NULL : a->keep_path,
	};
}

static int take_loaded(struct agent *a, struct loaded *l)
{
	int r = l->result;

	if (r == 0)
		r = policy_apply(a, TAKE_PTR(l->policy));
	if (r < 0) {
		refuse_policy(a, l);
		return r;
	}
	log_lines(LOG_LEVEL_WARNING, l->messages);
	free(a->policy_error);
	a->policy_error = NULL;
	policy_record(a, OUTCOME_APPLIED, NULL);
	return 0;
}

int policy_on_loaded(sd_event_source *s, int fd, uint32_t events, void *context)
{
	_cleanup_(loaded_done) struct loaded l = { 0 };
	struct agent *a = context;
	uint64_t count;
	int r;

	(void) s;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	if (!a->loader)
		return 0;
	a->loader = loader_finish(a->loader, &l);
	/* The host was enrolled meanwhile: what was compiled here does not count any more. */
	r = a->enrolment ? -ECANCELED : take_loaded(a, &l);
	if (r < 0)
		log_error("The policy in %s was not put in force; the earlier one stays",
			a->options.policy_path);
	if (a->reload_done)
		a->reload_done(r, l.messages, a->reload_context);
	a->reload_done = NULL;
	(void) sd_notify(0, "READY=1");
	return 0;
}

static int reload_folder(struct agent *a,
	void (*done)(int result, const char *messages, void *context), void *context)
{
	struct load_options o = load_options(a);
	int r;

	if (!o.path)
		return -ENOENT;
	r = loader_start(&o, a->loader_fd, &a->loader);
	if (r < 0)
		return r;
	a->reload_done = done;
	a->reload_context = context;
	return 0;
}

/* Has this host been enrolled since the agent was started? */
static int check_enrolment(struct agent *a)
{
	return a->enrolment || a->options.offline ? 0 : enrolment_start(a);
}

static void on_update_reloaded(int result, bool changed, const char *messages, void *context)
{
	struct agent *a = context;

	(void) changed;
	if (a->reload_done)
		a->reload_done(result, messages, a->reload_context);
	a->reload_done = NULL;
	a->reloading = false;
	(void) sd_notify(0, "READY=1");
}

int agent_reload(struct agent *a, void (*done)(int result, const char *messages, void *context),
	void *context)
{
	int r;

	if (a->loader || a->reloading)
		return -EBUSY;
	r = check_enrolment(a);
	if (r < 0)
		return r;
	if (!a->enrolment)
		return reload_folder(a, done, context);
	r = enrolment_update(a->enrolment, on_update_reloaded, a);
	if (r < 0)
		return r;
	a->reloading = true;
	a->reload_done = done;
	a->reload_context = context;
	return 0;
}

int agent_update(struct agent *a,
	void (*done)(int result, bool changed, const char *messages, void *context), void *context)
{
	int r = check_enrolment(a);

	if (r < 0)
		return r;
	return a->enrolment ? enrolment_update(a->enrolment, done, context) : -ENOENT;
}

static void load_image(int fd, struct loaded *ret)
{
	struct loaded l = { 0 };

	l.result = text_dup("", &l.messages);
	l.result = l.result < 0 ? l.result : policy_open(fd, &l.policy);
	*ret = l;
}

/* A broken policy at the start: what was in force before the restart still is. With no such thing
 * there is nothing to enforce, and that must be seen, so the start fails. */
int policy_start(struct agent *a)
{
	_cleanup_(loaded_done) struct loaded l = { 0 };
	struct load_options o = load_options(a);
	struct policy *last = NULL;
	int r = a->options.offline ? 0 : enrolment_start(a);

	if (r != 0)
		return r < 0 ? r : 0;
	if (a->options.image_fd >= 0)
		load_image(a->options.image_fd, &l);
	else if (o.path)
		load_policy(&o, &l);
	else
		return 0;
	r = take_loaded(a, &l);
	if (r == 0 || a->options.offline)
		return r;
	r = kept_load(a->keep_path, &last);
	r = r < 0 ? r : policy_apply(a, last);
	if (r < 0) {
		log_error(
			"No policy is in force and none was before: put %s right, then start again",
			a->options.policy_path);
		return -EINVAL;
	}
	log_warning("The last good policy stays in force until %s is put right",
		a->options.policy_path);
	policy_record(a, OUTCOME_APPLIED, "last good policy, kept from an earlier run");
	return 0;
}
