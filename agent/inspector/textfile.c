/*
 * Runs inside the inspector.
 */
#include "agent/inspector/textfile.h"

#include <errno.h>
#include <string.h>

#include "policy/base/fd.h"

void textfile_init(struct textfile *t, int fd, uint64_t max)
{
	t->fd = fd;
	t->max = max;
	t->offset = 0;
	t->begin = t->end = 0;
}

/* Moves what is left to the front and reads behind it. 1, 0 at the end of the file, or a negative
 * errno. */
static int fill(struct textfile *t)
{
	size_t have = t->end - t->begin;
	ssize_t n;

	memmove(t->buffer, t->buffer + t->begin, have);
	t->begin = 0;
	t->end = have;
	n = fd_pread_full(t->fd, t->buffer + have, TEXTFILE_BUFFER_SIZE - have, (off_t) t->offset);
	if (n <= 0)
		return (int) n;
	t->offset += (uint64_t) n;
	t->end += (size_t) n;
	return t->offset > t->max ? -EFBIG : 1;
}

/* The newline that ends the line at @begin, or NULL: it ends with the file, or is too long. */
static int find_end(struct textfile *t, char **ret)
{
	size_t searched = 0;

	for (;;) {
		size_t have = t->end - t->begin;
		char *newline = memchr(t->buffer + t->begin + searched, '\n', have - searched);
		int r;

		if (newline || have > TEXTFILE_LENGTH_MAX) {
			*ret = newline;
			return 0;
		}
		searched = have;
		r = fill(t);
		if (r <= 0) {
			*ret = NULL;
			return r;
		}
	}
}

/* The rest of a line that is too long. */
static int skip_line(struct textfile *t)
{
	for (;;) {
		char *newline = memchr(t->buffer + t->begin, '\n', t->end - t->begin);
		int r;

		if (newline) {
			t->begin = (size_t) (newline - t->buffer) + 1;
			return 1;
		}
		t->begin = t->end;
		r = fill(t);
		if (r <= 0)
			return r;
	}
}

int textfile_next(struct textfile *t, char **ret)
{
	for (;;) {
		size_t length;
		char *end, *line;
		int r = find_end(t, &end);

		if (r < 0)
			return r;
		if (!end && t->end - t->begin > TEXTFILE_LENGTH_MAX) {
			r = skip_line(t);
			if (r <= 0)
				return r;
			continue;
		}
		if (t->begin == t->end)
			return 0;
		line = t->buffer + t->begin;
		length = (end ? (size_t) (end - t->buffer) : t->end) - t->begin;
		line[length] = '\0';
		t->begin += length + (end ? 1 : 0);
		if (length > TEXTFILE_LENGTH_MAX || strlen(line) != length)
			continue;
		*ret = line;
		return 1;
	}
}
