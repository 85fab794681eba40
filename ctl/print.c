/*
 * Runs in proscribectl. Widths are columns on the terminal, not bytes.
 */
#include "ctl/print.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

enum {
	PROGRESS_AFTER_USEC = 1000000,
	PROGRESS_EVERY_USEC = 200000,
	ESCAPE_GROWTH = 10, /* the longest escape of one byte or code point is \U0010ffff */
};

static unsigned width_of(FILE *f)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	unsigned long n = 0;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		n = size.ws_col;
	else if (columns)
		n = strtoul(columns, NULL, 10);
	if (n == 0 || n > PRINT_COLUMNS_MAX)
		n = PRINT_COLUMNS_DEFAULT;
	return n < PRINT_COLUMNS_MIN ? PRINT_COLUMNS_MIN : (unsigned) n;
}

void print_style(FILE *f, struct style *ret)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	ret->columns = width_of(f);
	ret->colour = ret->columns > 0 && !(no_colour && *no_colour) && term &&
		strcmp(term, "dumb") != 0;
}

static char *escaped(const char *s)
{
	size_t size = strlen(s) * ESCAPE_GROWTH + 1;
	char *out = malloc(size), *fitting;

	if (!out)
		return NULL;
	size = text_escape(s, out, size) + 1;
	fitting = realloc(out, size);
	return fitting ? fitting : out;
}

static void print_raw(FILE *f, const struct style *style, enum tint tint, const char *s)
{
	static const char *const codes[_TINT_MAX] = {
		[TINT_BOLD] = "1",
		[TINT_GOOD] = "32",
		[TINT_BAD] = "1;31",
		[TINT_WARN] = "33",
		[TINT_DIM] = "2",
	};

	if (style->colour && codes[tint])
		(void) fprintf(f, "\033[%sm%s\033[0m", codes[tint], s);
	else
		(void) fputs(s, f);
}

void print_text(FILE *f, const struct style *style, enum tint tint, const char *s)
{
	_cleanup_free_ char *text = escaped(s);

	print_raw(f, style, tint, text ? text : "?");
}

static void print_spaces(FILE *f, size_t n)
{
	(void) fprintf(f, "%*s", (int) n, "");
}

void print_labelled(FILE *f, const struct style *style, unsigned indent, unsigned label_columns,
	const char *label, enum tint tint, const char *text)
{
	_cleanup_free_ char *words = escaped(text);
	size_t start = indent + label_columns, at = start, label_width = text_columns(label);
	char *save = NULL;
	bool first = true;

	if (!words)
		return;
	print_spaces(f, indent);
	print_raw(f, style, TINT_DIM, label);
	print_spaces(f, label_width < label_columns ? label_columns - label_width : 0);
	if (style->columns == 0) {
		print_raw(f, style, tint, words);
		(void) fputc('\n', f);
		return;
	}
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		size_t n = text_columns(w);

		if (!first && at + 1 + n > style->columns) {
			(void) fputc('\n', f);
			print_spaces(f, start);
			at = start;
		} else if (!first) {
			(void) fputc(' ', f);
			at++;
		}
		print_raw(f, style, tint, w);
		at += n;
		first = false;
	}
	(void) fputc('\n', f);
}

static char *cut_escaped(const char *s, unsigned columns, bool keep_end)
{
	static const char ellipsis[] = "…";
	size_t length = strlen(s), start = 0, end = length;
	char *out;

	if (text_columns(s) <= columns || columns == 0)
		return strdup(columns == 0 ? "" : s);
	/* Whole code points go, from the end that matters less, until the rest has room. */
	out = malloc(length + sizeof(ellipsis));
	if (!out)
		return NULL;
	do {
		if (keep_end)
			do
				start++;
			while (start < end && (s[start] & 0xc0) == 0x80);
		else
			do
				end--;
			while (end > start && (s[end] & 0xc0) == 0x80);
		memcpy(out, s + start, end - start);
		out[end - start] = '\0';
	} while (start < end && text_columns(out) > columns - 1);
	if (keep_end) {
		memmove(out + sizeof(ellipsis) - 1, out, end - start + 1);
		memcpy(out, ellipsis, sizeof(ellipsis) - 1);
	} else {
		memcpy(out + (end - start), ellipsis, sizeof(ellipsis));
	}
	return out;
}

char *print_cut(const char *s, unsigned columns, bool keep_end)
{
	_cleanup_free_ char *text = escaped(s);

	return text ? cut_escaped(text, columns, keep_end) : NULL;
}

void print_size(uint64_t bytes, char out[PRINT_SIZE_SIZE])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double) bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		(void) snprintf(out, PRINT_SIZE_SIZE, "%u bytes", (unsigned) bytes);
		return;
	}
	for (n /= 1000; n >= 999.95 && unit + 1 < ARRAY_SIZE(units); unit++)
		n /= 1000;
	(void) snprintf(out, PRINT_SIZE_SIZE, "%.1f %s", n, units[unit]);
}

void print_time(int64_t utc_nsec, char out[PRINT_TIME_SIZE])
{
	time_t t = (time_t) (utc_nsec / NSEC_PER_SEC);
	struct tm tm = { 0 };

	(void) localtime_r(&t, &tm);
	(void) strftime(out, PRINT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
}

/* ---- tables ---- */

struct row {
	enum tint tint;
	char *cells[TABLE_COLUMNS_MAX]; /* escaped */
};

struct table {
	size_t n_columns, n_rows;
	struct table_column columns[TABLE_COLUMNS_MAX];
	unsigned natural[TABLE_COLUMNS_MAX];
	struct row *rows;
};

int table_new(const struct table_column *columns, size_t n, struct table **ret)
{
	struct table *t;

	if (n == 0 || n > TABLE_COLUMNS_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->n_columns = n;
	memcpy(t->columns, columns, n * sizeof(*columns));
	for (size_t i = 0; i < n; i++)
		t->natural[i] = (unsigned) text_columns(columns[i].header);
	*ret = t;
	return 0;
}

struct table *table_free(struct table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_rows; i++)
		for (size_t k = 0; k < t->n_columns; k++)
			free(t->rows[i].cells[k]);
	free(t->rows);
	free(t);
	return NULL;
}

int table_add(struct table *t, enum tint tint, const char *const cells[])
{
	struct row *rows = reallocarray(t->rows, t->n_rows + 1, sizeof(*rows)), *row;

	if (!rows)
		return -ENOMEM;
	t->rows = rows;
	row = &rows[t->n_rows++];
	*row = (struct row){ .tint = tint };
	for (size_t k = 0; k < t->n_columns; k++) {
		unsigned n;

		row->cells[k] = escaped(cells[k] ? cells[k] : "");
		if (!row->cells[k])
			return -ENOMEM;
		n = (unsigned) text_columns(row->cells[k]);
		if (n > t->natural[k])
			t->natural[k] = n;
	}
	return 0;
}

enum { TABLE_GAP = 2 };

static unsigned total_of(const unsigned widths[], size_t n)
{
	unsigned total = 0;

	for (size_t i = 0; i < n; i++)
		total += widths[i] ? widths[i] + (total ? TABLE_GAP : 0) : 0;
	return total;
}

static unsigned least_of(const struct table *t, size_t k)
{
	return t->natural[k] < t->columns[k].least ? t->natural[k] : t->columns[k].least;
}

/* Width 0: the column is left out. Columns are dropped until the least widths fit; then the widest
 * column that may still shrink gives, one by one. */
static void fit(const struct table *t, unsigned room, unsigned widths[])
{
	unsigned least[TABLE_COLUMNS_MAX];

	for (size_t k = 0; k < t->n_columns; k++) {
		widths[k] = t->natural[k];
		least[k] = least_of(t, k);
	}
	if (room == 0)
		return;
	for (size_t k = t->n_columns; k-- > 0 && total_of(least, t->n_columns) > room;)
		if (t->columns[k].droppable)
			widths[k] = least[k] = 0;
	while (total_of(widths, t->n_columns) > room) {
		size_t widest = TABLE_COLUMNS_MAX;

		for (size_t k = 0; k < t->n_columns; k++)
			if (widths[k] > (least[k] ? least[k] : 1) &&
				(widest == TABLE_COLUMNS_MAX || widths[k] > widths[widest]))
				widest = k;
		if (widest == TABLE_COLUMNS_MAX)
			return; /* narrower than the least: lines run over */
		widths[widest]--;
	}
}

static int print_cells(const struct table *t, FILE *f, const struct style *style,
	const unsigned widths[], enum tint tint, const char *const cells[])
{
	size_t owed = 0; /* spaces, printed only when a cell follows: no blanks at line ends */

	for (size_t k = 0; k < t->n_columns; k++) {
		_cleanup_free_ char *cell = NULL;
		size_t n;

		if (widths[k] == 0)
			continue;
		cell = cut_escaped(cells[k], widths[k], t->columns[k].keep_end);
		if (!cell)
			return -ENOMEM;
		n = text_columns(cell);
		if (n > 0) {
			print_spaces(f, owed);
			print_raw(f, style, tint, cell);
			owed = 0;
		}
		owed += widths[k] - n + TABLE_GAP;
	}
	(void) fputc('\n', f);
	return 0;
}

int table_print(const struct table *t, FILE *f, const struct style *style, unsigned indent)
{
	const char *headers[TABLE_COLUMNS_MAX];
	unsigned widths[TABLE_COLUMNS_MAX];
	int r;

	for (size_t k = 0; k < t->n_columns; k++)
		headers[k] = t->columns[k].header;
	fit(t, style->columns > indent ? style->columns - indent : style->columns, widths);
	print_spaces(f, indent);
	r = print_cells(t, f, style, widths, TINT_DIM, headers);
	for (size_t i = 0; r == 0 && i < t->n_rows; i++) {
		print_spaces(f, indent);
		r = print_cells(t, f, style, widths, t->rows[i].tint,
			(const char *const *) t->rows[i].cells);
	}
	return r;
}

/* ---- progress ---- */

void progress_start(struct progress *p, FILE *f)
{
	*p = (struct progress){
		.f = f, .terminal = isatty(fileno(f)), .started_usec = clock_boot_usec()
	};
}

void progress_show(struct progress *p, const char *head, const char *what)
{
	uint64_t now = clock_boot_usec();
	_cleanup_free_ char *cut = NULL, *rest = NULL;
	unsigned width, used;

	if (!p->terminal || now - p->started_usec < PROGRESS_AFTER_USEC ||
		now - p->drawn_usec < PROGRESS_EVERY_USEC)
		return;
	p->drawn_usec = now;
	p->shown = true;
	width = width_of(p->f);
	cut = print_cut(head, width > 1 ? width - 1 : 1, false);
	used = cut ? (unsigned) text_columns(cut) : 0;
	if (used + 2 < width)
		rest = print_cut(what, width - used - 1, true);
	(void) fprintf(p->f, "\r\033[K%s%s", cut ? cut : "", rest ? rest : "");
	(void) fflush(p->f);
}

void progress_tick(struct progress *p, const char *what, uint64_t done, uint64_t all)
{
	uint64_t seconds = (clock_boot_usec() - p->started_usec) / USEC_PER_SEC;
	char count[64] = "";

	if (all > 1)
		(void) snprintf(count, sizeof(count), "%llu of %llu, ", (unsigned long long) done,
			(unsigned long long) all);
	(void) snprintf(count + strlen(count), sizeof(count) - strlen(count),
		"%llu s: ", (unsigned long long) seconds);
	progress_show(p, count, what);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		(void) fputs("\r\033[K", p->f);
	(void) fflush(p->f);
	p->shown = false;
}

void print_messages(const char *messages)
{
	_cleanup_free_ char *copy = strdup(messages);
	struct style style;
	char *save = NULL;

	print_style(stderr, &style);
	for (char *s = copy ? strtok_r(copy, "\n", &save) : NULL; s;
		s = strtok_r(NULL, "\n", &save)) {
		print_text(stderr, &style, TINT_NONE, s);
		(void) fputc('\n', stderr);
	}
}
