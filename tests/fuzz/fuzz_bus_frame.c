/*
 * However a stream is cut into pieces, the same is said of it, nothing is wanted past the limits,
 * and what frame_need() allows to be read never runs past the end of a message.
 */
#include <stdint.h>
#include <stdlib.h>

#include "agent/bus/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const uint8_t *data, size_t size, int from_agent)
{
	struct frame whole = { .from_agent = from_agent }, pieces = whole;
	int first = frame_feed(&whole, data, size), r = 0;
	size_t i = 0;

	while (i < size && r == 0) {
		size_t n = frame_need(&pieces);

		if (n == 0 || (n > FRAME_MESSAGE_MAX && !from_agent))
			abort();
		n = n < size - i ? n : size - i;
		r = frame_feed(&pieces, data + i, n);
		i += n;
		if (r == 0 && pieces.left > FRAME_MESSAGE_MAX && !from_agent)
			abort();
	}
	if (r != first || whole.begun != pieces.begun || whole.left != pieces.left ||
		whole.head_bytes != pieces.head_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	compare(data, size, 0);
	compare(data, size, 1);
	return 0;
}
