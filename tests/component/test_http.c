/*
 * Repository files from a server that says exactly what a test wants, well or badly: one thread
 * that answers each request with the next line of a script and keeps what it was asked.
 * Certificates are tested with the whole program (tests/system/test_update.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "policy/trust/http.h"

enum { REPLIES_MAX = 10, REQUEST_SIZE = 4096, LONG_BODY = 300 << 10 };

#define OK(n, body)   "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" body
#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"
#define PART(range, n, body)                                                            \
	"HTTP/1.1 206 Partial\r\nContent-Range: bytes " range "\r\nContent-Length: " #n \
	"\r\n\r\n" body
/* Promises more than comes. */
#define CUT(n, headers, body) "HTTP/1.1 200 OK\r\n" headers "Content-Length: " #n "\r\n\r\n" body

struct server {
	int listener;
	uint16_t port;
	pthread_t thread;
	const char *const *replies;
	char requests[REPLIES_MAX][REQUEST_SIZE];
	unsigned n_requests, n_connections;
};

/* A request without a body; false at its end. */
static bool receive_request(int fd, char out[REQUEST_SIZE])
{
	size_t n = 0;

	while (n < REQUEST_SIZE - 1) {
		const ssize_t got = recv(fd, out + n, REQUEST_SIZE - 1 - n, 0);

		if (got <= 0)
			return false;
		n += (size_t) got;
		out[n] = '\0';
		if (strstr(out, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void send_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		const ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		n -= (size_t) sent;
	}
}

/* "LONG STATUS": a page of LONG_BODY bytes. */
static void send_reply(int fd, const char *reply)
{
	char head[128];
	static const char block[1024];

	if (strncmp(reply, "LONG ", 5) != 0) {
		send_all(fd, reply, strlen(reply));
		return;
	}
	(void) snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n", reply + 5,
		LONG_BODY);
	send_all(fd, head, strlen(head));
	for (int i = 0; i < LONG_BODY / 1024; i++)
		send_all(fd, block, sizeof(block));
}

/* A connection stays unless the reply was cut or says that it ends. */
static bool reply_ends(const char *reply)
{
	const char *body = strstr(reply, "\r\n\r\n"), *length = strstr(reply, "Content-Length: ");

	return !body || strstr(reply, "Connection: close") ||
		(length && strtoul(length + 16, NULL, 10) != strlen(body + 4));
}

static void serve_connection(struct server *s, int fd)
{
	while (s->n_requests < REPLIES_MAX && receive_request(fd, s->requests[s->n_requests])) {
		const char *reply = s->replies[s->n_requests++];

		if (!reply)
			return;
		send_reply(fd, reply);
		if (reply_ends(reply))
			return;
	}
}

static void *serve(void *context)
{
	struct server *s = context;

	for (;;) {
		_cleanup_close_ int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		s->n_connections++;
		serve_connection(s, fd);
		(void) shutdown(fd, SHUT_WR);
	}
}

static void server_start(struct server *s, const char *const *replies)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	*s = (struct server){ .replies = replies };
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *) &a, sizeof(a)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *) &a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* After the client's connections were closed. */
static void server_stop(struct server *s)
{
	(void) shutdown(s->listener, SHUT_RDWR);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	(void) close(s->listener);
}

static struct http *client(const struct server *s, unsigned retries)
{
	const struct http_options o = {
		.plain = true, .retries = retries, .proxy = "", .timeout_usec = 5000000
	};
	struct tuf_error e = { 0 };
	struct http *h = NULL;
	char base[64];

	(void) snprintf(base, sizeof(base), "http://127.0.0.1:%u/r", s->port);
	if (http_new(base, &o, &h, &e) < 0)
		fail_msg("%s", e.text);
	return h;
}

static void expect(const char *name, const char *what, int64_t found, int64_t wanted)
{
	if (found != wanted)
		fail_msg("%s: %s is %lld, expected %lld", name, what, (long long) found,
			(long long) wanted);
}

static void expect_text(const char *name, const char *text, const char *part)
{
	if (part && !strstr(text, part))
		fail_msg("%s: expected '%s' in '%s'", name, part, text);
}

static void small_files(void **state)
{
	static const struct {
		const char *name;
		const char *replies[REPLIES_MAX];
		unsigned retries;
		int want;
		unsigned requests;
		const char *body, *text;
	} cases[] = {
		{ "a file", { OK(5, "hello") }, 0, 0, 1, "hello", NULL },
		{ "an empty file", { OK(0, "") }, 0, 0, 1, "", NULL },
		{ "in chunks",
			{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			  "Connection: close\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" },
			0, 0, 1, "hello", NULL },
		{ "as long as it may be", { OK(8, "12345678") }, 0, 0, 1, "12345678", NULL },
		{ "longer than it may be", { OK(9, "123456789") }, 3, -EFBIG, 1, NULL, "8 bytes" },
		{ "longer than it may be, in chunks without a length",
			{ "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456789" }, 0, -EFBIG, 1,
			NULL, "8 bytes" },
		{ "404: not there", { EMPTY("404 No") }, 3, -ENOENT, 1, NULL, "answered 404" },
		{ "403: not there, in an object store", { EMPTY("403 No") }, 3, -ENOENT, 1, NULL,
			"answered 403" },
		{ "410: not there any more", { EMPTY("410 No") }, 3, -ENOENT, 1, NULL, NULL },
		{ "404 with a long page", { "LONG 404 No" }, 0, -ENOENT, 1, NULL, "404" },
		{ "401: nobody knows who asks", { EMPTY("401 No") }, 3, -EREMOTEIO, 1, NULL,
			"client_certificate" },
		{ "an error of the server, once", { EMPTY("500 Oh"), OK(2, "ok") }, 1, 0, 2, "ok",
			NULL },
		{ "an error of the server, too often",
			{ EMPTY("500 Oh"), EMPTY("503 Oh"), OK(2, "ok") }, 1, -EREMOTEIO, 2, NULL,
			"answered 503" },
		{ "an error of the server, without retries", { EMPTY("500 Oh") }, 0, -EREMOTEIO, 1,
			NULL, "answered 500" },
		{ "busy, and says until when",
			{ "HTTP/1.1 429 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
				OK(2, "ok") },
			1, 0, 2, "ok", NULL },
		{ "busy for longer than a run waits",
			{ "HTTP/1.1 429 Busy\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n" }, 9,
			-EREMOTEIO, 1, NULL, "answered 429" },
		{ "cut short, then whole", { CUT(8, "", "1234"), OK(2, "ok") }, 1, 0, 2, "ok",
			NULL },
		{ "cut short", { CUT(8, "", "1234") }, 0, -EHOSTUNREACH, 1, NULL,
			"fetched from http" },
		{ "hangs up without a word", { NULL }, 0, -EHOSTUNREACH, 1, NULL, NULL },
		{ "no HTTP at all", { "220 ftp.example.com ready\r\n" }, 3, -EREMOTEIO, 1, NULL,
			NULL },
		{ "a redirect",
			{ "HTTP/1.1 302 There\r\nLocation: /there\r\nContent-Length: 4\r\n\r\nhere",
				OK(5, "there") },
			0, 0, 2, "there", NULL },
		{ "a redirect to a file of this host",
			{ "HTTP/1.1 302 There\r\nLocation: file:///etc/hostname\r\n"
			  "Content-Length: 0\r\n\r\n" },
			3, -EREMOTEIO, 1, NULL, "https" },
		{ "redirects without an end",
			{ "HTTP/1.1 302 1\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n",
				"HTTP/1.1 302 2\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n",
				"HTTP/1.1 302 3\r\nLocation: /3\r\nContent-Length: 0\r\n\r\n",
				"HTTP/1.1 302 4\r\nLocation: /4\r\nContent-Length: 0\r\n\r\n",
				"HTTP/1.1 302 5\r\nLocation: /5\r\nContent-Length: 0\r\n\r\n",
				"HTTP/1.1 302 6\r\nLocation: /6\r\nContent-Length: 0\r\n\r\n" },
			3, -EREMOTEIO, 6, NULL, "redirects" },
		{ "a part that nobody asked for", { PART("0-3/4", 4, "1234") }, 0, -EREMOTEIO, 1,
			NULL, "answered 206" },
	};
	struct tuf_transport t;
	struct server s;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *bytes = NULL;
		struct tuf_error e = { 0 };
		struct http *h;
		size_t n = 0;
		int r;

		server_start(&s, cases[i].replies);
		h = client(&s, cases[i].retries);
		http_transport(h, &t);
		r = t.fetch(t.context, "1.root.json", 8, &bytes, &n, &e);
		http_free(h);
		server_stop(&s);
		expect(cases[i].name, "the result", r, cases[i].want);
		expect(cases[i].name, "requests", s.n_requests, cases[i].requests);
		if (r < 0) {
			expect(cases[i].name, "the error", e.error, r);
			expect_text(cases[i].name, e.text, cases[i].text);
			assert_null(bytes);
			continue;
		}
		expect(cases[i].name, "its size", (int64_t) n, (int64_t) strlen(cases[i].body));
		assert_string_equal(bytes, cases[i].body);
	}
}

static void one_connection_for_all(void **state)
{
	static const char *const replies[REPLIES_MAX] = { OK(1, "a"), EMPTY("404 No"),
		"LONG 200 OK", OK(1, "b") };
	static const int want[] = { 0, -ENOENT, 0, 0 };
	struct http_counts counts;
	struct tuf_transport t;
	struct server s;
	struct http *h;

	(void) state;
	server_start(&s, replies);
	h = client(&s, 0);
	http_transport(h, &t);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		_cleanup_free_ char *bytes = NULL;
		struct tuf_error e = { 0 };
		size_t n = 0;

		/* the 404's page is read as well */
		assert_int_equal(
			t.fetch(t.context, "a%2Fb.json", LONG_BODY, &bytes, &n, &e), want[i]);
	}
	http_counts(h, &counts);
	assert_int_equal(counts.requests, 4);
	assert_true(counts.bytes > LONG_BODY && counts.bytes < LONG_BODY + 4096);
	http_free(h);
	server_stop(&s);
	/* the long one ends its connection: reply_ends() does not count it */
	assert_true(s.n_connections <= 2);
	expect_text("a name stays as it is", s.requests[0], "GET /r/a%2Fb.json HTTP/1.1\r\n");
	expect_text("it says who asks", s.requests[0], "User-Agent: proscribe/");
}

static void only_what_has_changed(void **state)
{
#define DATED(headers) "HTTP/1.1 200 OK\r\n" headers "Content-Length: 2\r\n\r\nok"
#define NOW            "Date: Sat, 21 Nov 2026 17:00:00 GMT\r\n"
	static const struct {
		const char *name, *validator, *reply;
		int want;
		const char *asked, *after;
	} cases[] = {
		{ "nothing is known yet", "", DATED("ETag: \"7\"\r\n"), 0, NULL, "\"7\"" },
		{ "still the same", "\"7\"", "HTTP/1.1 304 Same\r\nETag: \"7\"\r\n\r\n", 1,
			"If-None-Match: \"7\"\r\n", "\"7\"" },
		{ "another one", "\"7\"", DATED("ETag: W/\"8\"\r\n"), 0, "If-None-Match: \"7\"\r\n",
			"W/\"8\"" },
		{ "the tag goes before the date", "",
			DATED(NOW "etag: \"7\"\r\n"
				  "Last-Modified: Sat, 21 Nov 2026 16:00:00 GMT\r\n"),
			0, NULL, "\"7\"" },
		{ "a server that knows dates alone", "",
			DATED(NOW "last-modified: Sat, 21 Nov 2026 16:00:00 GMT\r\n"), 0, NULL,
			"Sat, 21 Nov 2026 16:00:00 GMT" },
		{ "asked by a date", "Sat, 21 Nov 2026 16:00:00 GMT", "HTTP/1.1 304 Same\r\n\r\n",
			1, "If-Modified-Since: Sat, 21 Nov 2026 16:00:00 GMT\r\n",
			"Sat, 21 Nov 2026 16:00:00 GMT" },
		{ "changed in this very second, so perhaps once more", "",
			DATED(NOW
				"Last-Modified: Sat, 21 Nov 2026 16:59:59 GMT\r\nETag: \"7\"\r\n"),
			0, NULL, "" },
		{ "a server that knows nothing", "\"7\"", DATED(""), 0, NULL, "" },
		{ "a tag without quotes", "", DATED("ETag: 7\r\n"), 0, NULL, "" },
		{ "a tag with a control character", "", DATED("ETag: \"\a\"\r\n"), 0, NULL, "" },
		{ "a kept validator that would be two headers", "\"7\"\r\nX: y", DATED(""), 0, NULL,
			"" },
		{ "the same as nothing", "", "HTTP/1.1 304 Same\r\n\r\n", -EREMOTEIO, NULL, "" },
		{ "gone", "\"7\"", EMPTY("404 No"), -ENOENT, "If-None-Match", "\"7\"" },
	};
	struct server s;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const replies[REPLIES_MAX] = { cases[i].reply };
		char validator[HTTP_VALIDATOR_MAX + 1] = "";
		_cleanup_free_ char *bytes = NULL;
		struct tuf_error e = { 0 };
		struct http *h;
		size_t n = 0;

		(void) strcpy(validator, cases[i].validator);
		server_start(&s, replies);
		h = client(&s, 0);
		expect(cases[i].name, "the result",
			http_fetch_changed(h, "timestamp.json", 100, validator, &bytes, &n, &e),
			cases[i].want);
		http_free(h);
		server_stop(&s);
		if (strcmp(validator, cases[i].after) != 0)
			fail_msg("%s: the validator is '%s', expected '%s'", cases[i].name,
				validator, cases[i].after);
		expect_text(cases[i].name, s.requests[0], cases[i].asked);
		if (!cases[i].asked)
			assert_true(!strstr(s.requests[0], "\r\nIf-") || i == 7);
		assert_null(strstr(s.requests[0], "X: y"));
	}
}

static void a_validator_of_any_length(void **state)
{
	(void) state;
	for (size_t length = HTTP_VALIDATOR_MAX; length <= HTTP_VALIDATOR_MAX + 1; length++) {
		char tag[HTTP_VALIDATOR_MAX + 2] = "", reply[512];
		const char *replies[REPLIES_MAX] = { reply };
		char validator[HTTP_VALIDATOR_MAX + 1] = "";
		_cleanup_free_ char *bytes = NULL;
		struct tuf_error e = { 0 };
		struct server s;
		struct http *h;
		size_t n = 0;

		memset(tag, 'x', length);
		tag[0] = tag[length - 1] = '"';
		(void) snprintf(reply, sizeof(reply),
			"HTTP/1.1 200 OK\r\nETag: %s\r\nContent-Length: 2\r\n\r\nok", tag);
		server_start(&s, replies);
		h = client(&s, 0);
		assert_int_equal(
			http_fetch_changed(h, "timestamp.json", 100, validator, &bytes, &n, &e), 0);
		http_free(h);
		server_stop(&s);
		assert_string_equal(validator, length > HTTP_VALIDATOR_MAX ? "" : tag);
	}
}

static void large_files(void **state)
{
	static const struct {
		const char *name;
		const char *there; /* of an earlier run */
		const char *replies[REPLIES_MAX];
		unsigned retries;
		int want;
		unsigned requests;
		const char *content, *asked;
	} cases[] = {
		{ "all of it", "", { OK(8, "12345678") }, 0, 0, 1, "12345678", NULL },
		{ "it is there", "12345678", { NULL }, 0, 0, 0, "12345678", NULL },
		{ "the rest of it", "1234", { PART("4-7/8", 4, "5678") }, 0, 0, 1, "12345678",
			"Range: bytes=4-\r\n" },
		{ "a server that cannot resume", "abcd", { OK(8, "12345678") }, 0, 0, 1, "12345678",
			"Range: bytes=4-\r\n" },
		{ "another part than was asked for", "1234", { PART("0-7/8", 8, "12345678") }, 3,
			-EREMOTEIO, 1, "1234", NULL },
		{ "a part without a word which", "1234",
			{ "HTTP/1.1 206 Part\r\nContent-Length: 4\r\n\r\n5678" }, 3, -EREMOTEIO, 1,
			"1234", NULL },
		{ "what is there is longer than the server's", "1234567",
			{ EMPTY("416 Beyond"), OK(8, "12345678") }, 0, 0, 2, "12345678", NULL },
		{ "beyond the end, again and again", "1234567",
			{ EMPTY("416 Beyond"), EMPTY("416 Beyond"), EMPTY("416 Beyond") }, 3,
			-EREMOTEIO, 2, "", NULL },
		{ "more than it may be is there", "123456789", { OK(8, "12345678") }, 0, 0, 1,
			"12345678", NULL },
		{ "cut short, then the rest", "",
			{ CUT(8, "ETag: \"7\"\r\n", "1234"), PART("4-7/8", 4, "5678") }, 1, 0, 2,
			"12345678", "If-Range: \"7\"\r\n" },
		{ "cut short, and another file then", "",
			{ CUT(8, "ETag: \"7\"\r\n", "abcd"), OK(8, "12345678") }, 1, 0, 2,
			"12345678", "If-Range: \"7\"\r\n" },
		{ "a weak tag is not asked with", "",
			{ CUT(8, "ETag: W/\"7\"\r\n", "1234"), PART("4-7/8", 4, "5678") }, 1, 0, 2,
			"12345678", "Range: bytes=4-\r\n" },
		{ "cut short for good", "", { CUT(8, "", "1234") }, 0, -EHOSTUNREACH, 1, "1234",
			NULL },
		{ "longer than it is", "", { OK(9, "123456789") }, 3, -EFBIG, 1, NULL, NULL },
		{ "its rest is longer", "1234", { PART("4-8/9", 5, "56789") }, 3, -EFBIG, 1, NULL,
			NULL },
		{ "shorter than it is", "", { OK(7, "1234567") }, 3, -EUCLEAN, 1, "1234567", NULL },
		{ "empty", "", { OK(0, "") }, 3, -EUCLEAN, 1, "", NULL },
		{ "not there", "12", { EMPTY("404 No") }, 3, -ENOENT, 1, "12", NULL },
		{ "an error of the server in between", "12",
			{ EMPTY("503 Oh"), PART("2-7/8", 6, "345678") }, 1, 0, 2, "12345678",
			"Range: bytes=2-\r\n" },
	};
	struct server s;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = memfd_create("part", MFD_CLOEXEC);
		uint64_t have = strlen(cases[i].there);
		struct tuf_error e = { 0 };
		char content[16] = "";
		struct http *h;

		assert_int_equal(pwrite(fd, cases[i].there, have, 0), have);
		server_start(&s, cases[i].replies);
		h = client(&s, cases[i].retries);
		expect(cases[i].name, "the result", http_fetch_file(h, "big", fd, 8, &have, &e),
			cases[i].want);
		http_free(h);
		server_stop(&s);
		expect(cases[i].name, "requests", s.n_requests, cases[i].requests);
		if (cases[i].content) {
			expect(cases[i].name, "what it has", (int64_t) have,
				(int64_t) strlen(cases[i].content));
			assert_int_equal(pread(fd, content, sizeof(content) - 1, 0), have);
			assert_string_equal(content, cases[i].content);
		}
		if (s.n_requests > 0)
			expect_text(cases[i].name, s.requests[s.n_requests - 1], cases[i].asked);
	}
}

static void bases(void **state)
{
	static const struct {
		const char *name, *base;
		bool plain;
		int want;
		const char *text;
	} cases[] = {
		{ "https", "https://list.example.com/repository", false, 0, NULL },
		{ "https with a port", "https://list.example.com:8443/", false, 0, NULL },
		{ "a folder of this host", "file:///srv/repository/", false, 0, NULL },
		{ "http", "http://list.example.com/", false, -EINVAL, "write https://" },
		{ "http where it is allowed", "http://list.example.com/", true, 0, NULL },
		{ "ftp", "ftp://list.example.com/", true, -EINVAL, "expected https:// or file://" },
		{ "gopher", "gopher://list.example.com/", true, -EINVAL, "https://" },
		{ "no URL", "list.example.com", false, -EINVAL, "expected https://" },
		{ "a path", "/srv/repository", false, -EINVAL, "file:///" },
		{ "nothing", "", false, -EINVAL, "no URL" },
		{ "with a password", "https://me:secret@list.example.com/", false, -EINVAL,
			"client_certificate" },
		{ "with a query", "https://list.example.com/?a=b", false, -EINVAL, "no ? or #" },
		{ "with a space", "https://list.example.com/a b", false, -EINVAL, "no URL" },
		{ "with a line break", "https://list.example.com/\r\nX: y", false, -EINVAL,
			"no URL" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct http_options o = { .plain = cases[i].plain };
		_cleanup_(http_freep) struct http *h = NULL;
		struct tuf_error e = { 0 };

		expect(cases[i].name, "the result", http_new(cases[i].base, &o, &h, &e),
			cases[i].want);
		expect_text(cases[i].name, e.text, cases[i].text);
		assert_null(strstr(e.text, "secret"));
	}
}

static void folders_of_urls(void **state)
{
	static const struct {
		const char *base, *folder;
		int want;
	} rows[] = {
		{ "file:///srv/repository/", "/srv/repository/", 0 },
		{ "file:///srv/with%20space", "/srv/with space", 0 },
		{ "file://localhost/srv", "/srv", 0 },
		{ "https://list.example.com/srv/", NULL, -EINVAL },
		{ "/srv", NULL, -EINVAL },
		{ "", NULL, -EINVAL },
		{ "file:///0123456789012345678901234567890", NULL, -ENAMETOOLONG },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char folder[32] = "";

		expect(rows[i].base, "the result",
			http_folder(rows[i].base, folder, sizeof(folder)), rows[i].want);
		if (rows[i].folder)
			assert_string_equal(folder, rows[i].folder);
	}
}

static void longest_base(void **state)
{
	char base[HTTP_URL_MAX + 2] = "https://list.example.com/";

	(void) state;
	memset(base + strlen(base), 'a', HTTP_URL_MAX - strlen(base));
	for (int more = 0; more < 2; more++) {
		_cleanup_(http_freep) struct http *h = NULL;
		struct tuf_error e = { 0 };

		assert_int_equal(http_new(base, NULL, &h, &e), more ? -EINVAL : 0);
		base[HTTP_URL_MAX] = 'a';
		base[HTTP_URL_MAX + 1] = '\0';
	}
}

static void nobody_listens(void **state)
{
	static const char *const none[REPLIES_MAX] = { NULL };
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_free_ char *bytes = NULL;
	struct tuf_error e = { 0 };
	struct tuf_transport t;
	struct server s;
	size_t n;

	(void) state;
	server_start(&s, none);
	server_stop(&s);
	h = client(&s, 1);
	http_transport(h, &t);
	assert_int_equal(t.fetch(t.context, "1.root.json", 8, &bytes, &n, &e), -EHOSTUNREACH);
	assert_string_equal(e.file, "1.root.json");
	expect_text("nobody listens", e.text, "could not be fetched from http://127.0.0.1:");
}

static void folders(void **state)
{
	char folder[] = "/tmp/proscribe-http-XXXXXX", base[64], file[64];
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_free_ char *bytes = NULL, *none = NULL;
	char validator[HTTP_VALIDATOR_MAX + 1] = "";
	struct tuf_error e = { 0 };
	struct tuf_transport t;
	uint64_t have = 2;
	size_t n = 0;
	FILE *f;

	(void) state;
	assert_non_null(mkdtemp(folder));
	(void) snprintf(base, sizeof(base), "file://%s", folder);
	(void) snprintf(file, sizeof(file), "%s/timestamp.json", folder);
	f = fopen(file, "we");
	assert_non_null(f);
	assert_true(fputs("12345678", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(http_new(base, NULL, &h, &e), 0);
	http_transport(h, &t);
	assert_int_equal(http_fetch_changed(h, "timestamp.json", 8, validator, &bytes, &n, &e), 0);
	assert_int_equal(n, 8);
	assert_int_equal(t.fetch(t.context, "timestamp.json", 7, &none, &n, &e), -EFBIG);
	assert_int_equal(t.fetch(t.context, "2.root.json", 8, &none, &n, &e), -ENOENT);
	f = fopen(file, "r+e");
	assert_non_null(f);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(http_fetch_file(h, "timestamp.json", fileno(f), 8, &have, &e), -ENOENT);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void resumed_from_a_folder(void **state)
{
	_cleanup_close_ int source = memfd_create("source", 0), fd = memfd_create("part", 0);
	_cleanup_(http_freep) struct http *h = NULL;
	struct tuf_error e = { 0 };
	uint64_t have = 4;
	char content[9] = "", name[16];

	(void) state;
	(void) snprintf(name, sizeof(name), "%d", source);
	assert_int_equal(pwrite(source, "12345678", 8, 0), 8);
	assert_int_equal(pwrite(fd, "1234", 4, 0), 4);
	assert_int_equal(http_new("file:///proc/self/fd/", NULL, &h, &e), 0);
	assert_int_equal(http_fetch_file(h, name, fd, 8, &have, &e), 0);
	assert_int_equal(have, 8);
	assert_int_equal(pread(fd, content, 8, 0), 8);
	assert_string_equal(content, "12345678");
	/* shorter than what is there: all of it again */
	assert_int_equal(ftruncate(source, 3), 0);
	have = 4;
	assert_int_equal(http_fetch_file(h, name, fd, 8, &have, &e), -EUCLEAN);
	assert_int_equal(have, 3);
}

/* Listening where nobody else can hear it, if that is allowed here. */
static void own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_close_ int fd = -1;

	if (unshare(CLONE_NEWNET | (geteuid() != 0 ? CLONE_NEWUSER : 0)) < 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		exit(77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_files),
		cmocka_unit_test(one_connection_for_all),
		cmocka_unit_test(only_what_has_changed),
		cmocka_unit_test(a_validator_of_any_length),
		cmocka_unit_test(large_files),
		cmocka_unit_test(bases),
		cmocka_unit_test(folders_of_urls),
		cmocka_unit_test(longest_base),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(folders),
		cmocka_unit_test(resumed_from_a_folder),
	};

	own_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
