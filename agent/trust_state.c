#include "agent/trust_state.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/trust/store.h"

#define TRUST_MAGIC UINT64_C(0x3154535254525050)

/* Older headers do not know it; older kernels refuse it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

void trust_state_init(struct trust_state *s)
{
	*s = (struct trust_state){ .bundle_fd = -1 };
}

void trust_state_done(struct trust_state *s)
{
	cleanup_closep(&s->bundle_fd);
	s->bundle_fd = -1;
}

int trust_digest(const void *bytes, size_t n, uint8_t out[SHA256_SIZE])
{
	return EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

static int digest_file(const struct trust_record *r, const void *bundle, uint8_t out[SHA256_SIZE])
{
	_cleanup_free_ struct trust_record *plain = malloc(sizeof(*plain));
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = plain && c;

	if (ok) {
		memcpy(plain, r, sizeof(*plain));
		memset(plain->digest, 0, sizeof(plain->digest));
		ok = EVP_DigestInit_ex(c, EVP_sha256(), NULL) &&
			EVP_DigestUpdate(c, plain, sizeof(*plain)) &&
			EVP_DigestUpdate(c, bundle, r->bundle_size) &&
			EVP_DigestFinal_ex(c, out, NULL);
	}
	EVP_MD_CTX_free(c);
	return ok ? 0 : -ENOMEM;
}

static int sealed_bundle(const void *bytes, size_t n, int *ret)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	_cleanup_close_ int fd = memfd_create("proscribe-trust", flags | MFD_NOEXEC_SEAL);
	int r;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("proscribe-trust", flags);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	if (r == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
			0)
		r = -errno;
	if (r == 0)
		*ret = TAKE_FD(fd);
	return r;
}

static bool record_valid(const struct trust_record *r, size_t size)
{
	return r->magic == TRUST_MAGIC && r->bundle_size <= TUF_BUNDLE_SIZE_MAX &&
		size == sizeof(*r) + r->bundle_size && r->root_version >= 0 &&
		r->accepted_utc_nsec >= 0 && trust_summary_valid(&r->in_force);
}

int trust_state_load(const char *path, struct trust_state *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *bytes = NULL;
	_cleanup_free_ struct trust_record *record = malloc(sizeof(*record));
	uint8_t digest[SHA256_SIZE];
	struct stat st;
	size_t size;
	int r, bundle = -1;

	if (!record)
		return -ENOMEM;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	r = fd_read_file(fd, sizeof(*record) + TUF_BUNDLE_SIZE_MAX, &bytes, &size);
	if (r < 0 || size < sizeof(*record))
		return r < 0 && r != -EFBIG ? r : -EBADMSG;
	memcpy(record, bytes, sizeof(*record));
	if (!record_valid(record, size))
		return -EBADMSG;
	r = digest_file(record, bytes + sizeof(*record), digest);
	if (r == 0 && memcmp(digest, record->digest, sizeof(digest)) != 0)
		r = -EBADMSG;
	if (r == 0 && record->bundle_size > 0)
		r = sealed_bundle(bytes + sizeof(*record), record->bundle_size, &bundle);
	if (r < 0)
		return r;
	ret->record = *record;
	ret->bundle_fd = bundle;
	return 0;
}

static int read_bundle(struct trust_state *s, char **ret)
{
	size_t size = 0;
	int r = s->bundle_fd < 0 ? 0 : fd_read_file(s->bundle_fd, TUF_BUNDLE_SIZE_MAX, ret, &size);

	s->record.bundle_size = size;
	return r;
}

static int write_file(const char *path, const struct trust_record *r, const void *bundle)
{
	_cleanup_close_ int fd = -1;
	int k;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	k = fd_write_full(fd, r, sizeof(*r));
	k = k < 0 ? k : fd_write_full(fd, bundle, r->bundle_size);
	return k == 0 && fsync(fd) < 0 ? -errno : k;
}

int trust_state_save(const char *path, struct trust_state *s)
{
	_cleanup_free_ char *fresh = NULL, *bundle = NULL;
	int r = read_bundle(s, &bundle);

	if (r < 0)
		return r;
	s->record.magic = TRUST_MAGIC;
	r = digest_file(&s->record, bundle, s->record.digest);
	if (r == 0 && asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	r = r < 0 ? r : write_file(fresh, &s->record, bundle);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0) {
		if (fresh)
			(void) unlink(fresh);
		return r;
	}
	return fd_sync_folder_of(path);
}

int64_t trust_expires_utc_sec(const struct trust_record *r)
{
	int64_t first = 0;

	for (size_t i = TUF_TYPE_NONE + 1; i < _TUF_TYPE_MAX; i++)
		if (r->latest[i].version > 0 &&
			(first == 0 || r->latest[i].expires_utc_sec < first))
			first = r->latest[i].expires_utc_sec;
	return first;
}
