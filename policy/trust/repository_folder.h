/*
 * The folder of a repository, for the files that make up policy/trust/repository.h and for
 * the commands that work in it: reading and replacing files in it.
 */
#pragma once

#include <jansson.h>

#include "policy/trust/repository.h"

#define REPOSITORY_LOCK_FILE ".lock"
#define REPOSITORY_METADATA  "metadata/"
#define REPOSITORY_KEYS      "keys/"
#define REPOSITORY_TARGETS   "targets/"

#ifdef __clang_analyzer__ /* it cannot know that what fails is negative */
#define tuf_fail(...) ((void) tuf_fail(__VA_ARGS__), -EIO)
#endif

enum { REPOSITORY_KEY_SIZE_MAX = 65536 }; /* bytes of keys/NAME.json */

struct repository {
	char *path; /* as it was given; owned */
	int fd;     /* of the folder */
	int lock_fd;
};

/* @fd becomes the repository's, also on failure. */
int repository_new(const char *path, int fd, struct repository **ret, struct tuf_error *e);

/* Takes the folder @name below @folder away with all that is in it; 0 also when there is none. */
int repository_remove_tree(int folder, const char *name);

/* The whole regular file @name below @folder, following no link: -ENOENT, -EFBIG, -ELOOP, -EINVAL:
 * no regular file. *ret is owned, with a NUL behind it. */
int repository_read(int folder, const char *name, size_t max, char **ret, size_t *ret_size);

/* Replaces @name below @folder: whole or not at all, also when the power goes. Its permissions are
 * @mode, whatever the umask. */
int repository_write(int folder, const char *name, const void *bytes, size_t n, mode_t mode);

/* The same as people read it and git compares it: indented, sorted, with a line end. */
int repository_write_json(int folder, const char *name, const json_t *value);
int repository_dump(const json_t *value, char **ret, size_t *ret_size);

/* Makes durable what was created in or renamed to the folder that holds @name. */
int repository_sync_folder(int folder, const char *name);

/* "metadata/ROLE.json"; -ENAMETOOLONG. */
int repository_role_file(const char *role, char out[TUF_FILE_MAX + 1]);
/* "metadata/7.root.json" */
void repository_root_file(int64_t version, char out[TUF_FILE_MAX + 1]);
/* TUF_TARGETS for delegated roles, too. */
enum tuf_type repository_role_type(const char *role);

/* The entry of a snapshot or timestamp for a file with these bytes. */
json_t *repository_meta(int64_t version, const char *bytes, size_t n);
