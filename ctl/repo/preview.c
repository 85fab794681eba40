/*
 * Runs in proscribectl. Everything shown comes from the bytes that will be signed.
 */
#include "ctl/repo/preview.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "ctl/arguments.h"
#include "ctl/print.h"
#include "ctl/repo/signers.h"
#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/trust/digest.h"

enum {
	FILES_SHOWN_MAX = 40,
	FILE_SIZE_MAX = 1 << 30,
};

static void line(const char *format, ...) _printf_(1, 2);

/* One line, with what comes from files made fit for a terminal. */
static void line(const char *format, ...)
{
	char text[4096], clean[2 * sizeof(text)];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void) text_escape(text, clean, sizeof(clean));
	(void) puts(clean);
}

static void show_expiry(const struct tuf_metadata *m)
{
	int64_t now = clock_utc_nsec() / NSEC_PER_SEC, days = (m->expires_utc_sec - now) / 86400;
	char text[CLOCK_TEXT_SIZE];

	clock_format_utc(m->expires_utc_sec * NSEC_PER_SEC, 0, text);
	if (m->expires_utc_sec <= now)
		line("  expires   %s: that is past", text);
	else
		line("  expires   %s (%lld days from now)", text, (long long) days);
}

/* ---- keys of a role ---- */

static bool has_key(const struct tuf_role *role, const char *keyid)
{
	for (size_t i = 0; role && i < role->n_keyids; i++)
		if (strcmp(role->keyids[i], keyid) == 0)
			return true;
	return false;
}

static const struct tuf_key *find_key(const struct tuf_metadata *m, const char *keyid)
{
	for (size_t i = 0; i < m->n_keys; i++)
		if (strcmp(m->keys[i]->id, keyid) == 0)
			return m->keys[i];
	return NULL;
}

static void show_key(
	struct repository *r, const struct tuf_metadata *m, const char *keyid, const char *sign)
{
	const struct tuf_key *key = find_key(m, keyid);
	char name[SIGNERS_LABEL_SIZE];

	signers_label(r, keyid, name);
	line("    %s key %s (%.8s%s%s)", sign, name, keyid, key && *key->owner ? ", " : "",
		key ? key->owner : "");
}

/* What differs in who speaks for one role; @was is NULL when there was none. */
static void show_role(struct repository *r, const struct tuf_metadata *m,
	const struct tuf_metadata *old, const struct tuf_role *was, const struct tuf_role *is)
{
	bool same = was && was->threshold == is->threshold && was->n_keyids == is->n_keyids;

	for (size_t i = 0; same && i < is->n_keyids; i++)
		same = has_key(was, is->keyids[i]);
	if (same)
		return;
	if (was && was->threshold != is->threshold)
		line("  %s: threshold %u instead of %u", is->name, is->threshold, was->threshold);
	else
		line("  %s: %u of %zu keys must sign", is->name, is->threshold, is->n_keyids);
	for (size_t i = 0; i < is->n_keyids; i++)
		if (!has_key(was, is->keyids[i]))
			show_key(r, m, is->keyids[i], "+");
	for (size_t i = 0; was && i < was->n_keyids; i++)
		if (!has_key(is, was->keyids[i]))
			show_key(r, old, was->keyids[i], "-");
}

static int show_root(struct repository *r, const struct tuf_metadata *m)
{
	struct tuf_metadata *old = NULL;
	struct tuf_error e;
	int k;

	k = repository_root(r, &old, &e);
	if (k < 0 && k != -ENOENT) {
		(void) signers_failed(&e);
		return k;
	}
	if (old && old->version == m->version)
		line("  it is complete already");
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		show_role(r, m, old, old ? &old->roles[t] : NULL, &m->roles[t]);
	(void) tuf_metadata_free(old);
	return 0;
}

/* ---- targets ---- */

/* Is the file in the repository's folder the one that is named? */
static bool is_there(const char *folder, const struct tuf_target *t)
{
	_cleanup_free_ char *path = NULL, *bytes = NULL;
	_cleanup_close_ int fd = -1;
	size_t n;

	if (asprintf(&path, "%s/targets/%s", folder, t->path) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 && fd_read_file(fd, FILE_SIZE_MAX, &bytes, &n) == 0 &&
		tuf_digest_check(&t->info, NULL, t->path, bytes, n, NULL) == 0;
}

static void show_delegation(
	struct repository *r, const struct tuf_metadata *m, const struct tuf_delegation *d)
{
	line("  delegates to %s%s", d->role.name, d->terminating ? " (terminating)" : "");
	for (size_t i = 0; d->paths && i < d->n_patterns; i++)
		line("    files %s", d->paths[i]);
	line("    %u of %zu keys must sign", d->role.threshold, d->role.n_keyids);
	for (size_t i = 0; i < d->role.n_keyids; i++)
		show_key(r, m, d->role.keyids[i], "");
}

static void show_targets(struct repository *r, const char *folder, const struct tuf_metadata *m)
{
	size_t other = 0;

	for (size_t i = 0; i < m->n_targets; i++) {
		const struct tuf_target *t = &m->targets[i];
		bool there = is_there(folder, t);
		char size[PRINT_SIZE_SIZE], digest[2 * sizeof(t->info.sha256) + 1];

		other += !there;
		if (i >= FILES_SHOWN_MAX && there)
			continue;
		print_size(t->info.length, size);
		text_hex(t->info.sha256, sizeof(t->info.sha256), digest);
		line("  %-40s %9s  %.12s%s", t->path, size, t->info.has_sha256 ? digest : "",
			there ? "" : "  NOT the file in targets/");
	}
	if (m->n_targets > FILES_SHOWN_MAX)
		line("  and %zu files more", m->n_targets - FILES_SHOWN_MAX);
	if (m->n_targets == 0)
		line("  names no files");
	if (other)
		line("  %zu of these files are not, or not like this, in targets/", other);
	for (size_t i = 0; i < m->n_delegations; i++)
		show_delegation(r, m, &m->delegations[i]);
}

static void show_metas(const struct tuf_metadata *m)
{
	for (size_t i = 0; i < m->n_metas; i++)
		line("  %s version %lld", m->metas[i].name, (long long) m->metas[i].version);
}

int preview_show(struct repository *r, const char *folder, const char *role,
	const struct repository_state *s)
{
	const struct tuf_metadata *m = s->metadata;

	line("%s version %lld", role, (long long) m->version);
	show_expiry(m);
	switch (m->type) {
	case TUF_ROOT:
		return show_root(r, m);
	case TUF_TARGETS:
		show_targets(r, folder, m);
		break;
	case TUF_SNAPSHOT:
	case TUF_TIMESTAMP:
		show_metas(m);
		break;
	case TUF_TYPE_NONE:
	case _TUF_TYPE_MAX:
		break;
	}
	return 0;
}

/* ---- afterwards ---- */

static void missing(
	struct repository *r, const struct repository_state *s, size_t which, const char *whose)
{
	const struct repository_approval *a = &s->approvals[which];
	unsigned need = a->role->threshold;
	const char *separator = "";

	if (a->have >= need)
		return;
	(void) printf("  %u of %u signatures%s; still to sign, %u of: ", a->have, need, whose,
		need - a->have);
	for (size_t i = 0; i < a->role->n_keyids; i++) {
		char name[SIGNERS_LABEL_SIZE];

		if (repository_signed_by(s, a->role->keyids[i]))
			continue;
		signers_label(r, a->role->keyids[i], name);
		(void) printf("%s%s", separator, name);
		separator = ", ";
	}
	(void) printf("\n");
}

void preview_missing(struct repository *r, const char *role, const struct repository_state *s)
{
	line("%s version %lld %s", role, (long long) s->metadata->version,
		s->complete ? "is complete" : "needs more signatures");
	for (size_t a = 0; !s->complete && a < s->n_approvals; a++)
		missing(r, s, a,
			s->n_approvals == 1 ? ""
				: a == 0    ? " by the keys of the root before"
					    : " by its own keys");
}
