/*
 * Wires the parts together. The order of start_enforcing() is the order of need: inspectors and
 * policy before the gate, the gate before the marks, the marks before "ready".
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "agent/homes.h"
#include "agent/scan/scan.h"
#include "agent/state.h"
#include "policy/base/clock.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"
#include "policy/base/text.h"

enum {
	AGENT_FILES_MAX = 16384, /* descriptors: launches, held files, inspections, clients */
	AGENT_INSPECTORS = 3,    /* one stays free for launches while two look at one file */
	AGENT_STOP_USEC = 5000000,
	LIFETIME_GRACE_SEC = 5,
};

void agent_status(struct agent *a, struct agent_status *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->offline = a->options.offline;
	ret->started_utc_nsec = a->started_utc_nsec;
	ret->policy = a->policy;
	ret->policy_loaded_utc_nsec = a->policy_loaded_utc_nsec;
	ret->policy_path = a->options.policy_path ? a->options.policy_path : "";
	ret->policy_error = a->policy_error ? a->policy_error : "";
	ret->enrolled = a->enrolment;
	if (a->enrolment)
		enrolment_status(a->enrolment, &ret->enrolment);
	ret->ledger_path = a->options.ledger_path;
	ret->settings = a->settings;
	if (a->gate)
		gate_status(a->gate, &ret->gate);
	pool_status(a->pool, &ret->pool);
	if (a->recorder)
		recorder_status(a->recorder, &ret->recorder);
	ret->n_mounts = a->mounts.n;
	installed_counts(a->installed, &ret->installed);
	memcpy(ret->mounts, a->mounts.list, a->mounts.n * sizeof(ret->mounts[0]));
}

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

/* Launches are judged all the same; `proscribectl status` goes on saying it. */
static void explain_ledger_error(const struct agent *a)
{
	struct recorder_status s;

	recorder_status(a->recorder, &s);
	if (s.error == -EUCLEAN)
		log_error(
			"%s is damaged, or no ledger of this version; it is left as it is. Move it "
			"away, and a new one is begun",
			a->options.ledger_path);
	else if (s.error == -ENOSPC)
		log_error("The disk of %s is full; records wait in memory until there is room",
			a->options.ledger_path);
	else if (s.error < 0)
		(void) log_error_errno(s.error,
			"The ledger %s cannot be written: %m; it is tried again "
			"every %d s",
			a->options.ledger_path, RECORDER_RETRY_SEC);
}

static int start_recording(struct agent *a)
{
	struct recorder_options o = {
		.ledger_path = a->options.ledger_path,
		.host = a->host,
		.appended = loop_record_appended,
		.context = a,
	};
	int r = recorder_start(&o, &a->recorder);

	if (r < 0)
		return log_error_errno(r, "The recorder could not be started: %m");
	explain_ledger_error(a);
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
	r = r < 0 ? r : policy_start(a);
	r = r < 0 ? r : start_bus(a);
	r = r < 0 ? r : loop_watch_mounts(a);
	r = r < 0 ? r : loop_start_watchdog(a);
	if (r < 0)
		return r;
	record_agent(a, OUTCOME_APPLIED);
	(void) sd_notify(0, "READY=1");
	log_info("ready");
	return 0;
}

static int start_offline(struct agent *a)
{
	int r = policy_start(a);

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
	r = r < 0 ? r : loop_start(a);
	r = r < 0 ? r : packages_start(a);
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
	a->lock_fd = a->mounts_fd = a->wake_fd = a->loader_fd = a->installed_fd = -1;
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

struct agent *agent_stop(struct agent *a)
{
	struct loaded l = { 0 };

	if (!a)
		return NULL;
	gate_halt(a->gate);
	a->scan = scan_free(a->scan);
	(void) pool_stop(a->pool);
	(void) gate_free(a->gate);
	(void) bus_stop(a->bus);
	a->enrolment = enrolment_stop(a->enrolment);
	if (a->loader)
		(void) loader_finish(a->loader, &l);
	loaded_done(&l);
	packages_stop(a);
	(void) notifier_stop(a->notifier);
	if (a->recorder) {
		record_agent(a, OUTCOME_ENDED);
		(void) recorder_stop(a->recorder, AGENT_STOP_USEC);
	}
	judge_forget(a);
	loop_stop(a);
	(void) policy_unref(a->retired);
	(void) policy_unref(a->policy);
	homes_free(a->homes);
	free(a->policy_error);
	cleanup_closep(&a->lock_fd);
	free(a);
	return NULL;
}
