#include "policy/source/signed.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/source/process.h"

_Static_assert((int) SIGNED_RUN_FILES_MAX == (int) WIRE_SIGNED_FILES_MAX, "what the child takes");

void signed_result_done(struct signed_result *r)
{
	compiled_done(&r->compiled);
	cleanup_closep(&r->bundle_fd);
	*r = (struct signed_result){ .bundle_fd = -1, .compiled = { .image_fd = -1 } };
}

/* What the child says must fit together before anything of it is used. */
static int check_trusted(const struct process *p)
{
	const struct wire_trusted *t = &p->trusted;
	struct stat st;

	if (t->error > 0 || t->root_version < 0 || t->bundle_size > TUF_BUNDLE_SIZE_MAX ||
		fstat(p->trusted_fd, &st) < 0 || st.st_size < 0 ||
		(uint64_t) st.st_size != t->bundle_size)
		return -EPROTO;
	if (t->error < 0)
		return p->result.error < 0 && !t->same ? 0 : -EPROTO;
	if (t->same && (p->result.error < 0 || p->result.size > 0))
		return -EPROTO;
	return t->root_version > 0 && trust_summary_valid(&t->summary) ? 0 : -EPROTO;
}

static int take(struct process *p, struct signed_result *ret)
{
	int r = check_trusted(p);

	if (r == 0 &&
		fcntl(p->trusted_fd, F_ADD_SEALS,
			F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0) {
		compiled_done(&ret->compiled);
		ret->compiled.messages = folder_message(
			PROCESS_PROGRAM " gave an answer that makes no sense; it is not used");
		return r;
	}
	ret->refused = p->trusted.error;
	ret->root_version = p->trusted.root_version;
	ret->summary = p->trusted.summary;
	ret->same = p->trusted.same;
	ret->bundle_fd = TAKE_FD(p->trusted_fd);
	return 0;
}

int signed_run(const struct signed_order *o, struct signed_result *ret)
{
	_cleanup_(process_done) struct process p;
	struct process_trust trust = {
		.now_utc_sec = o->now_utc_sec, .bundle_fd = o->bundle_fd, .root_fd = o->root_fd
	};
	int r;

	*ret = (struct signed_result){ .bundle_fd = -1, .compiled = { .image_fd = -1 } };
	memcpy(trust.in_force, o->in_force, sizeof(trust.in_force));
	process_init(&p, WIRE_SIGNED);
	p.trust = &trust;
	p.gives_way = true;
	p.files = o->files;
	p.n_files = o->n_files;
	r = process_compile(&p, &ret->compiled);
	if (r == 0)
		r = take(&p, ret);
	if (!ret->compiled.messages)
		ret->compiled.messages = strdup("");
	return ret->compiled.messages ? r : -ENOMEM;
}
