/*
 * Runs inside the inspector.
 */
#include "agent/inspector/versions.h"

#include <errno.h>
#include <string.h>

#include "policy/base/text.h"

int versions_init(struct versions *v, const char *pattern)
{
	int r;

	*v = (struct versions){ 0 };
	r = regcomp(&v->pattern, pattern, REG_EXTENDED);
	if (r == 0 && v->pattern.re_nsub == 0) {
		regfree(&v->pattern);
		return -EINVAL;
	}
	if (r == REG_ESPACE)
		return -ENOMEM;
	return r == 0 ? 0 : -EINVAL;
}

void versions_done(struct versions *v)
{
	regfree(&v->pattern);
}

static void add_version(struct versions *v, const char *version, size_t n)
{
	if (n == 0 || n > SIGNATURE_VERSION_MAX || memchr(version, '\0', n) ||
		!text_utf8_valid(version, n))
		return;
	for (size_t i = 0; i < v->n; i++)
		if (strlen(v->version[i]) == n && memcmp(v->version[i], version, n) == 0)
			return;
	if (v->n == VERSIONS_MAX) {
		v->too_many = true;
		return;
	}
	memcpy(v->version[v->n], version, n);
	v->version[v->n++][n] = '\0';
}

void versions_add(struct versions *v, const uint8_t *text, size_t n)
{
	regmatch_t match[2];

	if (!text)
		v->too_many = true;
	if (v->too_many || n == 0 || n > VERSIONS_TEXT_MAX ||
		(n == v->n_last && memcmp(text, v->last, n) == 0))
		return;
	v->n_last = n;
	memcpy(v->last, text, n);
	v->last[n] = '\0';
	match[0] = (regmatch_t){ 0, (regoff_t) n };
	if (regexec(&v->pattern, v->last, 2, match, REG_STARTEND) == 0 && match[1].rm_so >= 0)
		add_version(
			v, v->last + match[1].rm_so, (size_t) (match[1].rm_eo - match[1].rm_so));
}
