#include "policy/base/idle.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

void idle_enter(void)
{
	const struct sched_param none = { 0 };

	(void) sched_setscheduler(0, SCHED_IDLE, &none);
	(void) syscall(
		SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}
