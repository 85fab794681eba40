/*
 * Runs inside the inspector.
 */
#include "agent/inspector/meter.h"

#include <errno.h>

int meter_entry(struct meter *m)
{
	return ++m->n_entries > CONTENT_ENTRIES_MAX ? -E2BIG : 0;
}

int meter_unpacked(struct meter *m, uint64_t n)
{
	if (n > CONTENT_SIZE_MAX - m->unpacked)
		return -E2BIG;
	m->unpacked += n;
	if (m->unpacked > CONTENT_RATIO_FREE && m->unpacked / CONTENT_RATIO_MAX >= m->container)
		return -E2BIG;
	return 0;
}

int meter_work(struct meter *m, uint64_t n)
{
	if (n > METER_WORK_MAX - m->work)
		return -E2BIG;
	m->work += n;
	return 0;
}
