#include "policy/trust/summary.h"

#include <endian.h>
#include <openssl/evp.h>
#include <string.h>

#include "policy/base/text.h"

struct signers {
	struct trust_summary *s;
	const char *role; /* escaped */
};

static void add_signer(void *context, const struct tuf_key *key)
{
	struct signers *x = context;
	struct trust_signer *out;

	for (size_t i = 0; i < x->s->n_signers; i++)
		if (strcmp(x->s->signers[i].role, x->role) == 0 &&
			strcmp(x->s->signers[i].keyid, key->id) == 0)
			return;
	if (x->s->n_signers == TRUST_SIGNERS_MAX)
		return;
	out = &x->s->signers[x->s->n_signers++];
	(void) text_copy(out->role, sizeof(out->role), x->role);
	(void) text_copy(out->keyid, sizeof(out->keyid), key->id);
	(void) text_copy(out->owner, sizeof(out->owner), key->owner);
}

static void add_role(struct trust_summary *s, const char *name, const struct tuf_metadata *m,
	const struct tuf_metadata *keys_of, const struct tuf_role *role)
{
	char escaped[TRUST_ROLE_SIZE];

	(void) text_escape(name, escaped, sizeof(escaped));
	(void) tuf_metadata_count_signatures(
		m, keys_of, role, add_signer, &(struct signers){ s, escaped });
}

static bool add_file(EVP_MD_CTX *x, const struct tuf_target *t)
{
	uint64_t length = htole64(t->info.length);
	const void *hash = t->info.has_sha256 ? t->info.sha256 : t->info.sha512;
	size_t size = t->info.has_sha256 ? sizeof(t->info.sha256) : sizeof(t->info.sha512);

	return EVP_DigestUpdate(x, t->path, strlen(t->path) + 1) == 1 &&
		EVP_DigestUpdate(x, &length, sizeof(length)) == 1 &&
		EVP_DigestUpdate(x, hash, size) == 1;
}

/* Zero when there was no memory for it, which names no set of files. */
static void add_files(struct trust_summary *s, const struct tuf_client *c)
{
	EVP_MD_CTX *x = EVP_MD_CTX_new();
	const struct tuf_target *t;
	bool good = x && EVP_DigestInit_ex(x, EVP_sha256(), NULL) == 1;

	for (; (t = tuf_client_found(c, s->n_files)); s->n_files++)
		good = good && add_file(x, t);
	if (!good || EVP_DigestFinal_ex(x, s->targets_digest, NULL) != 1)
		memset(s->targets_digest, 0, sizeof(s->targets_digest));
	EVP_MD_CTX_free(x);
}

void trust_summary_make(struct tuf_client *c, struct trust_summary *ret)
{
	const struct tuf_metadata *m, *keys_of;
	const struct tuf_role *role;
	const char *name;

	*ret = (struct trust_summary){ 0 };
	for (enum tuf_type i = TUF_ROOT; i < _TUF_TYPE_MAX; i++) {
		m = tuf_client_get(c, i);
		if (m)
			ret->roles[i] = (struct trust_role){ m->version, m->expires_utc_sec };
	}
	for (size_t i = 0; (name = tuf_client_role(c, i, &m, &keys_of, &role)); i++)
		if (m->type == TUF_ROOT || m->type == TUF_TARGETS)
			add_role(ret, name, m, keys_of, role);
	add_files(ret, c);
}
