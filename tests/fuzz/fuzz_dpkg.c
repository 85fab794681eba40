/* Whatever dpkg's files hold, what is read from them names wanted packages only, makes records that
 * the agent's own check takes, and is the same when the file is read twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/inspector/dpkg.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	const struct name_list *names; /* NULL: paths */
	uint64_t hash;
	bool in_package;
};

static int check_record(enum packages_record tag, const char *text, void *context)
{
	struct seen *s = context;

	if (!*text || strlen(text) > PACKAGES_PATH_MAX)
		abort();
	if (tag == RECORD_FILE ? s->names || text[0] != '/'
			       : strchr(text, '/') || !text_utf8_valid(text, strlen(text)))
		abort();
	if (tag == RECORD_PACKAGE && !name_list_hold(s->names, text))
		abort();
	if ((tag == RECORD_VERSION || tag == RECORD_ARCHITECTURE) && !s->in_package)
		abort();
	if (tag == RECORD_VERSION && strlen(text) > PACKAGE_VERSION_MAX)
		abort();
	s->in_package = s->in_package || tag == RECORD_PACKAGE;
	for (; *text; text++)
		s->hash = (s->hash ^ (uint8_t) *text) * UINT64_C(0x100000001b3);
	s->hash = s->hash * 31 + (uint8_t) tag;
	return 0;
}

static uint64_t read_all(int fd, const struct name_list *names)
{
	struct seen status = { .names = names, .hash = 1 }, list = { .hash = 2 };
	struct sink to_status = { .put = check_record, .context = &status };
	struct sink to_list = { .put = check_record, .context = &list };

	(void) dpkg_read_status(fd, names, &to_status);
	(void) dpkg_read_os_release(fd, &to_status);
	(void) dpkg_read_list(fd, -1, "curl", &to_list);
	(void) dpkg_read_list(fd, fd, "curl",
		&(struct sink){ .put = check_record, .context = &(struct seen){ .hash = 3 } });
	return status.hash ^ list.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char wanted[] = "bash\0curl";
	_cleanup_close_ int fd = memfd_create("dpkg", MFD_CLOEXEC);
	_cleanup_close_ int names_fd = memfd_create("names", MFD_CLOEXEC);
	_cleanup_(name_list_done) struct name_list names = { 0 };
	uint64_t first;

	if (fd < 0 || fd_write_full(fd, data, size) < 0 ||
		fd_write_full(names_fd, wanted, sizeof(wanted)) < 0 ||
		name_list_read(names_fd, &names) < 0)
		return 0;
	first = read_all(fd, &names);
	if (read_all(fd, &names) != first)
		abort();
	return 0;
}
