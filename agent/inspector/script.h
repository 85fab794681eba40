/*
 * The #! line, taken apart exactly as Linux does (fs/binfmt_script.c).
 */
#pragma once

#include <stddef.h>

enum { SCRIPT_LINE_MAX = 256 }; /* the kernel's BINPRM_BUF_SIZE: it sees no more of the file */

struct script {
	char interpreter[SCRIPT_LINE_MAX]; /* bytes, not necessarily UTF-8 */
	char argument[SCRIPT_LINE_MAX];    /* all the rest as one argument; "" when there is none */
};

/* 1 and *ret when a kernel would run an interpreter for a file that begins with these @n bytes;
 * 0 when not. */
int script_parse(const char *head, size_t n, struct script *ret);
