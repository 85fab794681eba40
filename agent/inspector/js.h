/*
 * Is it JavaScript? By the interpreter its #! line names, or, failing that, by its own words.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/inspector/script.h"

/* Does the line start node, bun or deno, directly or through env? */
bool js_is_run_by(const struct script *s);

/* Does the text begin as only JavaScript (or TypeScript) does? Cautious: an unusual beginning is
 * a no. @head is the first @n bytes; a text longer than that may be cut anywhere. */
bool js_is_text(const char *head, size_t n);
