/*
 * Any bytes as policy.yaml: either messages with an error, or an image that policy_open() takes.
 * The messages are whole lines that steer no terminal, and the same input gives the same ones.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/base/text.h"
#include "policy/image/policy.h"
#include "policy/source/compile.h"
#include "policy/source/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_messages(const char *said)
{
	size_t size = strlen(said);
	const char *end;

	if (size > COMPILER_MESSAGES_MAX || (size > 0 && said[size - 1] != '\n'))
		abort();
	for (; *said; said = end + 1) {
		char line[64 << 10], escaped[64 << 10];

		end = strchr(said, '\n');
		if ((size_t) (end - said) >= sizeof(line) / 4)
			abort();
		memcpy(line, said, (size_t) (end - said));
		line[end - said] = '\0';
		text_escape(line, escaped, sizeof(escaped));
		if (strcmp(line, escaped) != 0)
			abort();
	}
}

static void check_image(struct builder *b)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct policy_info info;

	if (fd < 0)
		return;
	if (builder_write(b, fd) < 0 || policy_open(fd, &p) < 0)
		abort();
	policy_info(p, &info);
	for (uint32_t i = 0; i < info.n_rules; i++)
		if (!*policy_rule_reason(p, i, "en"))
			abort();
}

static void run(const uint8_t *data, size_t size, char **ret_said)
{
	struct source s = { .name = "policy.yaml", .text = (const char *) data, .size = size };
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_(builder_freep) struct builder *b = NULL;
	int r;

	if (messages_new(&m) < 0)
		abort();
	r = policy_compile(&s, 1, NULL, 0, m, &b);
	if ((r == 0) != (messages_count(m, MESSAGE_ERROR) == 0) || (r == 0) != (b != NULL))
		abort();
	if (r != 0 && r != -EINVAL)
		abort();
	if (messages_format(m, COMPILER_MESSAGES_MAX, ret_said) < 0)
		abort();
	check_messages(*ret_said);
	if (b)
		check_image(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *first = NULL, *second = NULL;

	run(data, size, &first);
	run(data, size, &second);
	if (strcmp(first, second) != 0)
		abort();
	return 0;
}
