/*
 * Where Python's installers leave the metadata of a package.
 */
#pragma once

#include "agent/pool/metadata_walk.h"

enum {
	PYTHON_MINOR_FIRST = 6, /* of the python3.N folders looked for */
	PYTHON_MINOR_LAST = 24,
};

/* w->folder is a site-packages or dist-packages; @top is the name in it that the file lies under.
 */
void metadata_python_packages(struct walk *w, const char *top);
/* w->folder is the parent of the bin/ that the file lies in. */
void metadata_python_prefix(struct walk *w);
