/*
 * proscribed: the resident agent.
 */
#include <signal.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/options.h"
#include "policy/base/log.h"

int main(int argc, char *argv[])
{
	_cleanup_(agent_stopp) struct agent *agent = NULL;
	struct options options;
	int r = options_parse(argc, argv, &options);

	if (r < 0)
		return 2;
	if (r == 0)
		return EXIT_SUCCESS;
	if (options.verbose)
		log_set_max(LOG_LEVEL_DEBUG);
	else if (options.offline) /* its standard error is that of a person's command */
		log_set_max(LOG_LEVEL_ERROR);
	/* A broken lease would kill us by default (fcntl(2)); a client that hangs up too. */
	(void) signal(SIGIO, SIG_IGN);
	(void) signal(SIGPIPE, SIG_IGN);
	if (agent_start(&options, &agent) < 0)
		return EXIT_FAILURE;
	return agent_run(agent) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
