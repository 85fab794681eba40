/*
 * The repository's folder, its lock, and its public keys by name. Runs in proscribectl, on an
 * administrator's machine; the files come out of git, so colleagues wrote them.
 */
#include "policy/trust/repository.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "policy/trust/canonical.h"
#include "policy/trust/repository_folder.h"

enum { PREFIX_MIN = 8 }; /* digits of a key id that may stand for it */

int repository_new(const char *path, int fd, struct repository **ret, struct tuf_error *e)
{
	_cleanup_(repository_freep) struct repository *r = calloc(1, sizeof(*r));

	if (!r) {
		(void) close(fd);
		return tuf_fail(e, -ENOMEM, NULL, path, "not enough memory");
	}
	r->fd = fd;
	r->lock_fd = -1;
	r->path = strdup(path);
	if (!r->path)
		return tuf_fail(e, -ENOMEM, NULL, path, "not enough memory");
	*ret = TAKE_PTR(r);
	return 0;
}

int repository_open(const char *path, struct repository **ret, struct tuf_error *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return tuf_fail(e, -errno, NULL, path, "cannot be opened: %s", strerror(errno));
	if (fstatat(fd, REPOSITORY_METADATA "root.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			? tuf_fail(e, -ENOENT, NULL, path,
				  "there is no repository here (no " REPOSITORY_METADATA
				  "root.json); name its folder with -C, or begin one with "
				  "'proscribectl repo init DIR'")
			: tuf_fail(e, -errno, NULL, path, "cannot be read: %s", strerror(errno));
	return repository_new(path, TAKE_FD(fd), ret, e);
}

struct repository *repository_free(struct repository *r)
{
	if (!r)
		return NULL;
	cleanup_closep(&r->fd);
	cleanup_closep(&r->lock_fd);
	free(r->path);
	free(r);
	return NULL;
}

int repository_lock(struct repository *r, struct tuf_error *e)
{
	_cleanup_close_ int fd = -1;

	if (r->lock_fd >= 0)
		return 0;
	fd = openat(r->fd, REPOSITORY_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return tuf_fail(e, -errno, NULL, REPOSITORY_LOCK_FILE, "cannot be opened: %s",
			strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			? tuf_fail(e, -EBUSY, NULL, r->path,
				  "another command is changing this repository; try again when it "
				  "is done")
			: tuf_fail(e, -errno, NULL, REPOSITORY_LOCK_FILE, "cannot be locked: %s",
				  strerror(errno));
	r->lock_fd = TAKE_FD(fd);
	return 0;
}

/* ---- keys ---- */

void repository_key_done(struct repository_key *k)
{
	tuf_key_free(k->key);
	json_decref(k->object);
	free(k->source);
	*k = (struct repository_key){ 0 };
}

static bool name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-@";
	size_t n = strlen(name);

	return n > 0 && n <= REPOSITORY_NAME_MAX && strspn(name, letters) == n && *name != '.' &&
		*name != '-';
}

static int key_file(const char *name, char out[TUF_FILE_MAX + 1])
{
	if (!name_valid(name))
		return -EINVAL;
	(void) snprintf(out, TUF_FILE_MAX + 1, REPOSITORY_KEYS "%s.json", name);
	return 0;
}

static int parse_key(const char *name, const char *file, const json_t *value,
	struct repository_key *ret, struct tuf_error *e)
{
	_cleanup_(repository_key_done) struct repository_key k = { 0 };
	const char *inner = json_string_value(json_object_get(value, "name"));
	const char *id = json_string_value(json_object_get(value, "keyid"));
	const char *source = json_string_value(json_object_get(value, "source"));
	int r;

	k.object = json_incref(json_object_get(value, "key"));
	if (!inner || !id || !source || !json_is_object(k.object))
		return tuf_fail(e, -EBADMSG, NULL, file,
			"is no key: it must have name, keyid, key and source");
	if (strcmp(inner, name) != 0)
		return tuf_fail(e, -EBADMSG, NULL, file, "says that it is of the key '%s'", inner);
	r = tuf_key_parse(k.object, &k.key);
	if (r < 0)
		return tuf_fail(e, r, NULL, file, "holds no key that can be read");
	if (strcmp(k.key->id, id) != 0)
		return tuf_fail(e, -EBADMSG, NULL, file, "says key id %.64s, but its key's is %s",
			id, k.key->id);
	k.source = strdup(source);
	if (!k.source)
		return tuf_fail(e, -ENOMEM, NULL, file, "not enough memory");
	(void) snprintf(k.name, sizeof(k.name), "%s", name);
	*ret = k;
	memset(&k, 0, sizeof(k));
	return 0;
}

static int load_key(
	struct repository *r, const char *name, struct repository_key *ret, struct tuf_error *e)
{
	_cleanup_json_ json_t *value = NULL;
	_cleanup_free_ char *text = NULL;
	char file[TUF_FILE_MAX + 1], why[TUF_TEXT_MAX + 1];
	size_t n;
	int k = key_file(name, file);

	if (k < 0)
		return tuf_fail(e, k, NULL, NULL, "'%s' is no name of a key", name);
	k = repository_read(r->fd, file, REPOSITORY_KEY_SIZE_MAX, &text, &n);
	if (k < 0)
		return tuf_fail(e, k, NULL, file, "cannot be read: %s", strerror(-k));
	k = canonical_load(text, n, why, sizeof(why), &value);
	if (k < 0)
		return tuf_fail(e, k, NULL, file, "%s", why);
	return parse_key(name, file, value, ret, e);
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The names of all keys, sorted. */
static int key_names(struct repository *r, char ***ret, size_t *ret_n, struct tuf_error *e)
{
	static const char suffix[] = ".json";
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(r->fd, REPOSITORY_KEYS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names;
	size_t n = 0;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return tuf_fail(
			e, -errno, NULL, REPOSITORY_KEYS, "cannot be read: %s", strerror(errno));
	names = calloc(REPOSITORY_KEYS_MAX + 1, sizeof(*names));
	if (!names)
		return tuf_fail(e, -ENOMEM, NULL, REPOSITORY_KEYS, "not enough memory");
	while ((entry = readdir(d))) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || length < sizeof(suffix) ||
			strcmp(entry->d_name + length - (sizeof(suffix) - 1), suffix) != 0)
			continue;
		if (n < REPOSITORY_KEYS_MAX)
			names[n] = strndup(entry->d_name, length - (sizeof(suffix) - 1));
		if (n == REPOSITORY_KEYS_MAX || !names[n]) {
			free_names(names, n);
			return n == REPOSITORY_KEYS_MAX
				? tuf_fail(e, -E2BIG, NULL, REPOSITORY_KEYS,
					  "holds more than %d keys", REPOSITORY_KEYS_MAX)
				: tuf_fail(e, -ENOMEM, NULL, REPOSITORY_KEYS, "not enough memory");
		}
		n++;
	}
	qsort(names, n, sizeof(*names), by_text);
	*ret = names;
	*ret_n = n;
	return 0;
}

int repository_keys(
	struct repository *r, struct repository_key **ret, size_t *ret_n, struct tuf_error *e)
{
	struct repository_key *keys;
	char **names;
	size_t n, i = 0;
	int k = key_names(r, &names, &n, e);

	if (k < 0)
		return k;
	keys = calloc(n + 1, sizeof(*keys));
	if (!keys)
		k = tuf_fail(e, -ENOMEM, NULL, REPOSITORY_KEYS, "not enough memory");
	for (; i < n && k == 0; i++)
		k = load_key(r, names[i], &keys[i], e);
	free_names(names, n);
	if (k < 0) {
		while (keys && i > 0)
			repository_key_done(&keys[--i]);
		free(keys);
		return k;
	}
	*ret = keys;
	*ret_n = n;
	return 0;
}

/* How many of @keys @name may mean; *ret is the last of them. A name counts before an id. */
static size_t count_matches(
	const struct repository_key *keys, size_t n, const char *name, size_t *ret)
{
	size_t length = strlen(name), found = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].name, name) == 0) {
			*ret = i;
			return 1;
		}
	for (size_t i = 0; length >= PREFIX_MIN && i < n; i++)
		if (strncasecmp(keys[i].key->id, name, length) == 0) {
			*ret = i;
			found++;
		}
	return found;
}

int repository_find_key(
	struct repository *r, const char *name, struct repository_key *ret, struct tuf_error *e)
{
	struct repository_key *keys;
	size_t n, found, which = 0;
	int k = repository_keys(r, &keys, &n, e);

	if (k < 0)
		return k;
	found = count_matches(keys, n, name, &which);
	if (found == 1) {
		*ret = keys[which];
		keys[which] = (struct repository_key){ 0 };
	}
	for (size_t i = 0; i < n; i++)
		repository_key_done(&keys[i]);
	free(keys);
	if (found == 0)
		return tuf_fail(e, -ENOENT, NULL, NULL,
			"there is no key '%s'; 'proscribectl repo key list' shows those there are",
			name);
	return found == 1
		? 0
		: tuf_fail(e, -ENOTUNIQ, NULL, NULL,
			  "'%s' is the beginning of more than one key id; give more of it", name);
}

static int check_new_key(
	struct repository *r, const char *name, const char *id, struct tuf_error *e)
{
	struct repository_key *keys;
	size_t n;
	int k = repository_keys(r, &keys, &n, e);

	if (k < 0)
		return k;
	for (size_t i = 0; i < n; i++) {
		if (k == 0 && strcmp(keys[i].name, name) == 0)
			k = tuf_fail(e, -EEXIST, NULL, NULL, "there is a key '%s' already", name);
		else if (k == 0 && keys[i].key && strcmp(keys[i].key->id, id) == 0)
			k = tuf_fail(e, -EEXIST, NULL, NULL, "this key is here already, as '%s'",
				keys[i].name);
		repository_key_done(&keys[i]);
	}
	free(keys);
	if (k == 0 && n >= REPOSITORY_KEYS_MAX)
		k = tuf_fail(e, -E2BIG, NULL, REPOSITORY_KEYS, "holds %d keys, more are too many",
			REPOSITORY_KEYS_MAX);
	return k;
}

int repository_add_key(struct repository *r, const char *name, const json_t *object,
	const char *source, struct tuf_error *e)
{
	_cleanup_(tuf_key_freep) struct tuf_key *key = NULL;
	_cleanup_json_ json_t *value = NULL;
	char file[TUF_FILE_MAX + 1];
	int k = key_file(name, file);

	if (k < 0)
		return tuf_fail(e, k, NULL, NULL,
			"'%s' cannot be the name of a key: up to %d letters, digits, '.', '_', '-' "
			"and '@', beginning with none of '.' and '-'",
			name, REPOSITORY_NAME_MAX);
	k = tuf_key_parse(object, &key);
	if (k < 0)
		return tuf_fail(e, k, NULL, NULL, "the key '%s' cannot be read", name);
	if (key->scheme == TUF_SCHEME_UNKNOWN)
		return tuf_fail(e, -EOPNOTSUPP, NULL, NULL,
			"the key '%s' is of a scheme that verifies nothing here", name);
	k = check_new_key(r, name, key->id, e);
	if (k < 0)
		return k;
	value = json_pack("{s:s, s:s, s:O, s:s}", "name", name, "keyid", key->id, "key", object,
		"source", source ? source : "");
	k = value ? repository_write_json(r->fd, file, value) : -ENOMEM;
	return k < 0 ? tuf_fail(e, k, NULL, file, "cannot be written: %s", strerror(-k)) : 0;
}
