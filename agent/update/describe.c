#include "agent/update/describe.h"

#include <openssl/evp.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/trust/trusted.h"

enum { KEYID_SHOWN = 16 };

static void describe_key(const struct tuf_metadata *root, const char *keyid, FILE *out)
{
	const struct tuf_key *key = tuf_metadata_key(root, keyid);

	(void) fprintf(out, "    %.*s  %s", KEYID_SHOWN, keyid,
		key ? tuf_scheme_to_string(key->scheme) : "not in the file");
	if (key && key->owner[0])
		(void) fprintf(out, "  %s", key->owner);
	(void) fputc('\n', out);
}

static void describe_role(const struct tuf_metadata *root, enum tuf_type type, FILE *out)
{
	const struct tuf_role *role = &root->roles[type];

	(void) fprintf(out, "  %s: %u of %zu key%s must sign\n", tuf_type_to_string(type),
		role->threshold, role->n_keyids, role->n_keyids == 1 ? "" : "s");
	for (size_t i = 0; i < role->n_keyids; i++)
		describe_key(root, role->keyids[i], out);
}

static int describe_digest(const void *root, size_t n, FILE *out)
{
	char hex[2 * 32 + 1];
	uint8_t digest[32];
	unsigned size = sizeof(digest);

	if (EVP_Digest(root, n, digest, &size, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	text_hex(digest, sizeof(digest), hex);
	(void) fprintf(out, "  SHA-256: %s\n", hex);
	return 0;
}

int describe_root(const void *root, size_t n, int64_t now_utc_sec, FILE *out, struct tuf_error *e)
{
	static const enum tuf_type types[] = { TUF_ROOT, TUF_TARGETS, TUF_SNAPSHOT, TUF_TIMESTAMP };
	_cleanup_(tuf_trusted_freep) struct tuf_trusted *t = NULL;
	const struct tuf_metadata *m;
	char expires[21];
	int r = tuf_trusted_new(now_utc_sec, root, n, &t, e);

	if (r < 0)
		return r;
	m = tuf_trusted_get(t, TUF_ROOT);
	tuf_time_format(m->expires_utc_sec, expires);
	(void) fprintf(out, "root.json, version %lld, %s %s\n", (long long) m->version,
		m->expires_utc_sec <= now_utc_sec ? "expired since" : "expires", expires);
	r = describe_digest(root, n, out);
	if (r < 0)
		return tuf_fail(e, r, "root", "root.json", "%s", strerror(-r));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		describe_role(m, types[i], out);
	return 0;
}
