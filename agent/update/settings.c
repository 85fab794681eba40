#include "agent/update/settings.h"

#include <fcntl.h>
#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/fd.h"
#include "policy/base/text.h"
#include "policy/source/schema.h"
#include "policy/source/tree.h"

enum {
	SETTING_REPOSITORY,
	SETTING_CA_FILE,
	SETTING_PROXY,
	SETTING_CERTIFICATE,
	SETTING_KEY,
	SETTING_TIMEOUT,
	SETTING_INTERVAL,
	_SETTING_KEYS,
};

static const struct key setting_keys[_SETTING_KEYS] = {
	[SETTING_REPOSITORY] = { "repository", KEY_TEXT | KEY_REQUIRED },
	[SETTING_CA_FILE] = { "ca_file", KEY_TEXT },
	[SETTING_PROXY] = { "proxy", KEY_TEXT },
	[SETTING_CERTIFICATE] = { "client_certificate", KEY_TEXT },
	[SETTING_KEY] = { "client_key", KEY_TEXT },
	[SETTING_TIMEOUT] = { "timeout", KEY_TEXT },
	[SETTING_INTERVAL] = { "interval", KEY_TEXT },
};
static const struct schema settings_schema = { "the settings", setting_keys, _SETTING_KEYS };

enum { FILE_SIZE_MAX = 64 << 10, MESSAGES_SIZE_MAX = 64 << 10 };
#define MINUTE (60 * USEC_PER_SEC)
#define DAY    (24 * 60 * MINUTE)

/* A span that people write in these units. */
static bool read_span(const struct node *n, struct messages *m, const char *what, const char *range,
	uint64_t least, uint64_t most, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = { { "s", USEC_PER_SEC }, { "min", MINUTE }, { "h", 60 * MINUTE },
		{ "d", DAY } };
	const size_t digits = strspn(n->text, "0123456789");
	uint64_t value = 0;

	for (size_t i = 0; i < digits && value <= most; i++)
		value = 10 * value + (uint64_t) (n->text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units) && digits > 0 && value <= most; i++) {
		uint64_t usec;

		if (strcmp(n->text + digits, units[i].name) != 0 ||
			__builtin_mul_overflow(value, units[i].usec, &usec) || usec < least ||
			usec > most)
			continue;
		*ret = usec;
		return true;
	}
	message_error(m, n->at, "%s must be a time %s, such as 90s, 15min, 12h or 1d, not '%s'",
		what, range, n->text);
	return false;
}

static void read_text(
	const struct node *n, struct messages *m, const char *what, char *out, size_t size)
{
	const char *text;

	if (n && schema_text(n, m, what, size - 1, false, &text))
		(void) text_copy(out, size, text);
}

static void read_path(const struct node *n, struct messages *m, const char *what, char *out)
{
	const char *path;

	if (n && schema_path(n, m, what, false, &path))
		(void) text_copy(out, UPDATE_PATH_SIZE, path);
}

static void read_settings(const struct node *root, struct messages *m, struct update_settings *s)
{
	const struct node *v[_SETTING_KEYS];

	(void) schema_mapping(&settings_schema, root, m, v);
	read_text(v[SETTING_REPOSITORY], m, "repository", s->repository, sizeof(s->repository));
	read_text(v[SETTING_PROXY], m, "proxy", s->proxy, sizeof(s->proxy));
	read_path(v[SETTING_CA_FILE], m, "ca_file", s->ca_file);
	read_path(v[SETTING_CERTIFICATE], m, "client_certificate", s->certificate);
	read_path(v[SETTING_KEY], m, "client_key", s->key);
	if (!v[SETTING_CERTIFICATE] != !v[SETTING_KEY])
		message_error(m, root->at,
			"client_certificate and client_key belong together, but one is missing");
	if (v[SETTING_TIMEOUT])
		(void) read_span(v[SETTING_TIMEOUT], m, "timeout", "from 1s to 10min", USEC_PER_SEC,
			10 * MINUTE, &s->timeout_usec);
	if (v[SETTING_INTERVAL])
		(void) read_span(v[SETTING_INTERVAL], m, "interval", "from 1min to 7d", MINUTE,
			7 * DAY, &s->interval_usec);
}

static int parse(struct source *source, struct messages *m, struct update_settings *ret)
{
	_cleanup_(tree_freep) struct tree *tree = NULL;
	struct update_settings s = { .timeout_usec = MINUTE, .interval_usec = 15 * MINUTE };
	int r;

	if (!source_check(source, m, FILE_SIZE_MAX))
		return -EINVAL;
	r = tree_parse(source, m, &tree);
	if (r < 0)
		return r;
	if (tree_root(tree) && !node_is_null(tree_root(tree)))
		read_settings(tree_root(tree), m, &s);
	else
		message_error(m, (struct place){ .source = source },
			"is empty, and needs at least the key 'repository'");
	if (messages_count(m, MESSAGE_ERROR) > 0)
		return -EINVAL;
	*ret = s;
	return 0;
}

int update_settings_load(const char *path, struct update_settings *ret, char **ret_messages)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_free_ char *text = NULL;
	struct source source = { .name = path };
	int r;

	if (fd < 0)
		return -errno;
	r = fd_read_file(fd, FILE_SIZE_MAX, &text, &source.size);
	if (r < 0)
		return r;
	source.text = text;
	r = messages_new(&m);
	if (r < 0)
		return r;
	r = parse(&source, m, ret);
	if (r == -EINVAL && messages_format(m, MESSAGES_SIZE_MAX, ret_messages) < 0)
		r = -ENOMEM;
	return r;
}
