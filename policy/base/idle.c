#include "policy/base/idle.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/base/clock.h"

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

void idle_send(pid_t pid, struct idle_child *ret)
{
	*ret = (struct idle_child){ .pid = pid, .check_usec = UINT64_MAX };
	if (may_schedule_others() && sched_setscheduler(pid, SCHED_IDLE, &none) == 0)
		ret->check_usec = clock_boot_usec() + IDLE_CHECK_USEC;
}

/* Processor time; 0 when nothing tells. */
static uint64_t worked_usec(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

void idle_check(struct idle_child *c)
{
	uint64_t now = clock_boot_usec(), worked;

	if (now < c->check_usec)
		return;
	worked = worked_usec(c->pid);
	if (worked < c->worked_usec + IDLE_CHECK_USEC / 4) {
		idle_call_back(c);
		return;
	}
	c->worked_usec = worked;
	c->check_usec = now + IDLE_CHECK_USEC;
}

void idle_call_back(struct idle_child *c)
{
	if (c->check_usec < UINT64_MAX)
		(void) sched_setscheduler(c->pid, SCHED_OTHER, &none);
	c->check_usec = UINT64_MAX;
}
