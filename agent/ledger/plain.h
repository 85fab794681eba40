/*
 * Texts of a record on their way out of the program: any bytes in, printable UTF-8 out, and back
 * again without loss.
 */
#pragma once

/* A copy of @s in which a backslash is doubled, and every byte that is not UTF-8 and every
 * character that steers a terminal is written \xNN, \uNNNN or \UNNNNNNNN. 0 or -ENOMEM. */
int plain_text(const char *s, char **ret);
