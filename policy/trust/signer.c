/*
 * Runs in proscribectl. Reads private keys only from files that nobody else can read, keeps them
 * and their passphrases in OpenSSL's secure heap, and checks every signature before it hands it on.
 */
#include "policy/trust/signer.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/trust/canonical.h"
#include "policy/trust/signer_pkcs11.h"

enum {
	FILE_SIZE_MAX = 65536,
	SECURE_HEAP_SIZE = 1 << 20,
	SECURE_HEAP_LEAST = 32,
	SALT_SIZE = 16,
	/* Each guess costs five times 16 MB of scrypt: what OWASP advises, within the memory that
	 * OpenSSL grants when it reads such a file. */
	SCRYPT_N = 16384,
	SCRYPT_R = 8,
	SCRYPT_P = 5,
	RSA_BITS_NEW = 3072,
};

struct signer {
	EVP_PKEY *private;          /* owned; of a token: a handle */
	EVP_PKEY *public;           /* owned */
	struct signer_token *token; /* owned; NULL for a file */
	enum tuf_scheme scheme;
};

/* One block of a PEM file, in the secure heap. */
struct block {
	char *name, *header;
	unsigned char *bytes;
	long size;
};

static void block_done(struct block *b)
{
	OPENSSL_secure_free(b->name);
	OPENSSL_secure_free(b->header);
	OPENSSL_secure_clear_free(b->bytes, (size_t) b->size);
	*b = (struct block){ 0 };
}

static void free_bio(BIO **b)
{
	BIO_free_all(*b);
}

static void free_key(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void free_md(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static void free_pkcs8(PKCS8_PRIV_KEY_INFO **p)
{
	PKCS8_PRIV_KEY_INFO_free(*p);
}

static void free_encrypted(X509_SIG **p)
{
	X509_SIG_free(*p);
}

static void free_passphrase(char **p)
{
	OPENSSL_secure_clear_free(*p, SIGNER_PASSPHRASE_MAX + 1);
}

static void free_file(char **p)
{
	OPENSSL_secure_clear_free(*p, FILE_SIZE_MAX + 1);
}

void signer_protect(void)
{
	const struct rlimit none = { 0 };

	(void) prctl(PR_SET_DUMPABLE, 0);
	(void) setrlimit(RLIMIT_CORE, &none);
	if (!CRYPTO_secure_malloc_initialized())
		(void) CRYPTO_secure_malloc_init(SECURE_HEAP_SIZE, SECURE_HEAP_LEAST);
}

/* Where a PIN begins that stands among the attributes of the path, where it should not be. */
static const char *misplaced_pin(const char *uri)
{
	for (const char *p = uri; (p = strpbrk(p, ":;?")) && *p != '?';)
		if (strncasecmp(++p, "pin-", 4) == 0)
			return p - 1;
	return NULL;
}

char *signer_label(const char *source)
{
	const char *pin;

	if (strncmp(source, SIGNER_PKCS11, strlen(SIGNER_PKCS11)) != 0)
		return strdup(source);
	pin = misplaced_pin(source);
	return strndup(source, pin ? (size_t) (pin - source) : strcspn(source, "?"));
}

static int fail_openssl(struct tuf_error *e, int error, const char *file, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return tuf_fail(e, error, NULL, file, "%s%s%s%s", what, reason ? " (" : "",
		reason ? reason : "", reason ? ")" : "");
}

/* ---- which keys can sign ---- */

static int check_rsa(EVP_PKEY *key, const char *file, struct tuf_error *e)
{
	int bits = EVP_PKEY_get_bits(key);

	if (bits >= TUF_RSA_BITS_MIN && bits <= TUF_RSA_BITS_MAX)
		return 0;
	return tuf_fail(e, -EOPNOTSUPP, NULL, file,
		"is an RSA key of %d bits; it must have %d to %d", bits, TUF_RSA_BITS_MIN,
		TUF_RSA_BITS_MAX);
}

/* The scheme of @key, or a negative errno. */
static int scheme_of(EVP_PKEY *key, const char *file, struct tuf_error *e)
{
	char curve[64];
	size_t n;
	int r;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return TUF_SCHEME_ED25519;
	if (EVP_PKEY_is_a(key, "RSA")) {
		r = check_rsa(key, file, e);
		return r < 0 ? r : TUF_SCHEME_RSA_PSS_SHA256;
	}
	if (!EVP_PKEY_is_a(key, "EC"))
		return tuf_fail(e, -EOPNOTSUPP, NULL, file,
			"is a key of type %s; keys are Ed25519, ECDSA on P-256 or RSA",
			EVP_PKEY_get0_type_name(key));
	if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) != 1)
		return fail_openssl(e, -EOPNOTSUPP, file, "is an EC key without a named curve");
	if (strcmp(curve, "prime256v1") == 0)
		return TUF_SCHEME_ECDSA_P256_SHA256;
	return tuf_fail(e, -EOPNOTSUPP, NULL, file,
		"is an EC key on the curve %s; the only one supported is P-256 (prime256v1)",
		curve);
}

/* The public part alone, which never needs a token. */
static int public_part(EVP_PKEY *key, const char *file, EVP_PKEY **ret, struct tuf_error *e)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	EVP_PKEY *public;
	int n = i2d_PUBKEY(key, &der);

	if (n <= 0)
		return fail_openssl(e, -EOPNOTSUPP, file, "does not tell its public part");
	p = der;
	public = d2i_PUBKEY(NULL, &p, n);
	OPENSSL_free(der);
	if (!public)
		return fail_openssl(e, -EBADMSG, file, "has a public part that cannot be read");
	*ret = public;
	return 0;
}

/* Takes both on success. */
static int signer_take(EVP_PKEY **private, struct signer_token **token, const char *file,
	struct signer **ret, struct tuf_error *e)
{
	_cleanup_(free_key) EVP_PKEY *public = NULL;
	struct signer *s;
	int r, scheme;

	r = public_part(*private, file, &public, e);
	if (r < 0)
		return r;
	scheme = scheme_of(public, file, e);
	if (scheme < 0)
		return scheme;
	s = malloc(sizeof(*s));
	if (!s)
		return tuf_fail(e, -ENOMEM, NULL, file, "no memory");
	*s = (struct signer){ TAKE_PTR(*private), TAKE_PTR(public), TAKE_PTR(*token),
		(enum tuf_scheme) scheme };
	*ret = s;
	return 0;
}

struct signer *signer_free(struct signer *s)
{
	if (!s)
		return NULL;
	EVP_PKEY_free(s->private);
	EVP_PKEY_free(s->public);
	(void) signer_token_free(s->token);
	free(s);
	return NULL;
}

/* ---- files ---- */

static int read_private(const char *path, char **ret, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_(free_file) char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return tuf_fail(e, -ENOENT, NULL, path, "there is no such file");
	if (fd < 0 || fstat(fd, &st) < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tuf_fail(e, -EBADMSG, NULL, path, "is no file");
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return tuf_fail(e, -EACCES, NULL, path,
			"is a private key that others can get at (mode %04o); 'chmod 600' makes it "
			"private",
			st.st_mode & 07777U);
	text = OPENSSL_secure_malloc(FILE_SIZE_MAX + 1);
	if (!text)
		return tuf_fail(e, -ENOMEM, NULL, path, "no memory");
	n = fd_pread_full(fd, text, FILE_SIZE_MAX + 1, 0);
	if (n < 0)
		return tuf_fail(e, (int) n, NULL, path, "cannot be read: %s", strerror((int) -n));
	if (n > FILE_SIZE_MAX)
		return tuf_fail(e, -EFBIG, NULL, path, "is longer than a private key (%d bytes)",
			FILE_SIZE_MAX);
	*ret = TAKE_PTR(text);
	*ret_size = (size_t) n;
	return 0;
}

/* The block that holds a key: curves stand in one of their own before it. */
static int read_block(
	const char *path, const char *text, size_t n, struct block *ret, struct tuf_error *e)
{
	_cleanup_(free_bio) BIO *bio = BIO_new_mem_buf(text, (int) n);

	while (bio &&
		PEM_read_bio_ex(bio, &ret->name, &ret->header, &ret->bytes, &ret->size,
			PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)) {
		if (strcmp(ret->name, "EC PARAMETERS") != 0)
			return 0;
		block_done(ret);
	}
	*ret = (struct block){ 0 };
	(void) fail_openssl(e, -EBADMSG, path, "holds no private key in PEM, or is cut short");
	return -EBADMSG;
}

/* Whether the passphrase was right shows only in what comes out. */
static int fail_decrypt(const char *path, struct tuf_error *e)
{
	unsigned long code;
	bool unknown = false;

	while ((code = ERR_get_error()) != 0)
		unknown |= ERR_GET_REASON(code) == EVP_R_UNKNOWN_PBE_ALGORITHM ||
			ERR_GET_REASON(code) == EVP_R_UNSUPPORTED_CIPHER ||
			ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
	if (unknown)
		return tuf_fail(e, -EOPNOTSUPP, NULL, path,
			"is encrypted by a method that is not supported here");
	return tuf_fail(e, -EKEYREJECTED, NULL, path, "the passphrase is wrong");
}

static int decrypt(const char *path, const struct block *b, const struct signer_ask *ask,
	EVP_PKEY **ret, struct tuf_error *e)
{
	const unsigned char *p = b->bytes;
	_cleanup_(free_encrypted) X509_SIG *encrypted = d2i_X509_SIG(NULL, &p, b->size);
	_cleanup_(free_passphrase) char *passphrase = NULL;
	_cleanup_(free_pkcs8) PKCS8_PRIV_KEY_INFO *info = NULL;
	int n;

	if (!encrypted)
		return fail_openssl(e, -EBADMSG, path, "is damaged");
	passphrase = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	if (!passphrase)
		return tuf_fail(e, -ENOMEM, NULL, path, "no memory");
	n = ask ? ask->ask(ask->context, path, passphrase) : -ENOKEY;
	if (n == -ENOKEY)
		return tuf_fail(e, n, NULL, path,
			"needs a passphrase, and there is no terminal to ask for it; "
			"--passphrase-file tells where it is");
	if (n < 0)
		return tuf_fail(e, n, NULL, path, "no passphrase was given: %s", strerror(-n));
	info = PKCS8_decrypt(encrypted, passphrase, n);
	if (!info)
		return fail_decrypt(path, e);
	*ret = EVP_PKCS82PKEY(info);
	if (!*ret)
		return fail_openssl(e, -EOPNOTSUPP, path, "holds a key of an unknown kind");
	return 0;
}

static int plain(const char *path, const struct block *b, EVP_PKEY **ret, struct tuf_error *e)
{
	const unsigned char *p = b->bytes;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, b->size);

	if (!key)
		return fail_openssl(e, -EBADMSG, path, "is damaged, or a key of an unknown kind");
	*ret = key;
	return 0;
}

static int load_file(
	const char *path, const struct signer_ask *ask, EVP_PKEY **ret, struct tuf_error *e)
{
	_cleanup_(free_file) char *text = NULL;
	_cleanup_(block_done) struct block b = { 0 };
	size_t n = 0;
	int r;

	r = read_private(path, &text, &n, e);
	if (r == 0)
		r = read_block(path, text, n, &b, e);
	if (r != 0)
		return r;
	if (strcmp(b.name, "ENCRYPTED PRIVATE KEY") == 0)
		return decrypt(path, &b, ask, ret, e);
	if (strstr(b.header, "ENCRYPTED"))
		return tuf_fail(e, -EOPNOTSUPP, NULL, path,
			"is encrypted in PEM's old, weak way; 'openssl pkcs8 -topk8 -scrypt -in "
			"OLD -out NEW' makes a file that can be used");
	if (strcmp(b.name, "PRIVATE KEY") == 0 || strcmp(b.name, "EC PRIVATE KEY") == 0 ||
		strcmp(b.name, "RSA PRIVATE KEY") == 0)
		return plain(path, &b, ret, e);
	return tuf_fail(
		e, -EOPNOTSUPP, NULL, path, "holds a '%s', and no private key in PKCS#8", b.name);
}

int signer_open(
	const char *source, const struct signer_ask *ask, struct signer **ret, struct tuf_error *e)
{
	_cleanup_(free_key) EVP_PKEY *key = NULL;
	_cleanup_free_ char *label = signer_label(source);
	struct signer_token *token = NULL;
	int r;

	if (!label)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	if (strncmp(source, SIGNER_PKCS11, strlen(SIGNER_PKCS11)) == 0)
		r = signer_pkcs11_load(source, ask, &key, &token, e);
	else
		r = load_file(source, ask, &key, e);
	if (r < 0)
		return r;
	r = signer_take(&key, &token, label, ret, e);
	if (r < 0 && token) {
		EVP_PKEY_free(TAKE_PTR(key));
		(void) signer_token_free(token);
	}
	return r;
}

/* ---- new keys ---- */

static EVP_PKEY *generate(enum tuf_scheme scheme)
{
	switch (scheme) {
	case TUF_SCHEME_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case TUF_SCHEME_ECDSA_P256_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case TUF_SCHEME_RSA_PSS_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) RSA_BITS_NEW);
	case TUF_SCHEME_UNKNOWN:
	case _TUF_SCHEME_MAX:
		break;
	}
	return NULL;
}

/* PBES2: AES-256-CBC with a key made by scrypt. */
static bool write_encrypted(BIO *out, PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
	_cleanup_(free_encrypted) X509_SIG *encrypted = NULL;
	X509_ALGOR *method = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), NULL, SALT_SIZE, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);

	if (!method)
		return false;
	encrypted = PKCS8_set0_pbe(passphrase, (int) strlen(passphrase), info, method);
	if (!encrypted) {
		X509_ALGOR_free(method);
		return false;
	}
	return PEM_write_bio_PKCS8(out, encrypted) == 1;
}

static bool write_key(BIO *out, EVP_PKEY *key, const char *passphrase)
{
	_cleanup_(free_pkcs8) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);

	if (!info)
		return false;
	if (passphrase)
		return write_encrypted(out, info, passphrase);
	return PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, info) == 1;
}

/* @path is new, complete and durable, or not there. */
static int create_file(const char *path, const char *text, size_t n)
{
	_cleanup_close_ int fd = open(
		path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, text, n);
	if (r == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r == 0)
		r = fd_sync_folder_of(path);
	if (r < 0)
		(void) unlink(path);
	return r;
}

int signer_generate(enum tuf_scheme scheme, const char *path, const char *passphrase,
	struct signer **ret, struct tuf_error *e)
{
	_cleanup_(free_key) EVP_PKEY *key = generate(scheme);
	_cleanup_(free_bio) BIO *bio = BIO_new(BIO_s_secmem());
	struct signer_token *none = NULL;
	char *text = NULL;
	long n;
	int r;

	if (!key || !bio || !write_key(bio, key, passphrase))
		return fail_openssl(e, -EIO, path, "no key could be made");
	n = BIO_get_mem_data(bio, &text);
	r = create_file(path, text, (size_t) n);
	if (r == -EEXIST)
		return tuf_fail(e, r, NULL, path, "is there already, and stays as it is");
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "cannot be written: %s", strerror(-r));
	r = signer_take(&key, &none, path, ret, e);
	if (r < 0)
		(void) unlink(path);
	return r;
}

/* ---- signing ---- */

int signer_key_object(const struct signer *s, const char *owner, json_t **ret)
{
	return tuf_key_object(s->public, owner, ret);
}

static bool set_pss(EVP_PKEY_CTX *c)
{
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) > 0 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) > 0 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) > 0;
}

static bool verifies(
	const struct signer *s, const void *bytes, size_t n, const uint8_t *signature, size_t size)
{
	const EVP_MD *md = s->scheme == TUF_SCHEME_ED25519 ? NULL : EVP_sha256();
	_cleanup_(free_md) EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;

	return c && EVP_DigestVerifyInit(c, &options, md, NULL, s->public) == 1 &&
		(s->scheme != TUF_SCHEME_RSA_PSS_SHA256 || set_pss(options)) &&
		EVP_DigestVerify(c, signature, size, bytes, n) == 1;
}

int signer_sign(struct signer *s, const void *bytes, size_t n, uint8_t out[TUF_SIGNATURE_MAX],
	size_t *ret_size, struct tuf_error *e)
{
	const EVP_MD *md = s->scheme == TUF_SCHEME_ED25519 ? NULL : EVP_sha256();
	_cleanup_(free_md) EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	uint8_t signature[TUF_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	if (!c || EVP_DigestSignInit(c, &options, md, NULL, s->private) != 1 ||
		(s->scheme == TUF_SCHEME_RSA_PSS_SHA256 && !set_pss(options)) ||
		EVP_DigestSign(c, signature, &size, bytes, n) != 1)
		return fail_openssl(e, -EIO, NULL, "the key could not be used for signing");
	/* a fault in hardware, or a private key of another public one, must not get out */
	if (!verifies(s, bytes, n, signature, size))
		return fail_openssl(
			e, -EIO, NULL, "the key's signature does not agree with its public part");
	memcpy(out, signature, size);
	*ret_size = size;
	return 0;
}

/* ---- public keys of others ---- */

static int take_object(const char *path, const char *text, size_t n, const char *owner,
	json_t **ret, struct tuf_error *e)
{
	_cleanup_json_ json_t *document = NULL;
	_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
	char why[TUF_TEXT_MAX + 1];
	json_t *object;
	int r;

	r = canonical_load(text, n, why, sizeof(why), &document);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "%s", why);
	object = json_object_get(document, "key");
	if (!object)
		object = document;
	r = tuf_key_parse(object, &key);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "is JSON, but no key object of TUF");
	if (key->scheme == TUF_SCHEME_UNKNOWN)
		return tuf_fail(e, -EOPNOTSUPP, NULL, path,
			"is a key of a scheme that is not supported; it must be %s, %s or %s",
			tuf_scheme_to_string(TUF_SCHEME_ED25519),
			tuf_scheme_to_string(TUF_SCHEME_ECDSA_P256_SHA256),
			tuf_scheme_to_string(TUF_SCHEME_RSA_PSS_SHA256));
	if (owner)
		return tuf_fail(e, -EINVAL, NULL, path,
			"is a key object, which is taken as it is; an owner would make another key "
			"id");
	*ret = json_incref(object);
	return 0;
}

static int take_pem(const char *path, const char *text, size_t n, const char *owner, json_t **ret,
	struct tuf_error *e)
{
	_cleanup_(free_bio) BIO *bio = BIO_new_mem_buf(text, (int) n);
	_cleanup_(free_key) EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	int r;

	if (!key && strstr(text, "PRIVATE KEY-----")) {
		ERR_clear_error();
		return tuf_fail(e, -EINVAL, NULL, path,
			"is a private key; --source takes it, and it stays where it is");
	}
	if (!key)
		return fail_openssl(e, -EBADMSG, path,
			"holds neither a public key in PEM nor a key object in JSON");
	r = scheme_of(key, path, e);
	if (r < 0)
		return r;
	r = tuf_key_object(key, owner, ret);
	return r < 0 ? tuf_fail(e, r, NULL, path, "holds a public key that cannot be used") : 0;
}

int signer_read_public(const char *path, const char *owner, json_t **ret, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	r = fd_read_file(fd, FILE_SIZE_MAX, &text, &n);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "cannot be read: %s", strerror(-r));
	return text[strspn(text, " \t\r\n")] == '{' ? take_object(path, text, n, owner, ret, e)
						    : take_pem(path, text, n, owner, ret, e);
}
