/*
 * Files of installed packages that the policy lists: when their table changes, the gate and the
 * answers to clients follow, and people are told what could not be read.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state.h"
#include "policy/base/ids.h"
#include "policy/base/log.h"

int packages_start(struct agent *a)
{
	struct installed_watch_options o = {
		.build = { .root = "/", .uid = (uid_t) -1, .gid = (gid_t) -1 },
		.changed_fd = a->installed_fd,
	};
	int r;

	if (geteuid() == 0)
		ids_unprivileged(&o.build.uid, &o.build.gid);
	r = installed_watch_start(&o, &a->installed_watch);
	return r < 0 ? log_error_errno(r, "Installed packages cannot be looked for: %m") : 0;
}

static void report(const struct agent *a)
{
	struct installed_counts counts;

	installed_counts(a->installed, &counts);
	for (size_t i = 0; i < counts.n_notes; i++)
		log_warning("Installed packages: %s", installed_note(a->installed, i));
	if (!a->options.offline)
		log_info("Of the packages that the policy lists, %zu are installed, with %zu files",
			counts.n_packages, counts.n_files);
}

static void take_table(struct agent *a)
{
	struct installed *t = installed_watch_table(a->installed_watch);
	const bool differs = !installed_equal(t, a->installed);

	(void) installed_unref(a->installed);
	a->installed = t;
	if (!differs)
		return;
	if (a->gate)
		gate_set_installed(a->gate, t);
	report(a);
}

void packages_follow(struct agent *a, struct policy *p)
{
	int r = installed_watch_set_policy(a->installed_watch, p,
		a->options.offline ? AGENT_INSTALLED_OFFLINE_USEC : AGENT_INSTALLED_USEC);

	if (r < 0)
		(void) log_error_errno(r, "Installed packages cannot be looked for: %m");
	if (r > 0)
		log_warning("Finding the files of installed packages takes long; until it is done, "
			    "they are not known by their packages");
	take_table(a);
}

int packages_on_changed(sd_event_source *s, int fd, uint32_t events, void *context)
{
	uint64_t count;

	(void) s;
	(void) events;
	(void) !read(fd, &count, sizeof(count));
	take_table(context);
	return 0;
}

void packages_add_facts(const struct agent *a, int fd, struct facts *f)
{
	struct stat st;

	if (a->installed && fstat(fd, &st) == 0)
		installed_add_facts(a->installed, fd, st.st_dev, st.st_ino, f);
}

void packages_stop(struct agent *a)
{
	a->installed_watch = installed_watch_stop(a->installed_watch);
	a->installed = installed_unref(a->installed);
}
