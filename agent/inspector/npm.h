/*
 * package.json of npm and of VS Code's extensions, and Codex's own codex-package.json.
 */
#pragma once

#include <stddef.h>

#include "agent/inspector/json.h"
#include "policy/identity/facts.h"

enum { NPM_METADATA_SIZE_MAX = JSON_SIZE_MAX };

/* Reads a package.json of @n bytes. 1: *ret is a package with a name, and a version ("" when it has
 * none); an extension, which has a publisher and says for which VS Code it is, is called
 * "publisher/name" in lower case. 0: well-formed, but names no package. -EBADMSG: malformed, or
 * past a limit. */
int npm_parse(const char *text, size_t n, struct package *ret);

/* The same for codex-package.json, which has a version only: it is npm's @openai/codex, as that is
 * how each of its variants is distributed too. */
int npm_parse_codex(const char *text, size_t n, struct package *ret);

/* What to do once before the sandbox is entered: jansson wants a random seed from a file. */
void npm_prepare(void);
