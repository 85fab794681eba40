/*
 * Has an inspector read a package database: proscribed itself never does. The inspector is one of
 * its own, started for the first question and ended with the last.
 */
#pragma once

#include "agent/inspector/packages.h"
#include "agent/pool/client.h"

enum {
	ASK_TIMEOUT_USEC = 20000000, /* for one answer */
	ASK_RECORDS_MAX = 2000000,   /* in one answer */
};

struct asker {
	uid_t uid; /* what the inspector becomes; (uid_t) -1: it stays who it is */
	gid_t gid;
	int stop_fd; /* borrowed; readable once everybody is to stop */
	struct client client;
};

void asker_init(struct asker *a, uid_t uid, gid_t gid, int stop_fd);
void asker_done(struct asker *a);

struct question {
	enum packages_kind kind;
	const char *package; /* NULL: of none */
	int database;
	int second; /* what goes with it, or -1 */
	/* Called for each record; the text is what the enum says: a file's path is absolute,
	 * without
	 * "." and ".." in it and not longer than PACKAGES_PATH_MAX; everything else is UTF-8.
	 * Anything but 0 ends the question. */
	int (*record)(enum packages_record tag, const char *text, void *context);
	void *context;
};

/* 0; a negative errno with which reading ended, records before it count all the same (-E2BIG: some
 * package has too many files, -EBADMSG: the database is damaged); what record() failed with; or how
 * the inspector failed: -EPIPE it died, -ETIMEDOUT, -EPROTO it lied, -ESHUTDOWN. */
int ask(struct asker *a, const struct question *q);
