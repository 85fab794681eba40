/*
 * Runs inside the inspector.
 */
#include "agent/inspector/appimage.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/inspector/lines.h"
#include "agent/inspector/squash.h"
#include "policy/base/cleanup.h"

/* The group that matters; others hold names too. *ret_n is its size. */
static const char *desktop_entry(const char *text, size_t n, size_t *ret_n)
{
	static const char group[] = "[Desktop Entry]";
	const char *p = memmem(text, n, group, sizeof(group) - 1), *end;

	if (!p)
		return NULL;
	p += sizeof(group) - 1;
	end = memmem(p, n - (size_t) (p - text), "\n[", 2);
	*ret_n = end ? (size_t) (end - p) : n - (size_t) (p - text);
	return p;
}

int appimage_parse_desktop(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_GENERIC, .told = METADATA_APPIMAGE };
	char name[PACKAGE_NAME_MAX + 1];
	int r;

	text = desktop_entry(text, n, &n);
	if (!text)
		return 0;
	r = lines_take(text, n, "X-AppImage-Name", '=', name, sizeof(name));
	if (r == 0)
		r = lines_take(text, n, "Name", '=', name, sizeof(name));
	if (r <= 0)
		return r;
	r = lines_take(text, n, "X-AppImage-Version", '=', p.version, sizeof(p.version));
	if (r < 0 || strchr(name, '/') ||
		snprintf(p.name, sizeof(p.name), "appimage/%s", name) >= (int) sizeof(p.name))
		return -EBADMSG;
	*ret = p;
	return 1;
}

struct search {
	struct content_sink sink;
	enum { NOWHERE, IN_APPLICATIONS, AT_TOP } best, now;
	bool too_large;
	size_t n;
	struct package package;
	int result; /* of the best one so far, as appimage_parse_desktop() */
	char text[APPIMAGE_DESKTOP_MAX];
};

static void finish_entry(struct search *s)
{
	struct package p;
	int r = s->too_large ? -EBADMSG : 0;

	if (s->now <= s->best)
		return;
	if (r == 0)
		r = appimage_parse_desktop(s->text, s->n, &p);
	if (r > 0) {
		s->package = p;
		s->best = s->now;
	}
	if (s->result <= 0 && r != 0)
		s->result = r;
	s->now = NOWHERE;
}

static int begin(struct content_sink *sink, const char *name, uint64_t size)
{
	static const char applications[] = "usr/share/applications/";
	struct search *s = (struct search *) sink;
	const size_t n = strlen(name), n_folder = sizeof(applications) - 1;

	(void) size;
	finish_entry(s);
	if (s->best == AT_TOP)
		return -ECANCELED;
	s->n = 0;
	s->too_large = false;
	s->now = NOWHERE;
	if (n < 8 || strcmp(name + n - 8, ".desktop") != 0)
		return 0;
	if (!strchr(name, '/'))
		s->now = AT_TOP;
	else if (strncmp(name, applications, n_folder) == 0 && !strchr(name + n_folder, '/'))
		s->now = IN_APPLICATIONS;
	return s->now > s->best;
}

static int bytes(struct content_sink *sink, const uint8_t *p, size_t n)
{
	struct search *s = (struct search *) sink;

	s->too_large = n > sizeof(s->text) - s->n;
	if (s->too_large)
		return 1;
	memcpy(s->text + s->n, p, n);
	s->n += n;
	return 0;
}

int appimage_read(const struct view *v, const struct range *image, struct package *ret)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->sink = (struct content_sink){ begin, bytes };
	r = squash_read(v, image, &s->sink);
	if (r == 0)
		finish_entry(s);
	if (s->best != NOWHERE)
		*ret = s->package;
	if (s->best != NOWHERE || r == 0)
		return s->result;
	return r == -ECANCELED ? s->result : r;
}
