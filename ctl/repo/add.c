/*
 * proscribectl repo add. Runs on an administrator's machine; policies are parsed by the sandboxed
 * compiler only.
 */
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/changes.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/compare.h"
#include "ctl/repo/preview.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/staging.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"

#define ADD_LIFE_SEC (INT64_C(90) * 86400)

struct adding {
	const struct arguments *a;
	struct repository *r; /* owned */
	struct staging staging;
	json_t *changes; /* owned; of rules */
	json_t *files;   /* owned; [{"change", "file"}] */
	json_t *draft;   /* owned; what will be signed */
};

static void adding_done(struct adding *n)
{
	json_decref(n->changes);
	json_decref(n->files);
	json_decref(n->draft);
	staging_done(&n->staging);
	repository_free(n->r);
}

static int compare(struct adding *n, struct tuf_error *e)
{
	_cleanup_free_ char *old = NULL;
	int r = staging_old(&n->staging, &old);

	if (r == 0)
		r = compare_folders(old, n->staging.folder, &n->changes);
	if (r == -EINVAL)
		return tuf_fail(e, r, NULL, n->a->operands[0],
			"cannot be published like this; nothing was changed");
	return r < 0 ? tuf_fail(e, r, NULL, NULL, "%s", strerror(-r)) : 0;
}

/* ---- metadata ---- */

static int note_file(struct adding *n, const char *change, const char *path)
{
	return json_array_append_new(
		n->files, json_pack("{s:s, s:o}", "change", change, "file", json_text(path)));
}

static int compare_files(struct adding *n, json_t *old, json_t *new)
{
	const char *path;
	json_t *entry;
	int r = 0;

	n->files = json_array();
	for (void *i = json_object_iter(old); i && r == 0; i = json_object_iter_next(old, i)) {
		path = json_object_iter_key(i);
		if (!json_object_get(new, path))
			r = note_file(n, "-", path);
	}
	for (void *i = json_object_iter(new); i && r == 0; i = json_object_iter_next(new, i)) {
		path = json_object_iter_key(i);
		entry = json_object_get(old, path);
		if (!entry || !json_equal(entry, json_object_iter_value(i)))
			r = note_file(n, entry ? "~" : "+", path);
	}
	return r;
}

/* A new version lives as long as a new one does; one that lives longer already stays so. */
static int set_expiry(struct adding *n)
{
	int64_t until = clock_utc_nsec() / NSEC_PER_SEC +
		(n->a->given & OPTION_EXPIRES ? n->a->expires_sec : ADD_LIFE_SEC);
	const char *text = json_string_value(json_object_get(n->draft, "expires"));
	char expires[21];
	int64_t now;

	if (!(n->a->given & OPTION_EXPIRES) && text && tuf_time_parse(text, &now) == 0 &&
		now > until)
		return 0;
	tuf_time_format(until, expires);
	return json_object_set_new(n->draft, "expires", json_string(expires));
}

static int make_draft(struct adding *n, struct tuf_error *e)
{
	_cleanup_json_ json_t *targets = NULL;
	int r = repository_draft(n->r, n->staging.role, &n->draft, e);

	if (r < 0)
		return r;
	if (staging_targets(&n->staging, &targets) < 0 ||
		compare_files(n, json_object_get(n->draft, "targets"), targets) < 0 ||
		json_object_set(n->draft, "targets", targets) < 0 || set_expiry(n) < 0)
		return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
	return 0;
}

/* The files first: metadata that speak of others are noticed when they are published. */
static int apply(struct adding *n, struct tuf_error *e)
{
	int r = staging_apply(&n->staging, e);

	return r < 0 || json_array_size(n->files) == 0
		? r
		: repository_put(n->r, n->staging.role, n->draft, e);
}

/* ---- telling ---- */

static void say_changes(const struct adding *n)
{
	struct style style;
	const json_t *file;

	changes_print(n->changes);
	if (json_array_size(n->changes) > 0)
		return;
	print_style(stdout, &style);
	(void) puts("No rule, software or signature changes. Other changes, as of comments, in:");
	for (size_t i = 0; (file = json_array_get(n->files, i)); i++) {
		(void) printf("  %s ", json_get_text(file, "change"));
		print_text(stdout, &style, TINT_NONE, json_get_text(file, "file"));
		(void) putchar('\n');
	}
}

static enum exit_code say(const struct adding *n, bool changed)
{
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	bool dry = n->a->given & OPTION_DRY_RUN;
	struct tuf_error e = { 0 };

	if (repository_state(n->r, n->staging.role, &s, &e) < 0)
		return signers_failed(&e);
	if (n->a->given & OPTION_JSON) {
		_cleanup_json_ json_t *o = json_pack("{s:b, s:b, s:O, s:O, s:o}", "changed",
			changed, "dry_run", dry, "changes", n->changes, "files", n->files, "role",
			working_json(n->r, n->staging.role, &s));

		(void) json_print(o);
	} else if (!changed) {
		(void) printf("Nothing changed: %s holds this policy already.\n", n->staging.role);
	} else {
		say_changes(n);
		if (dry)
			(void) puts("Nothing was changed (--dry-run).");
	}
	if (dry)
		return EXIT_CODE_FINE;
	if (!(n->a->given & OPTION_JSON) && (changed || !s.complete))
		preview_missing(n->r, n->staging.role, &s);
	return s.complete ? EXIT_CODE_FINE : EXIT_CODE_UNSIGNED;
}

enum exit_code cmd_repo_add(const struct arguments *a)
{
	_cleanup_(adding_done) struct adding n = { .a = a };
	const char *role = a->role ? a->role : "targets";
	struct tuf_error e = { 0 };
	bool changed;
	int r = working_open(a, true, &n.r, &e);

	if (r == 0)
		r = staging_make(n.r, role, a->operands[0], &n.staging, &e);
	if (r < 0 && n.staging.messages) {
		print_messages(n.staging.messages);
		return EXIT_CODE_FAILED;
	}
	if (r == 0)
		r = compare(&n, &e);
	if (r == 0)
		r = make_draft(&n, &e);
	if (r < 0)
		return signers_failed(&e);
	changed = json_array_size(n.files) > 0;
	if (!(a->given & OPTION_DRY_RUN) && (changed || !staging_unchanged(&n.staging)))
		r = apply(&n, &e);
	return r < 0 ? signers_failed(&e) : say(&n, changed);
}
