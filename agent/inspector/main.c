/*
 * proscribe-inspector: inspects files on behalf of proscribed, which starts it with a socket as
 * descriptor 3. Whatever breaks a rule of the protocol, or the sandbox, ends it.
 * Usage: proscribe-inspector [--idle] [UID GID]
 */
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/allowlist.h"
#include "agent/inspector/inspect.h"
#include "agent/inspector/message.h"
#include "agent/inspector/npm.h"
#include "agent/inspector/packages.h"
#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/idle.h"
#include "policy/base/log.h"
#include "policy/base/spawn.h"
#include "policy/base/text.h"

static int inspect(struct scanner *scanner, const struct message_inspect *m, const int fds[],
	size_t n_fds, struct facts *ret)
{
	const struct inspect_request request = {
		.fd = fds[0],
		.metadata = m->metadata,
		.metadata_fds = fds + 1,
		.n_metadata = n_fds - 1,
		.path = m->path,
		.want_sha256 = m->want_sha256 != 0,
		.scanner = scanner,
		.scan = (enum message_scan) m->scan,
	};

	return inspect_file(&request, ret);
}

/* Takes @fd. */
static int take_policy(struct scanner **scanner, const struct message_policy *m, int fd)
{
	int r = 0;

	*scanner = scanner_free(*scanner);
	if (m->policy_id > 0)
		r = scanner_new(fd, m, scanner);
	if (!*scanner)
		(void) close(fd);
	return r;
}

static void close_all(const int fds[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void) close(fds[i]);
}

static int serve_one(int socket, struct scanner **scanner)
{
	union message in, out = { .facts = { .type = MESSAGE_FACTS } };
	int fds[MESSAGE_FDS_MAX], r;
	size_t n_fds;

	r = message_receive(socket, MESSAGE_FROM_AGENT, MESSAGE_READY, &in, fds, &n_fds);
	if (r < 0)
		return r;
	if (in.type == MESSAGE_POLICY)
		return take_policy(scanner, &in.policy, fds[0]);
	if (in.type == MESSAGE_PACKAGES) {
		r = packages_serve(socket, &in.packages, fds, n_fds);
		close_all(fds, n_fds);
		return r;
	}
	out.facts.id = in.inspect.id;
	out.facts.error = inspect(*scanner, &in.inspect, fds, n_fds, &out.facts.facts);
	/* Before the answer: a descriptor still open here would hold the agent's lease. */
	close_all(fds, n_fds);
	return message_send(socket, &out, NULL, 0);
}

/* Fixed thresholds, so that what one hostile file made us allocate goes back when it is freed. */
static int prepare(void)
{
	(void) mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void) mallopt(M_TRIM_THRESHOLD, 256 << 10);
	npm_prepare();
	return scanner_prepare();
}

int main(int argc, char *argv[])
{
	const union message hello = { .hello = { MESSAGE_HELLO, MESSAGE_VERSION } };
	unsigned uid = (unsigned) -1, gid = (unsigned) -1;
	const bool idle = argc > 1 && strcmp(argv[1], "--idle") == 0;
	struct scanner *scanner = NULL;
	struct sandbox sandbox;
	int r;

	argc -= idle;
	argv += idle;
	if (argc != 1 && (argc != 3 || text_id(argv[1], &uid) < 0 || text_id(argv[2], &gid) < 0)) {
		log_error("Usage: proscribe-inspector [--idle] [UID GID], started by proscribed "
			  "only");
		return 2;
	}
	if (idle) {
		/* Ctrl-C is for the command that asked for a scan. */
		(void) signal(SIGINT, SIG_IGN);
		idle_enter();
	}
	sandbox = inspector_sandbox(uid, gid);
	r = prepare();
	if (r == 0)
		r = sandbox_enter(&sandbox);
	if (r < 0) {
		(void) log_error_errno(r, "Cannot enter the inspector's sandbox: %m");
		return EXIT_SANDBOX;
	}
	(void) malloc_trim(0);
	r = message_send(SPAWN_FIRST_FD, &hello, NULL, 0);
	while (r == 0)
		r = serve_one(SPAWN_FIRST_FD, &scanner);
	_exit(r == -EPIPE ? 0 : 1);
}
