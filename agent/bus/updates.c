/*
 * Signed policy on the bus: what is known of it, and the order to look at it now. Runs in
 * proscribed. Texts of proscribe-update's report are UTF-8 (update_report_valid()), and no more
 * than data.
 */
#include "agent/bus/answer.h"
#include "agent/bus/errors.h"
#include "policy/base/clock.h"

static int append_signers(sd_bus_message *m, const struct trust_summary *s)
{
	int r = dict_open(m, "signers", "aa{sv}");

	for (uint32_t i = 0; r >= 0 && i < s->n_signers; i++) {
		const struct trust_signer *one = &s->signers[i];

		r = sd_bus_message_open_container(m, 'a', "{sv}");
		r = r < 0 ? r : dict_text(m, "role", one->role);
		r = r < 0 ? r : dict_text(m, "keyid", one->keyid);
		r = r < 0 ? r : dict_text(m, "owner", one->owner);
		r = r < 0 ? r : sd_bus_message_close_container(m);
	}
	return r < 0 ? r : dict_close(m);
}

static int append_trust(sd_bus_message *m, const struct trust_record *t)
{
	static const struct {
		const char *key;
		enum tuf_type type;
	} versions[] = {
		{ "root_version", TUF_ROOT },
		{ "targets_version", TUF_TARGETS },
		{ "snapshot_version", TUF_SNAPSHOT },
		{ "timestamp_version", TUF_TIMESTAMP },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(versions); i++)
		if (t->in_force.roles[versions[i].type].version > 0)
			r = dict_count(m, versions[i].key,
				(uint64_t) t->in_force.roles[versions[i].type].version);
	r = r < 0 ? r : dict_time(m, "accepted", t->accepted_utc_nsec);
	r = r < 0 ? r : dict_time(m, "expires", trust_expires_utc_sec(t) * NSEC_PER_SEC);
	return r < 0 ? r : append_signers(m, &t->in_force);
}

static int append_report(sd_bus_message *m, const struct update_report *u)
{
	int r = dict_text(m, "repository", u->repository);

	r = r < 0 ? r : dict_time(m, "last_success", u->succeeded_utc_nsec);
	r = r < 0 ? r : dict_time(m, "last_attempt", u->ended_utc_nsec);
	r = r < 0 ? r : dict_time(m, "next_check", u->next_utc_nsec);
	r = r < 0 ? r : dict_count(m, "failures", u->failures);
	r = r < 0 ? r : dict_text(m, "error", u->message);
	r = r < 0 ? r : dict_text(m, "error_role", u->role);
	return r < 0 ? r : dict_text(m, "error_file", u->file);
}

int updates_append(sd_bus_message *m, const struct agent_status *s)
{
	const struct enrolment_status *e = &s->enrolment;
	int r = dict_flag(m, "enrolled", s->enrolled);

	if (r < 0 || !s->enrolled)
		return r;
	r = dict_open(m, "updates", "a{sv}");
	r = r < 0 ? r : dict_bytes(m, "folder", e->folder);
	r = r < 0 ? r : append_trust(m, e->record);
	if (r >= 0 && e->report)
		r = append_report(m, e->report);
	r = r < 0 ? r : dict_text(m, "trouble", e->trouble);
	r = r < 0 ? r : dict_flag(m, "refused", e->refused);
	r = r < 0 ? r : dict_flag(m, "clock_suspect", e->clock_suspect);
	r = r < 0 ? r : dict_time(m, "stale_since", e->stale_since_utc_sec * NSEC_PER_SEC);
	return r < 0 ? r : dict_close(m);
}

static int append_answer(
	sd_bus_message *m, const struct agent_status *s, bool changed, const char *messages)
{
	struct policy_info info;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	r = r < 0 ? r : dict_flag(m, "changed", changed);
	if (r >= 0 && s->policy) {
		policy_info(s->policy, &info);
		r = dict_text(m, "policy", info.name);
		r = r < 0 ? r : dict_digest(m, "digest", info.digest);
	}
	if (r >= 0 && s->enrolled)
		r = dict_count(m, "version",
			(uint64_t) s->enrolment.record->in_force.roles[TUF_TARGETS].version);
	r = r < 0 ? r : dict_text(m, "messages", messages);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int reply_updated(struct call *c, bool changed, const char *messages, sd_bus_message **ret)
{
	_cleanup_free_ struct agent_status *s = calloc(1, sizeof(*s));
	int r = s ? sd_bus_message_new_method_return(c->message, ret) : -ENOMEM;

	if (r < 0)
		return r;
	agent_status(c->bus->agent, s);
	return append_answer(*ret, s, changed, messages);
}

static void on_updated(int result, bool changed, const char *messages, void *context)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	struct call *c = context;
	int r = result;

	if (r >= 0 && c->peer) {
		r = reply_updated(c, changed, messages, &reply);
		if (r >= 0) {
			call_reply(c, reply);
			return;
		}
	}
	if (result < 0 && messages && *messages)
		(void) bus_error_set(&e, result == -EBUSY ? EBUSY : EKEYREJECTED, "%s", messages);
	else
		(void) bus_error_set(&e, r, "What was fetched could not be looked at: %m");
	call_fail(c, &e);
}

int updates_method_update(struct call *c, sd_bus_error *e)
{
	int r;

	if (!call_privileged(c))
		return bus_error_set(e, EACCES, "Only root may have signed policy looked at");
	r = agent_update(c->bus->agent, on_updated, c);
	if (r == -ENOENT)
		return bus_error_set(e, r,
			"This host is not enrolled: it takes its policy from its own policy "
			"folder");
	if (r < 0)
		return bus_error_set(e, r, "What was fetched cannot be looked at: %m");
	return 1;
}
