/*
 * The recorder's and the journal's thread: small stack, no signals (they belong to the main loop),
 * and an end that is waited for only so long.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

int thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret);
/* 0 once the thread has ended; -ETIMEDOUT: it still runs after @timeout_usec. */
int thread_join(pthread_t thread, uint64_t timeout_usec);
