/*
 * The layout of a notice: pure, no terminal needed. Wraps by display columns, breaks between wide
 * East Asian characters, never inside a link. Texts come from the policy and from file names; both
 * are escaped before a byte of them is laid out.
 */
#include "agent/notice/notice.h"

#include <inttypes.h>
#include <string.h>

#include "policy/base/text.h"

enum {
	COLUMNS_ASSUMED = 80,
	STACKED_BELOW = 56, /* narrower terminals get "Label: text" instead of a label column */
	INDENT = 2,
	GAP = 2,
	TEXT_SHOWN_MAX = 256, /* bytes of a short text */
	REASON_SHOWN_MAX = 1536,
	LINK_SHOWN_MAX = 768,
	PATH_END_SHOWN = 200, /* bytes of either end of a long path */
	ESCAPE_MAX = 10,      /* text_escape() writes no more than this for one code point */
	TAIL_RESERVE = 320,   /* kept free for the event id and its command */
};

enum tone {
	TONE_NONE,
	TONE_REFUSED,
	TONE_UNJUDGED,
	TONE_WARNED,
	TONE_STOPPED,
	_TONE_MAX,
};

enum label {
	LABEL_OWNER,
	LABEL_REASON,
	LABEL_REFERENCE,
	LABEL_ALTERNATIVE,
	LABEL_FILE,
	LABEL_CONTACT,
	LABEL_ID,
	LABEL_COMMAND,
	_LABEL_MAX,
};

/* Every word of ours that an employee reads; {} stands for the name or the number. */
static const struct words {
	const char *language;
	const char *said[_TONE_MAX];
	const char *labels[_LABEL_MAX];
	const char *nameless;
	const char *refused_one, *refused_many, *other_one, *other_many;
} dictionary[] = {
	{
		.language = "en",
		.said = {
			[TONE_REFUSED] = "{} was not started.",
			[TONE_UNJUDGED] = "{} was not started: it could not be checked in time. "
					  "Please try again.",
			[TONE_WARNED] = "{} is on the high-risk software list. It runs this time.",
			[TONE_STOPPED] = "{} was stopped.",
		},
		.labels = {
			[LABEL_OWNER] = "Decided by",
			[LABEL_REASON] = "Why",
			[LABEL_REFERENCE] = "Reference",
			[LABEL_ALTERNATIVE] = "Use instead",
			[LABEL_FILE] = "File",
			[LABEL_CONTACT] = "Questions",
			[LABEL_ID] = "Event",
			[LABEL_COMMAND] = "Details",
		},
		.nameless = "A program",
		.refused_one = "1 more launch was not started; see proscribectl log",
		.refused_many = "{} more launches were not started; see proscribectl log",
		.other_one = "1 more launch was of listed software; see proscribectl log",
		.other_many = "{} more launches were of listed software; see proscribectl log",
	},
};

/* What is being laid out. A line that does not fit is taken back whole. */
struct page {
	char *out;
	size_t limit, used, line_start;
	bool full, colour;
	unsigned width, column;
	unsigned indent; /* of the lines that follow the first one of a field */
	bool stacked;
	const char *line_style; /* SGR sequence of each line, or NULL */
	const struct words *words;
};

/* A stretch of text that stays on one line if it can. */
struct piece {
	const char *text;
	size_t bytes;
	unsigned columns;
	bool spaced; /* a space stood before it */
	bool link;
};

static const struct words *words_for(const char *language)
{
	for (size_t i = 0; language && i < ARRAY_SIZE(dictionary); i++)
		if (strncmp(language, dictionary[i].language, 2) == 0)
			return &dictionary[i];
	return &dictionary[0];
}

static enum tone tone_of(const struct event *e)
{
	if (e->kind != EVENT_LAUNCH)
		return TONE_NONE;
	switch (e->outcome) {
	case OUTCOME_REFUSED:
		return e->verdict == VERDICT_UNJUDGED ? TONE_UNJUDGED : TONE_REFUSED;
	case OUTCOME_STOPPED:
		return TONE_STOPPED;
	case OUTCOME_RAN:
		return e->verdict == VERDICT_WARN || e->verdict == VERDICT_BLOCK ? TONE_WARNED
										 : TONE_NONE;
	case OUTCOME_NONE:
	case OUTCOME_APPLIED:
	case OUTCOME_REJECTED:
	case OUTCOME_ENDED:
	case OUTCOME_FOUND:
	case OUTCOME_GONE:
	case OUTCOME_COMPLETE:
	case OUTCOME_INCOMPLETE:
	case OUTCOME_STALE:
	case _OUTCOME_MAX:
		break;
	}
	return TONE_NONE;
}

bool notice_needed(const struct event *e)
{
	return tone_of(e) != TONE_NONE;
}

/* ---- characters and pieces; all text here is escaped, thus well-formed UTF-8 ---- */

static unsigned columns_in(const char *s, size_t n)
{
	unsigned columns = 0;

	for (size_t i = 0, k; i < n; i += k) {
		char one[5] = "";
		uint32_t c;

		k = text_utf8_decode(s + i, n - i, &c);
		if (k == 0)
			k = 1;
		memcpy(one, s + i, k);
		columns += (unsigned) text_columns(one);
	}
	return columns;
}

/* Chinese and Japanese rules: what may not begin a line, and what may not end one. */
static bool is_closing(uint32_t c)
{
	return c == 0x3001 || c == 0x3002 || c == 0x3009 || c == 0x300b || c == 0x300d ||
		c == 0x300f || c == 0x3011 || c == 0xff01 || c == 0xff09 || c == 0xff0c ||
		c == 0xff0e || c == 0xff1a || c == 0xff1b || c == 0xff1f || c == 0xff3d;
}

static bool is_opening(uint32_t c)
{
	return c == 0x3008 || c == 0x300a || c == 0x300c || c == 0x300e || c == 0x3010 ||
		c == 0xff08 || c == 0xff3b;
}

/* Text stays together up to a space or a place where East Asian text may be broken. */
static size_t word_length(const char *s)
{
	unsigned columns, columns_before = 0;
	uint32_t c, before = 0;
	size_t n = 0, k;

	for (; s[n] && s[n] != ' '; n += k) {
		k = text_utf8_decode(s + n, strlen(s + n), &c);
		if (k == 0)
			k = 1;
		columns = columns_in(s + n, k);
		if (columns == 0)
			continue; /* a combining mark belongs to what it follows */
		if ((columns_before == 2 || (columns_before == 1 && columns == 2)) &&
			!is_opening(before) && !is_closing(c))
			break;
		columns_before = columns;
		before = c;
	}
	return n;
}

/* A link may hold wide characters; a space or their punctuation ends it. */
static size_t link_length(const char *s)
{
	size_t n = 0, k;
	uint32_t c;

	for (; s[n] && s[n] != ' '; n += k) {
		k = text_utf8_decode(s + n, strlen(s + n), &c);
		if (k == 0 || is_closing(c) || is_opening(c))
			break;
	}
	return n;
}

static bool next_piece(const char **text, struct piece *ret)
{
	const char *s = *text;

	while (*s == ' ')
		s++;
	if (!*s)
		return false;
	*ret = (struct piece){ .text = s, .spaced = s > *text };
	ret->bytes = word_length(s);
	ret->link = memmem(s, ret->bytes, "://", 3) || strncmp(s, "mailto:", 7) == 0;
	if (ret->link && link_length(s) > ret->bytes)
		ret->bytes = link_length(s);
	ret->columns = columns_in(s, ret->bytes);
	*text = s + ret->bytes;
	return true;
}

/* ---- the page ---- */

static void put(struct page *p, const char *s, size_t n)
{
	if (p->full)
		return;
	if (p->used + n > p->limit) {
		p->full = true;
		p->used = p->line_start;
		return;
	}
	memcpy(p->out + p->used, s, n);
	p->used += n;
}

static void put_text(struct page *p, const char *s, size_t n, unsigned columns)
{
	put(p, s, n);
	p->column += columns;
}

static void put_spaces(struct page *p, unsigned n)
{
	for (; n > 0; n--)
		put_text(p, " ", 1, 1);
}

static void put_style(struct page *p, const char *sgr)
{
	if (p->colour && sgr)
		put(p, sgr, strlen(sgr));
}

static void line_begin(struct page *p, unsigned indent)
{
	p->line_start = p->used;
	p->column = 0;
	put_style(p, p->line_style);
	put_spaces(p, indent);
}

static void line_end(struct page *p)
{
	while (!p->full && p->used > p->line_start && p->out[p->used - 1] == ' ')
		p->used--;
	put_style(p, p->line_style ? "\x1b[0m" : NULL);
	put(p, "\r\n", 2);
	p->line_start = p->used;
}

static void line_break(struct page *p, unsigned indent)
{
	line_end(p);
	line_begin(p, indent);
}

/* A word wider than a line: as much on each line as goes there. */
static void put_broken(struct page *p, const struct piece *w)
{
	for (size_t i = 0, k; i < w->bytes; i += k) {
		unsigned columns;
		uint32_t c;

		k = text_utf8_decode(w->text + i, w->bytes - i, &c);
		if (k == 0)
			k = 1;
		columns = columns_in(w->text + i, k);
		if (p->column + columns > p->width)
			line_break(p, p->indent);
		put_text(p, w->text + i, k, columns);
	}
}

/* A word that does not fit behind what stands on the line: on the next, or over several, which
 * then begin where the line allows unless there is a word before it. */
static void put_word(struct page *p, const struct piece *w, bool behind_text)
{
	bool fits = p->indent + w->columns <= p->width;

	if (behind_text || (fits && p->column > p->indent))
		line_break(p, p->indent);
	if (fits)
		put_text(p, w->text, w->bytes, w->columns);
	else
		put_broken(p, w);
}

/* A link goes where it fits whole, even left of the other text; wider than all, it runs over. */
static void put_link(struct page *p, const struct piece *w)
{
	if (p->indent + w->columns <= p->width)
		line_break(p, p->indent);
	else
		line_break(p, INDENT + w->columns <= p->width ? INDENT : 0);
	put_text(p, w->text, w->bytes, w->columns);
}

/* Lays text out from the present column on; @start is where the line's own text begins. */
static void flow(struct page *p, const char *text)
{
	unsigned start = p->column;
	struct piece w;

	while (next_piece(&text, &w)) {
		unsigned gap = w.spaced && p->column > start;

		if (p->column + gap + w.columns <= p->width) {
			put_spaces(p, gap);
			put_text(p, w.text, w.bytes, w.columns);
			continue;
		}
		if (w.link) {
			put_link(p, &w);
		} else {
			put_word(p, &w, p->column > start);
		}
		start = p->indent;
	}
}

/* Spaces in a path are part of it: what is shown is what the file is called. */
static void flow_path(struct page *p, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");
		struct piece w = { .text = path, .bytes = path[n] ? n + 1 : n };

		w.columns = columns_in(path, w.bytes);
		if (p->column + w.columns <= p->width)
			put_text(p, w.text, w.bytes, w.columns);
		else
			put_word(p, &w, false);
		path += w.bytes;
	}
}

/* ---- fields ---- */

/* Escapes at most @max bytes of @s into @out (of max + ESCAPE_MAX + 6); what is cut ends in "...".
 * In running text, line ends and tabs are spaces. */
static void clean(const char *s, bool running, size_t max, char *out)
{
	char spaced[REASON_SHOWN_MAX + ESCAPE_MAX];
	size_t n;

	if (running) {
		(void) snprintf(spaced, sizeof(spaced), "%s", s);
		for (char *c = spaced; *c; c++)
			if (*c == '\n' || *c == '\t' || *c == '\r')
				*c = ' ';
		s = spaced;
	}
	n = text_escape(s, out, max + ESCAPE_MAX + 6);
	if (n <= max)
		return;
	for (n = max; n > 0 && ((unsigned char) out[n] & 0xc0) == 0x80; n--)
		;
	memcpy(out + n, "...", 4);
}

static unsigned label_columns(const struct words *w)
{
	size_t widest = 0;

	for (size_t i = 0; i < _LABEL_MAX; i++)
		if (text_columns(w->labels[i]) > widest)
			widest = text_columns(w->labels[i]);
	return INDENT + (unsigned) widest + GAP;
}

static void put_label(struct page *p, enum label label)
{
	const char *s = p->words->labels[label];

	p->indent = p->stacked ? INDENT : label_columns(p->words);
	line_begin(p, p->stacked ? 0 : INDENT);
	put_style(p, "\x1b[2m");
	put_text(p, s, strlen(s), (unsigned) text_columns(s));
	if (p->stacked)
		put_text(p, ":", 1, 1);
	put_style(p, "\x1b[0m");
	put_spaces(p, p->stacked ? 1 : p->indent - p->column);
}

static void put_field(struct page *p, enum label label, const char *text)
{
	put_label(p, label);
	flow(p, text);
	line_end(p);
}

static void put_running(struct page *p, enum label label, const char *text, size_t max)
{
	char shown[REASON_SHOWN_MAX + ESCAPE_MAX + 6];

	if (!text || !*text)
		return;
	clean(text, true, max, shown);
	put_field(p, label, shown);
}

/* A name and where it leads; either may be missing. A link that would have to be cut is none. */
static void put_linked(struct page *p, enum label label, const char *name, const char *link)
{
	char shown[TEXT_SHOWN_MAX + LINK_SHOWN_MAX + 2 * ESCAPE_MAX + 16] = "";
	size_t n = 0;

	if (name && *name) {
		clean(name, true, TEXT_SHOWN_MAX, shown);
		n = strlen(shown);
	}
	if (link && *link && strlen(link) <= LINK_SHOWN_MAX) {
		if (n > 0)
			shown[n++] = ' ';
		clean(link, true, LINK_SHOWN_MAX, shown + n);
	}
	if (*shown)
		put_field(p, label, shown);
}

static bool continues_code_point(char c)
{
	return ((unsigned char) c & 0xc0) == 0x80;
}

/* Of a long path the middle is left out: either end tells more. */
static void put_path(struct page *p, const char *path)
{
	enum { END_MAX = (PATH_END_SHOWN + 4) * 4 + 1 };
	char raw[PATH_END_SHOWN + 1], shown[2 * END_MAX + 4];
	size_t length = path ? strlen(path) : 0, head = length, tail = length, n;

	if (length == 0)
		return;
	if (length > 2 * PATH_END_SHOWN) {
		for (head = PATH_END_SHOWN; head > 0 && continues_code_point(path[head]); head--)
			;
		for (tail = length - PATH_END_SHOWN; continues_code_point(path[tail]); tail++)
			;
	} else if (length > PATH_END_SHOWN) {
		for (head = length / 2; head > 0 && continues_code_point(path[head]); head--)
			;
		tail = head;
	}
	memcpy(raw, path, head);
	raw[head] = '\0';
	n = text_escape(raw, shown, END_MAX);
	if (tail > head) {
		memcpy(shown + n, "...", 4);
		n += 3;
	}
	(void) text_escape(path + tail, shown + n, END_MAX);
	put_label(p, LABEL_FILE);
	flow_path(p, shown);
	line_end(p);
}

/* ---- whole notices ---- */

/* Puts @value where the {} of @sentence is. */
static void fill(const char *sentence, const char *value, char *out, size_t size)
{
	const char *hole = strstr(sentence, "{}");

	if (hole)
		(void) snprintf(
			out, size, "%.*s%s%s", (int) (hole - sentence), sentence, value, hole + 2);
	else
		(void) snprintf(out, size, "%s", sentence);
}

static void put_headline(struct page *p, const struct event *e)
{
	enum { SHOWN_MAX = TEXT_SHOWN_MAX + ESCAPE_MAX + 6 };
	char name[SHOWN_MAX], version[SHOWN_MAX], both[2 * SHOWN_MAX], sentence[3 * SHOWN_MAX];
	const char *slash = e->path ? strrchr(e->path, '/') : NULL;
	const char *known = e->software_name && *e->software_name ? e->software_name
		: slash && slash[1]                               ? slash + 1
		: e->path && *e->path                             ? e->path
								  : p->words->nameless;

	clean(known, known == e->software_name, TEXT_SHOWN_MAX, name);
	clean(e->version ? e->version : "", true, TEXT_SHOWN_MAX, version);
	(void) snprintf(both, sizeof(both), "%s%s%s", name, *version ? " " : "", version);
	fill(p->words->said[tone_of(e)], both, sentence, sizeof(sentence));

	p->indent = 0;
	p->line_style = "\x1b[1m";
	line_begin(p, 0);
	flow(p, sentence);
	line_end(p);
	p->line_style = NULL;
}

static void put_id(struct page *p, const struct event *e)
{
	char command[64];

	p->full = false;
	p->limit += TAIL_RESERVE;
	put_field(p, LABEL_ID, e->id);
	(void) snprintf(command, sizeof(command), "proscribectl why %s", e->id);
	put_field(p, LABEL_COMMAND, command);
}

static struct page page_of(const struct notice_style *style, char *out, size_t size)
{
	unsigned columns = style->columns ? style->columns : COLUMNS_ASSUMED;

	if (columns < NOTICE_COLUMNS_MIN)
		columns = NOTICE_COLUMNS_MIN;
	if (columns > NOTICE_COLUMNS_MAX)
		columns = NOTICE_COLUMNS_MAX;
	return (struct page){
		.out = out,
		.limit = size - 1,
		.colour = style->colour,
		.width = columns,
		.stacked = columns < STACKED_BELOW,
		.words = words_for(style->language),
	};
}

size_t notice_format(
	const struct event *e, const struct notice_style *style, char *out, size_t size)
{
	struct page p;

	if (size == 0)
		return 0;
	out[0] = '\0';
	if (!notice_needed(e) || size <= TAIL_RESERVE)
		return 0;
	p = page_of(style, out, size);
	p.limit -= TAIL_RESERVE;
	line_begin(&p, 0);
	line_end(&p);
	put_headline(&p, e);
	line_begin(&p, 0);
	line_end(&p);
	put_running(&p, LABEL_OWNER, e->policy_owner, TEXT_SHOWN_MAX);
	put_running(&p, LABEL_REASON, e->reason, REASON_SHOWN_MAX);
	put_linked(&p, LABEL_REFERENCE, e->reference, e->url);
	put_linked(&p, LABEL_ALTERNATIVE, e->alternative_name, e->alternative_url);
	put_path(&p, e->path);
	put_linked(&p, LABEL_CONTACT, NULL, e->policy_contact);
	put_id(&p, e);
	out[p.used] = '\0';
	return p.used;
}

static void put_count(struct page *p, uint64_t n, const char *one, const char *many)
{
	char number[24], sentence[160];

	if (n == 0)
		return;
	(void) snprintf(number, sizeof(number), "%" PRIu64, n);
	fill(n == 1 ? one : many, number, sentence, sizeof(sentence));
	line_begin(p, 0);
	flow(p, sentence);
	line_end(p);
}

size_t notice_format_more(uint64_t n_refused, uint64_t n_other, const struct notice_style *style,
	char *out, size_t size)
{
	struct page p;

	if (size == 0)
		return 0;
	out[0] = '\0';
	if (n_refused == 0 && n_other == 0)
		return 0;
	p = page_of(style, out, size);
	line_begin(&p, 0);
	line_end(&p);
	put_count(&p, n_refused, p.words->refused_one, p.words->refused_many);
	put_count(&p, n_other, p.words->other_one, p.words->other_many);
	out[p.used] = '\0';
	return p.used;
}
