/*
 * The gate's thread: events in, answers out. Read on_event() first: it is the whole life of a
 * launch that was judged before; everything else is inspection.c.
 */
#include "agent/gate/gate.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "agent/gate/state.h"
#include "agent/homes.h"
#include "policy/base/clock.h"

enum { GATE_STACK_SIZE = 256 << 10 };

/* ---- one launch ---- */

static uint64_t hash_path(int fd)
{
	char link[64], path[PATH_MAX];
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	ssize_t n;

	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	for (ssize_t i = 0; i < n; i++)
		h = (h ^ (unsigned char) path[i]) * UINT64_C(0x100000001b3);
	return h | 1;
}

/* A file with several names lies beside several package.json; a path rule speaks of one name. */
static void make_key(const struct gate *g, int fd, const struct stat *st, struct verdict_key *ret)
{
	*ret = (struct verdict_key){
		.device = st->st_dev,
		.inode = st->st_ino,
		.ctime_nsec = st->st_ctim.tv_sec * NSEC_PER_SEC + st->st_ctim.tv_nsec,
		.size = (uint64_t) st->st_size,
		.path_hash = st->st_nlink > 1 || g->info.has_paths ? hash_path(fd) : 0,
	};
}

/* Whoever serves one of these decides what its files hold, whatever their owner and mode say. */
static bool contents_are_kernels(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((unsigned long) fs.f_type) {
	case FUSE_SUPER_MAGIC:
	case NFS_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case V9FS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return false;
	default:
		return true;
	}
}

/* With an ACL, the group bits are its mask: a named user's write permission shows there too. */
static bool root_only(int fd, const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH)) && st->st_nlink == 1 &&
		contents_are_kernels(fd);
}

static void allow_at_once(struct gate *g, const struct fanotify_event *e)
{
	(void) fanotify_answer(g->group, e->fd, true, g->options.audit);
	(void) close(e->fd);
	if (e->pidfd >= 0)
		(void) close(e->pidfd);
}

static bool has_changed(int fd, const struct verdict_key *key)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (uint64_t) st.st_size != key->size ||
		st.st_ctim.tv_sec * NSEC_PER_SEC + st.st_ctim.tv_nsec != key->ctime_nsec;
}

/* A judged file that others than root can write to: a read lease makes sure that nobody has it open
 * for writing now, and holds up whoever opens it until the launch is under way. One lease serves
 * all launches that leave enough of its time. false: a writer is there, so the content may be
 * another by the time it runs. */
static bool allow_guarded(struct gate *g, const struct fanotify_event *e,
	const struct verdict_key *key, struct verdict_entry *entry)
{
	uint64_t now = clock_boot_usec();
	bool leased = false;

	if (entry->guarded_until_usec < now) {
		leased = fcntl(e->fd, F_SETLEASE, F_RDLCK) == 0;
		/* A writer may also have come and gone before there was a lease. */
		if ((!leased && errno == EAGAIN) || has_changed(e->fd, key))
			return false;
	}
	(void) fanotify_answer(g->group, e->fd, true, g->options.audit);
	if (leased)
		entry->guarded_until_usec = hold_file(g, e->fd, key->path_hash == 0, now);
	else
		(void) close(e->fd);
	if (e->pidfd >= 0)
		(void) close(e->pidfd);
	return true;
}

static void allow_judged(struct gate *g, const struct fanotify_event *e)
{
	if (fanotify_ignore(g->group, e->fd, &g->features) == 0)
		g->counters.marked++;
	allow_at_once(g, e);
}

static bool answer_from_cache(struct gate *g, const struct fanotify_event *e,
	const struct verdict_key *key, const struct stat *st)
{
	struct verdict_entry *entry = verdict_cache_find(g->cache, key, g->generation);
	struct launch *l;

	if (!entry)
		return false;
	if (entry->verdict != VERDICT_ALLOW) {
		l = launch_new(g, e);
		finding_apply(g, l, key, entry->finding);
		launch_free(g, l);
	} else if (root_only(e->fd, st)) {
		allow_judged(g, e);
		g->counters.allowed++;
	} else if (allow_guarded(g, e, key, entry)) {
		g->counters.allowed++;
	} else {
		return false;
	}
	g->counters.cached++;
	return true;
}

static void on_event(struct gate *g, const struct fanotify_event *e)
{
	struct verdict_key key;
	struct launch *l;
	struct stat st;

	g->counters.events++;
	if (e->pid == g->self || !g->policy || fstat(e->fd, &st) < 0) {
		allow_at_once(g, e);
		return;
	}
	make_key(g, e->fd, &st, &key);
	if (answer_from_cache(g, e, &key, &st))
		return;
	/* The agent starts nothing but its own programs, and may be starting the very inspector
	 * that this launch would wait for. */
	if (subject_parent(e->pid) == g->self) {
		allow_at_once(g, e);
		return;
	}
	l = launch_new(g, e);
	if (g->n_launches > GATE_LAUNCHES_MAX) {
		finding_unjudged(g, l, fails_open(g), "too many launches are waiting", NULL);
		launch_free(g, l);
		return;
	}
	inspection_begin(g, l, &key, root_only(e->fd, &st));
}

/* ---- what comes from other threads ---- */

void gate_job_done(struct job *j)
{
	struct gate *g = j->context;

	pthread_mutex_lock(&g->lock);
	j->next = g->done_jobs;
	g->done_jobs = j;
	pthread_mutex_unlock(&g->lock);
	(void) !write(g->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static struct inspection *inspection_of_job(struct job *j)
{
	return (struct inspection *) ((char *) j - offsetof(struct inspection, job));
}

static struct digest *digest_of_job(struct job *j)
{
	return (struct digest *) ((char *) j - offsetof(struct digest, job));
}

static void take_done_jobs(struct gate *g)
{
	struct job *next, *list;

	pthread_mutex_lock(&g->lock);
	list = g->done_jobs;
	g->done_jobs = NULL;
	pthread_mutex_unlock(&g->lock);
	for (; list; list = next) {
		next = list->next;
		if (list->scan != SCAN_NONE)
			inspection_finish(g, inspection_of_job(list));
		else
			digest_finish(g, digest_of_job(list));
	}
}

/* From the next event on the new policy holds; what the old one allowed is asked about again. The
 * main thread has the old one, too, and waits here, so that it is not freed now. */
static void take_policy(struct gate *g)
{
	char **old_homes = NULL;

	pthread_mutex_lock(&g->lock);
	if (g->policy_waiting) {
		(void) policy_unref(g->policy);
		old_homes = g->homes;
		g->policy = g->next_policy;
		g->homes = g->next_homes;
		g->generation++;
		policy_info(g->policy, &g->info);
		(void) fanotify_forget_ignored(g->group);
		g->policy_waiting = false;
		pthread_cond_signal(&g->policy_taken);
	}
	pthread_mutex_unlock(&g->lock);
	homes_free(old_homes);
}

static void take_installed(struct gate *g)
{
	struct installed *old = NULL;

	pthread_mutex_lock(&g->lock);
	if (g->installed_waiting) {
		old = g->installed;
		g->installed = TAKE_PTR(g->next_installed);
		g->generation++;
		(void) fanotify_forget_ignored(g->group);
		g->installed_waiting = false;
	}
	pthread_mutex_unlock(&g->lock);
	(void) installed_unref(old);
}

/* ---- the loop ---- */

static void expire_due(struct gate *g, uint64_t now)
{
	struct launch *l;

	while ((l = TAILQ_FIRST(&g->waiting)) &&
		l->arrived_usec + g->options.inspect_timeout_usec <= now)
		inspection_expire(g, l);
}

static int wait_msec(const struct gate *g, uint64_t now)
{
	const struct launch *l = TAILQ_FIRST(&g->waiting);
	const struct inspection *i = TAILQ_FIRST(&g->unsettled);
	uint64_t next = hold_next_usec(g);

	if (l && l->arrived_usec + g->options.inspect_timeout_usec < next)
		next = l->arrived_usec + g->options.inspect_timeout_usec;
	if (i && i->again_usec < next)
		next = i->again_usec;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int) ((next - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static bool is_stopping(struct gate *g)
{
	bool stopping;

	pthread_mutex_lock(&g->lock);
	stopping = g->stopping;
	pthread_mutex_unlock(&g->lock);
	return stopping;
}

static void serve_events(struct gate *g)
{
	struct fanotify_event events[FANOTIFY_BATCH];
	int n = fanotify_receive(g->group, events);

	for (int i = 0; i < n; i++)
		on_event(g, &events[i]);
}

static void *gate_thread(void *context)
{
	struct gate *g = context;

	(void) pthread_setname_np(pthread_self(), "gate");
	for (;;) {
		struct epoll_event ready[2];
		uint64_t now = clock_boot_usec(), count;
		int n = epoll_wait(g->epoll, ready, ARRAY_SIZE(ready), wait_msec(g, now));

		for (int i = 0; i < n; i++) {
			if (ready[i].data.fd == g->group) {
				serve_events(g);
				continue;
			}
			(void) !read(g->wake_fd, &count, sizeof(count));
			if (is_stopping(g))
				return NULL;
			take_installed(g);
			take_policy(g);
			take_done_jobs(g);
		}
		g->counters.beats++;
		now = clock_boot_usec();
		hold_release(g, now);
		inspection_look_again(g, now);
		expire_due(g, now);
	}
}

/* ---- life ---- */

static int watch_fd(struct gate *g, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void gate_close(struct gate *g)
{
	hold_release(g, UINT64_MAX);
	(void) close(g->group);
	(void) close(g->epoll);
	(void) close(g->wake_fd);
	(void) policy_unref(g->policy);
	(void) installed_unref(g->installed);
	(void) installed_unref(g->next_installed);
	homes_free(g->homes);
	(void) verdict_cache_free(g->cache);
	(void) pthread_cond_destroy(&g->policy_taken);
	(void) pthread_mutex_destroy(&g->lock);
	free(g->launches);
	free(g);
}

static int gate_init(struct gate *g)
{
	int r = fanotify_open(g->options.audit, &g->features, &g->group);

	if (r < 0)
		return r;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* One slot more than may wait: a launch too many needs one while it is turned away. */
	g->launches = calloc(GATE_LAUNCHES_MAX + 1, sizeof(*g->launches));
	if (g->epoll < 0 || g->wake_fd < 0 || !g->launches)
		return -ENOMEM;
	for (size_t i = 0; i <= GATE_LAUNCHES_MAX; i++)
		TAILQ_INSERT_TAIL(&g->spare, &g->launches[i], in_order);
	r = watch_fd(g, g->group);
	r = r < 0 ? r : watch_fd(g, g->wake_fd);
	return r < 0 ? r : verdict_cache_new(&g->cache);
}

int gate_new(const struct gate_options *options, struct gate **ret)
{
	struct gate *g = calloc(1, sizeof(*g));
	pthread_condattr_t monotonic;
	int r;

	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->group = g->epoll = g->wake_fd = -1;
	g->self = getpid();
	g->mount_namespace = subject_mount_namespace(g->self);
	g->generation = 1;
	TAILQ_INIT(&g->waiting);
	TAILQ_INIT(&g->spare);
	TAILQ_INIT(&g->unsettled);
	(void) pthread_mutex_init(&g->lock, NULL);
	(void) pthread_condattr_init(&monotonic);
	(void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&g->policy_taken, &monotonic);
	(void) pthread_condattr_destroy(&monotonic);
	r = gate_init(g);
	if (r < 0) {
		gate_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

int gate_start(struct gate *g)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int r;

	sigfillset(&all);
	(void) pthread_attr_init(&attributes);
	(void) pthread_attr_setstacksize(&attributes, GATE_STACK_SIZE);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&g->thread, &attributes, gate_thread, g);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void) pthread_attr_destroy(&attributes);
	g->thread_started = r == 0;
	return -r;
}

void gate_halt(struct gate *g)
{
	struct fanotify_event events[FANOTIFY_BATCH];
	struct launch *l;
	int n;

	if (!g)
		return;
	(void) fanotify_unwatch_all(g->group);
	pthread_mutex_lock(&g->lock);
	g->stopping = true;
	pthread_mutex_unlock(&g->lock);
	(void) !write(g->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	if (g->thread_started)
		(void) pthread_join(g->thread, NULL);
	g->thread_started = false;
	g->halted = true;
	while ((l = TAILQ_FIRST(&g->waiting)))
		finding_unjudged(g, l, fails_open(g), "the agent was stopping", &l->unjudged);
	while ((n = fanotify_receive(g->group, events)) > 0)
		for (int i = 0; i < n; i++)
			allow_at_once(g, &events[i]);
}

struct gate *gate_free(struct gate *g)
{
	if (!g)
		return NULL;
	gate_halt(g);
	take_done_jobs(g);
	inspection_look_again(g, UINT64_MAX);
	gate_close(g);
	return NULL;
}

int gate_watch(struct gate *g, const char *path)
{
	return fanotify_watch(g->group, path);
}

int gate_set_policy(struct gate *g, struct policy *p, char **homes)
{
	struct timespec deadline;
	int r = 0;

	(void) clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += GATE_POLICY_TIMEOUT_SEC;
	pthread_mutex_lock(&g->lock);
	if (g->policy_waiting) { /* an earlier one that was not taken up in time */
		(void) policy_unref(g->next_policy);
		homes_free(g->next_homes);
	}
	g->next_policy = policy_ref(p);
	g->next_homes = homes;
	g->policy_waiting = true;
	(void) !write(g->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	while (g->policy_waiting && r == 0)
		r = pthread_cond_timedwait(&g->policy_taken, &g->lock, &deadline);
	pthread_mutex_unlock(&g->lock);
	return -r;
}

void gate_set_installed(struct gate *g, struct installed *t)
{
	pthread_mutex_lock(&g->lock);
	(void) installed_unref(g->next_installed);
	g->next_installed = installed_ref(t);
	g->installed_waiting = true;
	pthread_mutex_unlock(&g->lock);
	(void) !write(g->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

uint64_t gate_beats(struct gate *g)
{
	(void) !write(g->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	return g->counters.beats;
}

void gate_status(struct gate *g, struct gate_status *ret)
{
	const struct counters *c = &g->counters;

	*ret = (struct gate_status){
		.events = c->events,
		.cached = c->cached,
		.marked = c->marked,
		.allowed = c->allowed,
		.logged = c->logged,
		.warned = c->warned,
		.blocked = c->blocked,
		.unjudged = c->unjudged,
		.stopped = c->stopped,
		.pending = c->pending,
		.slowest_usec = c->slowest_usec,
	};
}
