/*
 * proscribectl status
 */
#include <string.h>

#include "ctl/client.h"
#include "ctl/json.h"
#include "policy/base/clock.h"

enum { LABEL_COLUMNS = 12 };

struct view {
	const json_t *status;
	struct style style;
};

static void line(const struct view *v, const char *label, enum tint tint, const char *text)
{
	print_labelled(stdout, &v->style, 0, LABEL_COLUMNS, label, tint, text);
}

static void line_format(const struct view *v, const char *label, enum tint tint, const char *format,
	...) _printf_(4, 5);
static void line_format(
	const struct view *v, const char *label, enum tint tint, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		line(v, label, tint, text);
}

static void local_time(const char *rfc3339, char out[PRINT_TIME_SIZE])
{
	int64_t nsec;

	if (clock_parse(rfc3339, &nsec) < 0)
		(void) snprintf(out, PRINT_TIME_SIZE, "unknown");
	else
		print_time(nsec, out);
}

/* ---- what is wrong ---- */

static bool has_policy(const json_t *status)
{
	return json_object_get(status, "policy") != NULL;
}

static bool has_ledger_error(const json_t *status)
{
	return *json_get_text(json_object_get(status, "ledger"), "error") != '\0';
}

static size_t count_mounts(const json_t *status, bool judged)
{
	const json_t *mounts = json_object_get(status, "mounts"), *mount;
	size_t i, n = 0;

	for (i = 0; (mount = json_array_get(mounts, i)); i++)
		n += json_get_true(mount, "judged") == judged;
	return n;
}

/* What was fetched was refused, nothing new has come for too long, or nobody can tell. */
static bool updates_degraded(const json_t *status)
{
	const json_t *u = json_object_get(status, "updates");

	return json_get_true(u, "refused") || json_get_true(u, "clock_suspect") ||
		*json_get_text(u, "stale_since");
}

static bool degraded(const json_t *status)
{
	return updates_degraded(status) || !has_policy(status) || has_ledger_error(status) ||
		count_mounts(status, false) > 0 || *json_get_text(status, "policy_error");
}

/* ---- parts of the picture ---- */

static void show_agent(const struct view *v)
{
	char started[PRINT_TIME_SIZE];
	bool bad = degraded(v->status);

	local_time(json_get_text(v->status, "started"), started);
	line(v, "State", bad ? TINT_BAD : TINT_GOOD, bad ? "running, with problems" : "running");
	line_format(v, "Agent", TINT_NONE, "%s, since %s", json_get_text(v->status, "version"),
		started);
}

/* The compiler's messages keep their lines: a caret points at a column. */
static void show_messages(const struct view *v, const char *messages)
{
	_cleanup_free_ char *copy = strdup(messages);
	char *save = NULL;

	for (char *s = copy ? strtok_r(copy, "\n", &save) : NULL; s;
		s = strtok_r(NULL, "\n", &save)) {
		(void) fputs("  ", stdout);
		print_text(stdout, &v->style, TINT_NONE, s);
		(void) putchar('\n');
	}
}

static void show_policy(const struct view *v)
{
	const json_t *p = json_object_get(v->status, "policy");
	const char *error = json_get_text(v->status, "policy_error");
	char loaded[PRINT_TIME_SIZE];

	if (!p) {
		line(v, "Policy", TINT_BAD, "none in force: nothing is banned");
	} else {
		local_time(json_get_text(p, "loaded"), loaded);
		line_format(v, "Policy", TINT_BOLD, "%s (%s)", json_get_text(p, "name"),
			json_get_text(p, "owner"));
		line_format(v, "", TINT_NONE, "%lld rules, %lld software, %lld hashes",
			(long long) json_get_integer(p, "rules"),
			(long long) json_get_integer(p, "software"),
			(long long) json_get_integer(p, "hashes"));
		line_format(v, "", TINT_NONE, "loaded %s", loaded);
		line_format(v, "", TINT_DIM, "digest %s", json_get_text(p, "digest"));
	}
	if (!json_get_true(v->status, "enrolled"))
		line_format(v, "", TINT_NONE, "from %s", json_get_text(v->status, "policy_path"));
	if (*error) {
		line(v, "", TINT_BAD,
			json_get_true(v->status, "enrolled") ? "what was fetched was refused:"
				: p ? "what is in that folder now was refused:"
				    : "it was refused:");
		show_messages(v, error);
	}
}

/* "root: Alice, Bob; targets: key 1a2b3c4d"; they come role by role. */
static char *signers_text(const json_t *signers)
{
	char *text = NULL;
	size_t size = 0, i;
	FILE *f = open_memstream(&text, &size);
	const char *last = "";
	const json_t *one;

	for (i = 0; f && (one = json_array_get(signers, i)); i++) {
		const char *role = json_get_text(one, "role"), *owner = json_get_text(one, "owner");

		if (i == 0 || strcmp(role, last) != 0)
			(void) fprintf(f, "%s%s: ", i > 0 ? "; " : "", role);
		else
			(void) fputs(", ", f);
		(void) fprintf(f, *owner ? "%s" : "key %.8s",
			*owner ? owner : json_get_text(one, "keyid"));
		last = role;
	}
	if (f && fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static void show_accepted(const struct view *v, const json_t *u)
{
	_cleanup_free_ char *signers = signers_text(json_object_get(u, "signers"));
	char accepted[PRINT_TIME_SIZE], expires[PRINT_TIME_SIZE];

	if (json_get_integer(u, "targets_version") == 0)
		return line(v, "", TINT_BAD, "nothing of it was accepted yet");
	local_time(json_get_text(u, "accepted"), accepted);
	local_time(json_get_text(u, "expires"), expires);
	line_format(v, "", TINT_NONE, "version %lld, accepted %s",
		(long long) json_get_integer(u, "targets_version"), accepted);
	line_format(v, "", TINT_NONE, "good until %s", expires);
	if (signers && *signers)
		line_format(v, "", TINT_NONE, "signed by %s", signers);
}

static void show_times(const struct view *v, const json_t *u)
{
	static const struct {
		const char *key, *words;
	} times[] = {
		{ "last_success", "fetched" },
		{ "last_attempt", "tried" },
		{ "next_check", "next check" },
	};
	char when[PRINT_TIME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		const char *text = json_get_text(u, times[i].key);

		local_time(text, when);
		if (*text)
			line_format(v, "", TINT_NONE, "%s %s", times[i].words, when);
	}
}

static void show_doubts(const struct view *v, const json_t *u)
{
	const char *error = json_get_text(u, "error"), *trouble = json_get_text(u, "trouble");
	char when[PRINT_TIME_SIZE];

	if (*error)
		line_format(v, "", updates_degraded(v->status) ? TINT_BAD : TINT_WARN,
			"not fetched (%lld times in a row): %s",
			(long long) json_get_integer(u, "failures"), error);
	if (*trouble && !*json_get_text(v->status, "policy_error"))
		show_messages(v, trouble);
	local_time(json_get_text(u, "stale_since"), when);
	if (*json_get_text(u, "stale_since"))
		line_format(v, "", TINT_BAD, "STALE since %s: nothing newer was signed or fetched",
			when);
	local_time(json_get_text(u, "accepted"), when);
	if (json_get_true(u, "clock_suspect"))
		line_format(v, "", TINT_BAD,
			"THE CLOCK is wrong: it runs before %s, when this was accepted", when);
}

static void show_updates(const struct view *v)
{
	const json_t *u = json_object_get(v->status, "updates");
	const char *repository = json_get_text(u, "repository");

	if (!u)
		return;
	line_format(v, "Updates", TINT_NONE, "from %s",
		*repository ? repository : json_get_text(u, "folder"));
	show_accepted(v, u);
	show_times(v, u);
	show_doubts(v, u);
}

static void show_launches(const struct view *v)
{
	const json_t *g = json_object_get(v->status, "gate");
	int64_t slowest = json_get_integer(g, "slowest_usec");

	line_format(v, "Launches", TINT_NONE,
		"%lld asked about, %lld answered from the cache, %lld left to the kernel",
		(long long) json_get_integer(g, "events"),
		(long long) json_get_integer(g, "cached"),
		(long long) json_get_integer(g, "marked"));
	line_format(v, "", TINT_NONE, "%lld blocked, %lld warned, %lld logged, %lld allowed",
		(long long) json_get_integer(g, "blocked"),
		(long long) json_get_integer(g, "warned"),
		(long long) json_get_integer(g, "logged"),
		(long long) json_get_integer(g, "allowed"));
	line_format(v, "", json_get_integer(g, "unjudged") ? TINT_WARN : TINT_NONE,
		"%lld unjudged, %lld stopped later, %lld waiting now",
		(long long) json_get_integer(g, "unjudged"),
		(long long) json_get_integer(g, "stopped"),
		(long long) json_get_integer(g, "pending"));
	line_format(v, "", TINT_NONE, "longest wait %lld.%03lld ms", (long long) slowest / 1000,
		(long long) slowest % 1000);
	line_format(v, "Fail mode", TINT_NONE, "%s what cannot be judged in time",
		json_get_text(v->status, "fail_mode"));
}

static void show_inspectors(const struct view *v)
{
	const json_t *i = json_object_get(v->status, "inspectors");

	line_format(v, "Inspectors", json_get_integer(i, "lost") ? TINT_WARN : TINT_NONE,
		"%lld running, %lld busy, %lld inspections, %lld died, %lld timed out, %lld hang",
		(long long) json_get_integer(i, "running"), (long long) json_get_integer(i, "busy"),
		(long long) json_get_integer(i, "inspections"),
		(long long) json_get_integer(i, "deaths"),
		(long long) json_get_integer(i, "timeouts"),
		(long long) json_get_integer(i, "lost"));
}

/* Nothing where the policy lists no package that would have to be looked for. */
static void show_installed(const struct view *v)
{
	const json_t *i = json_object_get(v->status, "installed");
	const long long packages = json_get_integer(i, "packages"),
			unread = json_get_integer(i, "unread");

	if (packages > 0 || unread > 0)
		line_format(v, "Installed", unread > 0 ? TINT_BAD : TINT_NONE,
			"%lld of the listed packages, with %lld files%s", packages,
			(long long) json_get_integer(i, "files"),
			unread > 0 ? "; not all could be read, see the journal" : "");
}

static void show_ledger(const struct view *v)
{
	const json_t *l = json_object_get(v->status, "ledger");
	const char *error = json_get_text(l, "error");
	char since[PRINT_TIME_SIZE];

	line_format(v, "Ledger", TINT_NONE, "%lld records, %lld lost, in %s",
		(long long) json_get_integer(l, "records"),
		(long long) json_get_integer(l, "dropped"), json_get_text(l, "path"));
	if (!*error)
		return;
	local_time(json_get_text(l, "error_since"), since);
	line_format(v, "", TINT_BAD, "cannot be written since %s: %s", since, error);
}

static int show_mounts(const struct view *v)
{
	static const struct table_column columns[] = {
		{ "MOUNT", 12, true, false },
		{ "TYPE", 4, false, true },
		{ "JUDGED", 10, false, false },
	};
	const json_t *mounts = json_object_get(v->status, "mounts"), *mount;
	_cleanup_(table_freep) struct table *t = NULL;
	int r = table_new(columns, ARRAY_SIZE(columns), &t);
	size_t i;

	line_format(v, "Filesystems", TINT_NONE, "%zu watched, %zu not",
		count_mounts(v->status, true), count_mounts(v->status, false));
	if (json_array_size(mounts) == 0)
		return 0;
	for (i = 0; (mount = json_array_get(mounts, i)); i++) {
		bool judged = json_get_true(mount, "judged");
		_cleanup_free_ char *why = NULL;
		const char *cells[] = { json_get_text(mount, "path"), json_get_text(mount, "type"),
			"yes" };

		if (r < 0)
			return r;
		if (!judged) {
			if (asprintf(&why, "NO: %s", json_get_text(mount, "error")) < 0)
				return -ENOMEM;
			cells[2] = why;
		}
		r = table_add(t, judged ? TINT_NONE : TINT_BAD, cells);
	}
	return r < 0 ? r : table_print(t, stdout, &v->style, 2);
}

enum exit_code cmd_status(const struct arguments *a)
{
	_cleanup_(client_freep) struct client *c = NULL;
	_cleanup_json_ json_t *status = NULL;
	struct view v;
	int r = client_connect(a, &c);

	r = r < 0 ? r : client_call(c, NULL, &status, "Status", "");
	if (r < 0)
		return client_explain(a, r);
	if (a->given & OPTION_JSON) {
		(void) json_object_set_new(status, "degraded", json_boolean(degraded(status)));
		(void) json_print(status);
	} else {
		v.status = status;
		print_style(stdout, &v.style);
		show_agent(&v);
		show_policy(&v);
		show_updates(&v);
		show_launches(&v);
		show_inspectors(&v);
		show_installed(&v);
		show_ledger(&v);
		if (show_mounts(&v) < 0)
			complain("out of memory");
	}
	return degraded(status) ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
}
