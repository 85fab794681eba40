#include "agent/delivery.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/source/signed.h"

enum {
	/* Neither a lease nor a FIFO nor a link of the folder's owner holds this up. */
	FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	FOLDER_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY,
};

/* The mirror as it is handed to the compiler. */
struct mirror {
	struct folder_file files[SIGNED_RUN_FILES_MAX];
	size_t n;
	EVP_MD_CTX *seen; /* what the files are, not what is in them */
	char *message;    /* owned; what cannot be looked at */
};

static void mirror_done(struct mirror *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->files[i].name);
		(void) close(m->files[i].fd);
	}
	EVP_MD_CTX_free(m->seen);
	free(m->message);
}

static int complain(struct mirror *m, int r, char *message)
{
	free(m->message);
	m->message = message;
	return r;
}

/* ---- opening ---- */

static int note_seen(struct mirror *m, const char *name, const struct stat *st)
{
	const uint64_t what[] = { st->st_dev, st->st_ino, (uint64_t) st->st_size,
		(uint64_t) st->st_mtim.tv_sec, (uint64_t) st->st_mtim.tv_nsec,
		(uint64_t) st->st_ctim.tv_sec, (uint64_t) st->st_ctim.tv_nsec };

	return EVP_DigestUpdate(m->seen, name, strlen(name) + 1) &&
			EVP_DigestUpdate(m->seen, what, sizeof(what))
		? 0
		: -ENOMEM;
}

/* 1: taken; 0: there is no regular file of that name, and what the metadata wants is missed by the
 * compiler. */
static int add_file(struct mirror *m, int folder, const char *prefix, const char *name)
{
	_cleanup_close_ int fd = openat(folder, name, FILE_FLAGS);
	struct folder_file *f = &m->files[m->n];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (m->n == SIGNED_RUN_FILES_MAX)
		return complain(m, -E2BIG,
			folder_message("the folder of the updates holds more than %d files",
				SIGNED_RUN_FILES_MAX));
	if (asprintf(&f->name, "%s%s", prefix, name) < 0)
		return -ENOMEM;
	f->fd = TAKE_FD(fd);
	m->n++;
	return note_seen(m, f->name, &st) < 0 ? -ENOMEM : 1;
}

/* Only those that can follow the trusted one, as many as one update takes. */
static int add_roots(struct mirror *m, int folder, int64_t trusted)
{
	char name[64];
	int r = 1;

	for (int64_t v = trusted + 1; v <= trusted + TUF_ROTATIONS_MAX && r > 0; v++) {
		(void) snprintf(name, sizeof(name), "%jd.root.json", (intmax_t) v);
		r = add_file(m, folder, "metadata/", name);
	}
	return r < 0 ? r : 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

static bool is_root(const char *name)
{
	return !strcmp(name + strspn(name, "0123456789"), ".root.json");
}

/* Roots are taken by their numbers. */
static bool is_metadata(const char *name)
{
	return name[0] != '.' && ends_with(name, ".json") && !is_root(name);
}

static bool is_target(const char *name)
{
	return name[0] != '.';
}

/* All the files in @folder (borrowed) that @wanted takes, of which there may be @max. */
static int add_all(struct mirror *m, int folder, const char *prefix,
	bool (*wanted)(const char *name), size_t max)
{
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *e;
	int copy = openat(folder, ".", FOLDER_FLAGS), r = 0;
	size_t n = 0, seen = 0;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		cleanup_closep(&copy);
		return -errno;
	}
	while (r >= 0 && (errno = 0, e = readdir(d))) {
		if (++seen > DELIVERY_ENTRIES_MAX || n > max)
			return complain(m, -E2BIG,
				folder_message("the folder %s of the updates holds too much (more "
					       "than %zu files, or %d entries)",
					prefix, max, DELIVERY_ENTRIES_MAX));
		if (wanted(e->d_name)) {
			r = add_file(m, folder, prefix, e->d_name);
			n += r > 0;
		}
	}
	return r < 0 ? r : -errno;
}

/* The folder @name in @folder, if there is one. */
static int add_folder(struct mirror *m, int folder, const char *name, const char *prefix)
{
	_cleanup_close_ int fd = openat(folder, name, FOLDER_FLAGS);

	return fd < 0 ? 0 : add_all(m, fd, prefix, is_target, POLICY_FILES_MAX * 3);
}

static int add_targets(struct mirror *m, int mirror)
{
	_cleanup_close_ int fd = openat(mirror, "targets", FOLDER_FLAGS);
	_cleanup_close_ int policy = fd < 0 ? -1 : openat(fd, "policy", FOLDER_FLAGS);
	int r;

	if (policy < 0)
		return 0;
	r = add_all(m, policy, "targets/policy/", is_target, POLICY_FILES_MAX * 3);
	r = r < 0 ? r : add_folder(m, policy, "lists", "targets/policy/lists/");
	return r < 0 ? r : add_folder(m, policy, "signatures", "targets/policy/signatures/");
}

static int open_mirror(struct mirror *m, int updates, int64_t trusted_root)
{
	_cleanup_close_ int mirror = openat(updates, UPDATE_MIRROR, FOLDER_FLAGS);
	_cleanup_close_ int metadata = mirror < 0 ? -1 : openat(mirror, "metadata", FOLDER_FLAGS);
	int r;

	if (metadata < 0 || faccessat(metadata, "timestamp.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENODATA;
	r = add_roots(m, metadata, trusted_root);
	r = r < 0 ? r : add_all(m, metadata, "metadata/", is_metadata, DELIVERY_METADATA_MAX);
	return r < 0 ? r : add_targets(m, mirror);
}

/* ---- the report ---- */

static void read_report(int updates, struct delivery *d)
{
	_cleanup_close_ int fd = openat(updates, UPDATE_REPORT_FILE, FILE_FLAGS);
	struct stat st;

	d->asked = true;
	d->has_report = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size == (off_t) sizeof(d->report) &&
		fd_pread_full(fd, &d->report, sizeof(d->report), 0) ==
			(ssize_t) sizeof(d->report) &&
		d->report.magic == UPDATE_REPORT_MAGIC && update_report_valid(&d->report);
}

/* *ret holds the lock as long as it is open. */
static int lock(int updates, int *ret)
{
	_cleanup_close_ int fd = openat(updates, UPDATE_LOCK_FILE, FILE_FLAGS);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENODATA;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

/* ---- one look ---- */

struct look {
	const struct delivery_order *order;
	struct delivery *result;
	struct folder anchor;
	uint8_t anchor_digest[SHA256_SIZE];
	uint8_t image[SHA256_SIZE]; /* of the policy in force; zero: none that counts */
	struct mirror mirror;
};

static void look_done(struct look *l)
{
	folder_done(&l->anchor);
	mirror_done(&l->mirror);
}

static int read_anchor(struct look *l)
{
	static const uint8_t none[SHA256_SIZE];
	_cleanup_free_ char *bytes = NULL;
	struct trust_record *record = &l->result->state.record;
	size_t n;
	int r = folder_open_trusted(l->order->anchor_path, TUF_ROOT_SIZE_MAX, &l->anchor);

	r = r < 0 ? r : fd_read_file(l->anchor.files[0].fd, TUF_ROOT_SIZE_MAX, &bytes, &n);
	r = r < 0 ? r : trust_digest(bytes, n, l->anchor_digest);
	if (r < 0)
		return r;
	*record = l->order->state->record;
	l->result->afresh = memcmp(record->anchor, none, SHA256_SIZE) != 0 &&
		memcmp(record->anchor, l->anchor_digest, SHA256_SIZE) != 0;
	if (l->result->afresh)
		memset(record, 0, sizeof(*record));
	memcpy(record->anchor, l->anchor_digest, SHA256_SIZE);
	return 0;
}

/* 1: it was, and looked as it does now. */
static int seen_already(struct look *l)
{
	static const uint8_t never[SHA256_SIZE];
	const struct delivery_order *o = l->order;
	uint8_t *seen = l->result->seen;

	if (!EVP_DigestUpdate(l->mirror.seen, l->anchor_digest, SHA256_SIZE) ||
		!EVP_DigestFinal_ex(l->mirror.seen, seen, NULL))
		return -ENOMEM;
	return memcmp(o->seen, never, SHA256_SIZE) != 0 && !memcmp(o->seen, seen, SHA256_SIZE);
}

static int empty_memfd(int *ret)
{
	*ret = memfd_create("proscribe-trust", MFD_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

static void choose_image(struct look *l)
{
	const struct policy *p = l->order->unproven;

	l->result->damaged = p && policy_intact(p) == -EBADMSG;
	if (!l->result->damaged)
		memcpy(l->image, l->order->image, SHA256_SIZE);
}

/* The image belongs to the state only if no crash came between keeping the one and the other. */
static void choose_in_force(const struct look *l, uint8_t out[SHA256_SIZE])
{
	static const uint8_t none[SHA256_SIZE];
	const struct trust_record *r = &l->result->state.record;

	if (memcmp(l->image, none, SHA256_SIZE) != 0 && !memcmp(l->image, r->image, SHA256_SIZE))
		memcpy(out, r->in_force.targets_digest, SHA256_SIZE);
}

/* What was accepted counts from now on, also when something behind it was refused. */
static void take_trust(struct delivery *d, struct signed_result *s, int64_t now_utc_nsec)
{
	struct trust_record *r = &d->state.record;

	if (s->root_version > 0) {
		d->has_state = true;
		d->state.bundle_fd = TAKE_FD(s->bundle_fd);
		r->root_version = s->root_version;
	}
	if (s->refused < 0)
		return;
	memcpy(r->latest, s->summary.roles, sizeof(r->latest));
	r->accepted_utc_nsec = now_utc_nsec;
}

/* @image: the digest of the one in force. */
static int take_policy(
	struct delivery *d, struct signed_result *s, const uint8_t image[SHA256_SIZE])
{
	struct trust_record *record = &d->state.record;
	struct policy_info info;
	int r;

	if (s->compiled.n_errors > 0)
		return -EBADMSG;
	if (!s->same) {
		r = policy_open(s->compiled.image_fd, &d->policy);
		if (r < 0)
			return r;
		policy_info(d->policy, &info);
		memcpy(record->image, info.digest, SHA256_SIZE);
		/* Other words for the same: nothing has to be swapped. */
		if (!memcmp(info.digest, image, SHA256_SIZE))
			d->policy = policy_unref(d->policy);
	}
	record->in_force = s->summary;
	return 0;
}

static int verify(struct look *l)
{
	_cleanup_(signed_result_done) struct signed_result s = { .bundle_fd = -1,
		.compiled = { .image_fd = -1 } };
	_cleanup_close_ int empty = -1;
	struct delivery *d = l->result;
	const int64_t clock = clock_utc_nsec(), last = d->state.record.accepted_utc_nsec;
	const int64_t now = clock > last ? clock : last;
	struct signed_order order = { .now_utc_sec = now / NSEC_PER_SEC,
		.root_fd = l->anchor.files[0].fd,
		.bundle_fd = d->afresh ? -1 : l->order->state->bundle_fd,
		.files = l->mirror.files,
		.n_files = l->mirror.n };
	int r = 0;

	if (order.bundle_fd < 0) {
		r = empty_memfd(&empty);
		order.bundle_fd = empty;
	}
	choose_in_force(l, order.in_force);
	r = r < 0 ? r : signed_run(&order, &s);
	free(d->messages);
	d->messages = TAKE_PTR(s.compiled.messages);
	if (r < 0)
		return r;
	take_trust(d, &s, now);
	d->verified = s.refused == 0;
	return s.refused < 0 ? s.refused : take_policy(d, &s, l->image);
}

static int look(struct look *l)
{
	_cleanup_close_ int updates = -1, locked = -1;
	int r;

	l->mirror.seen = EVP_MD_CTX_new();
	if (!l->mirror.seen || !EVP_DigestInit_ex(l->mirror.seen, EVP_sha256(), NULL))
		return -ENOMEM;
	choose_image(l);
	r = read_anchor(l);
	if (r < 0)
		return r;
	/* The folder itself may be a link: it is root who says where it lies. */
	updates = open(l->order->folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (updates < 0)
		return errno == ENOENT ? -ENODATA : -errno;
	read_report(updates, l->result);
	r = lock(updates, &locked);
	r = r < 0 ? r : open_mirror(&l->mirror, updates, l->result->state.record.root_version);
	r = r < 0 ? r : seen_already(l);
	return r != 0 ? r : verify(l);
}

static char *explain(const struct look *l, int r)
{
	if (l->anchor.message)
		return strdup(l->anchor.message);
	if (l->mirror.message)
		return strdup(l->mirror.message);
	if (r == -EBUSY)
		return folder_message("proscribe-update is at work in %s just now; it is looked at "
				      "again when it is done",
			l->order->folder);
	if (r == -ENODATA)
		return folder_message(
			"proscribe-update has not fetched anything into %s yet", l->order->folder);
	return r < 0 ? folder_message("%s cannot be looked at: %s", l->order->folder, strerror(-r))
		     : strdup("");
}

void delivery_look(const struct delivery_order *o, struct delivery *ret)
{
	_cleanup_(look_done) struct look l = { .order = o, .result = ret };

	*ret = (struct delivery){ 0 };
	trust_state_init(&ret->state);
	ret->result = look(&l);
	if (!ret->messages)
		ret->messages = explain(&l, ret->result);
	if (!ret->messages && ret->result >= 0)
		ret->result = -ENOMEM;
}

void delivery_done(struct delivery *d)
{
	free(d->messages);
	trust_state_done(&d->state);
	(void) policy_unref(d->policy);
	*d = (struct delivery){ 0 };
	trust_state_init(&d->state);
}
