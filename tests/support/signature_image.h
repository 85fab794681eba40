/*
 * A policy image made of YARA rules, as an inspector gets it: for tests of what searches.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <yara.h>

#include "agent/inspector/message.h"
#include "policy/image/builder.h"

struct signature_image {
	int fd; /* the caller's */
	struct message_policy message;
	struct policy *policy;
};

struct signature_image_bytes {
	char *bytes;
	size_t n;
};

static inline size_t signature_image_append(
	const void *bytes, size_t size, size_t count, void *context)
{
	struct signature_image_bytes *b = context;
	char *grown = realloc(b->bytes, b->n + size * count + 1);

	if (!grown)
		abort();
	b->bytes = grown;
	memcpy(b->bytes + b->n, bytes, size * count);
	b->n += size * count;
	return count;
}

static inline size_t signature_image_take(void *bytes, size_t size, size_t count, void *context)
{
	struct signature_image_bytes *b = context;

	if (size == 0 || count > b->n / size)
		return 0;
	memcpy(bytes, b->bytes, size * count);
	b->bytes += size * count;
	b->n -= size * count;
	return count;
}

static inline void signature_image_on_error(int level, const char *file, int line,
	const YR_RULE *rule, const char *message, void *context)
{
	(void) file;
	(void) rule;
	(void) context;
	if (level == YARA_ERROR_LEVEL_ERROR)
		fprintf(stderr, "rules, line %d: %s\n", line, message);
}

/* Compiles @rules; matcher_prepare() was called. */
static inline struct signature_image_bytes signature_image_compile(const char *rules)
{
	struct signature_image_bytes b = { 0 };
	YR_STREAM stream = { .user_data = &b, .write = signature_image_append };
	YR_COMPILER *compiler;
	YR_RULES *compiled;

	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		abort();
	yr_compiler_set_callback(compiler, signature_image_on_error, NULL);
	if (yr_compiler_add_string(compiler, rules, NULL) > 0 ||
		yr_compiler_get_rules(compiler, &compiled) != ERROR_SUCCESS ||
		yr_rules_save_stream(compiled, &stream) != ERROR_SUCCESS)
		abort();
	(void) yr_rules_destroy(compiled);
	yr_compiler_destroy(compiler);
	return b;
}

/* The image of @rules with those signatures, each of which is some software. */
static inline struct signature_image signature_image_new(
	const char *rules, const struct signature signatures[], size_t n)
{
	const struct policy_software software = { "software", "Software", "" };
	struct signature_image_bytes b = signature_image_compile(rules);
	struct signature_image image = { .fd = memfd_create("image", MFD_CLOEXEC) };
	struct policy_signatures at;
	struct builder *builder;
	uint32_t id, signature;

	if (image.fd < 0 || builder_new("test", "Tests", "", &builder) < 0 ||
		builder_add_software(builder, &software, &id) < 0)
		abort();
	for (size_t i = 0; i < n; i++)
		if (builder_add_signature(builder, &signatures[i], &signature) < 0 ||
			builder_use_signature(builder, id, signature) < 0)
			abort();
	if (builder_set_rules(builder, b.bytes, b.n) < 0 || builder_write(builder, image.fd) < 0 ||
		policy_open(image.fd, &image.policy) < 0)
		abort();
	(void) builder_free(builder);
	free(b.bytes);
	policy_signatures(image.policy, &at);
	image.message = (struct message_policy){ .type = MESSAGE_POLICY,
		.n_signatures = at.n,
		.policy_id = policy_id(image.policy),
		.signatures_offset = at.offset,
		.rules_offset = at.rules_offset,
		.rules_size = at.rules_size };
	return image;
}

static inline void signature_image_done(struct signature_image *image)
{
	(void) policy_unref(image->policy);
	(void) close(image->fd);
}
