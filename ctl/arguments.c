/*
 * Runs in proscribectl. One table of options for all commands, so that an option means the same
 * everywhere, and --help is made of what is parsed.
 */
#include "ctl/arguments.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "ctl/when.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/text.h"

static const struct {
	const char *name;
	char letter; /* 0: none */
	uint64_t bit;
	const char *value; /* NULL: takes none */
	const char *help;
} options[] = {
	{ "json", 0, OPTION_JSON, NULL, "answer in JSON" },
	{ "socket", 0, OPTION_SOCKET, "PATH",
		"where the agent answers\n[/run/proscribe/bus, then the system bus]" },
	{ "policy", 0, OPTION_POLICY, "DIR", "judge by this policy folder,\nwithout the agent" },
	{ "ledger", 0, OPTION_LEDGER, "FILE", "read this ledger instead of the agent's" },
	{ "follow", 'f', OPTION_FOLLOW, NULL, "go on with new records as they come" },
	{ "since", 0, OPTION_SINCE, "WHEN",
		"from then on: 2026-07-03T12:00:00Z, 45m,\n2h, 3d, 1w (ago), today, yesterday" },
	{ "number", 'n', OPTION_NUMBER, "N", "only the last N records" },
	{ "format", 0, OPTION_FORMAT, "FORMAT", "csv, or jsonl (OCSF events, one a line)" },
	{ "output", 'o', OPTION_OUTPUT, "FILE", "write there; appears when complete" },
	{ "other-filesystems", 0, OPTION_OTHER_FILESYSTEMS, NULL,
		"also enter what is mounted below" },
	{ "resume", 0, OPTION_RESUME, NULL,
		"go on with an interrupted scan; with PATHs:\nof these, or else begin one" },
	{ "state", 0, OPTION_STATE, "FILE", "with --policy: where to note how far it is" },
	{ "all", 0, OPTION_ALL, NULL, "also what is gone" },
	{ "type", 0, OPTION_TYPE, "TYPE", "the purl's type: npm, deb, pypi, ..." },
	{ "namespace", 0, OPTION_NAMESPACE, "TEXT", "vendor, scope, group or owner" },
	{ "name", 0, OPTION_NAME, "TEXT", "the package's name" },
	{ "version", 0, OPTION_VERSION, "TEXT", "its version" },
	{ "qualifier", 0, OPTION_QUALIFIER, "K=V",
		"a qualifier, like arch=amd64;\nmay be repeated" },
	{ "subpath", 0, OPTION_SUBPATH, "PATH", "a path inside the package" },
	{ "root", 0, OPTION_ROOT, "FILE", "the root metadata to trust" },
	{ "repository", 0, OPTION_REPOSITORY, "URL", "https: or file: URL of what was published" },
	{ "in", 'C', OPTION_IN, "DIR", "the repository's folder [.]" },
	{ "key", 'k', OPTION_KEY, "KEY",
		"a key: its name, key id, PEM file or\npkcs11: URI; may be repeated" },
	{ "keys", 0, OPTION_KEYS, "DIR",
		"where private keys are kept\n[~/.config/proscribe/keys]" },
	{ "source", 0, OPTION_SOURCE, "KEY", "where the private key is: PEM file or\npkcs11: URI" },
	{ "owner", 0, OPTION_OWNER, "TEXT", "whose key it is, for colleagues" },
	{ "scheme", 0, OPTION_SCHEME, "SCHEME", "ed25519 (default), ecdsa or rsa" },
	{ "passphrase-file", 0, OPTION_PASSPHRASE_FILE, "FILE",
		"read the passphrase or PIN from there" },
	{ "no-passphrase", 0, OPTION_NO_PASSPHRASE, NULL, "leave the private key unencrypted" },
	{ "expires", 0, OPTION_EXPIRES, "SPAN", "expire so long from now: 36h, 90d, 12w, 1y" },
	{ "threshold", 0, OPTION_THRESHOLD, "N", "how many keys must sign" },
	{ "path", 0, OPTION_PATHS, "PATTERN",
		"which files it may speak of, like\npolicy/team-*.yaml; may be repeated" },
	{ "terminating", 0, OPTION_TERMINATING, NULL, "no later role may speak of these files" },
	{ "ca-file", 0, OPTION_CA_FILE, "FILE", "trust this CA instead of the system's" },
	{ "dry-run", 0, OPTION_DRY_RUN, NULL, "show what would change, change nothing" },
	{ "role", 0, OPTION_ROLE, "ROLE", "the role that is meant [targets]" },
	{ "yes", 'y', OPTION_YES, NULL, "do not ask" },
	{ "help", 'h', OPTION_HELP, NULL, "show this" },
};

void complain(const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *clean = NULL;
	va_list ap;
	size_t size;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	size = (size_t) n * 10 + 1;
	clean = malloc(size);
	if (!clean)
		return;
	(void) text_escape(text, clean, size);
	(void) fprintf(stderr, "proscribectl: %s\n", clean);
}

/* Edits (insert, delete, replace one character) that turn @a into @b. */
static size_t distance(const char *a, const char *b)
{
	enum { LENGTH_MAX = 32 };
	size_t n = strlen(b), row[LENGTH_MAX + 1];

	if (n > LENGTH_MAX || strlen(a) > LENGTH_MAX)
		return LENGTH_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t replace = diagonal + (a[i - 1] != b[k - 1]), least = row[k - 1] + 1;

			diagonal = row[k];
			least = row[k] + 1 < least ? row[k] + 1 : least;
			row[k] = replace < least ? replace : least;
		}
	}
	return row[n];
}

const char *arguments_likely(const char *typed, const char *const names[])
{
	size_t nearest = 3; /* more than two slips is another word */
	const char *likely = NULL;

	for (; *names; names++) {
		size_t n = distance(typed, *names);

		if (n < nearest && n < strlen(*names)) {
			nearest = n;
			likely = *names;
		}
	}
	return likely;
}

static int usage(const struct command *c)
{
	(void) fprintf(stderr, "Try 'proscribectl %s --help'.\n", c->name);
	return -EINVAL;
}

static void print_option(size_t i)
{
	enum { COLUMN = 25 }; /* where its help begins */
	const char *help = options[i].help;
	char left[40];
	int n = options[i].letter
		? snprintf(left, sizeof(left), "-%c, --%s", options[i].letter, options[i].name)
		: snprintf(left, sizeof(left), "    --%s", options[i].name);

	if (options[i].value)
		n += snprintf(left + n, sizeof(left) - (size_t) n, " %s", options[i].value);
	if (n < COLUMN)
		(void) printf("  %-*s", COLUMN, left);
	else
		(void) printf("  %s\n%*s", left, COLUMN + 2, "");
	for (const char *end; (end = strchr(help, '\n')); help = end + 1)
		(void) printf("%.*s\n%*s", (int) (end - help), help, COLUMN + 2, "");
	(void) printf("%s\n", help);
}

void arguments_help(const struct command *c)
{
	(void) printf("Usage: proscribectl %s [OPTION]...%s%s\n%s\n", c->name,
		*c->operands ? " " : "", c->operands, c->summary);
	if (*c->help)
		(void) printf("\n%s", c->help);
	(void) printf("\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if ((c->options | OPTION_HELP) & options[i].bit)
			print_option(i);
	(void) printf("\nExit status: 0 fine, 1 failed, 2 usage, 3 agent not reachable,\n"
		      "4 something is banned, 5 more signatures are needed.\n");
}

static int parse_number(const char *s, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno || *end || *s < '0' || *s > '9' || n == 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int add_qualifier(struct arguments *a, char *value)
{
	char *equals = strchr(value, '=');

	if (!equals) {
		complain("--qualifier wants KEY=VALUE, not '%s'", value);
		return usage(a->command);
	}
	if (a->purl.n_qualifiers == PURL_QUALIFIERS_MAX) {
		complain("--qualifier can be given %d times", PURL_QUALIFIERS_MAX);
		return usage(a->command);
	}
	*equals = '\0';
	a->purl.qualifiers[a->purl.n_qualifiers++] = (struct purl_qualifier){ value, equals + 1 };
	return 0;
}

/* An option that may be repeated: the next of @list. */
static int add_one(
	struct arguments *a, const char *name, const char *list[], size_t *n, char *value)
{
	if (*n == ARGUMENTS_MANY_MAX) {
		complain("--%s can be given %d times", name, ARGUMENTS_MANY_MAX);
		return usage(a->command);
	}
	list[(*n)++] = value;
	return 0;
}

static int apply_repository(struct arguments *a, uint64_t bit, char *value)
{
	switch (bit) {
	case OPTION_ROOT:
		a->root = value;
		break;
	case OPTION_REPOSITORY:
		a->repository = value;
		break;
	case OPTION_IN:
		a->in = value;
		break;
	case OPTION_KEY:
		return add_one(a, "key", a->key, &a->n_key, value);
	case OPTION_PATHS:
		return add_one(a, "path", a->path, &a->n_path, value);
	case OPTION_KEYS:
		a->keys = value;
		break;
	case OPTION_SOURCE:
		a->source = value;
		break;
	case OPTION_OWNER:
		a->owner = value;
		break;
	case OPTION_SCHEME:
		a->scheme = value;
		break;
	case OPTION_PASSPHRASE_FILE:
		a->passphrase_file = value;
		break;
	case OPTION_CA_FILE:
		a->ca_file = value;
		break;
	case OPTION_ROLE:
		a->role = value;
		break;
	case OPTION_THRESHOLD:
		if (parse_number(value, &a->threshold) == 0)
			break;
		complain("--threshold wants a whole number from 1 on, not '%s'", value);
		return usage(a->command);
	case OPTION_EXPIRES:
		if (when_span(value, &a->expires_sec) == 0)
			break;
		complain("--expires wants a span like 36h, 90d, 12w or 1y, not '%s'", value);
		return usage(a->command);
	default:
		break;
	}
	return 0;
}

static int apply(struct arguments *a, uint64_t bit, char *value)
{
	a->given |= bit;
	switch (bit) {
	case OPTION_SOCKET:
		a->socket = value;
		break;
	case OPTION_POLICY:
		a->policy = value;
		break;
	case OPTION_LEDGER:
		a->ledger = value;
		break;
	case OPTION_OUTPUT:
		a->output = value;
		break;
	case OPTION_STATE:
		a->state = value;
		break;
	case OPTION_FORMAT:
		a->format = value;
		if (strcmp(value, "csv") == 0 || strcmp(value, "jsonl") == 0)
			break;
		complain("--format wants csv or jsonl, not '%s'", value);
		return usage(a->command);
	case OPTION_SINCE:
		if (when_parse(value, clock_utc_nsec(), &a->since_nsec) == 0)
			break;
		complain("--since wants a time like 2026-07-03T12:00:00Z, 2h, 3d or today, not "
			 "'%s'",
			value);
		return usage(a->command);
	case OPTION_NUMBER:
		if (parse_number(value, &a->number) == 0)
			break;
		complain("-n wants a whole number from 1 on, not '%s'", value);
		return usage(a->command);
	case OPTION_TYPE:
		a->purl.type = value;
		break;
	case OPTION_NAMESPACE:
		a->purl.namespace = value;
		break;
	case OPTION_NAME:
		a->purl.name = value;
		break;
	case OPTION_VERSION:
		a->purl.version = value;
		break;
	case OPTION_SUBPATH:
		a->purl.subpath = value;
		break;
	case OPTION_QUALIFIER:
		return add_qualifier(a, value);
	default:
		return apply_repository(a, bit, value);
	}
	return 0;
}

/* getopt's view of the options that @c takes: values are 256 + index. */
static void make_getopt(const struct command *c, struct option longs[], char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!((c->options | OPTION_HELP) & options[i].bit))
			continue;
		*longs++ = (struct option){ options[i].name,
			options[i].value ? required_argument : no_argument, NULL, 256 + (int) i };
		if (!options[i].letter)
			continue;
		*shorts++ = options[i].letter;
		if (options[i].value)
			*shorts++ = ':';
	}
	*longs = (struct option){ 0 };
	*shorts = '\0';
}

static size_t option_index(int option)
{
	if (option >= 256)
		return (size_t) option - 256;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].letter == option)
			return i;
	return 0;
}

static int refuse_option(const struct command *c, int what, const char *typed)
{
	if (what == ':')
		complain("%s wants a value", typed);
	else if (optopt >= 256)
		complain("--%s takes no value", options[optopt - 256].name);
	else if (optopt == 0)
		complain("no such option of '%s': %s", c->name, typed);
	else
		complain("no such option of '%s': -%c", c->name, optopt);
	return usage(c);
}

static int check_operands(const struct arguments *a)
{
	const struct command *c = a->command;

	if (a->n_operands < c->least) {
		complain("'%s' wants %s", c->name, c->operands);
		return usage(c);
	}
	if (c->most >= 0 && a->n_operands > c->most) {
		complain("unexpected argument '%s'", a->operands[c->most]);
		return usage(c);
	}
	return 1;
}

int arguments_parse(const struct command *c, int argc, char *argv[], struct arguments *ret)
{
	struct arguments a = { .command = c };
	struct option longs[ARRAY_SIZE(options) + 1];
	char shorts[2 * ARRAY_SIZE(options) + 2];
	int option, r;

	make_getopt(c, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		size_t i;

		if (option == '?' || option == ':')
			return refuse_option(c, option, argv[optind - 1]);
		i = option_index(option);
		if (options[i].bit == OPTION_HELP) {
			arguments_help(c);
			return 0;
		}
		r = apply(&a, options[i].bit, optarg);
		if (r < 0)
			return r;
	}
	a.operands = argv + optind;
	a.n_operands = argc - optind;
	r = check_operands(&a);
	if (r > 0)
		*ret = a;
	return r;
}
