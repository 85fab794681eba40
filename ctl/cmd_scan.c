/*
 * proscribectl scan: starts a scan, asks how it is doing until it has ended, and shows what it
 * finds as it finds it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/json.h"
#include "ctl/judge.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

enum {
	ASK_FIRST_MSEC = 10, /* until the first answers; later ones come less often */
	ASK_MAX_MSEC = 100,
	STATE_SIZE_MAX = 1 << 20,
	SAVE_USEC = 1000000,
};

struct scanning {
	const struct arguments *a;
	struct client *client;
	char **paths; /* absolute, n_operands of them, or one when none is named */
	size_t n_paths;
	char *state; /* the one to go on from; NULL */
	uint64_t id, told, saved_usec;
	json_t *found, *last; /* all that was found; the last answer */
	struct style style;
	struct progress progress;
	sigset_t signals;
	bool interrupted;
};

static void scanning_done(struct scanning *s)
{
	for (size_t i = 0; i < s->n_paths; i++)
		free(s->paths[i]);
	free(s->paths);
	free(s->state);
	json_decref(s->found);
	json_decref(s->last);
	client_free(s->client);
}

/* ---- what to scan ---- */

static enum exit_code resolve_paths(struct scanning *s)
{
	const struct arguments *a = s->a;
	size_t n = a->n_operands > 0 ? (size_t) a->n_operands : 1;

	s->paths = calloc(n, sizeof(*s->paths));
	if (!s->paths)
		return EXIT_CODE_FAILED;
	for (size_t i = 0; i < n; i++) {
		const char *path = a->n_operands > 0 ? a->operands[i] : "/";

		s->paths[i] = realpath(path, NULL);
		if (!s->paths[i]) {
			complain("%s: %s", path, strerror(errno));
			return EXIT_CODE_FAILED;
		}
		s->n_paths++;
	}
	return EXIT_CODE_FINE;
}

static enum exit_code check_options(const struct arguments *a)
{
	const bool resume = a->given & OPTION_RESUME;

	if (a->state && !a->policy) {
		complain("--state goes with --policy; the agent notes by itself how far a scan "
			 "has come");
		return EXIT_CODE_USAGE;
	}
	if (resume && a->policy && !a->state) {
		complain("--resume with --policy wants --state FILE, where the scan notes how far "
			 "it has come");
		return EXIT_CODE_USAGE;
	}
	return EXIT_CODE_FINE;
}

/* No such file: there is nothing to go on with, so all of it is scanned. */
static enum exit_code read_state(struct scanning *s)
{
	_cleanup_close_ int fd = -1;
	size_t size;
	int r;

	if (!s->a->state || !(s->a->given & OPTION_RESUME))
		return EXIT_CODE_FINE;
	fd = open(s->a->state, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return EXIT_CODE_FINE;
	r = fd < 0 ? -errno : fd_read_file(fd, STATE_SIZE_MAX, &s->state, &size);
	if (r >= 0 && s->state && text_utf8_valid(s->state, strlen(s->state)))
		return EXIT_CODE_FINE;
	complain("cannot read %s: %s", s->a->state,
		r < 0 ? strerror(-r) : "it holds no state of a scan");
	return EXIT_CODE_FAILED;
}

/* As a whole or not at all: a half one would be of no use. */
static void save_state(struct scanning *s, bool complete)
{
	_cleanup_free_ char *fresh = NULL;
	_cleanup_close_ int fd = -1;
	const char *state = json_get_text(s->last, "state");
	uint64_t now = clock_boot_usec();

	if (!s->a->state || (json_get_true(s->last, "running") && now - s->saved_usec < SAVE_USEC))
		return;
	s->saved_usec = now;
	if (complete) {
		(void) unlink(s->a->state);
		return;
	}
	if (asprintf(&fresh, "%s.new", s->a->state) < 0) {
		fresh = NULL;
		return;
	}
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fd_write_full(fd, state, strlen(state)) < 0 ||
		rename(fresh, s->a->state) < 0) {
		progress_end(&s->progress);
		complain("cannot write %s: %s", s->a->state, strerror(errno));
	}
}

/* ---- the agent ---- */

static int append_request(sd_bus_message *m, const void *context)
{
	const struct scanning *s = context;
	bool other = s->a->given & OPTION_OTHER_FILESYSTEMS, resume = s->a->given & OPTION_RESUME;
	/* Without paths it goes on with whatever was interrupted. */
	size_t n = resume && s->a->n_operands == 0 ? 0 : s->n_paths;
	int r = sd_bus_message_open_container(m, 'a', "ay");

	for (size_t i = 0; i < n && r >= 0; i++)
		r = sd_bus_message_append_array(m, 'y', s->paths[i], strlen(s->paths[i]));
	r = r < 0 ? r : sd_bus_message_close_container(m);
	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "{sv}");
	r = r < 0 ? r : sd_bus_message_append(m, "{sv}", "other_filesystems", "b", (int) other);
	r = r < 0 ? r : sd_bus_message_append(m, "{sv}", "resume", "b", (int) resume);
	if (r >= 0 && s->state)
		r = sd_bus_message_append(m, "{sv}", "state", "s", s->state);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static enum exit_code code_of_failure(const struct scanning *s)
{
	return client_lost(s->client) && !client_offline(s->client) ? EXIT_CODE_UNREACHABLE
								    : EXIT_CODE_FAILED;
}

static enum exit_code begin(struct scanning *s)
{
	_cleanup_json_ json_t *id = NULL;
	int r = client_call_with(s->client, &id, "Scan", append_request, s);

	if (r >= 0) {
		s->id = (uint64_t) json_integer_value(id);
		return EXIT_CODE_FINE;
	}
	complain("cannot scan: %s", client_error(s->client));
	if (client_error_is(s->client, "AccessDenied"))
		(void) fprintf(stderr,
			"What you may read yourself: proscribectl scan --policy DIR "
			"[PATH...]\n");
	return code_of_failure(s);
}

/* ---- what it finds ---- */

static void show_found(const struct scanning *s, const json_t *f)
{
	_cleanup_free_ char *what = NULL;
	const char *version = json_get_text(f, "version"), *rules = json_get_text(f, "rules");
	const char *verdict = json_get_text(f, "verdict");

	if (asprintf(&what, "%s%s%s, %s (%s)", json_get_text(f, "software_name"),
		    *version ? " " : "", version,
		    strcmp(verdict, "block") == 0          ? "blocked"
			    : strcmp(verdict, "warn") == 0 ? "warned of"
							   : "recorded",
		    rules) < 0)
		return;
	print_text(stdout, &s->style, TINT_BOLD, json_get_text(f, "path"));
	(void) fputs(": ", stdout);
	print_text(stdout, &s->style, strcmp(verdict, "block") == 0 ? TINT_BAD : TINT_WARN, what);
	(void) putchar('\n');
}

static void take_found(struct scanning *s)
{
	const json_t *found = json_object_get(s->last, "found");
	json_t *f;
	size_t i;

	if (json_array_size(found) > 0)
		progress_end(&s->progress);
	for (i = 0; (f = json_array_get(found, i)); i++) {
		s->told++;
		if (s->a->given & OPTION_JSON)
			(void) json_array_append(s->found, f);
		else
			show_found(s, f);
	}
	if (i > 0)
		(void) fflush(stdout);
}

static void show_progress(struct scanning *s)
{
	char head[96];
	uint64_t seconds = (clock_boot_usec() - s->progress.started_usec) / USEC_PER_SEC;

	(void) snprintf(head, sizeof(head), "%" PRIi64 " files, %" PRIi64 " found, %" PRIu64 " s: ",
		json_get_integer(s->last, "files"), json_get_integer(s->last, "findings"), seconds);
	progress_show(&s->progress, head, json_get_text(s->last, "path"));
}

/* Sleeps, unless somebody wants us to end. */
static void pause_or_stop(struct scanning *s, unsigned msec)
{
	const struct timespec t = { .tv_nsec = (long) (msec * NSEC_PER_MSEC) };

	if (sigtimedwait(&s->signals, NULL, &t) < 0)
		return;
	s->interrupted = true;
	(void) client_call(s->client, NULL, NULL, "ScanStop", "t", s->id);
}

static bool has_ended(const struct scanning *s)
{
	return !json_get_true(s->last, "running") &&
		(int64_t) s->told >= json_get_integer(s->last, "told");
}

static int follow(struct scanning *s)
{
	unsigned msec = ASK_FIRST_MSEC;
	bool ended = false;

	while (!ended) {
		_cleanup_json_ json_t *status = NULL;
		int r = client_call(s->client, NULL, &status, "ScanStatus", "tt", s->id, s->told);

		if (r < 0)
			return r;
		json_decref(s->last);
		s->last = TAKE_PTR(status);
		take_found(s);
		ended = has_ended(s);
		save_state(s, ended && json_get_true(s->last, "complete"));
		if (ended || json_array_size(json_object_get(s->last, "found")) > 0)
			continue;
		show_progress(s);
		pause_or_stop(s, msec);
		msec = msec * 2 < ASK_MAX_MSEC ? msec * 2 : ASK_MAX_MSEC;
	}
	return 0;
}

/* ---- the end ---- */

static void print_json(const struct scanning *s, const json_t *policy)
{
	static const char *const counts[] = { "files", "folders", "unread", "limited",
		"other_mounts", "inspected", "uninspected", "findings", "gone" };
	_cleanup_json_ json_t *o = json_object();

	(void) json_object_set_new(
		o, "policy", policy ? json_incref((json_t *) policy) : json_null());
	(void) json_object_set_new(o, "complete", json_boolean(json_get_true(s->last, "complete")));
	(void) json_object_set_new(o, "detail", json_text(json_get_text(s->last, "detail")));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		(void) json_object_set_new(
			o, counts[i], json_integer(json_get_integer(s->last, counts[i])));
	(void) json_object_set_new(o, "found", json_incref(s->found));
	(void) json_print(o);
}

static void note(const struct scanning *s, const char *key, const char *words)
{
	int64_t n = json_get_integer(s->last, key);

	if (n > 0)
		(void) fprintf(stderr, "%" PRIi64 " %s\n", n, words);
}

static void explain_end(const struct scanning *s)
{
	const bool complete = json_get_true(s->last, "complete");
	uint64_t seconds = (clock_boot_usec() - s->progress.started_usec) / USEC_PER_SEC;

	if (!(s->a->given & OPTION_JSON))
		(void) printf("%" PRIi64 " found in %" PRIi64 " files and %" PRIi64
			      " folders, %" PRIu64 " s%s\n",
			json_get_integer(s->last, "findings"), json_get_integer(s->last, "files"),
			json_get_integer(s->last, "folders"), seconds,
			complete ? "" : ", not complete");
	note(s, "unread", "files or folders could not be read");
	note(s, "limited", "files or folders beyond a limit were not looked at");
	note(s, "uninspected", "files could not be looked into");
	note(s, "other_mounts", "other filesystems were not entered (--other-filesystems)");
	if (complete)
		return;
	complain("the scan is not complete: %s", json_get_text(s->last, "detail"));
	if (!s->a->policy)
		(void) fprintf(stderr, "Go on with: proscribectl scan --resume\n");
	else if (s->a->state)
		(void) fprintf(stderr,
			"Go on with: proscribectl scan --policy %s --resume --state "
			"%s\n",
			s->a->policy, s->a->state);
	else
		(void) fprintf(stderr, "With --state FILE it could be gone on with.\n");
}

static enum exit_code run(struct scanning *s, const json_t *policy)
{
	enum exit_code code = begin(s);
	int r;

	if (code != EXIT_CODE_FINE)
		return code;
	progress_start(&s->progress, stderr);
	r = follow(s);
	progress_end(&s->progress);
	if (r < 0) {
		complain("the scan broke off: %s", client_error(s->client));
		return s->told > 0 ? EXIT_CODE_BANNED : code_of_failure(s);
	}
	if (s->a->given & OPTION_JSON)
		print_json(s, policy);
	explain_end(s);
	if (json_get_integer(s->last, "findings") > 0)
		return EXIT_CODE_BANNED;
	return json_get_true(s->last, "complete") ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}

enum exit_code cmd_scan(const struct arguments *a)
{
	_cleanup_(scanning_done) struct scanning s = { .a = a, .found = json_array() };
	_cleanup_json_ json_t *policy = NULL;
	enum exit_code code = check_options(a);

	code = code == EXIT_CODE_FINE ? resolve_paths(&s) : code;
	code = code == EXIT_CODE_FINE ? read_state(&s) : code;
	code = code == EXIT_CODE_FINE ? judge_connect(a, &s.client, &policy) : code;
	if (code != EXIT_CODE_FINE)
		return code;
	print_style(stdout, &s.style);
	/* From here on they are waited for; the agent ends by itself when its client goes. */
	sigemptyset(&s.signals);
	sigaddset(&s.signals, SIGINT);
	sigaddset(&s.signals, SIGTERM);
	(void) sigprocmask(SIG_BLOCK, &s.signals, NULL);
	return run(&s, policy);
}
