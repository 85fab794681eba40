#include "agent/compiler/serve.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/compiler/signed.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
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
	struct messages *messages;
	char *refusal; /* instead of the messages; NULL */

	union wire trust;
	struct signed_policy policy;
	struct signed_file signed_files[WIRE_SIGNED_FILES_MAX];
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

/* *ret_name and *ret_fd are the caller's. */
static int receive_any(struct run *run, char **ret_name, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	union wire m;
	int r = wire_receive(run->socket, WIRE_FILE, &m, &fd);

	if (r < 0)
		return r;
	if (!memchr(m.file.name, '\0', sizeof(m.file.name)))
		return -EPROTO;
	r = text_dup(m.file.name, ret_name);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int receive_file(struct run *run)
{
	_cleanup_close_ int fd = -1;
	char *name;
	int r = receive_any(run, &name, &fd);

	if (r < 0)
		return r;
	if (run->begin.begin.kind == WIRE_POLICY &&
		!strncmp(name, POLICY_LISTS, strlen(POLICY_LISTS)))
		return keep_list(run, name, &fd);
	return read_text(run, name, fd);
}

static int receive_signed(struct run *run)
{
	struct signed_policy *s = &run->policy;
	const uint32_t n = run->begin.begin.n_files;
	int fds[WIRE_FDS_MAX];
	int r = n <= WIRE_SIGNED_FILES_MAX ? wire_receive(run->socket, WIRE_TRUST, &run->trust, fds)
					   : -EPROTO;

	if (r < 0)
		return r;
	s->new_bundle_fd = fds[0];
	s->bundle_fd = fds[1];
	s->root_fd = fds[2];
	s->files = run->signed_files;
	s->n_files = n;
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = receive_any(run, &run->signed_files[i].name, &run->signed_files[i].fd);
	if (r == 0)
		signed_sort(run->signed_files, n);
	return r;
}

static int receive(struct run *run)
{
	int fds[WIRE_FDS_MAX];
	int r = wire_receive(run->socket, WIRE_BEGIN, &run->begin, fds);

	if (r < 0)
		return r;
	run->result_fd = fds[0];
	run->messages_fd = fds[1];
	if (run->begin.begin.kind == WIRE_SIGNED)
		return receive_signed(run);
	if (run->begin.begin.n_files > POLICY_ALL_FILES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < run->begin.begin.n_files && r == 0; i++)
		r = receive_file(run);
	return r;
}

static int compile(
	struct run *run, struct source files[], size_t n_files, struct list lists[], size_t n_lists)
{
	_cleanup_(builder_freep) struct builder *builder = NULL;
	int r = policy_compile(files, n_files, lists, n_lists, run->messages, &builder);

	/* Of large lists, what is written next needs the room. */
	for (size_t i = 0; i < n_lists; i++)
		free((char *) TAKE_PTR(lists[i].text));
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

/* Verifies, tells what is trusted now, and compiles what has changed. */
static int compile_signed(struct run *run)
{
	_cleanup_free_ char *line = NULL;
	struct signed_policy *s = &run->policy;
	union wire m = { .trusted = { .type = WIRE_TRUSTED } };
	int r = signed_verify(s, &run->trust.trust, &m.trusted);

	if (r == 0)
		r = wire_send(run->socket, &m, NULL);
	if (r < 0)
		return r;
	if (m.trusted.error < 0) {
		line = tuf_error_line(&s->error);
		return !line || asprintf(&run->refusal, "error: %s\n", line) < 0 ? -ENOMEM
										 : -EINVAL;
	}
	if (m.trusted.same)
		return 0;
	return compile(run, s->sources, s->n_sources, s->lists, s->n_lists);
}

static int format_messages(struct run *run, char **ret)
{
	if (!run->refusal)
		return messages_format(run->messages, COMPILER_MESSAGES_MAX, ret);
	*ret = TAKE_PTR(run->refusal);
	return 0;
}

static int answer(struct run *run, int error)
{
	const bool refused = run->refusal;
	_cleanup_free_ char *text = NULL;
	union wire m = { .result = { .type = WIRE_RESULT, .error = error } };
	off_t size = lseek(run->result_fd, 0, SEEK_END);
	int r = format_messages(run, &text);

	if (r == 0)
		r = fd_write_full(run->messages_fd, text, strlen(text));
	if (r < 0)
		return r;
	m.result.n_errors = refused ? 1 : messages_count(run->messages, MESSAGE_ERROR);
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
		return answer(
			run, compile(run, run->files, run->n_files, run->lists, run->n_lists));
	case WIRE_SETTINGS:
		return answer(run, compile_settings(run));
	case WIRE_SIGNED:
		return answer(run, compile_signed(run));
	default:
		return -EPROTO;
	}
}
