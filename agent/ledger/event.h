/*
 * One thing that happened, on its way from the gate to the ledger, the journal, the bus and the
 * employee's terminal. Self-contained (no policy, no process is needed to read it later), made
 * after the launch was answered, shared between threads by reference, never changed once shared.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "agent/ledger/id.h"
#include "agent/verdict/verdict.h"
#include "policy/base/cleanup.h"

enum event_kind {
	EVENT_NONE,
	EVENT_LAUNCH,  /* a launch that a rule spoke of, or that nobody judged in time */
	EVENT_DIGEST,  /* the sha256 of a refused file, computed after the answer; names its launch
			*/
	EVENT_POLICY,  /* a policy came into force, or was refused */
	EVENT_AGENT,   /* the agent started or stopped */
	EVENT_GAP,     /* records were lost: how many, and why */
	EVENT_FINDING, /* a scan found software that a rule bans, or that it is gone */
	EVENT_SCAN,    /* a scan of a folder ended */
	_EVENT_KIND_MAX,
};

/* What became of a launch. */
enum outcome {
	OUTCOME_NONE,
	OUTCOME_REFUSED,    /* the kernel said EPERM */
	OUTCOME_RAN,        /* let run: logged, warned, or unjudged under fail mode allow */
	OUTCOME_STOPPED,    /* ran, was then found banned, and was stopped */
	OUTCOME_APPLIED,    /* EVENT_POLICY: in force. EVENT_AGENT: started */
	OUTCOME_REJECTED,   /* EVENT_POLICY: refused, the old one stays */
	OUTCOME_ENDED,      /* EVENT_AGENT: stopped */
	OUTCOME_FOUND,      /* EVENT_FINDING: it lies there, and was not known to */
	OUTCOME_GONE,       /* EVENT_FINDING: it is not there any more, or no rule speaks of it */
	OUTCOME_COMPLETE,   /* EVENT_SCAN: all of it was looked at */
	OUTCOME_INCOMPLETE, /* EVENT_SCAN: detail says why not */
	OUTCOME_STALE,      /* EVENT_POLICY: in force all the same, but perhaps not the newest */
	_OUTCOME_MAX,
};

enum {
	EVENT_HOST_MAX = 64,
	EVENT_USER_MAX = 32,
	EVENT_TTY_MAX = 31,
};

#define EVENT_UID_UNKNOWN ((uid_t) -1)

/* Strings are owned; NULL means "not known" or "does not apply". Paths are raw bytes. */
struct event {
	_Atomic uint32_t references;
	enum event_kind kind;
	enum outcome outcome;
	enum verdict verdict;
	enum evidence evidence;
	enum risk risk;
	char id[EVENT_ID_SIZE]; /* what an employee quotes; EVENT_DIGEST: that of its launch */
	int64_t utc_nsec;

	/* who */
	/* Effective uid (EVENT_FINDING: the file's owner); audit login uid; EVENT_UID_UNKNOWN. */
	uid_t uid, login_uid;
	pid_t pid, parent;
	char tty[EVENT_TTY_MAX + 1]; /* "pts/3"; "" for none */
	uint32_t tty_device;         /* st_rdev of it; 0: none, or not one this host can write to */

	/* what */
	char *path;
	uint64_t device, inode, size;
	uint8_t sha256[SHA256_SIZE];
	uint32_t have_sha256;
	char *purl; /* pkg:npm/%40scope/name@1.2.3 */
	char *version;

	/* why: texts of the policy at that moment */
	char *software_id, *software_name;
	char *rules; /* ids, comma-separated, the deciding one first */
	char *reason, *reference, *url, *alternative_name, *alternative_url;
	char *policy_name, *policy_owner, *policy_contact;
	uint8_t policy_digest[SHA256_SIZE];

	char *detail;   /* free text for kinds other than launches: why refused, what was lost */
	uint64_t count; /* EVENT_GAP: records lost. EVENT_SCAN: files seen */
};

/* A zeroed event with one reference, a fresh id and the present time; of unknown users, for zero
 * would be root. */
int event_new(enum event_kind kind, struct event **ret);
struct event *event_ref(struct event *e);
struct event *event_unref(struct event *e);
DEFINE_CLEANUP(struct event, event_unref)

/* Copies texts and rule ids of @d under @p (borrowed) into @e. */
int event_set_decision(struct event *e, const struct policy *p, const struct decision *d);

const char *event_kind_to_string(enum event_kind k); /* "launch" */
const char *outcome_to_string(enum outcome o);       /* "refused" */
