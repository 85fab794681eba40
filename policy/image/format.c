#include "policy/image/format.h"

#include <errno.h>
#include <string.h>

#include "policy/image/signature.h"

uint64_t format_size_key(uint64_t size)
{
	/* SplitMix64's finalizer: every step can be undone, so different sizes stay different. */
	size += UINT64_C(0x9e3779b97f4a7c15);
	size = (size ^ size >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	size = (size ^ size >> 27) * UINT64_C(0x94d049bb133111eb);
	return size ^ size >> 31;
}

uint32_t format_n_buckets(uint32_t n)
{
	return n / FORMAT_BUCKET_HASHES + 1;
}

uint32_t format_bucket(uint64_t key, uint32_t n_buckets)
{
	return (uint32_t) ((key >> 32) * n_buckets >> 32);
}

int format_compare_hash(const struct format_hash *h, uint64_t size, const uint8_t *digest)
{
	if (format_hash_size(h) != size)
		return format_size_key(format_hash_size(h)) < format_size_key(size) ? -1 : 1;
	return digest ? memcmp(h->digest, digest, SHA256_SIZE) : 0;
}

/* Not strcasecmp(3), which asks the locale. */
static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char) c;
}

int format_compare_package(uint32_t type, const char *name, uint32_t other_type, const char *other)
{
	if (type != other_type)
		return type < other_type ? -1 : 1;
	while (*name && fold(*name) == fold(*other)) {
		name++;
		other++;
	}
	return fold(*name) - fold(*other);
}

size_t format_entry_size(enum format_section s)
{
	switch (s) {
	case SECTION_STRINGS:
		return 1;
	case SECTION_SOFTWARE:
		return sizeof(struct format_software);
	case SECTION_SOFTWARE_RULES:
		return sizeof(uint32_t);
	case SECTION_RULES:
		return sizeof(struct format_rule);
	case SECTION_CONSTRAINTS:
		return sizeof(struct format_constraint);
	case SECTION_REASONS:
		return sizeof(struct format_reason);
	case SECTION_PACKAGES:
		return sizeof(struct format_package);
	case SECTION_PATHS:
		return sizeof(struct format_path);
	case SECTION_IDENTITIES:
		return sizeof(struct format_identity);
	case SECTION_HASHES:
		return sizeof(struct format_hash);
	case SECTION_BUCKETS:
		return sizeof(struct format_bucket);
	case SECTION_BUILD_IDS:
		return sizeof(struct format_build_id);
	case SECTION_SIGNATURES:
		return sizeof(struct signature);
	case SECTION_SIGNATURE_USES:
		return sizeof(struct format_signature_use);
	case SECTION_YARA:
		return 1;
	case _SECTION_MAX:
		break;
	}
	return 1;
}

int format_check(const void *data, size_t size)
{
	const struct format_header *h = data;

	if (size < sizeof(*h) || memcmp(h->magic, FORMAT_MAGIC, sizeof(h->magic)) != 0)
		return -EBADMSG;
	if (h->version != FORMAT_VERSION)
		return -EPROTONOSUPPORT;
	if (h->header_size != sizeof(*h) || h->size != size || size > FORMAT_SIZE_MAX ||
		h->reserved != 0)
		return -EBADMSG;
	for (int i = 0; i < _SECTION_MAX; i++) {
		const struct format_extent *e = &h->sections[i];

		if (e->offset < sizeof(*h) || e->offset > size || e->size > size - e->offset ||
			e->offset % FORMAT_ALIGNMENT != 0 ||
			e->size % format_entry_size((enum format_section) i) != 0 ||
			e->size / format_entry_size((enum format_section) i) > UINT32_MAX)
			return -EBADMSG;
	}
	return 0;
}
