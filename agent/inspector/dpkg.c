/*
 * Runs inside the inspector. Formats: deb-control(5), dpkg(1) "FILES", os-release(5).
 */
#include "agent/inspector/dpkg.h"

#include <string.h>

#include "agent/inspector/textfile.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"

#define LETTERS       "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS        "0123456789"
#define BLANKS        " \t\r"
#define NAME_BYTES    LETTERS CAPITALS DIGITS "+-."
#define VERSION_BYTES LETTERS CAPITALS DIGITS ".+-:~"
#define SYSTEM_BYTES  LETTERS DIGITS "._-"

enum { OS_RELEASE_MAX = 64 << 10, DIVERSIONS_SIZE_MAX = 1 << 20, DIVERSIONS_MAX = 8192 };

struct stanza {
	char package[PACKAGE_NAME_MAX + 1], version[PACKAGE_VERSION_MAX + 1];
	char architecture[MESSAGE_NAME_MAX + 1];
	bool on_disk;
};

static bool holds_only(const char *s, const char *bytes)
{
	return *s && s[strspn(s, bytes)] == '\0';
}

/* Cuts blanks off both ends. */
static char *trim(char *s)
{
	char *end;

	s += strspn(s, BLANKS);
	end = s + strlen(s);
	while (end > s && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	return s;
}

/* The third word says how much of it is there. Whoever is not sure has files on the disk. */
static bool is_on_disk(const char *status)
{
	const char *state = strrchr(status, ' ');

	return state && strcmp(state + 1, "not-installed") != 0 &&
		strcmp(state + 1, "config-files") != 0;
}

static void take_field(struct stanza *s, char *line)
{
	char *colon = strchr(line, ':'), *value;

	if (!colon || strchr(BLANKS, line[0]))
		return;
	*colon = '\0';
	value = trim(colon + 1);
	if (strcasecmp(line, "Package") == 0)
		(void) text_copy(s->package, sizeof(s->package), value);
	else if (strcasecmp(line, "Version") == 0)
		(void) text_copy(s->version, sizeof(s->version), value);
	else if (strcasecmp(line, "Architecture") == 0)
		(void) text_copy(s->architecture, sizeof(s->architecture), value);
	else if (strcasecmp(line, "Status") == 0)
		s->on_disk = is_on_disk(value);
}

static int end_stanza(struct stanza *s, const struct name_list *names, struct sink *sink)
{
	const struct stanza ended = *s;
	int r;

	*s = (struct stanza){ 0 };
	if (!ended.on_disk || !holds_only(ended.package, NAME_BYTES) ||
		!name_list_hold(names, ended.package))
		return 0;
	r = sink_put(sink, RECORD_PACKAGE, ended.package);
	if (r == 0 && holds_only(ended.architecture, NAME_BYTES))
		r = sink_put(sink, RECORD_ARCHITECTURE, ended.architecture);
	if (r == 0 && holds_only(ended.version, VERSION_BYTES))
		r = sink_put(sink, RECORD_VERSION, ended.version);
	return r;
}

int dpkg_read_status(int fd, const struct name_list *names, struct sink *sink)
{
	struct stanza s = { 0 };
	struct textfile file;
	char *line;
	int r;

	textfile_init(&file, fd, PACKAGES_DATABASE_MAX);
	while ((r = textfile_next(&file, &line)) > 0) {
		if (line[strspn(line, BLANKS)])
			take_field(&s, line);
		else
			r = end_stanza(&s, names, sink);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : end_stanza(&s, names, sink);
}

/* A file that one package, or the administrator (":"), had all others put elsewhere. */
struct diversion {
	const char *from, *to, *package;
};

struct diversions {
	char *text;
	struct diversion *list;
	size_t n;
};

static void diversions_done(struct diversions *d)
{
	free(d->text);
	free(d->list);
}

/* Three lines for each. */
static int diversions_load(int fd, struct diversions *d)
{
	size_t size, n = 0;
	char *rest;
	int r = fd_read_file(fd, DIVERSIONS_SIZE_MAX, &d->text, &size);

	if (r < 0)
		return r;
	d->list = calloc(DIVERSIONS_MAX, sizeof(*d->list));
	if (!d->list)
		return -ENOMEM;
	rest = d->text;
	while (rest && *rest) {
		struct diversion one = { .from = strsep(&rest, "\n") };

		one.to = strsep(&rest, "\n");
		one.package = strsep(&rest, "\n");
		if (!one.package)
			break; /* cut short */
		if (n == DIVERSIONS_MAX)
			return -E2BIG;
		if (one.to[0] == '/')
			d->list[n++] = one;
	}
	d->n = n;
	return 0;
}

static const char *divert(const struct diversions *d, const char *package, const char *path)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].from, path) == 0 && strcmp(d->list[i].package, package) != 0)
			return d->list[i].to;
	return path;
}

int dpkg_read_list(int fd, int diversions, const char *package, struct sink *sink)
{
	_cleanup_(diversions_done) struct diversions d = { 0 };
	struct textfile file;
	char *line;
	int r = diversions < 0 ? 0 : diversions_load(diversions, &d);

	if (r < 0)
		return r;
	textfile_init(&file, fd, PACKAGES_LIST_MAX);
	while ((r = textfile_next(&file, &line)) > 0) {
		if (line[0] == '/' && line[1])
			r = sink_put(sink, RECORD_FILE, divert(&d, package, line));
		if (r < 0)
			return r;
	}
	return r;
}

static int put_systems(char *words, struct sink *sink, size_t *n)
{
	char *word;
	int r = 0;

	while (r == 0 && (word = strsep(&words, " \t\"'")))
		if (holds_only(word, SYSTEM_BYTES) && (*n)++ < PACKAGES_SYSTEMS_MAX)
			r = sink_put(sink, RECORD_SYSTEM, word);
	return r;
}

int dpkg_read_os_release(int fd, struct sink *sink)
{
	struct textfile file;
	size_t n = 0;
	char *line;
	int r;

	textfile_init(&file, fd, OS_RELEASE_MAX);
	while ((r = textfile_next(&file, &line)) > 0) {
		if (strncmp(line, "ID=", 3) == 0)
			r = put_systems(line + 3, sink, &n);
		else if (strncmp(line, "ID_LIKE=", 8) == 0)
			r = put_systems(line + 8, sink, &n);
		if (r < 0)
			return r;
	}
	return r;
}
