#include "agent/reload.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "policy/base/fd.h"
#include "policy/source/compiler.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

void loaded_done(struct loaded *l)
{
	free(l->messages);
	(void) policy_unref(l->policy);
	*l = (struct loaded){ 0 };
}

static int copy_file(int from, int to)
{
	off_t offset = 0;
	struct stat st;

	if (fstat(from, &st) < 0)
		return -errno;
	while (offset < st.st_size) {
		ssize_t n = sendfile(to, from, &offset, (size_t) (st.st_size - offset));

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	return fsync(to) < 0 ? -errno : 0;
}

/* Whole or not at all, also when the power goes in between. */
static int keep_image(const char *path, int image)
{
	_cleanup_free_ char *fresh = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = copy_file(image, fd);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0)
		(void) unlink(fresh);
	return r;
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
		(void) keep_image(options->keep_path, c.image_fd);
	*ret = l;
}

/* In memory and sealed, as the compiler's is: it is handed out. */
static int sealed_copy(int from)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	_cleanup_close_ int fd = memfd_create("policy", flags | MFD_NOEXEC_SEAL);
	int r;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("policy", flags);
	if (fd < 0)
		return -errno;
	r = copy_file(from, fd);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int load_last_good(const char *keep_path, struct policy **ret)
{
	_cleanup_close_ int copy = -1;
	_cleanup_close_ int fd = open(keep_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	copy = sealed_copy(fd);
	return copy < 0 ? copy : policy_open(copy, ret);
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
