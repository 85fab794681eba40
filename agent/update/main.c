/*
 * proscribe-update: fetches the signed policy of this host into a mirror, for the agent to verify.
 * The only program of Proscribe on a host that talks to the network. It becomes its own user and
 * enters its sandbox before the first byte comes in, and what it leaves behind is believed by
 * nobody.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "agent/update/allowlist.h"
#include "agent/update/describe.h"
#include "agent/update/options.h"
#include "agent/update/outcome.h"
#include "agent/update/state.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"
#include "policy/trust/metadata.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What a run needs, read before the sandbox as far as the sandbox depends on it. */
struct update {
	const struct update_options *options;
	struct update_settings settings;
	struct update_report last;
	int state, lock;
	char *anchor; /* owned */
	size_t anchor_size;
};

static int become(uid_t uid, gid_t gid)
{
	int r = geteuid() == 0 ? sandbox_become(uid, gid) : 0;

	return r < 0 ? log_error_errno(r, "Cannot become the user " PROSCRIBE_UPDATE_USER ": %m")
		     : 0;
}

/* @r: of the ruleset. A kernel without Landlock leaves the other walls; any other failure ends it.
 */
static int enter(int r, int ruleset, struct sandbox (*make)(int ruleset))
{
	struct sandbox s;

	if (r == -EOPNOTSUPP) {
		log_info("This kernel has no Landlock (5.19 or later, in the list of lsm=), so "
			 "files are protected by their permissions and the system call filter "
			 "alone");
		r = ruleset = 0;
	}
	s = make(ruleset);
	r = r ?: sandbox_enter(&s);
	cleanup_closep(&ruleset);
	return r < 0 ? log_error_errno(r, "Cannot enter the sandbox, so nothing is read: %m") : 0;
}

static int load_settings(const char *path, struct update_settings *ret, struct tuf_error *e)
{
	_cleanup_free_ char *messages = NULL;
	int r = update_settings_load(path, ret, &messages);

	if (messages)
		log_lines(LOG_LEVEL_ERROR, messages);
	if (r == -EINVAL)
		return tuf_fail(e, r, NULL, NULL, "%s has errors: %.*s", path,
			(int) strcspn(messages ?: "", "\n"), messages ?: "");
	if (r == -ENOENT)
		return tuf_fail(e, r, NULL, NULL,
			"this host is not enrolled: there is no %s; `proscribectl enroll` makes it",
			path);
	return r < 0 ? tuf_fail(e, r, NULL, NULL, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

static int load_file(
	const char *path, size_t max, char **ret, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_size);

	return r < 0 ? tuf_fail(e, r, NULL, NULL, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

/* ---- --describe-root ---- */

static int describe(const struct update_options *o)
{
	_cleanup_free_ char *root = NULL;
	_cleanup_fclose_ FILE *out = fdopen(o->to_fd, "we");
	struct update_settings settings;
	struct tuf_error e = { 0 };
	int ruleset = 0, r;
	uid_t uid;
	gid_t gid;
	size_t n = 0;

	if (!out)
		return log_error_errno(-errno, "Cannot write to descriptor %d: %m", o->to_fd);
	ids_user(PROSCRIBE_UPDATE_USER, PROSCRIBE_UPDATE_FALLBACK_UID, &uid, &gid);
	r = load_file(o->describe, TUF_ROOT_SIZE_MAX, &root, &n, &e);
	if (r == 0) {
		r = become(uid, gid);
		if (r < 0)
			return r;
		r = describe_ruleset(o->config_given ? o->config : NULL, &ruleset);
		r = enter(r, ruleset, describe_sandbox);
		if (r < 0)
			return r;
		r = describe_root(root, n, time(NULL), out, &e);
	}
	if (r == 0 && o->config_given)
		r = load_settings(o->config, &settings, &e);
	if (r == 0 && fflush(out) != 0)
		return log_error_errno(-errno, "Cannot write: %m");
	if (r < 0)
		log_error("%s%s", e.file[0] ? "root.json: " : "", e.text);
	return r;
}

/* ---- an update ---- */

static void tell_clock(const struct update *u, int64_t now)
{
	char clock[CLOCK_TEXT_SIZE], before[CLOCK_TEXT_SIZE];

	if (!outcome_clock_is_behind(&u->last, now))
		return;
	clock_format_utc(now, 0, clock);
	clock_format_utc(u->last.succeeded_utc_nsec, 0, before);
	log_warning("The clock of this host says %s, but the last update succeeded at %s; while "
		    "the clock is behind, what has expired is not recognised: set it",
		clock, before);
}

static void tell(const struct update *u, const struct run_result *result, const struct tuf_error *e,
	const struct update_report *report)
{
	_cleanup_free_ char *line = e->error < 0 ? tuf_error_line(e) : NULL;
	char next[CLOCK_TEXT_SIZE];

	if (e->error < 0) {
		clock_format_utc(report->next_utc_nsec, 0, next);
		log_error("Update failed: %s", line ?: e->text);
		log_error("%s (failure %u in a row; the next scheduled try is after %s)",
			u->last.succeeded_utc_nsec > 0 ? "What was accepted before stays in force"
						       : "Nothing was accepted before",
			report->failures, next);
		return;
	}
	(void) log_message(
		result->changed || !u->options->scheduled ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, 0,
		"%s: %s: root %lld, timestamp %lld, targets %lld, %zu files (%llu requests, %llu "
		"bytes)",
		u->settings.repository, result->changed ? "updated" : "nothing new",
		(long long) result->root, (long long) result->timestamp,
		(long long) result->targets, result->n_files, (unsigned long long) result->requests,
		(unsigned long long) result->bytes);
}

static int finish(const struct update *u, const struct run_result *result, struct tuf_error *e)
{
	const int64_t now = clock_utc_nsec();
	struct update_report report;
	int r;

	outcome_make(&u->last, &u->settings, result, e, now, &report);
	tell(u, result, e, &report);
	tell_clock(u, now);
	r = outcome_save(u->state, &report);
	if (r < 0)
		return log_error_errno(r, "Cannot write the report for the agent: %m");
	return e->error;
}

/* Everything that is read as this user, but not from the network. */
static int prepare(struct update *u, struct tuf_error *e)
{
	int ruleset = 0, r = load_settings(u->options->config, &u->settings, e);

	r = r ?: load_file(u->options->root, TUF_ROOT_SIZE_MAX, &u->anchor, &u->anchor_size, e);
	if (r < 0)
		return r;
	r = update_ruleset(&u->settings, u->options->state, &ruleset);
	r = enter(r, ruleset, update_sandbox);
	return r < 0
		? tuf_fail(e, r, NULL, NULL, "the sandbox could not be entered: %s", strerror(-r))
		: 0;
}

static int update(struct update *u)
{
	struct update_settings defaults = { .interval_usec = 900 * USEC_PER_SEC };
	struct run_result result = { 0 };
	struct tuf_error e = { 0 };
	int r;

	/* Timers run on every host. */
	if (u->options->scheduled && access(u->options->config, F_OK) < 0 && errno == ENOENT)
		return 0;
	outcome_load(u->state, &u->last);
	u->settings = defaults;
	r = prepare(u, &e);
	if (u->options->scheduled &&
		!outcome_is_due(&u->last, u->settings.interval_usec, clock_utc_nsec()))
		return 0;
	if (r == 0) {
		const struct run_options run = {
			.settings = &u->settings,
			.state = u->state,
			.anchor = u->anchor,
			.anchor_size = u->anchor_size,
			.now_utc_sec = time(NULL),
		};

		(void) run_update(&run, &result, &e);
	}
	return finish(u, &result, &e);
}

static int open_and_update(const struct update_options *o)
{
	struct update u = { .options = o, .state = -1, .lock = -1 };
	uid_t uid = (uid_t) -1;
	gid_t gid = (gid_t) -1;
	int r;

	if (geteuid() == 0)
		ids_user(PROSCRIBE_UPDATE_USER, PROSCRIBE_UPDATE_FALLBACK_UID, &uid, &gid);
	r = state_open(o->state, uid, gid, &u.state);
	if (r == -EPERM)
		log_error("%s belongs to another user than " PROSCRIBE_UPDATE_USER, o->state);
	else if (r < 0)
		(void) log_error_errno(r, "Cannot open %s: %m", o->state);
	r = r ?: become(uid, gid);
	if (r < 0)
		return r;
	r = state_lock(u.state, false, &u.lock);
	if (r == 1 && !o->scheduled) {
		log_info("Waiting for another update that is going on");
		r = state_lock(u.state, true, &u.lock);
	}
	if (r < 0)
		(void) log_error_errno(r, "Cannot lock %s: %m", o->state);
	if (r == 0)
		r = update(&u);
	free(u.anchor);
	cleanup_closep(&u.lock);
	cleanup_closep(&u.state);
	return r < 0 ? r : 0;
}

int main(int argc, char *argv[])
{
	struct update_options o;
	int r = update_options_parse(argc, argv, &o);

	if (r <= 0)
		return r < 0 ? EXIT_USAGE : 0;
	if (o.verbose)
		log_set_max(LOG_LEVEL_DEBUG);
	/* a limit that is reached, or a server that hangs up, is an error to tell */
	(void) signal(SIGXFSZ, SIG_IGN);
	(void) signal(SIGPIPE, SIG_IGN);
	r = o.describe ? describe(&o) : open_and_update(&o);
	return r < 0 ? EXIT_FAILED : 0;
}
