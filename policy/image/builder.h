/*
 * The compiled policy: builder. Runs in proscribe-compiler. Collects what the checked policy says
 * and writes it as one image that policy_open() takes. Texts are copied. Functions return 0 or a
 * negative errno (-E2BIG past a limit below, -EINVAL for what policy_open() would not take, such as
 * an index out of range or text that is not UTF-8; -ENOMEM); indexes count from zero in calling
 * order.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"
#include "policy/image/policy.h"
#include "policy/image/signature.h"

enum {
	IMAGE_RULES_MAX = 100000,
	IMAGE_SOFTWARE_MAX = 100000,
	IMAGE_HASHES_MAX = 5000000,
	IMAGE_PATHS_MAX = 10000,
	IMAGE_PACKAGES_MAX = 100000,
	IMAGE_BUILD_IDS_MAX = 1000000,
	IMAGE_SIGNATURE_USES_MAX = 100000,
};

struct builder;

int builder_new(const char *name, const char *owner, const char *contact, struct builder **ret);
struct builder *builder_free(struct builder *b);
DEFINE_CLEANUP(struct builder, builder_free)

int builder_add_software(struct builder *b, const struct policy_software *s, uint32_t *ret);
/* @name as struct package has it. @version: only this one, of the type's scheme if it has one;
 * NULL or "": any. */
int builder_add_package(struct builder *b, uint32_t software, enum package_type type,
	const char *name, const char *version);
/* @size in bytes; @version may be NULL. */
int builder_add_sha256(struct builder *b, uint32_t software, const uint8_t digest[SHA256_SIZE],
	uint64_t size, const char *version);
/* @n bytes of a GNU build-id, of which BUILD_ID_MAX count; @version may be NULL. */
int builder_add_build_id(
	struct builder *b, uint32_t software, const uint8_t *id, size_t n, const char *version);
/* One more entry of SECTION_SIGNATURES; -EINVAL unless signature_valid(). */
int builder_add_signature(struct builder *b, const struct signature *s, uint32_t *ret);
/* A file that matches @signature is @software. */
int builder_use_signature(struct builder *b, uint32_t software, uint32_t signature);
/* The compiled YARA rules, at most SIGNATURE_RULES_SIZE_MAX bytes: -E2BIG. Copied. */
int builder_set_rules(struct builder *b, const void *rules, size_t n);
/* A glob over whole paths: * and ? and [...] do not match '/', ** does; a leading "~/" is any home.
 */
int builder_add_path(struct builder *b, uint32_t software, const char *glob);

/* @versions: canonical VERS text of any scheme, or NULL for all. @software: indexes the rule speaks
 * of. */
int builder_add_rule(struct builder *b, const struct policy_rule *r, const char *versions,
	const uint32_t software[], size_t n_software, uint32_t *ret);
int builder_add_reason(struct builder *b, uint32_t rule, const char *language, const char *text);

/* Writes the image to @fd (borrowed) from its beginning. */
int builder_write(struct builder *b, int fd);
