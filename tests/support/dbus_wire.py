"""A D-Bus client of a few lines that may also do what no library would: send garbage, stop in the
middle of a message, never read. Little-endian, one message at a time, bodies of s, t, x, u and h."""

import array
import os
import socket
import struct

NAME = "org.proscribe.Agent1"
PATH = "/org/proscribe/Agent1"
CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4


def align(data, to):
    return data + b"\0" * (-len(data) % to)


def string(text):
    raw = text.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def signature(text):
    return bytes([len(text)]) + text.encode() + b"\0"


def body_of(types, values):
    body = b""
    for kind, value in zip(types, values):
        if kind == "s":
            body = align(body, 4) + string(value)
        else:
            size, code = {"t": (8, "<Q"), "x": (8, "<q"), "u": (4, "<I"), "h": (4, "<I")}[kind]
            body = align(body, size) + struct.pack(code, value)
    return body


def message(serial, member, types="", values=(), n_fds=0, path=PATH, interface=NAME, sender=None):
    body = body_of(types, values)
    fields = []
    for code, kind, raw in [(1, "o", string(path)), (2, "s", string(interface)), (3, "s", string(member)),
                            (7, "s", string(sender) if sender else None),
                            (8, "g", signature(types) if types else None),
                            (9, "u", struct.pack("<I", n_fds) if n_fds else None)]:
        if raw is not None:
            fields.append((code, kind, raw))
    encoded = b""
    for code, kind, raw in fields:
        encoded = align(encoded, 8) + bytes([code]) + signature(kind)
        encoded = align(encoded, 4 if kind != "g" else 1) + raw
    head = struct.pack("<cBBBIII", b"l", CALL, 0, 1, len(body), serial, len(encoded))
    return align(head + encoded, 8) + body


class Closed(Exception):
    """The other side has ended the connection."""


class Wire:
    """A connection to a private socket."""

    def __init__(self, path, authenticate=True, timeout_sec=20):
        """@path may be a connected socket, too."""
        if isinstance(path, socket.socket):
            self.socket = path
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(str(path))
        self.socket.settimeout(timeout_sec)
        self.fds = []  # received and not yet taken
        self.serial = 0
        if authenticate:
            self.authenticate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        while self.fds:
            os.close(self.fds.pop())

    def authenticate(self, begin_at_once=False):
        """@begin_at_once: so that no message can come together with BEGIN, which sd-bus by itself does not expect."""
        lines = b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\n"
        self.socket.sendall(lines + (b"BEGIN\r\n" if begin_at_once else b""))
        answer = b""
        while b"AGREE_UNIX_FD\r\n" not in answer:
            answer += self._receive(1)
        if not begin_at_once:
            self.socket.sendall(b"BEGIN\r\n")

    def _receive(self, n):
        data = b""
        while len(data) < n:
            try:
                piece, fds, _, _ = socket.recv_fds(self.socket, n - len(data), 8)
                self.fds += fds
            except ConnectionError as error:
                raise Closed from error
            if not piece:
                raise Closed
            data += piece
        return data

    def send_raw(self, data, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([data], control)
        except ConnectionError as error:
            raise Closed from error

    def send(self, member, types="", values=(), fds=(), **options):
        self.serial += 1
        self.send_raw(message(self.serial, member, types, values, n_fds=len(fds), **options), fds)
        return self.serial

    def receive(self):
        """(kind, reply serial, error name or member, body)"""
        head = self._receive(16)
        _, kind, _, _, body_size, _, fields_size = struct.unpack("<cBBBIII", head)
        fields = self._receive(fields_size + -fields_size % 8)[:fields_size]
        body = self._receive(body_size)
        serial, name, at = None, None, 0
        while at < len(fields):
            at += -at % 8
            code, kind_size = fields[at], fields[at + 1]
            kind_name = fields[at + 2:at + 2 + kind_size].decode()
            at += 3 + kind_size
            if kind_name == "g":
                at += fields[at] + 2
                continue
            at += -at % 4
            number = struct.unpack_from("<I", fields, at)[0]
            at += 4
            if kind_name == "u":
                serial = number if code == 5 else serial
                continue
            text = fields[at:at + number].decode()
            at += number + 1
            if code in (3, 4):
                name = text
        return kind, serial, name, body

    def answer(self):
        """The next message that is no signal."""
        while True:
            got = self.receive()
            if got[0] != SIGNAL:
                return got

    def call(self, member, types="", values=(), fds=(), **options):
        """"" for an answer, or the name of the error."""
        serial = self.send(member, types, values, fds, **options)
        kind, reply, name, _ = self.answer()
        assert reply == serial
        return name if kind == ERROR else ""

    def is_closed(self):
        """Waits until the other side ends the connection."""
        try:
            while True:
                self._receive(1)
        except Closed:
            return True
        except TimeoutError:
            return False
