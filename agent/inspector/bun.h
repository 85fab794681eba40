/*
 * Programs made with `bun build --compile`: a table of modules and a trailer lie near the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"

enum { BUN_MODULES_MAX = 65536 };

/* Finds the trailer: near @elf_end, where the ELF file ends (0: it is not known), or in the tail of
 * the file, which may have been appended. *ret is where the modules lie, their table included. */
bool bun_find_modules(const struct view *v, uint64_t elf_end, struct range *ret);

/* Where the contents of @modules (as found) lie: their text and whatever files were embedded, but
 * neither byte code nor source maps. *ret (the caller's, of *ret_n ranges) is ascending and apart;
 * neighbours come as one, and with up to a page of what lies around them. 0; -EBADMSG for a damaged
 * table, which is also one whose contents add up to more than there is; -E2BIG past
 * BUN_MODULES_MAX; -ENODATA when the file became shorter; or another negative errno. */
int bun_find_contents(
	const struct view *v, const struct range *modules, struct range **ret, size_t *ret_n);
