#include "agent/update/plan.h"

#include <string.h>

#include "agent/update/durable.h"
#include "agent/update/mirror.h"
#include "policy/base/text.h"
#include "policy/trust/repository.h"

struct walk {
	struct tuf_client *client;
	struct plan *plan;
	struct tuf_error *error;
};

static void file_done(struct plan_file *f)
{
	free(f->path);
	free(f->name);
	free(f->role);
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		file_done(&p->files[i]);
	free(p->files);
	*p = (struct plan){ 0 };
}

/* @path and @name are taken over, also on failure. */
static int add(struct plan *p, enum plan_kind kind, char *path, char *name, const char *role,
	const struct tuf_fileinfo *info)
{
	struct plan_file f = { .kind = kind, .path = path, .name = name }, *files;
	int r = path && name ? text_dup(role, &f.role) : -ENOMEM;

	if (r == 0 && p->n == p->room) {
		files = reallocarray(p->files, p->room + 64, sizeof(*files));
		if (files) {
			p->files = files;
			p->room += 64;
		} else {
			r = -ENOMEM;
		}
	}
	if (r < 0) {
		file_done(&f);
		return r;
	}
	if (info)
		f.info = *info;
	p->files[p->n++] = f;
	return 0;
}

static char *make_text(const char *format, ...) _printf_(1, 2);
static char *make_text(const char *format, ...)
{
	va_list a;
	char *s;
	int r;

	va_start(a, format);
	r = vasprintf(&s, format, a);
	va_end(a);
	return r < 0 ? NULL : s;
}

/* ---- metadata ---- */

static int add_roots(struct plan *p, int64_t first, int64_t last)
{
	int r = 0;

	for (int64_t v = first; v <= last && r == 0; v++)
		r = add(p, PLAN_ROOT, make_text(MIRROR_METADATA "%lld.root.json", (long long) v),
			make_text("%lld.root.json", (long long) v), NULL, NULL);
	return r;
}

static bool is_planned(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->files[i].path, path) == 0)
			return true;
	return false;
}

/* A role that several delegate to is visited more than once, and is one file. */
static int add_metadata(struct plan *p, const char *role, int64_t version)
{
	_cleanup_free_ char *path = NULL;
	char quoted[TUF_FILE_MAX + 1];
	int r = tuf_quote(role, false, quoted, sizeof(quoted));

	if (r < 0)
		return r;
	path = make_text(MIRROR_METADATA "%lld.%s.json", (long long) version, quoted);
	if (!path)
		return -ENOMEM;
	if (is_planned(p, path))
		return 0;
	return add(p, PLAN_METADATA, TAKE_PTR(path), make_text("%s.json", quoted), NULL, NULL);
}

static int add_all_metadata(struct plan *p, const struct tuf_client *c)
{
	const struct tuf_metadata *m, *keys_of;
	const struct tuf_role *entry;
	const char *role;
	int r = 0;

	for (size_t i = 0; r == 0 && (role = tuf_client_role(c, i, &m, &keys_of, &entry)); i++)
		if (m->type == TUF_SNAPSHOT || m->type == TUF_TARGETS)
			r = add_metadata(p, role, m->version);
	return r
		?: add(p, PLAN_METADATA, strdup(MIRROR_METADATA "timestamp.json"),
			   strdup("timestamp.json"), NULL, NULL);
}

/* ---- targets ---- */

static int check_size(const struct walk *w, const struct tuf_target *t, const char *role)
{
	const bool list = strncmp(t->path, REPOSITORY_POLICY POLICY_LISTS,
				  strlen(REPOSITORY_POLICY POLICY_LISTS)) == 0;
	const uint64_t max = list ? POLICY_LIST_SIZE_MAX : POLICY_FILE_SIZE_MAX;

	if (t->info.length > max)
		return tuf_fail(w->error, -EFBIG, role, t->path,
			"is %llu bytes long, but may be at most %llu (%s)",
			(unsigned long long) t->info.length, (unsigned long long) max,
			list ? "POLICY_LIST_SIZE_MAX" : "POLICY_FILE_SIZE_MAX");
	if (w->plan->n_targets == PLAN_TARGETS_MAX)
		return tuf_fail(w->error, -EFBIG, role, t->path,
			"is one file more than a policy may have: %d (POLICY_ALL_FILES_MAX)",
			PLAN_TARGETS_MAX);
	if (t->info.length > PLAN_SIZE_MAX - w->plan->size)
		return tuf_fail(w->error, -EFBIG, role, t->path,
			"makes the files of the policy larger than %llu bytes (PLAN_SIZE_MAX)",
			(unsigned long long) PLAN_SIZE_MAX);
	return 0;
}

static int add_target(void *context, const struct tuf_target *t, const char *role)
{
	struct walk *w = context;
	char file[TUF_FILE_MAX + 1];
	int r = check_size(w, t, role);

	if (r < 0)
		return r;
	if (durable_check_path(t->path) < 0)
		return tuf_fail(w->error, -EBADMSG, role, t->path,
			"is no path that a file of a folder can have");
	r = tuf_client_target_file(w->client, t, file);
	r = r ?: durable_check_path(file);
	r = r
		?: add(w->plan, PLAN_TARGET, make_text(MIRROR_TARGETS "%s", file), strdup(t->path),
			   role, &t->info);
	if (r < 0)
		return tuf_fail(w->error, r, role, t->path, "cannot be fetched: %s", strerror(-r));
	w->plan->n_targets++;
	w->plan->size += t->info.length;
	return 0;
}

int plan_make(struct tuf_client *c, int64_t first_root, struct plan *ret, struct tuf_error *e)
{
	_cleanup_(plan_done) struct plan p = { 0 };
	struct tuf_error own = { 0 };
	struct walk w = { .client = c, .plan = &p, .error = &own };
	const struct tuf_metadata *root = tuf_client_get(c, TUF_ROOT);
	int r;

	if (!root->consistent_snapshot)
		return tuf_fail(e, -EBADMSG, "root", "root.json",
			"has no consistent snapshots, expected \"consistent_snapshot\": true");
	r = tuf_client_each(c, REPOSITORY_POLICY, add_target, &w, e);
	if (own.error < 0 && e)
		*e = own;
	if (r < 0)
		return r;
	if (p.n_targets == 0)
		return tuf_fail(e, -ENOENT, "targets", NULL,
			"no file of the repository lies below %s, so it holds no policy",
			REPOSITORY_POLICY);
	r = add_roots(&p, first_root, root->version);
	r = r ?: add_all_metadata(&p, c);
	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "the mirror cannot be planned: %s", strerror(-r));
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}
