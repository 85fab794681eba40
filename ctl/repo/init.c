/*
 * proscribectl repo init. Runs on an administrator's machine. Nothing is left behind when it fails:
 * no folder, no key.
 */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/readme.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/trust/canonical.h"
#include "policy/trust/repository_edit.h"
#include "policy/trust/repository_folder.h"
#include "policy/trust/repository_stage.h"

#define ROOT_LIFE_SEC    (INT64_C(365) * 86400)
#define TARGETS_LIFE_SEC (INT64_C(90) * 86400)
#define ONLINE_LIFE_SEC  (INT64_C(7) * 86400)

enum { KEYS_MAX = ARGUMENTS_MANY_MAX + 3 };

/* What a key is for, bit 1 << enum tuf_type. */
enum {
	FOR_ROOT = 1 << TUF_ROOT,
	FOR_TARGETS = 1 << TUF_TARGETS,
	FOR_ONLINE = 1 << TUF_SNAPSHOT | 1 << TUF_TIMESTAMP,
};

struct new_key {
	char name[REPOSITORY_NAME_MAX + 1];
	unsigned roles;
	const char *place;     /* where the private key is; NULL: in the folder, or to be made */
	struct signer *signer; /* owned */
	struct repository_key key;
	bool make, made; /* to be made; its file is there now */
};

struct init {
	const struct arguments *a;
	struct signers signers;
	struct repository_stage stage;
	struct new_key keys[KEYS_MAX];
	size_t n_keys;
	char *passphrase; /* in OpenSSL's secure heap; of new keys */
	enum tuf_scheme scheme;
	bool done;
};

static char *key_path(const struct init *n, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s.pem", n->signers.folder, name) < 0 ? NULL : path;
}

static void init_done(struct init *n)
{
	for (size_t i = 0; i < n->n_keys; i++) {
		_cleanup_free_ char *path = key_path(n, n->keys[i].name);

		if (n->keys[i].made && !n->done && path)
			(void) unlink(path); /* nobody has ever used it */
		signer_free(n->keys[i].signer);
		repository_key_done(&n->keys[i].key);
	}
	repository_stage_done(&n->stage);
	signers_done(&n->signers);
	OPENSSL_secure_clear_free(n->passphrase, SIGNER_PASSPHRASE_MAX + 1);
}

/* ---- which keys ---- */

/* "root-1" is for root; what is called otherwise, like somebody's name, for root and targets. */
static unsigned roles_of(const char *name)
{
	static const struct {
		const char *begin;
		unsigned roles;
	} kinds[] = {
		{ "root", FOR_ROOT },
		{ "targets", FOR_TARGETS },
		{ "online", FOR_ONLINE },
		{ "snapshot", 1 << TUF_SNAPSHOT },
		{ "timestamp", 1 << TUF_TIMESTAMP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(name, kinds[i].begin, strlen(kinds[i].begin)) == 0)
			return kinds[i].roles;
	return FOR_ROOT | FOR_TARGETS;
}

static int set_name(struct new_key *k, const char *name, size_t n)
{
	if (n == 0 || n >= sizeof(k->name)) {
		complain("no name for the key can be told from '%s'", name);
		return -EINVAL;
	}
	memcpy(k->name, name, n);
	k->name[n] = '\0';
	k->roles = roles_of(k->name);
	return 0;
}

/* @text: a name, a file or a token's URI. */
static int add_given(struct init *n, const char *text)
{
	struct new_key *k = &n->keys[n->n_keys];
	const char *slash = strrchr(text, '/'), *object;
	size_t length;

	*k = (struct new_key){ 0 };
	if (signers_is_token(text)) {
		object = strstr(text, "object=");
		if (!object) {
			complain("'%s' names no object, so there is no name for the key", text);
			return -EINVAL;
		}
		object += strlen("object=");
		k->place = text;
		n->n_keys++;
		return set_name(k, object, strcspn(object, ";?&"));
	}
	length = strlen(slash ? slash + 1 : text);
	if (slash || (length > 4 && strcmp(text + length - 4, ".pem") == 0)) {
		k->place = text;
		if (length > 4)
			length -= 4;
	}
	n->n_keys++;
	return set_name(k, slash ? slash + 1 : text, length);
}

static int add_missing(struct init *n)
{
	static const struct {
		const char *name;
		unsigned roles;
	} usual[] = {
		{ "root", FOR_ROOT },
		{ "targets", FOR_TARGETS },
		{ "online", FOR_ONLINE },
	};
	unsigned have = 0;

	for (size_t i = 0; i < n->a->n_key; i++)
		if (add_given(n, n->a->key[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < n->n_keys; i++)
		have |= n->keys[i].roles;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		struct new_key *k = &n->keys[n->n_keys];

		if ((have & usual[i].roles) == usual[i].roles)
			continue;
		*k = (struct new_key){ .roles = usual[i].roles & ~have };
		(void) snprintf(k->name, sizeof(k->name), "%s", usual[i].name);
		n->n_keys++;
	}
	return 0;
}

/* ---- making and opening them ---- */

static int ask_kept(void *context, const char *what, char *out)
{
	const struct init *n = context;
	size_t size = strlen(n->passphrase);

	(void) what;
	memcpy(out, n->passphrase, size);
	return (int) size;
}

static bool encrypted(const struct init *n, const struct new_key *k)
{
	return !(n->a->given & OPTION_NO_PASSPHRASE) && (k->roles & (FOR_ROOT | FOR_TARGETS));
}

/* Before anybody is asked for anything: is there a way for each? */
static int check_keys(struct init *n, struct tuf_error *e)
{
	int k = 0;

	for (size_t i = 0; i < n->n_keys && k == 0; i++) {
		struct new_key *key = &n->keys[i];
		_cleanup_free_ char *path = key_path(n, key->name);
		bool given = i < n->a->n_key, there = path && access(path, F_OK) == 0;

		if (key->place || (given && there))
			continue;
		if (there)
			return tuf_fail(e, -EEXIST, NULL, path,
				"is there already, perhaps of another repository; '-k %s' takes "
				"it, '--keys DIR' keeps the keys of this one apart",
				key->name);
		k = signers_check_new(&n->signers, NULL, key->name, e);
		key->make = k == 0;
	}
	return k;
}

static int open_keys(struct init *n, struct tuf_error *e)
{
	int k = 0;

	for (size_t i = 0; i < n->n_keys && k == 0; i++) {
		struct new_key *key = &n->keys[i];
		_cleanup_free_ char *path = key_path(n, key->name);

		if (!path)
			return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
		if (!key->make)
			k = signers_open_place(
				&n->signers, key->place ? key->place : path, &key->signer, e);
	}
	return k;
}

/* One for all. Says itself what is wrong. */
static int ask_passphrase(struct init *n)
{
	bool ask = false;

	for (size_t i = 0; i < n->n_keys; i++)
		ask = ask || (n->keys[i].make && encrypted(n, &n->keys[i]));
	if (!ask)
		return 0;
	n->passphrase = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	return n->passphrase ? passphrase_new(&n->signers.passphrase, "the new keys", n->passphrase)
			     : -ENOMEM;
}

static int make_key(struct init *n, struct new_key *k, struct tuf_error *e)
{
	const struct signer_ask ask = { ask_kept, n };
	_cleanup_free_ char *path = key_path(n, k->name);
	int r = signers_generate(&n->signers, n->stage.repository, k->name, n->scheme, n->a->owner,
		encrypted(n, k) ? n->passphrase : NULL, e);

	if (r < 0)
		return r;
	k->made = true;
	return path ? signer_open(path, &ask, &k->signer, e)
		    : tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
}

/* The public part as 'repo key generate' wrote it without a repository: with its owner. */
static int load_public(const struct init *n, const struct new_key *k, json_t **ret)
{
	_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
	_cleanup_json_ json_t *object = NULL;
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t size;
	int r;

	if (asprintf(&path, "%s/%s.pub.json", n->signers.folder, k->name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = repository_read(AT_FDCWD, path, REPOSITORY_KEY_SIZE_MAX, &text, &size);
	if (r == 0)
		r = canonical_load(text, size, NULL, 0, &object);
	if (r == 0)
		r = tuf_key_parse(object, &key);
	if (r < 0)
		return r;
	if (!signers_same(k->signer, key))
		return -EKEYREJECTED;
	*ret = TAKE_PTR(object);
	return 0;
}

static int take_key(struct init *n, struct new_key *k, struct tuf_error *e)
{
	_cleanup_json_ json_t *object = NULL;
	_cleanup_free_ char *path = key_path(n, k->name), *whole = NULL;
	int r = -ENOENT;

	if (!path)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
	if (!k->place && !n->a->owner)
		r = load_public(n, k, &object);
	if (r < 0)
		r = signer_key_object(k->signer, n->a->owner, &object);
	if (r < 0)
		return tuf_fail(
			e, r, NULL, k->place ? k->place : path, "is of no kind that TUF knows");
	if (k->place)
		whole = signers_is_token(k->place) ? signer_label(k->place)
						   : realpath(k->place, NULL);
	else
		whole = strdup(n->signers.usual ? strrchr(path, '/') + 1 : path);
	return repository_add_key(n->stage.repository, k->name, object, whole, e);
}

static int get_keys(struct init *n, struct tuf_error *e)
{
	int r = 0;

	for (size_t i = 0; i < n->n_keys && r == 0; i++) {
		struct new_key *k = &n->keys[i];

		r = k->make ? make_key(n, k, e) : take_key(n, k, e);
		if (r == 0)
			r = repository_find_key(n->stage.repository, k->name, &k->key, e);
	}
	return r;
}

/* ---- metadata ---- */

static int sign_role(struct init *n, enum tuf_type type, struct tuf_error *e)
{
	const char *role = tuf_type_to_string(type);
	int r = 0;

	for (size_t i = 0; i < n->n_keys && r == 0; i++) {
		_cleanup_(repository_state_done) struct repository_state s = { 0 };

		if (!(n->keys[i].roles & 1U << type))
			continue;
		r = repository_state(n->stage.repository, role, &s, e);
		if (r == 0)
			r = signers_sign(n->keys[i].signer, n->stage.repository, role, &s,
				n->keys[i].key.key->id, e);
	}
	return r;
}

static int put_root(struct init *n, int64_t now, struct tuf_error *e)
{
	struct repository_key of[_TUF_TYPE_MAX][KEYS_MAX];
	const struct repository_key *keys[_TUF_TYPE_MAX];
	size_t n_keys[_TUF_TYPE_MAX] = { 0 };
	json_t *root;
	int r;

	for (enum tuf_type t = TUF_TYPE_NONE; t < _TUF_TYPE_MAX; t++) {
		keys[t] = of[t];
		for (size_t i = 0; i < n->n_keys; i++)
			if (n->keys[i].roles & 1U << t)
				of[t][n_keys[t]++] = n->keys[i].key; /* borrowed */
	}
	r = repository_first_root(keys, n_keys, now + ROOT_LIFE_SEC, &root);
	if (r < 0)
		return tuf_fail(e, r, "root", NULL, "not enough memory");
	r = repository_put(n->stage.repository, "root", root, e);
	json_decref(root);
	return r < 0 ? r : sign_role(n, TUF_ROOT, e);
}

/* @names: the role whose file is named in it; NULL: none. */
static int put_first(struct init *n, enum tuf_type type, int64_t expires_utc_sec, const char *names,
	struct tuf_error *e)
{
	_cleanup_json_ json_t *first = NULL;
	int r = repository_first(type, expires_utc_sec, &first);

	if (r < 0)
		return tuf_fail(e, r, tuf_type_to_string(type), NULL, "not enough memory");
	if (names)
		r = repository_name_file(n->stage.repository, first, names, e);
	if (r == 0)
		r = repository_put(n->stage.repository, tuf_type_to_string(type), first, e);
	return r < 0 ? r : sign_role(n, type, e);
}

static int put_all(struct init *n, struct tuf_error *e)
{
	int64_t now = clock_utc_nsec() / NSEC_PER_SEC;
	int r = put_root(n, now, e);

	if (r == 0)
		r = put_first(n, TUF_TARGETS, now + TARGETS_LIFE_SEC, NULL, e);
	if (r == 0)
		r = put_first(n, TUF_SNAPSHOT, now + ONLINE_LIFE_SEC, "targets", e);
	if (r == 0)
		r = put_first(n, TUF_TIMESTAMP, now + ONLINE_LIFE_SEC, "snapshot", e);
	return r < 0 ? r : readme_write(n->stage.inner, e);
}

/* ---- telling ---- */

static void say_json(const struct init *n)
{
	_cleanup_json_ json_t *o = json_pack(
		"{s:o, s:[]}", "repository", json_text(n->stage.path), "keys");

	for (size_t i = 0; i < n->n_keys; i++) {
		const struct new_key *k = &n->keys[i];
		json_t *roles = json_array();

		for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
			if (k->roles & 1U << t)
				(void) json_array_append_new(
					roles, json_string(tuf_type_to_string(t)));
		(void) json_array_append_new(json_object_get(o, "keys"),
			json_pack("{s:s, s:s, s:b, s:b, s:o}", "name", k->name, "keyid",
				k->key.key->id, "made", k->made, "encrypted",
				k->made && encrypted(n, k), "roles", roles));
	}
	(void) json_print(o);
}

static void say(const struct init *n)
{
	struct style style;

	print_style(stdout, &style);
	(void) fputs("A repository is in ", stdout);
	print_text(stdout, &style, TINT_BOLD, n->stage.path);
	(void) puts(", all of it signed.\n");
	for (size_t i = 0; i < n->n_keys; i++) {
		const struct new_key *k = &n->keys[i];

		(void) printf("  key %-12s %s, %s\n", k->name,
			k->roles == FOR_ONLINE            ? "signs snapshot and timestamp"
				: k->roles == FOR_ROOT    ? "signs root"
				: k->roles == FOR_TARGETS ? "signs targets"
							  : "signs what it is named for",
			!k->made                  ? "was there"
				: encrypted(n, k) ? "new, encrypted with the passphrase"
						  : "new, NOT encrypted");
	}
	(void) fputs("  private keys are in ", stdout);
	print_text(stdout, &style, TINT_NONE, n->signers.folder);
	(void) puts(
		"\n\nThe online key has no passphrase, because cron signs with it. It can change "
		"no rule.\nKeep copies of the others where a fire would not reach both.\n\n"
		"Next:");
	(void) fputs("  cd ", stdout);
	print_text(stdout, &style, TINT_NONE, n->stage.path);
	(void) puts(" && proscribectl repo add POLICY-DIR\n"
		    "  proscribectl repo sign targets\n"
		    "  proscribectl repo publish DIR");
}

static int parse_scheme(const char *text, enum tuf_scheme *ret)
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
		if (strcmp(text ? text : "ed25519", names[i].name) == 0) {
			*ret = names[i].scheme;
			return 0;
		}
	complain("--scheme wants ed25519, ecdsa or rsa, not '%s'", text);
	return -EINVAL;
}

/* Nobody is asked for anything any more, and it takes a moment: Ctrl-C waits, so that nothing is
 * left half made. */
static void hold_signals(void)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	(void) sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		(void) sigaddset(&set, held[i]);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
}

enum exit_code cmd_repo_init(const struct arguments *a)
{
	_cleanup_(init_done) struct init n = { .a = a };
	struct tuf_error e = { 0 };
	const char *path;

	if (a->passphrase_file && (a->given & OPTION_NO_PASSPHRASE)) {
		complain("--passphrase-file and --no-passphrase exclude each other");
		return EXIT_CODE_USAGE;
	}
	if (a->n_operands == 1 && a->in) {
		complain("the folder is named twice, by -C and by '%s'", a->operands[0]);
		return EXIT_CODE_USAGE;
	}
	if (parse_scheme(a->scheme, &n.scheme) < 0 || add_missing(&n) < 0)
		return EXIT_CODE_USAGE;
	if (signers_init(&n.signers, a) < 0)
		return EXIT_CODE_FAILED;
	path = a->n_operands == 1 ? a->operands[0] : working_folder(a);
	if (repository_vacant(path, &e) < 0 || check_keys(&n, &e) < 0 || open_keys(&n, &e) < 0)
		return signers_failed(&e);
	if (ask_passphrase(&n) < 0)
		return EXIT_CODE_FAILED;
	hold_signals();
	if (repository_stage_begin(path, &n.stage, &e) < 0 || get_keys(&n, &e) < 0 ||
		put_all(&n, &e) < 0 || repository_stage_end(&n.stage, &e) < 0)
		return signers_failed(&e);
	n.done = true;
	if (a->given & OPTION_JSON)
		say_json(&n);
	else
		say(&n);
	return EXIT_CODE_FINE;
}
