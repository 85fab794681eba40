/*
 * Stands between one client of the private socket and sd-bus: carries bytes both ways, descriptors
 * to the client only, and lets nothing in that frame.h or stranger.h refuses. Holds PUMP_CHUNK
 * bytes each way, never more.
 */
#pragma once

#include <systemd/sd-event.h>

#include "policy/base/cleanup.h"

enum { PUMP_CHUNK = 16 << 10 };

struct pump;

/* @client_fd is borrowed, and ended but not closed. *ret_inner_fd belongs to the caller: the other
 * end, for sd-bus. When the client goes or misbehaves, the inner end sees the end of its stream. */
int pump_new(sd_event *event, int client_fd, struct pump **ret, int *ret_inner_fd);
struct pump *pump_free(struct pump *p);
/* Ends the connection; the inner end sees the end of its stream. */
void pump_hang_up(struct pump *p);
DEFINE_CLEANUP(struct pump, pump_free)
