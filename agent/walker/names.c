#include "agent/walker/names.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

enum { RUN = 8 }; /* names sorted one by one before runs of them are merged */

int names_new(struct names **ret)
{
	_cleanup_(names_freep) struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	/* Large enough to come as pages of their own, of which only those touched count. */
	n->list = malloc(NAMES_MAX * sizeof(n->list[0]));
	n->spare = malloc(NAMES_MAX * sizeof(n->spare[0]));
	n->text = malloc(NAMES_TEXT_MAX);
	n->buffer = malloc(NAMES_BUFFER_SIZE);
	if (!n->list || !n->spare || !n->text || !n->buffer)
		return -ENOMEM;
	*ret = TAKE_PTR(n);
	return 0;
}

struct names *names_free(struct names *n)
{
	if (!n)
		return NULL;
	free(n->list);
	free(n->spare);
	free(n->text);
	free(n->buffer);
	free(n);
	return NULL;
}

void names_begin(struct names *n)
{
	n->buffer_at = n->buffer_end = 0;
	n->begun = false;
}

static bool is_listed(const struct dirent64 *d)
{
	if (d->d_type != DT_DIR && d->d_type != DT_REG && d->d_type != DT_UNKNOWN)
		return false;
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* False: there is no room for it. */
static bool take(struct names *n, const struct dirent64 *d)
{
	size_t size = strlen(d->d_name) + 1;

	if (n->n == NAMES_MAX || NAMES_TEXT_MAX - n->n_text < size)
		return false;
	memcpy(n->text + n->n_text, d->d_name, size);
	n->list[n->n++] = (struct name){ n->text + n->n_text, d->d_type };
	n->n_text += size;
	return true;
}

static int fill_buffer(struct names *n, int fd)
{
	ssize_t size = getdents64(fd, n->buffer, NAMES_BUFFER_SIZE);

	if (size < 0)
		return -errno;
	n->buffer_at = 0;
	n->buffer_end = (size_t) size;
	return size > 0;
}

/* 1: the lot is full; 0: the folder is at its end. */
static int read_lot(struct names *n, int fd)
{
	for (;;) {
		while (n->buffer_at < n->buffer_end) {
			const struct dirent64 *d = (const void *) (n->buffer + n->buffer_at);

			if (is_listed(d) && !take(n, d))
				return 1;
			n->buffer_at += d->d_reclen;
		}
		int r = fill_buffer(n, fd);

		if (r <= 0)
			return r;
	}
}

static void merge(
	const struct name *a, const struct name *b, const struct name *end, struct name *to)
{
	const struct name *middle = b;

	while (a < middle || b < end)
		*to++ = b == end || (a < middle && strcmp(a->text, b->text) <= 0) ? *a++ : *b++;
}

static void sort_run(struct name *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct name x = list[i];
		size_t k = i;

		for (; k > 0 && strcmp(list[k - 1].text, x.text) > 0; k--)
			list[k] = list[k - 1];
		list[k] = x;
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Not qsort(3), which asks the kernel how much memory there is: the filter would end us. */
static void sort(struct names *n)
{
	for (size_t i = 0; i < n->n; i += RUN)
		sort_run(n->list + i, least(RUN, n->n - i));
	for (size_t run = RUN; run < n->n; run *= 2) {
		struct name *from = n->list;

		for (size_t i = 0; i < n->n; i += 2 * run)
			merge(from + i, from + least(i + run, n->n),
				from + least(i + 2 * run, n->n), n->spare + i);
		n->list = n->spare;
		n->spare = from;
	}
}

int names_read(struct names *n, int fd)
{
	int r;

	n->n = n->n_text = 0;
	r = read_lot(n, fd);
	if (r < 0)
		return r;
	n->is_all = r == 0 && !n->begun;
	n->begun = true;
	sort(n);
	return r;
}
