#include "agent/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/update/report.h"
#include "policy/base/log.h"

enum { OPTION_NUMBER_MAX = 1000000 };

static const char help[] =
	"Usage: proscribed [OPTION]...\n"
	"Watches program launches and refuses, warns of or records those of software that the\n"
	"policy bans. Runs as root; `proscribectl status` shows how it is doing.\n"
	"\n"
	"  --watch PATH         watch the filesystem of PATH only (may be repeated; default: all\n"
	"                       local filesystems, or what the settings say)\n"
	"  --policy DIR         policy folder              [/etc/proscribe/policy.d]\n"
	"  --trust-root FILE    if it is there: signed policy only, as this root of trust says\n"
	"                       [/etc/proscribe/trust/root.json]\n"
	"  --update-folder DIR  what proscribe-update fills [/var/lib/proscribe-update]\n"
	"  --config FILE        settings                   [/etc/proscribe/agent.yaml]\n"
	"  --ledger FILE        record of what happened    [/var/lib/proscribe/ledger.db]\n"
	"  --socket PATH        where proscribectl connects [/run/proscribe/bus]\n"
	"  --no-system-bus      do not offer org.proscribe.Agent1 on the system bus\n"
	"  --inspectors N       sandboxed processes that look at files [3]\n"
	"  --lifetime SECONDS   end after that time, come what may (tests, trials)\n"
	"  --offline            watch nothing; only answer questions about files, by the policy\n"
	"                       that --policy names\n"
	"  --bus-fd N           with --offline: the connection to answer on\n"
	"  --image-fd N         with --offline: the compiled policy, instead of --policy\n"
	"  --verbose            say more on standard error\n"
	"  --help, --version\n"
	"\n"
	"SIGHUP loads the policy again; SIGTERM ends the agent and all its marks.\n"
	"Exit status: 0 ended as asked, 1 could not start, 2 usage.\n";

enum {
	OPTION_WATCH = 256,
	OPTION_POLICY,
	OPTION_TRUST_ROOT,
	OPTION_UPDATE_FOLDER,
	OPTION_CONFIG,
	OPTION_LEDGER,
	OPTION_SOCKET,
	OPTION_NO_SYSTEM_BUS,
	OPTION_INSPECTORS,
	OPTION_LIFETIME,
	OPTION_OFFLINE,
	OPTION_BUS_FD,
	OPTION_IMAGE_FD,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "trust-root", required_argument, NULL, OPTION_TRUST_ROOT },
	{ "update-folder", required_argument, NULL, OPTION_UPDATE_FOLDER },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "ledger", required_argument, NULL, OPTION_LEDGER },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "no-system-bus", no_argument, NULL, OPTION_NO_SYSTEM_BUS },
	{ "inspectors", required_argument, NULL, OPTION_INSPECTORS },
	{ "lifetime", required_argument, NULL, OPTION_LIFETIME },
	{ "offline", no_argument, NULL, OPTION_OFFLINE },
	{ "bus-fd", required_argument, NULL, OPTION_BUS_FD },
	{ "image-fd", required_argument, NULL, OPTION_IMAGE_FD },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *name, const char *s, unsigned long least, unsigned *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || *end || end == s || *s == '-' || n < least || n > OPTION_NUMBER_MAX) {
		log_error("--%s wants a whole number from %lu to %d, not '%s'", name, least,
			OPTION_NUMBER_MAX, s);
		return -EINVAL;
	}
	*ret = (unsigned) n;
	return 0;
}

static int add_watch(struct options *o, const char *path)
{
	if (o->n_watch == SETTINGS_WATCH_MAX) {
		log_error("--watch can be given at most %d times (SETTINGS_WATCH_MAX)",
			SETTINGS_WATCH_MAX);
		return -EINVAL;
	}
	if (strlen(path) >= SETTINGS_PATH_MAX) {
		log_error("--watch: the path is longer than %d bytes (SETTINGS_PATH_MAX)",
			SETTINGS_PATH_MAX - 1);
		return -EINVAL;
	}
	o->watch[o->n_watch++] = path;
	return 0;
}

static int parse_fd(const char *name, const char *s, int *ret)
{
	unsigned fd;
	int r = parse_number(name, s, 3, &fd);

	if (r == 0)
		*ret = (int) fd;
	return r;
}

static int apply(struct options *o, int option, const char *argument)
{
	switch (option) {
	case OPTION_WATCH:
		return add_watch(o, argument);
	case OPTION_POLICY:
		o->policy_path = argument;
		return 0;
	case OPTION_TRUST_ROOT:
		o->trust_root = argument;
		return 0;
	case OPTION_UPDATE_FOLDER:
		o->update_folder = argument;
		return 0;
	case OPTION_CONFIG:
		o->config_path = argument;
		return 0;
	case OPTION_LEDGER:
		o->ledger_path = argument;
		return 0;
	case OPTION_SOCKET:
		o->socket_path = argument;
		return 0;
	case OPTION_NO_SYSTEM_BUS:
		o->system_bus = false;
		return 0;
	case OPTION_INSPECTORS:
		return parse_number("inspectors", argument, 1, &o->n_inspectors);
	case OPTION_LIFETIME:
		return parse_number("lifetime", argument, 1, &o->lifetime_sec);
	case OPTION_OFFLINE:
		o->offline = true;
		return 0;
	case OPTION_BUS_FD:
		return parse_fd("bus-fd", argument, &o->bus_fd);
	case OPTION_IMAGE_FD:
		return parse_fd("image-fd", argument, &o->image_fd);
	case OPTION_VERBOSE:
		o->verbose = true;
		return 0;
	default: /* getopt_long() has said what is wrong */
		log_error("try 'proscribed --help'");
		return -EINVAL;
	}
}

static int check_together(const struct options *o)
{
	if (o->offline != (o->bus_fd >= 0)) {
		log_error("--offline and --bus-fd go together");
		return -EINVAL;
	}
	if (o->image_fd >= 0 && (!o->offline || o->policy_path)) {
		log_error("--image-fd goes with --offline, and takes the place of --policy");
		return -EINVAL;
	}
	return 1;
}

int options_parse(int argc, char *argv[], struct options *ret)
{
	struct options o = {
		.ledger_path = "/var/lib/proscribe/ledger.db",
		.socket_path = "/run/proscribe/bus",
		.trust_root = UPDATE_ROOT_FILE,
		.update_folder = UPDATE_STATE_FOLDER,
		.config_path = "/etc/proscribe/agent.yaml",
		.system_bus = true,
		.bus_fd = -1,
		.image_fd = -1,
	};
	int option, r;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		if (option == OPTION_HELP) {
			(void) fputs(help, stdout);
			return 0;
		}
		if (option == OPTION_VERSION) {
			(void) puts("proscribed " PROSCRIBE_VERSION);
			return 0;
		}
		r = apply(&o, option, optarg);
		if (r < 0)
			return r;
	}
	if (optind < argc) {
		log_error("unexpected argument '%s'; try 'proscribed --help'", argv[optind]);
		return -EINVAL;
	}
	if (!o.policy_path && !o.offline)
		o.policy_path = "/etc/proscribe/policy.d";
	r = check_together(&o);
	if (r > 0)
		*ret = o;
	return r;
}
