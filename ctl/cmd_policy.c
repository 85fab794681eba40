/*
 * proscribectl policy check, proscribectl policy reload
 */
#include <string.h>

#include "ctl/client.h"
#include "ctl/json.h"
#include "ctl/print.h"
#include "policy/base/text.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"

static json_t *summary_json(const struct compiled *c, const struct policy_info *info)
{
	json_t *o = json_pack("{s:b, s:i, s:i, s:o*}", "valid", info != NULL, "errors",
		(int) c->n_errors, "warnings", (int) c->n_warnings, "messages",
		json_text(c->messages ? c->messages : ""));
	char digest[2 * SHA256_SIZE + 1];

	if (!o || !info)
		return o;
	text_hex(info->digest, SHA256_SIZE, digest);
	(void) json_object_set_new(o, "name", json_text(info->name));
	(void) json_object_set_new(o, "owner", json_text(info->owner));
	(void) json_object_set_new(o, "software", json_integer(info->n_software));
	(void) json_object_set_new(o, "rules", json_integer(info->n_rules));
	(void) json_object_set_new(o, "hashes", json_integer(info->n_hashes));
	(void) json_object_set_new(o, "digest", json_string(digest));
	return o;
}

static void print_summary(const char *path, const struct compiled *c, const struct policy_info *i)
{
	char digest[2 * SHA256_SIZE + 1];
	struct style style;

	print_style(stdout, &style);
	print_text(stdout, &style, TINT_BOLD, path);
	if (!i) {
		(void) fputs(": ", stdout);
		print_text(stdout, &style, TINT_BAD, "not usable");
		(void) printf(", %u errors, %u warnings\n", c->n_errors, c->n_warnings);
		return;
	}
	text_hex(i->digest, SHA256_SIZE, digest);
	(void) fputs(": ", stdout);
	print_text(stdout, &style, TINT_GOOD, "valid");
	(void) printf(", %u warnings\n", c->n_warnings);
	print_labelled(stdout, &style, 2, 10, "name", TINT_NONE, i->name);
	print_labelled(stdout, &style, 2, 10, "owner", TINT_NONE, i->owner);
	(void) printf("  %-9s %u software, %u rules, %u hashes\n", "holds", i->n_software,
		i->n_rules, i->n_hashes);
	print_labelled(stdout, &style, 2, 10, "digest", TINT_NONE, digest);
}

enum exit_code cmd_policy_check(const struct arguments *a)
{
	_cleanup_(compiled_done) struct compiled c = { .image_fd = -1 };
	_cleanup_(policy_unrefp) struct policy *policy = NULL;
	struct policy_info info = { 0 };
	const char *path = a->operands[0];
	int r = compiler_run(path, 0, &c);

	if (r == 0 && c.image_fd >= 0 && c.n_errors == 0) {
		r = policy_open(c.image_fd, &policy);
		if (r < 0)
			complain("the compiled policy is not readable: %s", strerror(-r));
		else
			policy_info(policy, &info);
	}
	if (c.messages)
		print_messages(c.messages);
	if (r < 0 && !policy && !(c.messages && *c.messages))
		complain("cannot check %s: %s", path, strerror(-r));
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = summary_json(&c, policy ? &info : NULL);

		(void) json_print(document);
	} else {
		print_summary(path, &c, policy ? &info : NULL);
	}
	return policy ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}

static enum exit_code explain_reload(const struct arguments *a, const struct client *c, int error)
{
	if (client_lost(c))
		return client_explain(a, error);
	if (client_error_is(c, "PolicyRejected")) {
		print_messages(client_error(c));
		complain("the policy was refused; the one in force stays");
	} else {
		complain("%s", client_error(c));
	}
	return EXIT_CODE_FAILED;
}

enum exit_code cmd_policy_reload(const struct arguments *a)
{
	_cleanup_(client_freep) struct client *c = NULL;
	_cleanup_json_ json_t *messages = NULL, *status = NULL;
	const json_t *policy;
	struct progress progress;
	struct waiting w = { &progress, "the agent reads its policy", 0, 0 };
	enum exit_code code = EXIT_CODE_FINE;
	int r = client_connect(a, &c);

	if (r < 0)
		return client_explain(a, r);
	progress_start(&progress, stderr);
	r = client_call(c, &w, &messages, "Reload", "");
	progress_end(&progress);
	if (r < 0)
		code = explain_reload(a, c, r);
	else
		print_messages(json_string_value(messages));
	if (!client_lost(c) && client_call(c, NULL, &status, "Status", "") < 0)
		return explain_reload(a, c, -EPIPE);
	policy = json_object_get(status, "policy");
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *document = json_pack("{s:b, s:O?, s:o*}", "reloaded", r >= 0,
			"policy", policy, r < 0 ? "error" : "messages",
			r < 0 ? json_text(client_error(c)) : json_incref(messages));

		(void) json_print(document);
	} else if (policy) {
		(void) fputs("In force: ", stdout);
		print_text(stdout, &(struct style){ 0 }, TINT_NONE, json_get_text(policy, "name"));
		(void) printf(", %lld rules, digest %.16s\n",
			(long long) json_get_integer(policy, "rules"),
			json_get_text(policy, "digest"));
	}
	return code;
}
