/*
 * Signatures, searched for in what a file carries. One scanner holds the compiled rules of one
 * policy; none is loaded before the first file that a signature admits.
 */
#pragma once

#include "agent/inspector/message.h"
#include "agent/inspector/versions.h"
#include "agent/inspector/view.h"
#include "policy/base/cleanup.h"

enum {
	SCANNER_PAYLOAD_ANSWER_MAX = 128
		<< 20,                      /* bytes of a payload a launch waits for: some 250 ms */
	SCANNER_FILE_ANSWER_MAX = 16 << 20, /* the same for a file that is its own payload */
	SCANNER_VERSIONS_MAX = VERSIONS_MAX, /* of more, none is believed */
	SCANNER_ANSWER_SEC = 5,              /* a launch waits no longer for a search... */
	SCANNER_ALL_SEC = 20,                /* ...and nobody longer than this */
};

/* No search reads more of a file: a sparse one may claim a terabyte. */
#define SCANNER_ALL_MAX (UINT64_C(2) << 30)

struct scanner;

/* Before the sandbox is entered: what libyara wants to do once. 0 or a negative errno. */
int scanner_prepare(void);

/* @m and @fd as they came: the signatures are read and checked now, the rules with the first file
 * that needs them; until then @fd is *ret's, when there is one. 0, -EBADMSG, or another negative
 * errno. */
int scanner_new(int fd, const struct message_policy *m, struct scanner **ret);
struct scanner *scanner_free(struct scanner *s);
DEFINE_CLEANUP(struct scanner, scanner_free)

/* Searches what the file of @v and @f (class and payload are known) carries for the signatures that
 * admit it, as far as @scan allows; adds to f->signatures, f->have and f->policy_id. Without such a
 * signature nothing is read. When a program's payload shows none, the rest of it is searched, too,
 * though not for an answer. What cannot be read, unpacked or searched is told by
 * FACTS_PAYLOAD_REFUSED; FACTS_SCANNED is there as well when the rest of it was searched. 0, or
 * -ENOMEM. */
int scanner_scan(struct scanner *s, const struct view *v, enum message_scan scan, struct facts *f);
