/*
 * The smallest program there is to launch, linked without a C runtime: what remains is the cost of
 * the launch itself.
 */
#include <unistd.h>

void _start(void);

void _start(void)
{
	_exit(0);
}
