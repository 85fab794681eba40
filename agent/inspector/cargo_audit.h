/*
 * What cargo-auditable adds to a Rust program: the packages it is made of, as packed JSON.
 */
#pragma once

#include "agent/inspector/json.h"
#include "agent/inspector/range.h"
#include "agent/inspector/view.h"
#include "policy/identity/facts.h"

enum {
	CARGO_AUDIT_PACKED_MAX = 256 << 10,   /* bytes */
	CARGO_AUDIT_SIZE_MAX = JSON_SIZE_MAX, /* unpacked */
	CARGO_AUDIT_DEPTH_MAX = 16,           /* of the JSON */
};

/* Reads the section ".dep-v0", which lies at @place. 1: *ret is the package that the program was
 * built from. 0: none is marked so. -EBADMSG: malformed; -E2BIG past a limit; -ENOMEM, or a
 * negative errno of reading. */
int cargo_audit_read(const struct view *v, const struct range *place, struct package *ret);
