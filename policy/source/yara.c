#include "policy/source/yara.h"

#include <string.h>

enum { PROBE_TIMEOUT_SEC = 5 };

struct run {
	const struct source *files;
	size_t n;
	const struct yara_extra *extras;
	size_t n_extras;
	struct messages *m;
	YR_COMPILER *compiler;
	bool *failed; /* by file */
	bool any_failed;
	bool muted; /* what is compiled now was compiled before */
	int line;   /* of the last error: the next on it only follows from that one */
	const struct source *source;
	const struct place *fixed; /* or NULL: places are in @source */
};

static void run_done(struct run *r)
{
	if (r->compiler)
		yr_compiler_destroy(r->compiler);
	free(r->failed);
}

/* The first thing on a line; line 0: the end, where something is missing. */
static struct place line_place(const struct source *s, int line)
{
	size_t at = 0;

	if (line <= 0)
		return message_place(s, s->size);
	for (int i = 1; i < line && at < s->size; i++) {
		const char *end = memchr(s->text + at, '\n', s->size - at);

		at = end ? (size_t) (end + 1 - s->text) : s->size;
	}
	while (at < s->size && (s->text[at] == ' ' || s->text[at] == '\t'))
		at++;
	return message_place(s, at);
}

/* What outline.c has told already, with better words; and what may only be wrong because another
 * file is. */
static bool is_known(const struct run *r, const char *message)
{
	return strstr(message, "include") || !strncmp(message, "duplicated identifier", 21) ||
		(r->any_failed && !strncmp(message, "undefined identifier", 20));
}

static void on_message(
	int level, const char *file, int line, const YR_RULE *rule, const char *message, void *data)
{
	struct run *r = data;
	struct place at;

	(void) file;
	(void) rule;
	if (r->muted)
		return;
	at = r->fixed ? *r->fixed : line_place(r->source, line);
	if (level != YARA_ERROR_LEVEL_ERROR) {
		message_warning(r->m, at, "YARA warns of this: %s", message);
		return;
	}
	if (line != r->line && !is_known(r, message))
		message_error(r->m, at, "YARA cannot compile this: %s%s", message,
			strcmp(message, "illegal escape sequence")
				? ""
				: "; in quotes, a backslash is written \\\\, and a dot in a "
				  "pattern "
				  "can be [.]");
	r->line = line;
}

/* 0; -EINVAL when it is wrong, and the compiler is gone; -ENOMEM. */
static int add_text(struct run *r, const char *text)
{
	int error;

	if (!r->compiler) {
		if (yr_compiler_create(&r->compiler) != ERROR_SUCCESS)
			return -ENOMEM;
		yr_compiler_set_callback(r->compiler, on_message, r);
		yr_compiler_set_include_callback(r->compiler, NULL, NULL, NULL);
	}
	if (yr_compiler_add_string(r->compiler, text, NULL) == 0)
		return 0;
	error = r->compiler->last_error;
	yr_compiler_destroy(r->compiler);
	r->compiler = NULL;
	return error == ERROR_INSUFFICIENT_MEMORY ? -ENOMEM : -EINVAL;
}

/* libyara takes text up to its first NUL, and the text of a file has none behind it. */
static int add_file(struct run *r, size_t i)
{
	const struct source *s = &r->files[i];
	_cleanup_free_ char *copy = strndup(s->text ?: "", s->size);
	int k;

	if (!copy)
		return -ENOMEM;
	r->source = s;
	r->line = -1;
	k = add_text(r, copy);
	if (k == -EINVAL)
		r->failed[i] = r->any_failed = true;
	return k == -EINVAL ? 0 : k;
}

/* A compiler that met an error takes nothing more. So a new one is given what was good, for the
 * errors of the files behind. */
static int add_files(struct run *r)
{
	int k = 0;

	for (size_t i = 0; i < r->n && k == 0; i++) {
		r->muted = true;
		for (size_t j = 0; !r->compiler && j < i && k == 0; j++)
			if (!r->failed[j])
				k = add_file(r, j);
		r->muted = r->n_extras > 0;
		if (k == 0)
			k = add_file(r, i);
	}
	r->muted = false;
	return k;
}

static int add_extras(struct run *r)
{
	int k = 0;

	for (size_t i = 0; i < r->n_extras && k == 0; i++) {
		r->fixed = &r->extras[i].at;
		r->line = -1;
		k = add_text(r, r->extras[i].text);
		if (k == -EINVAL) {
			r->any_failed = true;
			k = 0;
		}
	}
	r->fixed = NULL;
	return k;
}

static int count(void *key, size_t length, void *value, void *data)
{
	(void) key;
	(void) length;
	(void) value;
	++*(size_t *) data;
	return ERROR_SUCCESS;
}

/* The objects of a compiler are the modules it imported. outline.c has told where, unless it read
 * the text in another way than libyara did. */
static int refuse_modules(struct run *r)
{
	size_t n = 0;

	if (!r->compiler)
		return 0;
	(void) yr_hash_table_iterate(r->compiler->objects_table, "default", count, &n);
	if (n == 0)
		return 0;
	if (messages_count(r->m, MESSAGE_ERROR) == 0)
		message_error(r->m, (struct place){ .source = r->files },
			"signatures cannot use YARA's modules");
	return -EINVAL;
}

int yara_compile(const struct source files[], size_t n, const struct yara_extra extras[],
	size_t n_extras, struct messages *m, YR_RULES **ret)
{
	_cleanup_(run_done) struct run r = {
		.files = files, .n = n, .extras = extras, .n_extras = n_extras, .m = m
	};
	int k;

	r.failed = calloc(n + 1, sizeof(*r.failed));
	if (!r.failed)
		return -ENOMEM;
	k = add_files(&r);
	if (k == 0)
		k = refuse_modules(&r);
	if (k == 0)
		k = add_extras(&r);
	if (k == 0 && r.any_failed && messages_count(m, MESSAGE_ERROR) == 0)
		message_error(m, (struct place){ .source = files }, "YARA cannot compile this");
	if (k < 0 || r.any_failed || !r.compiler)
		return k < 0 ? k : -EINVAL;
	return yr_compiler_get_rules(r.compiler, ret) == ERROR_SUCCESS ? 0 : -ENOMEM;
}

struct probe {
	void (*found)(const char *rule, void *context);
	void *context;
};

static int on_scan(YR_SCAN_CONTEXT *scan, int message, void *data, void *user)
{
	const struct probe *p = user;

	(void) scan;
	if (message == CALLBACK_MSG_RULE_MATCHING)
		p->found(((const YR_RULE *) data)->identifier, p->context);
	return CALLBACK_CONTINUE;
}

/* Without a handler of signals: the sandbox allows none, and what is read is memory of ours. What
 * takes too long has said nothing about these few bytes. */
int yara_probe(YR_RULES *rules, void (*found)(const char *rule, void *context), void *context)
{
	static const uint8_t probes[][64] = {
		{ 0 },
		{ 0x7f, 'E', 'L', 'F', 2, 1, 1 },
		"#!/bin/sh\nexec true\n",
	};
	struct probe p = { found, context };
	int r = ERROR_SUCCESS;

	for (size_t i = 0; i < ARRAY_SIZE(probes) && r != ERROR_INSUFFICIENT_MEMORY; i++)
		r = yr_rules_scan_mem(rules, probes[i], sizeof(probes[i]),
			SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING, on_scan, &p,
			PROBE_TIMEOUT_SEC);
	return r == ERROR_INSUFFICIENT_MEMORY ? -ENOMEM : 0;
}

struct output {
	char *bytes;
	size_t size, room, max;
	int error;
};

static size_t on_write(const void *bytes, size_t size, size_t count, void *data)
{
	struct output *o = data;
	size_t n;

	if (__builtin_mul_overflow(size, count, &n) || n > o->max - o->size) {
		o->error = -E2BIG;
		return 0;
	}
	if (o->size + n > o->room) {
		size_t room = 2 * (o->size + n);
		char *grown = realloc(o->bytes, room);

		if (!grown) {
			o->error = -ENOMEM;
			return 0;
		}
		o->bytes = grown;
		o->room = room;
	}
	if (n > 0)
		memcpy(o->bytes + o->size, bytes, n);
	o->size += n;
	return count;
}

int yara_save(YR_RULES *rules, size_t max, char **ret, size_t *ret_size)
{
	struct output o = { .max = max };
	YR_STREAM stream = { .user_data = &o, .write = on_write };
	int k = yr_rules_save_stream(rules, &stream);

	if (k != ERROR_SUCCESS || o.error < 0) {
		free(o.bytes);
		return o.error < 0 ? o.error : -ENOMEM;
	}
	*ret = o.bytes;
	*ret_size = o.size;
	return 0;
}
