/*
 * A byte string drives updates of one client against a repository with a history (rotated keys,
 * attacks by somebody who has online keys, and the recovery from them): for each requested file it
 * chooses between the right one and older, newer, swapped, cut, changed, wrongly signed and missing
 * ones, for each update the time and where the disk is full or the machine stops.
 *
 * Whatever happens: only what the repository's keys have signed is stored, no version goes down
 * unless keys of timestamp or snapshot were rotated since, and the next honest update succeeds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/signed_repository.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STAGES = 11,
	UPDATES_MAX = 6,
	KNOWN_MAX = 160, /* files of all stages */
	ROLES = 5,
	DAYS = 40,      /* everything has expired after 30 */
	HOSTILE = 0x50, /* bytes from here on ask for something else than the right file */
};

static const char *const role_names[ROLES] = { "root", "timestamp", "snapshot", "targets", "team" };
static const int64_t rotations[] = { 3, 4 }; /* roots by which timestamp or snapshot lost keys */

struct known {
	char *path, *bytes;
	size_t n;
	char *signed_part; /* canonical; NULL: forged */
	int first, last;   /* stages that have it */
};

struct history {
	struct known files[KNOWN_MAX];
	size_t n;
};

struct input {
	const uint8_t *p;
	size_t n;
};

struct world {
	const struct history *history;
	struct input input;
	int stage;
	bool honest;
	struct tuf_bundle *bundle;
	struct tuf_store real;
	unsigned writes_left;                   /* until the disk is full */
	int64_t versions[ROLES], epochs[ROLES]; /* stored version, and the root at that time */
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t next(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* ---- the history ---- */
static char *signed_part(const char *bytes, size_t n)
{
	_cleanup_json_ json_t *file = NULL;
	char *out;
	size_t out_n;

	if (canonical_load(bytes, n, NULL, 0, &file) < 0)
		return NULL;
	return canonical_encode(json_object_get(file, "signed"), &out, &out_n) == 0 ? out : NULL;
}

static void learn(struct history *h, const struct signed_file *f, int stage, bool forged)
{
	struct known *k;

	for (size_t i = 0; i < h->n && !forged; i++) {
		k = &h->files[i];
		if (k->signed_part && strcmp(k->path, f->path) == 0 && k->n == f->n &&
			memcmp(k->bytes, f->bytes, f->n) == 0) {
			k->last = stage;
			return;
		}
	}
	must(h->n < KNOWN_MAX);
	k = &h->files[h->n++];
	*k = (struct known){ strdup(f->path), malloc(f->n + 1), f->n, NULL, stage, stage };
	must(k->path && k->bytes);
	memcpy(k->bytes, f->bytes, f->n + 1);
	if (forged)
		k->first = STAGES; /* no stage has it */
	else
		k->signed_part = signed_part(f->bytes, f->n);
	must(forged || k->signed_part);
}

static void learn_stage(struct history *h, const struct signed_repository *r, int stage)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (strchr(r->files[i].path, '/') == NULL)
			learn(h, &r->files[i], stage, false);
}

/* Newer versions by somebody who has none of the keys. */
static void learn_forged(struct history *h)
{
	struct signed_repository *r = signed_repository_new();

	for (size_t i = 0; i < ROLES - 1; i++)
		for (size_t k = 0; k < r->roles[i].n_keys; k++) {
			signed_key_done(&r->roles[i].keys[k]);
			r->n_keys_made = 200 + i;
			r->roles[i].keys[k] = signed_key_new(r);
		}
	for (int i = 0; i < 4; i++) {
		signed_publish_role(r, "root");
		signed_publish(r, "targets");
	}
	for (size_t i = 0; i < r->n_files; i++)
		learn(h, &r->files[i], 0, true);
	signed_repository_free(r);
}

static void set_versions(struct signed_repository *r, int64_t version)
{
	for (size_t i = SIGNED_TIMESTAMP; i < SIGNED_TOP; i++)
		r->roles[i].version = version + (int64_t) i;
}

/* An attacker who has the online keys shows older files. */
static void attack(struct signed_repository *r, int stage)
{
	struct signed_role *snapshot = signed_role(r, "snapshot"), *team = signed_role(r, "team");
	struct signed_role *targets = signed_role(r, "targets");

	if (stage == 2) {
		snapshot->version--;
		signed_publish_role(r, "timestamp");
		snapshot->version++;
	} else if (stage == 3) {
		targets->version--;
		signed_publish(r, "");
		targets->version++;
	} else {
		team->hidden = true;
		signed_publish(r, "");
		team->hidden = false;
	}
}

static void make_stage(struct signed_repository *r, int stage)
{
	switch (stage) {
	case 0:
		signed_delegate(r, "targets", "team", "policy/team/*");
		signed_target(r, "targets", "policy/policy.yaml", "rules");
		signed_target(r, "team", "policy/team/a.yaml", "more rules");
		signed_publish_role(r, "team");
		break;
	case 2:
	case 3:
	case 4:
		attack(r, stage);
		return;
	case 5:
		signed_rotate(r, "root");
		signed_publish_role(r, "root");
		signed_publish_role(r, "team");
		break;
	case 6: /* the same attacker makes versions rise */
		set_versions(r, 5000);
		break;
	case 7:
		signed_rotate(r, "timestamp");
		signed_rotate(r, "snapshot");
		signed_publish_role(r, "root");
		set_versions(r, 10);
		break;
	case 8:
		signed_rotate(r, "snapshot");
		signed_publish_role(r, "root");
		break;
	case 9:
		r->hashes = true;
		signed_publish_role(r, "team");
		break;
	case 10:
		signed_rotate(r, "targets");
		signed_rotate(r, "team");
		signed_publish_role(r, "root");
		signed_publish_role(r, "team");
		break;
	default:
		break;
	}
	signed_publish(r, "targets");
}

/* Made once; the same in every process. */
static const struct history *history(void)
{
	static struct history h;
	struct signed_repository *r;

	if (h.n > 0)
		return &h;
	r = signed_repository_new();
	for (int stage = 0; stage < STAGES; stage++) {
		make_stage(r, stage);
		learn_stage(&h, r, stage);
	}
	signed_repository_free(r);
	learn_forged(&h);
	return &h;
}

/* ---- the server ---- */
static const struct known *honest_file(const struct world *w, const char *path)
{
	const struct history *h = w->history;

	for (size_t i = 0; i < h->n; i++)
		if (h->files[i].first <= w->stage && w->stage <= h->files[i].last &&
			strcmp(h->files[i].path, path) == 0)
			return &h->files[i];
	return NULL;
}

static int give(
	const char *bytes, size_t n, size_t max, char **ret, size_t *ret_size, struct tuf_error *e)
{
	if (n > max)
		return tuf_fail(e, -EFBIG, NULL, "", "too long");
	*ret = malloc(n + 1);
	must(*ret);
	memcpy(*ret, bytes, n);
	(*ret)[n] = '\0';
	*ret_size = n;
	return 0;
}

static int fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	struct world *w = context;
	uint8_t kind = w->honest ? 0 : next(&w->input), argument = 0;
	const struct known *f = honest_file(w, path);
	int r;

	if (kind >= HOSTILE) {
		argument = next(&w->input);
		if (kind % 4 == 0) /* any other file of any time, and forged ones */
			f = &w->history->files[argument % w->history->n];
		else if (kind % 4 == 1)
			f = NULL;
		if (kind % 8 == 2)
			return tuf_fail(e, -EHOSTUNREACH, NULL, path, "nobody answers");
	}
	if (!f)
		return tuf_fail(e, -ENOENT, NULL, path, "is not there");
	r = give(f->bytes, f->n, max, ret, ret_size, e);
	if (r < 0 || kind < HOSTILE)
		return r;
	if (kind % 8 == 3)
		*ret_size = f->n * argument / 256;
	if (kind % 8 == 7)
		(*ret)[f->n * argument / 256] ^= (char) (1 << (kind / 8 % 8));
	return 0;
}

/* ---- the store ---- */
static int load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	struct world *w = context;

	return w->real.load(w->real.context, name, max, ret, ret_size);
}

static int save(void *context, const char *name, const void *bytes, size_t n)
{
	struct world *w = context;

	if (w->writes_left == 0)
		return -ENOSPC;
	w->writes_left--;
	return w->real.save(w->real.context, name, bytes, n);
}

static int forget(void *context, const char *name)
{
	struct world *w = context;

	if (w->writes_left == 0)
		return -EROFS;
	w->writes_left--;
	return w->real.remove(w->real.context, name);
}

/* ---- what must hold ---- */
static bool rotated(int64_t after, int64_t until)
{
	for (size_t i = 0; i < ARRAY_SIZE(rotations); i++)
		if (after < rotations[i] && rotations[i] <= until)
			return true;
	return false;
}

static bool is_known(const struct history *h, const char *part)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->files[i].signed_part && strcmp(h->files[i].signed_part, part) == 0)
			return true;
	return false;
}

/* The version of what is stored of a role; 0: nothing. */
static int64_t check_role(const struct world *w, const char *role)
{
	_cleanup_free_ char *bytes = NULL, *part = NULL;
	_cleanup_json_ json_t *s = NULL;
	char name[32];
	size_t n;

	(void) snprintf(name, sizeof(name), "%s.json", role);
	if (w->real.load(w->real.context, name, SIZE_MAX, &bytes, &n) < 0)
		return 0;
	part = signed_part(bytes, n);
	must(part && is_known(w->history, part));
	must(canonical_load(part, strlen(part), NULL, 0, &s) == 0);
	must(strcmp(json_string_value(json_object_get(s, "_type")),
		     strcmp(role, "team") == 0 ? "targets" : role) == 0);
	return json_integer_value(json_object_get(s, "version"));
}

static void check_store(struct world *w, bool succeeded)
{
	int64_t root = check_role(w, "root");

	must(root >= w->versions[0]);
	for (size_t i = 0; i < ROLES; i++) {
		int64_t version = check_role(w, role_names[i]);

		must(version >= w->versions[i] || rotated(w->epochs[i], root));
		if (succeeded || version != w->versions[i])
			w->epochs[i] = root;
		w->versions[i] = version;
	}
}

static int count(void *context, const struct tuf_target *t, const char *role)
{
	int *n = context;

	must(strncmp(t->path, "policy/", 7) == 0 && role);
	++*n;
	return 0;
}

static void update(struct world *w, int64_t now)
{
	const struct tuf_transport transport = { fetch, w };
	const struct tuf_store store = { load, save, forget, w };
	_cleanup_(tuf_client_freep) struct tuf_client *c = NULL;
	struct tuf_error e = { 0 };
	int r, n = 0;

	must(tuf_client_new(&(struct tuf_client_options){ &transport, &store, now }, &c, &e) == 0);
	r = tuf_client_each(c, "policy/", count, &n, &e);
	must(r <= 0 && (r == 0) == (e.error == 0) && r == e.error);
	must(r < 0 || n == 2);
	must(!w->honest || r == 0);
	check_store(w, r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .history = history(), .input = { data, size } };
	const struct known *root;

	must(tuf_bundle_new(NULL, 0, &w.bundle) == 0);
	tuf_bundle_store(w.bundle, &w.real);
	root = honest_file(&w, "1.root.json");
	must(root && tuf_client_init(&w.real, SIGNED_NOW, root->bytes, root->n, NULL) == 0);
	check_store(&w, true);
	for (int i = 0; i < UPDATES_MAX && w.input.n > 0; i++) {
		uint8_t disk, day;

		w.stage = next(&w.input) % STAGES;
		disk = next(&w.input);
		day = next(&w.input);
		w.writes_left = disk < 0x40 ? disk % 8 : 1000;
		update(&w, SIGNED_NOW + (day < 0x40 ? day % DAYS : 0) * SIGNED_DAY);
	}
	w.honest = true;
	w.stage = STAGES - 1;
	w.writes_left = 1000;
	update(&w, SIGNED_NOW);
	(void) tuf_bundle_free(w.bundle);
	return 0;
}
