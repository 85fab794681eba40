#include "agent/compiler/warm_up.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <yara.h>

#include "policy/base/cleanup.h"
#include "policy/trust/canonical.h"
#include "policy/trust/key.h"

enum { WARM_UP_SORT_SIZE = 4096 /* more than qsort(3) sorts on its stack */ };

/* Nobody's keys, one of each scheme. */
static const char rsa[] = "-----BEGIN PUBLIC KEY-----\n"
			  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkV+o2yLMjWdpf2d/tGdn\n"
			  "tzN6JlVqSyfuYOGm4vdVaNG9LweFr/f0AKKHdelPjpsweNK3dFGGNPx86zc/SpX8\n"
			  "aCe3ZMf4ByAHg3sp7Zf/kRKHp+QCfs0utfuGtH/UPTZa09SgkQbPkWjxDSg7FjYO\n"
			  "oBe3uv0xBdqiPb008CWgAlbSDQstawxGF7PbyP3bu9RH38+l41tWX7qpBmPQC4Am\n"
			  "XQ9vU0ZSjQKoc1sUlMwcrosrNppHf1FadbdXxYWqAr/rIl+FqS3maGiAhNsvoZdo\n"
			  "YgEmNhsd+IIQSmBI/0MbAo7Z4ET7hSUQbuafqdCy+TwcyCv/rc2NLQhILv3hVthq\n"
			  "QwIDAQAB\n"
			  "-----END PUBLIC KEY-----\n";
static const char ecdsa[] = "-----BEGIN PUBLIC KEY-----\n"
			    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5agZbZOT9CemSzX9hrd3Do+4AEpL\n"
			    "LWjp/Ri5ILwXKFySdbxzaEId2CydJvO0mOkAvqq7I3XapkfmAvYbzo5Y4Q==\n"
			    "-----END PUBLIC KEY-----\n";
static const char ed25519[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static const struct {
	const char *type, *scheme, *public;
	size_t signature_size;
} keys[] = {
	{ "rsa", "rsassa-pss-sha256", rsa, 256 },
	{ "ecdsa", "ecdsa-sha2-nistp256", ecdsa, 8 },
	{ "ed25519", "ed25519", ed25519, 64 },
};

/* Well formed where the scheme wants it so, and wrong: one for all. */
static const uint8_t signature[256] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };

static int by_byte(const void *a, const void *b)
{
	return *(const unsigned char *) a - *(const unsigned char *) b;
}

static int verify_once(size_t i)
{
	_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
	_cleanup_json_ json_t *object = json_pack("{s:s, s:s, s:{s:s}}", "keytype", keys[i].type,
		"scheme", keys[i].scheme, "keyval", "public", keys[i].public);
	int r = object ? tuf_key_parse(object, &key) : -ENOMEM;

	if (r < 0)
		return r;
	return tuf_key_verify(key, "", 0, signature, keys[i].signature_size) ? -ENOTSUP : 0;
}

int warm_up(void)
{
	unsigned char digest[EVP_MAX_MD_SIZE], sorted[WARM_UP_SORT_SIZE] = { 0 };
	unsigned int size;
	int r = 0;

	qsort(sorted, sizeof(sorted), 1, by_byte);
	/* libyara's scanner echoes a few wrong bytes, and a buffer would be chosen by ioctl(2). */
	if (setvbuf(stdout, NULL, _IONBF, 0) != 0)
		return -ENOTSUP;
	if (yr_initialize() != ERROR_SUCCESS)
		return -ENOMEM;
	if (EVP_Digest("", 0, digest, &size, EVP_sha256(), NULL) != 1 ||
		EVP_Digest("", 0, digest, &size, EVP_sha512(), NULL) != 1)
		return -ENOTSUP;
	json_object_seed(0);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++)
		r = verify_once(i);
	return r;
}
