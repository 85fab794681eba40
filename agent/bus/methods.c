/*
 * The methods of org.proscribe.Agent1 that ask the agent. Runs in proscribed. Reads the arguments,
 * checks who asks, calls one function of agent.h, turns what comes back into an answer.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/bus/call.h"
#include "agent/bus/errors.h"
#include "policy/base/text.h"

/* Opens and closes `key: <variant of signature>` in an a{sv}. */
static int open_entry(sd_bus_message *m, const char *key, const char *signature)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', signature);
	return r < 0 ? r : sd_bus_message_open_container(m, 'a', signature + 1);
}

static int close_entry(sd_bus_message *m)
{
	int r = sd_bus_message_close_container(m);

	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_digest(sd_bus_message *m, const char *key, const uint8_t digest[SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	text_hex(digest, SHA256_SIZE, hex);
	return dict_text(m, key, hex);
}

static int append_policy(sd_bus_message *m, const struct policy *p, int64_t loaded_utc_nsec)
{
	struct policy_info info;
	int r;

	if (!p)
		return 0;
	policy_info(p, &info);
	r = open_entry(m, "policy", "a{sv}");
	r = r < 0 ? r : dict_text(m, "name", info.name);
	r = r < 0 ? r : dict_text(m, "owner", info.owner);
	r = r < 0 ? r : dict_text(m, "contact", info.contact);
	r = r < 0 ? r : append_digest(m, "digest", info.digest);
	r = r < 0 ? r : dict_count(m, "software", info.n_software);
	r = r < 0 ? r : dict_count(m, "rules", info.n_rules);
	r = r < 0 ? r : dict_count(m, "hashes", info.n_hashes);
	r = r < 0 ? r : dict_time(m, "loaded", loaded_utc_nsec);
	return r < 0 ? r : close_entry(m);
}

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
	int r = open_entry(m, "gate", "a{sv}");

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(counters); i++)
		r = dict_count(m, counters[i].key, counters[i].value);
	return r < 0 ? r : close_entry(m);
}

static int append_mounts(sd_bus_message *m, const struct agent_status *s)
{
	int r = open_entry(m, "mounts", "aa{sv}");

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
	return r < 0 ? r : close_entry(m);
}

static int append_inspectors(sd_bus_message *m, const struct pool_status *p)
{
	int r = open_entry(m, "inspectors", "a{sv}");

	r = r < 0 ? r : dict_count(m, "running", p->n_inspectors);
	r = r < 0 ? r : dict_count(m, "busy", p->n_busy);
	r = r < 0 ? r : dict_count(m, "inspections", p->jobs);
	r = r < 0 ? r : dict_count(m, "deaths", p->deaths);
	r = r < 0 ? r : dict_count(m, "timeouts", p->timeouts);
	return r < 0 ? r : close_entry(m);
}

static int append_ledger(sd_bus_message *m, const struct agent_status *s)
{
	const struct recorder_status *l = &s->recorder;
	int r = open_entry(m, "ledger", "a{sv}");

	r = r < 0 ? r : dict_bytes(m, "path", s->ledger_path);
	r = r < 0 ? r : dict_count(m, "records", l->last_sequence);
	r = r < 0 ? r : dict_count(m, "appended", l->appended);
	r = r < 0 ? r : dict_count(m, "dropped", l->dropped);
	r = r < 0 ? r : dict_count(m, "journal_dropped", l->journal_dropped);
	if (r >= 0 && l->error != 0)
		r = dict_text(m, "error", strerror(abs(l->error)));
	if (r >= 0 && l->error != 0)
		r = dict_time(m, "error_since", l->error_since_nsec);
	return r < 0 ? r : close_entry(m);
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
	r = r < 0 ? r : append_policy(m, s->policy, s->policy_loaded_utc_nsec);
	r = r < 0 ? r : dict_bytes(m, "policy_path", s->policy_path);
	r = r < 0 ? r : dict_text(m, "policy_error", s->policy_error);
	r = r < 0 ? r : append_gate(m, &s->gate);
	r = r < 0 ? r : append_mounts(m, s);
	r = r < 0 ? r : append_inspectors(m, &s->pool);
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

static int append_packages(sd_bus_message *m, const struct facts *f)
{
	int r = open_entry(m, "packages", "aa{sv}");

	for (uint32_t i = 0; r >= 0 && i < f->n_packages; i++) {
		const struct package *p = &f->packages[i];

		r = sd_bus_message_open_container(m, 'a', "{sv}");
		r = r < 0 ? r : dict_text(m, "type", package_type_to_string(p->type));
		r = r < 0 ? r : dict_text(m, "name", p->name);
		r = r < 0 ? r : dict_text(m, "version", p->version);
		r = r < 0 ? r : sd_bus_message_close_container(m);
	}
	return r < 0 ? r : close_entry(m);
}

static int append_facts(sd_bus_message *m, const struct facts *f)
{
	int r = dict_count(m, "size", f->size);

	r = r < 0 ? r : dict_text(m, "class", file_class_to_string(f->class));
	if (r >= 0 && f->linkage != ELF_LINKAGE_NONE)
		r = dict_text(m, "linkage", elf_linkage_to_string(f->linkage));
	if (r >= 0 && f->runtime != RUNTIME_NONE)
		r = dict_text(m, "runtime", runtime_to_string(f->runtime));
	if (r >= 0 && f->payload_size > 0)
		r = dict_count(m, "payload_offset", f->payload_offset);
	if (r >= 0 && f->payload_size > 0)
		r = dict_count(m, "payload_size", f->payload_size);
	if (r >= 0 && (f->have & FACTS_SHA256))
		r = append_digest(m, "sha256", f->sha256);
	if (r >= 0 && (f->have & FACTS_INTERPRETER))
		r = dict_text(m, "interpreter", f->interpreter);
	r = r < 0 ? r : dict_flag(m, "metadata_refused", f->have & FACTS_METADATA_REFUSED);
	return r < 0 ? r : append_packages(m, f);
}

static int append_match(sd_bus_message *m, const struct policy *p, const struct policy_match *match)
{
	struct policy_software software;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	policy_software(p, match->software, &software);
	r = r < 0 ? r : dict_text(m, "software", software.id);
	r = r < 0 ? r : dict_text(m, "name", software.name);
	r = r < 0 ? r : dict_text(m, "vendor", software.vendor);
	r = r < 0 ? r : dict_text(m, "evidence", evidence_to_string(match->evidence));
	r = r < 0 ? r : dict_text(m, "version", match->version);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What the file is to this policy, whether or not a rule bans that version. Without home
 * directories, so that a path rule under ~ shows only when it decided. */
static int append_matches(sd_bus_message *m, const struct judgement *j)
{
	struct policy_match matches[POLICY_MATCHES_MAX];
	size_t n = policy_match(j->policy, &j->facts, j->path, NULL, matches, ARRAY_SIZE(matches));
	int r = open_entry(m, "matches", "aa{sv}");

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_match(m, j->policy, &matches[i]);
	return r < 0 ? r : close_entry(m);
}

static int append_rule(sd_bus_message *m, const struct policy *p, uint32_t index)
{
	struct policy_rule rule;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	policy_rule(p, index, &rule);
	r = r < 0 ? r : dict_text(m, "id", rule.id);
	r = r < 0 ? r : dict_text(m, "action", action_to_string(rule.action));
	r = r < 0 ? r : dict_text(m, "risk", risk_to_string(rule.risk));
	r = r < 0 ? r : dict_text(m, "reason", policy_rule_reason(p, index, "en"));
	r = r < 0 ? r : dict_text(m, "reference", rule.reference);
	r = r < 0 ? r : dict_text(m, "url", rule.url);
	r = r < 0 ? r : dict_text(m, "alternative_name", rule.alternative_name);
	r = r < 0 ? r : dict_text(m, "alternative_url", rule.alternative_url);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_decision(sd_bus_message *m, const struct judgement *j)
{
	const struct decision *d = &j->decision;
	struct policy_software software = { 0 };
	int r = dict_text(m, "verdict", verdict_to_string(d->verdict));

	if (!j->policy)
		return r;
	if (d->n_rules > 0)
		policy_software(j->policy, d->software, &software);
	r = r < 0 ? r : dict_text(m, "software", software.id);
	r = r < 0 ? r : dict_text(m, "software_name", software.name);
	if (r >= 0 && d->n_rules > 0)
		r = dict_text(m, "evidence", evidence_to_string(d->evidence));
	r = r < 0 ? r : dict_text(m, "package", d->package);
	r = r < 0 ? r : dict_text(m, "version", d->version);
	r = r < 0 ? r : open_entry(m, "rules", "aa{sv}");
	for (uint32_t i = 0; r >= 0 && i < d->n_rules && i < DECISION_RULES_MAX; i++)
		r = append_rule(m, j->policy, d->rules[i]);
	r = r < 0 ? r : close_entry(m);
	return r < 0 ? r : append_matches(m, j);
}

static int append_judgement(sd_bus_message *m, const struct judgement *j)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	r = r < 0 ? r : dict_bytes(m, "path", j->path);
	r = r < 0 ? r : append_facts(m, &j->facts);
	r = r < 0 ? r : append_decision(m, j);
	r = r < 0 ? r : append_policy(m, j->policy, 0);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

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
	r = r < 0 ? r : append_judgement(reply, j);
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
	int theirs, r = sd_bus_message_read(c->message, "hs", &theirs, &path);

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
	{ "Reload", method_reload },
	{ "Why", records_method_why },
	{ "Records", records_method_records },
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
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", messages), call_begin,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Why", SD_BUS_ARGS("s", id), SD_BUS_RESULT("a{sv}", record),
		call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Records", SD_BUS_ARGS("t", after, "x", since_nsec, "u", max),
		SD_BUS_RESULT("aa{sv}", records), call_begin, SD_BUS_VTABLE_UNPRIVILEGED),
	/* Everybody on the system bus sees it: nothing about a person goes into it. */
	SD_BUS_SIGNAL_WITH_ARGS("Recorded", SD_BUS_ARGS("t", sequence, "s", kind, "s", outcome), 0),
	SD_BUS_VTABLE_END,
};
