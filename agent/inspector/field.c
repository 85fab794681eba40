/*
 * Runs inside the inspector. Versions may hold whatever an ecosystem allows; a name is held to the
 * few bytes that a purl shows as they are.
 */
#include "agent/inspector/field.h"

#include <errno.h>
#include <string.h>

#include "policy/base/text.h"

int field_copy(const char *s, size_t n, char *out, size_t size)
{
	*out = '\0';
	if (n >= size || !text_utf8_valid(s, n))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char) s[i] < 0x20 || s[i] == 0x7f)
			return -EBADMSG;
	memcpy(out, s, n);
	out[n] = '\0';
	return n > 0;
}

static bool is_plain(const char *s)
{
	for (size_t i = 0; s[i]; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || strchr("._-+", s[i])))
			return false;
	return *s != '\0';
}

int field_qualify(struct package *p, const char *namespace, const char *name)
{
	const size_t n = strlen(namespace);

	if (!is_plain(namespace) || !is_plain(name) || n + 1 + strlen(name) > PACKAGE_NAME_MAX)
		return -EBADMSG;
	memcpy(p->name, namespace, n);
	p->name[n] = '/';
	return text_copy(p->name + n + 1, sizeof(p->name) - n - 1, name) < 0 ? -EBADMSG : 1;
}
