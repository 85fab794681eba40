#include "agent/compiler/serve.h"

#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/source/compile.h"
#include "policy/source/compiler.h"
#include "policy/source/settings_file.h"
#include "policy/source/wire.h"

/* One run. Everything is kept until the process ends. */
struct run {
	int socket;
	union wire begin;
	int result_fd, messages_fd;
	struct source files[2 * POLICY_FILES_MAX];
	struct list lists[POLICY_FILES_MAX];
	size_t n_files, n_lists;
	union wire names[POLICY_ALL_FILES_MAX];
	struct messages *messages;
};

static int keep_list(struct run *run, const char *name, int *fd)
{
	struct list *l = &run->lists[run->n_lists];

	if (run->n_lists == ARRAY_SIZE(run->lists))
		return -EPROTO;
	l->source.name = name;
	l->fd = TAKE_FD(*fd);
	run->n_lists++;
	return 0;
}

static int read_text(struct run *run, const char *name, int fd)
{
	struct source *s = &run->files[run->n_files];
	char *text;
	int r;

	if (run->n_files == ARRAY_SIZE(run->files))
		return -EPROTO;
	r = fd_read_file(fd, POLICY_FILE_SIZE_MAX, &text, &s->size);
	if (r < 0)
		return r;
	s->text = text;
	s->name = name;
	run->n_files++;
	return 0;
}

static int receive_file(struct run *run, size_t i)
{
	_cleanup_close_ int fd = -1;
	const char *name = run->names[i].file.name;
	int r = wire_receive(run->socket, WIRE_FILE, &run->names[i], &fd);

	if (r < 0)
		return r;
	if (!memchr(run->names[i].file.name, '\0', sizeof(run->names[i].file.name)))
		return -EPROTO;
	if (run->begin.begin.kind == WIRE_POLICY &&
		!strncmp(name, POLICY_LISTS, strlen(POLICY_LISTS)))
		return keep_list(run, name, &fd);
	return read_text(run, name, fd);
}

static int receive(struct run *run)
{
	int fds[WIRE_FDS_MAX];
	int r = wire_receive(run->socket, WIRE_BEGIN, &run->begin, fds);

	if (r < 0)
		return r;
	run->result_fd = fds[0];
	run->messages_fd = fds[1];
	if (run->begin.begin.n_files > POLICY_ALL_FILES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < run->begin.begin.n_files && r == 0; i++)
		r = receive_file(run, i);
	return r;
}

static int compile_policy(struct run *run)
{
	_cleanup_(builder_freep) struct builder *builder = NULL;
	int r = policy_compile(
		run->files, run->n_files, run->lists, run->n_lists, run->messages, &builder);

	return r < 0 ? r : builder_write(builder, run->result_fd);
}

static int compile_settings(struct run *run)
{
	struct settings settings;
	int r;

	if (run->n_files != 1)
		return -EPROTO;
	r = settings_file_read(&run->files[0], run->messages, &settings);
	return r < 0 ? r : fd_write_full(run->result_fd, &settings, sizeof(settings));
}

static int answer(struct run *run, int error)
{
	_cleanup_free_ char *text = NULL;
	union wire m = { .result = { .type = WIRE_RESULT, .error = error } };
	off_t size = lseek(run->result_fd, 0, SEEK_END);
	int r = messages_format(run->messages, COMPILER_MESSAGES_MAX, &text);

	if (r == 0)
		r = fd_write_full(run->messages_fd, text, strlen(text));
	if (r < 0)
		return r;
	m.result.n_errors = messages_count(run->messages, MESSAGE_ERROR);
	m.result.n_warnings = messages_count(run->messages, MESSAGE_WARNING);
	m.result.size = size > 0 ? (uint64_t) size : 0;
	m.result.messages_size = strlen(text);
	return wire_send(run->socket, &m, NULL);
}

int serve(int socket)
{
	static const union wire ready = { .ready = { .type = WIRE_READY } };
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	run->socket = socket;
	r = messages_new(&run->messages);
	if (r == 0)
		r = wire_send(run->socket, &ready, NULL);
	if (r == 0)
		r = receive(run);
	if (r < 0)
		return r;
	switch (run->begin.begin.kind) {
	case WIRE_POLICY:
		return answer(run, compile_policy(run));
	case WIRE_SETTINGS:
		return answer(run, compile_settings(run));
	default:
		return -EPROTO;
	}
}
