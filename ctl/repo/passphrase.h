/*
 * Passphrases and PINs: from the file that --passphrase-file names, or typed on the terminal
 * without an echo. They are kept in OpenSSL's secure heap and never come from argv or the
 * environment.
 */
#pragma once

#include <stddef.h>

#include "policy/trust/signer.h"

enum { PASSPHRASE_LEAST = 8 }; /* characters of a new one */

struct passphrase {
	char *kept; /* owned; what the file said; NULL: the terminal is asked */
	size_t size;
	unsigned asked; /* how often somebody typed one */
};

/* Reads @file (NULL: there is none), which nobody else may be able to read. A negative errno after
 * saying what is wrong. */
int passphrase_init(struct passphrase *p, const char *file);
void passphrase_done(struct passphrase *p);

/* For struct signer_ask; @context is a struct passphrase. -ENOKEY: no file and no terminal;
 * -ECANCELED: nothing was typed. */
int passphrase_ask(void *context, const char *what, char *out);

/* A new one for @what, typed twice, of PASSPHRASE_LEAST characters at least, NUL-terminated in @out
 * (SIGNER_PASSPHRASE_MAX + 1 bytes). A negative errno after saying what is wrong. */
int passphrase_new(struct passphrase *p, const char *what, char *out);
