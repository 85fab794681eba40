#include "policy/trust/repository_folder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/trust/transport.h"

enum { FOLDER_JSON_FLAGS = JSON_INDENT(2) | JSON_SORT_KEYS };

int repository_read(int folder, const char *name, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(
		folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_file(fd, max, ret, ret_size);
}

enum { TREE_DEPTH_MAX = 16 };

static int remove_tree(int folder, const char *name, unsigned depth)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	_cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		r = errno != EISDIR && errno != EPERM ? -errno
			: depth == 0                  ? -ELOOP
						      : remove_tree(fd, entry->d_name, depth - 1);
	}
	return r < 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0 ? r : -errno;
}

int repository_remove_tree(int folder, const char *name)
{
	return remove_tree(folder, name, TREE_DEPTH_MAX);
}

int repository_sync_folder(int folder, const char *name)
{
	const char *slash = strrchr(name, '/');
	_cleanup_free_ char *above = slash ? strndup(name, (size_t) (slash - name)) : strdup(".");
	_cleanup_close_ int fd = -1;

	if (!above)
		return -ENOMEM;
	fd = openat(folder, above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* "dir/.NAME.new" for "dir/NAME" */
static char *new_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t n = slash ? (size_t) (slash - name) + 1 : 0;
	char *ret;

	return asprintf(&ret, "%.*s.%s.new", (int) n, name, name + n) < 0 ? NULL : ret;
}

int repository_write(int folder, const char *name, const void *bytes, size_t n, mode_t mode)
{
	_cleanup_free_ char *temporary = new_name(name);
	_cleanup_close_ int fd = -1;
	int r;

	if (!temporary)
		return -ENOMEM;
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, n);
	if (r == 0 &&
		(fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
			renameat(folder, temporary, folder, name) < 0))
		r = -errno;
	if (r < 0) {
		(void) unlinkat(folder, temporary, 0);
		return r;
	}
	return repository_sync_folder(folder, name);
}

int repository_dump(const json_t *value, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *text = json_dumps(value, FOLDER_JSON_FLAGS);
	char *line;
	int n;

	if (!text)
		return -ENOMEM;
	n = asprintf(&line, "%s\n", text);
	if (n < 0)
		return -ENOMEM;
	*ret = line;
	*ret_size = (size_t) n;
	return 0;
}

int repository_write_json(int folder, const char *name, const json_t *value)
{
	_cleanup_free_ char *text = NULL;
	size_t n;
	int r = repository_dump(value, &text, &n);

	return r < 0 ? r : repository_write(folder, name, text, n, 0644);
}

int repository_role_file(const char *role, char out[TUF_FILE_MAX + 1])
{
	const size_t head = sizeof(REPOSITORY_METADATA) - 1, tail = sizeof(".json");
	int r;

	memcpy(out, REPOSITORY_METADATA, head);
	r = tuf_quote(role, 0, out + head, TUF_FILE_MAX + 1 - head - tail + 1);
	if (r < 0)
		return r;
	memcpy(out + strlen(out), ".json", tail);
	return 0;
}

void repository_root_file(int64_t version, char out[TUF_FILE_MAX + 1])
{
	(void) snprintf(
		out, TUF_FILE_MAX + 1, REPOSITORY_METADATA "%" PRId64 ".root.json", version);
}

enum tuf_type repository_role_type(const char *role)
{
	for (enum tuf_type t = TUF_ROOT; t < _TUF_TYPE_MAX; t++)
		if (strcmp(role, tuf_type_to_string(t)) == 0)
			return t;
	return TUF_TARGETS;
}

json_t *repository_meta(int64_t version, const char *bytes, size_t n)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	(void) SHA256((const unsigned char *) bytes, n, digest);
	text_hex(digest, sizeof(digest), hex);
	return json_pack("{s:{s:s}, s:I, s:I}", "hashes", "sha256", hex, "length", (json_int_t) n,
		"version", (json_int_t) version);
}
