/*
 * Reads with pread into a buffer of its own, not through a mapping: a file cut short while it is
 * read would end a mapping's reader by SIGBUS. Runs inside the inspector.
 */
#include "agent/inspector/scanner.h"

#include <string.h>

#include "agent/inspector/archive.h"
#include "agent/inspector/matcher.h"
#include "agent/inspector/payload.h"
#include "agent/inspector/squash.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/image/signature.h"

struct scanner {
	uint64_t policy_id;
	uint32_t n_signatures;
	struct signature *signatures;
	int fd; /* -1 once the rules are loaded, or could not be */
	uint64_t rules_offset, rules_size;
	struct matcher *matcher; /* NULL before the first file that needs it */
};

/* One search. */
struct search {
	struct matcher_sink sink;
	struct content_sink unpacked;
	uint64_t at; /* where the next unpacked byte lies */
	const struct scanner *scanner;
	const struct view *view;
	struct facts *facts;
	uint64_t left, deadline_usec;
	bool *matched;              /* for each signature, and one more for all other rules */
	struct versions **versions; /* NULL where nothing named one */
	bool cut;                   /* limit or deadline left a part unread */
};

int scanner_prepare(void)
{
	return matcher_prepare();
}

static int read_signatures(struct scanner *s, int fd, uint64_t offset)
{
	const size_t size = s->n_signatures * sizeof(*s->signatures);
	ssize_t n;

	s->signatures = calloc(s->n_signatures + 1, sizeof(*s->signatures));
	if (!s->signatures)
		return -ENOMEM;
	if (offset > INT64_MAX)
		return -EBADMSG;
	n = fd_pread_full(fd, s->signatures, size, (off_t) offset);
	if (n < 0)
		return (int) n;
	if ((size_t) n != size)
		return -EBADMSG;
	for (uint32_t i = 0; i < s->n_signatures; i++)
		if (!signature_valid(&s->signatures[i]))
			return -EBADMSG;
	return 0;
}

int scanner_new(int fd, const struct message_policy *m, struct scanner **ret)
{
	_cleanup_(scanner_freep) struct scanner *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	if (m->policy_id == 0 || m->n_signatures > SIGNATURES_MAX ||
		m->rules_size > SIGNATURE_RULES_SIZE_MAX)
		return -EBADMSG;
	s->policy_id = m->policy_id;
	s->n_signatures = m->n_signatures;
	s->rules_offset = m->rules_offset;
	s->rules_size = m->rules_size;
	r = read_signatures(s, fd, m->signatures_offset);
	if (r < 0)
		return r;
	s->fd = fd;
	*ret = TAKE_PTR(s);
	return 0;
}

struct scanner *scanner_free(struct scanner *s)
{
	if (!s)
		return NULL;
	(void) matcher_free(s->matcher);
	if (s->fd >= 0)
		(void) close(s->fd);
	free(s->signatures);
	free(s);
	return NULL;
}

static int load_rules(struct scanner *s)
{
	int r;

	if (s->matcher)
		return 0;
	if (s->fd < 0)
		return -EBADMSG;
	r = matcher_new(s->fd, s->rules_offset, s->rules_size, &s->matcher);
	if (r == -ENOMEM) /* there may be more another time */
		return r;
	(void) close(s->fd);
	s->fd = -1;
	return r;
}

/* ---- what is searched ---- */

static bool is_over(struct search *s)
{
	if (s->left == 0 || clock_boot_usec() > s->deadline_usec)
		s->cut = true;
	return s->cut;
}

static int search_range(struct search *s, const struct range *range)
{
	struct matcher *m = s->scanner->matcher;
	uint64_t at = range->offset, left = range->size;
	int r = matcher_seek(m, at);

	while (r == 0 && left > 0 && !is_over(s)) {
		size_t room;
		uint8_t *to = matcher_room(m, &room);
		ssize_t n;

		if (room > left)
			room = (size_t) left;
		if (room > s->left)
			room = (size_t) s->left;
		n = fd_pread_full(s->view->fd, to, room, (off_t) at);
		if (n < (ssize_t) room)
			s->facts->have |= FACTS_PAYLOAD_REFUSED;
		if (n <= 0)
			break;
		r = matcher_add(m, (size_t) n);
		at += (uint64_t) n;
		s->left -= (uint64_t) n;
		left = (size_t) n < room ? 0 : left - (uint64_t) n;
	}
	return r;
}

static struct search *search_of(struct content_sink *sink)
{
	return (struct search *) ((char *) sink - offsetof(struct search, unpacked));
}

static int on_entry(struct content_sink *sink, const char *name, uint64_t size)
{
	struct search *s = search_of(sink);
	int r = matcher_seek(s->scanner->matcher, s->at);

	(void) name;
	(void) size;
	if (r < 0)
		return r;
	return is_over(s) ? -ECANCELED : 1;
}

static int on_bytes(struct content_sink *sink, const uint8_t *bytes, size_t n)
{
	struct search *s = search_of(sink);
	struct matcher *m = s->scanner->matcher;
	int r = 0;

	while (r == 0 && n > 0) {
		size_t room;
		uint8_t *to = matcher_room(m, &room);

		if (is_over(s))
			return -ECANCELED;
		if (room > n)
			room = n;
		if (room > s->left)
			room = (size_t) s->left;
		memcpy(to, bytes, room);
		r = matcher_add(m, room);
		bytes += room;
		n -= room;
		s->at += room;
		s->left -= room;
	}
	return r;
}

static void search_packed(struct search *s, const struct payload *p)
{
	int r = 0;

	s->unpacked = (struct content_sink){ .begin = on_entry, .bytes = on_bytes };
	s->at = s->view->size;
	switch (p->packing) {
	case PAYLOAD_PLAIN:
		break;
	case PAYLOAD_ZIP:
		r = archive_read(s->view, &s->unpacked);
		break;
	case PAYLOAD_SQUASHFS:
		r = squash_read(s->view, &p->packed, &s->unpacked);
		break;
	}
	if (r < 0 && !s->cut)
		s->facts->have |= FACTS_PAYLOAD_REFUSED;
}

static void search_payload(struct search *s, const struct payload *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n_ranges && r == 0; i++)
		r = search_range(s, &p->ranges[i]);
	if (r == 0)
		search_packed(s, p);
}

/* ---- what is found ---- */

/* The admitted signature of that name, or n_signatures. */
static uint32_t find_signature(const struct search *s, const char *name)
{
	const struct scanner *c = s->scanner;
	uint32_t i = 0;

	while (i < c->n_signatures && strcmp(c->signatures[i].name, name) != 0)
		i++;
	if (i < c->n_signatures &&
		!signature_admits(
			&c->signatures[i], (enum file_class) s->facts->class, s->facts->size))
		return c->n_signatures;
	return i;
}

static void on_rule(struct matcher_sink *sink, const char *name)
{
	struct search *s = (struct search *) sink; /* it comes first */

	s->matched[find_signature(s, name)] = true;
}

static void on_text(struct matcher_sink *sink, const char *name, const uint8_t *text, size_t n)
{
	struct search *s = (struct search *) sink; /* it comes first */
	const uint32_t i = find_signature(s, name + strlen(SIGNATURE_VERSION_PREFIX));
	struct versions *v;

	if (i == s->scanner->n_signatures)
		return;
	if (!s->versions[i]) {
		v = malloc(sizeof(*v));
		if (!v || versions_init(v, s->scanner->signatures[i].version) < 0) {
			free(v);
			return;
		}
		s->versions[i] = v;
	}
	versions_add(s->versions[i], text, n);
}

static void add_match(struct facts *f, uint32_t signature, const char *version)
{
	struct signature_match *m = &f->signatures[f->n_signatures++];

	m->signature = signature;
	(void) memcpy(m->version, version, strlen(version) + 1);
}

/* Every signature comes before any gets a second version. */
static void report(struct search *s)
{
	struct facts *f = s->facts;
	uint32_t n_matched = 0;

	for (uint32_t i = 0; i < s->scanner->n_signatures; i++)
		n_matched += s->matched[i];
	for (uint32_t i = 0; i < s->scanner->n_signatures; i++) {
		const struct versions *v = s->versions[i];
		const size_t n = v && !v->too_many ? v->n : 0;

		if (!s->matched[i] || f->n_signatures == FACTS_SIGNATURES_MAX)
			continue;
		n_matched--;
		if (n == 0 || f->n_signatures + n + n_matched > FACTS_SIGNATURES_MAX)
			add_match(f, i, n == 1 ? v->version[0] : "");
		else
			for (size_t k = 0; k < n; k++)
				add_match(f, i, v->version[k]);
	}
}

/* ---- one file ---- */

static void put_off(struct search *s)
{
	s->facts->have |= FACTS_SCAN_LATER;
	s->facts->policy_id = s->scanner->policy_id;
}

static void finish(struct search *s, enum message_scan scan, int r)
{
	struct facts *f = s->facts;

	if (r == 0) {
		f->have |= FACTS_SCANNED;
		f->policy_id = s->scanner->policy_id;
		report(s);
	}
	if (scan == SCAN_ANSWER && (s->cut || r == -ETIMEDOUT))
		put_off(s);
	else if (r < 0 || s->cut)
		f->have |= FACTS_PAYLOAD_REFUSED;
}

static void search_in(struct search *s, const struct payload *p, enum message_scan scan)
{
	const unsigned sec = scan == SCAN_ANSWER ? SCANNER_ANSWER_SEC : SCANNER_ALL_SEC;
	struct matcher *m = s->scanner->matcher;

	s->left = scan == SCAN_ANSWER ? SCANNER_PAYLOAD_ANSWER_MAX : SCANNER_ALL_MAX;
	/* libyara's own bound comes second: it ends a search without a result. */
	if (matcher_begin(m, s->view->head, s->view->n_head, s->view->size, sec + 1) == 0)
		search_payload(s, p);
	finish(s, scan, matcher_end(m, &s->sink));
}

/* A program whose payload shows nothing may carry another one, which the tables that it was found
 * by do not speak of. */
static int search_rest(struct search *s, enum message_scan scan)
{
	_cleanup_(payload_done) struct payload all = { 0 };
	int r;

	if (scan == SCAN_ANSWER) {
		put_off(s);
		return 0;
	}
	r = payload_whole(s->view, &all);
	if (r == 0)
		search_in(s, &all, scan);
	return r;
}

static int search_file(struct search *s, const struct payload *p, enum message_scan scan)
{
	const unsigned sec = scan == SCAN_ANSWER ? SCANNER_ANSWER_SEC : SCANNER_ALL_SEC;

	s->deadline_usec = clock_boot_usec() + sec * USEC_PER_SEC;
	search_in(s, p, scan);
	return p->has_rest && s->facts->n_signatures == 0 && !s->cut ? search_rest(s, scan) : 0;
}

static bool admits_any(const struct scanner *s, const struct facts *f)
{
	for (uint32_t i = 0; i < s->n_signatures; i++)
		if (signature_admits(&s->signatures[i], (enum file_class) f->class, f->size))
			return true;
	return false;
}

static int search_init(struct search *s, const struct scanner *c)
{
	s->sink = (struct matcher_sink){ .rule = on_rule, .text = on_text };
	s->scanner = c;
	s->matched = calloc(c->n_signatures + 1, sizeof(*s->matched));
	s->versions = calloc(c->n_signatures + 1, sizeof(struct versions *));
	return s->matched && s->versions ? 0 : -ENOMEM;
}

static void search_done(struct search *s)
{
	if (!s->scanner)
		return;
	for (uint32_t i = 0; s->versions && i < s->scanner->n_signatures; i++) {
		if (s->versions[i])
			versions_done(s->versions[i]);
		free(s->versions[i]);
	}
	free((void *) s->versions);
	free(s->matched);
}

int scanner_scan(struct scanner *s, const struct view *v, enum message_scan scan, struct facts *f)
{
	_cleanup_(payload_done) struct payload payload = { 0 };
	_cleanup_(search_done) struct search search = { .view = v, .facts = f };
	int r;

	if (scan == SCAN_NONE || !admits_any(s, f))
		return 0;
	r = payload_find(v, f, &payload);
	if (r < 0)
		return r;
	if (payload.damaged)
		f->have |= FACTS_PAYLOAD_REFUSED;
	r = search_init(&search, s);
	if (r < 0)
		return r;
	if (scan == SCAN_ANSWER && payload.whole && payload.size > SCANNER_FILE_ANSWER_MAX) {
		put_off(&search);
		return 0;
	}
	r = load_rules(s);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return search_file(&search, &payload, scan);
	f->have |= FACTS_PAYLOAD_REFUSED;
	return 0;
}
