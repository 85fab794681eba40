/*
 * The beginning of a repository: everything is made in a folder of its own inside the new one, and
 * moved into place when it is whole. What fails leaves nothing behind.
 */
#pragma once

#include "policy/trust/repository.h"

struct repository_stage {
	struct repository *repository; /* owned; where to work */
	char *path;                    /* owned; where it will be */
	char *inner;                   /* owned; where it is until then */
	bool made;                     /* the folder at @path is ours, too */
};

/* Could a repository begin at @path? As repository_stage_begin() answers, without a change. */
int repository_vacant(const char *path, struct tuf_error *e);
/* -EEXIST: @path is neither new nor empty nor a git repository without files of ours. */
int repository_stage_begin(const char *path, struct repository_stage *ret, struct tuf_error *e);
/* Moves it into place. */
int repository_stage_end(struct repository_stage *s, struct tuf_error *e);
/* Also of one that was never begun (all zero). */
void repository_stage_done(struct repository_stage *s);
