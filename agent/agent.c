/*
 * Wires the parts together and serves on the main thread. The order of agent_start() is the order
 * of need: inspectors and policy before the gate, the gate before the marks, the marks before
 * "ready".
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/bus/bus.h"
#include "agent/gate/gate.h"
#include "agent/gate/mounts.h"
#include "agent/homes.h"
#include "agent/notice/notice.h"
#include "agent/options.h"
#include "agent/reload.h"
#include "policy/base/clock.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"
#include "policy/base/queue.h"
#include "policy/base/text.h"

enum {
	AGENT_FILES_MAX = 16384, /* descriptors: launches, held files, inspections, clients */
	AGENT_INSPECTORS = 2,
	AGENT_JUDGING_MAX = 256,   /* questions of clients under way */
	AGENT_APPENDED_MAX = 1024, /* records waiting to be signalled on the bus */
	AGENT_STOP_USEC = 5000000,
	LIFETIME_GRACE_SEC = 5,
	PATH_TEXT_MAX = 4096,
};

struct agent {
	struct options options;
	struct settings settings;
	int64_t started_utc_nsec;
	int lock_fd;
	char keep_path[PATH_TEXT_MAX];
	char host[EVENT_HOST_MAX + 1];

	sd_event *event;
	struct pool *pool;
	struct recorder *recorder;
	struct notifier *notifier;
	struct gate *gate;
	struct bus *bus;
	struct mounts mounts;
	int mounts_fd;
	uint64_t last_beats, watchdog_usec;

	struct policy *policy;
	char **homes; /* the bus's copy; the gate has its own */
	int64_t policy_loaded_utc_nsec;
	char *policy_error;

	struct loader *loader;
	void (*reload_done)(int result, const char *messages, void *context);
	void *reload_context;

	/* from other threads, with one eventfd for all */
	int wake_fd, loader_fd;
	struct queue *judged, *appended;
	size_t n_judging;
};

/* ---- questions of clients ---- */

struct question {
	struct job job;
	struct agent *agent;
	char *path;
	void (*done)(const struct judgement *j, void *context);
	void *context;
};

static void question_free(struct question *q)
{
	(void) close(q->job.fd);
	free(q->path);
	free(q);
}

static void question_inspected(struct job *j)
{
	struct agent *a = ((struct question *) j->context)->agent;

	/* Cannot be full: it has room for AGENT_JUDGING_MAX, and no more are ever under way. */
	(void) queue_push(a->judged, j->context);
}

int agent_judge(struct agent *a, int fd, const char *path,
	void (*done)(const struct judgement *j, void *context), void *context)
{
	struct question *q;
	int r;

	if (a->n_judging == AGENT_JUDGING_MAX) {
		(void) close(fd);
		return -ENOBUFS;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		(void) close(fd);
		return -ENOMEM;
	}
	q->agent = a;
	q->done = done;
	q->context = context;
	q->job = (struct job){
		.fd = fd,
		.priority = JOB_BACKGROUND,
		.want_sha256 = true,
		.done = question_inspected,
		.context = q,
	};
	r = text_dup(path, &q->path);
	r = r < 0 ? r : pool_submit(a->pool, &q->job);
	if (r < 0)
		question_free(q);
	else
		a->n_judging++;
	return r;
}

static void answer_question(struct agent *a, struct question *q)
{
	struct judgement j = {
		.error = q->job.result,
		.policy = a->policy,
		.path = q->path ? q->path : q->job.path,
	};

	if (j.error == 0) {
		j.facts = q->job.facts;
		if (a->policy)
			verdict_decide(a->policy, &j.facts, q->job.path,
				(const char *const *) a->homes, &j.decision);
	}
	a->n_judging--;
	q->done(&j, q->context);
	question_free(q);
}

/* ---- records, on their way to the bus ---- */

struct appended {
	struct event *event;
	uint64_t sequence;
};

static void record_appended(struct event *e, uint64_t sequence, void *context)
{
	struct agent *a = context;
	struct appended *item = malloc(sizeof(*item));

	if (!item)
		return;
	*item = (struct appended){ .event = event_ref(e), .sequence = sequence };
	/* A signal lost to a full queue is no record lost: clients read on by sequence number. */
	if (queue_push(a->appended, item) < 0) {
		(void) event_unref(item->event);
		free(item);
	}
}

static int on_wake(sd_event_source *s, int fd, uint32_t events, void *context)
{
	struct agent *a = context;
	uint64_t count;
	void *item;

	(void) s;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	while (queue_pop(a->judged, 0, &item) > 0)
		answer_question(a, item);
	while (queue_pop(a->appended, 0, &item) > 0) {
		struct appended *x = item;

		if (a->bus)
			bus_emit_recorded(a->bus, x->event, x->sequence);
		(void) event_unref(x->event);
		free(x);
	}
	return 0;
}

/* ---- policy ---- */

static void record_policy(struct agent *a, enum outcome outcome, const char *detail)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	struct policy_info info;

	if (!a->recorder || event_new(EVENT_POLICY, &e) < 0)
		return;
	e->outcome = outcome;
	(void) text_dup(detail, &e->detail);
	if (outcome == OUTCOME_APPLIED) {
		policy_info(a->policy, &info);
		(void) text_dup(info.name, &e->policy_name);
		(void) text_dup(info.owner, &e->policy_owner);
		memcpy(e->policy_digest, info.digest, sizeof(e->policy_digest));
	}
	recorder_push(a->recorder, e);
}

/* Takes @p over. */
static int apply_policy(struct agent *a, struct policy *p)
{
	char **homes = NULL, **gate_homes = NULL;
	struct policy_info info;
	int r = homes_load(&homes);

	r = r < 0 ? r : homes_load(&gate_homes);
	if (r == 0 && a->gate)
		r = gate_set_policy(a->gate, p, TAKE_PTR(gate_homes));
	homes_free(gate_homes);
	if (r < 0) {
		homes_free(homes);
		(void) policy_unref(p);
		return log_error_errno(r, "The policy could not be put in force: %m");
	}
	(void) policy_unref(a->policy);
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
	record_policy(a, OUTCOME_REJECTED, a->policy_error);
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
		r = apply_policy(a, TAKE_PTR(l->policy));
	if (r < 0) {
		refuse_policy(a, l);
		return r;
	}
	log_lines(LOG_LEVEL_WARNING, l->messages);
	free(a->policy_error);
	a->policy_error = NULL;
	record_policy(a, OUTCOME_APPLIED, NULL);
	return 0;
}

static int on_loaded(sd_event_source *s, int fd, uint32_t events, void *context)
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
	r = take_loaded(a, &l);
	if (r < 0)
		log_error("The policy in %s was not put in force; the earlier one stays",
			a->options.policy_path);
	if (a->reload_done)
		a->reload_done(r, l.messages, a->reload_context);
	a->reload_done = NULL;
	(void) sd_notify(0, "READY=1");
	return 0;
}

int agent_reload(struct agent *a, void (*done)(int result, const char *messages, void *context),
	void *context)
{
	struct load_options o = load_options(a);
	int r;

	if (a->loader)
		return -EBUSY;
	r = loader_start(&o, a->loader_fd, &a->loader);
	if (r < 0)
		return r;
	a->reload_done = done;
	a->reload_context = context;
	return 0;
}

/* A broken policy at the start: what was in force before the restart still is. With no such thing
 * there is nothing to enforce, and that must be seen, so the start fails. */
static int first_policy(struct agent *a)
{
	_cleanup_(loaded_done) struct loaded l = { 0 };
	struct load_options o = load_options(a);
	struct policy *last = NULL;
	int r;

	load_policy(&o, &l);
	r = take_loaded(a, &l);
	if (r == 0 || a->options.offline)
		return r;
	r = load_last_good(a->keep_path, &last);
	r = r < 0 ? r : apply_policy(a, last);
	if (r < 0) {
		log_error(
			"No policy is in force and none was before: put %s right, then start again",
			a->options.policy_path);
		return -EINVAL;
	}
	log_warning("The last good policy stays in force until %s is put right",
		a->options.policy_path);
	record_policy(a, OUTCOME_APPLIED, "last good policy, kept from an earlier run");
	return 0;
}

/* ---- status ---- */

void agent_status(struct agent *a, struct agent_status *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->offline = a->options.offline;
	ret->started_utc_nsec = a->started_utc_nsec;
	ret->policy = a->policy;
	ret->policy_loaded_utc_nsec = a->policy_loaded_utc_nsec;
	ret->policy_path = a->options.policy_path;
	ret->policy_error = a->policy_error ? a->policy_error : "";
	ret->ledger_path = a->options.ledger_path;
	ret->settings = a->settings;
	if (a->gate)
		gate_status(a->gate, &ret->gate);
	pool_status(a->pool, &ret->pool);
	if (a->recorder)
		recorder_status(a->recorder, &ret->recorder);
	ret->n_mounts = a->mounts.n;
	memcpy(ret->mounts, a->mounts.list, a->mounts.n * sizeof(ret->mounts[0]));
}

/* ---- events of the main loop ---- */

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si, void *context)
{
	(void) context;
	log_debug("Ending on signal %u", si->ssi_signo);
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *context)
{
	(void) s;
	(void) si;
	(void) sd_notify(0, "RELOADING=1");
	if (agent_reload(context, NULL, NULL) < 0)
		(void) sd_notify(0, "READY=1");
	return 0;
}

static int on_lifetime(sd_event_source *s, uint64_t usec, void *context)
{
	(void) usec;
	(void) context;
	log_info("The lifetime is over");
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

static void report_mounts(const struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++) {
		const struct agent_mount *m = &a->mounts.list[i];

		if (m->error)
			log_warning("Launches from %s (%s) are not watched: %s", m->path, m->type,
				strerrordesc_np(-m->error));
	}
}

static int on_mounts_changed(sd_event_source *s, int fd, uint32_t events, void *context)
{
	struct agent *a = context;
	int r = mounts_watch(a->gate, &a->settings, &a->mounts);

	(void) s;
	(void) fd;
	(void) events;
	if (r < 0)
		(void) log_error_errno(
			r, "Mounts changed, but the list of them could not be read: %m");
	return 0;
}

/* The service manager's watchdog hears from us only while the gate's own thread is alive too. */
static int on_watchdog(sd_event_source *s, uint64_t usec, void *context)
{
	struct agent *a = context;
	uint64_t beats = gate_beats(a->gate);

	if (beats != a->last_beats)
		(void) sd_notify(0, "WATCHDOG=1");
	a->last_beats = beats;
	(void) sd_event_source_set_time(s, usec + a->watchdog_usec / 4);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* ---- start ---- */

static int explain_gate_error(int r)
{
	if (r == -EPERM)
		return log_error_errno(r,
			"The kernel does not let this process watch launches: it needs "
			"CAP_SYS_ADMIN in the first user namespace (run it as root, "
			"outside a container)");
	if (r == -ENOSYS)
		return log_error_errno(r,
			"This kernel cannot ask before a launch (FAN_OPEN_EXEC_PERM): "
			"Linux 5.1 or newer with CONFIG_FANOTIFY_ACCESS_PERMISSIONS "
			"is needed");
	return log_error_errno(r, "The gate could not be opened: %m");
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	/* An event whose descriptor cannot be made is refused by the kernel, unjudged. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < AGENT_FILES_MAX) {
		limit.rlim_cur = limit.rlim_max < AGENT_FILES_MAX ? limit.rlim_max
								  : AGENT_FILES_MAX;
		(void) setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Two agents would each wait for the other's answer to its own helpers. */
static int lock_instance(struct agent *a)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s.lock", a->options.socket_path) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return log_error_errno(errno, "Cannot make the lock file %s: %m", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return log_error_errno(errno == EWOULDBLOCK ? EADDRINUSE : errno,
			"Another proscribed is running on %s; stop it first",
			a->options.socket_path);
	a->lock_fd = TAKE_FD(fd);
	return 0;
}

static int make_parent(const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	if (mkdir(parent, 0755) < 0 && errno != EEXIST)
		return log_error_errno(errno, "Cannot make the folder %s: %m", parent);
	return 0;
}

static int read_settings(struct agent *a)
{
	_cleanup_free_ char *messages = NULL;
	int r = settings_load(a->options.config_path, &a->settings, &messages);

	if (r < 0) {
		log_lines(LOG_LEVEL_ERROR, messages ? messages : "");
		return log_error_errno(r,
			"The settings in %s cannot be used; put them right, then start again",
			a->options.config_path);
	}
	if (a->options.n_inspectors)
		a->settings.n_inspectors = a->options.n_inspectors;
	if (!a->settings.n_inspectors)
		a->settings.n_inspectors = AGENT_INSPECTORS;
	if (a->settings.n_inspectors > POOL_INSPECTORS_MAX)
		a->settings.n_inspectors = POOL_INSPECTORS_MAX;
	for (uint32_t i = 0; i < a->options.n_watch; i++)
		(void) text_copy(a->settings.watch[i], SETTINGS_PATH_MAX, a->options.watch[i]);
	if (a->options.n_watch)
		a->settings.n_watch = a->options.n_watch;
	return 0;
}

static int start_loop(struct agent *a)
{
	sigset_t handled;
	int r = sd_event_default(&a->event);

	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	/* Before any thread starts, so that all of them inherit it. */
	(void) pthread_sigmask(SIG_BLOCK, &handled, NULL);
	r = r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGTERM, on_terminate, a);
	r = r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGINT, on_terminate, a);
	r = r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGHUP, on_hangup, a);
	a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->loader_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->wake_fd < 0 || a->loader_fd < 0)
		return -errno;
	r = r < 0 ? r : sd_event_add_io(a->event, NULL, a->wake_fd, EPOLLIN, on_wake, a);
	r = r < 0 ? r : sd_event_add_io(a->event, NULL, a->loader_fd, EPOLLIN, on_loaded, a);
	r = r < 0 ? r : queue_new(AGENT_JUDGING_MAX, a->wake_fd, &a->judged);
	r = r < 0 ? r : queue_new(AGENT_APPENDED_MAX, a->wake_fd, &a->appended);
	if (r == 0 && a->options.lifetime_sec)
		r = sd_event_add_time_relative(a->event, NULL, CLOCK_BOOTTIME,
			a->options.lifetime_sec * USEC_PER_SEC, 0, on_lifetime, a);
	return r;
}

static int start_pool(struct agent *a)
{
	struct pool_options o = {
		.n_inspectors = a->settings.n_inspectors, .uid = (uid_t) -1, .gid = (gid_t) -1
	};
	int r;

	if (geteuid() == 0)
		ids_unprivileged(&o.uid, &o.gid);
	r = pool_start(&o, &a->pool);
	if (r < 0)
		return log_error_errno(
			r, "The inspectors could not be started in their sandbox: %m");
	return 0;
}

static int start_recording(struct agent *a)
{
	struct recorder_options o = {
		.ledger_path = a->options.ledger_path,
		.host = a->host,
		.appended = record_appended,
		.context = a,
	};
	int r = recorder_start(&o, &a->recorder);

	if (r < 0)
		return log_error_errno(r, "The recorder could not be started: %m");
	if (!a->settings.notice_terminal)
		return 0;
	r = notifier_start(&a->notifier);
	if (r < 0)
		return log_error_errno(r, "The notifier could not be started: %m");
	return 0;
}

static int start_bus(struct agent *a)
{
	struct bus_options o = {
		.socket_path = a->options.offline ? NULL : a->options.socket_path,
		.client_fd = a->options.bus_fd,
		.system_bus = !a->options.offline && a->options.system_bus,
		.ledger_path = a->options.ledger_path,
	};
	int r = bus_start(a, a->event, &o, &a->bus);

	if (r == -EADDRINUSE)
		return log_error_errno(r, "Another proscribed answers on %s; stop it first",
			a->options.socket_path);
	if (r < 0)
		return log_error_errno(r, "Cannot listen on %s: %m", a->options.socket_path);
	return 0;
}

static int open_gate(struct agent *a)
{
	struct gate_options o = {
		.pool = a->pool,
		.recorder = a->recorder,
		.notifier = a->notifier,
		.fail_mode = (enum fail_mode) a->settings.fail_mode,
		.inspect_timeout_usec = a->settings.inspect_timeout_usec,
		.audit = a->settings.audit,
	};
	int r = gate_new(&o, &a->gate);

	if (r < 0)
		return explain_gate_error(r);
	r = gate_start(a->gate);
	return r < 0 ? log_error_errno(r, "The gate's thread could not be started: %m") : 0;
}

static int watch_mounts(struct agent *a)
{
	size_t judged = 0;
	int r = mounts_watch(a->gate, &a->settings, &a->mounts);

	if (r < 0)
		return log_error_errno(r, "The list of mounts could not be read: %m");
	report_mounts(a);
	for (size_t i = 0; i < a->mounts.n; i++)
		judged += a->mounts.list[i].error == 0;
	if (judged == 0) {
		log_error("No filesystem could be watched");
		return -ENOENT;
	}
	if (a->options.n_watch || a->settings.n_watch)
		return 0;
	r = mounts_open(&a->mounts_fd);
	return r < 0
		? r
		: sd_event_add_io(a->event, NULL, a->mounts_fd, EPOLLPRI, on_mounts_changed, a);
}

static int start_watchdog(struct agent *a)
{
	if (sd_watchdog_enabled(0, &a->watchdog_usec) <= 0)
		return 0;
	return sd_event_add_time_relative(a->event, NULL, CLOCK_MONOTONIC, 0, 0, on_watchdog, a);
}

static void record_agent(struct agent *a, enum outcome outcome)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	if (event_new(EVENT_AGENT, &e) < 0)
		return;
	e->outcome = outcome;
	(void) text_dup("proscribed " PROSCRIBE_VERSION, &e->detail);
	recorder_push(a->recorder, e);
}

static int prepare_host(struct agent *a)
{
	int r;

	if (geteuid() != 0) {
		log_error("proscribed must run as root; to ask what a policy would do, use "
			  "'proscribectl check --policy DIR FILE'");
		return -EPERM;
	}
	raise_file_limit();
	(void) gethostname(a->host, sizeof(a->host) - 1);
	r = make_parent(a->options.socket_path);
	r = r < 0 ? r : make_parent(a->options.ledger_path);
	r = r < 0 ? r : lock_instance(a);
	if (r == 0 &&
		(size_t) snprintf(a->keep_path, sizeof(a->keep_path), "%s.policy",
			a->options.ledger_path) >= sizeof(a->keep_path))
		r = log_error_errno(ENAMETOOLONG, "The path of the ledger is too long: %m");
	return r;
}

static int start_enforcing(struct agent *a)
{
	int r = start_recording(a);

	r = r < 0 ? r : open_gate(a);
	r = r < 0 ? r : first_policy(a);
	r = r < 0 ? r : start_bus(a);
	r = r < 0 ? r : watch_mounts(a);
	r = r < 0 ? r : start_watchdog(a);
	if (r < 0)
		return r;
	record_agent(a, OUTCOME_APPLIED);
	(void) sd_notify(0, "READY=1");
	log_info("ready");
	return 0;
}

static int start_offline(struct agent *a)
{
	int r = first_policy(a);

	/* Without a policy, files can still be identified. */
	(void) r;
	return start_bus(a);
}

static int start_parts(struct agent *a)
{
	int r = a->options.offline ? 0 : prepare_host(a);

	if (a->options.lifetime_sec)
		(void) alarm(a->options.lifetime_sec +
			LIFETIME_GRACE_SEC); /* even if all threads hang */
	r = r < 0 ? r : read_settings(a);
	r = r < 0 ? r : start_loop(a);
	r = r < 0 ? r : start_pool(a);
	if (r < 0)
		return r;
	return a->options.offline ? start_offline(a) : start_enforcing(a);
}

int agent_start(const struct options *options, struct agent **ret)
{
	_cleanup_(agent_stopp) struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	a->started_utc_nsec = clock_utc_nsec();
	a->lock_fd = a->mounts_fd = a->wake_fd = a->loader_fd = -1;
	settings_default(&a->settings);
	r = start_parts(a);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

int agent_run(struct agent *a)
{
	int r = sd_event_loop(a->event);

	(void) sd_notify(0, "STOPPING=1");
	return r;
}

static void drain_queues(struct agent *a)
{
	void *item;

	while (a->judged && queue_pop(a->judged, 0, &item) > 0)
		question_free(item);
	while (a->appended && queue_pop(a->appended, 0, &item) > 0) {
		(void) event_unref(((struct appended *) item)->event);
		free(item);
	}
	(void) queue_free(a->judged);
	(void) queue_free(a->appended);
}

struct agent *agent_stop(struct agent *a)
{
	struct loaded l = { 0 };

	if (!a)
		return NULL;
	gate_unwatch(a->gate);
	(void) pool_stop(a->pool); /* the gate answers what comes back, by the fail mode */
	(void) gate_stop(a->gate);
	(void) bus_stop(a->bus);
	if (a->loader)
		(void) loader_finish(a->loader, &l);
	loaded_done(&l);
	(void) notifier_stop(a->notifier);
	if (a->recorder) {
		record_agent(a, OUTCOME_ENDED);
		(void) recorder_stop(a->recorder, AGENT_STOP_USEC);
	}
	drain_queues(a);
	(void) policy_unref(a->policy);
	homes_free(a->homes);
	free(a->policy_error);
	(void) sd_event_unref(a->event);
	cleanup_closep(&a->lock_fd);
	cleanup_closep(&a->mounts_fd);
	cleanup_closep(&a->wake_fd);
	cleanup_closep(&a->loader_fd);
	free(a);
	return NULL;
}
