/*
 * Home directories of local accounts: what "~" stands for in a path rule. Read from /etc/passwd
 * alone, never from a name service, which could block.
 */
#pragma once

enum { HOMES_MAX = 4096 }; /* further accounts are left out */

/* *ret: an array of strings that ends in NULL, to be given back by homes_free(). */
int homes_load(char ***ret);
void homes_free(char **homes); /* NULL-safe */
