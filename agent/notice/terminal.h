/*
 * Opens and writes an employee's terminal from a privileged process, so that neither a stopped
 * terminal nor a forged name can hold the writer up or lead it astray.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TERMINAL_TRIES_MAX = 10,
	TERMINAL_PAUSE_MSEC = 10,
};

/* Opens /dev/@tty when that is a terminal, its device number is @device and it belongs to @uid or
 * @login_uid (EVENT_UID_UNKNOWN is nobody). *ret_columns: its width, 0 when it does not say.
 * Returns 0 with *ret_fd for the caller to close, -EINVAL for a name that is none of a terminal,
 * -ENODEV for no or another device, -EPERM for a terminal of somebody else, -ENOTTY, or what
 * open(2) says. */
int terminal_open(const char *tty, uint32_t device, uid_t uid, uid_t login_uid, int *ret_fd,
	unsigned *ret_columns);

/* Writes all of it, and waits for at most TERMINAL_TRIES_MAX * TERMINAL_PAUSE_MSEC: the shell often
 * writes to the terminal at the same moment, and the kernel lets one at a time. Returns 0, -EAGAIN
 * when the terminal did not take all of it in that time, or another negative errno. */
int terminal_write(int fd, const char *text, size_t n);
