"""Filesystems of our own to watch: a permission mark on the filesystem of / by an agent that hangs
would stop every program on the machine, so nothing here ever names that one.

All mounts are made in a private mount namespace, below /media: they end with the process, whatever
happens to it, and other users can reach what lies there even when the clone is in a private home.
"""

import ctypes
import os
import subprocess
from pathlib import Path

BASE = Path("/media")
BASE_NAME = "proscribe-test"  # source of the mount on BASE: there in our own namespaces only
CLONE_NEWNS = 0x00020000


def in_private_namespace():
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    on_base = [m for m in mounts if m[4] == str(BASE)]
    return bool(on_base) and on_base[-1][-2] == BASE_NAME and not any("shared:" in field for m in on_base for field in m)


def enter_private_namespace():
    """Moves this process, which must have no threads yet, to a mount namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"unshare(CLONE_NEWNS): {os.strerror(error)}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", BASE_NAME, str(BASE)], check=True)


def assert_watchable(path):
    """Fails unless @path is the top of a mounted filesystem that is not the machine's own."""
    if not in_private_namespace():
        raise RuntimeError("refused: not in a mount namespace of our own")
    status = os.stat(path)
    for system_path in ("/", "/usr", "/home", "/tmp", "/var", "/dev", "/run"):
        if os.stat(system_path).st_dev == status.st_dev:
            raise RuntimeError(f"refused: {path} lies on the filesystem of {system_path}")
    if not os.path.ismount(path):
        raise RuntimeError(f"refused: {path} is not a mount point")


class Scratch:
    """A mounted filesystem: ext4 on a loop device, or tmpfs (also where loop devices are missing)."""

    def __init__(self, name, kind="ext4", megabytes=2048):
        self.path = BASE / name
        self.image = BASE / f"{name}.{kind}"
        self.path.mkdir()
        if kind == "tmpfs" or not self._mount_image(kind, megabytes):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0755,size={megabytes}m", name, str(self.path)],
                           check=True)
        assert_watchable(self.path)

    def _mount_image(self, kind, megabytes):
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        subprocess.run(["mke2fs", "-q", "-F", "-t", kind, "-m", "0", "-E", "lazy_itable_init=1",
                        "-O", "^has_journal", str(self.image)], check=True)
        mounted = subprocess.run(["mount", "-o", "loop", str(self.image), str(self.path)], capture_output=True,
                                 check=False)
        return mounted.returncode == 0

    def remove(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)
        self.image.unlink(missing_ok=True)
        self.path.rmdir()
