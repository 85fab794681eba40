/*
 * Runs inside the inspector: takes one question, has the reader of its kind answer it, and sends
 * what that finds in messages of a fixed size.
 */
#include "agent/inspector/packages.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/inspector/dpkg.h"
#include "agent/inspector/rpmdb.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

struct answer {
	int socket;
	union message *m;
};

void name_list_done(struct name_list *n)
{
	free(n->text);
	free(n->list);
	*n = (struct name_list){ 0 };
}

/* Cuts @size bytes at @text into names. */
static int cut_names(char *text, size_t size, const char *list[], size_t *ret_n)
{
	size_t n = 0;

	for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
		if (n == PACKAGES_NAMES_MAX)
			return -E2BIG;
		if (n > 0 && strcasecmp(list[n - 1], text + at) > 0)
			return -EBADMSG;
		list[n++] = text + at;
	}
	*ret_n = n;
	return 0;
}

int name_list_read(int fd, struct name_list *ret)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ const char **list = NULL;
	size_t size, n;
	int r = fd_read_file(fd, PACKAGES_NAMES_SIZE_MAX, &text, &size);

	if (r < 0)
		return r == -EFBIG ? -E2BIG : r;
	if (size > 0 && text[size - 1] != '\0')
		return -EBADMSG;
	list = calloc(PACKAGES_NAMES_MAX, sizeof(*list));
	if (!list)
		return -ENOMEM;
	r = cut_names(text, size, list, &n);
	if (r < 0)
		return r;
	*ret = (struct name_list){ .text = TAKE_PTR(text), .list = TAKE_PTR(list), .n = n };
	return 0;
}

static int compare_name(const void *a, const void *b)
{
	return strcasecmp(a, *(const char *const *) b);
}

bool name_list_hold(const struct name_list *n, const char *name)
{
	return n->n > 0 && bsearch(name, n->list, n->n, sizeof(*n->list), compare_name);
}

int sink_put(struct sink *s, enum packages_record tag, const char *text)
{
	if (strlen(text) > PACKAGES_PATH_MAX)
		return 0;
	if (tag == RECORD_PACKAGE)
		s->n_files = 0;
	if (tag == RECORD_FILE && s->n_files++ >= PACKAGES_FILES_MAX) {
		s->cut = true;
		return 0;
	}
	return s->put(tag, text, s->context);
}

static int flush(struct answer *a)
{
	int r = message_send(a->socket, a->m, NULL, 0);

	a->m->found.size = 0;
	return r;
}

static int put_record(enum packages_record tag, const char *text, void *context)
{
	struct answer *a = context;
	struct message_found *m = &a->m->found;
	const size_t size = strlen(text) + 2;
	int r = 0;

	if (sizeof(m->records) - m->size < size)
		r = flush(a);
	if (r < 0)
		return r;
	m->records[m->size] = (char) tag;
	memcpy(m->records + m->size + 1, text, size - 1);
	m->size += (uint32_t) size;
	return 0;
}

static int read_kind(const struct message_packages *m, const int fds[], size_t n_fds,
	const struct name_list *names, struct sink *sink)
{
	switch ((enum packages_kind) m->kind) {
	case PACKAGES_OS_RELEASE:
		return dpkg_read_os_release(fds[0], sink);
	case PACKAGES_DPKG_STATUS:
		return dpkg_read_status(fds[0], names, sink);
	case PACKAGES_DPKG_LIST:
		return dpkg_read_list(fds[0], n_fds > 1 ? fds[1] : -1, m->package, sink);
	case PACKAGES_RPM:
		return rpmdb_read(fds[0], names, sink);
	case PACKAGES_NONE:
	case _PACKAGES_KIND_MAX:
		break;
	}
	return -EINVAL;
}

static int answer_question(
	const struct message_packages *m, const int fds[], size_t n_fds, struct sink *sink)
{
	_cleanup_(name_list_done) struct name_list names = { 0 };
	const bool named = m->kind == PACKAGES_DPKG_STATUS || m->kind == PACKAGES_RPM;
	struct stat st;
	int r = 0;

	if (fstat(fds[0], &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !memchr(m->package, '\0', sizeof(m->package)))
		return -EINVAL;
	if (named)
		r = n_fds == 2 ? name_list_read(fds[1], &names) : -EINVAL;
	r = r ?: read_kind(m, fds, n_fds, &names, sink);
	return r == 0 && sink->cut ? -E2BIG : r;
}

int packages_serve(int socket, const struct message_packages *m, const int fds[], size_t n_fds)
{
	union message out = { .found = { .type = MESSAGE_FOUND, .id = m->id } };
	struct answer answer = { .socket = socket, .m = &out };
	struct sink sink = { .put = put_record, .context = &answer };

	out.found.error = answer_question(m, fds, n_fds, &sink);
	out.found.last = 1;
	return flush(&answer);
}
