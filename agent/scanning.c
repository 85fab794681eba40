/*
 * Inventory scans on behalf of clients of the bus: one at a time, by the policy in force when it
 * began.
 */
#include <string.h>

#include "agent/scan/scan.h"
#include "agent/state.h"
#include "policy/base/ids.h"

static void decide(const struct policy *p, int fd, const char *path, struct facts *f,
	struct decision *ret, void *context)
{
	judge_decide(context, p, fd, path, f, ret);
}

/* What to scan: the rest of an interrupted scan of the same, or all that is asked for. */
static int choose(
	const struct agent_scan_request *request, const char *state_path, struct resume *ret)
{
	struct resume r = { 0 };
	int e = -ENOENT;

	if (request->state)
		e = resume_parse(request->state, &r);
	else if (request->resume && state_path)
		e = resume_load(state_path, &r);
	/* A damaged note of an earlier scan must not keep all later ones from starting. */
	if (e < 0 && request->state)
		return e;
	if (e == 0 &&
		(request->n_paths == 0 ||
			resume_is_of(&r, request->paths, request->n_paths,
				request->other_filesystems))) {
		*ret = r;
		return 0;
	}
	resume_done(&r);
	if (request->n_paths == 0)
		return -ENODATA;
	e = resume_init(&r, request->paths, request->n_paths);
	if (e < 0)
		return e;
	r.other_filesystems = request->other_filesystems;
	r.n_parts = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? RESUME_PARTS_MAX : 1;
	*ret = r;
	return 0;
}

static int start(struct agent *a, const struct agent_scan_request *request)
{
	_cleanup_free_ char *state_path = NULL;
	struct scan_options o = {
		.event = a->event,
		.policy = a->policy,
		.homes = a->homes,
		.ledger_path = a->recorder ? a->options.ledger_path : NULL,
		.recorder = a->recorder,
		.uid = (uid_t) -1,
		.gid = (gid_t) -1,
		.decide = decide,
		.context = a,
	};
	int r;

	if (a->recorder && asprintf(&state_path, "%s.scan", a->options.ledger_path) < 0) {
		state_path = NULL;
		return -ENOMEM;
	}
	o.state_path = state_path;
	if (geteuid() == 0)
		ids_unprivileged(&o.uid, &o.gid);
	r = choose(request, state_path, &o.resume);
	if (r < 0)
		return r;
	r = scan_start(&o, &a->scan);
	resume_done(&o.resume);
	return r;
}

int agent_scan(struct agent *a, const struct agent_scan_request *request, uint64_t *ret_id)
{
	int r;

	if (!a->policy)
		return -ENOENT;
	if (a->scan && !scan_is_over(a->scan))
		return -EBUSY;
	a->scan = scan_free(a->scan);
	r = start(a, request);
	if (r < 0)
		return r;
	*ret_id = ++a->last_scan;
	return 0;
}

struct scan *agent_scan_find(struct agent *a, uint64_t id)
{
	return id == a->last_scan ? a->scan : NULL;
}
