"""A network of our own, with nothing but loopback in it: what listens there is seen by nobody else, and what
connects from there reaches nobody else."""

import ctypes
import fcntl
import os
import socket
import struct
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
entered = []


@contextmanager
def own_network():
    """Within it, this thread and every thread and program that it starts are alone with loopback. Within another one
    it changes nothing. Who is not root stays in the network as it is."""
    if os.geteuid() != 0 or entered:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(libc.unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)")
        entered.append(before)
        try:
            loopback_up()
            yield
        finally:
            entered.pop()
            checked(libc.setns(before, CLONE_NEWNET), "setns")
    finally:
        os.close(before)


def checked(result, call):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{call}: {os.strerror(error)}")


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
