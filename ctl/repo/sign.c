/*
 * `proscribectl repo sign`, and the way around it for keys on other machines: `payload` and
 * `add-signature`. Runs on an administrator's machine.
 */
#include <fcntl.h>
#include <openssl/rsa.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/repo/commands.h"
#include "ctl/repo/preview.h"
#include "ctl/repo/signature.h"
#include "ctl/repo/signers.h"
#include "policy/base/fd.h"

static const char *folder_of(const struct arguments *a)
{
	return a->in ? a->in : ".";
}

static int open_locked(const struct arguments *a, struct repository **ret, struct tuf_error *e)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	int k = repository_open(folder_of(a), &r, e);

	if (k == 0)
		k = repository_lock(r, e);
	if (k == 0)
		*ret = TAKE_PTR(r);
	return k;
}

/* What @role is now: complete, or who still must sign. */
static enum exit_code report(struct repository *r, const char *role)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	struct tuf_error e = { 0 };

	if (repository_state(r, role, &s, &e) < 0)
		return signers_failed(&e);
	preview_missing(r, role, &s);
	return s.complete ? EXIT_CODE_FINE : EXIT_CODE_UNSIGNED;
}

/* The key of @s's approvals that has @keyid, or that @signer holds; NULL: it has no say. */
static const struct tuf_key *find_say(
	const struct repository_state *s, const char *keyid, const struct signer *signer)
{
	for (size_t a = 0; a < s->n_approvals; a++) {
		const struct repository_approval *of = &s->approvals[a];

		for (size_t i = 0; i < of->keys_of->n_keys; i++) {
			const struct tuf_key *key = of->keys_of->keys[i];
			bool says = false;

			for (size_t k = 0; k < of->role->n_keyids; k++)
				says |= strcmp(of->role->keyids[k], key->id) == 0;
			if (says &&
				(keyid ? strcmp(key->id, keyid) == 0
				       : (signer && signers_same(signer, key))))
				return key;
		}
	}
	return NULL;
}

/* ---- sign ---- */

static void signed_by(void *context, const char *role, const char *name)
{
	(void) context;
	(void) printf("%s: signed with %s\n", role, name);
}

static int no_say(const char *key, const char *role, struct tuf_error *e)
{
	return tuf_fail(e, -EKEYREJECTED, role, NULL, "the key %s has no say in this role", key);
}

/* Opens what -k names, and says which key of the role it is. */
static int open_named(struct signers *s, struct repository *r, const char *role,
	const struct repository_state *state, const char *key, struct signer **ret,
	const struct tuf_key **ret_key, struct tuf_error *e)
{
	_cleanup_(repository_key_done) struct repository_key named = { 0 };
	_cleanup_(signer_freep) struct signer *signer = NULL;
	_cleanup_free_ char *label = signer_label(key);
	const struct tuf_key *found;
	int k;

	if (!label)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	if (signers_is_token(key) || strchr(key, '/')) {
		signers_warn(key);
		k = signers_open_place(s, key, &signer, e);
		found = k < 0 ? NULL : find_say(state, NULL, signer);
	} else {
		k = repository_find_key(r, key, &named, e);
		found = k < 0 ? NULL : find_say(state, named.key->id, NULL);
		if (found)
			k = signers_open(s, &named, &signer, e);
	}
	if (k < 0)
		return k;
	if (!found)
		return no_say(label, role, e);
	*ret = TAKE_PTR(signer);
	*ret_key = found;
	return 0;
}

static int sign_named(struct signers *s, struct repository *r, const char *role,
	const struct repository_state *state, const char *key, struct tuf_error *e)
{
	_cleanup_(signer_freep) struct signer *signer = NULL;
	const struct tuf_key *of = NULL;
	char name[SIGNERS_LABEL_SIZE];
	int k;

	k = open_named(s, r, role, state, key, &signer, &of, e);
	if (k == 0)
		k = signers_sign(signer, r, role, state, of->id, e);
	if (k < 0)
		return k;
	signers_label(r, of->id, name);
	signed_by(NULL, role, name);
	return 0;
}

static bool confirmed(const struct arguments *a)
{
	char answer[16];

	if ((a->given & OPTION_YES) || !isatty(STDIN_FILENO))
		return true;
	(void) printf("Sign this? [y/N] ");
	(void) fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && strchr("yY", *answer))
		return true;
	complain("nothing was signed");
	return false;
}

static enum exit_code sign(const struct arguments *a, struct signers *s, struct repository *r,
	const struct repository_state *state)
{
	const char *role = a->operands[0];
	struct tuf_error e = { 0 };
	size_t n = 0;

	for (; n < a->n_key; n++)
		if (sign_named(s, r, role, state, a->key[n], &e) < 0)
			return signers_failed(&e);
	if (a->n_key == 0 && signers_sign_all(s, r, role, signed_by, NULL, &n, &e) < 0)
		return signers_failed(&e);
	if (n == 0)
		complain("none of the keys that have not signed %s yet is here (looked in %s)",
			role, s->folder);
	if (n == 0) {
		(void) report(r, role);
		return EXIT_CODE_FAILED;
	}
	return report(r, role);
}

enum exit_code cmd_repo_sign(const struct arguments *a)
{
	_cleanup_(repository_state_done) struct repository_state state = { 0 };
	_cleanup_(signers_done) struct signers s = { 0 };
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };

	if (signers_init(&s, a) < 0)
		return EXIT_CODE_FAILED;
	if (open_locked(a, &r, &e) < 0 || repository_state(r, a->operands[0], &state, &e) < 0)
		return signers_failed(&e);
	if (state.complete && a->n_key == 0)
		return report(r, a->operands[0]);
	if (preview_show(r, folder_of(a), a->operands[0], &state) < 0 || !confirmed(a))
		return EXIT_CODE_FAILED;
	return sign(a, &s, r, &state);
}

/* ---- payload ---- */

/* Appears when it is complete. */
static int write_file(const char *path, const char *bytes, size_t n)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	if (r == 0 && (fchmod(fd, 0644) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		(void) unlink(temporary);
	return r;
}

enum exit_code cmd_repo_payload(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	_cleanup_free_ char *bytes = NULL;
	struct tuf_error e = { 0 };
	size_t n;
	int k;

	if (repository_open(folder_of(a), &r, &e) < 0 ||
		repository_payload(r, a->operands[0], &bytes, &n, &e) < 0)
		return signers_failed(&e);
	if (!a->output) /* main() notices when it cannot be written */
		return fwrite(bytes, 1, n, stdout) == n ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
	k = write_file(a->output, bytes, n);
	if (k < 0)
		complain("cannot write %s: %s", a->output, strerror(-k));
	return k < 0 ? EXIT_CODE_FAILED : EXIT_CODE_FINE;
}

/* ---- add-signature ---- */

static int read_signature(const char *file, char **ret, size_t *ret_size, struct tuf_error *e)
{
	bool input = strcmp(file, "-") == 0;
	_cleanup_close_ int fd = open(input ? "/dev/stdin" : file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *bytes;
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0)
		return tuf_fail(e, -errno, NULL, file, "cannot be opened: %s", strerror(errno));
	bytes = malloc(SIGNATURE_FILE_MAX + 1);
	if (!bytes)
		return tuf_fail(e, -ENOMEM, NULL, file, "no memory");
	while (got != 0 && n <= SIGNATURE_FILE_MAX) {
		got = read(fd, bytes + n, SIGNATURE_FILE_MAX + 1 - n);
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t) got : 0;
	}
	if (got < 0 || n > SIGNATURE_FILE_MAX) {
		int error = got < 0 ? -errno : -EFBIG;

		free(bytes);
		return tuf_fail(e, error, NULL, file, "is no signature: %s", strerror(-error));
	}
	*ret = bytes;
	*ret_size = n;
	return 0;
}

/* What else may have been signed by mistake. */
static bool made_over(const struct tuf_key *key, const char *payload, size_t n, const char *behind,
	const uint8_t *signature, size_t size)
{
	_cleanup_free_ char *other = malloc(n + strlen(behind) + 1);

	if (!other)
		return false;
	memcpy(other, payload, n);
	memcpy(other + n, behind, strlen(behind) + 1);
	return tuf_key_verify(key, other, n + strlen(behind), signature, size);
}

static bool made_over_digest(const struct tuf_key *key, const char *payload, size_t n,
	const uint8_t *signature, size_t size)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	return EVP_Digest(payload, n, digest, &length, EVP_sha256(), NULL) == 1 &&
		tuf_key_verify(key, digest, length, signature, size);
}

static bool is_pkcs1(const struct tuf_key *key, const char *payload, size_t n,
	const uint8_t *signature, size_t size)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool is = key->scheme == TUF_SCHEME_RSA_PSS_SHA256 && c &&
		EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
		EVP_DigestVerify(c, signature, size, (const uint8_t *) payload, n) == 1;

	EVP_MD_CTX_free(c);
	return is;
}

/* Of which other role is it a signature? */
static bool of_other_role(struct repository *r, const struct tuf_key *key, const uint8_t *signature,
	size_t size, char out[TUF_ROLE_MAX + 1])
{
	char **roles = NULL;
	bool found = false;

	if (repository_roles(r, &roles, NULL) < 0)
		return false;
	for (size_t i = 0; roles[i]; i++) {
		_cleanup_free_ char *bytes = NULL;
		size_t n;

		if (!found && repository_payload(r, roles[i], &bytes, &n, NULL) == 0 &&
			tuf_key_verify(key, bytes, n, signature, size)) {
			(void) snprintf(out, TUF_ROLE_MAX + 1, "%s", roles[i]);
			found = true;
		}
	}
	repository_roles_free(roles);
	return found;
}

/* By which other key is it? */
static bool by_other_key(struct repository *r, const char *payload, size_t n,
	const uint8_t *signature, size_t size, char out[REPOSITORY_NAME_MAX + 1])
{
	struct repository_key *keys;
	size_t n_keys;
	bool found = false;

	if (repository_keys(r, &keys, &n_keys, NULL) < 0)
		return false;
	for (size_t i = 0; i < n_keys; i++) {
		if (!found && tuf_key_verify(keys[i].key, payload, n, signature, size)) {
			(void) snprintf(out, REPOSITORY_NAME_MAX + 1, "%s", keys[i].name);
			found = true;
		}
		repository_key_done(&keys[i]);
	}
	free(keys);
	return found;
}

/* Says why a signature does not verify, as well as can be told. */
static int explain(struct repository *r, const char *role, const struct repository_key *key,
	const char *payload, size_t n, const uint8_t *signature, size_t size, struct tuf_error *e)
{
	const struct tuf_key *k = key->key;
	char other[TUF_ROLE_MAX + 1];

	if (made_over(k, payload, n, "\n", signature, size) ||
		made_over(k, payload, n, "\r\n", signature, size))
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"it was made over the payload with a line end behind it; sign exactly what "
			"'repo payload %s' writes",
			role);
	if (made_over_digest(k, payload, n, signature, size))
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"it was made over the payload's SHA-256 and not over the payload itself");
	if (is_pkcs1(k, payload, n, signature, size))
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"it is padded by PKCS #1 v1.5; it must be PSS with SHA-256 and MGF1");
	if (of_other_role(r, k, signature, size, other))
		return tuf_fail(e, -EKEYREJECTED, role, NULL, "it is a signature of %s", other);
	if (by_other_key(r, payload, n, signature, size, other))
		return tuf_fail(e, -EKEYREJECTED, role, NULL,
			"it was made with the key %s, not with %s", other, key->name);
	return tuf_fail(e, -EKEYREJECTED, role, NULL,
		"it is no signature by %s of what 'repo payload %s' writes now: made over other "
		"bytes, or with another key",
		key->name, role);
}

static int add(struct repository *r, const char *role, const char *key, const char *file,
	struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state state = { 0 };
	_cleanup_(repository_key_done) struct repository_key named = { 0 };
	_cleanup_free_ char *bytes = NULL, *payload = NULL;
	uint8_t signature[TUF_SIGNATURE_MAX];
	char want[SIGNATURE_TEXT_SIZE];
	size_t n = 0, size, n_payload = 0;
	int k;

	k = repository_state(r, role, &state, e);
	if (k == 0)
		k = repository_find_key(r, key, &named, e);
	if (k == 0 && !find_say(&state, named.key->id, NULL))
		k = no_say(named.name, role, e);
	if (k == 0)
		k = read_signature(file, &bytes, &n, e);
	if (k == 0)
		k = repository_payload(r, role, &payload, &n_payload, e);
	if (k != 0)
		return k;
	signature_describe(named.key, want);
	if (signature_read(named.key, bytes, n, signature, &size) < 0)
		return tuf_fail(e, -EBADMSG, NULL, file,
			"is no signature by %s (%s): %zu bytes; expected %s, as they are, in "
			"hexadecimal or in base64",
			named.name, tuf_scheme_to_string(named.key->scheme), n, want);
	if (!tuf_key_verify(named.key, payload, n_payload, signature, size))
		return explain(r, role, &named, payload, n_payload, signature, size, e);
	return repository_add_signature(r, role, named.key->id, signature, size, e);
}

enum exit_code cmd_repo_add_signature(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };

	if (a->n_key != 1) {
		complain("wants exactly one --key: whose signature it is");
		(void) fprintf(stderr, "Try 'proscribectl %s --help'.\n", a->command->name);
		return EXIT_CODE_USAGE;
	}
	if (open_locked(a, &r, &e) < 0 || add(r, a->operands[0], a->key[0], a->operands[1], &e) < 0)
		return signers_failed(&e);
	return report(r, a->operands[0]);
}
