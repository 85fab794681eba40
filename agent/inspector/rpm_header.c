/*
 * Runs inside the inspector. Format: "Header" in rpm's manual, "RPM V4 Package format": two
 * big-endian counts, index entries of four numbers each, data. Strings end in NUL; an array of them
 * is one after the other.
 */
#include "agent/inspector/rpm_header.h"

#include <string.h>

#include "policy/base/cleanup.h"

enum { INTRO_SIZE = 8, ENTRY_SIZE = 16 };

enum tag {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_OLD_FILES = 1027, /* whole paths; before rpm 4 */
	TAG_FILE_STATES = 1029,
	TAG_FOLDER_INDEXES = 1116,
	TAG_BASE_NAMES = 1117,
	TAG_FOLDERS = 1118,
};

enum type { TYPE_CHAR = 1, TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRINGS = 8 };

enum { STATE_NORMAL = 0, STATE_REPLACED = 1, STATE_NOT_INSTALLED = 2 };

#define VERSION_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~^"
#define NAME_BYTES    VERSION_BYTES "-"

struct header {
	const uint8_t *index, *data;
	uint32_t n_tags, size; /* of the data */
};

/* What a tag has; every byte of it lies in the header. */
struct value {
	const uint8_t *at, *end; /* @end: of the data */
	uint32_t n;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static int open_header(const uint8_t *data, size_t size, struct header *ret)
{
	uint32_t n_tags, n_data;

	if (size > RPM_HEADER_MAX)
		return -E2BIG;
	if (size < INTRO_SIZE)
		return -EBADMSG;
	n_tags = be32(data);
	n_data = be32(data + 4);
	if (n_tags > RPM_TAGS_MAX)
		return -E2BIG;
	if (n_data > RPM_HEADER_MAX || INTRO_SIZE + (size_t) n_tags * ENTRY_SIZE + n_data > size)
		return -EBADMSG;
	*ret = (struct header){
		.index = data + INTRO_SIZE,
		.data = data + INTRO_SIZE + (size_t) n_tags * ENTRY_SIZE,
		.n_tags = n_tags,
		.size = n_data,
	};
	return 0;
}

/* The first of its kind; a tag of another type is as good as none. */
static bool find(const struct header *h, enum tag tag, enum type type, struct value *ret)
{
	for (uint32_t i = 0; i < h->n_tags; i++) {
		const uint8_t *e = h->index + (size_t) i * ENTRY_SIZE;
		const uint32_t offset = be32(e + 8), n = be32(e + 12);
		const uint32_t width = type == TYPE_INT32 ? 4 : 1; /* at least, per item */

		if (be32(e) != tag)
			continue;
		if (be32(e + 4) != type || offset > h->size || n > (h->size - offset) / width)
			return false;
		*ret = (struct value){ h->data + offset, h->data + h->size, n };
		return n > 0;
	}
	return false;
}

/* The next string; NULL when it does not end before the data does. */
static const char *next_string(struct value *v)
{
	const uint8_t *s = v->at, *nul;

	if (v->n == 0)
		return NULL;
	nul = memchr(s, 0, (size_t) (v->end - s));
	if (!nul)
		return NULL;
	v->at = nul + 1;
	v->n--;
	return (const char *) s;
}

static const char *find_string(const struct header *h, enum tag tag, const char *bytes)
{
	struct value v;
	const char *s = find(h, tag, TYPE_STRING, &v) ? next_string(&v) : NULL;

	return s && *s && s[strspn(s, bytes)] == '\0' ? s : NULL;
}

static int put_version(const struct header *h, struct sink *sink)
{
	const char *version = find_string(h, TAG_VERSION, VERSION_BYTES);
	const char *release = find_string(h, TAG_RELEASE, VERSION_BYTES);
	char text[PACKAGE_VERSION_MAX + 1], epoch[16] = "";
	struct value v;

	if (find(h, TAG_EPOCH, TYPE_INT32, &v))
		(void) snprintf(epoch, sizeof(epoch), "%u:", be32(v.at));
	if (!version || !release ||
		snprintf(text, sizeof(text), "%s%s-%s", epoch, version, release) >=
			(int) sizeof(text))
		return 0;
	return sink_put(sink, RECORD_VERSION, text);
}

/* @states: of each file one byte, or empty. */
static bool is_there(const struct value *states, uint32_t i)
{
	return i >= states->n ||
		(states->at[i] != STATE_REPLACED && states->at[i] != STATE_NOT_INSTALLED);
}

static int load_folders(struct value *v, const char **ret)
{
	const uint32_t n = v->n;

	for (uint32_t i = 0; i < n; i++) {
		ret[i] = next_string(v);
		if (!ret[i])
			return -EBADMSG;
	}
	return 0;
}

static int put_file(const char *folder, const char *name, struct sink *sink)
{
	char path[PACKAGES_PATH_MAX + 1];

	if (folder[0] != '/' ||
		snprintf(path, sizeof(path), "%s%s", folder, name) >= (int) sizeof(path))
		return 0;
	return sink_put(sink, RECORD_FILE, path);
}

static int put_files(const struct header *h, const struct value *states, struct sink *sink)
{
	_cleanup_free_ const char **folders = NULL;
	struct value names, indexes, v;
	uint32_t n, n_folders;
	int r;

	if (!find(h, TAG_BASE_NAMES, TYPE_STRINGS, &names))
		return 0;
	if (!find(h, TAG_FOLDER_INDEXES, TYPE_INT32, &indexes) ||
		!find(h, TAG_FOLDERS, TYPE_STRINGS, &v) || indexes.n != names.n)
		return -EBADMSG;
	n = names.n;
	n_folders = v.n;
	if (n_folders > RPM_FOLDERS_MAX)
		return -E2BIG;
	folders = calloc(n_folders, sizeof(*folders));
	if (!folders)
		return -ENOMEM;
	r = load_folders(&v, folders);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		const char *name = next_string(&names);
		const uint32_t folder = be32(indexes.at + (size_t) i * 4);

		if (!name || folder >= n_folders)
			return -EBADMSG;
		if (is_there(states, i))
			r = put_file(folders[folder], name, sink);
	}
	return r;
}

static int put_old_files(const struct header *h, const struct value *states, struct sink *sink)
{
	struct value paths;
	const char *path;
	int r = 0;

	if (!find(h, TAG_OLD_FILES, TYPE_STRINGS, &paths))
		return 0;
	for (uint32_t i = 0; r == 0 && paths.n > 0; i++) {
		path = next_string(&paths);
		if (!path)
			return -EBADMSG;
		if (is_there(states, i))
			r = put_file(path, "", sink);
	}
	return r;
}

int rpm_header_read(const uint8_t *data, size_t size, struct sink *sink)
{
	struct value states = { 0 };
	struct header h;
	const char *name;
	int r = open_header(data, size, &h);

	if (r < 0)
		return r;
	name = find_string(&h, TAG_NAME, NAME_BYTES);
	if (!name)
		return -EBADMSG;
	(void) find(&h, TAG_FILE_STATES, TYPE_CHAR, &states);
	r = sink_put(sink, RECORD_PACKAGE, name);
	r = r ?: put_version(&h, sink);
	r = r ?: put_files(&h, &states, sink);
	return r ?: put_old_files(&h, &states, sink);
}
