/*
 * The packages that a file belongs to, as the metadata around it and its path tell.
 */
#pragma once

#include "agent/inspector/inspect.h"

/* Adds to f->packages, nearest first, those of the path last. Of each kind of metadata the nearest
 * file with a name and a version counts; failing that, the nearest with a name. What is malformed
 * or too large is told by FACTS_METADATA_REFUSED, unless a nearer one of its kind counts. */
void evidence_read(const struct inspect_request *request, struct facts *f);
