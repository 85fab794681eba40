/*
 * proscribectl repo publish, repo refresh. Runs where the online key is.
 */
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/trust/repository_publish.h"

/* One run. */
struct publishing {
	struct repository *r;
	struct signers signers;
	json_t *files;         /* owned */
	struct signer *signer; /* the last one; owned */
	char keyid[TUF_KEYID_SIZE];
};

static void publishing_done(struct publishing *p)
{
	signer_free(p->signer);
	signers_done(&p->signers);
	json_decref(p->files);
	repository_free(p->r);
}

static int sign(void *context, const char *keyid, const void *bytes, size_t n,
	uint8_t out[TUF_SIGNATURE_MAX], size_t *ret_size, struct tuf_error *e)
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };
	struct publishing *p = context;
	int r;

	if (!p->signer || strcmp(p->keyid, keyid) != 0) {
		p->signer = signer_free(p->signer);
		r = repository_find_key(p->r, keyid, &key, e);
		if (r == 0)
			r = signers_open(&p->signers, &key, &p->signer, e);
		if (r < 0)
			return r == -ENOENT || r == -ENOPKG ? -ENOKEY : r;
		(void) snprintf(p->keyid, sizeof(p->keyid), "%s", keyid);
	}
	return signer_sign(p->signer, bytes, n, out, ret_size, e);
}

static void tell(void *context, const char *file, uint64_t size)
{
	struct publishing *p = context;

	(void) json_array_append_new(p->files,
		json_pack("{s:o, s:I}", "file", json_text(file), "size", (json_int_t) size));
}

static void say_json(
	const struct arguments *a, const struct publishing *p, const struct repository_published *d)
{
	char expires[21] = "";
	_cleanup_json_ json_t *o = NULL;

	if (d->expires_utc_sec > 0)
		tuf_time_format(d->expires_utc_sec, expires);
	o = json_pack("{s:o, s:b, s:I, s:I, s:I, s:I, s:s, s:O}", "output",
		json_text(a->operands[0]), "dry_run", (a->given & OPTION_DRY_RUN) != 0, "root",
		(json_int_t) d->root, "targets", (json_int_t) d->targets, "snapshot",
		(json_int_t) d->snapshot, "timestamp", (json_int_t) d->timestamp, "expires",
		expires, "files", p->files);
	(void) json_print(o);
}

static void say(
	const struct arguments *a, const struct publishing *p, const struct repository_published *d)
{
	bool dry = a->given & OPTION_DRY_RUN;
	char size[PRINT_SIZE_SIZE], span[WORKING_SPAN_SIZE];
	const json_t *file;
	struct style style;

	print_style(stdout, &style);
	for (size_t i = 0; (file = json_array_get(p->files, i)); i++) {
		(void) fputs(dry ? "  would write " : "  ", stdout);
		print_text(stdout, &style, TINT_NONE, json_get_text(file, "file"));
		(void) putchar('\n');
	}
	print_text(stdout, &style, TINT_BOLD, a->operands[0]);
	if (d->n_files == 0) {
		(void) puts(": nothing to publish, all of it is there");
	} else {
		print_size(d->bytes, size);
		(void) printf(": %zu new file%s, %s%s\n", d->n_files, d->n_files == 1 ? "" : "s",
			size, dry ? "; nothing was written" : "; verified as hosts do it");
	}
	(void) printf("root %lld, targets %lld, snapshot %lld, timestamp %lld", (long long) d->root,
		(long long) d->targets, (long long) d->snapshot, (long long) d->timestamp);
	working_span(d->expires_utc_sec, clock_utc_nsec() / NSEC_PER_SEC, span);
	(void) printf("; hosts want a newer timestamp %s\n", span);
}

/* Does it wait for signatures, or is it wrong? */
static enum exit_code fail(struct publishing *p, int error, const struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	struct tuf_error ignored;

	(void) signers_failed(e);
	return error == -EKEYREJECTED && p->r && *e->role &&
			repository_state(p->r, e->role, &s, &ignored) == 0 && !s.complete
		? EXIT_CODE_UNSIGNED
		: EXIT_CODE_FAILED;
}

/* Hosts refuse a repository without a policy, so they are not to meet one. */
static int check_policy(struct repository *r, struct tuf_error *e)
{
	char **roles;
	bool found = false;
	int k = repository_roles(r, &roles, e);

	for (size_t i = 0; k == 0 && roles[i]; i++) {
		_cleanup_(tuf_metadata_freep) struct tuf_metadata *m = NULL;

		if (!found && repository_load(r, roles[i], &m, NULL) == 0)
			found = tuf_metadata_target(m, REPOSITORY_POLICY "policy.yaml");
	}
	for (size_t i = 0; k == 0 && roles[i]; i++)
		free(roles[i]);
	if (k < 0)
		return k;
	free(roles);
	return found ? 0
		     : tuf_fail(e, -ENOENT, NULL, REPOSITORY_POLICY "policy.yaml",
			       "is not in the repository yet; add a policy: proscribectl repo "
			       "add POLICY-DIR");
}

static enum exit_code run(const struct arguments *a, bool renew)
{
	_cleanup_(publishing_done) struct publishing p = { 0 };
	const struct repository_publish publish = {
		.output = a->operands[0],
		.now_utc_sec = clock_utc_nsec() / NSEC_PER_SEC,
		.life_sec = a->given & OPTION_EXPIRES ? a->expires_sec : REPOSITORY_ONLINE_LIFE_SEC,
		.renew = renew,
		.dry_run = a->given & OPTION_DRY_RUN,
		.sign = sign,
		.tell = tell,
		.context = &p,
	};
	struct repository_published done = { 0 };
	struct tuf_error e = { 0 };
	int r;

	p.files = json_array();
	if (signers_init(&p.signers, a) < 0 || !p.files)
		return EXIT_CODE_FAILED;
	r = working_open(a, !renew, &p.r, &e);
	if (r == 0 && !renew)
		r = check_policy(p.r, &e);
	if (r == 0)
		r = repository_publish(p.r, &publish, &done, &e);
	if (r < 0)
		return fail(&p, r, &e);
	if (a->given & OPTION_JSON)
		say_json(a, &p, &done);
	else
		say(a, &p, &done);
	return EXIT_CODE_FINE;
}

enum exit_code cmd_repo_publish(const struct arguments *a)
{
	return run(a, false);
}

enum exit_code cmd_repo_refresh(const struct arguments *a)
{
	return run(a, true);
}
