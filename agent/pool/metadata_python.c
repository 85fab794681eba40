/*
 * One folder may hold hundreds of packages. Those whose name resembles the file's are candidates;
 * the rest only where there are few. Whether a candidate really owns the file is for the inspector
 * to find out from its RECORD.
 */
#include "agent/pool/metadata_python.h"

#include <string.h>

#include "agent/pool/directory.h"
#include "policy/base/cleanup.h"
#include "policy/identity/pypi.h"

enum { SCORE_NONE, SCORE_OTHER, SCORE_AKIN, SCORE_SIMILAR, SCORE_SAME };

enum {
	SIMILAR_MIN = 3, /* a shorter name is part of too many others */
	AKIN_MIN = 4,    /* so many letters begin both names */
};

/* What the package may be called: letters and digits in lower case only, since a package and its
 * folder differ most in how they put words together. "" for what is no name. */
struct wanted {
	char names[2][NAME_MAX + 1];
};

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	const size_t k = strlen(suffix);

	return n > k && memcmp(s + n - k, suffix, k) == 0;
}

static void squeeze(const char *name, size_t n, char out[NAME_MAX + 1])
{
	char *to = out;

	if (!pypi_name_normalize(name, n, out, NAME_MAX + 1))
		return;
	for (const char *p = out; *p; p++)
		if (*p != '-')
			*to++ = *p;
	*to = '\0';
}

/* "_cffi_backend.cpython-311-x86_64-linux-gnu.so" may be of "cffi". */
static void want(struct wanted *w, size_t i, const char *name)
{
	name += strspn(name, "._-");
	squeeze(name, strcspn(name, "."), w->names[i]);
}

/* Is @entry the metadata of a package? *ret_n: how many of its bytes are the package's name. */
static bool is_metadata(const char *entry, size_t *ret_n)
{
	size_t n = strlen(entry);
	const char *dash;

	if (ends_with(entry, n, ".dist-info"))
		n -= strlen(".dist-info");
	else if (ends_with(entry, n, ".egg-info"))
		n -= strlen(".egg-info");
	else
		return false;
	for (dash = memrchr(entry, '-', n); dash; dash = memrchr(entry, '-', n)) {
		n = (size_t) (dash - entry);
		if (strncmp(dash, "-py", 3) != 0) /* NAME-VERSION-py3.11.egg-info */
			break;
	}
	*ret_n = n;
	return true;
}

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static int score_name(const char *name, const char *wanted)
{
	if (!*wanted)
		return SCORE_OTHER;
	if (strcmp(name, wanted) == 0)
		return SCORE_SAME;
	if ((strlen(wanted) >= SIMILAR_MIN && strstr(name, wanted)) ||
		(strlen(name) >= SIMILAR_MIN && strstr(wanted, name)))
		return SCORE_SIMILAR;
	return common(name, wanted) >= AKIN_MIN ? SCORE_AKIN : SCORE_OTHER;
}

static int score(const char *entry, const void *context)
{
	const struct wanted *wanted = context;
	char name[NAME_MAX + 1];
	int best = SCORE_NONE;
	size_t n;

	if (!is_metadata(entry, &n))
		return SCORE_NONE;
	squeeze(entry, n, name);
	for (size_t i = 0; *name && i < ARRAY_SIZE(wanted->names); i++) {
		int worth = score_name(name, wanted->names[i]);

		best = worth > best ? worth : best;
	}
	return best;
}

static void take(struct walk *w, int packages, const char *entry)
{
	_cleanup_close_ int folder = -1;

	if (!walk_has_room(w, METADATA_DIST_INFO))
		return;
	folder = directory_open_below(packages, entry);
	if (folder < 0) /* distutils left a file, which is PKG-INFO itself */
		(void) walk_take(w, packages, entry, METADATA_DIST_INFO);
	else if (ends_with(entry, strlen(entry), ".egg-info"))
		(void) walk_take(w, folder, "PKG-INFO", METADATA_DIST_INFO);
	else if (walk_take(w, folder, "METADATA", METADATA_DIST_INFO))
		(void) walk_take(w, folder, "RECORD", METADATA_DIST_RECORD);
}

static void look_into(struct walk *w, int packages, const struct wanted *wanted)
{
	struct picks picks;

	if (!directory_is_on(packages, w->st->st_dev) || !walk_may_read(w))
		return;
	directory_pick(packages, score, wanted, &picks);
	for (size_t i = 0; i < picks.n; i++)
		if (picks.best[i].score > SCORE_OTHER || picks.seen <= DIRECTORY_PICKS_MAX)
			take(w, packages, picks.best[i].name);
}

void metadata_python_packages(struct walk *w, const char *top)
{
	struct wanted wanted = { 0 };

	want(&wanted, 0, top);
	look_into(w, w->folder, &wanted);
}

static void look_into_library(
	struct walk *w, int lib, const char *name, const struct wanted *wanted)
{
	static const char *const kinds[] = { "site-packages", "dist-packages" };
	_cleanup_close_ int python = directory_open_below(lib, name);

	if (python < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_close_ int packages = directory_open_below(python, kinds[i]);

		if (packages >= 0)
			look_into(w, packages, wanted);
	}
}

/* The folders are tried one by one: /usr/lib has too many names to read. */
void metadata_python_prefix(struct walk *w)
{
	_cleanup_close_ int lib = directory_open_below(w->folder, "lib");
	struct wanted wanted = { 0 };

	if (lib < 0)
		return;
	want(&wanted, 0, w->names[0]);
	want(&wanted, 1, w->names[2]);
	for (int minor = PYTHON_MINOR_LAST; minor >= PYTHON_MINOR_FIRST; minor--) {
		char name[sizeof("python3.") + 3 * sizeof(minor)];

		(void) snprintf(name, sizeof(name), "python3.%d", minor);
		look_into_library(w, lib, name, &wanted);
	}
	look_into_library(w, lib, "python3", &wanted);
}
