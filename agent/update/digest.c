#include "agent/update/digest.h"

#include "policy/base/fd.h"

enum { PIECE = 256 << 10 };

int digest_of_file(int fd, const struct tuf_fileinfo *info)
{
	_cleanup_(tuf_digest_freep) struct tuf_digest *d = NULL;
	_cleanup_free_ char *piece = malloc(PIECE);
	off_t at = 0;
	int r = piece ? tuf_digest_new(info, &d) : -ENOMEM;

	while (r == 0) {
		const ssize_t n = fd_pread_full(fd, piece, PIECE, at);

		if (n <= 0) {
			r = (int) n;
			break;
		}
		r = tuf_digest_add(d, piece, (size_t) n);
		at += n;
	}
	return r ?: tuf_digest_end(d);
}
