/*
 * Reads with pread, not through a mapping: a file cut short while it is read would end a mapping's
 * reader by SIGBUS. Runs inside the inspector.
 */
/* libcrypto's plain SHA-256: the same code as behind EVP, without providers, which need files,
 * locks and 1.3 MB per process that the sandbox does not give. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "agent/inspector/digest.h"

#include <openssl/sha.h>
#include <sys/mman.h>

#include "policy/base/cleanup.h"
#include "policy/base/fd.h"

enum { BLOCK_SIZE = 1 << 20 };

static int digest_blocks(int fd, uint64_t size, void *block, SHA256_CTX *context)
{
	uint64_t done = 0;

	for (;;) {
		ssize_t n = fd_pread_full(fd, block, BLOCK_SIZE, (off_t) done);

		if (n < 0)
			return (int) n;
		(void) SHA256_Update(context, block, (size_t) n);
		done += (uint64_t) n;
		if (n < BLOCK_SIZE || done > size)
			return done == size ? 0 : -ESTALE;
	}
}

int digest_file(int fd, uint64_t size, uint8_t ret[SHA256_SIZE])
{
	SHA256_CTX context;
	void *block;
	int r;

	if (size > DIGEST_FILE_SIZE_MAX)
		return -EFBIG;
	block = mmap(NULL, BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return -ENOMEM;
	(void) SHA256_Init(&context);
	r = digest_blocks(fd, size, block, &context);
	(void) munmap(block, BLOCK_SIZE);
	if (r == 0)
		(void) SHA256_Final(ret, &context);
	return r;
}
