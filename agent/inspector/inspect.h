/*
 * One inspection: descriptors in, facts out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/inspector/message.h"
#include "policy/identity/facts.h"

struct scanner;

/* What to inspect. Descriptors are borrowed and read at offsets only. */
struct inspect_request {
	int fd;
	const uint8_t *metadata; /* enum metadata of each of: */
	const int *metadata_fds; /* nearest first */
	size_t n_metadata;
	const char *path; /* where the file lies, or "" */
	bool want_sha256;
	struct scanner *scanner; /* NULL: there are no signatures */
	enum message_scan scan;
};

/* 0, -EINVAL for what is not a regular file, or a negative errno of reading. What is wrong with
 * metadata, a digest or a payload is not an error, but told in *ret. */
int inspect_file(const struct inspect_request *request, struct facts *ret);
