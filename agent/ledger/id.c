#include "agent/ledger/id.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "policy/base/clock.h"

enum {
	ID_DIGITS = 12,       /* of five bits each */
	ID_COUNTER_BITS = 28, /* below them, seconds since 2026 */
};

#define EPOCH_2026 INT64_C(1767225600)

/* Crockford's base 32: no I, L, O and U, which people misread or mishear. */
static const char id_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The one piece of state here: starts at random, so that two agents started within one second do
 * not give out the same ids. The top bit says that it has been started. */
static uint64_t id_count(void)
{
	static _Atomic uint64_t counter;
	uint64_t seen = counter;

	if (seen == 0) {
		uint64_t start = 0;

		if (getrandom(&start, sizeof(start), GRND_NONBLOCK) != sizeof(start))
			start = (uint64_t) clock_utc_nsec();
		(void) atomic_compare_exchange_strong(
			&counter, &seen, (start >> 2) | UINT64_C(1) << 63);
	}
	return counter++;
}

static void id_format(uint64_t bits, char out[EVENT_ID_SIZE])
{
	size_t at = 0;

	for (int digit = 0; digit < ID_DIGITS; digit++) {
		if (digit == 4 || digit == 8)
			out[at++] = '-';
		out[at++] = id_alphabet[bits >> (5 * (ID_DIGITS - 1 - digit)) & 31];
	}
	out[at] = '\0';
}

void event_id_new(int64_t utc_nsec, char out[EVENT_ID_SIZE])
{
	uint64_t seconds = (uint64_t) (utc_nsec / NSEC_PER_SEC - EPOCH_2026) & UINT32_MAX;
	uint64_t count = id_count() & ((UINT64_C(1) << ID_COUNTER_BITS) - 1);

	id_format(seconds << ID_COUNTER_BITS | count, out);
}

static const char *digit_of(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char) (c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	return c ? strchr(id_alphabet, c) : NULL;
}

int event_id_parse(const char *s, char out[EVENT_ID_SIZE])
{
	uint64_t bits = 0;
	int digits = 0;

	for (; *s; s++) {
		const char *digit = digit_of(*s);

		if (*s == '-')
			continue;
		if (!digit || ++digits > ID_DIGITS)
			return -EINVAL;
		bits = bits << 5 | (uint64_t) (digit - id_alphabet);
	}
	if (digits != ID_DIGITS)
		return -EINVAL;
	id_format(bits, out);
	return 0;
}
