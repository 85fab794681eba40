/*
 * The files of a policy -> the compiled policy, or everything that is wrong with them. Runs in
 * proscribe-compiler.
 */
#pragma once

#include <stddef.h>

#include "policy/image/builder.h"
#include "policy/source/message.h"

/* The file with the head of the policy; every other one holds software and rules only. */
#define COMPILE_MAIN_FILE "policy.yaml"
enum {
	COMPILE_LANGUAGE = 1, /* version of the policy language */
	COMPILE_NAME_MAX = 128,
};

/* @files (kept by the caller as long as @m) become *ret, owned by the caller. Returns 0; -EINVAL
 * when messages say what is wrong; -ENOMEM. Warnings alone do not make it fail. */
int policy_compile(struct source files[], size_t n, struct messages *m, struct builder **ret);
