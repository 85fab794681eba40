/*
 * One libcurl handle for one repository, so that a run uses one connection. What a server sends is
 * counted against a limit byte by byte, whatever it announced; what it says of itself (status,
 * validators, ranges) is taken only where a lie costs no more than another request.
 */
#include "policy/trust/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

enum {
	CONNECT_TIMEOUT_SEC = 10,
	TIMEOUT_SEC = 60,
	REDIRECTS_MAX = 5,
	DISCARD_MAX = 64 << 10, /* of a body that nobody wants, to keep the connection */
	PAUSE_FIRST_MSEC = 500, /* before the first retry; doubled for each further one */
	PAUSE_MAX_MSEC = 30000,
	RETRY_AFTER_MAX_SEC = 60, /* a server that wants a longer pause is left alone */
	BODY_FIRST = 16 << 10,
	PROGRESS_MIN = 1 << 20, /* that earns a large file its retries again */
	SETTLED_SEC = 2,        /* a file of this age is not changed again within the same second */
	RESTARTS_MAX = 1,       /* of a file of which the server has another beginning */
};

struct http {
	CURL *curl;
	struct curl_slist *headers; /* of the request under way */
	char base[HTTP_URL_MAX + 2];
	const char *ca_file; /* borrowed */
	const char *certificate;
	unsigned retries;
	bool global;
	uint64_t timeout_usec;
	struct http_counts counts;
	char why[CURL_ERROR_SIZE];
};

/* One answer, and where its body goes. */
struct answer {
	struct http *http;
	/* 0 or a negative errno, which ends the transfer */
	int (*take)(struct answer *a, const char *bytes, size_t n);
	int error; /* of take() */
	size_t discarded;
	char etag[HTTP_VALIDATOR_MAX + 1], modified[HTTP_VALIDATOR_MAX + 1];
	time_t sent, changed; /* by the server's clock; 0: it does not say */
	bool ranged;
	uint64_t range_from;

	/* into memory */
	char *bytes; /* owned */
	size_t size, room, max;

	/* into a file */
	int fd;
	uint64_t file_size, asked_from, *have;
	bool begun;
};

static void answer_done(struct answer *a)
{
	free(a->bytes);
}

static long status_of(struct http *h)
{
	long status = 0;

	(void) curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* ---- a body ---- */

static int take_into_memory(struct answer *a, const char *bytes, size_t n)
{
	size_t room = a->room ?: BODY_FIRST;
	char *p;

	if (n > a->max - a->size)
		return -EFBIG;
	while (room - a->size <= n) /* a NUL behind it */
		room *= 2;
	if (room > a->room) {
		p = realloc(a->bytes, room);
		if (!p)
			return -ENOMEM;
		a->bytes = p;
		a->room = room;
	}
	memcpy(a->bytes + a->size, bytes, n);
	a->size += n;
	return 0;
}

/* The first byte decides where it goes: behind what is there, or instead of it. */
static int begin_file(struct answer *a)
{
	const long status = status_of(a->http);

	if (status == 206 && (!a->ranged || a->range_from != a->asked_from))
		return -EPROTO;
	if (status == 200 && a->asked_from > 0) {
		if (ftruncate(a->fd, 0) < 0)
			return -errno;
		*a->have = 0;
	}
	a->begun = true;
	return 0;
}

static int take_into_file(struct answer *a, const char *bytes, size_t n)
{
	int r = a->begun ? 0 : begin_file(a);

	if (r < 0)
		return r;
	if (n > a->file_size - *a->have)
		return -EFBIG;
	while (n > 0) {
		const ssize_t done = pwrite(a->fd, bytes, n, (off_t) *a->have);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		bytes += done;
		n -= (size_t) done;
		*a->have += (uint64_t) done;
	}
	return 0;
}

static size_t on_body(char *bytes, size_t unit, size_t n, void *context)
{
	struct answer *a = context;
	const long status = status_of(a->http);

	(void) unit;                                         /* always 1 */
	if (status != 0 && status != 200 && status != 206) { /* 0: a file: URL */
		a->discarded += n;
		return a->discarded <= DISCARD_MAX ? n : 0;
	}
	a->error = a->take(a, bytes, n);
	return a->error < 0 ? 0 : n;
}

/* ---- headers ---- */

/* What may be sent back to the server in a header of ours. */
static bool validator_usable(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	return *s != '\0';
}

static bool is_etag(const char *s)
{
	return s[0] == '"' || (s[0] == 'W' && s[1] == '/' && s[2] == '"');
}

static void keep_validator(char out[HTTP_VALIDATOR_MAX + 1], const char *value)
{
	if (text_copy(out, HTTP_VALIDATOR_MAX + 1, value) < 0 || !validator_usable(out))
		out[0] = '\0';
}

/* Servers make validators of times in whole seconds: of a file that was changed just now, one could
 * hide that it is changed once more. */
static const char *validator_of(const struct answer *a)
{
	if (a->changed > 0 && a->sent > 0 && a->sent - a->changed < SETTLED_SEC)
		return "";
	return a->etag[0] ? a->etag : a->modified;
}

static void forget_headers(struct answer *a)
{
	a->etag[0] = a->modified[0] = '\0';
	a->sent = a->changed = 0;
	a->ranged = false;
}

static void on_field(struct answer *a, const char *name, const char *value)
{
	unsigned long long from;

	if (strcasecmp(name, "etag") == 0 && is_etag(value)) {
		keep_validator(a->etag, value);
	} else if (strcasecmp(name, "last-modified") == 0 && !is_etag(value)) {
		keep_validator(a->modified, value);
		a->changed = curl_getdate(value, NULL);
	} else if (strcasecmp(name, "date") == 0) {
		a->sent = curl_getdate(value, NULL);
	} else if (strcasecmp(name, "content-range") == 0 &&
		sscanf(value, "bytes %llu-", &from) == 1) {
		a->ranged = true;
		a->range_from = from;
	}
}

static size_t on_header(char *bytes, size_t unit, size_t n, void *context)
{
	struct answer *a = context;
	char line[2 * HTTP_VALIDATOR_MAX], *colon, *value;
	size_t end = n;

	(void) unit;
	if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* another answer, after a redirect */
		forget_headers(a);
		return n;
	}
	while (end > 0 && strchr("\r\n \t", bytes[end - 1]))
		end--;
	if (end == 0 || end >= sizeof(line))
		return n;
	memcpy(line, bytes, end);
	line[end] = '\0';
	colon = strchr(line, ':');
	if (!colon)
		return n;
	*colon = '\0';
	value = colon + 1;
	value += strspn(value, " \t");
	on_field(a, line, value);
	return n;
}

/* ---- what went wrong ---- */

static const char *url_of(struct http *h)
{
	char *url = NULL;

	(void) curl_easy_getinfo(h->curl, CURLINFO_EFFECTIVE_URL, &url);
	return url ?: h->base;
}

static const char *reason(struct http *h, CURLcode c)
{
	return h->why[0] ? h->why : curl_easy_strerror(c);
}

static int fail_certificate(struct http *h, const char *path, CURLcode c, struct tuf_error *e)
{
	const char *why = reason(h, c);
	char now[CLOCK_TEXT_SIZE];

	clock_format_utc(clock_utc_nsec(), 0, now);
	if (strstr(why, "not yet valid") || strstr(why, "expired"))
		return tuf_fail(e, -ECONNABORTED, NULL, path,
			"the certificate of %s was not accepted: %s; it is %s by this host's "
			"clock: set the clock if that is wrong, else renew the certificate",
			url_of(h), why, now);
	if (h->ca_file)
		return tuf_fail(e, -ECONNABORTED, NULL, path,
			"the certificate of %s was not accepted: %s; ca_file is %s, and no other "
			"CA counts",
			url_of(h), why, h->ca_file);
	return tuf_fail(e, -ECONNABORTED, NULL, path,
		"the certificate of %s was not accepted: %s; if it is signed by a CA of your own, "
		"name it with ca_file",
		url_of(h), why);
}

static int fail_taking(struct answer *a, const char *path, struct tuf_error *e)
{
	const uint64_t max = a->have ? a->file_size : a->max;

	if (a->error == -EFBIG)
		return tuf_fail(e, a->error, NULL, path,
			"is longer than the %llu bytes it may have", (unsigned long long) max);
	if (a->error == -EPROTO)
		return tuf_fail(e, -EREMOTEIO, NULL, path,
			"was asked for from byte %llu on, but %s sent another part of it",
			(unsigned long long) a->asked_from, url_of(a->http));
	return tuf_fail(e, a->error, NULL, path, "could not be kept: %s", strerror(-a->error));
}

static int fail_local(struct http *h, const char *path, CURLcode c, struct tuf_error *e)
{
	if (c == CURLE_OUT_OF_MEMORY)
		return tuf_fail(e, -ENOMEM, NULL, path, "%s", strerror(ENOMEM));
	if (c == CURLE_SSL_CACERT_BADFILE)
		return tuf_fail(e, -EINVAL, NULL, path,
			"the CA certificates in %s cannot be used: %s",
			h->ca_file ?: "the system's trust store", reason(h, c));
	return tuf_fail(e, -EINVAL, NULL, path,
		"the client certificate %s or its key cannot be used: %s",
		h->certificate ?: "(none)", reason(h, c));
}

static int fail_transfer(struct answer *a, const char *path, CURLcode c, struct tuf_error *e)
{
	struct http *h = a->http;

	switch (c) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CRL_BADFILE:
		return fail_certificate(h, path, c, e);
	case CURLE_FILE_COULDNT_READ_FILE:
		return tuf_fail(e, -ENOENT, NULL, path,
			"is not in the repository: %s cannot be read", url_of(h));
	case CURLE_OUT_OF_MEMORY:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ENGINE_NOTFOUND:
		return fail_local(h, path, c, e);
	case CURLE_TOO_MANY_REDIRECTS:
		return tuf_fail(e, -EREMOTEIO, NULL, path,
			"could not be fetched: more than %d redirects, the last to %s",
			REDIRECTS_MAX, url_of(h));
	case CURLE_UNSUPPORTED_PROTOCOL:
		return tuf_fail(e, -EREMOTEIO, NULL, path,
			"could not be fetched from %s: %s; a redirect, too, must lead to https",
			url_of(h), reason(h, c));
	default:
		return tuf_fail(e, -EHOSTUNREACH, NULL, path, "could not be fetched from %s: %s",
			url_of(h), reason(h, c));
	}
}

static int fail_status(struct http *h, const char *path, long status, struct tuf_error *e)
{
	switch (status) {
	case 403: /* what object stores say of a file that is not there to somebody who may not
		     list them */
	case 404:
	case 410:
		return tuf_fail(e, -ENOENT, NULL, path, "is not in the repository: %s answered %ld",
			url_of(h), status);
	case 401:
	case 407:
		return tuf_fail(e, -EREMOTEIO, NULL, path,
			"%s answered %ld: it wants to know who asks; client_certificate and "
			"client_key, or a user in proxy, can say so",
			url_of(h), status);
	default:
		return tuf_fail(e, -EREMOTEIO, NULL, path, "%s answered %ld", url_of(h), status);
	}
}

/* ---- a request ---- */

/* Many hosts that failed together must not come back together. */
static void pause_before_retry(unsigned attempt, uint64_t wanted_sec)
{
	uint64_t msec = PAUSE_FIRST_MSEC, random = 0;
	struct timespec t;

	for (unsigned i = 0; i < attempt && msec < PAUSE_MAX_MSEC; i++)
		msec *= 2;
	if (msec > PAUSE_MAX_MSEC)
		msec = PAUSE_MAX_MSEC;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	msec = msec / 2 + random % (msec / 2 + 1) + wanted_sec * 1000;
	t = (struct timespec){ .tv_sec = (time_t) (msec / 1000),
		.tv_nsec = (long) (msec % 1000) * 1000000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static bool passes_by_itself(CURLcode c, long status)
{
	switch (c) {
	case CURLE_OK:
		return status == 408 || status == 429 || (status >= 500 && status <= 599);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static void count(struct http *h)
{
	curl_off_t down = 0;
	long headers = 0, request = 0, redirects = 0;

	(void) curl_easy_getinfo(h->curl, CURLINFO_SIZE_DOWNLOAD_T, &down);
	(void) curl_easy_getinfo(h->curl, CURLINFO_HEADER_SIZE, &headers);
	(void) curl_easy_getinfo(h->curl, CURLINFO_REQUEST_SIZE, &request);
	(void) curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_COUNT, &redirects);
	h->counts.requests += 1 + (uint64_t) redirects;
	h->counts.bytes += (uint64_t) down + (uint64_t) headers + (uint64_t) request;
}

static int add_header(struct http *h, const char *name, const char *value)
{
	char line[HTTP_VALIDATOR_MAX + 32];
	struct curl_slist *more;

	(void) snprintf(line, sizeof(line), "%s: %s", name, value);
	more = curl_slist_append(h->headers, line);
	if (!more)
		return -ENOMEM;
	h->headers = more;
	return 0;
}

static void drop_headers(struct http *h)
{
	(void) curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(h->headers);
	h->headers = NULL;
}

static int set_url(struct http *h, const char *path)
{
	char url[HTTP_URL_MAX + TUF_FILE_MAX + 2];

	if (strlen(path) > TUF_FILE_MAX)
		return -ENAMETOOLONG;
	(void) snprintf(url, sizeof(url), "%s%s", h->base, path);
	return curl_easy_setopt(h->curl, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

/* One try. @range (may be NULL) as in a Range header. */
static CURLcode perform(struct answer *a, const char *range)
{
	struct http *h = a->http;
	CURLcode c;

	a->error = 0;
	a->discarded = 0;
	a->begun = false;
	forget_headers(a);
	h->why[0] = '\0';
	(void) curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, a);
	(void) curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, a);
	(void) curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	if (curl_easy_setopt(h->curl, CURLOPT_RANGE, range) != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	c = curl_easy_perform(h->curl);
	count(h);
	/* A long page about an error: the status has said it all. */
	return c == CURLE_WRITE_ERROR && a->discarded > DISCARD_MAX ? CURLE_OK : c;
}

static bool pause_allowed(struct http *h, uint64_t *ret_sec)
{
	curl_off_t after = 0;

	(void) curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after);
	*ret_sec = after > 0 ? (uint64_t) after : 0;
	return *ret_sec <= RETRY_AFTER_MAX_SEC;
}

/* Should the @attempt'th try (from 0) be followed by another? It has waited then. */
static bool try_again(struct answer *a, unsigned attempt, CURLcode c)
{
	uint64_t sec;

	if (a->error < 0 || attempt >= a->http->retries ||
		!passes_by_itself(c, status_of(a->http)) || !pause_allowed(a->http, &sec))
		return false;
	pause_before_retry(attempt, sec);
	return true;
}

/* ---- small files ---- */

static void time_small(struct http *h)
{
	(void) curl_easy_setopt(
		h->curl, CURLOPT_TIMEOUT_MS, (long) (h->timeout_usec / USEC_PER_MSEC));
}

/* The status, or a negative errno. */
static int get(struct answer *a, const char *path, struct tuf_error *e)
{
	struct http *h = a->http;
	CURLcode c;
	long status;
	int r = set_url(h, path);

	if (r < 0)
		return tuf_fail(e, r, NULL, path, "%s", strerror(-r));
	time_small(h);
	for (unsigned attempt = 0;; attempt++) {
		a->size = 0;
		c = perform(a, NULL);
		if (!try_again(a, attempt, c))
			break;
	}
	if (a->error < 0)
		return fail_taking(a, path, e);
	if (c != CURLE_OK)
		return fail_transfer(a, path, c, e);
	status = status_of(h);
	return status > 0 && status < 1000 ? (int) status : 200; /* 0: a file: URL */
}

static int give_bytes(
	struct answer *a, const char *path, char **ret, size_t *ret_size, struct tuf_error *e)
{
	if (!a->bytes) {
		a->bytes = malloc(1);
		if (!a->bytes)
			return tuf_fail(e, -ENOMEM, NULL, path, "%s", strerror(ENOMEM));
	}
	a->bytes[a->size] = '\0';
	*ret = TAKE_PTR(a->bytes);
	*ret_size = a->size;
	return 0;
}

static int http_fetch(void *context, const char *path, size_t max, char **ret, size_t *ret_size,
	struct tuf_error *e)
{
	_cleanup_(answer_done) struct answer a = {
		.http = context, .take = take_into_memory, .max = max, .fd = -1
	};
	const int status = get(&a, path, e);

	if (status < 0)
		return status;
	if (status != 200)
		return fail_status(a.http, path, status, e);
	return give_bytes(&a, path, ret, ret_size, e);
}

int http_fetch_changed(struct http *h, const char *path, size_t max,
	char validator[HTTP_VALIDATOR_MAX + 1], char **ret, size_t *ret_size, struct tuf_error *e)
{
	_cleanup_(answer_done) struct answer a = {
		.http = h, .take = take_into_memory, .max = max, .fd = -1
	};
	const bool conditional = validator_usable(validator);
	int r = 0, status;

	if (conditional)
		r = add_header(
			h, is_etag(validator) ? "If-None-Match" : "If-Modified-Since", validator);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "%s", strerror(-r));
	status = get(&a, path, e);
	drop_headers(h);
	if (status < 0)
		return status;
	if (status == 304 && conditional)
		return 1;
	if (status != 200)
		return fail_status(h, path, status, e);
	r = give_bytes(&a, path, ret, ret_size, e);
	if (r == 0)
		(void) text_copy(validator, HTTP_VALIDATOR_MAX + 1, validator_of(&a));
	return r;
}

/* ---- large files ---- */

/* It takes as long as it goes on; what it makes of it is timed by CURLOPT_LOW_SPEED_*. */
static void time_large(struct http *h)
{
	(void) curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, 0L);
}

/* Only what is still the same file is continued: a strong validator of an earlier try says so. The
 * name of a target holds its hash, so what an earlier run left needs none. */
static CURLcode perform_rest(struct answer *a, const char *etag)
{
	char range[32];
	CURLcode c;

	a->asked_from = *a->have;
	if (a->asked_from == 0)
		return perform(a, NULL);
	(void) snprintf(range, sizeof(range), "%llu-", (unsigned long long) a->asked_from);
	if (etag[0] == '"' && add_header(a->http, "If-Range", etag) < 0)
		return CURLE_OUT_OF_MEMORY;
	c = perform(a, range);
	drop_headers(a->http);
	return c;
}

/* The server's file is not as long as what is there, so that is not of it. */
static bool cannot_continue(const struct answer *a, CURLcode c)
{
	return a->asked_from > 0 &&
		(c == CURLE_BAD_DOWNLOAD_RESUME || c == CURLE_RANGE_ERROR ||
			(c == CURLE_OK && status_of(a->http) == 416));
}

static int start_again(struct answer *a)
{
	if (ftruncate(a->fd, 0) < 0)
		return -errno;
	*a->have = 0;
	return 0;
}

static int end_file(struct answer *a, const char *path, CURLcode c, struct tuf_error *e)
{
	const long status = status_of(a->http);

	if (a->error < 0)
		return fail_taking(a, path, e);
	if (c != CURLE_OK)
		return fail_transfer(a, path, c, e);
	if (status != 0 && status != 200 && status != 206)
		return fail_status(a->http, path, status, e);
	if (*a->have < a->file_size)
		return tuf_fail(e, -EUCLEAN, NULL, path, "is %llu bytes long, expected %llu",
			(unsigned long long) *a->have, (unsigned long long) a->file_size);
	return 0;
}

int http_fetch_file(struct http *h, const char *path, int fd, uint64_t size, uint64_t *have,
	struct tuf_error *e)
{
	struct answer a = {
		.http = h, .take = take_into_file, .fd = fd, .file_size = size, .have = have
	};
	char etag[HTTP_VALIDATOR_MAX + 1] = "";
	unsigned restarts = 0;
	uint64_t before;
	CURLcode c;
	int r = set_url(h, path);

	if (r == 0 && *have > size)
		r = start_again(&a);
	if (r < 0)
		return tuf_fail(e, r, NULL, path, "%s", strerror(-r));
	time_large(h);
	for (unsigned attempt = 0; *have < size; attempt++) {
		before = *have;
		c = perform_rest(&a, etag);
		if (cannot_continue(&a, c) && restarts++ < RESTARTS_MAX) {
			r = start_again(&a);
			if (r < 0)
				return tuf_fail(e, r, NULL, path, "%s", strerror(-r));
			etag[0] = '\0';
			continue;
		}
		if (*have > before && *have - before >= PROGRESS_MIN)
			attempt = 0;
		if (a.etag[0])
			(void) memcpy(etag, a.etag, sizeof(etag));
		if (!try_again(&a, attempt, c))
			return end_file(&a, path, c, e);
	}
	return 0;
}

/* ---- set-up ---- */

static int base_fails(struct tuf_error *e, const char *base, const char *text)
{
	return tuf_fail(e, -EINVAL, NULL, NULL, "%s %s", base, text);
}

static void url_cleanupp(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void curl_freep(char **p)
{
	curl_free(*p);
}

static bool url_has(CURLU *u, CURLUPart part)
{
	_cleanup_(curl_freep) char *value = NULL;

	return curl_url_get(u, part, &value, 0) == CURLUE_OK;
}

static int check_base(const char *base, bool plain, struct tuf_error *e)
{
	_cleanup_(url_cleanupp) CURLU *u = curl_url();
	_cleanup_(curl_freep) char *scheme = NULL;

	if (!u)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "%s", strerror(ENOMEM));
	if (strlen(base) > HTTP_URL_MAX)
		return tuf_fail(e, -EINVAL, NULL, NULL,
			"a URL may have no more than %d bytes, this one has %zu", HTTP_URL_MAX,
			strlen(base));
	if (curl_url_set(u, CURLUPART_URL, base, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return base_fails(
			e, base, "is no URL; expected https://host/folder/ or file:///folder/");
	if (strcmp(scheme, "http") == 0 && !plain)
		return base_fails(
			e, base, "is not protected on its way; write https:// instead of http://");
	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "file") != 0 &&
		strcmp(scheme, "http") != 0)
		return base_fails(
			e, base, "is of a kind that cannot be used; expected https:// or file://");
	if (url_has(u, CURLUPART_USER) || url_has(u, CURLUPART_PASSWORD))
		return tuf_fail(e, -EINVAL, NULL, NULL,
			"a URL with a user name or password in it would be shown to everybody; use "
			"client_certificate and client_key instead");
	if (url_has(u, CURLUPART_QUERY) || url_has(u, CURLUPART_FRAGMENT))
		return base_fails(e, base,
			"is no folder: names of files are added at its end, so it may hold no ? or "
			"#");
	return 0;
}

int http_folder(const char *base, char *out, size_t size)
{
	_cleanup_(url_cleanupp) CURLU *u = curl_url();
	_cleanup_(curl_freep) char *scheme = NULL, *path = NULL;

	if (!u)
		return -ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, base, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		strcmp(scheme, "file") != 0 ||
		curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) != CURLUE_OK)
		return -EINVAL;
	return text_copy(out, size, path);
}

static long or_default_msec(uint64_t usec, unsigned sec)
{
	return (long) (usec > 0 ? (usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC : sec * 1000);
}

#define SET(option, value) (c = c != CURLE_OK ? c : curl_easy_setopt(h->curl, option, value))

static CURLcode set_connection(struct http *h, const struct http_options *o)
{
	CURLcode c = CURLE_OK;

	SET(CURLOPT_ERRORBUFFER, h->why);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_USERAGENT, "proscribe/" PROSCRIBE_VERSION);
	SET(CURLOPT_PROTOCOLS_STR, o->plain ? "https,http,file" : "https,file");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, o->plain ? "https,http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, (long) REDIRECTS_MAX);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
		or_default_msec(o->connect_timeout_usec, CONNECT_TIMEOUT_SEC));
	SET(CURLOPT_LOW_SPEED_LIMIT, (long) HTTP_SPEED_MIN);
	SET(CURLOPT_LOW_SPEED_TIME, (long) HTTP_SPEED_SEC);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	if (o->proxy)
		SET(CURLOPT_PROXY, o->proxy);
	return c;
}

static CURLcode set_tls(struct http *h, const struct http_options *o)
{
	CURLcode c = CURLE_OK;

	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (o->ca_file) {
		SET(CURLOPT_CAINFO, o->ca_file);
		SET(CURLOPT_CAPATH, NULL); /* else the system's CAs would count as well */
	}
	if (o->certificate) {
		SET(CURLOPT_SSLCERT, o->certificate);
		SET(CURLOPT_SSLKEY, o->key);
	}
	return c;
}

#undef SET

int http_new(const char *base, const struct http_options *o, struct http **ret, struct tuf_error *e)
{
	static const struct http_options defaults = { 0 };
	_cleanup_(http_freep) struct http *h = calloc(1, sizeof(*h));
	size_t n;
	int r;

	if (!o)
		o = &defaults;
	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "%s", strerror(ENOMEM));
	h->global = true;
	r = check_base(base, o->plain, e);
	if (r < 0)
		return r;
	n = strlen(base);
	(void) snprintf(h->base, sizeof(h->base), "%s%s", base, base[n - 1] == '/' ? "" : "/");
	h->ca_file = o->ca_file;
	h->certificate = o->certificate;
	h->retries = o->retries < HTTP_RETRIES_MAX ? o->retries : HTTP_RETRIES_MAX;
	h->timeout_usec = (uint64_t) or_default_msec(o->timeout_usec, TIMEOUT_SEC) * USEC_PER_MSEC;
	h->curl = curl_easy_init();
	if (!h->curl || set_connection(h, o) != CURLE_OK || set_tls(h, o) != CURLE_OK)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "libcurl cannot be set up");
	*ret = TAKE_PTR(h);
	return 0;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	if (h->global)
		curl_global_cleanup();
	free(h);
	return NULL;
}

void http_transport(struct http *h, struct tuf_transport *ret)
{
	*ret = (struct tuf_transport){ .fetch = http_fetch, .context = h };
}

void http_counts(const struct http *h, struct http_counts *ret)
{
	*ret = h->counts;
}
