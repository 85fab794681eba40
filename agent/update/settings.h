/*
 * /etc/proscribe/update.yaml: where the signed policy comes from. Written by root, read by
 * proscribe-update itself.
 */
#pragma once

#include <stdint.h>

enum { UPDATE_URL_SIZE = 2048, UPDATE_PATH_SIZE = 4096 };

struct update_settings {
	char repository[UPDATE_URL_SIZE]; /* key repository: https: or file: URL of the folder that
					     holds metadata/ and targets/ */
	char ca_file[UPDATE_PATH_SIZE];   /* key ca_file: PEM; "" : the system's */
	char proxy[UPDATE_URL_SIZE];      /* key proxy; "": the environment's */
	char certificate[UPDATE_PATH_SIZE],
		key[UPDATE_PATH_SIZE]; /* keys client_certificate, client_key */
	uint64_t timeout_usec;         /* key timeout: 1s to 10min, default 60s */
	uint64_t interval_usec; /* key interval: 1min to 7 days, default 15min; the timer's */
};

/* 0; -ENOENT: there is no such file; -EINVAL with *ret_messages (owned) saying line and column. */
int update_settings_load(const char *path, struct update_settings *ret, char **ret_messages);
