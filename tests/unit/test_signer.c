/* Private keys in files: which are taken, what they sign, what is said of the others. */
#include "policy/trust/signer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "policy/base/cleanup.h"
#include "policy/trust/canonical.h"

#define PASSPHRASE "correct horse"

struct world {
	char folder[64];
	char path[128];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	(void) snprintf(w->folder, sizeof(w->folder), "/tmp/test_signer.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void) snprintf(w->path, sizeof(w->path), "%s/key.pem", w->folder);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	(void) unlink(w->path);
	assert_int_equal(rmdir(w->folder), 0);
	free(w);
	return 0;
}

/* Answers with @context, a string; NULL: nobody is there. */
static int answer(void *context, const char *what, char *out)
{
	const char *passphrase = context;

	assert_non_null(what);
	if (!passphrase)
		return -ENOKEY;
	memcpy(out, passphrase, strlen(passphrase) + 1);
	return (int) strlen(passphrase);
}

static int open_with(
	const struct world *w, const char *passphrase, struct signer **ret, struct tuf_error *e)
{
	const struct signer_ask ask = { answer, (void *) (uintptr_t) passphrase };

	*e = (struct tuf_error){ 0 };
	return signer_open(w->path, &ask, ret, e);
}

static char *read_text(const struct world *w, size_t *ret_size)
{
	FILE *f = fopen(w->path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(text);
	*ret_size = fread(text, 1, 65535, f);
	(void) fclose(f);
	return text;
}

static void write_text(const struct world *w, const char *text, size_t n)
{
	int fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, 0600), 0);
	(void) close(fd);
}

static const struct {
	const char *name;
	enum tuf_scheme scheme;
} schemes[] = {
	{ "ed25519", TUF_SCHEME_ED25519 },
	{ "ecdsa", TUF_SCHEME_ECDSA_P256_SHA256 },
	{ "rsa", TUF_SCHEME_RSA_PSS_SHA256 },
};

static struct tuf_key *key_of(const struct signer *s)
{
	_cleanup_json_ json_t *object = NULL;
	struct tuf_key *key = NULL;

	assert_int_equal(signer_key_object(s, "Ana", &object), 0);
	assert_int_equal(tuf_key_parse(object, &key), 0);
	assert_string_equal(key->owner, "Ana");
	return key;
}

static void test_what_a_new_key_signs_its_public_part_verifies(void **state)
{
	static const char bytes[] = "{\"_type\":\"root\"}";
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		_cleanup_(signer_freep) struct signer *made = NULL, *opened = NULL;
		_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
		uint8_t signature[TUF_SIGNATURE_MAX];
		struct tuf_error e = { 0 };
		struct stat st;
		size_t n = 0;

		if (signer_generate(schemes[i].scheme, w->path, PASSPHRASE, &made, &e) < 0 ||
			open_with(w, PASSPHRASE, &opened, &e) < 0)
			fail_msg("%s: %s", schemes[i].name, e.text);
		assert_int_equal(stat(w->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		key = key_of(made);
		assert_int_equal(key->scheme, schemes[i].scheme);
		assert_int_equal(signer_sign(opened, bytes, sizeof(bytes), signature, &n, &e), 0);
		if (!tuf_key_verify(key, bytes, sizeof(bytes), signature, n))
			fail_msg("%s: the signature should verify", schemes[i].name);
		if (tuf_key_verify(key, bytes, sizeof(bytes) - 1, signature, n))
			fail_msg("%s: other bytes should not verify", schemes[i].name);
		signature[n / 2] ^= 1;
		if (tuf_key_verify(key, bytes, sizeof(bytes), signature, n))
			fail_msg("%s: a changed signature should not verify", schemes[i].name);
		assert_int_equal(unlink(w->path), 0);
	}
}

static void test_a_file_that_is_there_is_never_replaced(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL;
	_cleanup_free_ char *text = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };
	size_t n;

	write_text(w, "mine", 4);
	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, NULL, &s, &e), -EEXIST);
	assert_null(s);
	text = read_text(w, &n);
	assert_string_equal(text, "mine");
}

static void test_encryption_is_pbes2_with_scrypt_and_aes(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL, *again = NULL;
	_cleanup_free_ char *text = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };
	X509_SIG *encrypted;
	const X509_ALGOR *method = NULL;
	size_t n;
	FILE *f;

	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, PASSPHRASE, &s, &e), 0);
	text = read_text(w, &n);
	assert_non_null(strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
	f = fopen(w->path, "re");
	encrypted = PEM_read_PKCS8(f, NULL, NULL, NULL);
	(void) fclose(f);
	assert_non_null(encrypted);
	X509_SIG_get0(encrypted, &method, NULL);
	assert_int_equal(OBJ_obj2nid(method->algorithm), NID_pbes2);
	X509_SIG_free(encrypted);

	assert_int_equal(open_with(w, "wrong horse", &again, &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "wrong"));
	assert_null(strstr(e.text, "wrong horse"));
	assert_string_equal(e.file, w->path);
	assert_int_equal(open_with(w, "", &again, &e), -EKEYREJECTED);
	assert_int_equal(open_with(w, NULL, &again, &e), -ENOKEY);
	assert_null(again);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_a_key_without_a_passphrase_asks_for_none(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL, *again = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };

	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, NULL, &s, &e), 0);
	assert_int_equal(signer_open(w->path, NULL, &again, &e), 0);
}

static void test_a_truncated_file_is_refused_at_every_length(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL;
	_cleanup_free_ char *text = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };
	size_t n, whole;

	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, NULL, &s, &e), 0);
	text = read_text(w, &n);
	whole = n - 2; /* the line's end and the last dash */
	for (size_t i = 0; i < whole; i++) {
		_cleanup_(signer_freep) struct signer *cut = NULL;
		int r;

		write_text(w, text, i);
		r = open_with(w, PASSPHRASE, &cut, &e);
		if (r >= 0 || cut)
			fail_msg("the first %zu of %zu bytes should be refused", i, n);
		if (!*e.text || strcmp(e.file, w->path) != 0)
			fail_msg("the first %zu bytes: nothing was said of the file", i);
	}
}

static void test_damage_anywhere_is_refused_or_harmless(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL;
	_cleanup_free_ char *text = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };
	size_t n;

	assert_int_equal(signer_generate(TUF_SCHEME_ECDSA_P256_SHA256, w->path, NULL, &s, &e), 0);
	text = read_text(w, &n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(signer_freep) struct signer *damaged = NULL;
		uint8_t signature[TUF_SIGNATURE_MAX];
		size_t size = 0;
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		write_text(w, text, n);
		text[i] = was;
		/* what can be opened all the same signs for its own public part, or not at all */
		if (open_with(w, NULL, &damaged, &e) < 0 ||
			signer_sign(damaged, "x", 1, signature, &size, &e) < 0)
			continue;
		_cleanup_(tuf_key_freep) struct tuf_key *other = key_of(damaged);

		if (!tuf_key_verify(other, "x", 1, signature, size))
			fail_msg("byte %zu changed: signed for another public key", i);
	}
}

/* @type with up to one text parameter, in the file, as OpenSSL writes it. */
static void write_key(const struct world *w, const char *type, const char *curve, size_t bits)
{
	EVP_PKEY *key = bits ? EVP_PKEY_Q_keygen(NULL, NULL, type, bits)
		: curve      ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve)
			     : EVP_PKEY_Q_keygen(NULL, NULL, type);
	FILE *f = fopen(w->path, "we");

	assert_non_null(key);
	assert_non_null(f);
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	(void) fclose(f);
	assert_int_equal(chmod(w->path, 0600), 0);
	EVP_PKEY_free(key);
}

static void test_keys_that_tuf_has_no_scheme_for_are_refused(void **state)
{
	static const struct {
		const char *name, *type, *curve;
		size_t bits;
		int want;
		const char *says;
	} cases[] = {
		{ "an EC key on P-384", "EC", "P-384", 0, -EOPNOTSUPP, "secp384r1" },
		{ "an EC key on secp256k1", "EC", "secp256k1", 0, -EOPNOTSUPP, "secp256k1" },
		{ "RSA with 1024 bits", "RSA", NULL, 1024, -EOPNOTSUPP, "1024 bits" },
		{ "RSA with one bit less than enough", "RSA", NULL, TUF_RSA_BITS_MIN - 1,
			-EOPNOTSUPP, "2047 bits" },
		{ "RSA with just enough", "RSA", NULL, TUF_RSA_BITS_MIN, 0, "" },
		{ "Ed448", "ED448", NULL, 0, -EOPNOTSUPP, "ED448" },
		{ "a key for exchange only", "X25519", NULL, 0, -EOPNOTSUPP, "X25519" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(signer_freep) struct signer *s = NULL;
		struct tuf_error e = { 0 };
		int r;

		write_key(w, cases[i].type, cases[i].curve, cases[i].bits);
		r = open_with(w, NULL, &s, &e);
		if (r != cases[i].want || !strstr(e.text, cases[i].says))
			fail_msg("%s: %d (%s), expected %d saying '%s'", cases[i].name, r, e.text,
				cases[i].want, cases[i].says);
	}
}

static void test_files_that_hold_something_else_are_refused(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
		const char *says;
	} cases[] = {
		{ "nothing", "", -EBADMSG, "PEM" },
		{ "text", "hello\n", -EBADMSG, "PEM" },
		{ "a public key",
			"-----BEGIN PUBLIC KEY-----\n"
			"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
			"-----END PUBLIC KEY-----\n",
			-EOPNOTSUPP, "PUBLIC KEY" },
		{ "a key as OpenSSH has it",
			"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
			"-----END OPENSSH PRIVATE KEY-----\n",
			-EOPNOTSUPP, "OPENSSH" },
		{ "encrypted in PEM's old way",
			"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
			"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nAAAA\n"
			"-----END RSA PRIVATE KEY-----\n",
			-EOPNOTSUPP, "pkcs8" },
		{ "a private key that is none",
			"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", -EBADMSG,
			"damaged" },
		{ "an encrypted one that is none",
			"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
			"-----END ENCRYPTED PRIVATE KEY-----\n",
			-EBADMSG, "damaged" },
		{ "a control sequence for a name",
			"-----BEGIN \x1b[2J-----\nAAAA\n-----END \x1b[2J-----\n", -EOPNOTSUPP,
			"\\x1b" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(signer_freep) struct signer *s = NULL;
		struct tuf_error e = { 0 };
		int r;

		write_text(w, cases[i].text, strlen(cases[i].text));
		r = open_with(w, PASSPHRASE, &s, &e);
		if (r != cases[i].want || !strstr(e.text, cases[i].says))
			fail_msg("%s: %d (%s), expected %d saying '%s'", cases[i].name, r, e.text,
				cases[i].want, cases[i].says);
	}
}

static void test_a_file_that_others_can_get_at_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0777 };
	_cleanup_(signer_freep) struct signer *s = NULL, *read_only = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };

	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, NULL, &s, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_(signer_freep) struct signer *opened = NULL;
		int r;

		assert_int_equal(chmod(w->path, modes[i]), 0);
		r = open_with(w, NULL, &opened, &e);
		if (r != -EACCES || !strstr(e.text, "chmod 600"))
			fail_msg("mode %04o: %d (%s), expected %d", (unsigned) modes[i], r, e.text,
				-EACCES);
	}
	assert_int_equal(chmod(w->path, 0400), 0);
	assert_int_equal(open_with(w, NULL, &read_only, &e), 0);
}

static void test_what_is_no_file_is_refused_without_waiting(void **state)
{
	_cleanup_(signer_freep) struct signer *s = NULL;
	struct world *w = *state;
	struct tuf_error e = { 0 };

	assert_int_equal(open_with(w, NULL, &s, &e), -ENOENT);
	assert_int_equal(signer_open(w->folder, NULL, &s, &e), -EBADMSG);
	assert_int_equal(mkfifo(w->path, 0600), 0);
	assert_int_equal(open_with(w, NULL, &s, &e), -EBADMSG);
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(symlink("/dev/zero", w->path), 0);
	assert_int_equal(open_with(w, NULL, &s, &e), -EBADMSG);
}

static void test_a_file_is_read_up_to_its_limit(void **state)
{
	enum { LIMIT = 65536 };
	_cleanup_(signer_freep) struct signer *made = NULL, *s = NULL;
	_cleanup_free_ char *text = NULL, *padded = malloc(LIMIT + 1);
	struct world *w = *state;
	struct tuf_error e = { 0 };
	size_t n;

	assert_non_null(padded);
	assert_int_equal(signer_generate(TUF_SCHEME_ED25519, w->path, NULL, &made, &e), 0);
	text = read_text(w, &n);
	memset(padded, '\n', LIMIT + 1);
	memcpy(padded + LIMIT - n, text, n);
	write_text(w, padded, LIMIT);
	assert_int_equal(open_with(w, NULL, &s, &e), 0);
	write_text(w, padded, LIMIT + 1);
	s = signer_free(s);
	assert_int_equal(open_with(w, NULL, &s, &e), -EFBIG);
}

static void test_labels_show_no_pin(void **state)
{
	static const struct {
		const char *name, *source, *want;
	} cases[] = {
		{ "a path", "/home/ana/key.pem", "/home/ana/key.pem" },
		{ "a path with a question mark", "key?pin-value=1.pem", "key?pin-value=1.pem" },
		{ "a URI", "pkcs11:token=a;object=b", "pkcs11:token=a;object=b" },
		{ "a PIN in the query", "pkcs11:token=a?pin-value=1234", "pkcs11:token=a" },
		{ "a module", "pkcs11:token=a?module-path=/x&pin-value=1", "pkcs11:token=a" },
		{ "a PIN in the wrong place", "pkcs11:token=a;pin-value=1234", "pkcs11:token=a" },
		{ "the same in capitals", "pkcs11:PIN-VALUE=1234;token=a", "pkcs11" },
		{ "a PIN twice", "pkcs11:token=a;pin-source=f?pin-value=1", "pkcs11:token=a" },
		{ "a token called like one", "pkcs11:token=pin-board", "pkcs11:token=pin-board" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *label = signer_label(cases[i].source);

		if (!label || strcmp(label, cases[i].want) != 0)
			fail_msg(
				"%s: \"%s\", expected \"%s\"", cases[i].name, label, cases[i].want);
	}
}

static void test_uris_that_cannot_be_are_refused_before_a_token_is_looked_for(void **state)
{
	static const struct {
		const char *name, *uri, *says;
	} cases[] = {
		{ "no key named", "pkcs11:", "names no key" },
		{ "a query alone", "pkcs11:?pin-value=1", "names no key" },
		{ "a PIN in the path", "pkcs11:token=a;pin-value=1234", "behind '?'" },
		{ "an unknown word", "pkcs11:token=a?slot=1", "not 'slot'" },
		{ "a PIN in a file", "pkcs11:token=a?pin-source=/x", "not 'pin-source'" },
		{ "a PIN twice", "pkcs11:token=a?pin-value=1&pin-value=2", "twice" },
		{ "half an escape", "pkcs11:token=a?pin-value=%4", "cannot be read" },
		{ "no escape", "pkcs11:token=a?pin-value=%zz", "cannot be read" },
		{ "an escaped NUL", "pkcs11:token=a?pin-value=%00", "cannot be read" },
		{ "an empty word", "pkcs11:token=a?", "not ''" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(signer_freep) struct signer *s = NULL;
		struct tuf_error e = { 0 };
		int r = signer_open(cases[i].uri, NULL, &s, &e);

		if (r != -EINVAL || !strstr(e.text, cases[i].says) || strstr(e.text, "1234"))
			fail_msg("%s: %d (%s), expected %d saying '%s'", cases[i].name, r, e.text,
				-EINVAL, cases[i].says);
	}
}

static void test_a_pin_has_a_limit(void **state)
{
	static const char start[] = "pkcs11:token=a?module-path=/nowhere.so&pin-value=";
	char uri[sizeof(start) + SIGNER_PASSPHRASE_MAX + 1];
	struct tuf_error e = { 0 };
	struct signer *s = NULL;

	(void) state;
	memcpy(uri, start, sizeof(start) - 1);
	memset(uri + sizeof(start) - 1, '1', SIGNER_PASSPHRASE_MAX + 1);
	uri[sizeof(uri) - 1] = '\0';
	assert_int_equal(signer_open(uri, NULL, &s, &e), -EINVAL);
	uri[sizeof(uri) - 2] = '\0';
	assert_int_equal(signer_open(uri, NULL, &s, &e), -ENOPKG);
	assert_null(s);
}

static int read_public(const struct world *w, const char *owner, json_t **ret, struct tuf_error *e)
{
	*e = (struct tuf_error){ 0 };
	return signer_read_public(w->path, owner, ret, e);
}

static void test_public_keys_of_colleagues(void **state)
{
#define ED_PEM                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                   \
	"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n" \
	"-----END PUBLIC KEY-----\n"
#define ED_HEX "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
#define ED_OBJECT                                                     \
	"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":" \
	"{\"public\":\"" ED_HEX "\"}}"
	static const struct {
		const char *name, *text, *owner;
		int want;
		const char *says;
	} cases[] = {
		{ "PEM", ED_PEM, NULL, 0, "" },
		{ "PEM with an owner", ED_PEM, "Ana", 0, "" },
		{ "a key object", ED_OBJECT, NULL, 0, "" },
		{ "with white space before", " \n\t" ED_OBJECT, NULL, 0, "" },
		{ "as a repository keeps it", "{\"name\":\"a\",\"key\":" ED_OBJECT "}", NULL, 0,
			"" },
		{ "a key object that gets another owner", ED_OBJECT, "Ana", -EINVAL, "as it is" },
		{ "a scheme nobody knows",
			"{\"keytype\":\"x\",\"scheme\":\"y\",\"keyval\":{\"public\":\"00\"}}", NULL,
			-EOPNOTSUPP, "ed25519" },
		{ "JSON of something else", "{}", NULL, -EBADMSG, "no key object" },
		{ "broken JSON", "{", NULL, -EBADMSG, "" },
		{ "nothing", "", NULL, -EBADMSG, "public key" },
		{ "a private key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
			NULL, -EINVAL, "--source" },
		{ "an X25519 key",
			"-----BEGIN PUBLIC KEY-----\n"
			"MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
			"-----END PUBLIC KEY-----\n",
			NULL, -EOPNOTSUPP, "X25519" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *object = NULL;
		struct tuf_error e;
		int r;

		write_text(w, cases[i].text, strlen(cases[i].text));
		r = read_public(w, cases[i].owner, &object, &e);
		if (r != cases[i].want || !strstr(e.text, cases[i].says))
			fail_msg("%s: %d (%s), expected %d saying '%s'", cases[i].name, r, e.text,
				cases[i].want, cases[i].says);
		if (r == 0)
			assert_string_equal(json_string_value(json_object_get(
						    json_object_get(object, "keyval"), "public")),
				ED_HEX);
	}
}

static void test_secrets_stay_out_of_core_dumps(void **state)
{
	struct rlimit limit;

	(void) state;
	signer_protect();
	signer_protect();
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_cur, 0);
	assert_int_equal(CRYPTO_secure_malloc_initialized(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_a_new_key_signs_its_public_part_verifies, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_is_there_is_never_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_encryption_is_pbes2_with_scrypt_and_aes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_key_without_a_passphrase_asks_for_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_truncated_file_is_refused_at_every_length, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_damage_anywhere_is_refused_or_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_keys_that_tuf_has_no_scheme_for_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_files_that_hold_something_else_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_that_others_can_get_at_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_file_is_refused_without_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_file_is_read_up_to_its_limit, setup, teardown),
		cmocka_unit_test(test_labels_show_no_pin),
		cmocka_unit_test(test_uris_that_cannot_be_are_refused_before_a_token_is_looked_for),
		cmocka_unit_test(test_a_pin_has_a_limit),
		cmocka_unit_test_setup_teardown(test_public_keys_of_colleagues, setup, teardown),
		cmocka_unit_test(test_secrets_stay_out_of_core_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
