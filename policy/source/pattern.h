/*
 * The regular expression by which a signature finds its version. Two engines read it: YARA looks
 * for it in all of the content, POSIX's takes the group out of what was found. So it may hold only
 * what means the same to both. Runs in proscribe-compiler.
 */
#pragma once

/* 0; -EINVAL with *ret_error a sentence of what is wrong; -ENOMEM. */
int pattern_check(const char *pattern, const char **ret_error);

/* The YARA rule that looks for @pattern (which pattern_check() took) of the signature @name; *ret
 * belongs to the caller. 0 or -ENOMEM. */
int pattern_rule(const char *name, const char *pattern, char **ret);
