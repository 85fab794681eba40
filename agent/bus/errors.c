/*
 * Runs in proscribed. Every error that leaves on the bus gets its name here.
 */
#include "agent/bus/errors.h"

#include <stdarg.h>
#include <stdlib.h>

#define PREFIX "org.proscribe.Error."

static const struct {
	int error;
	const char *name;
} map[] = {
	{ EACCES, PREFIX "AccessDenied" },
	{ EPERM, PREFIX "AccessDenied" },
	{ ENOENT, PREFIX "NotFound" },
	{ EINVAL, PREFIX "InvalidArgument" },
	{ EMEDIUMTYPE, PREFIX "NotRegularFile" },
	{ EBUSY, PREFIX "Busy" },
	{ ENODATA, PREFIX "NoPolicy" },
	{ EOPNOTSUPP, PREFIX "NotSupported" },
	{ ENOBUFS, PREFIX "LimitReached" },
	{ ETIMEDOUT, PREFIX "Timeout" },
	{ EPIPE, PREFIX "InspectorDied" },
	{ EBADMSG, PREFIX "InspectorLied" },
	{ ESHUTDOWN, PREFIX "ShuttingDown" },
	{ EKEYREJECTED, PREFIX "PolicyRejected" },
	{ EUCLEAN, PREFIX "LedgerDamaged" },
	{ ENOMEM, PREFIX "NoMemory" },
};

const char *bus_error_name(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].error == abs(error))
			return map[i].name;
	return PREFIX "Failed";
}

int bus_error_set(sd_bus_error *e, int error, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	errno = abs(error); /* for %m */
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		text = NULL;
	(void) sd_bus_error_set(e, bus_error_name(error), text);
	return -abs(error);
}
