/*
 * The thread sleeps until a folder that a package manager works in changes, then until it is quiet
 * again; whether anything that matters changed is told by the databases' own change times, which
 * are also looked at now and then: folders may come to be that nobody could watch yet.
 */
#include "agent/installed/watch.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/homes.h"
#include "policy/base/clock.h"

enum { WATCH_EVENTS = IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_ONLYDIR };

struct installed_watch {
	struct installed_watch_options options;
	pthread_t thread;
	bool thread_started;
	int stop_fd, wake_fd, inotify_fd;

	/* the thread's */
	uint64_t changed_since_usec, changed_last_usec; /* 0: nothing changed */
	uint64_t fingerprint;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t built;
	struct policy *policy;
	uint64_t wanted, made; /* numbers of policies: the newest, and the one the table is of */
	struct installed *table;
};

static const char *const folders[] = { "/var/lib/dpkg", "/var/lib/rpm", "/usr/lib/sysimage/rpm",
	"/var/lib/flatpak", "/var/lib/flatpak/app", "/snap", "/var/lib/snapd/snap" };

/* What is replaced or written to with every change to the packages. */
static const char *const telltales[] = { "/etc/os-release", "/var/lib/dpkg/status",
	"/var/lib/dpkg/diversions", "/var/lib/rpm/rpmdb.sqlite",
	"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/flatpak/.changed", "/var/lib/flatpak/app",
	"/snap", "/var/lib/snapd/snap" };

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 29;
}

static void mix_path(
	const struct installed_watch *w, const char *folder, const char *name, uint64_t *hash)
{
	char path[PATH_MAX];
	struct stat st = { 0 };

	if (snprintf(path, sizeof(path), "%s%s%s", w->options.build.root, folder, name) <
			(int) sizeof(path) &&
		stat(path, &st) == 0) {
		mix(hash, st.st_dev);
		mix(hash, st.st_ino);
		mix(hash, (uint64_t) st.st_size);
		mix(hash, (uint64_t) (st.st_ctim.tv_sec * NSEC_PER_SEC + st.st_ctim.tv_nsec));
	}
	mix(hash, 1);
}

/* Snaps have a folder each. Users' own flatpaks cannot be told from outside: there is no saying
 * who serves their homes, so *ret_sure is false and the table made to see. */
static uint64_t take_fingerprint(
	const struct installed_watch *w, const struct policy *p, bool *ret_sure)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct policy_package package;

	*ret_sure = true;
	for (size_t i = 0; i < ARRAY_SIZE(telltales); i++)
		mix_path(w, telltales[i], "", &hash);
	for (uint32_t i = 0; i < policy_n_packages(p); i++) {
		policy_package(p, i, &package);
		if (package.type != PACKAGE_GENERIC)
			continue;
		if (strncasecmp(package.name, "flatpak/", 8) == 0)
			*ret_sure = false;
		if (strncasecmp(package.name, "snap/", 5) != 0)
			continue;
		mix_path(w, "/snap", package.name + 4, &hash);
	}
	return hash;
}

/* Once more each time: watching twice is harmless, and a folder may be new. */
static void watch_folders(struct installed_watch *w, const struct policy *p)
{
	struct policy_package package;
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (snprintf(path, sizeof(path), "%s%s", w->options.build.root, folders[i]) <
			(int) sizeof(path))
			(void) inotify_add_watch(w->inotify_fd, path, WATCH_EVENTS);
	for (uint32_t i = 0; i < policy_n_packages(p); i++) {
		policy_package(p, i, &package);
		if (package.type == PACKAGE_GENERIC && strncasecmp(package.name, "snap/", 5) == 0 &&
			snprintf(path, sizeof(path), "%s/%s", w->options.build.root, package.name) <
				(int) sizeof(path))
			(void) inotify_add_watch(w->inotify_fd, path, WATCH_EVENTS);
	}
}

/* Takes the events away. Were there any? */
static bool drain(int fd)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;

	while (read(fd, buffer, sizeof(buffer)) > 0)
		any = true;
	return any;
}

/* Puts @t (taken over) in place, unless it says nothing new. */
static void publish(struct installed_watch *w, struct installed *t, uint64_t number)
{
	struct installed *old = t;
	bool differs;

	(void) pthread_mutex_lock(&w->lock);
	/* A policy that came meanwhile may have its table already. */
	differs = number >= w->made && !installed_equal(w->table, t);
	if (differs) {
		old = w->table;
		w->table = t;
	}
	if (number > w->made)
		w->made = number;
	(void) pthread_cond_broadcast(&w->built);
	(void) pthread_mutex_unlock(&w->lock);
	(void) installed_unref(old);
	if (differs)
		(void) !write(w->options.changed_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* The policy to work for, with a reference, and its number. */
static struct policy *take_policy(struct installed_watch *w, uint64_t *ret_number, bool *ret_new)
{
	struct policy *p;

	(void) pthread_mutex_lock(&w->lock);
	p = w->policy ? policy_ref(w->policy) : NULL;
	*ret_number = w->wanted;
	*ret_new = w->made != w->wanted;
	(void) pthread_mutex_unlock(&w->lock);
	return p;
}

/* A table that could not be made leaves the one before in place, and is tried again. */
static void make_table(struct installed_watch *w, bool look_closer)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	struct installed *table = NULL;
	char **homes = NULL;
	uint64_t number, fingerprint;
	bool is_new, sure;
	int r;

	p = take_policy(w, &number, &is_new);
	if (!p || (!is_new && !look_closer))
		return;
	watch_folders(w, p);
	fingerprint = take_fingerprint(w, p, &sure);
	if (is_new || !sure || fingerprint != w->fingerprint) {
		(void) homes_load(&homes);
		r = build_table(
			&w->options.build, p, (const char *const *) homes, w->stop_fd, &table);
		w->fingerprint = r == 0 ? fingerprint : 0;
		publish(w, r < 0 ? installed_watch_table(w) : table, number);
		homes_free(homes);
	}
}

static uint64_t next_look_usec(const struct installed_watch *w, uint64_t recheck_usec)
{
	uint64_t quiet = w->changed_last_usec + INSTALLED_QUIET_USEC;
	uint64_t latest = w->changed_since_usec + INSTALLED_QUIET_MAX_USEC;

	if (w->changed_since_usec == 0)
		return recheck_usec;
	return quiet < latest ? quiet : latest;
}

/* False when it is time to end. */
static bool wait_for_change(struct installed_watch *w, uint64_t until_usec)
{
	struct pollfd fds[] = { { .fd = w->stop_fd, .events = POLLIN },
		{ .fd = w->wake_fd, .events = POLLIN }, { .fd = w->inotify_fd, .events = POLLIN } };
	uint64_t now = clock_boot_usec(), count;

	if (until_usec > now)
		(void) poll(fds, ARRAY_SIZE(fds), (int) ((until_usec - now) / USEC_PER_MSEC + 1));
	if (fds[0].revents)
		return false;
	if (fds[1].revents)
		(void) !read(w->wake_fd, &count, sizeof(count));
	if (drain(w->inotify_fd)) {
		w->changed_last_usec = clock_boot_usec();
		if (w->changed_since_usec == 0)
			w->changed_since_usec = w->changed_last_usec;
	}
	return true;
}

static void *watch_thread(void *context)
{
	struct installed_watch *w = context;
	uint64_t recheck_usec = clock_boot_usec() + INSTALLED_RECHECK_USEC, look_usec = 0;

	(void) pthread_setname_np(pthread_self(), "installed");
	while (wait_for_change(w, look_usec)) {
		uint64_t now = clock_boot_usec();
		bool due = next_look_usec(w, recheck_usec) <= now;

		if (due) {
			w->changed_since_usec = 0;
			recheck_usec = now + INSTALLED_RECHECK_USEC;
		}
		make_table(w, due);
		look_usec = next_look_usec(w, recheck_usec);
	}
	return NULL;
}

static int start_thread(struct installed_watch *w)
{
	sigset_t all, old;
	int r;

	if (w->thread_started)
		return 0;
	w->inotify_fd = w->inotify_fd < 0 ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : w->inotify_fd;
	if (w->inotify_fd < 0)
		return -errno;
	sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, watch_thread, w);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->thread_started = r == 0;
	return -r;
}

int installed_watch_start(
	const struct installed_watch_options *options, struct installed_watch **ret)
{
	struct installed_watch *w = calloc(1, sizeof(*w));
	pthread_condattr_t monotonic;

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->inotify_fd = -1;
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_condattr_init(&monotonic);
	(void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&w->built, &monotonic);
	(void) pthread_condattr_destroy(&monotonic);
	if (w->stop_fd < 0 || w->wake_fd < 0) {
		int r = -errno;

		(void) installed_watch_stop(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct installed_watch *installed_watch_stop(struct installed_watch *w)
{
	if (!w)
		return NULL;
	if (w->thread_started) {
		(void) eventfd_write(w->stop_fd, 1);
		(void) pthread_join(w->thread, NULL);
	}
	cleanup_closep(&w->stop_fd);
	cleanup_closep(&w->wake_fd);
	cleanup_closep(&w->inotify_fd);
	(void) pthread_cond_destroy(&w->built);
	(void) pthread_mutex_destroy(&w->lock);
	(void) policy_unref(w->policy);
	(void) installed_unref(w->table);
	free(w);
	return NULL;
}

static uint64_t put_policy(struct installed_watch *w, struct policy *p)
{
	struct policy *old;
	uint64_t number;

	(void) pthread_mutex_lock(&w->lock);
	old = w->policy;
	w->policy = p ? policy_ref(p) : NULL;
	number = ++w->wanted;
	(void) pthread_mutex_unlock(&w->lock);
	(void) policy_unref(old);
	return number;
}

int installed_watch_set_policy(struct installed_watch *w, struct policy *p, uint64_t timeout_usec)
{
	const bool needed = p && build_is_needed(p);
	uint64_t number = put_policy(w, needed ? p : NULL);
	struct timespec deadline;
	int r = needed ? start_thread(w) : 0;

	if (r < 0)
		return r;
	if (!needed) {
		publish(w, NULL, number);
		return 0;
	}
	(void) eventfd_write(w->wake_fd, 1);
	(void) clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += (time_t) (timeout_usec / USEC_PER_SEC);
	(void) pthread_mutex_lock(&w->lock);
	while (w->made < number && r == 0)
		r = pthread_cond_timedwait(&w->built, &w->lock, &deadline);
	(void) pthread_mutex_unlock(&w->lock);
	return r != 0;
}

struct installed *installed_watch_table(struct installed_watch *w)
{
	struct installed *t;

	(void) pthread_mutex_lock(&w->lock);
	t = installed_ref(w->table);
	(void) pthread_mutex_unlock(&w->lock);
	return t;
}
