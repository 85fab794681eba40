#include "policy/base/idle.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct sched_param none;

void idle_enter(void)
{
	(void) sched_setscheduler(0, SCHED_IDLE, &none);
	(void) syscall(
		SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

static bool may_schedule_others(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
		(data[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE));
}

bool idle_send(pid_t pid)
{
	return may_schedule_others() && sched_setscheduler(pid, SCHED_IDLE, &none) == 0;
}

void idle_call_back(pid_t pid)
{
	(void) sched_setscheduler(pid, SCHED_OTHER, &none);
}
