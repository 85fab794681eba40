/*
 * The files of a policy -> the compiled policy, or everything that is wrong with them. Runs in
 * proscribe-compiler.
 */
#pragma once

#include <stddef.h>

#include "policy/image/builder.h"
#include "policy/source/list.h"
#include "policy/source/message.h"

/* The file with the head of the policy; every other one holds software and rules only. */
#define COMPILE_MAIN_FILE "policy.yaml"
enum {
	COMPILE_LANGUAGE = 1, /* version of the policy language */
	COMPILE_NAME_MAX = 128,
};

/* @files (with names as in the policy folder: "policy.yaml", "more.yaml", "signatures/a.yar") and
 * @lists ("lists/a.txt"), kept by the caller as long as @m, become *ret, owned by the caller. With
 * signatures, yr_initialize() must have been called. Returns 0; -EINVAL when messages say what is
 * wrong; -ENOMEM. Warnings alone do not make it fail. */
int policy_compile(struct source files[], size_t n, struct list lists[], size_t n_lists,
	struct messages *m, struct builder **ret);
