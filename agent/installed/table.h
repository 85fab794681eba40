/*
 * A table in the making, for the files of this folder.
 */
#pragma once

#include "agent/installed/installed.h"

int installed_table_new(struct installed **ret);
/* Adds @p; *ret is what its files are added with. -ENOSPC at INSTALLED_PACKAGES_MAX. */
int installed_table_add_package(struct installed *t, const struct package *p, uint32_t *ret);
/* -ENOSPC at INSTALLED_FILES_MAX. */
int installed_table_add_file(
	struct installed *t, uint32_t package, const struct installed_file *file);
/* Said once; beyond INSTALLED_NOTES_MAX not at all. */
void installed_table_note(struct installed *t, const char *format, ...) _printf_(2, 3);
/* From here on it can be looked up in, and no longer be added to. */
void installed_table_finish(struct installed *t);
