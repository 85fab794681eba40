/*
 * One table being made, shared by the files of this folder.
 */
#pragma once

#include "agent/installed/ask.h"
#include "agent/installed/build.h"
#include "agent/installed/table.h"

/* What the policy calls a package, and what its own package manager does. */
struct wanted {
	const char *name; /* "transmission-cli"; in the image */
	const char *full; /* "debian/transmission-cli" */
};

struct wanted_list {
	struct wanted *list; /* in the order of strcasecmp() by name */
	size_t n;
};

struct build {
	const struct policy *policy;
	const char *const *homes;
	struct installed *table;
	struct asker asker;
	int root;
	bool again; /* something failed that may not the next time */
	size_t n_systems;
	char systems[PACKAGES_SYSTEMS_MAX + 1][MESSAGE_NAME_MAX + 1];
};

/* The packages of @type that the policy lists for this system. A package without a namespace is
 * meant on every system. */
int wanted_load(const struct build *b, enum package_type type, struct wanted_list *ret);
void wanted_done(struct wanted_list *w);
/* The first of the name @name, in any letter case, or w->n. */
size_t wanted_find(const struct wanted_list *w, const char *name);
/* All the names in a memfd, as packages.h has them. */
int wanted_names(const struct wanted_list *w, int *ret_fd);

/* Adds @version of what is wanted at @at and all that have the same name there, to be added to as
 * *ret_first and the *ret_n - 1 that follow. */
int build_add_packages(struct build *b, const struct wanted_list *w, size_t at,
	enum package_type type, enum metadata told, const char *version, uint32_t *ret_first,
	uint32_t *ret_n);
int build_add_file(struct build *b, uint32_t first, uint32_t n, const struct installed_file *file);
/* Opens a database for the inspector: a regular file that nobody but root can change. */
int build_open_database(const struct build *b, const char *path);
/* Notes that @what cannot be read because of @error. */
void build_note_error(struct build *b, const char *what, int error);

/* Files of one or more packages by their paths, found through the folder of the last one. */
struct paths {
	struct build *build;
	uint32_t first, n; /* packages */
	int folder;        /* -1: none */
	char folder_path[PACKAGES_PATH_MAX + 1];
};

void paths_done(struct paths *p);
/* Adds the file at @path if it is a regular one; what is not there, or could have been put there
 * by somebody else, is passed over. 0, or -ENOSPC. */
int paths_add(struct paths *p, const char *path);

/* Each asks what there is of its kind and adds it. 0, or a negative errno that ends the building:
 * -ENOSPC when the table is full (noted). */
int dpkg_add(struct build *b);
int rpm_add(struct build *b);
int apps_add(struct build *b);
