/*
 * The repository of the settings, as the client sees it. timestamp.json is asked for only when it
 * has changed: what the server named it by the last time is kept in the state folder.
 */
#pragma once

#include "agent/update/settings.h"
#include "policy/trust/http.h"
#include "policy/trust/store.h"

struct remote;

/* All borrowed; @store holds what was accepted before. */
int remote_new(const struct update_settings *s, int state, const struct tuf_store *store,
	struct remote **ret, struct tuf_error *e);
struct remote *remote_free(struct remote *s);
DEFINE_CLEANUP(struct remote, remote_free)

void remote_transport(struct remote *s, struct tuf_transport *ret);
/* http_fetch_file() of a file below targets/. */
int remote_fetch_target(struct remote *s, const char *file, int fd, uint64_t size, uint64_t *have,
	struct tuf_error *e);
/* After a refresh: the timestamp that was fetched was accepted. */
void remote_accept(struct remote *s);
void remote_counts(const struct remote *s, struct http_counts *ret);
