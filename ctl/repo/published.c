#include "ctl/repo/published.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/source/compiler.h"
#include "policy/trust/repository.h"
#include "policy/trust/repository_folder.h"

enum { BLOCK_SIZE = 1 << 16, RETRIES = 2 };

void published_done(struct published *p)
{
	repository_verified_done(&p->verified);
	for (size_t i = 0; i < ARRAY_SIZE(p->http); i++) {
		http_free(p->http[i]);
		cleanup_closep(&p->folders[i]);
	}
	cleanup_closep(&p->copy_fd);
	if (p->copy)
		(void) repository_remove_tree(AT_FDCWD, p->copy);
	free(p->copy);
	free(p->root);
} /* ---- where it comes from ---- */
static int open_urls(struct published *p, const struct arguments *a, struct tuf_error *e)
{
	static const char *const parts[] = { "metadata", "targets" };
	const struct http_options options = {
		.ca_file = a->ca_file, .retries = RETRIES, .plain = true
	};
	size_t n = strlen(p->where);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *url = NULL;
		int r;
		if (asprintf(&url, "%s%s%s/", p->where, n > 0 && p->where[n - 1] == '/' ? "" : "/",
			    parts[i]) < 0) {
			url = NULL;
			return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
		}
		r = http_new(url, &options, &p->http[i], e);
		if (r < 0)
			return r;
	}
	http_transport(p->http[0], &p->inner);
	return 0;
}
static int open_folders(struct published *p, struct tuf_error *e)
{
	static const char *const parts[] = { "metadata", "targets" };
	_cleanup_close_ int fd = open(p->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, p->where, "cannot be opened: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		p->folders[i] = openat(fd, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p->folders[i] < 0)
			return tuf_fail(e, -errno, NULL, p->where,
				"is no folder that was published to: %s/: %s", parts[i],
				strerror(errno));
	}
	tuf_folder_transport(&p->folders[0], &p->inner);
	return 0;
} /* Counts what a folder is asked for; for URLs, http does. */
static int fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	struct published *p = context;
	int r = p->inner.fetch(p->inner.context, path, max, ret, ret_size, e);
	p->requests++;
	if (r == 0)
		p->bytes += *ret_size;
	return r;
}
static int get_root(struct published *p, const struct arguments *a, struct tuf_error *e)
{
	int r;
	if (!a->root)
		return fetch(p, "1.root.json", TUF_ROOT_SIZE_MAX, &p->root, &p->root_size, e);
	r = repository_read(AT_FDCWD, a->root, TUF_ROOT_SIZE_MAX, &p->root, &p->root_size);
	return r < 0 ? tuf_fail(e, r, "root", a->root, "cannot be read: %s", strerror(-r)) : 0;
} /* ---- the policy's files ---- */ /* A name that can be no way out of the folder. */
static bool name_valid(const char *name)
{
	return *name && *name != '.' && strlen(name) <= NAME_MAX && !strchr(name, '/');
} /* The folder of lists or of signatures, when @name up to @slash is one of them. */
static int open_below(const struct published *p, const char *name, const char *slash)
{
	static const char *const kinds[] = { POLICY_LISTS, POLICY_SIGNATURES };
	size_t n = (size_t) (slash - name) + 1;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i]) == n && strncmp(name, kinds[i], n) == 0)
			return openat(p->copy_fd, kinds[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return -1;
} /* Opens the place of the target @path in the copy: a file of the policy, or one that nobody
     keeps. */
static int open_copy(struct published *p, const char *path, struct tuf_error *e)
{
	const char *name, *slash;
	_cleanup_close_ int below = -1;
	int fd = -1;
	if (strncmp(path, REPOSITORY_POLICY, strlen(REPOSITORY_POLICY)) == 0) {
		name = path + strlen(REPOSITORY_POLICY);
		slash = strchr(name, '/');
		if (!slash && name_valid(name))
			fd = openat(p->copy_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		else if (slash && name_valid(slash + 1))
			below = open_below(p, name, slash);
		if (below >= 0)
			fd = openat(below, slash + 1, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		fd = open(p->copy, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return fd < 0
		? tuf_fail(e, -errno, NULL, p->copy, "cannot be written to: %s", strerror(errno))
		: fd;
}
static int copy_folder_file(
	struct published *p, const char *file, uint64_t size, int to, struct tuf_error *e)
{
	_cleanup_close_ int from = openat(
		p->folders[1], file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);
	uint64_t offset = 0;
	ssize_t n = 0;
	if (from < 0)
		return tuf_fail(e, -errno, NULL, file, "cannot be opened: %s", strerror(errno));
	if (!block)
		return tuf_fail(e, -ENOMEM, NULL, file, "not enough memory");
	do {
		int r;
		n = fd_pread_full(from, block, BLOCK_SIZE, (off_t) offset);
		r = n < 0 ? (int) n : fd_write_full(to, block, (size_t) n);
		if (r < 0)
			return tuf_fail(e, r, NULL, file, "cannot be copied: %s", strerror(-r));
		offset += (uint64_t) n;
	} while (n > 0 && offset <= size);
	p->requests++;
	p->bytes += offset;
	return 0;
}
static int digest_file(int fd, struct tuf_digest *digest, const char *file, struct tuf_error *e)
{
	_cleanup_free_ char *block = malloc(BLOCK_SIZE);
	uint64_t offset = 0;
	ssize_t n;
	if (!block)
		return tuf_fail(e, -ENOMEM, NULL, file, "not enough memory");
	while ((n = fd_pread_full(fd, block, BLOCK_SIZE, (off_t) offset)) > 0) {
		if (tuf_digest_add(digest, block, (size_t) n) < 0)
			return tuf_fail(e, -EUCLEAN, NULL, file, "is longer than what was signed");
		offset += (uint64_t) n;
	}
	return n < 0 ? tuf_fail(e, (int) n, NULL, file, "%s", strerror((int) -n)) : 0;
}
static int content(void *context, const struct tuf_target *t, const char *file,
	struct tuf_digest *digest, struct tuf_error *e)
{
	struct published *p = context;
	_cleanup_close_ int fd = open_copy(p, t->path, e);
	uint64_t have = 0;
	int r;
	if (fd < 0)
		return fd;
	if (t->info.length > POLICY_LIST_SIZE_MAX)
		return tuf_fail(e, -EFBIG, NULL, file,
			"has %" PRIu64 " bytes; no file of a policy may have more than %d",
			t->info.length, POLICY_LIST_SIZE_MAX);
	r = p->http[1] ? http_fetch_file(p->http[1], file, fd, t->info.length, &have, e)
		       : copy_folder_file(p, file, t->info.length, fd, e);
	return r < 0 ? r : digest_file(fd, digest, file, e);
}
static int make_copy(struct published *p, struct tuf_error *e)
{
	const char *base = getenv("TMPDIR");
	if (asprintf(&p->copy, "%s/proscribe-verify-XXXXXX", base && *base ? base : "/tmp") < 0) {
		p->copy = NULL;
		return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
	}
	if (!mkdtemp(p->copy)) {
		int r = tuf_fail(e, -errno, NULL, p->copy, "cannot be made: %s", strerror(errno));
		free(p->copy);
		p->copy = NULL;
		return r;
	}
	p->copy_fd = open(p->copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->copy_fd < 0 || mkdirat(p->copy_fd, "lists", 0700) < 0 ||
		mkdirat(p->copy_fd, "signatures", 0700) < 0)
		return tuf_fail(
			e, -errno, NULL, p->copy, "cannot be written to: %s", strerror(errno));
	return 0;
}
static int run(struct published *p, const struct arguments *a, struct tuf_error *e)
{
	const struct tuf_transport transport = { .fetch = fetch, .context = p };
	struct repository_verify verify = { .metadata = &transport,
		.now_utc_sec = clock_utc_nsec() / NSEC_PER_SEC,
		.content = content,
		.context = p };
	int r = strstr(p->where, ":/") ? open_urls(p, a, e) : open_folders(p, e);
	if (r == 0)
		r = get_root(p, a, e);
	if (r == 0)
		r = make_copy(p, e);
	if (r < 0)
		return r;
	verify.root = p->root;
	verify.root_size = p->root_size;
	r = repository_verify(&verify, &p->verified, e);
	if (r == 0)
		trust_summary_make(p->verified.client, &p->summary);
	return r;
}
static void count(struct published *p)
{
	if (!p->http[0])
		return;
	p->requests = p->bytes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(p->http); i++) {
		struct http_counts c;
		http_counts(p->http[i], &c);
		p->requests += c.requests;
		p->bytes += c.bytes;
	}
}

int published_take(
	const char *where, const struct arguments *a, struct published *ret, struct tuf_error *e)
{
	int r;

	*ret = (struct published){ .where = where, .folders = { -1, -1 }, .copy_fd = -1 };
	r = run(ret, a, e);
	if (r == 0)
		count(ret);
	return r;
}
