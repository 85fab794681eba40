#include "policy/base/queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "policy/base/clock.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	bool closed;
	int wake_fd;
	uint64_t dropped;
	size_t capacity, head, depth;
	void *items[];
};

int queue_new(size_t capacity, int wake_fd, struct queue **ret)
{
	struct queue *q = calloc(1, sizeof(*q) + capacity * sizeof(q->items[0]));
	pthread_condattr_t attributes;

	if (!q)
		return -ENOMEM;
	q->capacity = capacity;
	q->wake_fd = wake_fd;
	(void) pthread_mutex_init(&q->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&q->filled, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	*ret = q;
	return 0;
}

struct queue *queue_free(struct queue *q)
{
	if (!q)
		return NULL;
	(void) pthread_cond_destroy(&q->filled);
	(void) pthread_mutex_destroy(&q->lock);
	free(q);
	return NULL;
}

int queue_push(struct queue *q, void *item)
{
	int r = 0;

	pthread_mutex_lock(&q->lock);
	if (q->closed) {
		r = -ESHUTDOWN;
	} else if (q->depth == q->capacity) {
		q->dropped++;
		r = -ENOBUFS;
	} else {
		q->items[(q->head + q->depth++) % q->capacity] = item;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	if (r == 0 && q->wake_fd >= 0)
		(void) !write(q->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
	return r;
}

static struct timespec deadline_in(uint64_t usec)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t) (usec / USEC_PER_SEC);
	t.tv_nsec += (long) (usec % USEC_PER_SEC) * 1000;
	if (t.tv_nsec >= NSEC_PER_SEC) {
		t.tv_sec++;
		t.tv_nsec -= NSEC_PER_SEC;
	}
	return t;
}

int queue_pop(struct queue *q, uint64_t timeout_usec, void **ret)
{
	struct timespec deadline = { 0 };
	int r = 0;

	if (timeout_usec != UINT64_MAX && timeout_usec > 0)
		deadline = deadline_in(timeout_usec);
	pthread_mutex_lock(&q->lock);
	while (q->depth == 0 && !q->closed && r == 0) {
		if (timeout_usec == 0)
			r = ETIMEDOUT;
		else if (timeout_usec == UINT64_MAX)
			r = pthread_cond_wait(&q->filled, &q->lock);
		else
			r = pthread_cond_timedwait(&q->filled, &q->lock, &deadline);
	}
	if (q->depth > 0) {
		*ret = q->items[q->head];
		q->head = (q->head + 1) % q->capacity;
		q->depth--;
		r = 1;
	} else {
		r = q->closed ? -ESHUTDOWN : 0;
	}
	pthread_mutex_unlock(&q->lock);
	return r;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

size_t queue_depth(struct queue *q)
{
	size_t depth;

	pthread_mutex_lock(&q->lock);
	depth = q->depth;
	pthread_mutex_unlock(&q->lock);
	return depth;
}

uint64_t queue_take_dropped(struct queue *q)
{
	uint64_t dropped;

	pthread_mutex_lock(&q->lock);
	dropped = q->dropped;
	q->dropped = 0;
	pthread_mutex_unlock(&q->lock);
	return dropped;
}
