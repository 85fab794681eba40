#include "policy/source/list.h"

#include <inttypes.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

#define TOO_LONG "this line is longer than 1024 bytes: this is not a list of hashes"

struct reader {
	struct list *list;
	struct messages *m;
	list_take take;
	void *context;
	uint32_t line;
	bool ended; /* what follows cannot be a list */
	uint64_t n_taken;
	uint32_t n_bad, first_hidden; /* line of the first bad one that is not shown */
};

void list_done(struct list *l)
{
	free(l->complaints);
	l->complaints = NULL;
	l->n_complaints = 0;
}

/* @at: where in the line it is wrong. */
static int complain(
	struct reader *r, const char *line, size_t n, const char *at, const char *problem)
{
	struct list *l = r->list;
	struct list_complaint *c;
	struct place place;

	if (l->complained)
		return 0;
	if (r->n_bad++ >= LIST_COMPLAINTS_MAX) {
		r->first_hidden = r->first_hidden ?: r->line;
		return 0;
	}
	if (!l->complaints)
		l->complaints = calloc(LIST_COMPLAINTS_MAX, sizeof(*l->complaints));
	if (!l->complaints)
		return -ENOMEM;
	c = &l->complaints[l->n_complaints++];
	n = n < LIST_LINE_MAX ? n : LIST_LINE_MAX;
	memcpy(c->text, line, n);
	c->source = l->source;
	c->source.text = c->text;
	c->source.size = n;
	c->source.lines_before = r->line - 1;
	place = message_place(&c->source, (size_t) (at - line));
	message_error(r->m, place, "%s", problem);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct field {
	const char *s;
	size_t n;
};

/* Takes the next word off [*s, end). */
static struct field next_field(const char **s, const char *end)
{
	struct field f;

	while (*s < end && is_blank(**s))
		(*s)++;
	f.s = *s;
	while (*s < end && !is_blank(**s))
		(*s)++;
	f.n = (size_t) (*s - f.s);
	if (f.n > 0 && *f.s == '#') { /* a comment, up to the end */
		*s = end;
		f.n = 0;
	}
	return f;
}

static bool parse_digest(struct field f, uint8_t digest[SHA256_SIZE])
{
	return f.n == 2 * (size_t) SHA256_SIZE && text_unhex_digits(f.s, digest, SHA256_SIZE) == 0;
}

static bool parse_size(struct field f, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < f.n; i++)
		if (f.s[i] < '0' || f.s[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t) (f.s[i] - '0'), &value))
			return false;
	*ret = value;
	return value > 0 && value <= INT64_MAX;
}

/* As schema_text() wants a version. */
static bool parse_version(struct field f, char version[PACKAGE_VERSION_MAX + 1])
{
	uint32_t c;

	if (f.n > PACKAGE_VERSION_MAX)
		return false;
	for (size_t i = 0, k; i < f.n; i += k) {
		k = text_utf8_decode(f.s + i, f.n - i, &c);
		if (k == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
	}
	memcpy(version, f.s, f.n);
	version[f.n] = '\0';
	return true;
}

static int read_line(struct reader *r, const char *line, size_t n)
{
	const char *s = line, *end = line + n;
	struct field digest_field = next_field(&s, end), size_field = next_field(&s, end);
	struct field version_field = next_field(&s, end), rest = next_field(&s, end);
	char version[PACKAGE_VERSION_MAX + 1];
	uint8_t digest[SHA256_SIZE];
	uint64_t size;

	if (digest_field.n == 0)
		return 0;
	if (n > LIST_LINE_MAX)
		return complain(r, line, n, line, TOO_LONG);
	if (!parse_digest(digest_field, digest))
		return complain(r, line, n, digest_field.s,
			"a line begins with a sha256, which has exactly 64 digits, 0 to 9 and a to "
			"f");
	if (size_field.n == 0)
		return complain(r, line, n, size_field.s,
			"the size of the file in bytes is missing behind the sha256");
	if (!parse_size(size_field, &size))
		return complain(r, line, n, size_field.s,
			"the size of a file is a whole number of bytes, at least 1");
	if (!parse_version(version_field, version))
		return complain(r, line, n, version_field.s,
			"a version has at most 256 bytes of UTF-8 without control characters");
	if (rest.n > 0)
		return complain(r, line, n, rest.s,
			"a line is a sha256, a size and a version; what stands here is too much (a "
			"comment begins with #)");
	r->n_taken++;
	return r->take(r->context, digest, size, version);
}

/* Not even a comment is as long as a block: no more is read, whatever stands behind it. */
static int complain_endless(struct reader *r, const char *line)
{
	r->ended = true;
	return complain(r, line, LIST_LINE_MAX, line, TOO_LONG);
}

/* Reads the whole lines in @block; *ret: how many bytes they are. @last: an end is a line's end. */
static int read_lines(struct reader *r, const char *block, size_t n, bool last, size_t *ret)
{
	size_t at = 0;
	int k = 0;

	while (k == 0 && !r->ended && at < n) {
		const char *line = block + at, *end = memchr(line, '\n', n - at);

		if (!end && !last && n - at < LIST_BLOCK_SIZE)
			break;
		end = end ?: block + n;
		r->line++;
		k = end - line < LIST_BLOCK_SIZE ? read_line(r, line, (size_t) (end - line))
						 : complain_endless(r, line);
		at = (size_t) (end - block) + 1;
	}
	*ret = at < n ? at : n;
	return k;
}

/* How many bytes a byte order mark takes at the beginning. */
static size_t mark_size(const char *text, size_t n)
{
	return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static int read_memory(struct reader *r, const char *text, size_t n)
{
	size_t mark = mark_size(text, n);

	return read_lines(r, text + mark, n - mark, true, &(size_t){ 0 });
}

static int read_blocks(struct reader *r, char *block)
{
	size_t have = 0, used;
	off_t offset = 0;
	bool last = false;
	int k = 0;

	while (k == 0 && !last && !r->ended) {
		ssize_t n = fd_pread_full(
			r->list->fd, block + have, LIST_BLOCK_SIZE - have, offset);

		if (n < 0)
			return (int) n;
		last = (size_t) n < LIST_BLOCK_SIZE - have;
		have += (size_t) n;
		used = offset == 0 ? mark_size(block, have) : 0;
		offset += n;
		have -= used;
		memmove(block, block + used, have);
		k = read_lines(r, block, have, last, &used);
		have -= used;
		memmove(block, block + used, have);
	}
	return k;
}

static int read_file(struct reader *r)
{
	_cleanup_free_ char *block = malloc(LIST_BLOCK_SIZE);

	return block ? read_blocks(r, block) : -ENOMEM;
}

int list_read(struct list *l, struct messages *m, list_take take, void *context)
{
	struct reader r = { .list = l, .m = m, .take = take, .context = context };
	int k = l->text ? read_memory(&r, l->text, l->size) : read_file(&r);

	if (k == 0 && !l->complained && r.n_bad == 0 && r.n_taken == 0)
		message_warning(m, (struct place){ .source = &l->source }, "this list is empty");
	if (r.first_hidden > 0)
		message_error(m,
			(struct place){ .source = &l->source, .line = r.first_hidden, .column = 1 },
			"from here on, %" PRIu32 " more lines of this list are wrong",
			r.n_bad - LIST_COMPLAINTS_MAX);
	l->complained = true;
	return k;
}
