/*
 * The private keys that are on this machine: where they are, making new ones, and signing a role's
 * working copy with them.
 */
#pragma once

#include <stdbool.h>

#include "ctl/arguments.h"
#include "ctl/repo/passphrase.h"
#include "policy/trust/repository.h"
#include "policy/trust/signer.h"

struct signers {
	char *folder; /* owned; where private keys are kept */
	bool usual;   /* it is the user's own, and not one that --keys named */
	struct passphrase passphrase;
};

/* Reads --keys and --passphrase-file. A negative errno after saying what is wrong. */
int signers_init(struct signers *s, const struct arguments *a);
void signers_done(struct signers *s);

/* Where the private key of @key is looked for: the file NAME.pem in the folder if there is one,
 * else what the repository says (a relative path is one in the folder). *ret (owned) is NULL when
 * it says nothing. */
int signers_place(const struct signers *s, const struct repository_key *key, char **ret);
/* Whether that is a file that can be read, or a token's URI. */
bool signers_here(const char *place);
bool signers_is_token(const char *place);
/* Warns of a PIN in a command line. */
void signers_warn(const char *place);

/* Its private key, asking for a passphrase up to three times. -ENOENT: it is not here;
 * -EKEYREJECTED also when what is there is another key. */
int signers_open(struct signers *s, const struct repository_key *key, struct signer **ret,
	struct tuf_error *e);

/* The private key at @place, a path or a URI, in the same way. */
int signers_open_place(
	struct signers *s, const char *place, struct signer **ret, struct tuf_error *e);

/* The public part of @signer is that of @key. */
bool signers_same(const struct signer *signer, const struct tuf_key *key);

/* A new private key in the folder (made when it is not there), its public part into @r, which is
 * locked; without one (NULL) into the file NAME.pub.json beside it, for whoever has one. @owner and
 * @passphrase may be NULL. */
int signers_generate(struct signers *s, struct repository *r, const char *name,
	enum tuf_scheme scheme, const char *owner, const char *passphrase, struct tuf_error *e);
/* Nothing of that name is there yet, and it can be one: to be asked before a passphrase is. @r may
 * be NULL. */
int signers_check_new(
	struct signers *s, struct repository *r, const char *name, struct tuf_error *e);

/* Signs the working copy @state of @role with the key @keyid (of its approvals) and keeps the
 * signature. */
int signers_sign(struct signer *signer, struct repository *r, const char *role,
	const struct repository_state *state, const char *keyid, struct tuf_error *e);

/* Signs it with every key that speaks for it, has not signed yet and is here. @signed (may be NULL)
 * is told of each, by its name. *ret_n (may be NULL) counts them. */
int signers_sign_all(struct signers *s, struct repository *r, const char *role,
	void (*signed_by)(void *context, const char *role, const char *name), void *context,
	size_t *ret_n, struct tuf_error *e);

/* How a key is called: by its name in @r, else by the first digits of @keyid. */
enum { SIGNERS_LABEL_SIZE = REPOSITORY_NAME_MAX + 1 };
void signers_label(struct repository *r, const char *keyid, char out[SIGNERS_LABEL_SIZE]);

/* Says what went wrong. */
enum exit_code signers_failed(const struct tuf_error *e);
