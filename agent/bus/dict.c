/*
 * Entries of an a{sv}. Runs in proscribed.
 */
#include "agent/bus/call.h"

#include <string.h>

#include "policy/base/clock.h"
#include "policy/base/text.h"

/* D-Bus has only valid UTF-8: a text that is not (it should be) goes out escaped. */
int dict_text(sd_bus_message *m, const char *key, const char *value)
{
	char escaped[4096];

	if (!value || !*value)
		return 0;
	if (!text_utf8_valid(value, strlen(value))) {
		(void) text_escape(value, escaped, sizeof(escaped));
		value = escaped;
	}
	return sd_bus_message_append(m, "{sv}", key, "s", value);
}

int dict_count(sd_bus_message *m, const char *key, uint64_t value)
{
	return sd_bus_message_append(m, "{sv}", key, "t", value);
}

int dict_number(sd_bus_message *m, const char *key, int64_t value)
{
	return sd_bus_message_append(m, "{sv}", key, "x", value);
}

int dict_flag(sd_bus_message *m, const char *key, bool value)
{
	return sd_bus_message_append(m, "{sv}", key, "b", (int) value);
}

int dict_time(sd_bus_message *m, const char *key, int64_t utc_nsec)
{
	char text[CLOCK_TEXT_SIZE];

	if (utc_nsec == 0)
		return 0;
	clock_format_utc(utc_nsec, 9, text);
	return dict_text(m, key, text);
}

static int append_bytes(sd_bus_message *m, const char *key, const char *value)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', value, strlen(value));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

/* A path: a string where it is one, else its bytes (ay). */
int dict_bytes(sd_bus_message *m, const char *key, const char *value)
{
	if (!value || text_utf8_valid(value, strlen(value)))
		return dict_text(m, key, value);
	return append_bytes(m, key, value);
}

int dict_open(sd_bus_message *m, const char *key, const char *signature)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', signature);
	return r < 0 ? r : sd_bus_message_open_container(m, 'a', signature + 1);
}

int dict_close(sd_bus_message *m)
{
	int r = sd_bus_message_close_container(m);

	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int dict_digest(sd_bus_message *m, const char *key, const uint8_t digest[SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	text_hex(digest, SHA256_SIZE, hex);
	return dict_text(m, key, hex);
}
