/*
 * What is wrong with a policy or settings file, told to the person who wrote it: every error of a
 * run, sorted by place, each with its source line and a caret. Runs in proscribe-compiler. The
 * texts are foreign: what comes out is escaped for a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

enum {
	MESSAGES_MAX = 100,      /* kept of each level; more are counted and summed up at the end */
	MESSAGE_TEXT_MAX = 512,  /* bytes of one text; longer ones are cut */
	MESSAGE_WINDOW_MAX = 66, /* columns shown of a source line: with its number, 80 hold it */
	MESSAGE_DISTANCE_MAX = 3, /* edits at which one word may still be meant for another */
	MESSAGE_WORD_MAX = 64,    /* bytes of a word worth a suggestion */
};

/* A text being read. The bytes belong to the caller, who keeps them as long as the messages. */
struct source {
	const char *name; /* as messages call it */
	const char *text; /* after a byte order mark, if there was one */
	size_t size;
	uint32_t order;        /* messages of a lower one come first */
	uint32_t lines_before; /* of the file, that are not in the text */
};

/* Counted from 1, columns in code points, as editors do; line 0: the file as a whole. */
struct place {
	const struct source *source; /* NULL: the policy as a whole */
	uint32_t line, column;
};

enum message_level {
	MESSAGE_ERROR,
	MESSAGE_WARNING,
	_MESSAGE_LEVEL_MAX,
};

struct messages;

int messages_new(struct messages **ret);
struct messages *messages_free(struct messages *m);
DEFINE_CLEANUP(struct messages, messages_free)

/* Cannot fail: one that finds no room is counted all the same. */
void messages_add(struct messages *m, enum message_level level, struct place at, const char *format,
	...) _printf_(4, 5);

#define message_error(m, at, ...)   messages_add(m, MESSAGE_ERROR, at, __VA_ARGS__)
#define message_warning(m, at, ...) messages_add(m, MESSAGE_WARNING, at, __VA_ARGS__)

uint32_t messages_count(const struct messages *m, enum message_level level);

/* All of them as text of at most @max bytes, cut at a whole message; *ret belongs to the caller. */
int messages_format(struct messages *m, size_t max, char **ret);

/* Is @s as every text must be: at most @max bytes of UTF-8 (a byte order mark at its beginning is
 * taken off)? Tells messages when not. */
bool source_check(struct source *s, struct messages *m, size_t max);

/* Where the byte at @offset lies. Lines end as in YAML 1.1: LF, CR, CRLF, NEL, LS or PS. */
struct place message_place(const struct source *s, size_t offset);

/* The word of @candidates that @word was probably meant to be; NULL when none is near. @stride is
 * the distance in bytes from one `const char *` to the next: the table may be of structs. */
const char *message_closest(
	const char *word, const char *const *candidates, size_t n, size_t stride);
