#include "policy/trust/digest.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/evp.h>

#include "policy/base/text.h"

enum { ALGORITHMS = 2 };

struct tuf_digest {
	struct tuf_fileinfo info;
	uint64_t size;                    /* so far */
	EVP_MD_CTX *contexts[ALGORITHMS]; /* owned; NULL for one that was not announced */
};

/* What @info says by the algorithm @i: its hash, or NULL. */
static const uint8_t *announced(const struct tuf_fileinfo *info, int i)
{
	if (i == 0)
		return info->has_sha256 ? info->sha256 : NULL;
	return info->has_sha512 ? info->sha512 : NULL;
}

static const EVP_MD *algorithm(int i)
{
	return i == 0 ? EVP_sha256() : EVP_sha512();
}

static bool has_known_hash(const struct tuf_fileinfo *info)
{
	return info->has_sha256 || info->has_sha512;
}

int tuf_digest_new(const struct tuf_fileinfo *info, struct tuf_digest **ret)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *d = NULL;

	if (!has_known_hash(info))
		return -EUCLEAN;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->info = *info;
	for (int i = 0; i < ALGORITHMS; i++) {
		if (!announced(info, i))
			continue;
		d->contexts[i] = EVP_MD_CTX_new();
		if (!d->contexts[i] || !EVP_DigestInit_ex(d->contexts[i], algorithm(i), NULL))
			return -ENOMEM;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

struct tuf_digest *tuf_digest_free(struct tuf_digest *d)
{
	if (!d)
		return NULL;
	for (int i = 0; i < ALGORITHMS; i++)
		EVP_MD_CTX_free(d->contexts[i]);
	free(d);
	return NULL;
}

int tuf_digest_add(struct tuf_digest *d, const void *bytes, size_t n)
{
	if (d->info.has_length && (d->size > d->info.length || n > d->info.length - d->size)) {
		d->size = UINT64_MAX; /* never right again */
		return -EFBIG;
	}
	d->size += n;
	for (int i = 0; i < ALGORITHMS; i++)
		if (d->contexts[i] && !EVP_DigestUpdate(d->contexts[i], bytes, n))
			return -ENOMEM;
	return 0;
}

int tuf_digest_end(struct tuf_digest *d)
{
	bool same = !d->info.has_length || d->size == d->info.length;

	for (int i = 0; i < ALGORITHMS; i++) {
		uint8_t hash[EVP_MAX_MD_SIZE];
		unsigned n = 0;

		if (!d->contexts[i])
			continue;
		if (!EVP_DigestFinal_ex(d->contexts[i], hash, &n))
			return -ENOMEM;
		same = same && memcmp(hash, announced(&d->info, i), n) == 0;
	}
	return same ? 0 : -EUCLEAN;
}

/* ---- all at once ---- */

static int check_hash(const struct tuf_fileinfo *info, int i, const char *role, const char *file,
	const void *bytes, size_t n, struct tuf_error *e)
{
	char found[2 * EVP_MAX_MD_SIZE + 1], expected[2 * EVP_MAX_MD_SIZE + 1];
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (!EVP_Digest(bytes, n, hash, &size, algorithm(i), NULL))
		return tuf_fail(e, -ENOMEM, role, file, "no memory left to hash it");
	if (memcmp(hash, announced(info, i), size) == 0)
		return 0;
	text_hex(hash, size, found);
	text_hex(announced(info, i), size, expected);
	return tuf_fail(e, -EUCLEAN, role, file, "has the %s %s, expected %s",
		i == 0 ? "SHA-256" : "SHA-512", found, expected);
}

int tuf_digest_check(const struct tuf_fileinfo *info, const char *role, const char *file,
	const void *bytes, size_t n, struct tuf_error *e)
{
	int r = 0;

	if (info->has_length && n != info->length)
		return tuf_fail(e, n > info->length ? -EFBIG : -EUCLEAN, role, file,
			"has %zu bytes, expected %" PRIu64, n, info->length);
	if (info->has_unknown && !has_known_hash(info))
		return tuf_fail(e, -EUCLEAN, role, file,
			"was announced with hashes of unknown kinds only, expected SHA-256 or"
			" SHA-512 among them");
	for (int i = 0; r == 0 && i < ALGORITHMS; i++)
		if (announced(info, i))
			r = check_hash(info, i, role, file, bytes, n, e);
	return r;
}
