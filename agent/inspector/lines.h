/*
 * Fields of plain text files that hold one on a line: "key=value", "Key: value".
 */
#pragma once

#include <stddef.h>

/* Copies the value of the first line of @text that is @key (in any case), @separator and a value;
 * blanks around these do not count. As field_copy(); 0 also when there is no such line. */
int lines_take(const char *text, size_t n, const char *key, char separator, char *out, size_t size);
