/*
 * Which files a scan opens. Nearly all of a million files must cost a look at their size and mode
 * and no more; but nothing that the policy could know by its content is passed over:
 *   - a file whose size a sha256 rule names, or a signature admits, whatever it is called;
 *   - a file at a path that a path rule names;
 *   - in the folder of a listed package: programs and scripts;
 *   - anywhere, where packages are listed that are told by the program itself or by a database of
 *     the host (Go, Cargo, deb, ...), or build-ids: what may be executed, and shared libraries.
 * Pure: the caller brings what stat(2) says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/walker/place.h"

enum wanted {
	WANTED_SIZE = 1u << 0,      /* a sha256 rule names its size */
	WANTED_SIGNATURE = 1u << 1, /* a signature admits its size */
	WANTED_PATH = 1u << 2,
	WANTED_PACKAGE = 1u << 3, /* it lies in a listed package */
	WANTED_PROGRAM = 1u << 4,
	WANTED_AGAIN = 1u << 5, /* it was found before */
};

enum { WANTED_RANGES_MAX = 32 }; /* of sizes; closer ones become one beyond that */

/* What the policy says, put so that a file costs little. */
struct wanted_rules {
	const struct policy *policy; /* borrowed */
	const char *const *homes;    /* borrowed; as in policy_match() */
	bool sizes, paths, programs, packages, archives;
	unsigned n_ranges;
	struct {
		uint64_t min, max;
	} ranges[WANTED_RANGES_MAX];
};

void wanted_prepare(const struct policy *p, const char *const homes[], struct wanted_rules *ret);

/* Can a file @name in @place be wanted for what stat(2) tells? If not, nobody needs to ask. */
bool wanted_needs_stat(const struct wanted_rules *w, const struct place *place, const char *name);
/* Bits of enum wanted; 0: it need not be opened. @path: all of it. */
unsigned wanted_file(const struct wanted_rules *w, const struct place *place, const char *name,
	uint64_t size, mode_t mode, const char *path);

/* Is @name metadata that speaks for the programs in and below its folder? */
bool wanted_is_metadata(const char *name);
