/*
 * Runs in proscribectl. What the repository says of where a private key is was written by
 * colleagues: it is taken as a place to look at, and never makes this program load code (the query
 * of a PKCS#11 URI) or accept another key.
 */
#include "ctl/repo/signers.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/trust/canonical.h"
#include "policy/trust/signer_pkcs11.h"

enum { PASSPHRASE_TRIES = 3 };

/* ---- the folder ---- */

static char *home(void)
{
	const char *path = getenv("HOME");
	const struct passwd *user;

	if (path && *path == '/')
		return strdup(path);
	user = getpwuid(geteuid());
	return user ? strdup(user->pw_dir) : NULL;
}

/* $XDG_CONFIG_HOME/proscribe/keys, as the XDG Base Directory Specification has it. */
static char *default_folder(void)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	_cleanup_free_ char *base = NULL;
	char *folder;

	if (config && *config == '/')
		return asprintf(&folder, "%s/proscribe/keys", config) < 0 ? NULL : folder;
	base = home();
	if (!base)
		return NULL;
	return asprintf(&folder, "%s/.config/proscribe/keys", base) < 0 ? NULL : folder;
}

/* What can be written down in the repository: an absolute path. */
static char *absolute(const char *path)
{
	_cleanup_free_ char *here = NULL;
	char *whole;

	if (*path == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	return !here || asprintf(&whole, "%s/%s", here, path) < 0 ? NULL : whole;
}

int signers_init(struct signers *s, const struct arguments *a)
{
	*s = (struct signers){ .usual = !a->keys };
	signer_protect();
	s->folder = a->keys ? absolute(a->keys) : default_folder();
	if (!s->folder) {
		complain("cannot tell where private keys are kept; --keys does");
		return -ENOENT;
	}
	return passphrase_init(&s->passphrase, a->passphrase_file);
}

void signers_done(struct signers *s)
{
	free(s->folder);
	passphrase_done(&s->passphrase);
}

/* ---- finding and opening ---- */

static char *file_of(const struct signers *s, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s.pem", s->folder, name) < 0 ? NULL : path;
}

bool signers_is_token(const char *place)
{
	return strncmp(place, SIGNER_PKCS11, strlen(SIGNER_PKCS11)) == 0;
}

void signers_warn(const char *place)
{
	if (signers_is_token(place) && strcasestr(place, "pin-value="))
		complain("others on this host can read a PIN in a command line; left out, it is "
			 "asked for, or --passphrase-file tells where it is");
}

bool signers_here(const char *place)
{
	return place && (signers_is_token(place) || access(place, R_OK) == 0);
}

int signers_place(const struct signers *s, const struct repository_key *key, char **ret)
{
	_cleanup_free_ char *own = file_of(s, key->name);
	const char *said = key->source;

	if (!own)
		return -ENOMEM;
	if (access(own, F_OK) == 0) {
		*ret = TAKE_PTR(own);
		return 0;
	}
	if (!said || !*said) {
		*ret = NULL;
		return 0;
	}
	if (signers_is_token(said))
		*ret = signer_label(said);
	else if (*said == '/')
		*ret = strdup(said);
	else /* relative to the folder, whosever it is */
		return asprintf(ret, "%s/%s", s->folder, said) < 0 ? -ENOMEM : 0;
	return *ret ? 0 : -ENOMEM;
}

bool signers_same(const struct signer *signer, const struct tuf_key *key)
{
	_cleanup_(tuf_key_freep) struct tuf_key *found = NULL;
	_cleanup_json_ json_t *object = NULL;

	return signer_key_object(signer, NULL, &object) == 0 &&
		tuf_key_parse(object, &found) == 0 && found->pkey && key->pkey &&
		EVP_PKEY_eq(found->pkey, key->pkey) == 1;
}

/* Typed wrongly is asked again; a token would be locked by that. */
int signers_open_place(
	struct signers *s, const char *place, struct signer **ret, struct tuf_error *e)
{
	const struct signer_ask ask = { passphrase_ask, &s->passphrase };
	int r;

	for (unsigned i = 1;; i++) {
		r = signer_open(place, &ask, ret, e);
		if (r != -EKEYREJECTED || s->passphrase.kept || signers_is_token(place) ||
			i == PASSPHRASE_TRIES)
			return r;
		complain("%s: %s", place, e->text);
	}
}

int signers_open(struct signers *s, const struct repository_key *key, struct signer **ret,
	struct tuf_error *e)
{
	_cleanup_(signer_freep) struct signer *signer = NULL;
	_cleanup_free_ char *place = NULL;
	int r;

	r = signers_place(s, key, &place);
	if (r < 0)
		return tuf_fail(e, r, NULL, NULL, "no memory");
	if (!place)
		return tuf_fail(e, -ENOENT, NULL, NULL,
			"the private key '%s' is not here: there is no %s/%s.pem", key->name,
			s->folder, key->name);
	r = signers_open_place(s, place, &signer, e);
	if (r < 0)
		return r;
	if (!signers_same(signer, key->key))
		return tuf_fail(e, -EKEYREJECTED, NULL, place,
			"is another key than '%s' of this repository", key->name);
	*ret = TAKE_PTR(signer);
	return 0;
}

/* ---- new keys ---- */

/* Makes @path and what is missing above it; only the last one is made private. */
static int make_folder(const char *path, mode_t mode)
{
	_cleanup_free_ char *above = NULL;
	char *slash;
	int r;

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	above = strdup(path);
	slash = above ? strrchr(above, '/') : NULL;
	if (!slash || slash == above)
		return above ? -ENOENT : -ENOMEM;
	*slash = '\0';
	r = make_folder(above, 0755);
	return r == 0 && mkdir(path, mode) < 0 && errno != EEXIST ? -errno : r;
}

static int make_key_folder(const char *path, struct tuf_error *e)
{
	int r = make_folder(path, 0700);
	struct stat st;

	if (r == 0 && stat(path, &st) < 0)
		r = -errno;
	if (r != 0)
		return tuf_fail(e, r, NULL, path, "cannot be made: %s", strerror(-r));
	if (!S_ISDIR(st.st_mode))
		return tuf_fail(e, -ENOTDIR, NULL, path, "is no folder");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return tuf_fail(e, -EACCES, NULL, path,
			"is a folder that others may write to (mode %04o); private keys do not "
			"belong there",
			st.st_mode & 07777U);
	return 0;
}

int signers_check_new(
	struct signers *s, struct repository *r, const char *name, struct tuf_error *e)
{
	_cleanup_(repository_key_done) struct repository_key there = { 0 };
	_cleanup_free_ char *path = NULL;
	size_t n = strlen(name);
	int found;

	if (n == 0 || n > REPOSITORY_NAME_MAX || strchr("-.", *name) ||
		strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") != n)
		return tuf_fail(e, -EINVAL, NULL, NULL,
			"'%s' cannot be the name of a key: 1 to %d letters, digits and . _ - @, "
			"beginning with a letter, digit, _ or @",
			name, REPOSITORY_NAME_MAX);
	found = r ? repository_find_key(r, name, &there, e) : -ENOENT;
	if (found == 0)
		return tuf_fail(e, -EEXIST, NULL, NULL, "there is a key '%s' already", there.name);
	if (found != -ENOENT)
		return found;
	path = file_of(s, name);
	if (path && access(path, F_OK) == 0)
		return tuf_fail(e, -EEXIST, NULL, path,
			"is there already; 'repo key import %s --source %s' takes it", name, path);
	return path ? 0 : tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
}

/* The public part as a file of its own. */
static int write_public(
	const struct signers *s, const char *name, const json_t *object, struct tuf_error *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = 0;

	if (asprintf(&path, "%s/%s.pub.json", s->folder, name) < 0) {
		path = NULL;
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be made: %s", strerror(errno));
	if (json_dumpfd(object, fd, JSON_INDENT(1) | JSON_SORT_KEYS) < 0 || fsync(fd) < 0)
		r = errno ? -errno : -EIO;
	if (r == 0)
		return 0;
	(void) unlink(path);
	return tuf_fail(e, r, NULL, path, "cannot be written: %s", strerror(-r));
}

int signers_generate(struct signers *s, struct repository *r, const char *name,
	enum tuf_scheme scheme, const char *owner, const char *passphrase, struct tuf_error *e)
{
	_cleanup_(signer_freep) struct signer *signer = NULL;
	_cleanup_json_ json_t *object = NULL;
	_cleanup_free_ char *path = NULL;
	int k;

	k = signers_check_new(s, r, name, e);
	if (k == 0)
		k = make_key_folder(s->folder, e);
	if (k < 0)
		return k;
	path = file_of(s, name);
	if (!path)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	k = signer_generate(scheme, path, passphrase, &signer, e);
	if (k < 0)
		return k;
	k = signer_key_object(signer, owner, &object);
	if (k < 0)
		k = tuf_fail(e, k, NULL, path, "has a public part that cannot be used");
	else if (!r)
		k = write_public(s, name, object, e);
	else
		k = repository_add_key(
			r, name, object, s->usual ? strrchr(path, '/') + 1 : path, e);
	if (k < 0)
		(void) unlink(path); /* nobody has seen it */
	return k;
}

/* ---- signing ---- */

int signers_sign(struct signer *signer, struct repository *r, const char *role,
	const struct repository_state *state, const char *keyid, struct tuf_error *e)
{
	uint8_t signature[TUF_SIGNATURE_MAX];
	size_t n;
	int k;

	k = signer_sign(signer, state->metadata->signed_bytes, state->metadata->signed_size,
		signature, &n, e);
	return k < 0 ? k : repository_add_signature(r, role, keyid, signature, n, e);
}

struct signing {
	struct signers *signers;
	struct repository *repository;
	const char *role;
	const struct repository_state *state;
	void (*signed_by)(void *context, const char *role, const char *name);
	void *context;
	size_t n;
};

/* A key that is not here, or on a token that this host cannot reach, is for somebody else. */
static int sign_if_here(struct signing *g, const char *keyid, struct tuf_error *e)
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };
	_cleanup_(signer_freep) struct signer *signer = NULL;
	int k;

	k = repository_find_key(g->repository, keyid, &key, e);
	if (k == 0)
		k = signers_open(g->signers, &key, &signer, e);
	if (k == -ENOENT || k == -ENOPKG)
		return 0;
	if (k == 0)
		k = signers_sign(signer, g->repository, g->role, g->state, keyid, e);
	if (k < 0)
		return k;
	g->n++;
	if (g->signed_by)
		g->signed_by(g->context, g->role, key.name);
	return 0;
}

/* Is the key @i of the approval @which in an earlier one too? */
static bool seen_before(const struct repository_state *state, size_t which, const char *keyid)
{
	for (size_t a = 0; a < which; a++)
		for (size_t i = 0; i < state->approvals[a].role->n_keyids; i++)
			if (strcmp(state->approvals[a].role->keyids[i], keyid) == 0)
				return true;
	return false;
}

int signers_sign_all(struct signers *s, struct repository *r, const char *role,
	void (*signed_by)(void *context, const char *role, const char *name), void *context,
	size_t *ret_n, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state state = { 0 };
	struct signing g = { s, r, role, &state, signed_by, context, 0 };
	int k;

	k = repository_state(r, role, &state, e);
	for (size_t a = 0; k == 0 && a < state.n_approvals; a++) {
		const struct tuf_role *of = state.approvals[a].role;

		for (size_t i = 0; k == 0 && i < of->n_keyids; i++)
			if (!seen_before(&state, a, of->keyids[i]) &&
				!repository_signed_by(&state, of->keyids[i]))
				k = sign_if_here(&g, of->keyids[i], e);
	}
	if (ret_n)
		*ret_n = g.n;
	return k;
}

void signers_label(struct repository *r, const char *keyid, char out[SIGNERS_LABEL_SIZE])
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };

	if (repository_find_key(r, keyid, &key, NULL) == 0)
		(void) snprintf(out, SIGNERS_LABEL_SIZE, "%s", key.name);
	else
		(void) snprintf(out, SIGNERS_LABEL_SIZE, "%.8s", keyid);
}

enum exit_code signers_failed(const struct tuf_error *e)
{
	_cleanup_free_ char *line = tuf_error_line(e);

	complain("%s", line ? line : strerror(-e->error));
	return EXIT_CODE_FAILED;
}
