#include "agent/update/run.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/update/accepted.h"
#include "agent/update/digest.h"
#include "agent/update/durable.h"
#include "agent/update/mirror.h"
#include "agent/update/plan.h"
#include "agent/update/remote.h"
#include "policy/base/text.h"

/* Targets while they are fetched, by their hash; what a run leaves here is continued by the next.
 */
#define PARTS "parts"

enum { PART_NAME_SIZE = 2 * 64 + sizeof(".part"), FILE_MODE = 0640 };

struct run {
	const struct run_options *o;
	struct accepted *accepted;
	struct remote *remote;
	struct tuf_transport transport;
	struct tuf_client *client; /* borrows the transport */
	int parts;
};

static void run_done(struct run *u)
{
	tuf_client_free(u->client);
	remote_free(u->remote);
	accepted_free(u->accepted);
	cleanup_closep(&u->parts);
}

/* ---- refresh ---- */

static int refresh(struct run *u, struct tuf_error *e)
{
	const struct tuf_client_options options = {
		.transport = &u->transport,
		.store = accepted_store(u->accepted),
		.now_utc_sec = u->o->now_utc_sec,
	};
	int r;

	remote_transport(u->remote, &u->transport);
	r = tuf_client_new(&options, &u->client, e);
	if (r == -EBADMSG || r == -EKEYREJECTED || r == -ENOENT) {
		/* What is kept was damaged; the anchor was not. */
		r = accepted_begin(
			u->accepted, u->o->now_utc_sec, u->o->anchor, u->o->anchor_size, e);
		r = r ?: tuf_client_new(&options, &u->client, e);
	}
	r = r ?: tuf_client_refresh(u->client, e);
	if (r == 0)
		remote_accept(u->remote);
	return r;
}

/* ---- targets ---- */

static int part_name(const struct plan_file *f, char out[PART_NAME_SIZE])
{
	char hex[2 * 64 + 1];

	if (f->info.has_sha256)
		text_hex(f->info.sha256, sizeof(f->info.sha256), hex);
	else if (f->info.has_sha512)
		text_hex(f->info.sha512, sizeof(f->info.sha512), hex);
	else
		return -EUCLEAN;
	(void) snprintf(out, PART_NAME_SIZE, "%s.part", hex);
	return 0;
}

static int fail_target(const struct plan_file *f, int error, struct tuf_error *e)
{
	if (error == -EUCLEAN || error == -EFBIG)
		return tuf_fail(e, -EUCLEAN, f->role, f->name,
			"what the server has is not what was signed: its length or hash is "
			"another, expected %llu bytes",
			(unsigned long long) f->info.length);
	return tuf_fail(e, error, f->role, f->name, "cannot be kept: %s", strerror(-error));
}

static int fetch_rest(
	struct run *u, const struct plan_file *f, int fd, uint64_t *have, struct tuf_error *e)
{
	int r = remote_fetch_target(
		u->remote, f->path + strlen(MIRROR_TARGETS), fd, f->info.length, have, e);

	if (r < 0 && e) {
		(void) text_copy(e->role, sizeof(e->role), f->role);
		(void) text_copy(e->file, sizeof(e->file), f->name);
	}
	return r;
}

/* What an earlier run began may be of a file that was never whole; then it is fetched anew, once.
 */
static int fetch_part(
	struct run *u, const struct plan_file *f, const char *name, struct tuf_error *e)
{
	_cleanup_close_ int fd = openat(
		u->parts, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	uint64_t have, before;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_target(f, -errno, e);
	have = before = (uint64_t) st.st_size;
	r = fetch_rest(u, f, fd, &have, e);
	if (r < 0 && (r != -EUCLEAN || before == 0))
		return r;
	r = r ?: digest_of_file(fd, &f->info);
	if (r == -EUCLEAN && before > 0) {
		have = 0;
		r = ftruncate(fd, 0) < 0 ? -errno : 0;
		if (r < 0)
			return fail_target(f, r, e);
		r = fetch_rest(u, f, fd, &have, e);
		if (r < 0)
			return r;
		r = digest_of_file(fd, &f->info);
	}
	if (r == -EUCLEAN)
		(void) unlinkat(u->parts, name, 0);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? fail_target(f, r, e) : 0;
}

static int add_target(
	struct run *u, struct mirror *m, const struct plan_file *f, struct tuf_error *e)
{
	char name[PART_NAME_SIZE];
	int r;

	if (mirror_has(u->o->state, f->path, &f->info, true)) {
		r = mirror_keep(m, f->path);
		return r < 0 ? fail_target(f, r, e) : 0;
	}
	r = part_name(f, name);
	if (r < 0)
		return tuf_fail(
			e, r, f->role, f->name, "has no hash that is known here: sha256 or sha512");
	r = fetch_part(u, f, name, e);
	if (r < 0)
		return r;
	r = mirror_link(m, f->path, u->parts, name);
	return r < 0 ? fail_target(f, r, e) : 0;
}

static bool is_planned(const struct plan *p, const char *part)
{
	char name[PART_NAME_SIZE];

	for (size_t i = 0; i < p->n; i++)
		if (p->files[i].kind == PLAN_TARGET && part_name(&p->files[i], name) == 0 &&
			strcmp(name, part) == 0)
			return true;
	return false;
}

/* Of files that are no part of the policy any more. */
static int drop_old_parts(struct run *u, const struct plan *p)
{
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *entry;
	int fd = openat(u->parts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		cleanup_closep(&fd);
		return -errno;
	}
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && !is_planned(p, entry->d_name))
			(void) unlinkat(u->parts, entry->d_name, 0);
	return 0;
}

/* ---- the mirror ---- */

/* A root or another metadata file, as it was accepted. */
static int load_metadata(struct run *u, const struct plan_file *f, char **ret, size_t *ret_size)
{
	const struct tuf_store *store = accepted_store(u->accepted);
	int64_t first;

	if (f->kind == PLAN_ROOT)
		return durable_read(accepted_roots(u->accepted, &first), f->name, TUF_ROOT_SIZE_MAX,
			ret, ret_size);
	return store->load(store->context, f->name, TUF_TARGETS_SIZE_MAX, ret, ret_size);
}

static int add_metadata(struct run *u, struct mirror *m, const struct plan_file *f)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;
	int r = load_metadata(u, f, &bytes, &n);

	return r ?: mirror_add(m, f->path, bytes, n);
}

static int make_mirror(struct run *u, const struct plan *p, struct tuf_error *e)
{
	_cleanup_(mirror_freep) struct mirror *m = NULL;
	int r = mirror_new(u->o->state, &m);

	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "the mirror cannot be made: %s", strerror(-r));
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_file *f = &p->files[i];

		if (f->kind == PLAN_TARGET) {
			r = add_target(u, m, f, e);
			if (r < 0)
				return r;
			continue;
		}
		r = add_metadata(u, m, f);
		if (r < 0)
			return tuf_fail(e, r, NULL, f->name, "cannot be put into the mirror: %s",
				strerror(-r));
	}
	r = mirror_use(m);
	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "the new mirror cannot be put in place: %s",
			strerror(-r));
	return 0;
}

/* Is all there already? The usual case. Contents of targets are compared when they are fetched. */
static bool is_up_to_date(struct run *u, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_file *f = &p->files[i];
		_cleanup_free_ char *bytes = NULL;
		size_t n;

		if (f->kind == PLAN_TARGET ? !mirror_has(u->o->state, f->path, &f->info, false)
					   : load_metadata(u, f, &bytes, &n) < 0 ||
					!mirror_is(u->o->state, f->path, bytes, n))
			return false;
	}
	return true;
}

static int bring_up_to_date(struct run *u, struct run_result *ret, struct tuf_error *e)
{
	_cleanup_(plan_done) struct plan p = { 0 };
	int64_t first;
	int r;

	(void) accepted_roots(u->accepted, &first);
	r = plan_make(u->client, first, &p, e);
	if (r < 0)
		return r;
	ret->n_files = p.n_targets;
	if (is_up_to_date(u, &p))
		return 0;
	r = durable_folder(u->o->state, PARTS, &u->parts);
	r = r ?: drop_old_parts(u, &p);
	if (r < 0)
		return tuf_fail(e, r, NULL, PARTS, "cannot be made: %s", strerror(-r));
	r = make_mirror(u, &p, e);
	if (r < 0)
		return r;
	ret->changed = true;
	(void) durable_remove(u->o->state, PARTS);
	return 0;
}

static int64_t version_of(const struct run *u, enum tuf_type type)
{
	const struct tuf_metadata *m = u->client ? tuf_client_get(u->client, type) : NULL;

	return m ? m->version : 0;
}

int run_update(const struct run_options *o, struct run_result *ret, struct tuf_error *e)
{
	_cleanup_(run_done) struct run u = { .o = o, .parts = -1 };
	struct http_counts counts = { 0 };
	int r;

	*ret = (struct run_result){ 0 };
	r = accepted_open(o->state, o->now_utc_sec, o->anchor, o->anchor_size, &u.accepted, e);
	r = r ?: remote_new(o->settings, o->state, accepted_store(u.accepted), &u.remote, e);
	if (r < 0)
		return r;
	r = refresh(&u, e);
	r = r ?: bring_up_to_date(&u, ret, e);
	remote_counts(u.remote, &counts);
	ret->requests = counts.requests;
	ret->bytes = counts.bytes;
	ret->root = version_of(&u, TUF_ROOT);
	ret->timestamp = version_of(&u, TUF_TIMESTAMP);
	ret->targets = version_of(&u, TUF_TARGETS);
	return r;
}
