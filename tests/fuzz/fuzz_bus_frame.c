/*
 * However a stream is cut into pieces, the same is said of it, nothing is wanted past the limits,
 * and what frame_need() allows to be read never runs past the end of a message.
 */
#include <stdint.h>
#include <stdlib.h>

#include "agent/bus/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame whole = { 0 }, pieces = { 0 };
	int first = frame_feed(&whole, data, size, 0), r = 0;
	size_t i = 0;

	while (i < size && r == 0) {
		size_t n = frame_need(&pieces);

		if (n == 0 || n > FRAME_MESSAGE_MAX)
			abort();
		n = n < size - i ? n : size - i;
		r = frame_feed(&pieces, data + i, n, 0);
		i += n;
		if (r == 0 && pieces.left > FRAME_MESSAGE_MAX)
			abort();
	}
	if (r != first || whole.begun != pieces.begun || whole.left != pieces.left ||
		whole.head_bytes != pieces.head_bytes)
		abort();
	return 0;
}
