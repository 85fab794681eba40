/*
 * A bounded queue of pointers between threads. Pushing never waits for a consumer: what does not
 * fit is refused and counted, so that a gap can be told of. The lock is held for a few
 * instructions only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/base/cleanup.h"

struct queue;

/* @capacity items at most; @wake_fd (eventfd, borrowed, or -1) is written to on every push. */
int queue_new(size_t capacity, int wake_fd, struct queue **ret);
/* What is still queued is not freed: pop it first. */
struct queue *queue_free(struct queue *q);

/* 0: the queue owns @item now. -ENOBUFS: full, counted as dropped, @item stays the caller's.
 * -ESHUTDOWN: closed, not counted. */
int queue_push(struct queue *q, void *item);
/* 1 and *ret; 0 when @timeout_usec (UINT64_MAX: for ever; 0: do not wait) passed; -ESHUTDOWN once
 * closed and empty. */
int queue_pop(struct queue *q, uint64_t timeout_usec, void **ret);
/* No more pushes; consumers drain what is there. */
void queue_close(struct queue *q);

size_t queue_depth(struct queue *q);
/* Items refused since the last call of this; the counter starts again from zero. */
uint64_t queue_take_dropped(struct queue *q);

DEFINE_CLEANUP(struct queue, queue_free)
