/*
 * Who the sandboxed children of a root process become.
 */
#pragma once

#include <sys/types.h>

/* Without a user PROSCRIBE_USER: an id out of the range that no package and no systemd allocator
 * hands out (systemd's UIDS-GIDS: 61184 to 65519 is for DynamicUser=, of which the last two are
 * ours), so that a child shares its id with no service. */
#define PROSCRIBE_USER        "proscribe"
#define PROSCRIBE_UPDATE_USER "proscribe-update"
enum { PROSCRIBE_FALLBACK_UID = 65519, PROSCRIBE_UPDATE_FALLBACK_UID = 65518 };

/* The uid and gid of PROSCRIBE_USER, else the fallback for both. Reads the user database, so it is
 * for start-up, not for the path of a launch. */
void ids_unprivileged(uid_t *ret_uid, gid_t *ret_gid);
/* The same for another user of ours. */
void ids_user(const char *name, uid_t fallback, uid_t *ret_uid, gid_t *ret_gid);
