#include "agent/ledger/ocsf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "agent/ledger/plain.h"
#include "policy/base/clock.h"

#define OCSF_VERSION "1.8.0"

enum {
	CLASS_FILE = 1001,
	CLASS_PROCESS = 1007,
	CLASS_EVENT_LOG = 1008,
	CLASS_COMPLIANCE = 2003,
	CLASS_ENTITY = 3004,
	CLASS_APPLICATION = 6002,
	CLASS_SCAN = 6007,

	ACTIVITY_OTHER = 99,
	STATUS_SUCCESS = 1,
	STATUS_FAILURE = 2,
	OS_LINUX = 200,
	FILE_REGULAR = 1,
	HASH_SHA256 = 3,
};

/* ---- building: a value that could not be made marks the whole event as failed ---- */
struct builder {
	const struct record *r;
	bool failed;
};

/* Puts @value, whose reference it takes, into @object. */
static void put(struct builder *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		b->failed = true;
}

static void put_text(struct builder *b, json_t *object, const char *key, const char *text)
{
	_cleanup_free_ char *plain = NULL;

	if (!text || !*text)
		return;
	if (plain_text(text, &plain) < 0)
		b->failed = true;
	else
		put(b, object, key, json_string(plain));
}

static void put_number(struct builder *b, json_t *object, const char *key, int64_t number)
{
	put(b, object, key, json_integer(number));
}

static void put_known(struct builder *b, json_t *object, const char *key, int64_t number)
{
	if (number != -1)
		put_number(b, object, key, number);
}

/* OCSF's user ids are texts. */
static void put_id(struct builder *b, json_t *object, const char *key, uint64_t number)
{
	char text[24];

	(void) snprintf(text, sizeof(text), "%" PRIu64, number);
	put_text(b, object, key, text);
}

/* A numbered choice and its caption. */
static void put_choice(
	struct builder *b, json_t *event, const char *key, int id, const char *caption)
{
	char id_key[40];

	(void) snprintf(id_key, sizeof(id_key), "%s_id", key);
	put_number(b, event, id_key, id);
	put_text(b, event, key, caption);
}

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/* ---- objects ---- */

static json_t *product_of_ours(struct builder *b)
{
	json_t *o = json_object();

	put_text(b, o, "name", "Proscribe");
	put_text(b, o, "vendor_name", "Proscribe");
	return o;
}

static json_t *metadata(struct builder *b, const char *profile)
{
	json_t *o = json_object();
	char time[CLOCK_TEXT_SIZE];

	clock_format_utc(b->r->utc_nsec, 9, time);
	put(b, o, "product", product_of_ours(b));
	put_text(b, o, "version", OCSF_VERSION);
	put_text(b, o, "uid", b->r->id);
	put_number(b, o, "sequence", (int64_t) b->r->sequence);
	put_text(b, o, "event_code", b->r->kind);
	put_text(b, o, "original_time", time);
	put_text(b, o, "log_name", "ledger");
	put(b, o, "profiles", json_pack("[s]", profile));
	return o;
}

static json_t *device(struct builder *b)
{
	json_t *o = json_object();

	put_text(b, o, "hostname", b->r->host ? b->r->host : "unknown");
	put_number(b, o, "type_id", 0);
	put(b, o, "os", json_pack("{s:s, s:i}", "name", "Linux", "type_id", OS_LINUX));
	return o;
}

/* NULL when nothing is known of the user. */
static json_t *user(struct builder *b)
{
	json_t *o;

	if (b->r->uid == -1 && !b->r->user)
		return NULL;
	o = json_object();
	if (b->r->uid != -1)
		put_id(b, o, "uid", (uint64_t) b->r->uid);
	put_text(b, o, "name", b->r->user);
	return o;
}

static void put_user(struct builder *b, json_t *object)
{
	json_t *u = user(b);

	if (u)
		put(b, object, "user", u);
}

static json_t *file(struct builder *b)
{
	const char *path = b->r->path, *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash && slash[1] ? slash + 1 : path;
	json_t *o = json_object();

	put_text(b, o, "name", name && *name ? name : "unknown");
	put_text(b, o, "path", path);
	put_number(b, o, "type_id", FILE_REGULAR);
	if (b->r->size <= INT64_MAX)
		put_number(b, o, "size", (int64_t) b->r->size);
	put_text(b, o, "version", b->r->version);
	if (b->r->sha256)
		put(b, o, "hashes",
			json_pack("[{s:s, s:i, s:s}]", "algorithm", "SHA-256", "algorithm_id",
				HASH_SHA256, "value", b->r->sha256));
	return o;
}

static json_t *parent(struct builder *b)
{
	json_t *o = json_object();

	put_number(b, o, "pid", b->r->parent);
	return o;
}

static json_t *process(struct builder *b)
{
	json_t *o = json_object();

	if (b->r->pid != -1)
		put_number(b, o, "pid", b->r->pid);
	else
		put_text(b, o, "uid", "unknown");
	put(b, o, "file", file(b));
	put_user(b, o);
	if (b->r->parent != -1)
		put(b, o, "parent_process", parent(b));
	if (b->r->tty) {
		json_t *session = json_object();

		put_text(b, session, "terminal", b->r->tty);
		put(b, o, "session", session);
	}
	return o;
}

/* Whoever called execve(2): it is the same process, before. */
static json_t *actor(struct builder *b)
{
	json_t *o = json_object();

	put_user(b, o);
	if (b->r->pid != -1)
		put(b, o, "process", json_pack("{s:I}", "pid", (json_int_t) b->r->pid));
	if (json_object_size(o) == 0)
		put_text(b, o, "app_name", "unknown");
	return o;
}

static json_t *actor_agent(struct builder *b)
{
	json_t *o = json_object();

	put_text(b, o, "app_name", "proscribed");
	return o;
}

static void put_policy(struct builder *b, json_t *event, bool applied)
{
	json_t *o;

	if (!b->r->policy_name && !b->r->policy_digest)
		return;
	o = json_object();
	put_text(b, o, "name", b->r->policy_name);
	put_text(b, o, "uid", b->r->policy_digest);
	put(b, o, "is_applied", json_boolean(applied));
	put(b, event, "policy", o);
}

static json_t *rule_list(struct builder *b)
{
	json_t *list = json_array();
	const char *s = b->r->rules;

	while (*s) {
		size_t n = strcspn(s, ",");
		_cleanup_free_ char *id = strndup(s, n), *plain = NULL;

		if (!id || plain_text(id, &plain) < 0 ||
			json_array_append_new(list, json_string(plain)) < 0)
			b->failed = true;
		s += n + (s[n] == ',');
	}
	return list;
}

static void put_unmapped(struct builder *b, json_t *event)
{
	const struct record *r = b->r;
	json_t *o = json_object();

	put_text(b, o, "outcome", r->outcome);
	put_text(b, o, "verdict", r->verdict);
	put_text(b, o, "evidence", r->evidence);
	put_known(b, o, "login_uid", r->login_uid);
	put_text(b, o, "purl", r->purl);
	put_text(b, o, "software", r->software_id);
	put_text(b, o, "software_name", r->software_name);
	if (r->rules)
		put(b, o, "rules", rule_list(b));
	put_text(b, o, "reason", r->reason);
	put_text(b, o, "reference", r->reference);
	put_text(b, o, "url", r->url);
	put_text(b, o, "alternative_name", r->alternative_name);
	put_text(b, o, "alternative_url", r->alternative_url);
	put_text(b, o, "policy_owner", r->policy_owner);
	put_text(b, o, "policy_contact", r->policy_contact);
	if (r->inode) {
		put_id(b, o, "device", r->device);
		put_id(b, o, "inode", r->inode);
	}
	put(b, event, "unmapped", o);
}

/* ---- classes ---- */

static json_t *event_of(struct builder *b, int class, int activity, const char *activity_name)
{
	json_t *e = json_object();

	put_number(b, e, "class_uid", class);
	put_number(b, e, "category_uid", class / 1000);
	put_number(b, e, "activity_id", activity);
	put_text(b, e, "activity_name", activity_name);
	put_number(b, e, "type_uid", (int64_t) class * 100 + activity);
	put_number(b, e, "time", b->r->utc_nsec / NSEC_PER_MSEC);
	put(b, e, "device", device(b));
	put(b, e, "metadata", metadata(b, class == CLASS_PROCESS ? "security_control" : "host"));
	put_unmapped(b, e);
	return e;
}

static void put_severity(struct builder *b, json_t *event, int id)
{
	static const char *const captions[] = { "Unknown", "Informational", "Low", "Medium", "High",
		"Critical" };

	put_choice(b, event, "severity", id, captions[id]);
}

static void put_status(struct builder *b, json_t *event, int id)
{
	put_choice(b, event, "status", id, id == STATUS_SUCCESS ? "Success" : "Failure");
}

static const struct rating {
	const char *risk, *caption;
	int level, severity;
} ratings[] = {
	{ "low", "Low", 1, 2 },
	{ "medium", "Medium", 2, 3 },
	{ "high", "High", 3, 4 },
	{ "critical", "Critical", 4, 5 },
	{ NULL, NULL, 0, 0 },
};

/* How bad it is, as the policy rates the software; without a rating nobody knows. */
static const struct rating *rating_of(const struct record *r)
{
	const struct rating *rating = ratings;

	while (rating->risk && !is(r->risk, rating->risk))
		rating++;
	return rating;
}

static void put_risk(struct builder *b, json_t *event)
{
	const struct rating *rating = rating_of(b->r);

	put_severity(b, event, rating->severity);
	if (rating->risk)
		put_choice(b, event, "risk_level", rating->level, rating->caption);
}

/* What was done about a launch: the first row that fits. */
static const struct control {
	const char *outcome, *verdict; /* NULL: any */
	int action;
	const char *action_caption;
	int disposition;
	const char *disposition_caption, *words;
	bool alert;
} controls[] = {
	{ "refused", NULL, 2, "Denied", 2, "Blocked", "Refused to start", true },
	{ "stopped", NULL, 2, "Denied", 99, "Stopped", "Stopped", true },
	{ "ran", "unjudged", 1, "Allowed", 99, "Unjudged", "Could not judge in time", true },
	{ "ran", "warn", 1, "Allowed", 19, "Alert", "Warned of", true },
	{ "ran", "log", 3, "Observed", 17, "Logged", "Noted the launch of", false },
	{ "ran", NULL, 1, "Allowed", 1, "Allowed", "Allowed", false },
	{ NULL, NULL, 0, "Unknown", 0, "Unknown", "Saw the launch of", false },
};

static const struct control *control_of(const struct record *r)
{
	size_t i = 0;

	while ((controls[i].outcome && !is(r->outcome, controls[i].outcome)) ||
		(controls[i].verdict && !is(r->verdict, controls[i].verdict)))
		i++;
	return &controls[i];
}

/* "Refused to start Claude Code 2.1.91" */
static void put_message(struct builder *b, json_t *event, const char *words)
{
	const struct record *r = b->r;
	_cleanup_free_ char *message = NULL;

	if (asprintf(&message, "%s %s%s%s", words,
		    r->software_name  ? r->software_name
			    : r->path ? r->path
				      : "a file",
		    r->version ? " " : "", r->version ? r->version : "") < 0) {
		message = NULL;
		b->failed = true;
		return;
	}
	put_text(b, event, "message", message);
}

static json_t *launch(struct builder *b)
{
	json_t *e = event_of(b, CLASS_PROCESS, 1, "Launch");
	const struct control *c = control_of(b->r);

	put(b, e, "actor", actor(b));
	put(b, e, "process", process(b));
	put_choice(b, e, "action", c->action, c->action_caption);
	put_choice(b, e, "disposition", c->disposition, c->disposition_caption);
	put(b, e, "is_alert", json_boolean(c->alert));
	put_status(b, e, c->disposition == 2 ? STATUS_FAILURE : STATUS_SUCCESS);
	put_risk(b, e);
	put_policy(b, e, true);
	put_message(b, e, c->words);
	return e;
}

static json_t *digest(struct builder *b)
{
	json_t *e = event_of(b, CLASS_FILE, ACTIVITY_OTHER, "Digest");

	put(b, e, "actor", actor_agent(b));
	put(b, e, "file", file(b));
	put_severity(b, e, 1);
	put_status(b, e, STATUS_SUCCESS);
	put_text(b, e, "message", "Digest of a refused file");
	return e;
}

static json_t *policy(struct builder *b)
{
	json_t *e = event_of(b, CLASS_ENTITY, 3, "Update"), *entity = json_object();
	const bool rejected = is(b->r->outcome, "rejected"), stale = is(b->r->outcome, "stale");

	put_text(b, entity, "type", "Policy");
	put_text(b, entity, "name", b->r->policy_name ? b->r->policy_name : "unknown");
	put_text(b, entity, "uid", b->r->policy_digest);
	put(b, e, "entity", entity);
	put(b, e, "actor", actor_agent(b));
	put_severity(b, e, rejected || stale ? 3 : 1);
	put_status(b, e, rejected || stale ? STATUS_FAILURE : STATUS_SUCCESS);
	put_text(b, e, "status_detail", b->r->detail);
	put_text(b, e, "message",
		rejected        ? "Policy refused"
			: stale ? "Policy may be out of date"
				: "Policy in force");
	return e;
}

static json_t *agent(struct builder *b)
{
	bool ended = is(b->r->outcome, "ended");
	json_t *e = event_of(b, CLASS_APPLICATION, ended ? 4 : 3, ended ? "Stop" : "Start");

	put(b, e, "app", product_of_ours(b));
	put_severity(b, e, 1);
	put_status(b, e, STATUS_SUCCESS);
	put_text(b, e, "status_detail", b->r->detail);
	put_text(b, e, "message", ended ? "Agent stopped" : "Agent started");
	return e;
}

static json_t *gap(struct builder *b)
{
	json_t *e = event_of(b, CLASS_EVENT_LOG, ACTIVITY_OTHER, "Lost");

	put(b, e, "actor", actor_agent(b));
	put_text(b, e, "log_name", "ledger");
	put_text(b, e, "log_provider", "Proscribe");
	put_severity(b, e, 4);
	put_status(b, e, STATUS_FAILURE);
	put_text(b, e, "status_detail", b->r->detail);
	put(b, json_object_get(e, "unmapped"), "lost", json_integer((json_int_t) b->r->count));
	put_text(b, e, "message", "Records were lost");
	return e;
}

static json_t *compliance(struct builder *b, bool gone)
{
	json_t *o = json_object();

	put_text(b, o, "control", "CM-7(4) Unauthorized Software: Deny-by-exception");
	put(b, o, "standards", json_pack("[s]", "NIST SP 800-53 Rev. 5"));
	put_choice(b, o, "status", gone ? 1 : 3, gone ? "Pass" : "Fail");
	return o;
}

static json_t *finding_info(struct builder *b)
{
	json_t *o = json_object();

	put_text(b, o, "uid", b->r->id);
	put_text(b, o, "title", b->r->software_name ? b->r->software_name : "Banned software");
	put_text(b, o, "desc", b->r->reason);
	put(b, o, "types", json_pack("[s]", "High-risk software"));
	return o;
}

/* Banned software on the host: a finding of this class is made, and closed when it is gone. */
static json_t *finding(struct builder *b)
{
	bool gone = is(b->r->outcome, "gone");
	json_t *e = event_of(b, CLASS_COMPLIANCE, gone ? 3 : 1, gone ? "Close" : "Create"),
	       *unmapped = json_object_get(e, "unmapped"), *resource = json_object();

	put(b, e, "compliance", compliance(b, gone));
	put(b, e, "finding_info", finding_info(b));
	put_text(b, resource, "type", "File");
	put_text(b, resource, "name", b->r->path ? b->r->path : "unknown");
	put_text(b, resource, "version", b->r->version);
	put(b, e, "resources", json_pack("[o]", resource));
	put_severity(b, e, gone ? 1 : rating_of(b->r)->severity);
	put_choice(b, e, "status", gone ? 4 : 1, gone ? "Resolved" : "New");
	put_text(b, e, "status_detail", b->r->detail);
	put(b, unmapped, "file", file(b));
	put_user(b, unmapped);
	put_text(b, unmapped, "policy_name", b->r->policy_name);
	put_text(b, unmapped, "policy_digest", b->r->policy_digest);
	put_message(b, e, gone ? "Gone:" : "Found");
	return e;
}

static json_t *scan(struct builder *b)
{
	bool complete = is(b->r->outcome, "complete");
	json_t *e = event_of(b, CLASS_SCAN, complete ? 2 : 6, complete ? "Completed" : "Error"),
	       *o = json_object();

	put_text(b, o, "name", "Inventory scan");
	put_text(b, o, "uid", b->r->id);
	put_choice(b, o, "type", 0, "Unknown");
	put(b, e, "scan", o);
	put(b, e, "num_files", json_integer((json_int_t) b->r->count));
	put_severity(b, e, complete ? 1 : 2);
	put_status(b, e, complete ? STATUS_SUCCESS : STATUS_FAILURE);
	put_text(b, e, "status_detail", b->r->detail);
	put_text(b, json_object_get(e, "unmapped"), "path", b->r->path);
	put_text(b, e, "message", complete ? "Scan complete" : "Scan not complete");
	return e;
}

int ocsf_from_record(const struct record *r, json_t **ret)
{
	static const struct {
		const char *kind;
		json_t *(*make)(struct builder *b);
	} classes[] = {
		{ "digest", digest },
		{ "policy", policy },
		{ "agent", agent },
		{ "gap", gap },
		{ "finding", finding },
		{ "scan", scan },
	};
	struct builder b = { .r = r };
	json_t *(*make)(struct builder * b) = launch;
	json_t *event;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (is(r->kind, classes[i].kind))
			make = classes[i].make;
	event = make(&b);
	if (b.failed) {
		json_decref(event);
		return -ENOMEM;
	}
	*ret = event;
	return 0;
}
