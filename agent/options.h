/*
 * proscribed's command line.
 */
#pragma once

#include <stdbool.h>

#include "policy/source/compiler.h"

struct options {
	const char *policy_path; /* NULL: none, with offline only */
	const char *ledger_path, *socket_path, *config_path;
	const char *trust_root, *update_folder; /* of signed policy */
	unsigned lifetime_sec; /* 0: for ever. A hard bound, for tests and trials. */
	unsigned n_inspectors; /* 0: as the settings say */
	uint32_t n_watch;
	const char *watch[SETTINGS_WATCH_MAX];
	bool system_bus;
	bool verbose;
	bool offline; /* no gate, no ledger: answers `check` for one client */
	int bus_fd;   /* that client; -1: none */
	int image_fd; /* with offline, instead of policy_path: a compiled policy; -1: none */
};

/* 1: go on; 0: all done (--help, --version); -EINVAL: said what is wrong on stderr. */
int options_parse(int argc, char *argv[], struct options *ret);
