/*
 * Messages to stderr: for people on a terminal, with the journal's <N> priority prefix under a
 * service manager. Never blocks: when the reader of stderr hangs, the line is dropped.
 * Only a main.c, bus/ or an event handler logs; library code returns an errno instead.
 */
#pragma once

#include <errno.h>

#include "policy/base/cleanup.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Messages less urgent than @max are dropped; the default is LOG_LEVEL_INFO. */
void log_set_max(enum log_level max);

/* Writes one line; control bytes in the result are escaped. %m is errno @error (positive or
 * negative; 0 leaves errno alone). Returns -|error|, so that `return log_...` reads well. */
int log_message(enum log_level level, int error, const char *format, ...) _printf_(3, 4);

/* Writes each line of @text as a message of its own. */
void log_lines(enum log_level level, const char *text);

#define log_error_errno(error, ...)   log_message(LOG_LEVEL_ERROR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_message(LOG_LEVEL_WARNING, error, __VA_ARGS__)
#define log_error(...)                ((void) log_message(LOG_LEVEL_ERROR, 0, __VA_ARGS__))
#define log_warning(...)              ((void) log_message(LOG_LEVEL_WARNING, 0, __VA_ARGS__))
#define log_info(...)                 ((void) log_message(LOG_LEVEL_INFO, 0, __VA_ARGS__))
#define log_debug(...)                ((void) log_message(LOG_LEVEL_DEBUG, 0, __VA_ARGS__))
