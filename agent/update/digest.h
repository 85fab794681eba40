/*
 * Is a file what was signed?
 */
#pragma once

#include "policy/trust/digest.h"

/* Reads all of @fd (borrowed): 0; -EUCLEAN or -EFBIG as policy/trust/digest.h; or of reading. */
int digest_of_file(int fd, const struct tuf_fileinfo *info);
