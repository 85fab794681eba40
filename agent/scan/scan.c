#include "agent/scan/scan.h"

#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "agent/ledger/inventory.h"
#include "agent/pool/pool.h"
#include "agent/scan/child.h"
#include "agent/scan/found.h"
#include "agent/walker/message.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/base/queue.h"
#include "policy/base/text.h"

enum { TICK_USEC = 1000000 };

/* One walker and what has come from it. Several share the walk, so that it takes as long as the
 * slowest processor needs for its share. */
struct part {
	struct scan *scan;
	uint32_t number;
	struct child child;
	sd_event_source *source;
	size_t n_sent; /* of what the walker is told before it goes */
	bool greeted, sent, reading;
	unsigned n_busy; /* of its files */
	/* PROGRESS, ROOT_DONE or DONE: counts once all files before it have been looked into. */
	bool has_pending;
	struct walk_message pending;
	uint64_t word_usec;
	struct walk_counts counts; /* of the root at hand */
};

/* A file on its way through an inspector. */
struct candidate {
	struct scan *scan;
	struct part *part;
	struct job job;
	bool busy, hashing, known;
	uint32_t index; /* known: of scan.known */
	struct stat st;
	struct facts facts;
	char path[WALK_PATH_MAX];
};

struct scan {
	struct scan_options o; /* its resume, homes and paths are not looked at again */
	struct resume resume;
	char *state_path; /* NULL: nowhere */
	char **homes;     /* NULL-terminated */
	size_t n_homes;
	struct part parts[RESUME_PARTS_MAX];
	struct pool *pool;
	sd_event_source *done_source, *timer;
	int done_fd;
	struct queue *done;
	struct candidate candidates[SCAN_JOBS_MAX];
	unsigned n_busy;

	/* what was found before, of what is to be scanned */
	struct inventory *inventory;
	const struct finding_entry **known;
	size_t n_known, n_known_unread;

	struct walk_message in;
	bool running, complete, any_incomplete;
	char *detail;
	uint64_t asked_usec, saved_usec, job_usec, root_usec;
	struct walk_counts before; /* of the roots before the one at hand */
	uint64_t inspected, uninspected, n_gone, root_found;
	struct found_list found;
};

/* ---- what is recorded ---- */

static void record(struct scan *s, struct event *e)
{
	if (s->o.recorder)
		recorder_push(s->o.recorder, e);
}

static void record_gone(struct scan *s, const struct finding_entry *known, const char *why)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	s->n_gone++;
	if (event_new(EVENT_FINDING, &e) < 0)
		return;
	e->outcome = OUTCOME_GONE;
	e->uid = known->uid >= 0 ? (uid_t) known->uid : EVENT_UID_UNKNOWN;
	(void) text_dup(known->path, &e->path);
	(void) text_dup(known->software_id, &e->software_id);
	(void) text_dup(known->software_name, &e->software_name);
	(void) text_dup(known->version, &e->version);
	(void) text_dup(known->purl, &e->purl);
	(void) text_dup(known->rules, &e->rules);
	(void) text_dup(why, &e->detail);
	record(s, e);
}

static void add_counts(struct walk_counts *to, const struct walk_counts *n)
{
	to->files += n->files;
	to->folders += n->folders;
	to->unread += n->unread;
	to->limited += n->limited;
	to->other_mounts += n->other_mounts;
}

/* Of the root at hand. */
static struct walk_counts root_counts(const struct scan *s)
{
	struct walk_counts all = { 0 };

	for (uint32_t i = 0; i < s->resume.n_parts; i++)
		add_counts(&all, &s->parts[i].counts);
	return all;
}

/* "1000 files in 20 folders, 3 findings, 4 s; 2 could not be read" */
static int describe_root(const struct scan *s, const char *why, char **ret)
{
	const struct walk_counts n = root_counts(s);
	uint64_t seconds = (clock_boot_usec() - s->root_usec) / USEC_PER_SEC;
	const struct {
		uint64_t n;
		const char *words;
	} notes[] = {
		{ n.unread, "could not be read" },
		{ n.limited, "beyond a limit" },
		{ n.other_mounts, "other filesystems not entered" },
		{ s->uninspected, "could not be looked into" },
		{ s->n_known_unread, "found before could not be read" },
	};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	if (why)
		(void) fprintf(f, "%s; ", why);
	(void) fprintf(f,
		"%" PRIu64 " files in %" PRIu64 " folders, %" PRIu64 " found, %" PRIu64 " s",
		n.files, n.folders, s->root_found, seconds);
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (notes[i].n > 0)
			(void) fprintf(f, "; %" PRIu64 " %s", notes[i].n, notes[i].words);
	if (fclose(f) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}

static void record_root(struct scan *s, bool complete, const char *why)
{
	_cleanup_(event_unrefp) struct event *e = NULL;

	if (event_new(EVENT_SCAN, &e) < 0)
		return;
	e->outcome = complete ? OUTCOME_COMPLETE : OUTCOME_INCOMPLETE;
	e->count = root_counts(s).files;
	(void) text_dup(s->resume.roots[s->resume.root], &e->path);
	if (describe_root(s, why, &e->detail) < 0)
		e->detail = NULL;
	free(s->detail);
	s->detail = NULL;
	(void) text_dup(e->detail, &s->detail);
	record(s, e);
}

/* ---- how far it has come ---- */

static void save(struct scan *s)
{
	if (!s->state_path)
		return;
	s->saved_usec = clock_boot_usec();
	(void) resume_save(&s->resume, s->state_path);
}

static void close_sources(struct scan *s)
{
	for (uint32_t i = 0; i < RESUME_PARTS_MAX; i++) {
		s->parts[i].source = sd_event_source_disable_unref(s->parts[i].source);
		child_kill(&s->parts[i].child);
	}
}

static void finish(struct scan *s, bool complete, const char *why)
{
	if (!s->running)
		return;
	s->running = false;
	s->complete = complete && !s->any_incomplete;
	close_sources(s);
	if (!complete && s->resume.root < s->resume.n_roots)
		record_root(s, false, why);
	if (!complete)
		save(s);
	else if (s->state_path)
		(void) unlink(s->state_path);
}

static void begin_root(struct scan *s)
{
	for (uint32_t i = 0; i < RESUME_PARTS_MAX; i++)
		memset(&s->parts[i].counts, 0, sizeof(s->parts[i].counts));
	s->root_found = 0;
	s->root_usec = clock_boot_usec();
}

/* Are all parts at the end of the root, or of the walk? */
static bool all_are_at(const struct scan *s, uint32_t type)
{
	for (uint32_t i = 0; i < s->resume.n_parts; i++)
		if (!s->parts[i].has_pending || s->parts[i].n_busy > 0 ||
			s->parts[i].pending.type != type)
			return false;
	return true;
}

static void end_root(struct scan *s)
{
	struct walk_counts counts;
	int error = 0;
	bool complete;

	for (uint32_t i = 0; i < s->resume.n_parts; i++) {
		struct part *p = &s->parts[i];

		p->has_pending = false;
		p->counts = p->pending.counts;
		error = error ?: p->pending.error;
		s->resume.done[i][0] = '\0';
	}
	complete = error == 0 && s->n_known_unread == 0;
	s->any_incomplete |= !complete;
	record_root(s, complete, error ? strerrordesc_np(-error) : NULL);
	counts = root_counts(s);
	add_counts(&s->before, &counts);
	s->resume.root++;
	begin_root(s);
	save(s);
}

static void take_progress(struct part *p)
{
	struct scan *s = p->scan;
	char *done = s->resume.done[p->number];

	p->has_pending = false;
	p->counts = p->pending.counts;
	(void) text_copy(done, WALK_PATH_MAX, p->pending.path);
	if (clock_boot_usec() - s->saved_usec > SCAN_SAVE_SEC * USEC_PER_SEC)
		save(s);
}

static void take_pending(struct scan *s)
{
	for (uint32_t i = 0; i < s->resume.n_parts; i++) {
		struct part *p = &s->parts[i];

		if (p->has_pending && p->n_busy == 0 && p->pending.type == WALK_PROGRESS)
			take_progress(p);
	}
	if (all_are_at(s, WALK_ROOT_DONE))
		end_root(s);
	else if (all_are_at(s, WALK_DONE))
		finish(s, true, NULL);
}

/* ---- files ---- */

static void on_inspected(struct job *j)
{
	struct candidate *c = j->context;

	(void) queue_push(c->scan->done, c); /* has room for all of them */
}

static void release(struct candidate *c)
{
	c->busy = false;
	(void) close(c->job.fd);
	c->part->n_busy--;
	c->scan->n_busy--;
}

static void submit(struct candidate *c, bool hashing)
{
	struct scan *s = c->scan;

	c->hashing = hashing;
	c->job = (struct job){
		.fd = c->job.fd,
		.priority = JOB_BACKGROUND,
		.want_sha256 = hashing || policy_size_listed(s->o.policy, (uint64_t) c->st.st_size),
		.scan = hashing ? SCAN_NONE : SCAN_ALL,
		.policy = s->o.policy,
		.done = on_inspected,
		.context = c,
	};
	if (pool_submit(s->pool, &c->job) < 0) {
		s->uninspected++;
		release(c);
	}
}

static const struct finding_entry *known_of(const struct candidate *c)
{
	const struct finding_entry *e = c->known ? c->scan->known[c->index]
						 : inventory_find(c->scan->inventory, c->path);

	return e && e->gone_nsec == 0 ? e : NULL;
}

static int make_event(struct candidate *c, const struct decision *d, struct event **ret)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	int r = event_new(EVENT_FINDING, &e);

	if (r < 0)
		return r;
	e->outcome = OUTCOME_FOUND;
	e->uid = c->st.st_uid;
	e->device = c->st.st_dev;
	e->inode = c->st.st_ino;
	e->size = c->facts.size;
	e->have_sha256 = (c->facts.have & FACTS_SHA256) != 0;
	memcpy(e->sha256, c->facts.sha256, sizeof(e->sha256));
	r = text_dup(c->path, &e->path);
	r = r < 0 ? r : event_set_decision(e, c->scan->o.policy, d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

static void report(struct candidate *c, const struct decision *d)
{
	_cleanup_(event_unrefp) struct event *e = NULL;
	const struct finding_entry *known = known_of(c);
	struct scan *s = c->scan;

	/* What was known and what the walk met may have been looked into side by side. */
	if (found_has(&s->found, c->path))
		return;
	if (make_event(c, d, &e) < 0) {
		s->uninspected++;
		return;
	}
	s->root_found++;
	if (!known || !found_is_same(e, known))
		record(s, e);
	found_add(&s->found, e, known ? known->first_nsec : e->utc_nsec);
}

static void decide(struct candidate *c)
{
	struct scan *s = c->scan;
	struct decision d;

	s->o.decide(s->o.policy, c->job.fd, c->path, &c->facts, &d, s->o.context);
	if (d.n_rules > 0 && d.verdict > VERDICT_ALLOW) {
		if (c->hashing || (c->facts.have & FACTS_SHA256))
			report(c, &d);
		else {
			submit(c, true);
			return;
		}
	} else if (c->known) {
		record_gone(s, s->known[c->index], "no rule speaks of what lies there now");
	}
	release(c);
}

/* The file may have changed in between, and then goes without a digest. */
static void take_digest(struct candidate *c)
{
	const struct facts *f = &c->job.facts;

	if (c->job.result < 0 || !(f->have & FACTS_SHA256) || f->size != c->facts.size)
		return;
	c->facts.have |= FACTS_SHA256;
	memcpy(c->facts.sha256, f->sha256, SHA256_SIZE);
}

static void take_inspected(struct candidate *c)
{
	struct scan *s = c->scan;

	s->job_usec = clock_boot_usec();
	if (!s->running) {
		release(c);
		return;
	}
	if (c->hashing) {
		take_digest(c);
		decide(c);
		return;
	}
	if (c->job.result < 0) {
		s->uninspected++;
		s->n_known_unread += c->known;
		release(c);
		return;
	}
	s->inspected++;
	c->facts = c->job.facts;
	decide(c);
}

/* Takes @fd over. */
static void look_into(struct part *p, const struct walk_message *m, int fd)
{
	struct scan *s = p->scan;
	struct candidate *c = s->candidates;
	bool known = m->flags & WALK_WAS_KNOWN;

	if (!known && found_has(&s->found, m->path)) { /* looked into as one known from earlier */
		(void) close(fd);
		return;
	}
	while (c->busy)
		c++;
	c->part = p;
	c->job.fd = fd;
	c->busy = true;
	c->known = known;
	c->index = m->index;
	(void) text_copy(c->path, sizeof(c->path), m->path);
	p->n_busy++;
	if (s->n_busy++ == 0)
		s->job_usec = clock_boot_usec();
	if (fstat(fd, &c->st) < 0 || !S_ISREG(c->st.st_mode)) {
		release(c);
		return;
	}
	submit(c, false);
}

/* ---- the walker ---- */

static void take_absent(struct scan *s, const struct walk_message *m)
{
	const struct finding_entry *known = s->known[m->index];

	if (m->error == -ENOENT || m->error == -ENOTDIR || m->error == -ELOOP)
		record_gone(s, known, "nothing lies there any more");
	else
		s->n_known_unread++;
}

static bool is_plausible(const struct part *p, const struct walk_message *m)
{
	const bool known = m->type == WALK_ABSENT || (m->flags & WALK_WAS_KNOWN);
	const struct resume *r = &p->scan->resume;

	if ((m->type == WALK_HELLO) == p->greeted)
		return false;
	if (m->type == WALK_HELLO)
		return m->flags == WALK_VERSION;
	if (known)
		return p->number == 0 && m->index < p->scan->n_known;
	return m->type == WALK_DONE ? r->root == r->n_roots
				    : m->root == r->root && m->root < r->n_roots;
}

static void take_word(struct part *p, const struct walk_message *m, int fd)
{
	struct scan *s = p->scan;

	if (!is_plausible(p, m)) {
		cleanup_closep(&fd);
		finish(s, false, "The walker broke its protocol");
		return;
	}
	switch (m->type) {
	case WALK_HELLO:
		p->greeted = true;
		break;
	case WALK_FILE:
		look_into(p, m, fd);
		break;
	case WALK_ABSENT:
		take_absent(s, m);
		break;
	default:
		p->pending = *m;
		p->has_pending = true;
		break;
	}
}

/* Roots, homes and known paths in a row, then GO. */
static bool next_word(const struct part *p, struct walk_message *m)
{
	const struct scan *s = p->scan;
	size_t i = p->n_sent, n_known = p->number == 0 ? s->n_known : 0;
	const char *path;

	memset(m, 0, sizeof(*m));
	if (i < s->resume.n_roots) {
		m->type = WALK_ROOT;
		path = s->resume.roots[i];
	} else if ((i -= s->resume.n_roots) < s->n_homes) {
		m->type = WALK_HOME;
		path = s->homes[i];
	} else if ((i -= s->n_homes) < n_known) {
		m->type = WALK_KNOWN;
		path = s->known[i]->path;
	} else {
		m->type = WALK_GO;
		m->flags = s->resume.other_filesystems ? WALK_OTHER_FILESYSTEMS : 0;
		m->root = s->resume.root;
		m->part = p->number;
		m->n_parts = s->resume.n_parts;
		path = s->resume.done[p->number];
	}
	return text_copy(m->path, sizeof(m->path), path) == 0;
}

/* 0 when all has been said, or for now; the walker may be slow to read. */
static int tell_walker(struct part *p)
{
	struct walk_message m;
	int r = 0;

	while (!p->sent && r == 0) {
		if (next_word(p, &m))
			r = walk_send(p->child.socket, &m, -1);
		if (r == 0) {
			p->n_sent++;
			p->sent = m.type == WALK_GO;
		}
	}
	return r == -EAGAIN ? 0 : r;
}

/* As long as there is room for a file, and nothing waits for files before it. */
static bool may_read(const struct part *p)
{
	return p->scan->running && p->scan->n_busy < SCAN_JOBS_MAX && !p->has_pending;
}

static void watch_part(struct part *p)
{
	const uint32_t events = (may_read(p) ? (uint32_t) EPOLLIN : 0) |
		(p->sent ? 0 : (uint32_t) EPOLLOUT);

	/* While nobody listened, silence meant nothing. */
	if ((events & EPOLLIN) && !p->reading)
		p->word_usec = clock_boot_usec();
	p->reading = events & EPOLLIN;
	(void) sd_event_source_set_io_events(p->source, events);
	/* A hang-up is told of whatever is asked for: it waits as well. */
	(void) sd_event_source_set_enabled(p->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void watch(struct scan *s)
{
	take_pending(s);
	for (uint32_t i = 0; i < s->resume.n_parts && s->running; i++)
		watch_part(&s->parts[i]);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct part *p = context;
	struct scan *s = p->scan;
	int file = -1, r = tell_walker(p);

	(void) source;
	if (r == 0 && may_read(p) && (events & (EPOLLIN | EPOLLHUP))) {
		r = walk_receive(fd, WALK_FROM_WALKER, &s->in, &file);
		p->word_usec = clock_boot_usec();
		if (r == 0)
			take_word(p, &s->in, file);
	}
	if (r < 0 && r != -EAGAIN)
		finish(s, false, r == -EPIPE ? "The walker died" : "The walker broke its protocol");
	if (s->running)
		watch(s);
	return 0;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct scan *s = context;
	uint64_t count;
	void *item;

	(void) source;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	while (queue_pop(s->done, 0, &item) > 0)
		take_inspected(item);
	if (s->running)
		watch(s);
	return 0;
}

static bool is_past(uint64_t since_usec, unsigned seconds)
{
	return clock_boot_usec() - since_usec > seconds * USEC_PER_SEC;
}

/* Has it said nothing for too long, although nobody kept it from going on? */
static bool is_silent(struct part *p)
{
	if (!may_read(p) || !is_past(p->word_usec, p->scan->o.silence_sec))
		return false;
	if (!child_is_runnable(&p->child))
		return true;
	p->word_usec = clock_boot_usec();
	return false;
}

static bool any_is_silent(struct scan *s)
{
	for (uint32_t i = 0; i < s->resume.n_parts; i++)
		if (is_silent(&s->parts[i]))
			return true;
	return false;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct scan *s = context;

	(void) usec;
	if (s->running && is_past(s->asked_usec, SCAN_ABANDONED_SEC))
		finish(s, false, "Nobody asked for it any more");
	else if (s->n_busy > 0 && is_past(s->job_usec, SCAN_STUCK_SEC))
		finish(s, false, "Looking into a file takes for ever");
	else if (any_is_silent(s))
		finish(s, false, "The walker hangs: a filesystem does not answer");
	if (scan_is_over(s)) {
		s->pool = pool_stop(s->pool);
		return 0;
	}
	(void) sd_event_source_set_time_relative(source, TICK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- start and end ---- */

static bool is_to_be_scanned(const struct scan *s, const char *path)
{
	for (size_t i = s->resume.root; i < s->resume.n_roots; i++)
		if (inventory_is_below(path, s->resume.roots[i]))
			return true;
	return false;
}

static int read_known(struct scan *s)
{
	_cleanup_(ledger_reader_closep) struct ledger_reader *reader = NULL;
	int r = inventory_new(&s->inventory);

	if (r < 0 || !s->o.ledger_path)
		return r;
	r = ledger_reader_open(s->o.ledger_path, &reader);
	r = r < 0 ? r : inventory_read(s->inventory, reader);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	s->known = calloc(inventory_n(s->inventory) + 1, sizeof(*s->known));
	if (!s->known)
		return -ENOMEM;
	for (size_t i = 0; i < inventory_n(s->inventory); i++) {
		const struct finding_entry *e = inventory_entry(s->inventory, i);

		if (e->gone_nsec == 0 && s->n_known < WALK_KNOWN_MAX &&
			is_to_be_scanned(s, e->path))
			s->known[s->n_known++] = e;
	}
	return 0;
}

static int start_sources(struct scan *s)
{
	int r;

	s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->done_fd < 0)
		return -errno;
	r = queue_new(SCAN_JOBS_MAX, s->done_fd, &s->done);
	r = r < 0 ? r
		  : sd_event_add_io(s->o.event, &s->done_source, s->done_fd, EPOLLIN, on_done, s);
	for (uint32_t i = 0; i < s->resume.n_parts && r >= 0; i++)
		r = sd_event_add_io(s->o.event, &s->parts[i].source, s->parts[i].child.socket,
			EPOLLIN | EPOLLOUT, on_socket, &s->parts[i]);
	r = r < 0 ? r
		  : sd_event_add_time_relative(
			    s->o.event, &s->timer, CLOCK_BOOTTIME, TICK_USEC, 0, on_tick, s);
	return r < 0 ? r : 0;
}

static int copy_homes(struct scan *s, char *const *homes)
{
	size_t n = 0;
	int r = 0;

	while (homes && homes[n] && n < WALK_HOMES_MAX)
		n++;
	s->homes = calloc(n + 1, sizeof(*s->homes));
	if (!s->homes)
		return -ENOMEM;
	for (; s->n_homes < n && r == 0; s->n_homes += r == 0)
		r = text_dup(homes[s->n_homes], &s->homes[s->n_homes]);
	return r;
}

static int start(struct scan *s)
{
	const struct pool_options pool = {
		.n_inspectors = 1, .uid = s->o.uid, .gid = s->o.gid, .idle = true
	};
	int r = resume_init(
		&s->resume, (const char *const *) s->o.resume.roots, s->o.resume.n_roots);

	if (r < 0)
		return r;
	s->resume.other_filesystems = s->o.resume.other_filesystems;
	s->resume.root = s->o.resume.root;
	s->resume.n_parts = s->o.resume.n_parts;
	memcpy(s->resume.done, s->o.resume.done, sizeof(s->resume.done));
	r = text_dup(s->o.state_path, &s->state_path);
	r = r < 0 ? r : copy_homes(s, s->o.homes);
	r = r < 0 ? r : read_known(s);
	for (uint32_t i = 0; i < s->resume.n_parts && r >= 0; i++)
		r = child_start(&s->parts[i].child, s->o.policy, s->o.uid, s->o.gid);
	r = r < 0 ? r : pool_start(&pool, &s->pool);
	return r < 0 ? r : start_sources(s);
}

int scan_start(const struct scan_options *o, struct scan **ret)
{
	_cleanup_(scan_freep) struct scan *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->o = *o;
	s->o.silence_sec = o->silence_sec ? o->silence_sec : SCAN_SILENCE_SEC;
	(void) policy_ref(o->policy);
	s->done_fd = -1;
	for (size_t i = 0; i < SCAN_JOBS_MAX; i++)
		s->candidates[i].scan = s;
	s->asked_usec = clock_boot_usec();
	for (uint32_t i = 0; i < RESUME_PARTS_MAX; i++)
		s->parts[i] = (struct part){
			.scan = s, .number = i, .child.socket = -1, .word_usec = s->asked_usec
		};
	r = start(s);
	if (r < 0)
		return r;
	begin_root(s);
	save(s);
	s->running = true;
	*ret = TAKE_PTR(s);
	return 0;
}

void scan_stop(struct scan *s)
{
	finish(s, false, "It was interrupted");
}

bool scan_is_over(struct scan *s)
{
	bool over = !s->running && s->n_busy == 0;

	for (uint32_t i = 0; i < RESUME_PARTS_MAX; i++)
		over = child_reaped(&s->parts[i].child) && over;
	return over;
}

struct scan *scan_free(struct scan *s)
{
	if (!s)
		return NULL;
	close_sources(s);
	(void) pool_stop(s->pool);
	for (size_t i = 0; i < SCAN_JOBS_MAX; i++)
		if (s->candidates[i].busy)
			release(&s->candidates[i]);
	(void) scan_is_over(s);
	s->done_source = sd_event_source_disable_unref(s->done_source);
	s->timer = sd_event_source_disable_unref(s->timer);
	(void) queue_free(s->done);
	cleanup_closep(&s->done_fd);
	found_done(&s->found);
	inventory_free(s->inventory);
	free(s->known);
	resume_done(&s->resume);
	(void) policy_unref(s->o.policy);
	while (s->n_homes > 0)
		free(s->homes[--s->n_homes]);
	free(s->homes);
	free(s->state_path);
	free(s->detail);
	free(s);
	return NULL;
}

/* ---- asking ---- */

void scan_status(struct scan *s, struct scan_status *ret)
{
	const struct walk_counts counts = root_counts(s);

	s->asked_usec = clock_boot_usec();
	*ret = (struct scan_status){
		.running = s->running,
		.complete = s->complete,
		.detail = s->detail ? s->detail : "",
		.path = s->running ? s->in.path : "",
		.counts = s->before,
		.inspected = s->inspected,
		.uninspected = s->uninspected,
		.n_found = s->found.n,
		.n_untold = s->found.n_untold,
		.n_gone = s->n_gone,
	};
	add_counts(&ret->counts, &counts);
}

const struct event *scan_found(const struct scan *s, size_t i)
{
	return s->found.list[i].event;
}

int64_t scan_found_since(const struct scan *s, size_t i)
{
	return s->found.list[i].since_nsec;
}

int scan_state(const struct scan *s, char **ret)
{
	return resume_write(&s->resume, ret);
}
