/*
 * The table of the repository's commands, also the source of their --help.
 */
#include "ctl/repo/commands.h"

#include "policy/base/cleanup.h"

static const struct command commands[] = {
	{ 0 },
};

const struct command *repository_command(size_t i)
{
	return i < ARRAY_SIZE(commands) && commands[i].name ? &commands[i] : NULL;
}
