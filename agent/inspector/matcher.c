/*
 * libyara pulls blocks from an iterator, but may be told that the next one is not ready: then it
 * returns, keeping what it found, and goes on when called again. So entries can be handed over as
 * they are unpacked. Runs inside the inspector.
 */
#include "agent/inspector/matcher.h"

#include <string.h>
#include <sys/mman.h>
#include <yara.h>

#include "agent/inspector/sieve.h"
#include "policy/base/fd.h"
#include "policy/image/signature.h"

enum {
	BUFFER_SIZE = MATCHER_BLOCK_SIZE,
	CHECK_STEP = 1 << 20, /* bytes after which the matches are counted */
};

struct matcher {
	YR_RULES *rules;
	struct sieve *sieve; /* NULL: every byte is searched */
	/* the search */
	YR_SCANNER *scanner;
	YR_MEMORY_BLOCK_ITERATOR iterator;
	YR_MEMORY_BLOCK block, head;
	bool taken, ending; /* the block was; no further one comes */
	struct matcher_sink *sink;
	int error;
	uint64_t file_size;
	uint8_t *buffer;
	size_t n;       /* bytes in the buffer, */
	size_t n_old;   /* the first of which were searched already */
	uint64_t base;  /* offset of the buffer's first byte */
	size_t counted; /* bytes since matches were counted */
};

static int error_of(int yara)
{
	switch (yara) {
	case ERROR_SUCCESS:
		return 0;
	case ERROR_INSUFFICIENT_MEMORY:
		return -ENOMEM;
	case ERROR_SCAN_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

int matcher_prepare(void)
{
	int r = yr_initialize();

	if (r == ERROR_SUCCESS)
		r = yr_set_configuration_uint32(YR_CONFIG_MAX_MATCH_DATA, MATCHER_TEXT_MAX);
	return error_of(r);
}

/* ---- rules ---- */

struct extent {
	int fd;
	uint64_t offset, left;
};

static size_t read_extent(void *buffer, size_t size, size_t count, void *context)
{
	struct extent *e = context;
	size_t n;

	if (size == 0 || count > e->left / size)
		return 0;
	n = size * count;
	if (e->offset > INT64_MAX ||
		fd_pread_full(e->fd, buffer, n, (off_t) e->offset) != (ssize_t) n)
		return 0;
	e->offset += n;
	e->left -= n;
	return count;
}

static bool is_version_rule(const YR_RULE *rule)
{
	return strncmp(rule->identifier, SIGNATURE_VERSION_PREFIX,
		       strlen(SIGNATURE_VERSION_PREFIX)) == 0;
}

/* In fast mode one match of a string is enough, unless its rule counts them; of versions all
 * matches are wanted, whatever the condition says. */
static void want_all_versions(const YR_RULES *rules)
{
	for (uint32_t i = 0; i < rules->num_strings; i++)
		if (is_version_rule(&rules->rules_table[rules->strings_table[i].rule_idx]))
			rules->strings_table[i].flags &= ~(uint32_t) STRING_FLAGS_SINGLE_MATCH;
}

/* How far from its atom what a rule's regular expressions match may lie: as far as libyara looks,
 * and as much of a version as is kept. */
static size_t reach_of(const YR_RULE *rule)
{
	return is_version_rule(rule) ? MATCHER_TEXT_MAX : YR_RE_SCAN_LIMIT;
}

int matcher_new(int fd, uint64_t offset, uint64_t size, struct matcher **ret)
{
	struct extent extent = { fd, offset, size };
	YR_STREAM stream = { .user_data = &extent, .read = read_extent };
	_cleanup_(matcher_freep) struct matcher *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	r = yr_rules_load_stream(&stream, &m->rules);
	if (r != ERROR_SUCCESS)
		return r == ERROR_INSUFFICIENT_MEMORY ? -ENOMEM : -EBADMSG;
	want_all_versions(m->rules);
	r = sieve_new(m->rules, reach_of, &m->sieve);
	if (r < 0 && r != -ENOTSUP)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

static void forget_search(struct matcher *m)
{
	if (m->scanner)
		yr_scanner_destroy(m->scanner);
	m->scanner = NULL;
	if (m->buffer)
		(void) munmap(m->buffer, BUFFER_SIZE);
	m->buffer = NULL;
}

struct matcher *matcher_free(struct matcher *m)
{
	if (!m)
		return NULL;
	forget_search(m);
	(void) sieve_free(m->sieve);
	if (m->rules)
		(void) yr_rules_destroy(m->rules);
	free(m);
	return NULL;
}

/* ---- what libyara asks for ---- */

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
	return block->context;
}

static uint64_t size_of_file(YR_MEMORY_BLOCK_ITERATOR *i)
{
	return ((const struct matcher *) i->context)->file_size;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *i)
{
	struct matcher *m = i->context;

	i->last_error = m->ending || !m->taken ? ERROR_SUCCESS : ERROR_BLOCK_NOT_READY;
	if (m->ending || m->taken)
		return NULL;
	m->taken = true;
	return &m->block;
}

/* Once all is searched, conditions ask for what lies at an offset. */
static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *i)
{
	struct matcher *m = i->context;

	if (!m->ending)
		return next_block(i);
	i->last_error = ERROR_SUCCESS;
	return &m->head;
}

/* libyara packs its matches without regard to alignment. */
static void tell_matches(struct matcher *m, const YR_RULE *rule, const YR_STRING *string)
{
	const void *next = m->scanner->matches[string->idx].head;
	YR_MATCH match;

	for (; next; next = match.next) {
		memcpy(&match, next, sizeof(match));
		m->sink->text(m->sink, rule->identifier, match.data, (size_t) match.data_length);
	}
	if (yr_bitmask_is_set(m->scanner->strings_temp_disabled, string->idx))
		m->sink->text(m->sink, rule->identifier, NULL, 0);
}

static void tell_texts(struct matcher *m, const YR_RULE *rule)
{
	const YR_STRING *string = rule->strings;

	for (; string; string = STRING_IS_LAST_IN_RULE(string) ? NULL : string + 1)
		tell_matches(m, rule, string);
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct matcher *m = user;

	(void) context;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	if (is_version_rule(data))
		tell_texts(m, data);
	else
		m->sink->rule(m->sink, ((const YR_RULE *) data)->identifier);
	return CALLBACK_CONTINUE;
}

/* ---- a search ---- */

/* Goes on with what there is; the search is over when that fails. */
static int search(struct matcher *m)
{
	int r = yr_scanner_scan_mem_blocks(m->scanner, &m->iterator);

	if (r != ERROR_BLOCK_NOT_READY)
		m->error = error_of(r);
	return m->error;
}

int matcher_begin(
	struct matcher *m, const uint8_t *head, size_t n_head, uint64_t size, unsigned timeout_sec)
{
	void *buffer = mmap(
		NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	m->buffer = buffer == MAP_FAILED ? NULL : buffer;
	m->n = m->n_old = m->counted = 0;
	m->base = 0;
	m->file_size = size;
	m->taken = true; /* there is no block yet */
	m->ending = false;
	m->head = (YR_MEMORY_BLOCK){
		.size = n_head, .context = (void *) (uintptr_t) head, .fetch_data = fetch
	};
	m->iterator = (YR_MEMORY_BLOCK_ITERATOR){
		.context = m, .first = first_block, .next = next_block, .file_size = size_of_file
	};
	m->error = -ENOMEM;
	if (!m->buffer || yr_scanner_create(m->rules, &m->scanner) != ERROR_SUCCESS)
		return m->error;
	m->error = 0;
	if (m->sieve)
		sieve_reset(m->sieve);
	yr_scanner_set_callback(m->scanner, on_message, m);
	yr_scanner_set_timeout(m->scanner, (int) timeout_sec);
	yr_scanner_set_flags(m->scanner,
		SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
	return search(m);
}

/* A file may repeat what a rule counts until memory runs out; libyara's own bound is too high. */
static void bound_matches(struct matcher *m)
{
	for (uint32_t i = 0; i < m->rules->num_strings; i++)
		if (m->scanner->matches[i].count >= MATCHER_MATCHES_MAX)
			yr_bitmask_set(m->scanner->strings_temp_disabled, i);
}

/* Zeros behind zeros that were searched: the holes of a sparse file. */
static bool is_hole(const struct matcher *m)
{
	return m->n_old == MATCHER_OVERLAP && m->buffer[0] == 0 &&
		memcmp(m->buffer, m->buffer + 1, m->n - 1) == 0;
}

/* Hands a part of the buffer over. */
static int search_part(struct matcher *m, size_t from, size_t to)
{
	m->block = (YR_MEMORY_BLOCK){ .size = to - from,
		.base = m->base + from,
		.context = m->buffer + from,
		.fetch_data = fetch };
	m->taken = false;
	return search(m);
}

/* Searches what is in the buffer, unless it was all searched before. */
static int flush(struct matcher *m)
{
	struct sieve_cursor cursor = { 0 };
	struct sieve_part part = { 0, m->n };
	int r = 0;

	if (m->error || m->n == m->n_old || is_hole(m))
		return m->error;
	if (!m->sieve)
		r = search_part(m, 0, m->n);
	else
		while (r == 0 && sieve_next(m->sieve, m->scanner, m->buffer, m->n, &cursor, &part))
			r = search_part(m, part.from, part.to);
	m->counted += m->n - m->n_old;
	m->n_old = m->n;
	if (r == 0 && m->counted >= CHECK_STEP) {
		m->counted = 0;
		bound_matches(m);
	}
	return m->error;
}

int matcher_seek(struct matcher *m, uint64_t offset)
{
	int r = flush(m);

	m->n = m->n_old = 0;
	m->base = offset;
	return r;
}

uint8_t *matcher_room(struct matcher *m, size_t *ret_n)
{
	*ret_n = BUFFER_SIZE - m->n;
	return m->buffer + m->n;
}

int matcher_add(struct matcher *m, size_t n)
{
	int r;

	m->n += n;
	if (m->n < BUFFER_SIZE)
		return m->error;
	r = flush(m);
	m->base += m->n - MATCHER_OVERLAP;
	memmove(m->buffer, m->buffer + m->n - MATCHER_OVERLAP, MATCHER_OVERLAP);
	m->n = m->n_old = MATCHER_OVERLAP;
	return r;
}

int matcher_end(struct matcher *m, struct matcher_sink *sink)
{
	int r = flush(m);

	m->ending = true;
	m->sink = sink;
	if (r == 0)
		r = search(m);
	m->sink = NULL;
	forget_search(m);
	return r;
}
