/*
 * Globs over whole paths: '*', '?' and '[...]' stay inside one name, '**' crosses names and, as a
 * whole name, also stands for none. A leading "~/" is any home.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { MATCH_GLOB_MAX = 1024 };

/* 0, or -EINVAL with *ret_error saying what is wrong with @glob. */
int match_glob_check(const char *glob, const char **ret_error);

/* Takes time and memory bounded by the product of the two lengths, whatever they hold. @path longer
 * than PATH_MAX matches nothing. @homes: NULL-terminated; NULL stands for /root and /home/NAME. */
bool match_glob(const char *glob, const char *path, const char *const homes[]);
