/*
 * What scans have found, as the ledger tells it: findings and scans are records like all others,
 * and when something was first seen, last seen and gone follows from them. Used by the agent, who
 * must know what to look at again, and by proscribectl, who shows it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ledger/reader.h"

enum {
	INVENTORY_MAX = 10000, /* findings told apart by path; older ones go first, gone ones before
				  present ones */
};

struct finding_entry {
	char *path; /* bytes */
	int64_t first_nsec;
	int64_t last_nsec; /* of the last scan that found it there */
	int64_t gone_nsec; /* 0: it is there */
	char *id, *software_id, *software_name, *version, *purl, *rules, *verdict, *evidence,
		*sha256, *detail;
	int64_t uid;
	uint64_t sequence; /* of the record that it comes from */
};

struct inventory;

int inventory_new(struct inventory **ret);
struct inventory *inventory_free(struct inventory *i);
DEFINE_CLEANUP(struct inventory, inventory_free)

/* Takes a record in: in the order of the ledger; kinds other than findings and scans are nothing to
 * it. 0 or -ENOMEM. */
int inventory_add(struct inventory *i, const struct record *r);
/* Reads all that @reader has. */
int inventory_read(struct inventory *i, struct ledger_reader *reader);
/* Findings in the order in which they were first made; good until the next add. */
size_t inventory_n(const struct inventory *i);
const struct finding_entry *inventory_entry(const struct inventory *i, size_t k);
/* The finding at @path, there or gone; NULL: none was ever made. */
const struct finding_entry *inventory_find(const struct inventory *i, const char *path);
/* How many were dropped for INVENTORY_MAX. */
uint64_t inventory_dropped(const struct inventory *i);

/* Is @path @folder itself, or does it lie in it? */
bool inventory_is_below(const char *path, const char *folder);
