#include "agent/ledger/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "agent/ledger/recorder.h"
#include "agent/ledger/thread.h"
#include "policy/base/queue.h"
#include "policy/base/text.h"

enum {
	FIELDS_MAX = 40,
	FIELD_SIZE_MAX = 4 * 4096 + 64, /* a path of nothing but bytes that need escaping */
};

struct item {
	struct event *event;
	uint64_t sequence;
	char user[]; /* "" when not known */
};

struct fields {
	struct iovec parts[FIELDS_MAX];
	int n;
};

struct journal {
	struct queue *queue;
	pthread_t thread;
	struct item *current; /* being sent, with its fields; of the thread, afterwards of stop */
	struct fields fields;
	_Atomic uint64_t refused;
};

static struct item *item_free(struct item *i)
{
	if (!i)
		return NULL;
	(void) event_unref(i->event);
	free(i);
	return NULL;
}

/* ---- what an entry says ---- */
static void fields_done(struct fields *f)
{
	while (f->n > 0)
		free(f->parts[--f->n].iov_base);
}

/* A field that does not fit or for which there is no memory is left out, the others are sent. */
static void add(struct fields *f, const char *format, ...) _printf_(2, 3);
static void add(struct fields *f, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	int n;

	if (f->n == FIELDS_MAX)
		return;
	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (n >= 0)
		f->parts[f->n++] = (struct iovec){ text, (size_t) n };
}

/* Foreign text: without bytes that steer the terminal on which journalctl shows it. */
static void add_text(struct fields *f, const char *name, const char *text)
{
	_cleanup_free_ char *escaped = NULL;

	if (!text || !*text)
		return;
	escaped = malloc(FIELD_SIZE_MAX);
	if (!escaped)
		return;
	(void) text_escape(text, escaped, FIELD_SIZE_MAX);
	add(f, "%s=%s", name, escaped);
}

static void add_digest(
	struct fields *f, const char *name, bool known, const uint8_t digest[SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	if (!known)
		return;
	text_hex(digest, SHA256_SIZE, hex);
	add(f, "%s=%s", name, hex);
}

struct kind {
	const char *id; /* never changes: people filter by it */
	int priority;
};

static struct kind kind_of_launch(const struct event *e)
{
	static const struct kind refused = { "fa6dca7dbb1b44a68fed2cab55815723", LOG_WARNING },
				 stopped = { "f159a5c1b31248298b2cb421e33549a1", LOG_WARNING },
				 unjudged = { "70659b1ab36f413fb8cda0e425e38c1e", LOG_WARNING },
				 noted = { "a58f2cd407c14ecea3da8b28d2f199ff", LOG_NOTICE };

	if (e->outcome == OUTCOME_REFUSED)
		return refused;
	if (e->outcome == OUTCOME_STOPPED)
		return stopped;
	return e->verdict == VERDICT_UNJUDGED ? unjudged : noted;
}

static struct kind kind_of_policy(const struct event *e)
{
	static const struct kind applied = { "50e2db72db69494abfe0c4268569e19c", LOG_NOTICE },
				 rejected = { "0b001c4f77004306906f797b27953ae1", LOG_ERR },
				 stale = { "90ab0e824ecb4173b3cddcadeaaf9a84", LOG_WARNING };

	if (e->outcome == OUTCOME_STALE)
		return stale;
	return e->outcome == OUTCOME_REJECTED ? rejected : applied;
}

static struct kind kind_of(const struct event *e)
{
	static const struct kind started = { "3038c4a4d18e40b1a4325bcfbb948b67", LOG_INFO },
				 ended = { "b6a7ebde895144479b4a21498e52b149", LOG_INFO },
				 gap = { "055a3e9a4fc048aea36c2778772b8d36", LOG_ERR },
				 found = { "2ba8e4ac0a3f4881a17fb5d5be8c7580", LOG_WARNING },
				 gone = { "570db0eb7e5b4528841165c780f785e0", LOG_NOTICE },
				 scanned = { "2453385e63c2408a9f94ea473254f0c7", LOG_INFO },
				 unscanned = { "8bd8912631ab438683784f63bdb6e99b", LOG_WARNING },
				 none = { 0 };

	switch (e->kind) {
	case EVENT_LAUNCH:
		return kind_of_launch(e);
	case EVENT_POLICY:
		return kind_of_policy(e);
	case EVENT_AGENT:
		return e->outcome == OUTCOME_ENDED ? ended : started;
	case EVENT_GAP:
		return gap;
	case EVENT_FINDING:
		return e->outcome == OUTCOME_GONE ? gone : found;
	case EVENT_SCAN:
		return e->outcome == OUTCOME_COMPLETE ? scanned : unscanned;
	case EVENT_NONE:
	case EVENT_DIGEST: /* of use to who reads the ledger only */
	case _EVENT_KIND_MAX:
		break;
	}
	return none;
}

static const char *launch_words(const struct event *e)
{
	switch (e->outcome) {
	case OUTCOME_REFUSED:
		return "Refused to start";
	case OUTCOME_STOPPED:
		return "Stopped";
	case OUTCOME_NONE:
	case OUTCOME_RAN:
	case OUTCOME_APPLIED:
	case OUTCOME_REJECTED:
	case OUTCOME_ENDED:
	case OUTCOME_FOUND:
	case OUTCOME_GONE:
	case OUTCOME_COMPLETE:
	case OUTCOME_INCOMPLETE:
	case OUTCOME_STALE:
	case _OUTCOME_MAX:
		break;
	}
	return e->verdict == VERDICT_UNJUDGED ? "Could not judge in time" : "Noted the launch of";
}

static int write_launch(const struct event *e, const char *user, char **ret)
{
	const char *what = e->software_name ? e->software_name : "a file";

	return asprintf(ret, "%s %s%s%s (%s) for %s%s%s [%s]", launch_words(e), what,
		e->version ? " " : "", e->version ? e->version : "", e->path ? e->path : "?",
		*user ? user : "a user without a name", e->rules ? ": " : "",
		e->rules ? e->rules : "", e->id);
}

static int write_finding(const struct event *e, char **ret)
{
	return asprintf(ret, "%s %s%s%s (%s)%s%s [%s]",
		e->outcome == OUTCOME_GONE ? "Gone:" : "Found",
		e->software_name ? e->software_name : "banned software", e->version ? " " : "",
		e->version ? e->version : "", e->path ? e->path : "?", e->rules ? ": " : "",
		e->rules ? e->rules : "", e->id);
}

static int write_policy(const struct event *e, char **ret)
{
	const char *policy = e->policy_name ? e->policy_name : "without a name";
	const char *detail = e->detail ? e->detail : "";
	const char *colon = e->detail ? ": " : "";

	if (e->outcome == OUTCOME_REJECTED)
		return asprintf(ret, "Refused a policy, the old one stays%s%s", colon, detail);
	if (e->outcome == OUTCOME_STALE)
		return asprintf(ret, "Policy %s may be out of date%s%s", policy, colon, detail);
	return asprintf(ret, "Policy %s is in force%s%s", policy, colon, detail);
}

static int write_message(const struct event *e, const char *user, char **ret)
{
	const char *detail = e->detail ? e->detail : "";
	const char *colon = e->detail ? ": " : "";

	switch (e->kind) {
	case EVENT_LAUNCH:
		return write_launch(e, user, ret);
	case EVENT_POLICY:
		return write_policy(e, ret);
	case EVENT_AGENT:
		return asprintf(ret, "Agent %s%s%s",
			e->outcome == OUTCOME_ENDED ? "stopped" : "started", colon, detail);
	case EVENT_GAP:
		if (e->count == 0)
			return asprintf(ret, "Records were lost%s%s", colon, detail);
		return asprintf(ret, "%" PRIu64 " records were lost%s%s", e->count, colon, detail);
	case EVENT_FINDING:
		return write_finding(e, ret);
	case EVENT_SCAN:
		return asprintf(ret, "Scan of %s %s%s%s", e->path ? e->path : "?",
			e->outcome == OUTCOME_COMPLETE ? "complete" : "not complete", colon,
			detail);
	case EVENT_NONE:
	case EVENT_DIGEST:
	case _EVENT_KIND_MAX:
		break;
	}
	return -1;
}

/* Who, what and why: of a launch or of a finding. */
static void add_subject(struct fields *f, const struct event *e, const char *user)
{
	if (e->uid != EVENT_UID_UNKNOWN)
		add(f, "PROSCRIBE_UID=%" PRIu32, (uint32_t) e->uid);
	if (e->login_uid != EVENT_UID_UNKNOWN)
		add(f, "PROSCRIBE_LOGIN_UID=%" PRIu32, (uint32_t) e->login_uid);
	if (e->pid > 0)
		add(f, "PROSCRIBE_PID=%d", (int) e->pid);
	add(f, "PROSCRIBE_VERDICT=%s", verdict_to_string(e->verdict));
	if (e->evidence != EVIDENCE_NONE)
		add(f, "PROSCRIBE_EVIDENCE=%s", evidence_to_string(e->evidence));
	if (e->risk != RISK_UNSTATED)
		add(f, "PROSCRIBE_RISK=%s", risk_to_string(e->risk));
	add_text(f, "PROSCRIBE_USER", user);
	add_text(f, "PROSCRIBE_TTY", e->tty);
	add_text(f, "PROSCRIBE_PATH", e->path);
	add_text(f, "PROSCRIBE_PURL", e->purl);
	add_text(f, "PROSCRIBE_VERSION", e->version);
	add_text(f, "PROSCRIBE_SOFTWARE", e->software_id);
	add_text(f, "PROSCRIBE_SOFTWARE_NAME", e->software_name);
	add_text(f, "PROSCRIBE_RULE", e->rules);
	add_text(f, "PROSCRIBE_REASON", e->reason);
	add_text(f, "PROSCRIBE_REFERENCE", e->reference);
	add_digest(f, "PROSCRIBE_SHA256", e->have_sha256, e->sha256);
}

static bool fill(struct fields *f, const struct item *i)
{
	static const uint8_t none[SHA256_SIZE];
	const struct event *e = i->event;
	struct kind kind = kind_of(e);
	_cleanup_free_ char *message = NULL;

	if (!kind.id || write_message(e, i->user, &message) < 0)
		return false;
	add_text(f, "MESSAGE", message);
	add(f, "MESSAGE_ID=%s", kind.id);
	add(f, "PRIORITY=%d", kind.priority);
	add(f, "PROSCRIBE_KIND=%s", event_kind_to_string(e->kind));
	add(f, "PROSCRIBE_EVENT_ID=%s", e->id);
	add(f, "PROSCRIBE_SEQUENCE=%" PRIu64, i->sequence);
	add(f, "PROSCRIBE_OUTCOME=%s", outcome_to_string(e->outcome));
	add_text(f, "PROSCRIBE_POLICY", e->policy_name);
	add_digest(f, "PROSCRIBE_POLICY_DIGEST", memcmp(e->policy_digest, none, sizeof(none)) != 0,
		e->policy_digest);
	add_text(f, "PROSCRIBE_DETAIL", e->detail);
	if (e->kind == EVENT_GAP || e->kind == EVENT_SCAN)
		add(f, "PROSCRIBE_COUNT=%" PRIu64, e->count);
	if (e->kind == EVENT_LAUNCH || e->kind == EVENT_FINDING)
		add_subject(f, e, i->user);
	if (e->kind == EVENT_SCAN)
		add_text(f, "PROSCRIBE_PATH", e->path);
	return true;
}

/* ---- the thread ---- */

/* May hang in sendmsg(2) for as long as journald does. There, and nowhere else, journal_stop() may
 * cancel it; what it held then is still to be found in @j. */
static void send(struct journal *j)
{
	int r;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	r = sd_journal_sendv(j->fields.parts, j->fields.n);
	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (r < 0)
		j->refused++;
}

static void drop_current(struct journal *j)
{
	fields_done(&j->fields);
	j->current = item_free(j->current);
}

static void *send_items(void *argument)
{
	struct journal *j = argument;
	void *item;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (queue_pop(j->queue, UINT64_MAX, &item) == 1) {
		j->current = item;
		if (fill(&j->fields, j->current))
			send(j);
		drop_current(j);
	}
	return NULL;
}

int journal_start(struct journal **ret)
{
	_cleanup_free_ struct journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	r = queue_new(JOURNAL_QUEUE_MAX, -1, &j->queue);
	if (r < 0)
		return r;
	r = thread_start(send_items, j, &j->thread);
	if (r < 0) {
		(void) queue_free(j->queue);
		return r;
	}
	*ret = TAKE_PTR(j);
	return 0;
}

struct journal *journal_stop(struct journal *j, uint64_t timeout_usec)
{
	void *item;

	if (!j)
		return NULL;
	queue_close(j->queue);
	if (thread_join(j->thread, timeout_usec) < 0) {
		(void) pthread_cancel(j->thread);
		(void) pthread_join(j->thread, NULL);
	}
	drop_current(j);
	while (queue_pop(j->queue, 0, &item) == 1)
		(void) item_free(item);
	(void) queue_free(j->queue);
	free(j);
	return NULL;
}

void journal_push(struct journal *j, struct event *e, uint64_t sequence, const char *user)
{
	size_t n = user ? strlen(user) : 0;
	struct item *i = calloc(1, sizeof(*i) + n + 1);

	if (!i) {
		j->refused++;
		return;
	}
	i->event = event_ref(e);
	i->sequence = sequence;
	memcpy(i->user, user ? user : "", n);
	if (queue_push(j->queue, i) < 0) {
		j->refused++;
		(void) item_free(i);
	}
}

uint64_t journal_dropped(struct journal *j)
{
	return j->refused;
}
