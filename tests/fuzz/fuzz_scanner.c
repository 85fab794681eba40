/* A search finds what libyara finds in the same bytes at once; and a marker with its version is
 * found wherever it is put, also across any border between blocks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/inspector/matcher.h"
#include "agent/inspector/scanner.h"
#include "policy/base/cleanup.h"
#include "policy/base/fd.h"
#include "tests/support/signature_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RULES = 7, INPUT_MAX = 60 << 10, FILE_MAX = MATCHER_BLOCK_SIZE + (64 << 10) };

static const char text[] =
	"rule r0 { strings: $a = \"PROSCRIBED\" condition: $a }\n"
	"rule r1 { strings: $a = \"words\" $b = \"word\" nocase $c = \"other\" wide ascii $d = "
	"\"digits\" condition: 2 of them }\n"
	"rule r2 { strings: $a = \"1234\" condition: #a == 2 or #a > 3 }\n"
	"rule r3 { strings: $a = /v[0-9a-f]{3,9}ersion/ condition: $a }\n"
	"rule r4 { strings: $a = { 61 62 63 64 [1-20] 77 78 79 7a } condition: $a }\n"
	"rule r5 { strings: $a = \"whole\" fullword $b = \"BASE\" base64 condition: any of them }\n"
	"rule r6 { strings: $a = /Version: [0-9.]{1,20};/ condition: not $a }\n"
	"rule proscribe_version_of_r0 { strings: $v = /Version: [0-9]+\\.[0-9]+/ condition: $v }\n";

static const char marker[] = "PROSCRIBED Version: 12.345 ";

static struct scanner *scanner;
static YR_RULES *rules;

static void prepare(void)
{
	struct signature signatures[RULES];
	struct signature_image_bytes b;
	YR_STREAM stream = { .user_data = &b, .read = signature_image_take };
	struct signature_image image;
	char *bytes;

	memset(signatures, 0, sizeof(signatures));
	for (int i = 0; i < RULES; i++) {
		signatures[i].max_size = UINT64_MAX;
		(void) snprintf(signatures[i].name, sizeof(signatures[i].name), "r%d", i);
	}
	(void) strcpy(signatures[0].version, "Version: ([0-9.]+)");
	if (scanner_prepare() < 0)
		abort();
	image = signature_image_new(text, signatures, RULES);
	if (scanner_new(dup(image.fd), &image.message, &scanner) < 0)
		abort();
	signature_image_done(&image);
	b = signature_image_compile(text);
	bytes = b.bytes;
	if (yr_rules_load_stream(&stream, &rules) != ERROR_SUCCESS)
		abort();
	free(bytes);
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	uint32_t *matched = user;
	const char *name = message == CALLBACK_MSG_RULE_MATCHING
		? ((const YR_RULE *) data)->identifier
		: "";

	(void) context;
	if (name[0] == 'r')
		*matched |= 1u << (name[1] - '0');
	return CALLBACK_CONTINUE;
}

static struct facts search(const uint8_t *bytes, size_t n)
{
	_cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	const struct view v = { .fd = fd, .size = n };
	struct facts f = { .size = n };

	if (fd < 0 || fd_write_full(fd, bytes, n) < 0 ||
		scanner_scan(scanner, &v, SCAN_ANSWER, &f) < 0 || !facts_valid(&f) ||
		(f.have & (FACTS_SCANNED | FACTS_PAYLOAD_REFUSED)) != FACTS_SCANNED)
		abort();
	return f;
}

static void check_same(const uint8_t *bytes, size_t n)
{
	const struct facts f = search(bytes, n);
	uint32_t ours = 0, theirs = 0;

	for (uint32_t i = 0; i < f.n_signatures; i++)
		ours |= 1u << f.signatures[i].signature;
	if (yr_rules_scan_mem(rules, bytes, n, SCAN_FLAGS_NO_TRYCATCH, on_message, &theirs, 0) !=
			ERROR_SUCCESS ||
		ours != theirs)
		abort();
}

static bool has_version(const struct facts *f, const char *version)
{
	for (uint32_t i = 0; i < f->n_signatures; i++)
		if (f->signatures[i].signature == 0 &&
			(strcmp(f->signatures[i].version, version) == 0 ||
				!f->signatures[i].version[0]))
			return true;
	return false;
}

/* The input again and again, with the marker where its first bytes say. */
static void check_marker(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *file = malloc(FILE_MAX);
	const size_t n = sizeof(marker) - 1;
	uint32_t at = 0;
	struct facts f;

	if (!file)
		abort();
	for (size_t i = 0; i < FILE_MAX; i += size)
		memcpy(file + i, data, size < FILE_MAX - i ? size : FILE_MAX - i);
	memcpy(&at, data, size < sizeof(at) ? size : sizeof(at));
	/* Near the border half of the time. */
	at = at & 1 ? MATCHER_BLOCK_SIZE - 64 + (at >> 1) % 128 : (at >> 1) % (FILE_MAX - n);
	memcpy(file + at, marker, n);
	f = search(file, FILE_MAX);
	if (!has_version(&f, "12.345"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!scanner)
		prepare();
	if (size == 0 || size > INPUT_MAX)
		return 0;
	check_same(data, size);
	if (size % 8 == 0) /* it takes long */
		check_marker(data, size);
	return 0;
}
