/*
 * What was wrong with a file of a repository: which file, which role, what was found and what was
 * expected, for a person and for the ledger. Errors of this folder are negative errnos with one
 * meaning each:
 *   -EBADMSG       malformed: no strict JSON, a value missing, of the wrong type or past a limit
 *   -EFBIG         longer than its limit or than was announced
 *   -EKEYREJECTED  too few valid signatures by the keys that count
 *   -EKEYEXPIRED   expired
 *   -ESTALE        older than what was accepted before (rolled back)
 *   -EPROTO        another version or type than was asked for (mixed)
 *   -EUCLEAN       content does not have the length or hash that was signed (substituted)
 *   -ENOENT        not in the repository
 *   -ELOOP         more roots or delegations than the limits below allow
 *   -EHOSTUNREACH  nobody answered, or not in time
 *   -EREMOTEIO     the server answered with an error of its own
 *   -ECONNABORTED  the server's certificate was not accepted
 * Any other is of this host: -ENOMEM, -ENOSPC, -EACCES, ...
 */
#pragma once

#include "policy/base/cleanup.h"

enum {
	TUF_ROLE_MAX = 255,  /* bytes of a role's name */
	TUF_FILE_MAX = 1023, /* bytes of a path below the repository's base, as it is requested */
	TUF_TEXT_MAX = 1023,
};

/* Zero: nothing wrong. Texts are escaped for a terminal (text_escape()), one line each. */
struct tuf_error {
	int error;                   /* the negative errno */
	char role[TUF_ROLE_MAX + 1]; /* "targets"; "" where no role is meant */
	char file[TUF_FILE_MAX + 1]; /* "3.targets.json", "policy/lists/big.txt"; "" */
	char text[TUF_TEXT_MAX + 1]; /* "is version 3, but version 4 was accepted before" */
};

/* Fills @e (may be NULL) and returns @error. @role and @file may be NULL. */
int tuf_fail(struct tuf_error *e, int error, const char *role, const char *file, const char *format,
	...) _printf_(5, 6);
/* "3.targets.json (role targets): is version 3, but ..."; NULL when there is no memory. */
char *tuf_error_line(const struct tuf_error *e);
