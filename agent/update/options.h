/*
 * The command line of proscribe-update.
 */
#pragma once

#include <stdbool.h>

struct update_options {
	const char *config, *root, *state;
	const char *describe; /* a root.json; NULL: an update */
	int to_fd;            /* where the description goes */
	bool config_given, scheduled, verbose;
};

/* 1: go on; 0: --help or --version was printed; -EINVAL: it was said what is wrong. */
int update_options_parse(int argc, char *argv[], struct update_options *ret);
