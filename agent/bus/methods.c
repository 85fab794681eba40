/*
 * The methods of org.proscribe.Agent1 that ask the agent. Runs in proscribed. Reads the arguments,
 * checks who asks, calls one function of agent.h, turns what comes back into an answer.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/bus/answer.h"
#include "agent/bus/errors.h"
#include "policy/base/text.h"

/* ---- Status ---- */

static int append_gate(sd_bus_message *m, const struct gate_status *g)
{
	const struct {
		const char *key;
		uint64_t value;
	} counters[] = {
		{ "events", g->events },
		{ "cached", g->cached },
		{ "marked", g->marked },
		{ "allowed", g->allowed },
		{ "logged", g->logged },
		{ "warned", g->warned },
		{ "blocked", g->blocked },
		{ "unjudged", g->unjudged },
		{ "stopped", g->stopped },
		{ "pending", g->pending },
		{ "slowest_usec", g->slowest_usec },
	};
	int r = dict_open(m, "gate", "a{sv}");

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(counters); i++)
		r = dict_count(m, counters[i].key, counters[i].value);
	return r < 0 ? r : dict_close(m);
}

static int append_mounts(sd_bus_message *m, const struct agent_status *s)
{
	int r = dict_open(m, "mounts", "aa{sv}");

	for (size_t i = 0; r >= 0 && i < s->n_mounts; i++) {
		const struct agent_mount *mount = &s->mounts[i];

		r = sd_bus_message_open_container(m, 'a', "{sv}");
		r = r < 0 ? r : dict_bytes(m, "path", mount->path);
		r = r < 0 ? r : dict_text(m, "type", mount->type);
		r = r < 0 ? r : dict_flag(m, "judged", mount->error == 0);
		if (r >= 0 && mount->error != 0)
			r = dict_text(m, "error", strerror(abs(mount->error)));
		r = r < 0 ? r : sd_bus_message_close_container(m);
	}
	return r < 0 ? r : dict_close(m);
}

static int append_inspectors(sd_bus_message *m, const struct pool_status *p)
{
	int r = dict_open(m, "inspectors", "a{sv}");

	r = r < 0 ? r : dict_count(m, "running", p->n_inspectors);
	r = r < 0 ? r : dict_count(m, "busy", p->n_busy);
	r = r < 0 ? r : dict_count(m, "inspections", p->jobs);
	r = r < 0 ? r : dict_count(m, "deaths", p->deaths);
	r = r < 0 ? r : dict_count(m, "timeouts", p->timeouts);
	r = r < 0 ? r : dict_count(m, "lost", p->lost);
	return r < 0 ? r : dict_close(m);
}

static int append_installed(sd_bus_message *m, const struct installed_counts *i)
{
	int r = dict_open(m, "installed", "a{sv}");

	r = r < 0 ? r : dict_count(m, "packages", i->n_packages);
	r = r < 0 ? r : dict_count(m, "files", i->n_files);
	r = r < 0 ? r : dict_count(m, "unread", i->n_notes);
	return r < 0 ? r : dict_close(m);
}

static int append_ledger(sd_bus_message *m, const struct agent_status *s)
{
	const struct recorder_status *l = &s->recorder;
	int r = dict_open(m, "ledger", "a{sv}");

	r = r < 0 ? r : dict_bytes(m, "path", s->ledger_path);
	r = r < 0 ? r : dict_count(m, "records", l->last_sequence);
	r = r < 0 ? r : dict_count(m, "appended", l->appended);
	r = r < 0 ? r : dict_count(m, "dropped", l->dropped);
	r = r < 0 ? r : dict_count(m, "journal_dropped", l->journal_dropped);
	if (r >= 0 && l->error != 0)
		r = dict_text(m, "error", strerror(abs(l->error)));
	if (r >= 0 && l->error != 0)
		r = dict_time(m, "error_since", l->error_since_nsec);
	return r < 0 ? r : dict_close(m);
}

static int append_status(sd_bus_message *m, const struct agent_status *s)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	r = r < 0 ? r : dict_text(m, "version", PROSCRIBE_VERSION);
	r = r < 0 ? r : dict_flag(m, "offline", s->offline);
	r = r < 0 ? r : dict_time(m, "started", s->started_utc_nsec);
	r = r < 0 ? r
		  : dict_text(m, "fail_mode",
			    s->settings.fail_mode == FAIL_MODE_DENY ? "deny" : "allow");
	r = r < 0 ? r : answer_append_policy(m, s->policy, s->policy_loaded_utc_nsec);
	r = r < 0 ? r : dict_bytes(m, "policy_path", s->policy_path);
	r = r < 0 ? r : dict_text(m, "policy_error", s->policy_error);
	r = r < 0 ? r : updates_append(m, s);
	r = r < 0 ? r : append_gate(m, &s->gate);
	r = r < 0 ? r : append_mounts(m, s);
	r = r < 0 ? r : append_inspectors(m, &s->pool);
	r = r < 0 ? r : append_installed(m, &s->installed);
	r = r < 0 ? r : append_ledger(m, s);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int method_status(struct call *c, sd_bus_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ struct agent_status *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return bus_error_set(e, ENOMEM, "Out of memory");
	agent_status(c->bus->agent, s);
	r = sd_bus_message_new_method_return(c->message, &reply);
	r = r < 0 ? r : append_status(reply, s);
	if (r < 0)
		return bus_error_set(e, r, "Failed to answer: %m");
	call_reply(c, reply);
	return 0;
}

/* ---- Check ---- */

static void on_judged(const struct judgement *j, void *context)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	struct call *c = context;
	int r;

	if (j->error < 0) {
		(void) bus_error_set(&e, j->error, "The file could not be inspected: %m");
		call_fail(c, &e);
		return;
	}
	r = c->peer ? sd_bus_message_new_method_return(c->message, &reply) : -ENOTCONN;
	r = r < 0 ? r : answer_append_judgement(reply, j);
	if (r < 0) {
		(void) bus_error_set(&e, r, "Failed to answer: %m");
		call_fail(c, &e);
		return;
	}
	call_reply(c, reply);
}

/* The descriptor must be one that its owner can read from already: an O_PATH descriptor would make
 * the agent open, as root, what the caller cannot. */
static int check_file(int fd, sd_bus_error *e)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return bus_error_set(e, errno, "The descriptor cannot be used: %m");
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bus_error_set(e, EACCES, "The file must be open for reading");
	if (!S_ISREG(st.st_mode))
		return bus_error_set(e, EMEDIUMTYPE, "Not a regular file");
	return 0;
}

static int method_check(struct call *c, sd_bus_error *e)
{
	_cleanup_close_ int fd = -1;
	const char *path;
	int theirs, r;

	/* A file whose server does not answer would hold up whoever has it open. */
	if (!c->peer->is_only)
		return bus_error_set(e, EOPNOTSUPP,
			"This agent takes no files: ask it for Image, and judge by that as "
			"proscribectl does");
	r = sd_bus_message_read(c->message, "hs", &theirs, &path);
	if (r < 0 || strlen(path) >= PATH_MAX)
		return bus_error_set(e, EINVAL, "Check() takes a descriptor and a path");
	r = check_file(theirs, e);
	if (r < 0)
		return r;
	fd = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return bus_error_set(e, errno, "The descriptor cannot be kept: %m");
	r = agent_judge(c->bus->agent, TAKE_FD(fd), *path ? path : NULL, on_judged, c);
	if (r < 0)
		return bus_error_set(e, r, "Too many files wait for inspection, try again");
	return 1;
}

/* ---- Image ---- */

/* A descriptor of its own for each caller, good for reading only; what it shows, nobody can change.
 */
static int open_image(const struct policy *p, int *ret)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int has = fcntl(policy_fd(p), F_GET_SEALS), fd;

	if (has < 0 || (has & seals) != seals)
		return -EPERM;
	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", policy_fd(p));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int method_image(struct call *c, sd_bus_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ struct agent_status *s = calloc(1, sizeof(*s));
	_cleanup_close_ int fd = -1;
	int r;

	if (!s)
		return bus_error_set(e, ENOMEM, "Out of memory");
	if (c->peer->is_system)
		return bus_error_set(e, EOPNOTSUPP,
			"The policy is handed out on the agent's own socket only, not on the "
			"system bus");
	agent_status(c->bus->agent, s);
	if (!s->policy)
		return bus_error_set(e, ENODATA, "No policy is in force");
	r = open_image(s->policy, &fd);
	r = r < 0 ? r : sd_bus_message_new_method_return(c->message, &reply);
	r = r < 0 ? r : sd_bus_message_append(reply, "h", fd);
	if (r < 0)
		return bus_error_set(e, r, "The policy cannot be handed out: %m");
	call_reply(c, reply);
	return 0;
}

/* ---- Reload ---- */

static void on_reloaded(int result, const char *messages, void *context)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	struct call *c = context;
	int r = result;

	if (r >= 0 && c->peer) {
		r = sd_bus_message_new_method_return(c->message, &reply);
		r = r < 0 ? r : sd_bus_message_append(reply, "s", messages ? messages : "");
	}
	if (r >= 0 && reply) {
		call_reply(c, reply);
		return;
	}
	if (messages && *messages)
		(void) bus_error_set(&e, EKEYREJECTED, "%s", messages);
	else
		(void) bus_error_set(&e, r, "The policy could not be loaded: %m");
	call_fail(c, &e);
}

static int method_reload(struct call *c, sd_bus_error *e)
{
	int r;

	if (!call_privileged(c))
		return bus_error_set(e, EACCES, "Only root may reload the policy");
	r = agent_reload(c->bus->agent, on_reloaded, c);
	if (r == -EBUSY)
		return bus_error_set(e, r, "A reload is under way already");
	if (r < 0)
		return bus_error_set(e, r, "The policy could not be loaded: %m");
	return 1;
}

/* ---- the table ---- */

static const struct bus_method methods[] = {
	{ "Status", method_status },
	{ "Check", method_check },
	{ "Image", method_image },
	{ "Reload", method_reload },
	{ "Update", updates_method_update },
	{ "Why", records_method_why },
	{ "Records", records_method_records },
	{ "Findings", records_method_findings },
	{ "Scan", scans_method_scan },
	{ "ScanStatus", scans_method_status },
	{ "ScanStop", scans_method_stop },
};

const struct bus_method *bus_method_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

/* Who may call what is decided in the methods, alike on both buses. */
const sd_bus_vtable bus_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", status),
		call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("h", file, "s", path),
		SD_BUS_RESULT("a{sv}", judgement), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Image", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", image), call_begin,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", messages), call_begin,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", update),
		call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Why", SD_BUS_ARGS("s", id), SD_BUS_RESULT("a{sv}", record),
		call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Records", SD_BUS_ARGS("t", after, "x", since_nsec, "u", max),
		SD_BUS_RESULT("aa{sv}", records), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Findings", SD_BUS_ARGS("t", after, "u", max),
		SD_BUS_RESULT("aa{sv}", records), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Scan", SD_BUS_ARGS("aay", paths, "a{sv}", options),
		SD_BUS_RESULT("t", scan), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ScanStatus", SD_BUS_ARGS("t", scan, "t", after),
		SD_BUS_RESULT("a{sv}", status), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ScanStop", SD_BUS_ARGS("t", scan), SD_BUS_NO_RESULT, call_begin,
		SD_BUS_VTABLE_UNPRIVILEGED),
	/* Everybody on the system bus sees it: nothing about a person goes into it. */
	SD_BUS_SIGNAL_WITH_ARGS("Recorded", SD_BUS_ARGS("t", sequence, "s", kind, "s", outcome), 0),
	SD_BUS_VTABLE_END,
};
