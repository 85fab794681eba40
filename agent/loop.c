/*
 * What wakes the main thread: signals, other threads, changed mounts, the watchdog.
 */
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/state.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"

struct appended {
	struct event *event;
	uint64_t sequence;
};

void loop_record_appended(struct event *e, uint64_t sequence, void *context)
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

static void signal_appended(struct agent *a)
{
	void *item;

	while (queue_pop(a->appended, 0, &item) > 0) {
		struct appended *x = item;

		if (a->bus)
			bus_emit_recorded(a->bus, x->event, x->sequence);
		(void) event_unref(x->event);
		free(x);
	}
}

static int on_wake(sd_event_source *s, int fd, uint32_t events, void *context)
{
	uint64_t count;

	(void) s;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	judge_answer(context);
	signal_appended(context);
	return 0;
}

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

int loop_start(struct agent *a)
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
	/* Offline, Ctrl-C is for the command that asks; it will go when it is done. */
	if (!a->options.offline)
		r = r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGINT, on_terminate, a);
	r = r < 0 ? r : sd_event_add_signal(a->event, NULL, SIGHUP, on_hangup, a);
	a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->loader_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->installed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->wake_fd < 0 || a->loader_fd < 0 || a->installed_fd < 0)
		return -errno;
	r = r < 0 ? r : sd_event_add_io(a->event, NULL, a->wake_fd, EPOLLIN, on_wake, a);
	r = r < 0 ? r : sd_event_add_io(a->event, NULL, a->loader_fd, EPOLLIN, policy_on_loaded, a);
	r = r < 0
		? r
		: sd_event_add_io(a->event, NULL, a->installed_fd, EPOLLIN, packages_on_changed, a);
	r = r < 0 ? r : queue_new(AGENT_JUDGING_MAX, a->wake_fd, &a->judged);
	r = r < 0 ? r : queue_new(AGENT_APPENDED_MAX, a->wake_fd, &a->appended);
	if (r == 0 && a->options.lifetime_sec)
		r = sd_event_add_time_relative(a->event, NULL, CLOCK_BOOTTIME,
			a->options.lifetime_sec * USEC_PER_SEC, 0, on_lifetime, a);
	return r;
}

int loop_watch_mounts(struct agent *a)
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

int loop_start_watchdog(struct agent *a)
{
	if (sd_watchdog_enabled(0, &a->watchdog_usec) <= 0)
		return 0;
	return sd_event_add_time_relative(a->event, NULL, CLOCK_MONOTONIC, 0, 0, on_watchdog, a);
}

void loop_stop(struct agent *a)
{
	void *item;

	while (a->appended && queue_pop(a->appended, 0, &item) > 0) {
		(void) event_unref(((struct appended *) item)->event);
		free(item);
	}
	a->appended = queue_free(a->appended);
	a->event = sd_event_unref(a->event);
	cleanup_closep(&a->mounts_fd);
	cleanup_closep(&a->wake_fd);
	cleanup_closep(&a->loader_fd);
	cleanup_closep(&a->installed_fd);
}
