/*
 * Runs in proscribed, on bytes from any local user: constant state, no allocation, no look behind
 * the sixteen bytes that say how long a message is.
 */
#include "agent/bus/frame.h"

#include <errno.h>
#include <string.h>

#include "policy/base/cleanup.h"

static int feed_auth(struct frame *f, uint8_t byte)
{
	static const char begin[] = "\r\nBEGIN\r\n";

	if (++f->auth_bytes > FRAME_AUTH_MAX)
		return -EMSGSIZE;
	if (byte == (uint8_t) begin[f->matched])
		f->matched++;
	else
		f->matched = byte == '\r';
	if (f->matched == sizeof(begin) - 1)
		f->begun = 1;
	return 0;
}

/* Its side of the authentication is lines, none of which begins as a message does. */
static void feed_lines(struct frame *f, uint8_t byte)
{
	if (f->matched == 0 && (byte == 'l' || byte == 'B')) {
		f->begun = 1;
		f->head[f->head_bytes++] = byte;
	}
	f->matched = byte == '\n' ? 0 : f->matched + 1;
}

static uint32_t number_at(const uint8_t *p, int big_endian)
{
	if (big_endian)
		return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
	return (uint32_t) p[3] << 24 | (uint32_t) p[2] << 16 | (uint32_t) p[1] << 8 | p[0];
}

static int begin_message(struct frame *f)
{
	int big_endian = f->head[0] == 'B';
	uint64_t body = number_at(f->head + 4, big_endian);
	uint64_t fields = number_at(f->head + 12, big_endian);

	if ((f->head[0] != 'l' && f->head[0] != 'B') || f->head[3] != 1)
		return -EBADMSG;
	fields = (fields + 7) & ~UINT64_C(7); /* the body starts on a multiple of eight */
	if (sizeof(f->head) + fields + body > FRAME_MESSAGE_MAX && !f->from_agent)
		return -EMSGSIZE;
	f->left = fields + body;
	return 0;
}

int frame_feed(struct frame *f, const uint8_t *bytes, size_t n)
{
	size_t i = 0;
	int r;

	while (i < n) {
		if (!f->begun && f->from_agent) {
			feed_lines(f, bytes[i++]);
			r = 0;
		} else if (!f->begun) {
			r = feed_auth(f, bytes[i++]);
		} else if (f->head_bytes < sizeof(f->head)) {
			f->head[f->head_bytes++] = bytes[i++];
			r = f->head_bytes == sizeof(f->head) ? begin_message(f) : 0;
		} else {
			size_t skip = f->left < n - i ? (size_t) f->left : n - i;

			f->left -= skip;
			i += skip;
			r = 0;
		}
		if (r < 0)
			return r;
		if (f->head_bytes == sizeof(f->head) && f->left == 0)
			f->head_bytes = 0;
	}
	return 0;
}

size_t frame_need(const struct frame *f)
{
	if (!f->begun)
		return 1;
	if (f->head_bytes < sizeof(f->head))
		return sizeof(f->head) - f->head_bytes;
	return (size_t) f->left;
}
