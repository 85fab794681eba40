#include "agent/update/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/update/report.h"
#include "policy/base/log.h"

static const char help[] =
	"Usage: proscribe-update [OPTION]...\n"
	"Fetches the signed policy of this host, for the agent to verify. Run by a timer and by\n"
	"`proscribectl update`; root becomes the user proscribe-update.\n"
	"\n"
	"  --config FILE         settings              [" UPDATE_CONFIG_FILE "]\n"
	"  --root FILE           where trust begins    [" UPDATE_ROOT_FILE "]\n"
	"  --state DIR           what it keeps         [" UPDATE_STATE_FOLDER "]\n"
	"  --scheduled           do nothing before the next run is due\n"
	"  --describe-root FILE  say what a root.json asks to trust, and fetch nothing; with\n"
	"                        --config also whether the settings are right\n"
	"  --to-fd N             with it: where to say it      [standard output]\n"
	"  --verbose             say more on standard error\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 done, also when nothing is new; 1 failed; 2 usage.\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_ROOT,
	OPTION_STATE,
	OPTION_SCHEDULED,
	OPTION_DESCRIBE_ROOT,
	OPTION_TO_FD,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "scheduled", no_argument, NULL, OPTION_SCHEDULED },
	{ "describe-root", required_argument, NULL, OPTION_DESCRIBE_ROOT },
	{ "to-fd", required_argument, NULL, OPTION_TO_FD },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int parse_fd(const char *s, int *ret)
{
	char *end;
	const unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || n < 1 || n > 1000) {
		log_error("--to-fd wants the number of an open descriptor, not '%s'", s);
		return -EINVAL;
	}
	*ret = (int) n;
	return 0;
}

static int apply(struct update_options *o, int option, const char *argument)
{
	switch (option) {
	case OPTION_CONFIG:
		o->config = argument;
		o->config_given = true;
		return 1;
	case OPTION_ROOT:
		o->root = argument;
		return 1;
	case OPTION_STATE:
		o->state = argument;
		return 1;
	case OPTION_SCHEDULED:
		o->scheduled = true;
		return 1;
	case OPTION_DESCRIBE_ROOT:
		o->describe = argument;
		return 1;
	case OPTION_TO_FD:
		return parse_fd(argument, &o->to_fd) < 0 ? -EINVAL : 1;
	case OPTION_VERBOSE:
		o->verbose = true;
		return 1;
	case OPTION_HELP:
		(void) fputs(help, stdout);
		return 0;
	case OPTION_VERSION:
		(void) puts("proscribe-update " PROSCRIBE_VERSION);
		return 0;
	default: /* getopt_long() has said what is wrong */
		log_error("try 'proscribe-update --help'");
		return -EINVAL;
	}
}

int update_options_parse(int argc, char *argv[], struct update_options *ret)
{
	struct update_options o = {
		.config = UPDATE_CONFIG_FILE,
		.root = UPDATE_ROOT_FILE,
		.state = UPDATE_STATE_FOLDER,
		.to_fd = STDOUT_FILENO,
	};
	int option, r;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		r = apply(&o, option, optarg);
		if (r <= 0)
			return r;
	}
	if (optind < argc) {
		log_error("unexpected argument '%s'; try 'proscribe-update --help'", argv[optind]);
		return -EINVAL;
	}
	*ret = o;
	return 1;
}
