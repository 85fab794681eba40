/*
 * proscribectl repo role ...: who may sign what. Runs on an administrator's machine.
 */
#include <string.h>

#include "ctl/repo/commands.h"
#include "ctl/repo/signers.h"
#include "ctl/repo/working.h"
#include "policy/base/clock.h"
#include "policy/trust/repository_edit.h"

#define TEAM_LIFE_SEC (INT64_C(90) * 86400)

static int64_t now_sec(void)
{
	return clock_utc_nsec() / NSEC_PER_SEC;
}

/* What must be signed after a change of who signs @role. */
static enum exit_code say_changed(
	const struct arguments *a, struct repository *r, const char *role, const char *keys_role)
{
	const char *roles[] = { keys_role, strcmp(role, keys_role) == 0 ? NULL : role, NULL };
	_cleanup_(repository_state_done) struct repository_state s = { 0 };
	struct tuf_error e = { 0 };

	/* Publishing signs these, when they must be. */
	if (roles[1] && (strcmp(role, "snapshot") == 0 || strcmp(role, "timestamp") == 0))
		roles[1] = NULL;
	if (roles[1] && (repository_state(r, role, &s, &e) < 0 || s.complete))
		roles[1] = NULL;
	return working_say(a, r, roles);
}

static enum exit_code finish(const struct arguments *a, struct repository *r, const char *role)
{
	_cleanup_free_ char *keys_role = NULL;
	struct tuf_error e = { 0 };

	if (repository_keys_role(r, role, &keys_role, &e) < 0)
		return signers_failed(&e);
	return say_changed(a, r, role, keys_role);
}

enum exit_code cmd_repo_role_threshold(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };
	const char *number = a->operands[1];
	unsigned long threshold;
	char *end;

	errno = 0;
	threshold = strtoul(number, &end, 10);
	if (errno || *end || *number < '0' || *number > '9' || threshold == 0) {
		complain("a threshold is a whole number from 1 on, not '%s'", number);
		return EXIT_CODE_USAGE;
	}
	if (working_open(a, true, &r, &e) < 0 ||
		repository_set_threshold(r, a->operands[0], threshold, &e) < 0)
		return signers_failed(&e);
	return finish(a, r, a->operands[0]);
}

enum exit_code cmd_repo_role_add_key(const struct arguments *a)
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };

	if (working_open(a, true, &r, &e) < 0 ||
		repository_find_key(r, a->operands[1], &key, &e) < 0 ||
		repository_role_add_key(r, a->operands[0], &key, &e) < 0)
		return signers_failed(&e);
	return finish(a, r, a->operands[0]);
}

/* A key may be gone from keys/, or be known to the role only: then its whole id is wanted. */
enum exit_code cmd_repo_role_remove_key(const struct arguments *a)
{
	_cleanup_(repository_key_done) struct repository_key key = { 0 };
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };
	const char *id = a->operands[1];
	int k = working_open(a, true, &r, &e);

	if (k < 0)
		return signers_failed(&e);
	k = repository_find_key(r, id, &key, &e);
	if (k == 0)
		id = key.key->id;
	else if (k != -ENOENT || strlen(id) != TUF_KEYID_SIZE - 1)
		return signers_failed(&e);
	if (repository_role_remove_key(r, a->operands[0], id, &e) < 0)
		return signers_failed(&e);
	return finish(a, r, a->operands[0]);
}

enum exit_code cmd_repo_role_expire(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	const char *roles[] = { a->operands[0], NULL };
	struct tuf_error e = { 0 };

	if (!(a->given & OPTION_EXPIRES)) {
		complain("'repo role expire' wants --expires, like --expires 90d");
		return EXIT_CODE_USAGE;
	}
	if (working_open(a, true, &r, &e) < 0 ||
		repository_set_expiry(r, a->operands[0], now_sec() + a->expires_sec, &e) < 0)
		return signers_failed(&e);
	return working_say(a, r, roles);
}

static int find_keys(struct repository *r, const struct arguments *a,
	struct repository_key keys[ARGUMENTS_MANY_MAX], struct tuf_error *e)
{
	int k = 0;

	for (size_t i = 0; i < a->n_key && k == 0; i++)
		k = repository_find_key(r, a->key[i], &keys[i], e);
	return k;
}

static int delegate(struct repository *r, const struct arguments *a, struct tuf_error *e)
{
	struct repository_key keys[ARGUMENTS_MANY_MAX] = { 0 };
	const struct repository_delegation d = {
		.role = a->operands[0],
		.parent = a->role ? a->role : "targets",
		.paths = a->path,
		.n_paths = a->n_path,
		.keys = keys,
		.n_keys = a->n_key,
		.threshold = a->given & OPTION_THRESHOLD ? a->threshold : 1,
		.terminating = a->given & OPTION_TERMINATING,
		.expires_utc_sec = now_sec() +
			(a->given & OPTION_EXPIRES ? a->expires_sec : TEAM_LIFE_SEC),
	};
	int k = find_keys(r, a, keys, e);

	if (k == 0)
		k = repository_delegate(r, &d, e);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		repository_key_done(&keys[i]);
	return k;
}

enum exit_code cmd_repo_role_delegate(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	struct tuf_error e = { 0 };

	if (a->n_path == 0 || a->n_key == 0) {
		complain("'repo role delegate' wants --path and --key, at least one of each");
		return EXIT_CODE_USAGE;
	}
	if (working_open(a, true, &r, &e) < 0 || delegate(r, a, &e) < 0)
		return signers_failed(&e);
	return finish(a, r, a->operands[0]);
}

enum exit_code cmd_repo_role_undelegate(const struct arguments *a)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	_cleanup_free_ char *parent = NULL;
	struct tuf_error e = { 0 };

	if (working_open(a, true, &r, &e) < 0 ||
		repository_undelegate(r, a->operands[0], &parent, &e) < 0)
		return signers_failed(&e);
	return say_changed(a, r, parent, parent);
}
