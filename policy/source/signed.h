/*
 * Has a signed policy verified and compiled by proscribe-compiler, in one run: the files of a
 * repository as descriptors in, an image and what now is trusted out. Nothing in here reads a byte
 * of them.
 */
#pragma once

#include <stdbool.h>

#include "policy/source/compiler.h"
#include "policy/source/folder.h"
#include "policy/trust/store.h"
#include "policy/trust/summary.h"

enum { SIGNED_RUN_FILES_MAX = 768 };

/* All of it is borrowed. */
struct signed_order {
	int64_t now_utc_sec;
	uint8_t in_force[32]; /* trust_summary.targets_digest of the policy in force; zero: none */
	int root_fd;          /* the trust anchor */
	int bundle_fd;        /* what was trusted so far (tuf_bundle_write()); may be empty */
	/* "metadata/3.root.json", "targets/policy/<hash>.policy.yaml"; at most
	 * SIGNED_RUN_FILES_MAX. May be written to by others all the while. */
	const struct folder_file *files;
	size_t n_files;
};

struct signed_result {
	/* 0, or the negative errno with which a file was refused (policy/trust/error.h); messages
	 * say which. */
	int refused;
	int64_t root_version; /* of the trusted root now; 0: none */
	int bundle_fd; /* what is trusted now, sealed; to be kept also when something was refused
			  later */
	struct trust_summary summary; /* unless refused */
	bool same; /* the policy's files are those in force already: there is no image */
	/* The image, unless refused or the same; or what is wrong with a well-signed policy. */
	struct compiled compiled;
};

void signed_result_done(struct signed_result *r);

/* 0 when the compiler ran, and *ret says what it found; else a negative errno, and
 * ret->compiled.messages says what went wrong. *ret is always initialised. */
int signed_run(const struct signed_order *o, struct signed_result *ret);
