/*
 * Runs on the watch's thread. The inspector at the other end has read hostile bytes: each record is
 * checked as theirs.
 */
#include "agent/installed/ask.h"

#include <poll.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

void asker_init(struct asker *a, uid_t uid, gid_t gid, int stop_fd)
{
	*a = (struct asker){
		.uid = uid, .gid = gid, .stop_fd = stop_fd, .client = { .socket = -1 }
	};
}

void asker_done(struct asker *a)
{
	client_stop(&a->client);
}

static bool is_path(const char *path)
{
	const char *name = path;
	size_t n;

	if (*path != '/' || strlen(path) > PACKAGES_PATH_MAX)
		return false;
	while (*name) {
		name += strspn(name, "/");
		n = strcspn(name, "/");
		if ((n == 1 && name[0] == '.') || (n == 2 && memcmp(name, "..", 2) == 0))
			return false;
		name += n;
	}
	return true;
}

static bool is_record(char tag, const char *text)
{
	switch ((enum packages_record) tag) {
	case RECORD_SYSTEM:
	case RECORD_PACKAGE:
	case RECORD_ARCHITECTURE:
		return *text && strlen(text) <= MESSAGE_NAME_MAX && !strchr(text, '/') &&
			text_utf8_valid(text, strlen(text));
	case RECORD_VERSION:
		return *text && strlen(text) <= PACKAGE_VERSION_MAX &&
			text_utf8_valid(text, strlen(text));
	case RECORD_FILE:
		return true; /* what is no path of ours is passed over below */
	}
	return false;
}

static int take_record(const struct question *q, const char *record)
{
	if (!is_record(record[0], record + 1))
		return -EBADMSG;
	if (record[0] == RECORD_FILE && !is_path(record + 1))
		return 0;
	return q->record((enum packages_record) record[0], record + 1, q->context);
}

static int take_records(const struct question *q, const struct message_found *m, size_t *n)
{
	int r = 0;

	if (m->size > sizeof(m->records) || (m->size > 0 && m->records[m->size - 1] != '\0'))
		return -EBADMSG;
	for (size_t at = 0; at < m->size && r == 0; at += strlen(m->records + at) + 1)
		r = ++*n > ASK_RECORDS_MAX ? -EBADMSG : take_record(q, m->records + at);
	return r;
}

static int receive_answer(struct asker *a, const struct question *q, uint64_t id, int *ret_error)
{
	const uint64_t deadline = clock_boot_usec() + ASK_TIMEOUT_USEC;
	int fds[MESSAGE_FDS_MAX], r;
	size_t n_fds, n = 0;
	union message m = { .type = MESSAGE_FOUND };

	do {
		r = client_wait(&a->client, deadline);
		r = r
			?: message_receive(a->client.socket, MESSAGE_FROM_INSPECTOR,
				   MESSAGE_READING, &m, fds, &n_fds);
		if (r < 0)
			return r;
		if (m.found.id != id || m.found.error > 0 || m.found.last > 1 ||
			(!m.found.last && (m.found.error || !m.found.size)))
			return -EBADMSG;
		r = take_records(q, &m.found, &n);
		if (r < 0)
			return r;
	} while (!m.found.last);
	*ret_error = m.found.error;
	return 0;
}

static int exchange(struct asker *a, const struct question *q, int *ret_error)
{
	const int fds[] = { q->database, q->second };
	union message m = { .packages = { .type = MESSAGE_PACKAGES, .kind = q->kind } };
	int r;

	if (a->client.pid == 0)
		r = client_start(&a->client, a->uid, a->gid, false, a->stop_fd);
	else
		r = 0;
	if (r < 0)
		return r;
	m.packages.id = ++a->client.last_id;
	if (text_copy(m.packages.package, sizeof(m.packages.package), q->package ?: "") < 0)
		return -EINVAL;
	r = message_send(a->client.socket, &m, fds, q->second < 0 ? 1 : 2);
	if (r < 0)
		return r == -ECONNRESET ? -EPIPE : r;
	return receive_answer(a, q, m.packages.id, ret_error);
}

int ask(struct asker *a, const struct question *q)
{
	int error = 0, r = exchange(a, q, &error);

	if (r < 0)
		client_stop(&a->client); /* what it still says is of no use */
	if (r == -EBADMSG)
		return -EPROTO;
	return r ?: error;
}
