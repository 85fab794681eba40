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
};

enum option_bit {
	OPTION_JSON = 1u << 0,
	OPTION_SOCKET = 1u << 1,
	OPTION_POLICY = 1u << 2,
	OPTION_LEDGER = 1u << 3,
	OPTION_FOLLOW = 1u << 4,
	OPTION_SINCE = 1u << 5,
	OPTION_NUMBER = 1u << 6,
	OPTION_FORMAT = 1u << 7,
	OPTION_OUTPUT = 1u << 8,
	OPTION_HELP = 1u << 9,
	OPTION_TYPE = 1u << 10,
	OPTION_NAMESPACE = 1u << 11,
	OPTION_NAME = 1u << 12,
	OPTION_VERSION = 1u << 13,
	OPTION_QUALIFIER = 1u << 14,
	OPTION_SUBPATH = 1u << 15,
	OPTION_OTHER_FILESYSTEMS = 1u << 16,
	OPTION_RESUME = 1u << 17,
	OPTION_STATE = 1u << 18,
	OPTION_ALL = 1u << 19,
	OPTION_PURL_PARTS = OPTION_TYPE | OPTION_NAMESPACE | OPTION_NAME | OPTION_VERSION |
		OPTION_QUALIFIER | OPTION_SUBPATH,
};

struct arguments {
	const struct command *command;
	uint32_t given; /* enum option_bit */
	const char *socket, *policy, *ledger, *format, *output, *state;
	int64_t since_nsec;
	uint64_t number;
	struct purl purl; /* its parts, all in argv */
	char **operands;  /* NULL-terminated, in argv */
	int n_operands;
};

struct command {
	const char *name;     /* "policy check" */
	const char *operands; /* "FILE..." or "" */
	int least, most;      /* operands; -1: any number */
	uint32_t options;     /* enum option_bit; OPTION_HELP goes without saying */
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
