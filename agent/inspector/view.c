/*
 * Runs inside the inspector.
 */
#include "agent/inspector/view.h"

#include <errno.h>
#include <string.h>

#include "policy/base/fd.h"

int view_read(const struct view *v, uint64_t offset, void *buffer, size_t n)
{
	ssize_t r;

	if (offset > v->size || n > v->size - offset || offset > INT64_MAX)
		return -ENODATA;
	if (n == 0)
		return 0;
	if (offset <= v->n_head && n <= v->n_head - offset) {
		memcpy(buffer, v->head + offset, n);
		return 0;
	}
	if (v->n_tail <= v->size && offset >= v->size - v->n_tail) {
		memcpy(buffer, v->tail + (offset - (v->size - v->n_tail)), n);
		return 0;
	}
	if (v->fd < 0)
		return -ENODATA;
	r = fd_pread_full(v->fd, buffer, n, (off_t) offset);
	if (r < 0)
		return (int) r;
	return (size_t) r == n ? 0 : -ENODATA;
}
