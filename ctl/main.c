/*
 * proscribectl: asks the agent, or judges by itself what a policy says, and shows it. The table
 * below is also the source of --help.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/arguments.h"
#include "ctl/repo/commands.h"
#include "policy/base/cleanup.h"

enum {
	COMMANDS_MAX = 128,
	NEXT_WORDS_SIZE = 256,
};

static const struct command commands[] = {
	{ "status", "", 0, 0, OPTION_JSON | OPTION_SOCKET, "Show how the agent is doing.",
		"Ends with 1 when something is wrong: no policy in force, the ledger cannot be\n"
		"written, or a filesystem is not watched.\n",
		cmd_status },
	{ "check", "FILE...", 1, -1, OPTION_JSON | OPTION_SOCKET | OPTION_POLICY,
		"Show what would happen if FILE were launched, and why.",
		"Nothing is launched. Ends with 4 when one of the files would be blocked, also "
		"when\n"
		"others could not be read; else with 1 when one could not be read.\n",
		cmd_check },
	{ "identify", "FILE...", 1, -1, OPTION_JSON | OPTION_SOCKET | OPTION_POLICY,
		"Show what FILE is: class, size, digest, packages, software.",
		"Also without a policy. Ends with 1 when one of the files could not be read.\n",
		cmd_identify },
	{ "scan", "[PATH...]", 0, -1,
		OPTION_JSON | OPTION_SOCKET | OPTION_POLICY | OPTION_OTHER_FILESYSTEMS |
			OPTION_RESUME | OPTION_STATE,
		"Find banned software that lies on this host.",
		"Looks into PATHs, by default into everything on the filesystem of /, and records "
		"what\n"
		"it finds (root). With --policy it shows what lies where you may read, and "
		"records\n"
		"nothing. Ends with 4 when something was found, else with 1 when it did not come "
		"to\n"
		"its end.\n",
		cmd_scan },
	{ "findings", "", 0, 0, OPTION_JSON | OPTION_SOCKET | OPTION_LEDGER | OPTION_ALL,
		"Show what scans have found, since when, and what is gone (root).",
		"Ends with 4 when something is there.\n", cmd_findings },
	{ "log", "", 0, 0,
		OPTION_JSON | OPTION_SOCKET | OPTION_LEDGER | OPTION_FOLLOW | OPTION_SINCE |
			OPTION_NUMBER,
		"Show what is on record: launches, policy changes, starts, gaps.",
		"Root sees all, others their own. Without -n or --since: the last 50 records.\n"
		"--follow --json prints JSON Lines; it ends with Ctrl-C.\n",
		cmd_log },
	{ "export", "", 0, 0,
		OPTION_SOCKET | OPTION_LEDGER | OPTION_SINCE | OPTION_FORMAT | OPTION_OUTPUT |
			OPTION_JSON,
		"Write records for a spreadsheet or another system.",
		"--json is short for --format jsonl; one of the two must be given.\n", cmd_export },
	{ "why", "ID", 1, 1, OPTION_JSON | OPTION_SOCKET | OPTION_LEDGER,
		"Show why a launch was refused, warned of or recorded.",
		"ID is what the notice showed: 7K2M-Q4TX-9D3F, in any case, with or without -.\n",
		cmd_why },
	{ "policy check", "DIR", 1, 1, OPTION_JSON,
		"Check a policy folder, without putting it in force.",
		"Ends with 1 when it has errors, which are shown with file, line and column.\n",
		cmd_policy_check },
	{ "policy reload", "", 0, 0, OPTION_JSON | OPTION_SOCKET,
		"Have the agent read its policy folder again (root).",
		"When the policy has errors, the one in force stays.\n", cmd_policy_reload },
	{ "enroll", "", 0, 0,
		OPTION_ROOT | OPTION_REPOSITORY | OPTION_CA_FILE | OPTION_YES | OPTION_SOCKET,
		"Take signed policy from a repository from now on (root).",
		"Shows whom the host will trust by --root FILE, keeps that and where the policy\n"
		"comes from, and fetches it. A host that trusts somebody else already wants "
		"--yes.\n",
		cmd_enroll },
	{ "update", "", 0, 0, OPTION_JSON | OPTION_SOCKET,
		"Fetch the signed policy now and put it in force (root).",
		"What is refused changes nothing: the policy in force stays.\n", cmd_update },
	{ "purl parse", "PURL...|-", 1, -1, OPTION_JSON,
		"Take package URLs apart, and show their canonical form.",
		"With - alone, one PURL a line is read from standard input. One answer a line,\n"
		"'error: ...' for what is no purl; --json prints JSON Lines. Ends with 1 when\n"
		"there was an error.\n",
		cmd_purl_parse },
	{ "purl build", "[-]", 0, 1, OPTION_JSON | OPTION_PURL_PARTS,
		"Put a package URL together from its parts.",
		"With -, one JSON object a line is read from standard input, with the keys type,\n"
		"namespace, name, version, qualifiers (an object) and subpath, instead of "
		"options.\n"
		"One answer a line, 'error: ...' where it cannot be built; --json prints JSON\n"
		"Lines. Ends with 1 when there was an error.\n",
		cmd_purl_build },
	{ "vers compare", "SCHEME A B, or -", 1, 3, OPTION_JSON,
		"Compare two versions: prints <, = or >.",
		"SCHEME is npm, semver, deb, rpm, pypi, apk, maven, gem, golang, intdot,\n"
		"datetime or lexicographic. With -, one SCHEME A B a line is read from standard\n"
		"input. Ends with 1 when a text is no version of its scheme.\n",
		cmd_vers_compare },
	{ "vers contains", "RANGE VERSION, or -", 1, 2, OPTION_JSON,
		"Tell whether a range holds a version: prints yes or no.",
		"RANGE is like 'vers:npm/>=2.1.91|<3.0.0'. With -, one RANGE VERSION a line is\n"
		"read from standard input. Ends with 1 when one of them cannot be read.\n",
		cmd_vers_contains },
};

static void help(FILE *f)
{
	(void) fputs("Usage: proscribectl COMMAND [OPTION]...\n"
		     "Asks Proscribe, which enforces this host's list of high-risk software.\n\n",
		f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void) fprintf(f, "  %-14s %s\n", commands[i].name, commands[i].summary);
	(void) fputs("  help           Show this, or with a COMMAND what it does.\n"
		     "  --version      Show the version.\n"
		     "\nTo publish a signed policy (proscribe-repository(7)):\n\n",
		f);
	for (size_t i = 0; repository_command(i); i++)
		(void) fprintf(f, "  %-21s %s\n", repository_command(i)->name,
			repository_command(i)->summary);
	(void) fputs("\n"
		     "'proscribectl COMMAND --help' shows the options of a command.\n"
		     "Exit status: 0 fine, 1 failed, 2 usage, 3 agent not reachable,\n"
		     "4 something is banned, 5 more signatures are needed.\n",
		f);
}

/* Every command there is, one table after the other; NULL past the last. */
static const struct command *command(size_t i)
{
	return i < ARRAY_SIZE(commands) ? &commands[i]
					: repository_command(i - ARRAY_SIZE(commands));
}

/* Where the word stands in argv, wherever options have left it; 0: nowhere. */
static int find_word(int argc, char *argv[], const char *word, size_t n)
{
	for (int i = 1; i < argc; i++)
		if (strlen(argv[i]) == n && strncmp(argv[i], word, n) == 0)
			return i;
	return 0;
}

/* Are all words of @name there? Takes them out but for the first, which stays argv[0]. */
static bool take_name(int *argc, char *argv[], const char *name)
{
	size_t first = strcspn(name, " "), n;

	if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
		return false;
	for (const char *word = name + first; *word; word += n) {
		n = strcspn(++word, " ");
		if (!find_word(*argc, argv, word, n))
			return false;
	}
	for (const char *word = name + first; *word; word += n) {
		int i;

		n = strcspn(++word, " ");
		i = find_word(*argc, argv, word, n);
		memmove(argv + i, argv + i + 1, (size_t) (*argc - i) * sizeof(*argv));
		(*argc)--;
	}
	return true;
}

/* The command that argv names. */
static const struct command *find(int *argc, char *argv[])
{
	const struct command *c;

	for (size_t i = 0; (c = command(i)); i++)
		if (take_name(argc, argv, c->name))
			return c;
	return NULL;
}

/* The words that may follow @first, "check or reload"; "" when it stands alone. */
static void next_words(const char *first, char out[NEXT_WORDS_SIZE])
{
	size_t n = strlen(first), used = 0;
	const struct command *c;

	*out = '\0';
	for (size_t i = 0; (c = command(i)) && used < NEXT_WORDS_SIZE; i++)
		if (strncmp(c->name, first, n) == 0 && c->name[n] == ' ')
			used += (size_t) snprintf(out + used, NEXT_WORDS_SIZE - used, "%s%s",
				used ? ", " : "", c->name + n + 1);
}

/* The first @words of argv. */
static void join(int argc, char *argv[], int words, char out[NEXT_WORDS_SIZE])
{
	size_t used = 0;

	*out = '\0';
	for (int i = 0; i < words && i < argc && used < NEXT_WORDS_SIZE; i++)
		used += (size_t) snprintf(
			out + used, NEXT_WORDS_SIZE - used, "%s%s", i ? " " : "", argv[i]);
}

static enum exit_code unknown(int argc, char *argv[])
{
	const char *names[COMMANDS_MAX + 1] = { NULL }, *likely = NULL;
	char typed[NEXT_WORDS_SIZE], next[NEXT_WORDS_SIZE];

	next_words(argv[0], next);
	for (size_t i = 0; i < COMMANDS_MAX && command(i); i++)
		names[i] = command(i)->name;
	if (*next && argc < 2) {
		complain("'%s' wants another word: %s", argv[0], next);
	} else {
		/* Of as many words as commands have, or of fewer: what follows may be operands. */
		for (int words = *next ? 3 : 1; words > 0 && !likely; words--) {
			join(argc, argv, words, typed);
			likely = arguments_likely(typed, names);
		}
		if (!likely)
			join(argc, argv, *next ? 2 : 1, typed);
		if (likely)
			complain("no such command: '%s'; did you mean '%s'?", typed, likely);
		else
			complain("no such command: '%s'", typed);
	}
	(void) fputs("Try 'proscribectl help'.\n", stderr);
	return EXIT_CODE_USAGE;
}

static enum exit_code run(int argc, char *argv[])
{
	const struct command *c;
	struct arguments a;
	int r;

	if (argc < 1) {
		help(stderr);
		return EXIT_CODE_USAGE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		(void) puts("proscribectl " PROSCRIBE_VERSION);
		return EXIT_CODE_FINE;
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
		(strcmp(argv[0], "help") == 0 && argc == 1)) {
		help(stdout);
		return EXIT_CODE_FINE;
	}
	if (strcmp(argv[0], "help") == 0) {
		argc--;
		c = find(&argc, ++argv);
		if (!c)
			return unknown(argc, argv);
		arguments_help(c);
		return EXIT_CODE_FINE;
	}
	c = find(&argc, argv);
	if (!c)
		return unknown(argc, argv);
	r = arguments_parse(c, argc, argv, &a);
	if (r <= 0)
		return r < 0 ? EXIT_CODE_USAGE : EXIT_CODE_FINE;
	return c->run(&a);
}

/* A standard stream that the caller closed would be taken by the next file we open, and a message
 * meant for a person would go into it. This way writing to it fails, which is noticed below. */
static void hold_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	cleanup_closep(&fd);
}

int main(int argc, char *argv[])
{
	enum exit_code code;

	(void) setlocale(LC_ALL, "");
	hold_standard_streams();
	code = run(argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		complain("cannot write the answer: %s", strerror(errno));
		return code == EXIT_CODE_FINE ? EXIT_CODE_FAILED : (int) code;
	}
	return (int) code;
}
