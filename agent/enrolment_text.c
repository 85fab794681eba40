#include "agent/enrolment_text.h"

#include <stdbool.h>
#include <string.h>

enum { KEYID_SHOWN = 8 /* digits of a key's id that are shown for one without an owner */ };

static const struct {
	enum tuf_type type;
	const char *name;
} roles[] = {
	{ TUF_TARGETS, "targets" },
	{ TUF_SNAPSHOT, "snapshot" },
	{ TUF_TIMESTAMP, "timestamp" },
	{ TUF_ROOT, "root" },
};

static void write_versions(
	FILE *f, const struct trust_summary *from, const struct trust_summary *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		const intmax_t a = from->roles[roles[i].type].version,
			       b = to->roles[roles[i].type].version;

		(void) fprintf(f, "%s%s ", i > 0 ? ", " : "", roles[i].name);
		if (a > 0 && a != b)
			(void) fprintf(f, "%jd to %jd", a, b);
		else
			(void) fprintf(f, "%jd", b);
	}
}

/* They come role by role. */
static void write_signers(FILE *f, const struct trust_summary *s)
{
	const char *role = "";

	for (uint32_t i = 0; i < s->n_signers; i++) {
		const struct trust_signer *one = &s->signers[i];

		if (i == 0 || strcmp(role, one->role) != 0)
			(void) fprintf(f, "%s%s: ", i == 0 ? "; signed by " : "; ", one->role);
		else
			(void) fputs(", ", f);
		if (one->owner[0])
			(void) fputs(one->owner, f);
		else
			(void) fprintf(f, "key %.*s", KEYID_SHOWN, one->keyid);
		role = one->role;
	}
}

char *enrolment_text_change(const struct trust_summary *from, const struct trust_summary *to)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	write_versions(f, from, to);
	write_signers(f, to);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

char *enrolment_text_stays(struct policy *in_force, const struct trust_summary *s)
{
	const intmax_t version = s->roles[TUF_TARGETS].version;
	struct policy_info info;
	char *text;
	int n;

	if (in_force)
		policy_info(in_force, &info);
	if (!in_force)
		n = asprintf(&text, "no policy is in force");
	else if (version > 0)
		n = asprintf(&text, "policy %s (targets version %jd) stays in force", info.name,
			version);
	else
		n = asprintf(&text, "policy %s stays in force", info.name);
	return n < 0 ? NULL : text;
}

char *enrolment_text_refusal(
	const char *messages, struct policy *in_force, const struct trust_summary *s)
{
	static const char prefix[] = "error: ";
	_cleanup_free_ char *stays = enrolment_text_stays(in_force, s);
	size_t n = strlen(messages);
	const char *line_end = strchr(messages, '\n');
	bool one_line = !line_end || !line_end[1];
	char *text;

	while (n > 0 && messages[n - 1] == '\n')
		n--;
	if (one_line && !strncmp(messages, prefix, strlen(prefix))) {
		messages += strlen(prefix);
		n -= strlen(prefix);
	}
	return !stays ||
			asprintf(&text, "%.*s%s%s", (int) n, messages, one_line ? "; " : "\n",
				stays) < 0
		? NULL
		: text;
}

void enrolment_text_mask_times(char *text)
{
	static const char form[] = "0000-00-00T00:00:00";

	for (char *s = text; *s; s++) {
		size_t n = 0;

		while (form[n] && (form[n] == '0' ? s[n] >= '0' && s[n] <= '9' : s[n] == form[n]))
			n++;
		if (!form[n])
			memcpy(s, form, n);
	}
}

char *enrolment_text_report(const struct update_report *r)
{
	const bool named = !r->file[0] || strstr(r->message, r->file);
	char *text;

	if (r->error >= 0 || r->error == -EHOSTUNREACH || r->error == -EREMOTEIO)
		return NULL;
	if (named)
		return asprintf(&text, "proscribe-update: %s", r->message) < 0 ? NULL : text;
	return asprintf(&text, "proscribe-update: %s%s%s%s: %s", r->file,
		       r->role[0] ? " (role " : "", r->role, r->role[0] ? ")" : "", r->message) < 0
		? NULL
		: text;
}
