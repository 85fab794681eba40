/*
 * Scope-bound ownership: cleanup attributes, TAKE_*, and the few macros every program uses.
 * A variable marked _cleanup_x_ gives its resource back when it leaves scope.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))

/* Hands a pointer or fd on and leaves nothing behind to be freed twice. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})
#define TAKE_FD(fd)                   \
	({                            \
		int _taken_fd = (fd); \
		(fd) = -1;            \
		_taken_fd;            \
	})

static inline void cleanup_freep(void *p)
{
	free(*(void **) p);
}

static inline void cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void) close(*fd);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		(void) fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		(void) closedir(*d);
}

#define _cleanup_free_     _cleanup_(cleanup_freep)
#define _cleanup_close_    _cleanup_(cleanup_closep)
#define _cleanup_fclose_   _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

/* For `struct x *x_free(struct x *)`: defines the helper that _cleanup_(x_freep) wants. */
#define DEFINE_CLEANUP(type, free_function)           \
	static inline void free_function##p(type **p) \
	{                                             \
		if (*p)                               \
			(void) free_function(*p);     \
	}
