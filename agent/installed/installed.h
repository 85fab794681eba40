/*
 * Which files belong to installed packages that the policy lists: found from the package to its
 * files, so that no file costs anything that no such package has. A table never changes once
 * made; threads share it by reference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"

enum {
	INSTALLED_PACKAGES_MAX = 20000, /* in the table; further ones are left out, and noted */
	INSTALLED_FILES_MAX = 500000,   /* of all packages together; likewise */
	INSTALLED_NOTES_MAX = 16,
	INSTALLED_NOTE_SIZE = 256,
};

struct installed;

struct installed *installed_ref(struct installed *t);   /* NULL-safe */
struct installed *installed_unref(struct installed *t); /* NULL-safe, returns NULL */
DEFINE_CLEANUP(struct installed, installed_unref)

/* An inode number is given to another file once its own is gone; when a file was made tells them
 * apart. 0: the filesystem does not know. */
struct installed_file {
	uint64_t device, inode;
	int64_t born_nsec;
};

/* The packages that the file belongs to: how many of @ret (of @max) were filled. */
size_t installed_find(const struct installed *t, const struct installed_file *file,
	struct package ret[], size_t max);

/* Puts the packages of @fd, which is the file @device, @inode, before those that @f has already:
 * what the host's package manager says is less easily made up than what lies beside a file. A file
 * of no listed package costs a look-up in memory and nothing else. @t may be NULL. */
void installed_add_facts(
	const struct installed *t, int fd, uint64_t device, uint64_t inode, struct facts *f);

/* Do they say the same? NULL is a table of nothing. */
bool installed_equal(const struct installed *a, const struct installed *b);

struct installed_counts {
	size_t n_packages, n_files;
	size_t n_notes;
};

void installed_counts(const struct installed *t, struct installed_counts *ret);
/* What could not be read, for a person; @i below n_notes. */
const char *installed_note(const struct installed *t, size_t i);
