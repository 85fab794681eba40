/*
 * What of a file signatures are searched for in: what it carries, not what carries it. That is the
 * text of a Bun program's modules, the application of a Node program, the entries of an archive,
 * and of everything else the file itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/inspector/range.h"
#include "agent/inspector/view.h"
#include "policy/base/cleanup.h"
#include "policy/identity/facts.h"

enum payload_packing {
	PAYLOAD_PLAIN,
	PAYLOAD_ZIP,      /* entries of a zip, jar or Python program */
	PAYLOAD_SQUASHFS, /* files of a squashfs or an AppImage */
};

/* What it carries may fall into ranges of the file, a container, or both. */
struct payload {
	bool whole;    /* the whole file, and not for being text: nothing tells what matters */
	bool has_rest; /* a program made of more than this: a runtime, as a rule */
	bool damaged;  /* what should have told what matters is malformed */
	enum payload_packing packing; /* how @packed is; there is none when it is PAYLOAD_PLAIN */
	struct range packed;
	struct range *ranges; /* to be read as they are: ascending, apart, inside the file */
	size_t n_ranges;
	uint64_t size; /* bytes of all of them */
};

/* @f: class and payload are known. 0, or -ENOMEM. */
int payload_find(const struct view *v, const struct facts *f, struct payload *ret);
/* The file as it is, whatever it carries. */
int payload_whole(const struct view *v, struct payload *ret);
void payload_done(struct payload *p);
