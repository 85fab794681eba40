/*
 * What the path of a file says by itself, where an ecosystem puts name and version into the names
 * of its folders:
 *
 *   /nix/store/HASH-NAME-VERSION/...                         "nix/NAME"
 *   .../Cellar/NAME/VERSION/..., .../Caskroom/NAME/VERSION/...                Homebrew
 *   .../.pnpm/@SCOPE+NAME@VERSION/node_modules/@SCOPE/NAME/...                npm; Bun and Deno
 * have the same in .bun and .deno
 *   .../deno/npm/HOST/@SCOPE/NAME/VERSION/...                npm, in Deno's cache
 *   .../extensions/PUBLISHER.NAME-VERSION/...                VS Code extension
 *   .../volta/tools/image/packages/NAME/..., also .volta     npm, without a version
 *   .../mise/installs/npm-NAME/VERSION/...                   npm; only where NAME has no dash,
 * since a scope would show as one
 */
#pragma once

#include <stddef.h>

#include "policy/identity/facts.h"

enum { LAYOUT_PACKAGES_MAX = 4 };

/* Returns how many packages the absolute @path names. */
size_t layout_read(const char *path, struct package ret[LAYOUT_PACKAGES_MAX]);
