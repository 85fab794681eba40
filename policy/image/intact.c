/*
 * Is an image what its builder wrote? Reads all of it, so it is for those who have the time: after
 * a start with an image from a disk, not for policy_open().
 */
#include <openssl/evp.h>
#include <string.h>

#include "policy/image/mapped.h"
#include "policy/image/policy.h"

int policy_intact(const struct policy *p)
{
	struct format_header header = *p->header;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t digest[SHA256_SIZE];
	int ok;

	memset(header.digest, 0, sizeof(header.digest));
	ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) &&
		EVP_DigestUpdate(c, &header, sizeof(header)) &&
		EVP_DigestUpdate(c, p->data + sizeof(header), p->size - sizeof(header)) &&
		EVP_DigestFinal_ex(c, digest, NULL);
	EVP_MD_CTX_free(c);
	if (!ok)
		return -ENOMEM;
	return memcmp(digest, p->header->digest, sizeof(digest)) == 0 ? 0 : -EBADMSG;
}
