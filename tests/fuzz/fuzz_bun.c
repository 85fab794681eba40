/* Whatever a trailer says, the modules end before it; their contents are ranges inside them,
 * ascending and apart, which hold all that a sound table names. Runs on the input as it is, and on
 * the input in front of numbers, some of them its own, and a trailer. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inspector/bun.h"
#include "agent/inspector/class.h"
#include "policy/base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MODULE_SIZE = 52, OLD_MODULE_SIZE = 36, NUMBERS_SIZE = 32, INPUT_MAX = 60 << 10 };

static const char trailer[] = "\n---- Bun! ----\n";

static uint32_t number(const uint8_t *p)
{
	return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static void put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) (v >> 8 * i);
}

static bool held(const struct range r[], size_t n, uint64_t offset, uint64_t size)
{
	for (size_t i = 0; i < n; i++)
		if (offset >= r[i].offset && offset - r[i].offset <= r[i].size &&
			size <= r[i].size - (offset - r[i].offset))
			return true;
	return size == 0;
}

/* Does the table, read as modules of that size, name nothing that is not held? */
static bool all_held(const uint8_t *file, const struct range *m, const struct range r[], size_t n,
	uint32_t module_size)
{
	const uint8_t *numbers = file + m->offset + m->size;
	const uint8_t *table = file + m->offset + number(numbers + 8);
	const uint32_t length = number(numbers + 12);

	if (length % module_size)
		return false;
	for (uint32_t at = 0; at < length; at += module_size)
		if (!held(r, n, m->offset + number(table + at + 8), number(table + at + 12)))
			return false;
	return true;
}

static void check_contents(
	const uint8_t *file, const struct range *m, const struct range r[], size_t n)
{
	uint64_t end = m->offset;

	for (size_t i = 0; i < n; i++) {
		if (r[i].size == 0 || r[i].offset < end || (i > 0 && r[i].offset == end) ||
			r[i].size > m->offset + m->size - r[i].offset)
			abort();
		end = r[i].offset + r[i].size;
	}
	if (!all_held(file, m, r, n, MODULE_SIZE) && !all_held(file, m, r, n, OLD_MODULE_SIZE))
		abort();
}

static void check_end(const uint8_t *file, size_t n, size_t elf_end)
{
	struct view v = {
		.fd = -1, .size = n, .head = file, .n_head = n, .tail = file, .n_tail = n
	};
	_cleanup_free_ struct range *ranges = NULL;
	struct range modules;
	size_t n_ranges;
	int r;

	if (!bun_find_modules(&v, elf_end, &modules))
		return;
	if (modules.size > n || modules.offset > n - modules.size ||
		n - modules.offset - modules.size < NUMBERS_SIZE + sizeof(trailer) - 1)
		abort();
	r = bun_find_contents(&v, &modules, &ranges, &n_ranges);
	if (r == 0)
		check_contents(file, &modules, ranges, n_ranges);
	else if (r != -EBADMSG && r != -E2BIG)
		abort();
}

static void check(const uint8_t *file, size_t n)
{
	check_end(file, n, 0);
	check_end(file, n, n / 2);
	check_end(file, n, n - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t module_size = size % 2 ? MODULE_SIZE : OLD_MODULE_SIZE;
	const size_t all = size + NUMBERS_SIZE + sizeof(trailer) - 1;
	_cleanup_free_ uint8_t *file = calloc(1, all);
	uint32_t n_modules = size > 1 ? data[0] % 8 : 0, table;

	if (!file)
		abort();
	if (size > INPUT_MAX)
		return 0;
	if (size > 0) {
		check(data, size);
		memcpy(file, data, size);
	}
	memcpy(file + all - (sizeof(trailer) - 1), trailer, sizeof(trailer) - 1);
	if (n_modules * module_size > size)
		n_modules = 0;
	table = (uint32_t) size - n_modules * module_size;
	put(file + size, (uint32_t) size);
	put(file + size + 8, table);
	put(file + size + 12, n_modules * module_size);
	check(file, all);
	/* Names and contents that lie inside more often than at random. */
	for (uint32_t i = 0; i < n_modules; i++) {
		uint8_t *module = file + table + (size_t) i * module_size;

		for (int k = 0; k < 16; k += 4)
			put(module + k, number(module + k) % (uint32_t) (size / 2 + 2));
	}
	check(file, all);
	for (size_t i = 0; i < NUMBERS_SIZE && i < size; i++)
		file[size + i] ^= (uint8_t) (data[i] & data[size - 1 - i]);
	check(file, all);
	return 0;
}
