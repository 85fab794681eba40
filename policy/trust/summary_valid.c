/*
 * A file of its own, for programs that get a summary and have nothing else of this folder.
 */
#include <string.h>

#include "policy/base/text.h"
#include "policy/trust/summary.h"

static bool all_zero(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static bool signer_valid(const struct trust_signer *s)
{
	return s->role[0] && text_field_valid(s->role, sizeof(s->role)) &&
		text_field_valid(s->keyid, sizeof(s->keyid)) &&
		strspn(s->keyid, "0123456789abcdef") == sizeof(s->keyid) - 1 &&
		text_field_valid(s->owner, sizeof(s->owner));
}

bool trust_summary_valid(const struct trust_summary *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->roles); i++)
		if (s->roles[i].version < 0)
			return false;
	if (s->n_signers > TRUST_SIGNERS_MAX)
		return false;
	for (size_t i = 0; i < s->n_signers; i++)
		if (!signer_valid(&s->signers[i]))
			return false;
	return all_zero(&s->signers[s->n_signers],
		(TRUST_SIGNERS_MAX - s->n_signers) * sizeof(s->signers[0]));
}
