/*
 * Compiles a policy folder as the agent would and shows what the compiler said.
 *
 * usage: tool_policy_check [--settings] [--root-owned] PATH
 * Ends with 0 when there is a policy, 1 when it has errors, 2 when it could not be compiled.
 */
#include <stdio.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"
#include "tests/component/compiler_setup.h"

static int check_settings(const char *path)
{
	_cleanup_free_ char *messages = NULL;
	struct settings s;
	int r = settings_load(path, &s, &messages);

	if (messages)
		(void) fputs(messages, stdout);
	if (r == 0)
		(void) printf("fail_mode %u, %u to watch\n", s.fail_mode, s.n_watch);
	return r == 0 ? 0 : r == -EINVAL ? 1 : 2;
}

static int check_policy(const char *path, unsigned flags)
{
	_cleanup_(compiled_done) struct compiled c = { .image_fd = -1 };
	_cleanup_(policy_unrefp) struct policy *p = NULL;
	struct policy_info info;
	int r = compiler_run(path, flags, &c);

	(void) fputs(c.messages, stdout);
	if (r < 0)
		return 2;
	(void) printf("%u errors, %u warnings\n", c.n_errors, c.n_warnings);
	if (c.image_fd < 0)
		return 1;
	r = policy_open(c.image_fd, &p);
	if (r < 0)
		return 2;
	policy_info(p, &info);
	(void) printf("%s: %u software, %u rules\n", info.name, info.n_software, info.n_rules);
	return 0;
}

int main(int argc, char *argv[])
{
	bool settings = false;
	unsigned flags = 0;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		settings = settings || !strcmp(argv[i], "--settings");
		if (!strcmp(argv[i], "--root-owned"))
			flags |= COMPILER_REQUIRE_ROOT_OWNED;
	}
	if (i + 1 != argc) {
		(void) fputs("usage: tool_policy_check [--settings] [--root-owned] PATH\n", stderr);
		return 2;
	}
	if (compiler_setup() < 0)
		return 2;
	return settings ? check_settings(argv[i]) : check_policy(argv[i], flags);
}
