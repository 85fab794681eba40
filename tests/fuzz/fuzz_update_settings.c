/* Any bytes as update.yaml: either settings within their bounds, or an error with a message and no
 * change. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/update/settings.h"
#include "policy/base/cleanup.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int path_is_fine(const char *s)
{
	return !*s || *s == '/';
}

static int in_bounds(const struct update_settings *s)
{
	const uint64_t minute = 60 * USEC_PER_SEC;

	return strnlen(s->repository, UPDATE_URL_SIZE) - 1 < UPDATE_URL_SIZE - 1 &&
		strnlen(s->proxy, UPDATE_URL_SIZE) < UPDATE_URL_SIZE &&
		text_utf8_valid(s->repository, strlen(s->repository)) && path_is_fine(s->ca_file) &&
		path_is_fine(s->certificate) && path_is_fine(s->key) &&
		!*s->certificate == !*s->key && s->timeout_usec >= USEC_PER_SEC &&
		s->timeout_usec <= 10 * minute && s->interval_usec >= minute &&
		s->interval_usec <= 7 * 24 * 60 * minute;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("update.yaml", MFD_CLOEXEC);
	_cleanup_free_ char *messages = NULL;
	static struct update_settings s, before;
	char path[32];
	int r;

	if (fd < 0 || fd_write_full(fd, data, size) < 0)
		abort();
	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&s, 0x55, sizeof(s));
	memset(&before, 0x55, sizeof(before));
	r = update_settings_load(path, &s, &messages);
	if (r == 0 && (!in_bounds(&s) || messages))
		abort();
	if (r < 0 && memcmp(&s, &before, sizeof(s)) != 0)
		abort();
	if (r == -EINVAL && (!messages || !*messages))
		abort();
	return 0;
}
