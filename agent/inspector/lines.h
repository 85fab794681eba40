/*
 * Fields of plain text files that hold one on a line: "key=value", "Key: value".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* No control characters, well-formed UTF-8, and not empty. */
bool lines_value_valid(const char *value, size_t n);

/* Copies the value of the first line of @text that is @key (in any case), @separator and a value;
 * blanks around these do not count. 1; 0 when there is no such line or nothing behind it, with @out
 * empty; -EBADMSG when the value is too long for @size or not lines_value_valid(). */
int lines_take(const char *text, size_t n, const char *key, char separator, char *out, size_t size);
