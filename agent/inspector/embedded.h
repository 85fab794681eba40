/*
 * What a program or an archive says about itself: build-id, Go and Rust build information, the
 * metadata among an archive's entries, an AppImage's .desktop file.
 */
#pragma once

#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

/* Adds to the build-id and packages of @f, which class_refine() is done with. What is malformed or
 * past a limit is told by FACTS_PAYLOAD_REFUSED, and adds nothing. */
void embedded_find(const struct view *v, struct facts *f);
