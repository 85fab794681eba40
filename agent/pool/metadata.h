/*
 * Which metadata files may speak for a file: those that an ecosystem keeps in its own folder and
 * the folders above it, up to the root of its package. They are opened here and read only by an
 * inspector. Found by names alone:
 *
 *   package.json        in every folder up to the root of the npm package, and in the root of a
 *                       VS Code extension (.../extensions/NAME/)
 *   codex-package.json  beside a file below a folder named after Codex, and in the two above
 *   dist-info, egg-info of a Python package: for a file in site-packages or dist-packages; for a
 *                       script in PREFIX/bin, and for any file in a virtual environment's
 *   product.json        of an Electron program: in resources/app beside it or around it
 *   meta/snap.yaml      for a file in snap/NAME/REVISION/
 *   metadata            for a file in {app,runtime}/ID/ARCH/BRANCH/COMMIT/files/
 *   .crates2.json       for a file in ROOT/bin, except /usr/bin
 *   the jars in lib/    of a JetBrains plugin: for a file in JetBrains/IDE/PLUGIN/ or
 * plugins/PLUGIN/
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "policy/identity/facts.h"

enum {
	METADATA_MAX = 12, /* candidates */
	METADATA_OF_A_KIND_MAX = 4,
	METADATA_LEVELS_MAX = 16,         /* folders looked into, the file's own included */
	METADATA_FOLDERS_READ_MAX = 4,    /* folders whose names are read, for one file */
	METADATA_ELECTRON_MIN = 16 << 20, /* bytes: no Electron program is smaller */
};

struct metadata_list {
	size_t n;
	uint8_t kinds[METADATA_MAX]; /* enum metadata */
	int fds[METADATA_MAX];       /* nearest first; METADATA_DIST_RECORD behind its
					METADATA_DIST_INFO */
};

/* @path: where @fd, the file of @st, should lie; believed only if that very inode is there. Writes
 * up to METADATA_MAX candidates into *ret, which goes back with metadata_close(). */
void metadata_open(int fd, const char *path, const struct stat *st, struct metadata_list *ret);
void metadata_close(struct metadata_list *l);
