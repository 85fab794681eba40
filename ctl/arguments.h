/*
 * The command line: what commands there are, what options each takes, and what it says when one is
 * wrong.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/identity/purl.h"

/* Documented in --help of every command and in the man page. */
enum exit_code {
	EXIT_CODE_FINE,
	EXIT_CODE_FAILED,
	EXIT_CODE_USAGE,
	EXIT_CODE_UNREACHABLE,
	EXIT_CODE_BANNED,
	EXIT_CODE_UNSIGNED, /* more signatures are needed */
};

/* One bit each, in the order of the table in arguments.c. */
#define OPTION_JSON              (UINT64_C(1) << 0)
#define OPTION_SOCKET            (UINT64_C(1) << 1)
#define OPTION_POLICY            (UINT64_C(1) << 2)
#define OPTION_LEDGER            (UINT64_C(1) << 3)
#define OPTION_FOLLOW            (UINT64_C(1) << 4)
#define OPTION_SINCE             (UINT64_C(1) << 5)
#define OPTION_NUMBER            (UINT64_C(1) << 6)
#define OPTION_FORMAT            (UINT64_C(1) << 7)
#define OPTION_OUTPUT            (UINT64_C(1) << 8)
#define OPTION_HELP              (UINT64_C(1) << 9)
#define OPTION_TYPE              (UINT64_C(1) << 10)
#define OPTION_NAMESPACE         (UINT64_C(1) << 11)
#define OPTION_NAME              (UINT64_C(1) << 12)
#define OPTION_VERSION           (UINT64_C(1) << 13)
#define OPTION_QUALIFIER         (UINT64_C(1) << 14)
#define OPTION_SUBPATH           (UINT64_C(1) << 15)
#define OPTION_OTHER_FILESYSTEMS (UINT64_C(1) << 16)
#define OPTION_RESUME            (UINT64_C(1) << 17)
#define OPTION_STATE             (UINT64_C(1) << 18)
#define OPTION_ALL               (UINT64_C(1) << 19)
#define OPTION_ROOT              (UINT64_C(1) << 20)
#define OPTION_REPOSITORY        (UINT64_C(1) << 21)
#define OPTION_IN                (UINT64_C(1) << 22)
#define OPTION_KEY               (UINT64_C(1) << 23)
#define OPTION_KEYS              (UINT64_C(1) << 24)
#define OPTION_SOURCE            (UINT64_C(1) << 25)
#define OPTION_OWNER             (UINT64_C(1) << 26)
#define OPTION_SCHEME            (UINT64_C(1) << 27)
#define OPTION_PASSPHRASE_FILE   (UINT64_C(1) << 28)
#define OPTION_NO_PASSPHRASE     (UINT64_C(1) << 29)
#define OPTION_EXPIRES           (UINT64_C(1) << 30)
#define OPTION_THRESHOLD         (UINT64_C(1) << 31)
#define OPTION_PATHS             (UINT64_C(1) << 32)
#define OPTION_TERMINATING       (UINT64_C(1) << 33)
#define OPTION_CA_FILE           (UINT64_C(1) << 34)
#define OPTION_DRY_RUN           (UINT64_C(1) << 35)
#define OPTION_ROLE              (UINT64_C(1) << 36)
#define OPTION_YES               (UINT64_C(1) << 37)
#define OPTION_PURL_PARTS                                                                   \
	(OPTION_TYPE | OPTION_NAMESPACE | OPTION_NAME | OPTION_VERSION | OPTION_QUALIFIER | \
		OPTION_SUBPATH)

enum { ARGUMENTS_MANY_MAX = 64 }; /* how often a repeated option may be given */

struct arguments {
	const struct command *command;
	uint64_t given; /* OPTION_* */
	const char *socket, *policy, *ledger, *format, *output, *state;
	const char *root, *repository, *in, *keys, *source, *owner, *scheme, *passphrase_file;
	const char *ca_file, *role;
	const char *key[ARGUMENTS_MANY_MAX], *path[ARGUMENTS_MANY_MAX]; /* may be repeated */
	size_t n_key, n_path;
	int64_t since_nsec;
	int64_t expires_sec; /* a span */
	uint64_t number, threshold;
	struct purl purl; /* its parts, all in argv */
	char **operands;  /* NULL-terminated, in argv */
	int n_operands;
};

struct command {
	const char *name;     /* "policy check", "repo key generate" */
	const char *operands; /* "FILE..." or "" */
	int least, most;      /* operands; -1: any number */
	uint64_t options;     /* OPTION_*; OPTION_HELP goes without saying */
	const char *summary;  /* one line */
	const char *help;     /* paragraphs below it, "" for none */
	enum exit_code (*run)(const struct arguments *a);
};

/* Reads what follows the command's name. 1: go on; 0: --help was printed; -EINVAL: said on stderr
 * what is wrong. */
int arguments_parse(const struct command *command, int argc, char *argv[], struct arguments *ret);
void arguments_help(const struct command *command);

/* The name in @names (NULL-terminated) that was probably meant, or NULL. */
const char *arguments_likely(const char *typed, const char *const names[]);

/* "proscribectl: ..." on stderr, foreign text escaped. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum exit_code cmd_status(const struct arguments *a);
enum exit_code cmd_check(const struct arguments *a);
enum exit_code cmd_identify(const struct arguments *a);
enum exit_code cmd_scan(const struct arguments *a);
enum exit_code cmd_findings(const struct arguments *a);
enum exit_code cmd_log(const struct arguments *a);
enum exit_code cmd_export(const struct arguments *a);
enum exit_code cmd_why(const struct arguments *a);
enum exit_code cmd_policy_check(const struct arguments *a);
enum exit_code cmd_policy_reload(const struct arguments *a);
enum exit_code cmd_purl_parse(const struct arguments *a);
enum exit_code cmd_purl_build(const struct arguments *a);
enum exit_code cmd_vers_compare(const struct arguments *a);
enum exit_code cmd_vers_contains(const struct arguments *a);
enum exit_code cmd_enroll(const struct arguments *a);
enum exit_code cmd_update(const struct arguments *a);
