#include "policy/base/ids.h"

#include <pwd.h>
#include <stddef.h>

enum { IDS_BUFFER_SIZE = 4096 };

void ids_user(const char *name, uid_t fallback, uid_t *ret_uid, gid_t *ret_gid)
{
	char buffer[IDS_BUFFER_SIZE];
	struct passwd entry, *found = NULL;

	*ret_uid = fallback;
	*ret_gid = fallback;
	/* A user of that name with root's uid or gid would undo the purpose. */
	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
		entry.pw_uid == 0 || entry.pw_gid == 0)
		return;
	*ret_uid = entry.pw_uid;
	*ret_gid = entry.pw_gid;
}

void ids_unprivileged(uid_t *ret_uid, gid_t *ret_gid)
{
	ids_user(PROSCRIBE_USER, PROSCRIBE_FALLBACK_UID, ret_uid, ret_gid);
}
