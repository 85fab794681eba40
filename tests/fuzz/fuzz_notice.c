/*
 * Lays out notices whose every text the input chooses: lines of it are the fields in order, the
 * first byte is the width. No control byte, no line too wide, and always the event id.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/notice/notice.h"
#include "policy/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 10 };

static void check_line(const char *line, unsigned columns)
{
	for (const char *c = line; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			abort();
	if (text_columns(line) > columns && !strstr(line, "://") && !strstr(line, "mailto:"))
		abort();
}

static void check(char *notice, unsigned columns)
{
	if (!text_utf8_valid(notice, strlen(notice)) || !strstr(notice, "9D3F\r\n"))
		abort();
	while (*notice) {
		char *end = strstr(notice, "\r\n");

		if (!end)
			abort();
		*end = '\0';
		check_line(notice, columns);
		notice = end + 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *fields[FIELDS] = { NULL }, out[NOTICE_SIZE_MAX];
	_cleanup_free_ char *text = malloc(size + 1);
	struct notice_style style = { .columns = NOTICE_COLUMNS_MIN };
	char *rest;

	if (!text || size == 0)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	style.columns += (unsigned char) text[0] % (NOTICE_COLUMNS_MAX - NOTICE_COLUMNS_MIN + 1);
	rest = text + 1;
	for (size_t i = 0; i < FIELDS && rest; i++)
		fields[i] = strsep(&rest, "\n");

	struct event e = {
		.kind = EVENT_LAUNCH,
		.outcome = OUTCOME_REFUSED,
		.verdict = VERDICT_BLOCK,
		.id = "7K2M-Q4TX-9D3F",
		.software_name = fields[0],
		.version = fields[1],
		.reason = fields[2],
		.path = fields[3],
		.policy_owner = fields[4],
		.reference = fields[5],
		.url = fields[6],
		.alternative_name = fields[7],
		.alternative_url = fields[8],
		.policy_contact = fields[9],
	};
	if (notice_format(&e, &style, out, sizeof(out)) == 0)
		abort();
	check(out, style.columns);
	return 0;
}
