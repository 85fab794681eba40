/*
 * proscribectl repo status. Runs on an administrator's machine, and in pipelines.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/print.h"
#include "ctl/repo/commands.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/trust/repository_publish.h"

#define SOON_SEC (INT64_C(14) * 86400) /* to be signed again in good time */

enum { CELL_SIZE = 64, WAITING_SIZE = 512 };

struct status {
	const struct arguments *a;
	struct repository *r; /* owned */
	struct repository_output output;
	int64_t now_utc_sec;
	struct table *table; /* owned */
	json_t *roles;       /* owned */
	json_t *soon;        /* owned; the names of roles that expire in two weeks */
	bool expired, unsigned_yet;
	size_t n_unpublished;
};

static void status_done(struct status *s)
{
	repository_free(s->r);
	repository_output_done(&s->output);
	table_free(s->table);
	json_decref(s->roles);
	json_decref(s->soon);
}

static bool is_online(const char *role)
{
	return strcmp(role, "snapshot") == 0 || strcmp(role, "timestamp") == 0;
}

/* "1 of 2"; of a new root by the keys of the one before and by its own: "1 of 2 old, 0 of 3 new" */
static void count_cell(const struct repository_state *s, char out[CELL_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < s->n_approvals && used < CELL_SIZE; i++)
		used += (size_t) snprintf(out + used, CELL_SIZE - used, "%s%u of %u%s",
			i > 0 ? ", " : "", s->approvals[i].have, s->approvals[i].role->threshold,
			s->n_approvals == 1 ? ""
				: i == 0    ? " old"
					    : " new");
}

/* Is @who one of "a; b; c"? */
static bool listed(const char *list, const char *who)
{
	size_t n = strlen(who);

	for (const char *s = list; (s = strstr(s, who)); s += n)
		if ((s == list || s[-1] == ' ') && (!s[n] || s[n] == ';'))
			return true;
	return false;
}

/* Whose signatures would still help: owners, or else the names of their keys, each once. */
static void waiting_cell(
	struct repository *r, const struct repository_state *s, char out[WAITING_SIZE])
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < s->n_approvals; i++) {
		const struct repository_approval *a = &s->approvals[i];

		if (a->have >= a->role->threshold)
			continue;
		for (size_t k = 0; k < a->role->n_keyids && used < WAITING_SIZE; k++) {
			const struct tuf_key *key = tuf_metadata_key(
				a->keys_of, a->role->keyids[k]);
			char label[SIGNERS_LABEL_SIZE];
			const char *who;

			if (repository_signed_by(s, a->role->keyids[k]))
				continue;
			signers_label(r, a->role->keyids[k], label);
			who = key && *key->owner ? key->owner : label;
			if (!listed(out, who))
				used += (size_t) snprintf(out + used, WAITING_SIZE - used, "%s%s",
					used > 0 ? "; " : "", who);
		}
	}
}

/* What is published counts for the roles that are signed online: nothing else renews them. */
static int64_t expires_of(const struct status *s, const char *role, const struct tuf_metadata *m)
{
	const struct tuf_metadata *published = strcmp(role, "snapshot") == 0 ? s->output.snapshot
		: strcmp(role, "timestamp") == 0                             ? s->output.timestamp
									     : NULL;

	return published ? published->expires_utc_sec : m->expires_utc_sec;
}

static void add_json(struct status *s, const char *role, const struct repository_state *state,
	int64_t published, bool expired)
{
	json_t *o = working_json(s->r, role, state);

	(void) json_object_set_new(o, "expired", json_boolean(expired));
	if (s->a->output)
		(void) json_object_set_new(o, "published", json_integer(published));
	(void) json_array_append_new(s->roles, o);
}

static int add_role(struct status *s, const char *role, struct tuf_error *e)
{
	_cleanup_(repository_state_done) struct repository_state state = { 0 };
	char version[CELL_SIZE], expires[WORKING_SPAN_SIZE], have[CELL_SIZE], waiting[WAITING_SIZE],
		there[CELL_SIZE];
	const char *cells[] = { role, version, expires, have, waiting, there };
	bool online = is_online(role), counts = !online || s->output.timestamp, expired, missing,
	     soon;
	int64_t published = repository_output_version(&s->output, role), until;
	enum tint tint = TINT_NONE;
	int k = repository_state(s->r, role, &state, e);

	if (k < 0)
		return k;
	until = expires_of(s, role, state.metadata);
	expired = counts && until <= s->now_utc_sec;
	soon = !online && !expired && until - s->now_utc_sec < SOON_SEC;
	missing = !online && !state.complete;
	s->expired |= expired;
	s->unsigned_yet |= missing;
	if (s->a->output && !online && published != state.metadata->version)
		s->n_unpublished++;
	if (expired)
		tint = TINT_BAD;
	else if (missing || soon)
		tint = TINT_WARN;
	if (soon)
		(void) json_array_append_new(s->soon, json_string(role));
	(void) snprintf(version, sizeof(version), "%" PRId64, state.metadata->version);
	(void) snprintf(there, sizeof(there), "%" PRId64, published);
	working_span(until, s->now_utc_sec, expires);
	count_cell(&state, have);
	waiting_cell(s->r, &state, waiting);
	if (online)
		waiting[0] = '\0'; /* publishing signs it */
	add_json(s, role, &state, published, expired);
	return table_add(s->table, tint, cells);
}

static int add_roles(struct status *s, struct tuf_error *e)
{
	static const struct table_column columns[] = { { "ROLE", 8, false, false },
		{ "VERSION", 0, false, false }, { "EXPIRES", 0, false, false },
		{ "SIGNATURES", 0, false, false }, { "WAITS FOR", 12, false, false },
		{ "PUBLISHED", 0, false, false } };
	char **roles;
	int k = table_new(columns, ARRAY_SIZE(columns) - !s->a->output, &s->table);

	if (k < 0)
		return tuf_fail(e, k, NULL, NULL, "not enough memory");
	k = repository_roles(s->r, &roles, e);
	if (k < 0)
		return k;
	for (size_t i = 0; roles[i] && k == 0; i++)
		k = add_role(s, roles[i], e);
	repository_roles_free(roles);
	return k;
}

static void say(const struct status *s)
{
	struct style style;

	print_style(stdout, &style);
	(void) table_print(s->table, stdout, &style, 0);
	if (s->expired) {
		print_text(stdout, &style, TINT_BAD,
			"Something has expired: hosts refuse it, and keep what they have.");
		(void) putchar('\n');
	}
	for (size_t i = 0; i < json_array_size(s->soon); i++) {
		const char *role = json_string_value(json_array_get(s->soon, i));

		print_text(stdout, &style, TINT_WARN, role);
		(void) fputs(" expires soon: proscribectl repo role expire ", stdout);
		print_text(stdout, &style, TINT_NONE, role);
		(void) printf(" --expires %s\n", strcmp(role, "root") == 0 ? "1y" : "90d");
	}
	if (s->unsigned_yet)
		(void) puts("More signatures are needed: proscribectl repo sign ROLE");
	else if (s->n_unpublished > 0)
		(void) puts("Signed, and not published yet: proscribectl repo publish DIR");
	else if (!s->expired)
		(void) puts(s->a->output ? "All of it is signed and published."
					 : "All of it is signed.");
}

enum exit_code cmd_repo_status(const struct arguments *a)
{
	_cleanup_(status_done) struct status s = { .a = a, .output.fd = -1 };
	struct tuf_error e = { 0 };

	s.now_utc_sec = clock_utc_nsec() / NSEC_PER_SEC;
	s.roles = json_array();
	s.soon = json_array();
	if (working_open(a, false, &s.r, &e) < 0 ||
		(a->output && repository_output_open(s.r, a->output, &s.output, &e) < 0) ||
		add_roles(&s, &e) < 0)
		return signers_failed(&e);
	if (a->given & OPTION_JSON) {
		_cleanup_json_ json_t *o = json_pack("{s:O, s:b, s:b, s:O}", "roles", s.roles,
			"complete", !s.unsigned_yet, "expired", s.expired, "soon", s.soon);

		if (a->output)
			(void) json_object_set_new(
				o, "published", json_boolean(s.n_unpublished == 0));
		(void) json_print(o);
	} else {
		say(&s);
	}
	return s.expired ? EXIT_CODE_FAILED : s.unsigned_yet ? EXIT_CODE_UNSIGNED : EXIT_CODE_FINE;
}
