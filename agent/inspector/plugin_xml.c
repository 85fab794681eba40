/*
 * No XML is needed to find three short texts, each directly in the root element: tags are counted,
 * comments and quoted text passed over, and what is not well-formed ends the search. Entities stay
 * as they are. Runs inside the inspector.
 */
#include "agent/inspector/plugin_xml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/inspector/field.h"

struct scan {
	const char *at, *end;
	unsigned depth; /* elements that are open */
};

struct tag {
	const char *name;
	size_t n_name;
	bool opens, closes; /* both: an element without content */
	const char *start;  /* of its "<" */
};

/* Steps behind the next @mark. */
static bool skip_past(struct scan *s, const char *mark)
{
	const char *p = memmem(s->at, (size_t) (s->end - s->at), mark, strlen(mark));

	s->at = p ? p + strlen(mark) : s->end;
	return p != NULL;
}

static bool starts_with(const struct scan *s, const char *mark)
{
	return (size_t) (s->end - s->at) >= strlen(mark) && memcmp(s->at, mark, strlen(mark)) == 0;
}

/* Steps behind the ">" of a tag, which may also stand in a quoted value. */
static bool skip_tag(struct scan *s)
{
	char quote = 0;

	for (; s->at < s->end; s->at++) {
		if (quote ? *s->at == quote : *s->at == '"' || *s->at == '\'')
			quote = quote ? 0 : *s->at;
		else if (!quote && *s->at == '>') {
			s->at++;
			return true;
		}
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_name(char c)
{
	return is_blank(c) || c == '/' || c == '>';
}

/* Steps behind the next tag of an element. */
static bool next_tag(struct scan *s, struct tag *ret)
{
	while ((s->at = memchr(s->at, '<', (size_t) (s->end - s->at)) ?: s->end) < s->end) {
		*ret = (struct tag){ .start = s->at };
		if (starts_with(s, "<!--")) {
			(void) skip_past(s, "-->");
		} else if (starts_with(s, "<![CDATA[")) {
			(void) skip_past(s, "]]>");
		} else if (starts_with(s, "<?") || starts_with(s, "<!")) {
			(void) skip_tag(s);
		} else {
			ret->opens = !starts_with(s, "</");
			ret->name = s->at + (ret->opens ? 1 : 2);
			while (ret->name + ret->n_name < s->end &&
				!ends_name(ret->name[ret->n_name]))
				ret->n_name++;
			if (!skip_tag(s))
				return false;
			ret->closes = !ret->opens || s->at[-2] == '/';
			return true;
		}
	}
	return false;
}

static bool is_named(const struct tag *t, const char *name)
{
	return t->n_name == strlen(name) && memcmp(t->name, name, t->n_name) == 0;
}

/* Copies the text before the next tag, unless there is one already. */
static int take_text(const struct scan *s, char *out, size_t size)
{
	const char *p = s->at, *end = memchr(p, '<', (size_t) (s->end - p)) ?: s->end;

	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	if (out[0])
		return 0;
	return field_copy(p, (size_t) (end - p), out, size) < 0 ? -EBADMSG : 0;
}

int plugin_xml_parse(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_GENERIC, .told = METADATA_ARCHIVE };
	char id[PACKAGE_NAME_MAX + 1] = "", name[PACKAGE_NAME_MAX + 1] = "";
	struct scan s = { .at = text, .end = text + n };
	struct tag t;
	int r = 0;

	while (r == 0 && next_tag(&s, &t)) {
		if (t.opens && s.depth == 0 && !is_named(&t, "idea-plugin"))
			return 0;
		if (t.opens && !t.closes && s.depth == 1) {
			if (is_named(&t, "id"))
				r = take_text(&s, id, sizeof(id));
			else if (is_named(&t, "name"))
				r = take_text(&s, name, sizeof(name));
			else if (is_named(&t, "version"))
				r = take_text(&s, p.version, sizeof(p.version));
		}
		if (t.opens && !t.closes)
			s.depth++;
		else if (!t.opens && (s.depth == 0 || --s.depth == 0))
			break;
	}
	if (r < 0 || (!id[0] && !name[0]))
		return r;
	if (strchr(id[0] ? id : name, '/') ||
		snprintf(p.name, sizeof(p.name), "jetbrains/%s", id[0] ? id : name) >=
			(int) sizeof(p.name))
		return -EBADMSG;
	*ret = p;
	return 1;
}
