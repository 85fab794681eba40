/*
 * The engine is the older way, and the only one that Debian 12 packages. It keeps a PIN for as long
 * as it is loaded and would try it on the next token, which three wrong ones lock: so it is
 * unloaded with each key.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "policy/trust/signer_pkcs11.h"

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ENGINE_NAME "pkcs11"

enum {
	/* errors as PKCS#11 numbers them */
	CKR_PIN_INCORRECT = 0xa0,
	CKR_PIN_INVALID = 0xa1,
	CKR_PIN_LEN_RANGE = 0xa2,
	CKR_PIN_LOCKED = 0xa4,
};

struct signer_token {
	ENGINE *engine; /* NULL: by a provider, which looks after itself */
	EVP_PKEY *key;  /* a reference of ours; NULL until it is loaded */
};

/* A URI taken apart. */
struct token_uri {
	char *path;   /* owned; attributes that name the key, with the scheme */
	char *pin;    /* owned, in the secure heap; NULL: none */
	char *module; /* owned; NULL: the system's choice (p11-kit) */
};

/* Who is asked for the PIN, once. */
struct question {
	const struct token_uri *uri;
	const struct signer_ask *ask;
	int error; /* 0, or why there was no answer */
	bool asked;
};

static void token_uri_done(struct token_uri *u)
{
	free(u->path);
	free(u->module);
	OPENSSL_secure_clear_free(u->pin, SIGNER_PASSPHRASE_MAX + 1);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c | 0x20) : NULL;

	return p ? (int) (p - digits) : -1;
}

/* Percent-decodes @n bytes at @s into @out, which has room for SIGNER_PASSPHRASE_MAX. */
static int decode(const char *s, size_t n, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = n - i > 2 ? hex_digit(s[i + 1]) : -1,
			    low = n - i > 2 ? hex_digit(s[i + 2]) : -1;

			if (high < 0 || low < 0 || high + low == 0)
				return -EINVAL;
			c = (char) (high << 4 | low);
			i += 2;
		}
		if (used == SIGNER_PASSPHRASE_MAX)
			return -EINVAL;
		out[used++] = c;
	}
	out[used] = '\0';
	return 0;
}

/* The value of an attribute "name=value" of @n bytes at @s; NULL when it is another one. */
static const char *value_of(const char *s, size_t n, const char *name)
{
	size_t length = strlen(name);

	return n > length && strncasecmp(s, name, length) == 0 && s[length] == '=' ? s + length + 1
										   : NULL;
}

static int add_attribute(
	struct token_uri *u, const char *s, size_t n, const char *label, struct tuf_error *e)
{
	const char *pin = value_of(s, n, "pin-value"), *module = value_of(s, n, "module-path");
	char **which = pin ? &u->pin : &u->module, *value;

	if (!pin && !module)
		return tuf_fail(e, -EINVAL, NULL, label,
			"behind '?' only pin-value and module-path are known, not '%.*s'",
			(int) strcspn(s, "=&"), s);
	if (*which)
		return tuf_fail(e, -EINVAL, NULL, label, "says %s twice",
			pin ? "pin-value" : "module-path");
	value = pin ? OPENSSL_secure_malloc(SIGNER_PASSPHRASE_MAX + 1)
		    : malloc(SIGNER_PASSPHRASE_MAX + 1);
	if (!value)
		return tuf_fail(e, -ENOMEM, NULL, label, "no memory");
	*which = value;
	if (decode(pin ? pin : module, n - (size_t) ((pin ? pin : module) - s), value) < 0)
		return tuf_fail(e, -EINVAL, NULL, label, "has a %s that cannot be read",
			pin ? "pin-value" : "module-path");
	return 0;
}

static int parse(const char *uri, const char *label, struct token_uri *u, struct tuf_error *e)
{
	const char *query = strchr(uri, '?');
	int r = 0;

	if (strlen(label) != strcspn(uri, "?"))
		return tuf_fail(e, -EINVAL, NULL, label,
			"a PIN stands behind '?', as in RFC 7512: pkcs11:...?pin-value=...");
	if (strlen(label) <= strlen(SIGNER_PKCS11))
		return tuf_fail(e, -EINVAL, NULL, label,
			"names no key: pkcs11:token=TOKEN;object=KEY does");
	u->path = strdup(label);
	if (!u->path)
		return tuf_fail(e, -ENOMEM, NULL, label, "no memory");
	while (query && r == 0) {
		size_t n = strcspn(++query, "&");

		r = add_attribute(u, query, n, label, e);
		query = query[n] ? query + n : NULL;
	}
	return r;
}

/* ---- the PIN ---- */

/* Answers OpenSSL's question for a secret, and no second one: what was wrong once would be again,
 * and would lock the token. */
static int answer(UI *ui, UI_STRING *string)
{
	struct question *q = UI_get0_user_data(ui);
	char *pin;
	int n, done;

	if (UI_get_string_type(string) != UIT_PROMPT && UI_get_string_type(string) != UIT_VERIFY)
		return 1;
	if (q->asked)
		return 0;
	q->asked = true;
	if (q->uri->pin)
		return UI_set_result(ui, string, q->uri->pin) == 0;
	pin = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	if (!pin)
		return 0;
	n = q->ask ? q->ask->ask(q->ask->context, q->uri->path, pin) : -ENOKEY;
	q->error = n < 0 ? n : 0;
	done = n >= 0 && UI_set_result_ex(ui, string, pin, n) == 0;
	OPENSSL_secure_clear_free(pin, SIGNER_PASSPHRASE_MAX + 1);
	return done;
}

static UI_METHOD *make_method(void)
{
	UI_METHOD *m = UI_create_method("proscribectl");

	if (m && UI_method_set_reader(m, answer) == 0)
		return m;
	UI_destroy_method(m);
	return NULL;
}

/* Says what the errors on OpenSSL's queue mean. */
static int fail_load(const struct question *q, struct tuf_error *e)
{
	bool wrong = false, locked = false;
	unsigned long code;
	char text[256] = "";

	while ((code = ERR_get_error()) != 0) {
		int reason = ERR_GET_REASON(code);

		if (!*text)
			ERR_error_string_n(code, text, sizeof(text));
		if (ERR_GET_LIB(code) == ERR_LIB_UI) /* it has no length that a PIN can have */
			wrong |= reason == UI_R_RESULT_TOO_SMALL || reason == UI_R_RESULT_TOO_LARGE;
		if (ERR_GET_LIB(code) < ERR_LIB_USER || ERR_SYSTEM_ERROR(code))
			continue;
		wrong |= reason == CKR_PIN_INCORRECT || reason == CKR_PIN_INVALID ||
			reason == CKR_PIN_LEN_RANGE;
		locked |= reason == CKR_PIN_LOCKED;
	}
	if (q->error == -ENOKEY)
		return tuf_fail(e, -ENOKEY, NULL, q->uri->path,
			"needs a PIN, and there is no terminal to ask for it; --passphrase-file "
			"tells where it is");
	if (q->error < 0)
		return tuf_fail(e, q->error, NULL, q->uri->path, "no PIN was given: %s",
			strerror(-q->error));
	if (locked)
		return tuf_fail(e, -EKEYREJECTED, NULL, q->uri->path,
			"the token is locked after too many wrong PINs");
	if (wrong)
		return tuf_fail(e, -EKEYREJECTED, NULL, q->uri->path, "the PIN is wrong");
	return tuf_fail(e, -ENOENT, NULL, q->uri->path,
		"no such private key on any token that is here (%s). OpenSSL's engine finds none "
		"on a token that holds an Ed25519 key as well; 'repo payload' and 'pkcs11-tool "
		"--sign' are the way around it",
		text);
}

/* ---- by a provider, or by the engine ---- */

/* 1: found; 0: no provider knows such URIs. */
static int load_by_provider(
	struct question *q, const UI_METHOD *method, EVP_PKEY **ret, struct tuf_error *e)
{
	OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(NULL, "pkcs11", NULL);
	OSSL_STORE_CTX *store;
	EVP_PKEY *key = NULL;

	ERR_clear_error();
	if (!loader)
		return 0;
	OSSL_STORE_LOADER_free(loader);
	store = OSSL_STORE_open(q->uri->path, method, q, NULL, NULL);
	if (store)
		(void) OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (store && !key && !OSSL_STORE_eof(store) && !OSSL_STORE_error(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	(void) OSSL_STORE_close(store);
	if (!key)
		return fail_load(q, e);
	*ret = key;
	return 1;
}

static int start_engine(ENGINE *engine, const struct token_uri *uri, struct tuf_error *e)
{
	const char *module = uri->module;

	(void) ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 0);
	if ((!module || ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0)) &&
		ENGINE_init(engine))
		return 0;
	ERR_clear_error();
	return tuf_fail(e, -ENOPKG, NULL, uri->path, "OpenSSL's engine for tokens does not start");
}

/* Another key is open by the engine, which has that one's PIN. */
static bool in_use(void)
{
	bool found = false;

	for (ENGINE *engine = ENGINE_get_first(); engine; engine = ENGINE_get_next(engine))
		found = found || strcmp(ENGINE_get_id(engine), ENGINE_NAME) == 0;
	return found;
}

/* Gives the engine the PIN of this token before it can try the last one. */
static int replace_pin(struct question *q, ENGINE *engine, struct tuf_error *e)
{
	char *pin = OPENSSL_secure_zalloc(SIGNER_PASSPHRASE_MAX + 1);
	int n = -ENOMEM;

	if (pin && q->uri->pin)
		n = snprintf(pin, SIGNER_PASSPHRASE_MAX + 1, "%s", q->uri->pin);
	else if (pin)
		n = q->ask ? q->ask->ask(q->ask->context, q->uri->path, pin) : -ENOKEY;
	if (n >= 0 && !ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0))
		n = -EIO;
	OPENSSL_secure_clear_free(pin, SIGNER_PASSPHRASE_MAX + 1);
	q->asked = true;
	q->error = n < 0 ? n : 0;
	return n < 0 ? fail_load(q, e) : 0;
}

static int load_by_engine(
	struct question *q, UI_METHOD *method, struct signer_token *t, struct tuf_error *e)
{
	bool other = in_use();
	ENGINE *engine;
	int r;

	ENGINE_load_dynamic();
	engine = ENGINE_by_id(ENGINE_NAME);
	ERR_clear_error();
	if (!engine)
		return tuf_fail(e, -ENOPKG, NULL, q->uri->path,
			"OpenSSL cannot reach tokens on this host; the package "
			"libengine-pkcs11-openssl (Debian, Ubuntu), openssl-pkcs11 (Fedora, RHEL) "
			"or pkcs11-provider changes that");
	r = start_engine(engine, q->uri, e);
	if (r < 0) {
		(void) ENGINE_remove(engine);
		(void) ENGINE_free(engine);
		ERR_clear_error();
		return r;
	}
	t->engine = engine;
	r = other ? replace_pin(q, engine, e) : 0;
	if (r < 0)
		return r;
	t->key = ENGINE_load_private_key(engine, q->uri->path, method, q);
	return t->key ? 0 : fail_load(q, e);
}

static int load(struct question *q, UI_METHOD *method, EVP_PKEY **ret_key,
	struct signer_token **ret_token, struct tuf_error *e)
{
	_cleanup_(signer_token_freep) struct signer_token *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return tuf_fail(e, -ENOMEM, NULL, q->uri->path, "no memory");
	r = q->uri->module ? 0 : load_by_provider(q, method, &t->key, e);
	if (r == 0)
		r = load_by_engine(q, method, t, e);
	if (r < 0)
		return r;
	if (!EVP_PKEY_up_ref(t->key))
		return tuf_fail(e, -ENOMEM, NULL, q->uri->path, "no memory");
	*ret_key = t->key;
	*ret_token = TAKE_PTR(t);
	return 0;
}

int signer_pkcs11_load(const char *uri, const struct signer_ask *ask, EVP_PKEY **ret_key,
	struct signer_token **ret_token, struct tuf_error *e)
{
	_cleanup_(token_uri_done) struct token_uri parts = { 0 };
	_cleanup_free_ char *label = signer_label(uri);
	struct question q = { .uri = &parts, .ask = ask };
	UI_METHOD *method;
	int r;

	if (!label)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "no memory");
	r = parse(uri, label, &parts, e);
	if (r < 0)
		return r;
	if (parts.module && access(parts.module, R_OK) < 0)
		return tuf_fail(e, -ENOPKG, NULL, label, "the PKCS#11 module %s: %s", parts.module,
			strerror(errno));
	method = make_method();
	if (!method)
		return tuf_fail(e, -ENOMEM, NULL, label, "no memory");
	r = load(&q, method, ret_key, ret_token, e);
	UI_destroy_method(method);
	return r;
}

struct signer_token *signer_token_free(struct signer_token *t)
{
	if (!t)
		return NULL;
	/* the engine has a reference to the key, and the key one to the engine */
	if (t->engine && t->key)
		(void) EVP_PKEY_set1_engine(t->key, NULL);
	EVP_PKEY_free(t->key);
	if (t->engine) {
		(void) ENGINE_finish(t->engine);
		(void) ENGINE_remove(t->engine);
		(void) ENGINE_free(t->engine);
	}
	ERR_clear_error();
	free(t);
	return NULL;
}
