#include "agent/scan/resume.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "policy/base/fd.h"
#include "policy/base/text.h"

#define HEAD "proscribe-scan 1"

int resume_init(struct resume *r, const char *const paths[], size_t n)
{
	struct resume fresh = { 0 };
	int e = n > WALK_ROOTS_MAX ? -E2BIG : 0;

	for (size_t i = 0; i < n && e == 0; i++) {
		size_t length = strlen(paths[i]);

		if (paths[i][0] != '/')
			e = -EINVAL;
		else if (length >= WALK_PATH_MAX)
			e = -ENAMETOOLONG;
		else
			e = text_dup(paths[i], &fresh.roots[fresh.n_roots]);
		fresh.n_roots += e == 0;
	}
	if (e < 0) {
		resume_done(&fresh);
		return e;
	}
	fresh.n_parts = 1;
	*r = fresh;
	return 0;
}

void resume_done(struct resume *r)
{
	while (r->n_roots > 0)
		free(r->roots[--r->n_roots]);
}

static void write_hex(FILE *f, const char *bytes)
{
	for (; *bytes; bytes++)
		(void) fprintf(f, "%02x", (unsigned char) *bytes);
	(void) fputc('\n', f);
}

int resume_write(const struct resume *r, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	(void) fprintf(f, HEAD "\nother-filesystems %d\n", r->other_filesystems);
	for (size_t i = 0; i < r->n_roots; i++) {
		(void) fputs("root ", f);
		write_hex(f, r->roots[i]);
	}
	for (uint32_t i = 0; i < r->n_parts; i++) {
		(void) fprintf(f, "at %u ", r->root);
		write_hex(f, r->done[i]);
	}
	(void) fputs("end\n", f);
	if (ferror(f) | fclose(f))
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

/* ---- reading ---- */

/* The path in @hex; a NUL in it, which no path has, is refused. */
static int read_hex(const char *hex, char out[WALK_PATH_MAX])
{
	size_t n = strlen(hex) / 2;

	if (n >= WALK_PATH_MAX || text_unhex(hex, (uint8_t *) out, n) < 0)
		return -EBADMSG;
	out[n] = '\0';
	return strlen(out) == n ? 0 : -EBADMSG;
}

static int read_root(struct resume *r, const char *hex)
{
	char path[WALK_PATH_MAX];

	if (r->n_roots == WALK_ROOTS_MAX || read_hex(hex, path) < 0 || path[0] != '/')
		return -EBADMSG;
	return text_dup(path, &r->roots[r->n_roots++]);
}

static int read_place(struct resume *r, const char *s)
{
	char *end;
	unsigned long root;

	if (*s < '0' || *s > '9')
		return -EBADMSG;
	root = strtoul(s, &end, 10);
	if (*end != ' ' || root > r->n_roots || r->n_parts == RESUME_PARTS_MAX ||
		(r->n_parts > 0 && root != r->root))
		return -EBADMSG;
	r->root = (uint32_t) root;
	return read_hex(end + 1, r->done[r->n_parts++]);
}

static int read_lines(char *rest, struct resume *r)
{
	const char *line = strsep(&rest, "\n");
	int e = strcmp(line, HEAD) == 0 ? 0 : -EBADMSG;
	bool ended = false;

	while (e == 0 && !ended && rest) {
		line = strsep(&rest, "\n");
		if (strncmp(line, "root ", 5) == 0)
			e = read_root(r, line + 5);
		else if (strcmp(line, "other-filesystems 1") == 0)
			r->other_filesystems = true;
		else if (strncmp(line, "at ", 3) == 0)
			e = read_place(r, line + 3);
		else if (strcmp(line, "end") == 0)
			ended = true;
		else if (strcmp(line, "other-filesystems 0") != 0)
			e = -EBADMSG;
	}
	if (e == 0 && (!ended || r->n_roots == 0 || r->n_parts == 0 || !rest || *rest))
		e = -EBADMSG;
	return e;
}

int resume_parse(const char *text, struct resume *ret)
{
	_cleanup_free_ char *copy = NULL;
	struct resume r = { 0 };
	int e;

	if (strnlen(text, RESUME_SIZE_MAX + 1) > RESUME_SIZE_MAX)
		return -EBADMSG;
	e = text_dup(text, &copy);
	e = e < 0 ? e : read_lines(copy, &r);
	if (e < 0) {
		resume_done(&r);
		return e;
	}
	*ret = r;
	return 0;
}

bool resume_is_of(
	const struct resume *r, const char *const paths[], size_t n, bool other_filesystems)
{
	bool same = r->n_roots == n && r->other_filesystems == other_filesystems;

	for (size_t i = 0; i < n && same; i++)
		same = strcmp(r->roots[i], paths[i]) == 0;
	return same;
}

/* ---- the file ---- */

int resume_save(const struct resume *r, const char *path)
{
	_cleanup_free_ char *text = NULL, *fresh = NULL;
	_cleanup_close_ int fd = -1;
	int e = resume_write(r, &text);

	if (e < 0)
		return e;
	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	e = fd_write_full(fd, text, strlen(text));
	if (e == 0 && rename(fresh, path) < 0)
		e = -errno;
	if (e < 0)
		(void) unlink(fresh);
	return e;
}

int resume_load(const char *path, struct resume *ret)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t size;
	int e;

	if (fd < 0)
		return -errno;
	e = fd_read_file(fd, RESUME_SIZE_MAX, &text, &size);
	return e < 0 ? e : resume_parse(text, ret);
}
