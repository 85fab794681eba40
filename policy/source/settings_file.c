#include "policy/source/settings_file.h"

#include <string.h>

#include "policy/base/clock.h"
#include "policy/source/schema.h"
#include "policy/source/settings.h"
#include "policy/source/tree.h"

enum {
	SETTING_FAIL_MODE,
	SETTING_AUDIT,
	SETTING_NOTICE,
	SETTING_INSPECTORS,
	SETTING_INSPECT_TIMEOUT,
	SETTING_WATCH,
	_SETTING_KEYS,
};

static const struct key setting_keys[_SETTING_KEYS] = {
	[SETTING_FAIL_MODE] = { "fail_mode", KEY_TEXT },
	[SETTING_AUDIT] = { "audit", KEY_TEXT },
	[SETTING_NOTICE] = { "notice", KEY_MAPPING },
	[SETTING_INSPECTORS] = { "inspectors", KEY_TEXT },
	[SETTING_INSPECT_TIMEOUT] = { "inspect_timeout", KEY_TEXT },
	[SETTING_WATCH] = { "watch", KEY_TEXT | KEY_LIST },
};
static const struct schema settings_schema = { "the settings", setting_keys, _SETTING_KEYS };

static const struct key notice_keys[] = { { "terminal", KEY_TEXT } };
static const struct schema notice_schema = { "'notice'", notice_keys, ARRAY_SIZE(notice_keys) };

static void read_notice(const struct node *n, struct messages *m, struct settings *s)
{
	const struct node *v[ARRAY_SIZE(notice_keys)];
	bool terminal;

	(void) schema_mapping(&notice_schema, n, m, v);
	if (v[0] && schema_bool(v[0], m, "terminal", &terminal))
		s->notice_terminal = terminal;
}

static void read_watch(const struct node *n, struct messages *m, struct settings *s)
{
	size_t n_paths = n->type == NODE_SEQUENCE ? n->n : 1;

	if (n_paths == 0 || n_paths > SETTINGS_WATCH_MAX) {
		message_error(m, n->at, "watch must name 1 to %d paths, but here are %zu",
			SETTINGS_WATCH_MAX, n_paths);
		return;
	}
	for (size_t i = 0; i < n_paths; i++) {
		const struct node *one = n->type == NODE_SEQUENCE ? n->items[i] : n;
		const char *path;

		if (!schema_path(one, m, "watch", false, &path))
			continue;
		if (one->n >= SETTINGS_PATH_MAX)
			message_error(m, one->at, "a path to watch has fewer than %d bytes",
				SETTINGS_PATH_MAX);
		else
			memcpy(s->watch[s->n_watch++], path, one->n + 1);
	}
}

static void read_numbers(const struct node *const v[], struct messages *m, struct settings *s)
{
	uint64_t inspectors;

	if (v[SETTING_INSPECTORS] &&
		schema_number(v[SETTING_INSPECTORS], m, "inspectors", 1, SETTINGS_INSPECTORS_MAX,
			&inspectors))
		s->n_inspectors = (uint32_t) inspectors;
	if (v[SETTING_INSPECT_TIMEOUT])
		(void) schema_duration(v[SETTING_INSPECT_TIMEOUT], m, "inspect_timeout",
			SETTINGS_TIMEOUT_MIN_USEC, SETTINGS_TIMEOUT_MAX_USEC,
			&s->inspect_timeout_usec);
}

static void read_settings(const struct node *root, struct messages *m, struct settings *s)
{
	static const char *const modes[_FAIL_MODE_MAX] = {
		[FAIL_MODE_ALLOW] = "allow",
		[FAIL_MODE_DENY] = "deny",
	};
	const struct node *v[_SETTING_KEYS];
	size_t mode;
	bool audit;

	(void) schema_mapping(&settings_schema, root, m, v);
	if (v[SETTING_FAIL_MODE] &&
		schema_word(v[SETTING_FAIL_MODE], m, "fail_mode", modes, _FAIL_MODE_MAX, &mode))
		s->fail_mode = (uint32_t) mode;
	if (v[SETTING_AUDIT] && schema_bool(v[SETTING_AUDIT], m, "audit", &audit))
		s->audit = audit;
	if (v[SETTING_NOTICE])
		read_notice(v[SETTING_NOTICE], m, s);
	read_numbers(v, m, s);
	if (v[SETTING_WATCH])
		read_watch(v[SETTING_WATCH], m, s);
}

int settings_file_read(struct source *source, struct messages *m, struct settings *ret)
{
	_cleanup_(tree_freep) struct tree *tree = NULL;
	struct settings s;
	int r = tree_parse(source, m, &tree);

	if (r < 0)
		return r;
	settings_default(&s);
	if (tree_root(tree) && !node_is_null(tree_root(tree)))
		read_settings(tree_root(tree), m, &s);
	if (messages_count(m, MESSAGE_ERROR) > 0)
		return -EINVAL;
	memcpy(ret, &s, sizeof(s));
	return 0;
}
