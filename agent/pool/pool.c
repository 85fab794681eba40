/*
 * Threads of proscribed that wait so that nobody else has to: for a lease, a folder on a slow disk,
 * an inspector. Each has an inspector of its own; two queues feed them all.
 */
#include "agent/pool/pool.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/mountinfo.h"
#include "agent/pool/client.h"
#include "policy/base/clock.h"

enum {
	THREAD_STACK_SIZE = 256 << 10,
	BACKOFF_MIN_USEC = 50000,
	BACKOFF_MAX_USEC = 5000000,
	LOST_MAX = POOL_LOST_MAX + POOL_INSPECTORS_MAX, /* each worker may lose one more */
};

struct job_queue {
	struct job *first, **last;
	size_t depth;
};

struct worker {
	struct pool *pool;
	pthread_t thread;
	struct client client; /* its thread's, but for pid */
	pid_t pid;            /* guarded by the lock */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job_queue queues[JOB_BACKGROUND + 1];
	unsigned n_background; /* inspectors at a background job */
	bool stopping;
	int stop_fd;
	struct pool_options options;
	struct pool_status status;
	pid_t lost[LOST_MAX]; /* status.lost of them */
	unsigned n_threads;
	struct worker workers[];
};

static void queue_init(struct job_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->depth = 0;
}

static struct job *queue_take(struct job_queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	q->depth--;
	j->next = NULL;
	return j;
}

/* Launches first; the last inspector is never given to the background, unless there is but one. */
static struct job *next_job(struct pool *p)
{
	const unsigned n = p->options.n_inspectors, background_max = n > 1 ? n - 1 : 1;
	struct job *j = queue_take(&p->queues[JOB_LAUNCH]);

	if (!j && p->n_background < background_max)
		j = queue_take(&p->queues[JOB_BACKGROUND]);
	if (!j)
		return NULL;
	p->status.n_busy++;
	p->status.jobs++;
	if (j->priority == JOB_BACKGROUND)
		p->n_background++;
	return j;
}

/* NULL once the pool stops. */
static struct job *wait_for_job(struct pool *p)
{
	struct job *j = NULL;

	(void) pthread_mutex_lock(&p->lock);
	while (!p->stopping && !(j = next_job(p)))
		(void) pthread_cond_wait(&p->changed, &p->lock);
	(void) pthread_mutex_unlock(&p->lock);
	return j;
}

/* Before done(), after which the job may be gone. */
static void note_end(struct pool *p, enum job_priority priority)
{
	(void) pthread_mutex_lock(&p->lock);
	p->status.n_busy--;
	if (priority == JOB_BACKGROUND) {
		p->n_background--;
		(void) pthread_cond_signal(&p->changed);
	}
	(void) pthread_mutex_unlock(&p->lock);
}

static void set_pid(struct worker *w, pid_t pid)
{
	(void) pthread_mutex_lock(&w->pool->lock);
	w->pid = pid;
	(void) pthread_mutex_unlock(&w->pool->lock);
}

/* With the lock. */
static void reap_lost(struct pool *p)
{
	for (unsigned i = 0; i < p->status.lost;)
		if (waitpid(p->lost[i], NULL, WNOHANG) == 0)
			i++;
		else
			p->lost[i] = p->lost[--p->status.lost];
}

static bool may_start(struct pool *p)
{
	bool may;

	(void) pthread_mutex_lock(&p->lock);
	reap_lost(p);
	may = p->status.lost < POOL_LOST_MAX;
	(void) pthread_mutex_unlock(&p->lock);
	return may;
}

static void take_lost(struct worker *w)
{
	struct pool *p = w->pool;

	if (w->client.lost == 0)
		return;
	(void) pthread_mutex_lock(&p->lock);
	reap_lost(p);
	p->lost[p->status.lost++] = w->client.lost;
	(void) pthread_mutex_unlock(&p->lock);
	w->client.lost = 0;
}

/* -EAGAIN: too many have been lost. */
static int start_inspector(struct worker *w)
{
	struct pool *p = w->pool;
	int r = may_start(p) ? 0 : -EAGAIN;

	if (r < 0)
		return r;
	r = client_start(&w->client, p->options.uid, p->options.gid, p->options.idle, p->stop_fd);
	if (r == 0)
		set_pid(w, w->client.pid);
	take_lost(w);
	return r;
}

/* The number is given up before the process is reaped, so that no stranger is taken for it. */
static void end_inspector(struct worker *w)
{
	set_pid(w, 0);
	client_stop(&w->client);
	take_lost(w);
}

static void count_death(struct pool *p, bool timeout)
{
	(void) pthread_mutex_lock(&p->lock);
	p->status.deaths++;
	p->status.timeouts += timeout;
	(void) pthread_mutex_unlock(&p->lock);
}

/* False when the pool stops meanwhile. */
static bool sleep_unless_stopped(const struct pool *p, uint64_t usec)
{
	struct pollfd stop = { .fd = p->stop_fd, .events = POLLIN };

	return poll(&stop, 1, (int) (usec / USEC_PER_MSEC)) == 0;
}

/* Sees to it that there is an inspector to ask. False when the pool stops first. */
static bool have_inspector(struct worker *w)
{
	uint64_t backoff = BACKOFF_MIN_USEC;
	int r;

	if (w->client.pid > 0 && !client_is_idle(&w->client)) {
		end_inspector(w);
		count_death(w->pool, false);
	}
	while (w->client.pid == 0 && (r = start_inspector(w)) < 0) {
		if (r != -EAGAIN)
			count_death(w->pool, false);
		if (!sleep_unless_stopped(w->pool, backoff))
			return false;
		backoff = backoff * 2 < BACKOFF_MAX_USEC ? backoff * 2 : BACKOFF_MAX_USEC;
	}
	return true;
}

static void take_lease(struct job *j)
{
	j->leased = fcntl(j->fd, F_SETLEASE, F_RDLCK) == 0;
	j->writer_present = !j->leased && errno == EAGAIN;
}

/* The kernel marks the path of a file whose name is gone; the mark is not part of its name. */
static void strip_mark(char *path, const struct stat *st)
{
	static const char mark[] = " (deleted)";
	const size_t n = strlen(path), k = strlen(mark);
	struct stat found;

	if (n > k && strcmp(path + n - k, mark) == 0 &&
		(lstat(path, &found) < 0 || found.st_ino != st->st_ino ||
			found.st_dev != st->st_dev))
		path[n - k] = '\0';
}

static void find_path(struct job *j, const struct stat *st)
{
	char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	ssize_t n;

	(void) snprintf(link, sizeof(link), "/proc/self/fd/%d", j->fd);
	n = readlink(link, j->path, sizeof(j->path));
	if (n <= 0 || (size_t) n >= sizeof(j->path) || j->path[0] != '/')
		n = 0;
	j->path[n] = '\0';
	strip_mark(j->path, st);
}

static bool has_signatures(const struct policy *p)
{
	struct policy_signatures s;

	policy_signatures(p, &s);
	return s.n > 0;
}

static uint64_t job_timeout(const struct pool *p)
{
	return p->options.idle ? POOL_IDLE_JOB_TIMEOUT_USEC : POOL_JOB_TIMEOUT_USEC;
}

static int inspect(struct worker *w, struct job *j)
{
	struct metadata_list metadata;
	const struct client_request request = {
		.fd = j->fd,
		.path = j->path,
		.metadata = &metadata,
		.want_sha256 = j->want_sha256,
		.scan = j->policy && has_signatures(j->policy) ? j->scan : SCAN_NONE,
		.policy = j->policy,
	};
	struct stat st;
	int r, error = 0;

	if (fstat(j->fd, &st) < 0)
		return -errno;
	if (j->take_lease)
		take_lease(j);
	find_path(j, &st);
	metadata.n = 0;
	if (!mountinfo_may_hang(st.st_dev))
		metadata_open(j->fd, j->path, &st, &metadata);
	r = client_inspect(&w->client, &request, job_timeout(w->pool), &error, &j->facts);
	metadata_close(&metadata);
	if (r == 0)
		return error;
	end_inspector(w);
	if (r != -ESHUTDOWN)
		count_death(w->pool, r == -ETIMEDOUT);
	return r;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct job *j;

	while ((w->pool->options.idle || have_inspector(w)) && (j = wait_for_job(w->pool))) {
		enum job_priority priority = j->priority;

		j->result = have_inspector(w) ? inspect(w, j) : -ESHUTDOWN;
		note_end(w->pool, priority);
		j->done(j);
	}
	end_inspector(w);
	return NULL;
}

static int start_threads(struct pool *p)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r = 0;

	sigfillset(&all);
	(void) pthread_attr_init(&attributes);
	(void) pthread_attr_setstacksize(&attributes, THREAD_STACK_SIZE);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->n_threads < p->options.n_inspectors && r == 0) {
		struct worker *w = &p->workers[p->n_threads];

		r = pthread_create(&w->thread, &attributes, work, w);
		p->n_threads += r == 0;
	}
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void) pthread_attr_destroy(&attributes);
	return -r;
}

static int pool_init(struct pool *p, const struct pool_options *options)
{
	p->options = *options;
	p->status.n_inspectors = options->n_inspectors;
	(void) pthread_mutex_init(&p->lock, NULL);
	(void) pthread_cond_init(&p->changed, NULL);
	queue_init(&p->queues[JOB_LAUNCH]);
	queue_init(&p->queues[JOB_BACKGROUND]);
	for (unsigned i = 0; i < options->n_inspectors; i++) {
		p->workers[i].pool = p;
		p->workers[i].client.socket = -1;
	}
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	return p->stop_fd < 0 ? -errno : 0;
}

int pool_start(const struct pool_options *options, struct pool **ret)
{
	_cleanup_(pool_stopp) struct pool *p = NULL;
	int r;

	if (options->n_inspectors < 1 || options->n_inspectors > POOL_INSPECTORS_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p) + options->n_inspectors * sizeof(p->workers[0]));
	if (!p)
		return -ENOMEM;
	r = pool_init(p, options);
	for (unsigned i = 0; r == 0 && !options->idle && i < options->n_inspectors; i++)
		r = start_inspector(&p->workers[i]);
	r = r ?: start_threads(p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

static void return_unbegun(struct job_queue *q)
{
	for (struct job *j; (j = queue_take(q));) {
		j->result = -ESHUTDOWN;
		j->done(j);
	}
}

struct pool *pool_stop(struct pool *p)
{
	if (!p)
		return NULL;
	(void) pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void) pthread_cond_broadcast(&p->changed);
	(void) pthread_mutex_unlock(&p->lock);
	if (p->stop_fd >= 0)
		(void) eventfd_write(p->stop_fd, 1);
	for (unsigned i = 0; i < p->n_threads; i++)
		(void) pthread_join(p->workers[i].thread, NULL);
	for (unsigned i = p->n_threads; i < p->options.n_inspectors; i++)
		end_inspector(&p->workers[i]);
	return_unbegun(&p->queues[JOB_LAUNCH]);
	return_unbegun(&p->queues[JOB_BACKGROUND]);
	if (p->stop_fd >= 0)
		(void) close(p->stop_fd);
	(void) pthread_cond_destroy(&p->changed);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

int pool_submit(struct pool *p, struct job *j)
{
	struct job_queue *q = &p->queues[j->priority];
	int r = -ENOBUFS;

	(void) pthread_mutex_lock(&p->lock);
	if (q->depth < POOL_JOBS_MAX) {
		j->result = 0;
		j->leased = j->writer_present = false;
		j->path[0] = '\0';
		j->next = NULL;
		*q->last = j;
		q->last = &j->next;
		q->depth++;
		(void) pthread_cond_signal(&p->changed);
		r = 0;
	}
	(void) pthread_mutex_unlock(&p->lock);
	return r;
}

void pool_status(struct pool *p, struct pool_status *ret)
{
	(void) pthread_mutex_lock(&p->lock);
	reap_lost(p);
	*ret = p->status;
	(void) pthread_mutex_unlock(&p->lock);
}

size_t pool_pids(struct pool *p, pid_t ret[], size_t max)
{
	size_t n = 0;

	(void) pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->options.n_inspectors && n < max; i++)
		if (p->workers[i].pid > 0)
			ret[n++] = p->workers[i].pid;
	(void) pthread_mutex_unlock(&p->lock);
	return n;
}
