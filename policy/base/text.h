/*
 * Text from strangers: UTF-8 (RFC 3629), what is safe to show on a terminal, and bounded string
 * helpers. Sizes are bytes and include the closing NUL where a buffer is meant.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one code point at @s (of @n > 0 bytes). Returns its length in bytes, or 0 when the bytes
 * there are not well-formed UTF-8 (overlong, surrogate, past U+10FFFF or cut short). */
size_t text_utf8_decode(const char *s, size_t n, uint32_t *ret);
bool text_utf8_valid(const char *s, size_t n);
/* Is a field of @size bytes a NUL-terminated, well-formed text, and zero behind it? */
bool text_field_valid(const char *s, size_t size);

/* Writes @s to @out with every byte or code point that could steer a terminal (C0, DEL, C1,
 * bidirectional and zero-width controls, invalid UTF-8) as \xNN or \uNNNN. Cuts at a whole code
 * point when @size is too small; always ends in NUL. Returns the number of bytes written. */
size_t text_escape(const char *s, char *out, size_t size);

/* Columns that @s takes on a terminal (wide East Asian characters take two); @s is escaped text. */
size_t text_columns(const char *s);

/* A user or group id in decimal, other than root's: 0 or -EINVAL. */
int text_id(const char *s, unsigned *ret);

/* Copies @s whole or not at all: 0, or -ENAMETOOLONG with @out empty. */
int text_copy(char *out, size_t size, const char *s);

/* strdup that knows NULL: 0 with *ret = NULL for NULL; -ENOMEM. */
int text_dup(const char *s, char **ret);

void text_hex(const uint8_t *bytes, size_t n, char *out); /* @out holds 2 * n + 1 */
int text_unhex(const char *hex, uint8_t *out, size_t n);  /* exactly 2 * n digits, else -EINVAL */
/* The same with anything behind the digits; reads 2 * n bytes, whatever they are. */
int text_unhex_digits(const char *hex, uint8_t *out, size_t n);
