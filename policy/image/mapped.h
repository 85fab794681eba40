/*
 * An image in memory, shared by the reader's files and by nobody else. What its sections hold has
 * been checked, but for hashes and buckets.
 */
#pragma once

#include "policy/image/format.h"
#include "policy/image/policy.h"
#include "policy/image/signature.h"

struct policy {
	_Atomic uint32_t references;
	const uint8_t *data;
	size_t size;
	int fd;
	const struct format_header *header;
	const char *strings;
	const struct format_software *software;
	const uint32_t *software_rules;
	const struct format_rule *rules;
	const struct format_constraint *constraints;
	const struct format_reason *reasons;
	const struct format_package *packages;
	const struct format_path *paths;
	const struct format_identity *identities;
	const struct format_hash *hashes;
	const struct format_bucket *buckets;
	const struct format_build_id *build_ids;
	const struct signature *signatures;
	const struct format_signature_use *signature_uses;
	uint32_t n[_SECTION_MAX]; /* entries of each section */
};
