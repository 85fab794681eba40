/*
 * Runs in proscribectl, on an administrator's machine.
 */
#include "ctl/repo/working.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/repo/preview.h"
#include "ctl/repo/signers.h"

enum { HOUR_SEC = 3600, DAY_SEC = 86400 };

const char *working_folder(const struct arguments *a)
{
	return a->in ? a->in : ".";
}

int working_open(const struct arguments *a, bool lock, struct repository **ret, struct tuf_error *e)
{
	_cleanup_(repository_freep) struct repository *r = NULL;
	int k = repository_open(working_folder(a), &r, e);

	if (k == 0 && lock)
		k = repository_lock(r, e);
	if (k == 0)
		*ret = TAKE_PTR(r);
	return k;
}

void working_span(int64_t utc_sec, int64_t now_utc_sec, char out[WORKING_SPAN_SIZE])
{
	int64_t span = utc_sec - now_utc_sec, size = span < 0 ? -span : span;
	bool days = size >= 2 * DAY_SEC;
	int64_t unit = days ? DAY_SEC : HOUR_SEC;

	(void) snprintf(out, WORKING_SPAN_SIZE, "%s%" PRId64 " %s%s", span < 0 ? "" : "in ",
		(size + unit / 2) / unit, days ? "d" : "h", span < 0 ? " ago" : "");
}

static json_t *key_json(
	struct repository *r, const struct repository_approval *a, const char *keyid)
{
	const struct tuf_key *key = tuf_metadata_key(a->keys_of, keyid);
	char label[SIGNERS_LABEL_SIZE];

	signers_label(r, keyid, label);
	return json_pack(
		"{s:s, s:s, s:s}", "keyid", keyid, "name", label, "owner", key ? key->owner : "");
}

static json_t *approval_json(struct repository *r, const struct repository_state *s, size_t which)
{
	const struct repository_approval *a = &s->approvals[which];
	json_t *o = json_pack("{s:I, s:I, s:[], s:[]}", "have", (json_int_t) a->have, "need",
		(json_int_t) a->role->threshold, "signed", "missing");

	for (size_t i = 0; i < a->role->n_keyids; i++) {
		const char *id = a->role->keyids[i];
		const char *list = repository_signed_by(s, id) ? "signed" : "missing";

		(void) json_array_append_new(json_object_get(o, list), key_json(r, a, id));
	}
	return o;
}

json_t *working_json(struct repository *r, const char *role, const struct repository_state *s)
{
	char expires[21];
	json_t *o;

	tuf_time_format(s->metadata->expires_utc_sec, expires);
	o = json_pack("{s:o, s:I, s:s, s:b, s:[]}", "role", json_text(role), "version",
		(json_int_t) s->metadata->version, "expires", expires, "complete", s->complete,
		"approvals");
	for (size_t i = 0; i < s->n_approvals; i++)
		(void) json_array_append_new(
			json_object_get(o, "approvals"), approval_json(r, s, i));
	return o;
}

enum exit_code working_say(
	const struct arguments *a, struct repository *r, const char *const roles[])
{
	_cleanup_json_ json_t *all = json_pack("{s:[]}", "roles");
	enum exit_code code = EXIT_CODE_FINE;

	for (; *roles; roles++) {
		_cleanup_(repository_state_done) struct repository_state s = { 0 };
		struct tuf_error e = { 0 };

		if (repository_state(r, *roles, &s, &e) < 0)
			return signers_failed(&e);
		if (!s.complete)
			code = EXIT_CODE_UNSIGNED;
		if (a->given & OPTION_JSON)
			(void) json_array_append_new(
				json_object_get(all, "roles"), working_json(r, *roles, &s));
		else
			preview_missing(r, *roles, &s);
	}
	if (a->given & OPTION_JSON)
		(void) json_print(all);
	return code;
}
