#include "ctl/repo/readme.h"

#include <fcntl.h>
#include <string.h>

#include "policy/base/fd.h"

static const char text[] =
	"# The list of high-risk software: signed policy\n"
	"\n"
	"This folder is what our machines believe. It holds the policy that Proscribe enforces on\n"
	"them, and the signatures of the people who answer for it. Machines check the signatures\n"
	"(The Update Framework, TUF 1.0); no server, network or upload account can change a rule.\n"
	"\n"
	"| here | what it is |\n"
	"|---|---|\n"
	"| `targets/policy/` | the policy: rules, lists, signatures |\n"
	"| `metadata/` | who may sign what, and what was signed |\n"
	"| `keys/` | public keys. Private keys are never in here |\n"
	"\n"
	"`proscribectl` works in this folder; the guide is proscribe-repository(7).\n"
	"\n"
	"## Propose a change\n"
	"\n"
	"    git switch -c my-change\n"
	"    proscribectl policy check ../policy     # is it right?\n"
	"    proscribectl repo add ../policy         # shows what changes in its rules\n"
	"    git add -A && git commit && git push\n"
	"\n"
	"Edit the policy in a folder of its own, not in `targets/`: `repo add` copies it here.\n"
	"\n"
	"## Sign\n"
	"\n"
	"    git pull\n"
	"    proscribectl repo status                # what waits, and for whom\n"
	"    proscribectl repo diff https://list.example.com/    # what changes for machines\n"
	"    proscribectl repo sign targets          # shows what it is, then asks\n"
	"    git add -A && git commit && git push\n"
	"\n"
	"Exit status 5 means: signed, and more signatures are needed. Sign one after the other: "
	"two\n"
	"signatures that are made at the same time meet in git as a conflict.\n"
	"\n"
	"## Publish\n"
	"\n"
	"    proscribectl repo publish /srv/list     # a folder that a web server serves\n"
	"    proscribectl repo verify https://list.example.com/\n"
	"    git add -A && git commit && git push\n"
	"\n"
	"On the machine that publishes, each day by cron, so that machines know that nothing is\n"
	"kept from them:\n"
	"\n"
	"    proscribectl repo refresh /srv/list -C /path/to/this/folder\n"
	"\n"
	"## Who holds which key\n"
	"\n"
	"    proscribectl repo key list\n"
	"\n"
	"| role | says | who signs |\n"
	"|---|---|---|\n"
	"| root | which keys count, and how many of them | heads of security, offline, once a year "
	"|\n"
	"| targets | what the policy is | who decides about it |\n"
	"| snapshot, timestamp | that this is the current state | the machine that publishes |\n"
	"\n"
	"A key that is lost or stolen: tell the owner of this repository at once; proscribe-\n"
	"repository(7) says what to do.\n";

int readme_write(const char *folder, struct tuf_error *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/README.md", folder) < 0) {
		path = NULL;
		return tuf_fail(e, -ENOMEM, NULL, NULL, "not enough memory");
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_full(fd, text, sizeof(text) - 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? tuf_fail(e, r, NULL, path, "cannot be written: %s", strerror(-r)) : 0;
}
