#include "policy/source/compiler.h"

#include <string.h>

#include "policy/base/fd.h"
#include "policy/source/folder.h"
#include "policy/source/process.h"
#include "policy/source/settings.h"

void compiled_done(struct compiled *c)
{
	cleanup_closep(&c->image_fd);
	free(c->messages);
	*c = (struct compiled){ .image_fd = -1 };
}

static int run_policy(const struct folder *folder, unsigned flags, struct compiled *ret)
{
	_cleanup_(process_done) struct process p;

	process_init(&p, WIRE_POLICY);
	p.files = folder->files;
	p.n_files = folder->n;
	p.gives_way = flags & COMPILER_GIVE_WAY;
	return process_compile(&p, ret);
}

int compiler_run(const char *path, unsigned flags, struct compiled *ret)
{
	_cleanup_(folder_done) struct folder folder;
	int r;

	*ret = (struct compiled){ .image_fd = -1 };
	r = folder_open(path, flags & COMPILER_REQUIRE_ROOT_OWNED, &folder);
	if (r < 0)
		ret->messages = TAKE_PTR(folder.message);
	else
		r = run_policy(&folder, flags, ret);
	if (!ret->messages)
		ret->messages = strdup("");
	return ret->messages ? r : -ENOMEM;
}

static int run_settings(const struct folder *folder, struct settings *ret, char **ret_messages)
{
	_cleanup_(process_done) struct process p;
	struct settings s;
	int k;

	process_init(&p, WIRE_SETTINGS);
	p.files = folder->files;
	p.n_files = folder->n;
	k = process_run(&p);
	if (k < 0) {
		*ret_messages = TAKE_PTR(p.failure);
		return k;
	}
	k = process_messages(&p, ret_messages);
	if (k < 0 || p.result.error < 0)
		return k < 0 ? k : p.result.error;
	if (fd_pread_full(p.result_fd, &s, sizeof(s), 0) != sizeof(s) || !settings_valid(&s))
		return -EPROTO;
	*ret = s;
	return 0;
}

int settings_load(const char *path, struct settings *ret, char **ret_messages)
{
	_cleanup_(folder_done) struct folder folder;
	char *messages = NULL;
	int r = folder_open_file(path, geteuid() == 0, &folder);

	if (r == 0) {
		r = run_settings(&folder, ret, &messages);
	} else if (r == -ENOENT) {
		settings_default(ret);
		r = 0;
	} else {
		messages = TAKE_PTR(folder.message);
	}
	if (!messages)
		messages = strdup("");
	if (!messages)
		return -ENOMEM;
	*ret_messages = messages;
	return r;
}
