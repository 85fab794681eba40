"""A static web server on loopback that keeps a record and misbehaves on request.

    with Server(lambda path: files.get(path)) as server:     # path: as in the URL, without the first '/'
        server.replies["metadata/timestamp.json"] = Reply(status=503)
        server.replies["targets/x"] = [Reply(truncate=10), Reply(delay_sec=1)]   # used up, then as usual
        server.url; server.requests; server.metadata_requests; server.target_requests

It answers conditional requests and byte ranges as static servers do. With @tls_folder it speaks TLS: ca.pem there is
what to trust. Server(..., client_ca=FILE) wants a client certificate as well.
"""

import hashlib
import re
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.network import own_network

POLL_SEC = 0.02


@dataclass
class Reply:
    """What differs from the usual answer."""
    status: int = 0  # not 200: with a short text as body
    body: bytes = None
    headers: dict = field(default_factory=dict)
    truncate: int = None  # announces the whole length, sends that many bytes and hangs up
    delay_sec: float = 0  # before the first byte
    bytes_per_sec: int = 0
    without_length: bool = False  # the end of the connection is the end of the file


@dataclass
class Request:
    method: str
    path: str  # as it was sent, without the first '/'
    headers: dict
    status: int = 0


class Server:
    def __init__(self, files, tls_folder=None, client_ca=None, ranges=True, validators=True):
        self.files, self.tls_folder, self.client_ca = files, tls_folder, client_ca
        self.ranges, self.validators = ranges, validators
        self.replies = {}
        self.requests = []
        self.stopping = threading.Event()

    def __enter__(self):
        with ExitStack() as stack:
            stack.enter_context(own_network())
            server = stack.enter_context(Listener(("127.0.0.1", 0), self))
            scheme = "http"
            if self.tls_folder:
                server.socket = self.tls().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
                scheme = "https"
            thread = threading.Thread(target=server.serve_forever, args=(POLL_SEC,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(self.stopping.set)
            self.port = server.server_port
            self.url = f"{scheme}://127.0.0.1:{self.port}/"
            self.metadata_url, self.targets_url = self.url + "metadata/", self.url + "targets/"
            self.leave = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.leave.close()

    def paths(self, below):
        return [r.path[len(below):] for r in self.requests if r.path.startswith(below)]

    @property
    def metadata_requests(self):
        """Names of metadata files in the order in which they were asked for."""
        return self.paths("metadata/")

    @property
    def target_requests(self):
        return self.paths("targets/")

    def forget(self):
        """From here on `requests` is empty again."""
        self.requests.clear()

    def reply(self, path):
        reply = self.replies.get(path)
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else None
        return reply or Reply()

    def tls(self):
        folder = Path(self.tls_folder)
        if not (folder / "ca.pem").exists():
            make_certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return context


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address, owner):
        self.owner = owner
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        """A client that went away is none of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self):
        owner, path = self.server.owner, self.path[1:]
        request = Request(self.command, path, {name.lower(): value for name, value in self.headers.items()})
        owner.requests.append(request)
        reply = owner.reply(path)
        if reply.delay_sec and owner.stopping.wait(reply.delay_sec):
            return
        body = reply.body if reply.body is not None else owner.files(path)
        if reply.status and reply.status != 200:
            body, status, headers = reply.body or b"as the test wants it\n", reply.status, {}
        elif body is None:
            body, status, headers = b"no such file\n", 404, {}
        else:
            body, status, headers = self.usual(owner, request, body)
        request.status = status
        self.answer(reply, status, headers | reply.headers, body)

    do_HEAD = do_GET

    @staticmethod
    def usual(owner, request, body):
        """(body, status, headers) of a file that is there."""
        headers = {}
        if owner.validators:
            headers["ETag"] = tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if request.headers.get("if-none-match") == tag:
                return b"", 304, headers
        if owner.ranges:
            headers["Accept-Ranges"] = "bytes"
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
            if wanted and request.headers.get("if-range", headers.get("ETag")) == headers.get("ETag"):
                first, last = int(wanted[1]), min(int(wanted[2] or len(body) - 1), len(body) - 1)
                if first > last:
                    return b"", 416, {"Content-Range": f"bytes */{len(body)}"}
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                return body[first:last + 1], 206, headers
        return body, 200, headers

    def answer(self, reply, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if reply.without_length or reply.truncate is not None:
            self.close_connection = True
            self.send_header("Connection", "close")
        if not reply.without_length and status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.send(body[:reply.truncate], reply.bytes_per_sec)

    def send(self, body, bytes_per_sec):
        step = max(1, bytes_per_sec // 10) if bytes_per_sec else max(1, len(body))
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            if bytes_per_sec and self.server.owner.stopping.wait(0.1):
                return

    def log_message(self, *_):
        """Tests look at `requests`."""


def make_certificates(folder):
    """ca.pem, server.pem and server.key for 127.0.0.1, client.pem and client.key, all by that one CA."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def subject(name):
        return ["-subj", f"/CN={name}", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]

    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", *subject("CA of a test"), "-keyout", "ca.key", "-out", "ca.pem")
    for name, use in (("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-x509", *subject(name), "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", use, "-addext",
                "basicConstraints=critical,CA:false", "-keyout", f"{name}.key", "-out", f"{name}.pem")
