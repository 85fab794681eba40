#include "agent/ledger/users.h"

#include <pwd.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

enum { ENTRY_SIZE_MAX = 64 * 1024 }; /* of one passwd entry with its strings */

struct user {
	uid_t uid;
	char *name; /* NULL: it has none */
	uint64_t known_usec;
};

struct users {
	size_t n;
	struct user users[USERS_MAX];
};

int users_new(struct users **ret)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	*ret = u;
	return 0;
}

static void forget(struct users *u, size_t i)
{
	free(u->users[i].name);
	u->users[i] = u->users[--u->n];
}

struct users *users_free(struct users *u)
{
	if (!u)
		return NULL;
	while (u->n > 0)
		forget(u, u->n - 1);
	free(u);
	return NULL;
}

void users_begin(struct users *u)
{
	uint64_t now = clock_boot_usec();

	for (size_t i = u->n; i > 0; i--)
		if (now - u->users[i - 1].known_usec > USERS_KEEP_SEC * USEC_PER_SEC)
			forget(u, i - 1);
	while (u->n > USERS_MAX - USERS_BATCH_MAX)
		forget(u, u->n - 1);
}

/* NULL also when the name service fails: a record with the number alone is worth more than none. */
static char *ask(uid_t uid)
{
	char *name = NULL;

	for (size_t size = 1024; size <= ENTRY_SIZE_MAX; size *= 4) {
		_cleanup_free_ char *buffer = malloc(size);
		struct passwd entry, *found = NULL;
		int r;

		if (!buffer)
			return NULL;
		r = getpwuid_r(uid, &entry, buffer, size, &found);
		if (r == ERANGE)
			continue;
		if (r == 0 && found)
			(void) text_dup(entry.pw_name, &name);
		return name;
	}
	return NULL;
}

const char *users_name(struct users *u, uid_t uid)
{
	struct user *user;

	for (size_t i = 0; i < u->n; i++)
		if (u->users[i].uid == uid)
			return u->users[i].name;
	if (u->n == USERS_MAX)
		return NULL;
	user = &u->users[u->n++];
	user->uid = uid;
	user->name = ask(uid);
	user->known_usec = clock_boot_usec();
	return user->name;
}
