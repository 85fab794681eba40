/*
 * What the host's package databases say of a few packages: which of them are installed, in which
 * version, and which files are theirs. The agent names the packages that the policy lists; nothing
 * is said of others. Runs inside the inspector, but for the limits and names, which both ends
 * share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/inspector/message.h"

enum {
	PACKAGES_NAMES_MAX = 20000, /* packages asked for */
	PACKAGES_NAMES_SIZE_MAX = PACKAGES_NAMES_MAX * (PACKAGE_NAME_MAX + 1),
	PACKAGES_FILES_MAX = 20000, /* files of one package */
	PACKAGES_PATH_MAX = MESSAGE_PATH_MAX - 1,
	PACKAGES_SYSTEMS_MAX = 16,
	PACKAGES_DATABASE_MAX = 256 << 20, /* bytes of dpkg's status file, or of rpm's database */
	PACKAGES_LIST_MAX = 32 << 20,      /* bytes of one package's list of files */
};

/* Names to look for come as a second descriptor: one after the other, each NUL-terminated, in the
 * order of strcasecmp(). */
enum packages_kind {
	PACKAGES_NONE,
	PACKAGES_OS_RELEASE,  /* os-release(5): what the system is, and what it is like */
	PACKAGES_DPKG_STATUS, /* with names */
	PACKAGES_DPKG_LIST,   /* NAME.list of one package; dpkg's diversions may come with it */
	PACKAGES_RPM,         /* rpm's SQLite database, with names */
	_PACKAGES_KIND_MAX,
};

/* A record is one of these and a text, and ends in NUL. */
enum packages_record {
	RECORD_SYSTEM = 's',  /* "debian" */
	RECORD_PACKAGE = 'p', /* a name; what follows is of this package */
	RECORD_ARCHITECTURE = 'a',
	RECORD_VERSION = 'v', /* none: unknown */
	RECORD_FILE = 'f',    /* an absolute path; any byte but NUL */
};

struct name_list {
	char *text;
	const char **list;
	size_t n;
};

/* 0, or a negative errno: -EBADMSG when out of order or without an end, -E2BIG. */
int name_list_read(int fd, struct name_list *ret);
void name_list_done(struct name_list *n);
bool name_list_hold(const struct name_list *n, const char *name);

/* Where readers put what they find. */
struct sink {
	int (*put)(enum packages_record tag, const char *text, void *context);
	void *context;
	size_t n_files; /* of the package at hand */
	bool cut;       /* some package has more files than PACKAGES_FILES_MAX */
};

/* 0, or what put() failed with. Texts that do not fit a record are left out. */
int sink_put(struct sink *s, enum packages_record tag, const char *text);

/* Answers one MESSAGE_PACKAGES: 0, or a negative errno after which the connection is over. */
int packages_serve(int socket, const struct message_packages *m, const int fds[], size_t n_fds);
