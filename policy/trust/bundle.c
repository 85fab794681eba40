/*
 * The block of bytes: a magic number, the number of files, then for each of them, sorted by name,
 * the lengths of name and content, name, content. Numbers are little-endian. Nothing is left over.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/trust/error.h"
#include "policy/trust/store.h"

#define BUNDLE_MAGIC UINT64_C(0x314c444e42465554) /* "TUFBNDL1" */
enum { HEADER_SIZE = 12, FILE_HEADER_SIZE = 8 };

struct file {
	char *name, *bytes; /* owned */
	size_t size;
};

struct tuf_bundle {
	struct file files[TUF_BUNDLE_FILES_MAX]; /* sorted by name, each once */
	size_t n_files;
	uint64_t size; /* of all when written */
};

struct view {
	const uint8_t *p;
	size_t n;
};

static const uint8_t *take(struct view *v, size_t n)
{
	const uint8_t *p = v->p;

	if (n > v->n)
		return NULL;
	v->p += n;
	v->n -= n;
	return p;
}

static int take_u32(struct view *v, uint32_t *ret)
{
	const uint8_t *p = take(v, sizeof(*ret));
	uint32_t value;

	if (!p)
		return -EBADMSG;
	memcpy(&value, p, sizeof(value));
	*ret = le32toh(value);
	return 0;
}

/* As tuf_quote() writes names, and ".json". */
static bool name_valid(const char *name, size_t n)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%";

	return n > strlen(".json") && n <= TUF_FILE_MAX && strspn(name, allowed) == n &&
		strcmp(name + n - strlen(".json"), ".json") == 0;
}

/* Where @name is, or would be. */
static bool find(const struct tuf_bundle *b, const char *name, size_t *ret)
{
	for (size_t i = 0; i < b->n_files; i++) {
		int order = strcmp(b->files[i].name, name);

		if (order < 0)
			continue;
		*ret = i;
		return order == 0;
	}
	*ret = b->n_files;
	return false;
}

static int read_file(struct tuf_bundle *b, struct view *v)
{
	_cleanup_free_ char *name = NULL;
	uint32_t name_size, size;
	const uint8_t *p, *bytes;
	struct file *f;

	if (take_u32(v, &name_size) < 0 || take_u32(v, &size) < 0)
		return -EBADMSG;
	p = take(v, name_size);
	bytes = take(v, size);
	if (!p || !bytes)
		return -EBADMSG;
	name = strndup((const char *) p, name_size);
	if (!name)
		return -ENOMEM;
	if (!name_valid(name, name_size) ||
		(b->n_files > 0 && strcmp(name, b->files[b->n_files - 1].name) <= 0))
		return -EBADMSG;
	f = &b->files[b->n_files];
	f->bytes = malloc((size_t) size + 1);
	if (!f->bytes)
		return -ENOMEM;
	memcpy(f->bytes, bytes, size);
	f->bytes[size] = '\0';
	f->size = size;
	f->name = TAKE_PTR(name);
	b->n_files++;
	return 0;
}

static int read_all(struct tuf_bundle *b, struct view v)
{
	const uint8_t *p = take(&v, sizeof(uint64_t));
	uint64_t magic;
	uint32_t n;

	if (!p)
		return -EBADMSG;
	memcpy(&magic, p, sizeof(magic));
	if (le64toh(magic) != BUNDLE_MAGIC || take_u32(&v, &n) < 0 || n > TUF_BUNDLE_FILES_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		int r = read_file(b, &v);

		if (r < 0)
			return r;
	}
	return v.n == 0 ? 0 : -EBADMSG;
}

int tuf_bundle_new(const void *bytes, size_t n, struct tuf_bundle **ret)
{
	_cleanup_(tuf_bundle_freep) struct tuf_bundle *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->size = HEADER_SIZE;
	if (bytes) {
		if (n > TUF_BUNDLE_SIZE_MAX)
			return -EBADMSG;
		r = read_all(b, (struct view){ bytes, n });
		if (r < 0)
			return r;
		b->size = n;
	}
	*ret = TAKE_PTR(b);
	return 0;
}

struct tuf_bundle *tuf_bundle_free(struct tuf_bundle *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < b->n_files; i++) {
		free(b->files[i].name);
		free(b->files[i].bytes);
	}
	free(b);
	return NULL;
}

static int bundle_load(void *context, const char *name, size_t max, char **ret, size_t *ret_size)
{
	const struct tuf_bundle *b = context;
	char *bytes;
	size_t i;

	if (!find(b, name, &i))
		return -ENOENT;
	if (b->files[i].size > max)
		return -EFBIG;
	bytes = malloc(b->files[i].size + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, b->files[i].bytes, b->files[i].size + 1);
	*ret = bytes;
	*ret_size = b->files[i].size;
	return 0;
}

static int bundle_remove(void *context, const char *name)
{
	struct tuf_bundle *b = context;
	size_t i;

	if (!find(b, name, &i))
		return 0;
	b->size -= FILE_HEADER_SIZE + strlen(name) + b->files[i].size;
	free(b->files[i].name);
	free(b->files[i].bytes);
	b->n_files--;
	memmove(&b->files[i], &b->files[i + 1], (b->n_files - i) * sizeof(b->files[0]));
	return 0;
}

static int bundle_save(void *context, const char *name, const void *bytes, size_t size)
{
	struct tuf_bundle *b = context;
	_cleanup_free_ char *own_name = NULL, *own_bytes = NULL;
	uint64_t total = b->size + size;
	size_t i;
	bool found = find(b, name, &i);

	if (!name_valid(name, strlen(name)))
		return -EINVAL;
	if (found)
		total -= b->files[i].size;
	else
		total += FILE_HEADER_SIZE + strlen(name);
	if (size > TUF_BUNDLE_SIZE_MAX || total > TUF_BUNDLE_SIZE_MAX ||
		(!found && b->n_files == TUF_BUNDLE_FILES_MAX))
		return -ENOSPC;
	own_name = strdup(name);
	own_bytes = malloc(size + 1);
	if (!own_name || !own_bytes)
		return -ENOMEM;
	memcpy(own_bytes, bytes, size);
	own_bytes[size] = '\0';
	if (found) {
		free(b->files[i].name);
		free(b->files[i].bytes);
	} else {
		memmove(&b->files[i + 1], &b->files[i], (b->n_files - i) * sizeof(b->files[0]));
		b->n_files++;
	}
	b->files[i] = (struct file){ TAKE_PTR(own_name), TAKE_PTR(own_bytes), size };
	b->size = total;
	return 0;
}

void tuf_bundle_store(struct tuf_bundle *b, struct tuf_store *ret)
{
	*ret = (struct tuf_store){
		.load = bundle_load,
		.save = bundle_save,
		.remove = bundle_remove,
		.context = b,
	};
}

static int put(int fd, off_t *at, const void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t r = pwrite(fd, (const char *) bytes + done, size - done, *at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		done += (size_t) r;
		*at += r;
	}
	return 0;
}

static int put_u32(int fd, off_t *at, size_t value)
{
	uint32_t v = htole32((uint32_t) value);

	return put(fd, at, &v, sizeof(v));
}

int tuf_bundle_write(const struct tuf_bundle *b, int fd)
{
	uint64_t magic = htole64(BUNDLE_MAGIC);
	off_t at = 0;
	int r;

	r = put(fd, &at, &magic, sizeof(magic));
	if (r == 0)
		r = put_u32(fd, &at, b->n_files);
	for (size_t i = 0; i < b->n_files && r == 0; i++) {
		const struct file *f = &b->files[i];

		r = put_u32(fd, &at, strlen(f->name));
		if (r == 0)
			r = put_u32(fd, &at, f->size);
		if (r == 0)
			r = put(fd, &at, f->name, strlen(f->name));
		if (r == 0)
			r = put(fd, &at, f->bytes, f->size);
	}
	if (r == 0 && ftruncate(fd, at) < 0)
		r = -errno;
	return r;
}
