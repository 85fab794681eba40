"""A FUSE server that misbehaves on purpose, without libfuse: one folder with a few files, each of which
serves its content, stalls, or serves something else each time it is read.

Run as a program, it mounts itself:  fuse.py MOUNTPOINT NAME=KIND:PATH ...  (as root)
Kinds: plain, stall-open, stall-read, stall-flush, stall-getattr, stall-write (what is written is cached first),
other-twice (after the first read: zeros), shrinks. PATH has the content.
"""

import ctypes
import errno
import os
import stat
import struct
import sys
import time

IN_HEADER = struct.Struct("<IIQQIIII")  # len opcode unique nodeid uid gid pid padding
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, \
    INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 15, 16, 17, 18, 25, 26, 27, 28, 29, 34, 36, 42
ROOT = 1
WRITEBACK_CACHE = 1 << 16


class Server:
    def __init__(self, mountpoint, files):
        self.files = [(name, kind, open(path, "rb").read()) for name, kind, path in files]
        self.reads = {}
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
        if libc.mount(b"proscribe-test", str(mountpoint).encode(), b"fuse.test", 0, options.encode()) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def attributes(self, node):
        if node == ROOT:
            return ATTR.pack(ROOT, 0, 0, 0, 0, 0, 0, 0, 0, stat.S_IFDIR | 0o755, 2, 0, 0, 0, 4096, 0)
        size = len(self.files[node - 2][2])
        now = int(time.time())
        return ATTR.pack(node, size, size // 512, now, now, now, 0, 0, 0, stat.S_IFREG | 0o755, 1, 1000, 1000, 0, 4096, 0)

    def reply(self, unique, data=b"", error=0):
        os.write(self.fd, OUT_HEADER.pack(OUT_HEADER.size + len(data), -error, unique) + data)

    def lookup(self, name):
        for i, (known, _, _) in enumerate(self.files):
            if known.encode() == name:
                # valid for no time at all: the kernel asks again each time; but what stalls then can be opened first
                valid_sec = 1 if self.files[i][1] == "stall-getattr" else 0
                return struct.pack("<QQQQII", i + 2, 0, 0, valid_sec, 0, 0) + self.attributes(i + 2)
        return None

    def read(self, node, offset, size):
        name, kind, content = self.files[node - 2]
        n = self.reads[node] = self.reads.get(node, 0) + 1
        if kind == "stall-read":
            return None
        if kind == "other-twice" and n > 1:
            content = bytes(len(content))
        if kind == "shrinks" and n > 1:
            content = content[:16]
        return content[offset:offset + size]

    def readdir(self, offset):
        data = b""
        entries = [".", ".."] + [name for name, _, _ in self.files]
        for i, name in enumerate(entries[offset:], offset + 1):
            raw = name.encode()
            entry = struct.pack("<QQII", max(i - 1, 1), i, len(raw), 0) + raw
            data += entry + bytes(-len(entry) % 8)
        return data

    def serve_one(self):
        request = os.read(self.fd, 1 << 18)
        _, opcode, unique, node, *_ = IN_HEADER.unpack_from(request)
        body = request[IN_HEADER.size:]
        if opcode == INIT:
            caches = any(kind == "stall-write" for _, kind, _ in self.files)
            self.reply(unique, struct.pack("<IIIIHHIIHHI28x", 7, 26, 0, WRITEBACK_CACHE if caches else 0, 12, 10, 4096, 1,
                                           0, 0, 0))
        elif opcode == LOOKUP:
            found = self.lookup(body.rstrip(b"\0")) if node == ROOT else None
            self.reply(unique, found or b"", 0 if found else errno.ENOENT)
        elif opcode == GETATTR:
            if node == ROOT or self.files[node - 2][1] != "stall-getattr":
                self.reply(unique, struct.pack("<QII", 0, 0, 0) + self.attributes(node))
        elif opcode in (OPEN, OPENDIR):
            if node == ROOT or self.files[node - 2][1] != "stall-open":
                self.reply(unique, struct.pack("<QII", 0, 0, 0))
        elif opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = self.read(node, offset, size)
            if data is not None:
                self.reply(unique, data)
        elif opcode == READDIR:
            _, offset, size = struct.unpack_from("<QQI", body)
            self.reply(unique, self.readdir(offset)[:size])
        elif opcode == STATFS:
            self.reply(unique, struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0))
        elif opcode in (RELEASE, RELEASEDIR, FLUSH, ACCESS):
            if opcode != FLUSH or self.files[node - 2][1] != "stall-flush":
                self.reply(unique)
        elif opcode not in (FORGET, BATCH_FORGET, INTERRUPT, WRITE):
            self.reply(unique, b"", errno.ENOSYS)


def main():
    files = [(*argument.split("=", 1)[0:1], *argument.split("=", 1)[1].split(":", 1)) for argument in sys.argv[2:]]
    server = Server(sys.argv[1], files)
    print("ready", flush=True)
    while True:
        try:
            server.serve_one()
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted
                return
            if error.errno not in (errno.ENOENT, errno.EINTR):  # the request is gone meanwhile
                raise


if __name__ == "__main__":
    main()
