#include "agent/update/remote.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/update/durable.h"
#include "policy/base/text.h"
#include "policy/trust/client.h"

/* Three lines: SHA-256 of the timestamp.json it is about, the repository, and the validator. */
#define VALIDATOR "validator"
#define TIMESTAMP "timestamp.json"

enum {
	DIGEST_SIZE = 2 * 32 + 1,
	VALIDATOR_FILE_MAX = DIGEST_SIZE + UPDATE_URL_SIZE + HTTP_VALIDATOR_MAX + 3,
	RETRIES = 3,
};

struct remote {
	struct http *http;
	int state;                            /* borrowed */
	const struct tuf_store *store;        /* borrowed */
	const struct update_settings *config; /* borrowed */
	char validator[HTTP_VALIDATOR_MAX + 1];
	char fetched[DIGEST_SIZE]; /* the timestamp.json of @validator; "": none was fetched */
};

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

int remote_new(const struct update_settings *s, int state, const struct tuf_store *store,
	struct remote **ret, struct tuf_error *e)
{
	const struct http_options o = {
		.ca_file = or_null(s->ca_file),
		.proxy = or_null(s->proxy),
		.certificate = or_null(s->certificate),
		.key = or_null(s->key),
		.timeout_usec = s->timeout_usec,
		.retries = RETRIES,
	};
	_cleanup_(remote_freep) struct remote *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "%s", strerror(ENOMEM));
	n->state = state;
	n->store = store;
	n->config = s;
	r = http_new(s->repository, &o, &n->http, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(n);
	return 0;
}

struct remote *remote_free(struct remote *s)
{
	if (!s)
		return NULL;
	http_free(s->http);
	free(s);
	return NULL;
}

static int digest_of(const void *bytes, size_t n, char out[DIGEST_SIZE])
{
	uint8_t digest[32];
	unsigned size = sizeof(digest);

	if (EVP_Digest(bytes, n, digest, &size, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	text_hex(digest, sizeof(digest), out);
	return 0;
}

/* Fills s->validator with what is kept about @local, if it is about that. */
static void recall(struct remote *s, const void *local, size_t n)
{
	_cleanup_free_ char *text = NULL;
	char digest[DIGEST_SIZE], *save = NULL, *line[3];
	size_t size;

	s->validator[0] = '\0';
	if (durable_read(s->state, VALIDATOR, VALIDATOR_FILE_MAX, &text, &size) < 0 ||
		digest_of(local, n, digest) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(line); i++) {
		line[i] = strtok_r(i == 0 ? text : NULL, "\n", &save);
		if (!line[i])
			return;
	}
	if (strcmp(line[0], digest) == 0 && strcmp(line[1], s->config->repository) == 0)
		(void) text_copy(s->validator, sizeof(s->validator), line[2]);
}

static int fetch_timestamp(
	struct remote *s, size_t max, char **ret, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_free_ char *local = NULL;
	size_t n = 0;
	int r = s->store->load(s->store->context, TIMESTAMP, TUF_TIMESTAMP_SIZE_MAX, &local, &n);

	if (r == 0)
		recall(s, local, n);
	r = http_fetch_changed(s->http, "metadata/" TIMESTAMP, max, s->validator, ret, ret_size, e);
	if (r == 1) {
		*ret = TAKE_PTR(local);
		*ret_size = n;
		return 0;
	}
	if (r == 0 && digest_of(*ret, *ret_size, s->fetched) < 0)
		s->fetched[0] = '\0';
	return r;
}

static int fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	struct remote *s = context;
	struct tuf_transport t;
	char full[TUF_FILE_MAX + 1];
	int r;

	if ((size_t) snprintf(full, sizeof(full), "metadata/%s", path) >= sizeof(full))
		return tuf_fail(e, -ENAMETOOLONG, NULL, NULL, "a file name has more than %d bytes",
			TUF_FILE_MAX - 9);
	http_transport(s->http, &t);
	r = strcmp(path, TIMESTAMP) == 0 ? fetch_timestamp(s, max, ret, ret_size, e)
					 : t.fetch(t.context, full, max, ret, ret_size, e);
	if (r < 0 && e)
		(void) text_copy(e->file, sizeof(e->file), path);
	return r;
}

void remote_transport(struct remote *s, struct tuf_transport *ret)
{
	*ret = (struct tuf_transport){ .fetch = fetch, .context = s };
}

int remote_fetch_target(struct remote *s, const char *file, int fd, uint64_t size, uint64_t *have,
	struct tuf_error *e)
{
	char full[TUF_FILE_MAX + 1];

	if ((size_t) snprintf(full, sizeof(full), "targets/%s", file) >= sizeof(full))
		return tuf_fail(e, -ENAMETOOLONG, NULL, NULL, "a file name has more than %d bytes",
			TUF_FILE_MAX - 8);
	return http_fetch_file(s->http, full, fd, size, have, e);
}

/* Without it the next run fetches some hundred bytes more, so a failure here is none of the run. */
void remote_accept(struct remote *s)
{
	_cleanup_free_ char *local = NULL, *text = NULL;
	char digest[DIGEST_SIZE];
	size_t n;
	int size;

	if (!s->fetched[0]) /* it was said to be the same, and is */
		return;
	(void) unlinkat(s->state, VALIDATOR, 0);
	if (!s->validator[0] ||
		s->store->load(s->store->context, TIMESTAMP, TUF_TIMESTAMP_SIZE_MAX, &local, &n) <
			0 ||
		digest_of(local, n, digest) < 0 || strcmp(digest, s->fetched) != 0)
		return;
	size = asprintf(&text, "%s\n%s\n%s\n", digest, s->config->repository, s->validator);
	if (size >= 0)
		(void) durable_write(s->state, VALIDATOR, text, (size_t) size);
	else
		text = NULL;
}

void remote_counts(const struct remote *s, struct http_counts *ret)
{
	http_counts(s->http, ret);
}
