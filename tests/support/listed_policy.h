/*
 * Policies for tests of what a scan looks into: made of kinds of evidence.
 */
#pragma once

#include <sys/mman.h>

#include "policy/image/builder.h"

enum listed {
	LISTED_NPM = 1u << 0, /* tool, @vendor/tool */
	LISTED_OTHER =
		1u << 1, /* a VS Code extension, a Python and a Homebrew package, one of Nix */
	LISTED_HASH = 1u << 2,      /* of LISTED_SIZE bytes */
	LISTED_SIGNATURE = 1u << 3, /* LISTED_MIN to LISTED_MAX bytes */
	LISTED_PATH = 1u << 4,
	LISTED_BUILD_ID = 1u << 5,
	LISTED_EXTENSION = 1u << 6, /* the VS Code extension alone */
};

enum { LISTED_SIZE = 12345, LISTED_MIN = 100000, LISTED_MAX = 200000 };

static inline void list_packages(struct builder *b, uint32_t software, unsigned what)
{
	static const struct {
		unsigned what;
		enum package_type type;
		const char *name;
	} packages[] = {
		{ LISTED_NPM, PACKAGE_NPM, "tool" },
		{ LISTED_NPM, PACKAGE_NPM, "@vendor/tool" },
		{ LISTED_OTHER | LISTED_EXTENSION, PACKAGE_VSCODE_EXTENSION, "vendor/tool-2" },
		{ LISTED_OTHER, PACKAGE_PYPI, "tool-chat" },
		{ LISTED_OTHER, PACKAGE_BREW, "tool" },
		{ LISTED_OTHER, PACKAGE_GENERIC, "nix/tool" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
		if (what & packages[i].what)
			(void) builder_add_package(
				b, software, packages[i].type, packages[i].name, NULL);
}

static inline void list_evidence(struct builder *b, uint32_t software, unsigned what)
{
	static const uint8_t digest[SHA256_SIZE] = { 1, 2, 3 };
	static const struct signature signature = {
		.name = "tool", .min_size = LISTED_MIN, .max_size = LISTED_MAX
	};
	uint32_t i;

	if (what & LISTED_HASH)
		(void) builder_add_sha256(b, software, digest, LISTED_SIZE, NULL);
	if (what & LISTED_SIGNATURE && builder_add_signature(b, &signature, &i) == 0)
		(void) builder_use_signature(b, software, i);
	if (what & LISTED_PATH)
		(void) builder_add_path(b, software, "/**/banned-*");
	if (what & LISTED_BUILD_ID)
		(void) builder_add_build_id(b, software, digest, BUILD_ID_MAX, NULL);
}

/* NULL when it cannot be made. */
static inline struct policy *listed_policy(unsigned what)
{
	static const struct policy_software software = { "tool", "Tool", "Vendor" };
	static const struct policy_rule rule = { "R-1", "", "", "", "", ACTION_BLOCK, RISK_HIGH,
		true };
	_cleanup_(builder_freep) struct builder *b = NULL;
	_cleanup_close_ int fd = memfd_create("policy", MFD_CLOEXEC);
	struct policy *p = NULL;
	uint32_t s, r;

	if (fd < 0 || builder_new("listed", "Tests", "", &b) < 0 ||
		builder_add_software(b, &software, &s) < 0)
		return NULL;
	list_packages(b, s, what);
	list_evidence(b, s, what);
	if (builder_add_rule(b, &rule, NULL, &s, 1, &r) < 0 ||
		builder_add_reason(b, r, "en", "Not approved.") < 0 || builder_write(b, fd) < 0)
		return NULL;
	return policy_open(fd, &p) < 0 ? NULL : p;
}
