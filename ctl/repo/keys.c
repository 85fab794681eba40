/*
 * `proscribectl repo key`: private keys are made here, public ones collected. Runs on an
 * administrator's machine.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/signers.h"
#include "policy/base/text.h"
#include "policy/trust/canonical.h"

enum { SHORT_ID = 8 };

static int usage(const struct arguments *a, const char *message)
{
	complain("%s", message);
	(void) fprintf(stderr, "Try 'proscribectl %s --help'.\n", a->command->name);
	return -EINVAL;
}

static int open_repository(
	const struct arguments *a, bool change, struct repository **ret, struct tuf_error *e)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	int k = repository_open(a->in ? a->in : ".", &r, e);

	if (k == 0 && change)
		k = repository_lock(r, e);
	if (k == 0)
		*ret = TAKE_PTR(r);
	return k;
}

static int check_owner(const struct arguments *a)
{
	char clean[10 * TUF_OWNER_MAX + 1];

	if (!a->owner)
		return 0;
	if (!*a->owner || strlen(a->owner) > TUF_OWNER_MAX)
		return usage(a, "--owner wants 1 to 127 bytes");
	(void) text_escape(a->owner, clean, sizeof(clean));
	return strcmp(clean, a->owner) == 0 ? 0 : usage(a, "--owner wants plain text, in UTF-8");
}

/* ---- generate ---- */

static int parse_scheme(const struct arguments *a, enum tuf_scheme *ret)
{
	static const struct {
		const char *name;
		enum tuf_scheme scheme;
	} names[] = {
		{ "ed25519", TUF_SCHEME_ED25519 },
		{ "ecdsa", TUF_SCHEME_ECDSA_P256_SHA256 },
		{ "rsa", TUF_SCHEME_RSA_PSS_SHA256 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(a->scheme ? a->scheme : "ed25519", names[i].name) == 0) {
			*ret = names[i].scheme;
			return 0;
		}
	complain("--scheme wants ed25519, ecdsa or rsa, not '%s'", a->scheme);
	return usage(a, "no such scheme");
}

static int check_generate(const struct arguments *a, enum tuf_scheme *ret)
{
	if ((a->given & OPTION_NO_PASSPHRASE) && a->passphrase_file)
		return usage(a, "--passphrase-file and --no-passphrase exclude each other");
	return check_owner(a) < 0 ? -EINVAL : parse_scheme(a, ret);
}

static void say_generated(const struct arguments *a, const struct signers *s, bool in_repository)
{
	const char *name = a->operands[0];

	(void) printf("Key %s\n  private  %s/%s.pem, %s\n", name, s->folder, name,
		a->given & OPTION_NO_PASSPHRASE ? "NOT encrypted"
						: "encrypted with its passphrase");
	if (in_repository)
		(void) printf("  public   keys/%s.json\n", name);
	else
		(void) printf("  public   %s/%s.pub.json\n"
			      "There is no repository here; in one, 'proscribectl repo key import "
			      "%s FILE' takes\nthe public part.\n",
			s->folder, name, name);
	(void) printf("Keep a copy of the private file where a fire would not reach both.\n");
}

/* @r is NULL where there is no repository. */
static enum exit_code generate(const struct arguments *a, struct signers *s, struct repository *r,
	enum tuf_scheme scheme, char *passphrase)
{
	const char *name = a->operands[0];
	struct tuf_error e = { 0 };

	if (signers_check_new(s, r, name, &e) < 0)
		return signers_failed(&e);
	if (!(a->given & OPTION_NO_PASSPHRASE) &&
		passphrase_new(&s->passphrase, name, passphrase) < 0)
		return EXIT_CODE_FAILED;
	if (signers_generate(s, r, name, scheme, a->owner,
		    a->given & OPTION_NO_PASSPHRASE ? NULL : passphrase, &e) < 0)
		return signers_failed(&e);
	say_generated(a, s, r);
	return EXIT_CODE_FINE;
}

enum exit_code cmd_repo_key_generate(const struct arguments *a)
{
	_cleanup_(signers_done) struct signers s = { 0 };
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };
	enum tuf_scheme scheme;
	enum exit_code code;
	char *passphrase;

	if (check_generate(a, &scheme) < 0)
		return EXIT_CODE_USAGE;
	if (signers_init(&s, a) < 0)
		return EXIT_CODE_FAILED;
	if (open_repository(a, true, &r, &e) < 0 && (e.error != -ENOENT || a->in))
		return signers_failed(&e);
	passphrase = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	if (!passphrase)
		return EXIT_CODE_FAILED;
	code = generate(a, &s, r, scheme, passphrase);
	OPENSSL_secure_clear_free(passphrase, SIGNER_PASSPHRASE_MAX + 1);
	return code;
}

/* ---- import ---- */

/* Whoever has one key under two ids could reach a threshold of two alone. */
static int check_other(struct repository *r, const json_t *object, struct tuf_error *e)
{
	_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
	struct repository_key *keys;
	size_t n;
	int k = tuf_key_parse(object, &key);

	if (k < 0)
		return tuf_fail(e, k, NULL, NULL, "the key cannot be read");
	k = repository_keys(r, &keys, &n, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < n; i++) {
		if (k == 0 && keys[i].key->pkey && EVP_PKEY_eq(keys[i].key->pkey, key->pkey) == 1)
			k = tuf_fail(e, -EEXIST, NULL, NULL, "this key is here already, as '%s'",
				keys[i].name);
		repository_key_done(&keys[i]);
	}
	free(keys);
	return k;
}

/* What the repository is told of where the private key is. */
static int place_of(const char *source, char **ret)
{
	*ret = signers_is_token(source) ? signer_label(source) : realpath(source, NULL);
	return *ret ? 0 : -errno;
}

static int import_private(
	const struct arguments *a, struct signers *s, json_t **ret, struct tuf_error *e)
{
	_cleanup_(signer_freep) struct signer *signer = NULL;
	int k;

	signers_warn(a->source);
	k = signers_open_place(s, a->source, &signer, e);
	if (k < 0)
		return k;
	k = signer_key_object(signer, a->owner, ret);
	return k < 0 ? tuf_fail(e, k, NULL, NULL, "the public part cannot be used") : 0;
}

static int import(
	const struct arguments *a, struct signers *s, struct repository *r, struct tuf_error *e)
{
	_cleanup_json_ json_t *object = NULL;
	_cleanup_free_ char *place = NULL;
	int k;

	k = a->n_operands == 2 ? signer_read_public(a->operands[1], a->owner, &object, e)
			       : import_private(a, s, &object, e);
	if (k == 0)
		k = check_other(r, object, e);
	if (k < 0)
		return k;
	if (a->source && place_of(a->source, &place) < 0)
		place = strdup(a->source);
	return repository_add_key(r, a->operands[0], object, place ? place : "", e);
}

enum exit_code cmd_repo_key_import(const struct arguments *a)
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };
	_cleanup_(signers_done) struct signers s = { 0 };
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };

	if (a->n_operands < 2 && !a->source) {
		(void) usage(a, "wants the FILE of a public key, or --source for a private one");
		return EXIT_CODE_USAGE;
	}
	if (check_owner(a) < 0)
		return EXIT_CODE_USAGE;
	if (signers_init(&s, a) < 0)
		return EXIT_CODE_FAILED;
	if (open_repository(a, true, &r, &e) < 0 || import(a, &s, r, &e) < 0 ||
		repository_find_key(r, a->operands[0], &key, &e) < 0)
		return signers_failed(&e);
	(void) printf("Key %s (%s, %.*s)\n  public   keys/%s.json\n", key.name,
		tuf_scheme_to_string(key.key->scheme), SHORT_ID, key.key->id, key.name);
	return EXIT_CODE_FINE;
}

/* ---- list ---- */

struct listing {
	struct repository *repository;
	struct signers signers;
	char **roles;                    /* owned */
	struct repository_state *states; /* owned; one for each role */
	struct repository_key *keys;     /* owned */
	size_t n_roles, n_keys;
};

static void listing_done(struct listing *l)
{
	for (size_t i = 0; i < l->n_keys; i++)
		repository_key_done(&l->keys[i]);
	for (size_t i = 0; l->states && i < l->n_roles; i++)
		repository_state_done(&l->states[i]);
	free(l->keys);
	free(l->states);
	repository_roles_free(l->roles);
	(void) repository_free(l->repository);
	signers_done(&l->signers);
}

/* A role that was delegated to and does not exist yet has no state, and nobody speaks for it. */
static int load(const struct arguments *a, struct listing *l, struct tuf_error *e)
{
	int k;

	k = open_repository(a, false, &l->repository, e);
	if (k == 0)
		k = repository_keys(l->repository, &l->keys, &l->n_keys, e);
	if (k == 0)
		k = repository_roles(l->repository, &l->roles, e);
	if (k < 0)
		return k;
	while (l->roles[l->n_roles])
		l->n_roles++;
	l->states = calloc(l->n_roles + 1, sizeof(*l->states));
	if (!l->states)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	for (size_t i = 0; i < l->n_roles; i++) {
		k = repository_state(l->repository, l->roles[i], &l->states[i], e);
		if (k < 0 && k != -ENOENT)
			return k;
	}
	return 0;
}

static bool speaks_for(const struct repository_state *s, const char *keyid)
{
	for (size_t a = 0; a < s->n_approvals; a++)
		for (size_t i = 0; i < s->approvals[a].role->n_keyids; i++)
			if (strcmp(s->approvals[a].role->keyids[i], keyid) == 0)
				return true;
	return false;
}

static json_t *roles_of(const struct listing *l, const struct repository_key *k)
{
	json_t *roles = json_array();

	for (size_t i = 0; roles && i < l->n_roles; i++)
		if (speaks_for(&l->states[i], k->key->id))
			(void) json_array_append_new(roles, json_text(l->roles[i]));
	return roles;
}

/* Null for a token: nobody has looked. */
static json_t *is_here(const char *place)
{
	return place && signers_is_token(place) ? json_null() : json_boolean(signers_here(place));
}

static int as_json(const struct listing *l)
{
	_cleanup_json_ json_t *keys = json_array(), *all = NULL;

	for (size_t i = 0; i < l->n_keys; i++) {
		const struct repository_key *k = &l->keys[i];
		_cleanup_free_ char *place = NULL;

		if (signers_place(&l->signers, k, &place) < 0 ||
			json_array_append_new(keys,
				json_pack("{s:s, s:s, s:s, s:o, s:o*, s:o, s:o}", "name", k->name,
					"keyid", k->key->id, "scheme",
					tuf_scheme_to_string(k->key->scheme), "owner",
					json_text(k->key->owner), "private", json_text(place),
					"here", is_here(place), "roles", roles_of(l, k))) < 0)
			return -ENOMEM;
	}
	all = json_pack("{s:O}", "keys", keys);
	return all ? json_print(all) : -ENOMEM;
}

/* "root, targets" */
static char *join(const json_t *roles)
{
	_cleanup_free_ char *text = strdup("");
	const json_t *role;
	size_t i;

	json_array_foreach(roles, i, role)
	{
		char *longer;

		if (!text ||
			asprintf(&longer, "%s%s%s", text, i ? ", " : "", json_string_value(role)) <
				0)
			return NULL;
		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}

static int as_table(const struct listing *l)
{
	static const struct table_column columns[] = {
		{ "NAME", 8, false, false },
		{ "KEY", SHORT_ID, false, false },
		{ "SCHEME", 7, false, true },
		{ "OWNER", 8, false, true },
		{ "ROLES", 8, false, false },
		{ "HERE", 4, false, false },
		{ "PRIVATE KEY", 12, true, true },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	struct style style;
	int k = table_new(columns, ARRAY_SIZE(columns), &t);

	for (size_t i = 0; k == 0 && i < l->n_keys; i++) {
		const struct repository_key *key = &l->keys[i];
		_cleanup_json_ json_t *roles = roles_of(l, key);
		_cleanup_free_ char *place = NULL, *joined = join(roles);
		char id[SHORT_ID + 1];

		(void) snprintf(id, sizeof(id), "%.*s", SHORT_ID, key->key->id);
		k = signers_place(&l->signers, key, &place);
		if (k == 0)
			k = table_add(t, TINT_NONE,
				(const char *const[]){ key->name, id,
					tuf_scheme_to_string(key->key->scheme), key->key->owner,
					joined,
					!signers_here(place)              ? "no"
						: signers_is_token(place) ? "token"
									  : "yes",
					place });
	}
	if (k < 0)
		return k;
	print_style(stdout, &style);
	return table_print(t, stdout, &style, 0);
}

enum exit_code cmd_repo_key_list(const struct arguments *a)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	struct tuf_error e = { 0 };
	int k;

	if (signers_init(&l.signers, a) < 0)
		return EXIT_CODE_FAILED;
	if (load(a, &l, &e) < 0)
		return signers_failed(&e);
	k = a->given & OPTION_JSON ? as_json(&l) : as_table(&l);
	if (k < 0)
		complain("cannot show the keys: %s", strerror(-k));
	return k < 0 ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
}
