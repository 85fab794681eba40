/*
 * Any bytes as signatures/a.yar: either messages with an error, or an image that policy_open()
 * takes, whose rules libyara reads again, with every signature, and for each version the rule that
 * looks for it and a pattern that POSIX's engine reads; and none is global.
 */
#include <regex.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <yara.h>

#include "policy/base/fd.h"
#include "policy/image/signature.h"
#include "policy/source/compile.h"
#include "policy/source/compiler.h"
#include "policy/source/yara.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] = "proscribe: 1\n"
				  "policy: {name: test, owner: me}\n"
				  "software: [{id: a, name: A, is: [{signature: tool}]}]\n"
				  "rules: [{id: R, software: a, reason: No., action: log}]\n";

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct reading {
	const char *bytes;
	size_t size, at;
};

static size_t on_read(void *out, size_t size, size_t count, void *data)
{
	struct reading *r = data;

	if (size * count > r->size - r->at)
		return 0;
	memcpy(out, r->bytes + r->at, size * count);
	r->at += size * count;
	return count;
}

static bool has_rule(YR_RULES *rules, const char *prefix, const char *name)
{
	size_t n = strlen(prefix);
	YR_RULE *rule;

	yr_rules_foreach(rules, rule)
	{
		if (!strncmp(rule->identifier, prefix, n) && !strcmp(rule->identifier + n, name))
			return true;
	}
	return false;
}

static void check_signature(YR_RULES *rules, const struct signature *s)
{
	regex_t compiled;

	must(signature_valid(s) && has_rule(rules, "", s->name));
	must(strncmp(s->name, SIGNATURE_VERSION_PREFIX, strlen(SIGNATURE_VERSION_PREFIX)) != 0);
	if (!*s->version)
		return;
	must(has_rule(rules, SIGNATURE_VERSION_PREFIX, s->name));
	must(regcomp(&compiled, s->version, REG_EXTENDED) == 0 && compiled.re_nsub > 0);
	regfree(&compiled);
}

static void check_image(struct builder *b)
{
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	_cleanup_(yara_rules_freep) YR_RULES *rules = NULL;
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	_cleanup_free_ char *bytes = NULL;
	struct policy_signatures s;
	struct reading r = { 0 };
	YR_STREAM stream = { .user_data = &r, .read = on_read };
	YR_RULE *rule;

	if (fd < 0)
		return;
	must(builder_write(b, fd) == 0 && policy_open(fd, &p) == 0);
	policy_signatures(p, &s);
	must(s.n == 1 && s.rules_size > 0 && s.rules_size <= SIGNATURE_RULES_SIZE_MAX);
	bytes = malloc(s.rules_size);
	if (!bytes)
		return;
	must(fd_pread_full(fd, bytes, s.rules_size, (off_t) s.rules_offset) ==
		(ssize_t) s.rules_size);
	r = (struct reading){ bytes, s.rules_size, 0 };
	must(yr_rules_load_stream(&stream, &rules) == ERROR_SUCCESS);
	yr_rules_foreach(rules, rule)
	{
		must(!RULE_IS_GLOBAL(rule));
	}
	for (uint32_t i = 0; i < s.n; i++)
		check_signature(rules, policy_signature(p, i));
}

static void run(const uint8_t *data, size_t size, char **ret_said)
{
	struct source files[] = {
		{ .name = "policy.yaml", .text = policy_text, .size = sizeof(policy_text) - 1 },
		{ .name = POLICY_SIGNATURES "a.yar", .text = (const char *) data, .size = size },
	};
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_(builder_freep) struct builder *b = NULL;
	int r;

	must(messages_new(&m) == 0);
	r = policy_compile(files, ARRAY_SIZE(files), NULL, 0, m, &b);
	must(r == 0 || r == -EINVAL);
	must((r == 0) == (messages_count(m, MESSAGE_ERROR) == 0) && (r == 0) == (b != NULL));
	must(messages_format(m, COMPILER_MESSAGES_MAX, ret_said) == 0);
	if (b)
		check_image(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *first = NULL, *second = NULL;
	static bool ready;

	if (!ready)
		must(yr_initialize() == ERROR_SUCCESS);
	ready = true;
	run(data, size, &first);
	run(data, size, &second);
	must(strcmp(first, second) == 0);
	return 0;
}
