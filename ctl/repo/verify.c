/*
 * proscribectl repo verify: what a host would do with what is published, without being one.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/published.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/image/policy.h"
#include "policy/source/compiler.h"

static json_t *role_json(const struct trust_role *role)
{
	char expires[21];

	tuf_time_format(role->expires_utc_sec, expires);
	return json_pack("{s:I, s:s}", "version", (json_int_t) role->version, "expires", expires);
}

static void say_json(
	const struct published *p, const struct compiled *c, const struct policy_info *info)
{
	_cleanup_json_ json_t *o = json_pack("{s:o, s:b, s:{}, s:[], s:I, s:I, s:I, s:i, s:i}",
		"repository", json_text(p->where), "valid", info != NULL, "roles", "signers",
		"files", (json_int_t) p->verified.n_files, "requests", (json_int_t) p->requests,
		"bytes", (json_int_t) p->bytes, "errors", (int) c->n_errors, "warnings",
		(int) c->n_warnings);

	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		(void) json_object_set_new(json_object_get(o, "roles"), tuf_type_to_string(t),
			role_json(&p->summary.roles[t]));
	for (uint32_t i = 0; i < p->summary.n_signers; i++)
		(void) json_array_append_new(json_object_get(o, "signers"),
			json_pack("{s:o, s:s, s:o}", "role", json_text(p->summary.signers[i].role),
				"keyid", p->summary.signers[i].keyid, "owner",
				json_text(p->summary.signers[i].owner)));
	if (info)
		(void) json_object_set_new(o, "policy",
			json_pack("{s:o, s:I, s:I, s:I}", "name", json_text(info->name), "software",
				(json_int_t) info->n_software, "rules", (json_int_t) info->n_rules,
				"hashes", (json_int_t) info->n_hashes));
	(void) json_print(o);
}

static void say_role(const struct published *p, const struct style *style, const char *role,
	const struct trust_role *version)
{
	_cleanup_free_ char *names = NULL, *text = NULL;
	char span[WORKING_SPAN_SIZE];
	size_t size = 0, n = 0;
	FILE *f = open_memstream(&names, &size);

	if (!f)
		return;
	for (uint32_t i = 0; i < p->summary.n_signers; i++) {
		const struct trust_signer *s = &p->summary.signers[i];

		if (strcmp(s->role, role) == 0)
			(void) fprintf(f, "%s%.*s", n++ > 0 ? ", " : ", signed by ",
				*s->owner ? TUF_OWNER_MAX : 12, *s->owner ? s->owner : s->keyid);
	}
	(void) fclose(f);
	working_span(version->expires_utc_sec, clock_utc_nsec() / NSEC_PER_SEC, span);
	if (asprintf(&text, "version %lld, expires %s%s", (long long) version->version, span,
		    names) < 0) {
		text = NULL;
		return;
	}
	print_labelled(stdout, style, 2, 11, role, TINT_NONE, text);
}

static void say(const struct published *p, const struct arguments *a, const struct policy_info *i)
{
	char size[PRINT_SIZE_SIZE], signed_size[PRINT_SIZE_SIZE];
	struct style style;

	print_style(stdout, &style);
	print_text(stdout, &style, TINT_BOLD, p->where);
	(void) fputs(": ", stdout);
	print_text(stdout, &style, i ? TINT_GOOD : TINT_BAD,
		i ? "hosts take this" : "hosts would refuse this policy");
	(void) putchar('\n');
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		say_role(p, &style, tuf_type_to_string(t), &p->summary.roles[t]);
	print_size(p->bytes, size);
	print_size(p->verified.bytes, signed_size);
	(void) printf("  files      %zu, %s; all of it cost %" PRIu64 " requests, %s\n",
		p->verified.n_files, signed_size, p->requests, size);
	if (i)
		(void) printf("  policy     %u software, %u rules, %u hashes\n", i->n_software,
			i->n_rules, i->n_hashes);
	if (!a->root)
		(void) puts("Trust began with the first root it offers itself; --root FILE begins "
			    "with one you know.");
}

enum exit_code cmd_repo_verify(const struct arguments *a)
{
	_cleanup_(published_done) struct published p;
	_cleanup_(compiled_done) struct compiled c = { .image_fd = -1 };
	_cleanup_(policy_unrefp) struct policy *policy = NULL;
	struct policy_info info;
	struct tuf_error e = { 0 };
	int r = published_take(a->operands[0], a, &p, &e);

	if (r < 0)
		return signers_failed(&e);
	r = compiler_run(p.copy, 0, &c);
	if (c.messages)
		print_messages(c.messages);
	if (r == 0 && c.image_fd >= 0 && c.n_errors == 0)
		r = policy_open(c.image_fd, &policy);
	if (r < 0)
		complain("the policy cannot be compiled: %s", strerror(-r));
	if (policy)
		policy_info(policy, &info);
	if (a->given & OPTION_JSON)
		say_json(&p, &c, policy ? &info : NULL);
	else
		say(&p, a, policy ? &info : NULL);
	return policy ? EXIT_CODE_FINE : EXIT_CODE_FAILED;
}
