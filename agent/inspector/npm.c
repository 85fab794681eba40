/*
 * jansson refuses what is not UTF-8, holds a NUL, repeats a key or nests deeper than 2,048; the
 * sandbox's address space bounds what a hostile file can make it build. Runs inside the inspector.
 */
#include "agent/inspector/npm.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/identity/npm.h"

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char) *s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* 1 and @out; 0 when there is no @key or it is empty, as npm sees it; -EBADMSG. */
static int take_string(const json_t *root, const char *key, char *out, size_t size)
{
	const json_t *value = json_object_get(root, key);
	const char *s = json_string_value(value);

	if (!value)
		return 0;
	if (!s || has_control(s) || text_copy(out, size, s) < 0)
		return -EBADMSG;
	return s[0] != '\0';
}

int npm_parse(const char *text, size_t n, struct package *ret)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	struct package p = { .type = PACKAGE_NPM, .told = METADATA_PACKAGE_JSON };
	int has_name, has_version;

	if (n > NPM_METADATA_SIZE_MAX)
		return -EBADMSG;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* npm allows a byte order mark */
		text += 3;
		n -= 3;
	}
	root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root))
		return -EBADMSG;
	has_name = take_string(root, "name", p.name, sizeof(p.name));
	has_version = take_string(root, "version", p.version, sizeof(p.version));
	if (has_name < 0 || has_version < 0 || (has_name > 0 && !npm_name_valid(p.name)))
		return -EBADMSG;
	if (has_name == 0)
		return 0;
	*ret = p;
	return 1;
}

int npm_read(int fd, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = fd_read_file(fd, NPM_METADATA_SIZE_MAX, &text, &n);
	return r < 0 ? r : npm_parse(text, n, ret);
}

void npm_prepare(void)
{
	json_object_seed(0);
}
