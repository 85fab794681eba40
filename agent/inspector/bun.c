/*
 * The layout: all that was embedded, numbers that count from its start, the trailer.
 * Runs inside the inspector.
 */
#include "agent/inspector/bun.h"

#include <string.h>

#include "agent/inspector/number.h"
#include "policy/base/cleanup.h"

static const char trailer[] = "\n---- Bun! ----\n";

enum {
	TRAILER_SIZE = sizeof(trailer) - 1,
	NUMBERS_SIZE = 20,       /* the numbers that are read; more follow */
	MODULE_MIN = 16,         /* the ranges of a module's name and of its contents */
	BEFORE_SIZE = 128 << 10, /* bytes before the ELF file's end that are looked at */
	TABLE_STEP = 26 << 10,   /* bytes of the table that are read at once */
	PAGE_SIZE = 4096,
};

/* Bytes of a module in the table, since Bun 1.3 and before. */
static const uint32_t module_sizes[] = { 52, 36 };
/* Bytes of the numbers with what follows them, now and up to Bun 1.2. */
static const uint32_t numbers_sizes[] = { 32, 24 };

/* Which pages of the modules hold contents: neighbours melt into one range, and a table that names
 * the same bytes again and again costs nothing. */
struct pages {
	uint8_t *held; /* one for each page */
	uint64_t n;
};

static bool contains(uint64_t size, uint32_t offset, uint32_t length)
{
	return offset <= size && length <= size - offset;
}

static bool fits(uint32_t length, uint32_t entry, uint32_t module_size)
{
	return length > 0 && length % module_size == 0 && entry < length / module_size;
}

/* @at is where the numbers end. */
static bool is_real(const struct view *v, uint64_t at, uint32_t numbers_size, struct range *ret)
{
	uint8_t n[NUMBERS_SIZE], module[MODULE_MIN];
	uint64_t size, base;
	uint32_t table, length, entry;

	if (at < numbers_size || view_read(v, at - numbers_size, n, sizeof(n)) < 0)
		return false;
	size = number64(n);
	table = number32(n + 8);
	length = number32(n + 12);
	entry = number32(n + 16);
	if (size > at - numbers_size || !contains(size, table, length) ||
		(!fits(length, entry, module_sizes[0]) && !fits(length, entry, module_sizes[1])))
		return false;
	base = at - numbers_size - size;
	if (view_read(v, base + table, module, sizeof(module)) < 0 ||
		!contains(size, number32(module), number32(module + 4)) ||
		!contains(size, number32(module + 8), number32(module + 12)))
		return false;
	*ret = (struct range){ base, size };
	return true;
}

/* The last trailer among @n bytes that lie at @offset of the file. */
static bool find_in(
	const struct view *v, const uint8_t *bytes, size_t n, uint64_t offset, struct range *ret)
{
	const uint8_t *p = bytes, *end = bytes + n;
	uint64_t last = UINT64_MAX;

	while (n > 0 && (p = memmem(p, (size_t) (end - p), trailer, TRAILER_SIZE))) {
		last = offset + (uint64_t) (p - bytes);
		p++;
	}
	for (size_t i = 0; last != UINT64_MAX && i < ARRAY_SIZE(numbers_sizes); i++)
		if (is_real(v, last, numbers_sizes[i], ret))
			return true;
	return false;
}

static bool find_before(const struct view *v, uint64_t end, struct range *ret)
{
	const size_t n = end < BEFORE_SIZE ? (size_t) end : BEFORE_SIZE;
	_cleanup_free_ uint8_t *bytes = malloc(BEFORE_SIZE);

	return bytes && view_read(v, end - n, bytes, n) == 0 && find_in(v, bytes, n, end - n, ret);
}

/* Bun maps its modules as part of the ELF file, and goes by what is appended only when there are
 * none. */
bool bun_find_modules(const struct view *v, uint64_t elf_end, struct range *ret)
{
	if (elf_end < v->size && find_before(v, elf_end, ret))
		return true;
	return find_in(v, v->tail, v->n_tail, v->size - v->n_tail, ret);
}

/* Adds the contents of one module to @pages; *left is what contents may still add up to. */
static int add_module(struct pages *p, uint64_t size, const uint8_t *module, uint64_t *left)
{
	const uint32_t offset = number32(module + 8), length = number32(module + 12);
	uint64_t first, last;

	if (!contains(size, offset, length) || length > *left)
		return -EBADMSG;
	*left -= length;
	if (length == 0)
		return 0;
	first = offset / PAGE_SIZE;
	last = ((uint64_t) offset + length - 1) / PAGE_SIZE;
	memset(p->held + first, 1, (size_t) (last - first + 1));
	return 0;
}

/* Adds the contents of @n modules of @module_size bytes, whose table begins at @at. */
static int add_modules(const struct view *v, uint64_t size, uint64_t at, uint32_t n,
	uint32_t module_size, struct pages *p)
{
	uint8_t step[TABLE_STEP];
	const uint32_t step_max = TABLE_STEP / module_size;
	uint64_t left = size;
	int r = 0;

	while (n > 0 && r == 0) {
		const uint32_t now = n < step_max ? n : step_max;

		r = view_read(v, at, step, (size_t) now * module_size);
		for (uint32_t i = 0; i < now && r == 0; i++)
			r = add_module(p, size, step + (size_t) i * module_size, &left);
		at += (uint64_t) now * module_size;
		n -= now;
	}
	return r;
}

static int read_table(const struct view *v, const struct range *modules, struct pages *p)
{
	uint8_t numbers[NUMBERS_SIZE];
	uint32_t table, length;
	int r;

	r = view_read(v, modules->offset + modules->size, numbers, sizeof(numbers));
	if (r < 0)
		return r;
	table = number32(numbers + 8);
	length = number32(numbers + 12);
	if (!contains(modules->size, table, length))
		return -EBADMSG;
	r = -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(module_sizes) && r == -EBADMSG; i++) {
		if (length % module_sizes[i])
			continue;
		if (length / module_sizes[i] > BUN_MODULES_MAX)
			return -E2BIG;
		memset(p->held, 0, (size_t) p->n);
		r = add_modules(v, modules->size, modules->offset + table, length / module_sizes[i],
			module_sizes[i], p);
	}
	return r;
}

/* The next run of held pages from *at on, which moves behind it. */
static bool next_run(const struct pages *p, uint64_t *at, uint64_t *ret_first)
{
	const uint8_t *held = p->held, *found, *end;

	found = *at < p->n ? memchr(held + *at, 1, (size_t) (p->n - *at)) : NULL;
	if (!found)
		return false;
	*ret_first = (uint64_t) (found - held);
	end = memchr(found, 0, (size_t) (p->n - *ret_first));
	*at = end ? (uint64_t) (end - held) : p->n;
	return true;
}

static int ranges_of(
	const struct pages *p, const struct range *modules, struct range **ret, size_t *ret_n)
{
	uint64_t at = 0, first;
	struct range *ranges;
	size_t n = 0;

	while (next_run(p, &at, &first))
		n++;
	ranges = calloc(n ? n : 1, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	at = 0;
	for (size_t i = 0; next_run(p, &at, &first); i++) {
		const uint64_t offset = first * PAGE_SIZE, end = at * PAGE_SIZE;

		ranges[i].offset = modules->offset + offset;
		ranges[i].size = (end < modules->size ? end : modules->size) - offset;
	}
	*ret = ranges;
	*ret_n = n;
	return 0;
}

int bun_find_contents(
	const struct view *v, const struct range *modules, struct range **ret, size_t *ret_n)
{
	_cleanup_free_ uint8_t *held = NULL;
	struct pages p = { 0 };
	int r;

	/* What numbers of 32 bits can reach: a sparse file may claim more. */
	p.n = (modules->size < 2 * (uint64_t) UINT32_MAX ? modules->size
							 : 2 * (uint64_t) UINT32_MAX) /
			PAGE_SIZE +
		1;
	held = p.held = calloc((size_t) p.n, 1);
	if (!held)
		return -ENOMEM;
	r = read_table(v, modules, &p);
	return r < 0 ? r : ranges_of(&p, modules, ret, ret_n);
}
