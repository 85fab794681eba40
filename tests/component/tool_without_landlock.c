/*
 * Runs a program for which landlock_create_ruleset(2) fails, as on a kernel without Landlock: the
 * only way to see that on a machine that has it.
 *
 * usage: tool_without_landlock ERRNO PROGRAM [ARGUMENT...]
 */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = argc > 2 ? atoi(argv[1]) : 0;

	if (!filter || error <= 0 ||
		seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned) error),
			SCMP_SYS(landlock_create_ruleset), 0) < 0 ||
		seccomp_load(filter) < 0) {
		fprintf(stderr, "usage: %s ERRNO PROGRAM [ARGUMENT...]\n", argv[0]);
		return 2;
	}
	(void) execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
