/*
 * Node's single executable applications: the application lies in an ELF note.
 */
#pragma once

#include <stdbool.h>

#include "agent/inspector/elf_dynamic.h"
#include "agent/inspector/range.h"

/* Walks the notes for one that holds an application; *ret is where it lies. */
bool sea_find_blob(const struct view *v, const struct elf_dynamic *d, struct range *ret);
