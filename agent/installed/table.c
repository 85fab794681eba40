/*
 * The table: files in order of their inodes, each with the number of its package. Built on the
 * watch's thread, read by the gate's and the main thread, which take nothing but a reference.
 */
#include "agent/installed/table.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/installed/path.h"

struct entry {
	struct installed_file file;
	uint32_t package;
};

struct installed {
	_Atomic unsigned references;
	size_t n_packages, packages_size, n_files, files_size;
	struct package *packages;
	struct entry *files;
	size_t n_notes;
	char notes[INSTALLED_NOTES_MAX][INSTALLED_NOTE_SIZE];
};

int installed_table_new(struct installed **ret)
{
	struct installed *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->references = 1;
	*ret = t;
	return 0;
}

struct installed *installed_ref(struct installed *t)
{
	if (t)
		t->references++;
	return t;
}

struct installed *installed_unref(struct installed *t)
{
	if (t && --t->references == 0) {
		free(t->packages);
		free(t->files);
		free(t);
	}
	return NULL;
}

/* Makes room for one more. */
static int grow(void **array, size_t *size, size_t n, size_t max, size_t element)
{
	size_t wanted = *size ? *size * 2 : 16;
	void *bigger;

	if (n >= max)
		return -ENOSPC;
	if (n < *size)
		return 0;
	if (wanted > max)
		wanted = max;
	bigger = reallocarray(*array, wanted, element);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*size = wanted;
	return 0;
}

int installed_table_add_package(struct installed *t, const struct package *p, uint32_t *ret)
{
	int r = grow((void **) &t->packages, &t->packages_size, t->n_packages,
		INSTALLED_PACKAGES_MAX, sizeof(*t->packages));

	if (r < 0)
		return r;
	*ret = (uint32_t) t->n_packages;
	t->packages[t->n_packages++] = *p;
	return 0;
}

int installed_table_add_file(
	struct installed *t, uint32_t package, const struct installed_file *file)
{
	int r = grow((void **) &t->files, &t->files_size, t->n_files, INSTALLED_FILES_MAX,
		sizeof(*t->files));

	if (r < 0)
		return r;
	t->files[t->n_files++] = (struct entry){ .file = *file, .package = package };
	return 0;
}

void installed_table_note(struct installed *t, const char *format, ...)
{
	char note[INSTALLED_NOTE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(note, sizeof(note), format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < t->n_notes; i++)
		if (strcmp(t->notes[i], note) == 0)
			return;
	if (t->n_notes < INSTALLED_NOTES_MAX)
		memcpy(t->notes[t->n_notes++], note, sizeof(note));
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = compare_numbers(a->file.inode, b->file.inode);

	order = order ?: compare_numbers(a->file.device, b->file.device);
	order = order ?: compare_numbers(a->package, b->package);
	return order ?: compare_numbers((uint64_t) a->file.born_nsec, (uint64_t) b->file.born_nsec);
}

/* A file with two names in one package is there once. */
void installed_table_finish(struct installed *t)
{
	size_t kept = 0;
	struct entry *fitting;

	if (t->n_files > 0)
		qsort(t->files, t->n_files, sizeof(*t->files), compare_entries);
	for (size_t i = 0; i < t->n_files; i++)
		if (kept == 0 || compare_entries(&t->files[kept - 1], &t->files[i]) != 0)
			t->files[kept++] = t->files[i];
	t->n_files = kept;
	fitting = kept > 0 ? reallocarray(t->files, kept, sizeof(*t->files)) : NULL;
	if (fitting) {
		t->files = fitting;
		t->files_size = kept;
	}
}

/* The first entry of that inode, or n_files. */
static size_t find_first(const struct installed *t, uint64_t device, uint64_t inode)
{
	const struct entry wanted = {
		.file = { .device = device, .inode = inode, .born_nsec = INT64_MIN }
	};
	size_t low = 0, high = t->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct installed_file *f = &t->files[middle].file;

		if (f->inode < wanted.file.inode ||
			(f->inode == wanted.file.inode && f->device < wanted.file.device))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_inode(const struct entry *e, uint64_t device, uint64_t inode)
{
	return e->file.device == device && e->file.inode == inode;
}

size_t installed_find(const struct installed *t, const struct installed_file *file,
	struct package ret[], size_t max)
{
	size_t n = 0;

	if (!t)
		return 0;
	for (size_t i = find_first(t, file->device, file->inode);
		i < t->n_files && is_inode(&t->files[i], file->device, file->inode) && n < max; i++)
		if (t->files[i].file.born_nsec == file->born_nsec)
			ret[n++] = t->packages[t->files[i].package];
	return n;
}

void installed_add_facts(
	const struct installed *t, int fd, uint64_t device, uint64_t inode, struct facts *f)
{
	struct package found[FACTS_PACKAGES_MAX], before[FACTS_PACKAGES_MAX];
	struct path_status st = { 0 };
	uint32_t n_before = f->n_packages;
	size_t at, n;

	at = t ? find_first(t, device, inode) : 0;
	if (!t || at == t->n_files || !is_inode(&t->files[at], device, inode))
		return;
	if (path_status(fd, "", &st) < 0)
		return;
	n = installed_find(t, &st.file, found, ARRAY_SIZE(found));
	if (n == 0)
		return;
	memcpy(before, f->packages, sizeof(before));
	memset(f->packages, 0, sizeof(f->packages));
	f->n_packages = 0;
	for (size_t i = 0; i < n; i++)
		facts_add_package(f, &found[i]);
	for (uint32_t i = 0; i < n_before; i++)
		facts_add_package(f, &before[i]);
}

bool installed_equal(const struct installed *a, const struct installed *b)
{
	static const struct installed nothing;

	a = a ?: &nothing;
	b = b ?: &nothing;
	if (a->n_packages != b->n_packages || a->n_files != b->n_files || a->n_notes != b->n_notes)
		return false;
	for (size_t i = 0; i < a->n_packages; i++)
		if (a->packages[i].type != b->packages[i].type ||
			a->packages[i].told != b->packages[i].told ||
			strcmp(a->packages[i].name, b->packages[i].name) != 0 ||
			strcmp(a->packages[i].version, b->packages[i].version) != 0)
			return false;
	for (size_t i = 0; i < a->n_files; i++)
		if (compare_entries(&a->files[i], &b->files[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_notes; i++)
		if (strcmp(a->notes[i], b->notes[i]) != 0)
			return false;
	return true;
}

void installed_counts(const struct installed *t, struct installed_counts *ret)
{
	*ret = (struct installed_counts){ 0 };
	if (t)
		*ret = (struct installed_counts){
			.n_packages = t->n_packages,
			.n_files = t->n_files,
			.n_notes = t->n_notes,
		};
}

const char *installed_note(const struct installed *t, size_t i)
{
	return t->notes[i];
}
