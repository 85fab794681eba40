/*
 * The layout is that of Go's debug/buildinfo: 32 bytes of header, then two texts, each with its
 * length in front. The second one has 16 bytes of guard on either side and lines of fields parted
 * by tabs. Runs inside the inspector.
 */
#include "agent/inspector/gobuild.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "policy/base/cleanup.h"
#include "policy/base/text.h"

enum {
	HEADER_SIZE = 32,
	HEADER_ALIGNMENT = 16,
	WORD_AT = 14, /* bytes of an address */
	FLAGS_AT = 15,
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2,
	STRINGS_AT = 16,
	LENGTH_MAX = 10, /* bytes of a 64-bit number, seven bits in each */
	GO_VERSION_MAX = 256,
	GUARD_SIZE = 16,
};

static const char mark[] = "\xff Go buildinf:";

/* The field behind @key on the line that begins with it; NULL when there is none. */
static const char *field_of(const char *text, size_t n, const char *key, size_t *ret_n)
{
	const char *const end = text + n;
	const size_t n_key = strlen(key);

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t) (end - text));
		const size_t length = (size_t) ((stop ? stop : end) - text);

		if (length > n_key && memcmp(text, key, n_key) == 0) {
			*ret_n = length - n_key;
			return text + n_key;
		}
		if (!stop)
			return NULL;
		text = stop + 1;
	}
	return NULL;
}

static bool is_plain(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char) p[i] <= ' ' || p[i] == 0x7f)
			return false;
	return n > 0 && text_utf8_valid(p, n);
}

static int take(char *out, size_t size, const char *p, size_t n)
{
	if (!is_plain(p, n) || n >= size)
		return -EBADMSG;
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

/* The module of a main package is what stands before "/cmd/", by custom. */
static int parse_path(const char *text, size_t n, struct package *p)
{
	size_t n_path;
	const char *path = field_of(text, n, "path\t", &n_path);
	const char *cmd;
	int r;

	if (!path || memchr(path, '.', n_path) == NULL) /* "command-line-arguments" */
		return 0;
	cmd = memmem(path, n_path, "/cmd/", 5);
	r = take(p->name, sizeof(p->name), path, cmd ? (size_t) (cmd - path) : n_path);
	return r < 0 ? r : 1;
}

/* The line "mod", of path, version and sum. */
static int parse_module(const char *text, size_t n, struct package *ret)
{
	struct package p = { .type = PACKAGE_GOLANG, .told = METADATA_GO_BUILDINFO };
	size_t n_line, n_path, n_version;
	const char *line = field_of(text, n, "mod\t", &n_line), *tab, *version;
	int r = 0;

	if (!line) {
		r = parse_path(text, n, &p);
		if (r > 0)
			*ret = p;
		return r;
	}
	tab = memchr(line, '\t', n_line);
	n_path = tab ? (size_t) (tab - line) : n_line;
	if (tab) {
		version = tab + 1;
		n_version = n_line - n_path - 1;
		tab = memchr(version, '\t', n_version);
		if (tab)
			n_version = (size_t) (tab - version);
		if (n_version > 0 && version[0] != '(') /* "(devel)" */
			r = take(p.version, sizeof(p.version), version, n_version);
	}
	r = r ?: take(p.name, sizeof(p.name), line, n_path);
	if (r < 0)
		return r;
	*ret = p;
	return 1;
}

/* Reads the length at *at and steps over it. */
static int read_length(const struct view *v, uint64_t *at, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < LENGTH_MAX; i++) {
		uint8_t byte;
		int r = view_read(v, (*at)++, &byte, 1);

		if (r < 0)
			return r == -ENODATA ? -EBADMSG : r;
		value |= (uint64_t) (byte & 0x7f) << 7 * i;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EBADMSG;
}

/* @n bytes at @at, guards included. */
static int read_text(const struct view *v, uint64_t at, uint64_t n, struct package *ret)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (n <= 2 * GUARD_SIZE)
		return 0;
	if (at > v->size || n > v->size - at)
		return -EBADMSG;
	at += GUARD_SIZE;
	n -= 2 * GUARD_SIZE;
	if (n > GOBUILD_TEXT_MAX)
		n = GOBUILD_TEXT_MAX;
	text = malloc((size_t) n);
	if (!text)
		return -ENOMEM;
	r = view_read(v, at, text, (size_t) n);
	return r < 0 ? r : parse_module(text, (size_t) n, ret);
}

/* @at: behind the header. */
static int read_inline(const struct view *v, uint64_t at, struct package *ret)
{
	uint64_t n;
	int r = read_length(v, &at, &n);

	if (r < 0 || n > GO_VERSION_MAX)
		return r < 0 ? r : -EBADMSG;
	at += n;
	r = read_length(v, &at, &n);
	return r < 0 ? r : read_text(v, at, n, ret);
}

/* Before Go 1.18 the header has the addresses of two strings, each of which is an address and a
 * length. */
static int read_by_address(const struct view *v, const struct elf_dynamic *d,
	const uint8_t header[HEADER_SIZE], struct package *ret)
{
	const struct elf e = { .big_endian = header[FLAGS_AT] & FLAG_BIG_ENDIAN };
	const size_t word = header[WORD_AT];
	uint8_t string[2 * 8];
	uint64_t at, n;
	int r;

	if (word != 4 && word != 8)
		return -EBADMSG;
	at = elf_number(&e, header + STRINGS_AT + word, word);
	if (at == 0) /* no modules */
		return 0;
	at = elf_dynamic_place(d, at);
	if (at == 0)
		return -EBADMSG;
	r = view_read(v, at, string, 2 * word);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	n = elf_number(&e, string + word, word);
	if (n == 0)
		return 0;
	at = elf_dynamic_place(d, elf_number(&e, string, word));
	return at == 0 ? -EBADMSG : read_text(v, at, n, ret);
}

/* Where the header is among @n bytes; @n when it is not. */
static size_t find_header(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && n - i >= HEADER_SIZE;) {
		const uint8_t *found = memmem(p + i, n - i, mark, sizeof(mark) - 1);

		if (!found || n - (size_t) (found - p) < HEADER_SIZE)
			return n;
		i = (size_t) (found - p);
		if (i % HEADER_ALIGNMENT == 0)
			return i;
		i++;
	}
	return n;
}

int gobuild_read(const struct view *v, const struct elf_dynamic *d, const struct range *place,
	struct package *ret)
{
	const size_t n = place->size < GOBUILD_SEARCH_MAX ? (size_t) place->size
							  : GOBUILD_SEARCH_MAX;
	_cleanup_free_ uint8_t *bytes = malloc(n + 1);
	size_t at;
	int r;

	if (!bytes)
		return -ENOMEM;
	r = view_read(v, place->offset, bytes, n);
	if (r < 0)
		return r;
	at = find_header(bytes, n);
	if (at == n)
		return 0;
	if (!(bytes[at + FLAGS_AT] & FLAG_INLINE))
		return read_by_address(v, d, bytes + at, ret);
	return read_inline(v, place->offset + at + HEADER_SIZE, ret);
}
