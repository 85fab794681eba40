/*
 * Turns a policy folder (policy.yaml and other .yaml files, signatures/NAME.yar, lists/NAME.txt) or
 * a settings file into something a program can trust. The text is parsed by proscribe-compiler, a
 * sandboxed child, whoever calls; the caller only opens files and maps the checked result.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

enum {
	POLICY_FILES_MAX = 64, /* of each of these kinds in a policy folder */
	POLICY_ALL_FILES_MAX = 3 * POLICY_FILES_MAX,
	POLICY_FILE_SIZE_MAX = 16 << 20,   /* bytes of one that is no list */
	POLICY_LIST_SIZE_MAX = 512 << 20,  /* bytes of one list */
	COMPILER_MESSAGES_MAX = 256 << 10, /* bytes of messages kept */
	COMPILER_TIMEOUT_SEC = 60,
};

/* How the names of such files begin. */
#define POLICY_SIGNATURES "signatures/"
#define POLICY_LISTS      "lists/"

/* What the compiler answered. Messages are whole lines for a person, in the form
 * `policy.yaml:12:3: error: ...`, with the source line and a caret below. */
struct compiled {
	int image_fd; /* sealed memfd for policy_open(); -1 when there were errors */
	uint32_t n_errors, n_warnings;
	char *messages; /* owned, UTF-8, escaped for a terminal; "" when there are none */
};

void compiled_done(struct compiled *c);

/* How a policy folder is to be read. */
enum compiler_flags {
	/* Refuse a folder or file that anyone but root could have written to (-EPERM, one message).
	 */
	COMPILER_REQUIRE_ROOT_OWNED = 1u << 0,
	/* Launches go first, as long as there is time left by them. */
	COMPILER_GIVE_WAY = 1u << 1,
};

/* Compiles the policy folder @path. Returns 0 when the compiler ran, with *ret saying what it
 * found (n_errors may be > 0), or a negative errno when it could not be run or the folder could not
 * be read; ret->messages says what and where then too. *ret is always initialised; compiled_done()
 * it. */
int compiler_run(const char *path, unsigned flags, struct compiled *ret);

enum fail_mode {
	FAIL_MODE_ALLOW, /* default: a launch nobody could judge in time runs, and is recorded */
	FAIL_MODE_DENY,
	_FAIL_MODE_MAX,
};

/* /etc/proscribe/agent.yaml, checked. Fixed size: it crosses a process boundary. */
enum { SETTINGS_WATCH_MAX = 16, SETTINGS_PATH_MAX = 1024 };
struct settings {
	uint32_t fail_mode;       /* enum fail_mode; key fail_mode: allow | deny */
	uint32_t audit;           /* key audit: report verdicts to auditd (FAN_AUDIT) */
	uint32_t notice_terminal; /* key notice.terminal, default true */
	uint32_t n_inspectors;    /* key inspectors: 1 to 16; 0 (default): chosen by the agent */
	uint64_t inspect_timeout_usec; /* key inspect_timeout: 100ms to 30s, default 2s */
	uint32_t n_watch; /* key watch: paths whose filesystems are watched; none: all */
	char watch[SETTINGS_WATCH_MAX][SETTINGS_PATH_MAX];
};

void settings_default(struct settings *ret);
/* Reads a settings file in the sandboxed compiler. A missing file gives the defaults. As
 * compiler_run(); *messages (owned) says what is wrong on -EINVAL, and *ret is untouched then. */
int settings_load(const char *path, struct settings *ret, char **ret_messages);
