#include "policy/source/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/base/text.h"

enum {
	TAB_WIDTH = 8,
	WINDOW_BEFORE = 40, /* code points kept before the caret when a line is too long */
	PIECE_MAX = 16,     /* bytes that one code point takes when escaped */
};

struct message {
	struct place at;
	enum message_level level;
	uint32_t number; /* in order of arrival: the second key of the order */
	char *text;
};

struct messages {
	uint32_t count[_MESSAGE_LEVEL_MAX]; /* all there were */
	size_t n;
	struct message kept[MESSAGES_MAX * _MESSAGE_LEVEL_MAX];
};

int messages_new(struct messages **ret)
{
	struct messages *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*ret = m;
	return 0;
}

struct messages *messages_free(struct messages *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		free(m->kept[i].text);
	free(m);
	return NULL;
}

void messages_add(
	struct messages *m, enum message_level level, struct place at, const char *format, ...)
{
	char text[MESSAGE_TEXT_MAX];
	char *copy;
	va_list ap;

	if (m->count[level]++ >= MESSAGES_MAX)
		return;
	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	copy = strdup(text);
	if (!copy)
		return;
	m->kept[m->n] = (struct message){
		.at = at, .level = level, .number = (uint32_t) m->n, .text = copy
	};
	m->n++;
}

uint32_t messages_count(const struct messages *m, enum message_level level)
{
	return m->count[level];
}

/* Bytes of the line break at @s, 0 when there is none. */
static size_t break_length(const char *s, size_t n)
{
	if (s[0] == '\n')
		return 1;
	if (s[0] == '\r')
		return n > 1 && s[1] == '\n' ? 2 : 1;
	if (n > 1 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (n > 2 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

static size_t step(const char *s, size_t n)
{
	uint32_t c;

	return text_utf8_decode(s, n, &c) ?: 1;
}

struct place message_place(const struct source *s, size_t offset)
{
	struct place at = { .source = s, .line = s->lines_before + 1, .column = 1 };

	for (size_t i = 0, k; i < s->size && i < offset; i += k) {
		k = break_length(s->text + i, s->size - i);
		if (k > 0) {
			at.line++;
			at.column = 1;
		} else {
			k = step(s->text + i, s->size - i);
			at.column++;
		}
	}
	return at;
}

bool source_check(struct source *s, struct messages *m, size_t max)
{
	uint32_t c;

	if (s->size > max) {
		message_error(m, (struct place){ .source = s },
			"the file is larger than %zu MiB; split it into several files", max >> 20);
		return false;
	}
	if (s->size >= 3 && !memcmp(s->text, "\xef\xbb\xbf", 3)) {
		s->text += 3;
		s->size -= 3;
	}
	for (size_t i = 0, k; i < s->size; i += k) {
		k = text_utf8_decode(s->text + i, s->size - i, &c);
		if (k == 0) {
			message_error(m, message_place(s, i),
				"the byte 0x%02x here is not UTF-8; save the file as UTF-8",
				(unsigned char) s->text[i]);
			return false;
		}
	}
	return true;
}

/* The beginning of a line. Messages come sorted, so that one search goes on from the last. */
struct cursor {
	const struct source *source;
	uint32_t line;
	size_t offset;
};

static bool find_start(struct cursor *c, struct place at)
{
	const char *s = at.source->text;
	size_t n = at.source->size;

	if (c->source != at.source || c->line > at.line)
		*c = (struct cursor){ .source = at.source, .line = at.source->lines_before + 1 };
	while (c->offset < n && c->line < at.line) {
		size_t k = break_length(s + c->offset, n - c->offset);

		c->line += k > 0;
		c->offset += k ?: 1;
	}
	return c->line == at.line;
}

/* Finds the line (without its break) that @at is on, and where in it the column is. */
static bool find_line(struct cursor *c, struct place at, const char **ret_line, size_t *ret_size,
	size_t *ret_caret)
{
	const char *s = at.source->text;
	size_t n = at.source->size, i, start;
	uint32_t column = 1;

	if (!find_start(c, at))
		return false;
	start = i = c->offset;
	*ret_caret = SIZE_MAX;
	for (; i < n && !break_length(s + i, n - i); i += step(s + i, n - i), column++)
		if (column == at.column)
			*ret_caret = i - start;
	*ret_line = s + start;
	*ret_size = i - start;
	if (*ret_caret == SIZE_MAX)
		*ret_caret = *ret_size;
	return true;
}

/* Where to begin showing a line so that its caret is in the window. */
static size_t window_start(const char *line, size_t caret)
{
	size_t start = caret, before = 0;

	while (start > 0 && before < WINDOW_BEFORE) {
		do
			start--;
		while (start > 0 && ((unsigned char) line[start] & 0xc0) == 0x80);
		before++;
	}
	return start;
}

static size_t columns_before(const char *line, size_t caret)
{
	size_t columns = 0;

	for (size_t i = 0, k; i < caret && columns < MESSAGE_WINDOW_MAX; i += k) {
		k = step(line + i, caret - i);
		columns += line[i] == '\t' ? TAB_WIDTH - columns % TAB_WIDTH : 1;
	}
	return columns;
}

/* One code point as it is shown; @columns is where it would stand. */
static void show(const char *s, size_t n, size_t columns, char out[PIECE_MAX])
{
	char one[8];

	if (s[0] == '\t') {
		(void) snprintf(out, PIECE_MAX, "%*s", (int) (TAB_WIDTH - columns % TAB_WIDTH), "");
		return;
	}
	(void) snprintf(one, sizeof(one), "%.*s", (int) n, s);
	text_escape(one, out, PIECE_MAX);
}

static void print_line(FILE *f, struct cursor *c, struct place at)
{
	const char *line;
	size_t size, caret, i, columns = 0, caret_column = 0;
	char piece[PIECE_MAX];

	if (!at.source || at.line == 0 || !find_line(c, at, &line, &size, &caret))
		return;
	i = columns_before(line, caret) < MESSAGE_WINDOW_MAX - 8 ? 0 : window_start(line, caret);
	(void) fprintf(f, "%7u | %s", at.line, i > 0 ? "..." : "");
	columns = i > 0 ? 3 : 0;
	for (size_t k; i < size; i += k) {
		size_t wide;

		if (i <= caret)
			caret_column = columns;
		k = step(line + i, size - i);
		show(line + i, k, columns, piece);
		wide = text_columns(piece);
		if (columns + wide > MESSAGE_WINDOW_MAX) {
			(void) fputs("...", f);
			break;
		}
		(void) fputs(piece, f);
		columns += wide;
	}
	if (i >= size && caret >= size)
		caret_column = columns;
	(void) fprintf(f, "\n        | %*s^\n", (int) caret_column, "");
}

static void print_message(FILE *f, struct cursor *c, const struct message *message)
{
	static const char *const words[_MESSAGE_LEVEL_MAX] = {
		[MESSAGE_ERROR] = "error",
		[MESSAGE_WARNING] = "warning",
	};
	char escaped[6 * MESSAGE_TEXT_MAX];

	if (message->at.source) {
		text_escape(message->at.source->name, escaped, sizeof(escaped));
		(void) fprintf(f, "%s:", escaped);
		if (message->at.line > 0)
			(void) fprintf(f, "%u:%u:", message->at.line, message->at.column);
		(void) fputc(' ', f);
	}
	text_escape(message->text, escaped, sizeof(escaped));
	(void) fprintf(f, "%s: %s\n", words[message->level], escaped);
	print_line(f, c, message->at);
}

static int by_place(const void *x, const void *y)
{
	const struct message *a = x, *b = y;
	uint32_t first = a->at.source ? a->at.source->order : 0;
	uint32_t second = b->at.source ? b->at.source->order : 0;

	if (!a->at.source != !b->at.source)
		return a->at.source ? 1 : -1;
	if (first != second)
		return first < second ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.column != b->at.column)
		return a->at.column < b->at.column ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void print_rest(FILE *f, const struct messages *m)
{
	for (int level = 0; level < _MESSAGE_LEVEL_MAX; level++)
		if (m->count[level] > MESSAGES_MAX)
			(void) fprintf(f, "%u more %s not shown\n", m->count[level] - MESSAGES_MAX,
				level == MESSAGE_ERROR ? "errors" : "warnings");
}

int messages_format(struct messages *m, size_t max, char **ret)
{
	_cleanup_free_ char *text = NULL;
	struct cursor cursor = { 0 };
	size_t size = 0, whole = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	qsort(m->kept, m->n, sizeof(m->kept[0]), by_place);
	for (size_t i = 0; i < m->n; i++) {
		print_message(f, &cursor, &m->kept[i]);
		if (fflush(f) != 0 || size > max)
			break;
		whole = size;
	}
	if (size <= max) {
		print_rest(f, m);
		if (fflush(f) == 0 && size <= max)
			whole = size;
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	text[whole] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][MESSAGE_WORD_MAX + 2], n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= m; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1,
				last[j - 1] + (strncasecmp(a + i - 1, b + j - 1, 1) != 0));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *message_closest(
	const char *word, const char *const *candidates, size_t n, size_t stride)
{
	const char *best = NULL;
	size_t best_distance = least(strlen(word) / 3 + 1, MESSAGE_DISTANCE_MAX) + 1;

	if (strlen(word) > MESSAGE_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *c = *(const char *const *) ((const char *) candidates + i * stride);
		size_t d;

		if (strlen(c) > MESSAGE_WORD_MAX)
			continue;
		d = distance(word, c);
		if (d < best_distance && d < strlen(c)) {
			best = c;
			best_distance = d;
		}
	}
	return best;
}
