/*
 * Which filesystems launches are watched on: those the settings name, or every local one.
 */
#pragma once

#include "agent/agent.h"
#include "agent/gate/gate.h"

struct mounts {
	size_t n;
	struct agent_mount list[AGENT_MOUNTS_MAX];
};

/* Marks what is to be watched and says so in *ret, also what could not be marked and why. Called
 * again when mounts changed: marking twice is harmless. 0, or a negative errno when nothing could
 * be read at all. */
int mounts_watch(struct gate *g, const struct settings *settings, struct mounts *ret);

/* A descriptor that polls EPOLLPRI when mounts change. */
int mounts_open(int *ret_fd);
