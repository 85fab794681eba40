#include "agent/reload.h"

#include <pthread.h>

#include "agent/kept.h"
#include "policy/source/compiler.h"

void loaded_done(struct loaded *l)
{
	free(l->messages);
	(void) policy_unref(l->policy);
	*l = (struct loaded){ 0 };
}

void load_policy(const struct load_options *options, struct loaded *ret)
{
	_cleanup_(compiled_done) struct compiled c;
	struct loaded l = { 0 };

	l.result = compiler_run(options->path, options->flags, &c);
	l.messages = TAKE_PTR(c.messages);
	if (l.result == 0 && c.n_errors > 0)
		l.result = -EBADMSG;
	if (l.result == 0)
		l.result = policy_open(c.image_fd, &l.policy);
	/* Failing to keep a copy costs nothing now; the next start compiles again anyway. */
	if (l.result == 0 && options->keep_path)
		(void) kept_save(options->keep_path, c.image_fd);
	*ret = l;
}

struct loader {
	struct load_options options;
	struct loaded loaded;
	pthread_t thread;
	int wake_fd;
};

static void *loader_thread(void *context)
{
	struct loader *l = context;

	load_policy(&l->options, &l->loaded);
	(void) !write(l->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	return NULL;
}

int loader_start(const struct load_options *options, int wake_fd, struct loader **ret)
{
	struct loader *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->options = *options;
	l->options.flags |= COMPILER_GIVE_WAY;
	l->wake_fd = wake_fd;
	r = pthread_create(&l->thread, NULL, loader_thread, l);
	if (r != 0) {
		free(l);
		return -r;
	}
	*ret = l;
	return 0;
}

struct loader *loader_finish(struct loader *l, struct loaded *ret)
{
	(void) pthread_join(l->thread, NULL);
	*ret = l->loaded;
	free(l);
	return NULL;
}
