/*
 * proscribe-walker: finds the files that an inventory scan wants to look into, on behalf of
 * proscribed, which starts it with a socket as descriptor 3 and the policy's image as descriptor 4.
 * It opens files and hands them over, but cannot read what is in them. Whatever breaks a rule of
 * the protocol, or the sandbox, ends it.
 * Usage: proscribe-walker [UID GID]
 */
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/walker/allowlist.h"
#include "agent/walker/message.h"
#include "agent/walker/walk.h"
#include "policy/base/clock.h"
#include "policy/base/idle.h"
#include "policy/base/log.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"

enum {
	SOCKET = SPAWN_FIRST_FD,
	POLICY = SPAWN_FIRST_FD + 1,
	EXIT_SANDBOX = 77,
	PROGRESS_USEC = 200000,
};

/* A list of paths, as they came. */
struct paths {
	char **list; /* NULL-terminated */
	size_t n, max;
};

struct task {
	struct paths roots, homes, known;
	struct walk_message go;
	uint64_t told_usec;
	uint32_t root;
};

static int add_path(struct paths *p, const char *path)
{
	char **list;
	int r;

	if (p->n == p->max)
		return -E2BIG;
	list = reallocarray(p->list, p->n + 2, sizeof(*list));
	if (!list)
		return -ENOMEM;
	p->list = list;
	r = text_dup(path, &list[p->n]);
	if (r < 0)
		return r;
	list[++p->n] = NULL;
	return 0;
}

static int receive_task(struct task *t)
{
	int fd, r = 0;

	while (r == 0) {
		r = walk_receive(SOCKET, WALK_FROM_AGENT, &t->go, &fd);
		if (r < 0 || t->go.type == WALK_GO)
			break;
		r = add_path(t->go.type == WALK_ROOT      ? &t->roots
				: t->go.type == WALK_HOME ? &t->homes
							  : &t->known,
			t->go.path);
	}
	if (r == 0 && t->go.root > t->roots.n)
		r = -EBADMSG;
	return r;
}

static int tell_file(const struct walk *w, unsigned wanted, int fd, void *context)
{
	const struct task *t = context;
	struct walk_message m = { .type = WALK_FILE, .root = t->root, .wanted = wanted };

	(void) text_copy(m.path, sizeof(m.path), walk_path(w));
	m.counts = *walk_counts(w);
	return walk_send(SOCKET, &m, fd);
}

static int tell_progress(const struct walk *w, void *context)
{
	struct task *t = context;
	struct walk_message m;
	uint64_t now = clock_boot_usec();

	if (now - t->told_usec < PROGRESS_USEC)
		return 0;
	t->told_usec = now;
	memset(&m, 0, sizeof(m));
	m.type = WALK_PROGRESS;
	m.root = t->root;
	m.counts = *walk_counts(w);
	walk_done(w, m.path);
	return walk_send(SOCKET, &m, -1);
}

/* What was found before is looked at again where it lay, so that what is gone is known to be. */
static int answer_known(const struct task *t)
{
	int r = 0;

	for (size_t i = 0; i < t->known.n && r == 0; i++) {
		_cleanup_close_ int fd = -1;
		struct walk_message m = { .type = WALK_ABSENT, .index = (uint32_t) i };

		m.error = walk_open(t->known.list[i], &fd);
		if (m.error == 0) {
			m.type = WALK_FILE;
			m.flags = WALK_WAS_KNOWN;
			m.wanted = WANTED_AGAIN;
			(void) text_copy(m.path, sizeof(m.path), t->known.list[i]);
		}
		r = walk_send(SOCKET, &m, fd);
	}
	return r;
}

static int walk_roots(struct task *t, struct walk *w)
{
	int r = 0;

	for (t->root = t->go.root; t->root < t->roots.n && r == 0; t->root++) {
		struct walk_message m = { .type = WALK_ROOT_DONE, .root = t->root };

		m.error = walk_root(
			w, t->roots.list[t->root], t->root == t->go.root ? t->go.path : NULL);
		if (m.error == -EPIPE)
			return m.error;
		m.counts = *walk_counts(w);
		r = walk_send(SOCKET, &m, -1);
	}
	return r;
}

static int serve(const struct policy *p)
{
	const struct walk_message hello = { .type = WALK_HELLO, .flags = WALK_VERSION };
	const struct walk_message done = { .type = WALK_DONE };
	struct task t = { .roots.max = WALK_ROOTS_MAX,
		.homes.max = WALK_HOMES_MAX,
		.known.max = WALK_KNOWN_MAX };
	struct walk_options o = { .events = { tell_file, tell_progress, &t } };
	struct walk *w = NULL;
	int r = walk_send(SOCKET, &hello, -1);

	r = r ?: receive_task(&t);
	if (r < 0)
		return r;
	o.other_filesystems = t.go.flags & WALK_OTHER_FILESYSTEMS;
	o.part = t.go.part;
	o.n_parts = t.go.n_parts;
	wanted_prepare(p, (const char *const *) t.homes.list, &o.rules);
	r = walk_new(&o, &w);
	r = r ?: answer_known(&t);
	r = r ?: walk_roots(&t, w);
	return r ?: walk_send(SOCKET, &done, -1);
}

int main(int argc, char *argv[])
{
	unsigned uid = (unsigned) -1, gid = (unsigned) -1;
	struct policy *policy = NULL;
	struct sandbox sandbox;
	struct stat st;
	int r;

	if (argc != 1 && (argc != 3 || text_id(argv[1], &uid) < 0 || text_id(argv[2], &gid) < 0)) {
		log_error("Usage: proscribe-walker [UID GID], started by proscribed only");
		return 2;
	}
	/* Ctrl-C is for the command that asked; it will say when to end. */
	(void) signal(SIGINT, SIG_IGN);
	idle_enter();
	r = policy_open(POLICY, &policy);
	if (r < 0 || fstat(POLICY, &st) < 0) {
		(void) log_error_errno(r < 0 ? r : -errno, "The walker got no policy: %m");
		return 1;
	}
	sandbox = walker_sandbox(uid, gid, (uint64_t) st.st_size);
	r = sandbox_enter(&sandbox);
	if (r < 0) {
		(void) log_error_errno(r, "Cannot enter the walker's sandbox: %m");
		return EXIT_SANDBOX;
	}
	r = serve(policy);
	_exit(r == 0 || r == -EPIPE ? 0 : 1);
}
