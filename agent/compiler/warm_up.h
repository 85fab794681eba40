/*
 * What libraries look up once and remember, done before the sandbox, in which they could not:
 * libcrypto its configuration and algorithms, jansson the seed of its tables, libyara its modules
 * and what these need, qsort(3) of some glibc versions the size of memory.
 */
#pragma once

/* 0 or a negative errno. */
int warm_up(void);
