/*
 * What a person sees: lines and tables that fit the terminal, colour where it is welcome, progress
 * where something takes long. Every text that comes from elsewhere is escaped in here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/cleanup.h"

struct style {
	unsigned columns; /* width to fit; 0: not a terminal, nothing is cut or wrapped */
	bool colour;
};

enum {
	PRINT_COLUMNS_DEFAULT = 80,
	PRINT_COLUMNS_MIN = 20,
	PRINT_COLUMNS_MAX = 10000,
};

enum tint {
	TINT_NONE,
	TINT_BOLD,
	TINT_GOOD,
	TINT_BAD,
	TINT_WARN,
	TINT_DIM,
	_TINT_MAX,
};

/* The style for @f as it is now: a terminal's width, else COLUMNS, else 80; no colour with NO_COLOR
 * or TERM=dumb. */
void print_style(FILE *f, struct style *ret);

/* @s escaped, in @tint. */
void print_text(FILE *f, const struct style *style, enum tint tint, const char *s);

/* Whole lines made for a person, on stderr; the caret below a line points at a column, so nothing
 * is wrapped. */
void print_messages(const char *messages);

/* "label:  text", broken between words to fit; further lines start under the text. A word that is
 * longer than a line (a link, a path) is never broken. */
void print_labelled(FILE *f, const struct style *style, unsigned indent, unsigned label_columns,
	const char *label, enum tint tint, const char *text);

/* @s escaped and cut to @columns, with an ellipsis at its start or its end; malloc()ed, NULL when
 * memory is short. */
char *print_cut(const char *s, unsigned columns, bool keep_end);

/* "1.2 MB" */
enum { PRINT_SIZE_SIZE = 32 };
void print_size(uint64_t bytes, char out[PRINT_SIZE_SIZE]);
/* Local time, "2026-07-03 12:04:05". */
enum { PRINT_TIME_SIZE = 32 };
void print_time(int64_t utc_nsec, char out[PRINT_TIME_SIZE]);

/* ---- tables ---- */

enum { TABLE_COLUMNS_MAX = 8 };

struct table_column {
	const char *header;
	unsigned least; /* never narrower than this */
	bool keep_end;  /* when cut: the end matters more than the start (paths) */
	bool droppable; /* goes first, the rightmost one before others, when all cannot fit */
};

struct table;

int table_new(const struct table_column *columns, size_t n, struct table **ret);
struct table *table_free(struct table *t);
DEFINE_CLEANUP(struct table, table_free)
/* One row: as many cells as columns (NULL: empty), copied and escaped. */
int table_add(struct table *t, enum tint tint, const char *const cells[]);
int table_print(const struct table *t, FILE *f, const struct style *style, unsigned indent);

/* ---- progress on stderr ---- */

struct progress {
	FILE *f;
	bool shown, terminal;
	uint64_t started_usec, drawn_usec;
};

/* Shows nothing before a second has passed, and nothing at all unless @f is a terminal. */
void progress_start(struct progress *p, FILE *f);
void progress_tick(struct progress *p, const char *what, uint64_t done, uint64_t all);
/* @head, and as much of the end of @what as there is room for. */
void progress_show(struct progress *p, const char *head, const char *what);
/* Takes the line away. */
void progress_end(struct progress *p);
