/*
 * Runs inside the inspector. Only one entry of the archive is unpacked.
 */
#include "agent/inspector/plugin_jar.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/inspector/archive.h"
#include "agent/inspector/class.h"
#include "agent/inspector/plugin_xml.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

struct search {
	struct content_sink sink;
	bool found;
	size_t n;
	char *text;
};

static int begin(struct content_sink *sink, const char *name, uint64_t size)
{
	struct search *s = (struct search *) sink;

	if (s->found)
		return -ECANCELED;
	if (strcmp(name, "META-INF/plugin.xml") != 0)
		return 0;
	if (size != UINT64_MAX && size > PLUGIN_XML_SIZE_MAX)
		return -E2BIG;
	s->text = malloc(PLUGIN_XML_SIZE_MAX);
	s->found = s->text != NULL;
	return s->found ? 1 : -ENOMEM;
}

static int bytes(struct content_sink *sink, const uint8_t *p, size_t n)
{
	struct search *s = (struct search *) sink;

	if (n > PLUGIN_XML_SIZE_MAX - s->n)
		return -E2BIG;
	memcpy(s->text + s->n, p, n);
	s->n += n;
	return 0;
}

static int read_archive(const struct view *v, struct package *ret)
{
	struct search s = { .sink = { begin, bytes } };
	int r = archive_read(v, &s.sink);

	if (s.found && (r == 0 || r == -ECANCELED || r == -EBADMSG)) {
		int parsed = plugin_xml_parse(s.text, s.n, ret);

		r = parsed == 0 && r == -EBADMSG ? r : parsed;
	}
	if (r == -ENOENT)
		r = 0;
	free(s.text);
	if (r > 0)
		ret->told = METADATA_PLUGIN_JAR;
	return r;
}

int plugin_jar_read(int fd, struct package *ret)
{
	_cleanup_free_ uint8_t *tail = NULL;
	struct stat st;
	struct view v = { .fd = fd };
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	v.size = (uint64_t) st.st_size;
	v.n_tail = v.size < CLASS_TAIL_SIZE ? (size_t) v.size : CLASS_TAIL_SIZE;
	tail = malloc(CLASS_TAIL_SIZE);
	if (!tail)
		return -ENOMEM;
	n = fd_pread_full(fd, tail, v.n_tail, (off_t) (v.size - v.n_tail));
	if (n < 0)
		return (int) n;
	if ((size_t) n < v.n_tail) /* it shrank */
		return -EBADMSG;
	v.tail = v.head = tail;
	return read_archive(&v, ret);
}
