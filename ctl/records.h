/*
 * Records of the ledger, from wherever this user may read them: the file, or the agent (one's own).
 */
#pragma once

#include "agent/ledger/reader.h"
#include "ctl/client.h"

struct records;

/* --ledger, else the ledger of the agent that answers, else the usual place. On failure it has said
 * on stderr why, and *ret_code is the exit code. */
int records_open(const struct arguments *a, struct records **ret, enum exit_code *ret_code);
struct records *records_free(struct records *r);
DEFINE_CLEANUP(struct records, records_free)

/* Begins anew; strings of @f are borrowed until the last record. */
int records_find(struct records *r, const struct record_filter *f);
/* 1 and *ret (good until the next call), 0 at the end, or a negative errno. */
int records_next(struct records *r, struct record *ret);
/* Why the last of these failed, for a person. */
const char *records_error(const struct records *r, int error);
/* The exit code that belongs to it. */
enum exit_code records_code(const struct records *r);
