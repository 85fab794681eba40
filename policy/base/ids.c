#include "policy/base/ids.h"

#include <pwd.h>
#include <stddef.h>

enum { IDS_BUFFER_SIZE = 4096 };

void ids_unprivileged(uid_t *ret_uid, gid_t *ret_gid)
{
	char buffer[IDS_BUFFER_SIZE];
	struct passwd entry, *found = NULL;

	*ret_uid = PROSCRIBE_FALLBACK_UID;
	*ret_gid = PROSCRIBE_FALLBACK_UID;
	/* A user of that name with root's uid or gid would undo the purpose. */
	if (getpwnam_r(PROSCRIBE_USER, &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
		entry.pw_uid == 0 || entry.pw_gid == 0)
		return;
	*ret_uid = entry.pw_uid;
	*ret_gid = entry.pw_gid;
}
