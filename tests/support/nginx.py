"""nginx as Debian packages it, serving a folder over TLS on loopback; its package is unpacked, not installed, so that
no service appears on this machine."""

import subprocess
import time
from pathlib import Path

from support import packages

CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
	access_log {folder}/access.log;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	server {{
		listen 127.0.0.1:{port} ssl;
		server_name localhost;
		ssl_certificate {folder}/server.pem;
		ssl_certificate_key {folder}/server.key;
		root {tree};
		location / {{
			add_header Cache-Control "public, max-age=31536000, immutable";
		}}
		location = /metadata/timestamp.json {{
			add_header Cache-Control "public, max-age=60";
		}}
	}}
}}
"""
PORT = 8443
READY_SEC = 10


class Nginx:
    """Serves @tree at `url`; `ca` is the file to trust. Raises packages.Unavailable where there is no nginx."""

    url = f"https://localhost:{PORT}/"

    def __init__(self, folder, tree):
        self.program = packages.debian("nginx") / "usr/sbin/nginx"
        self.folder, self.tree = Path(folder), Path(tree)
        self.folder.mkdir(mode=0o755)
        self.ca = self.folder / "ca.pem"
        self.process = None
        make_certificates(self.folder)
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(folder=self.folder, tree=self.tree, port=PORT))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        log = open(self.folder / "said", "ab")
        with log:
            self.process = subprocess.Popen([self.program, "-p", self.folder, "-e", self.folder / "error.log",
                                             "-c", self.folder / "nginx.conf"], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SEC
        while not (self.folder / "pid").exists() or not (self.folder / "pid").read_text().strip():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("nginx did not start: " + (self.folder / "said").read_text())
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def requests(self):
        """[(path, status)] so far, oldest first."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [(line.split('"')[1].split()[1], int(line.split('"')[2].split()[0])) for line in lines]


def make_certificates(folder):
    """A CA of our own, and what it vouches for: localhost."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 30, "-subj", "/CN=Test CA",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", 30, "-extfile", "extensions")
    (folder / "ca.pem").chmod(0o644)
