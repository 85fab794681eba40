"""proscribe-update: what it fetches, what it refuses, and what the mirror holds at every moment. Repositories come from a
web server on loopback in a network of its own, over TLS; certificates are made here."""

import errno
import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.scratch import BASE
from support.tuf_repository import Signer, TufRepository, stamp
from support.tuf_server import Reply, make_certificates

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("PROSCRIBE_BUILD", TOP / "build"))
REPORT = struct.Struct("=QqqqiIQQ2048s128s512s2048s")
STEADY = [("metadata/2.root.json", 404), ("metadata/timestamp.json", 304)]
MEGABYTE = 1 << 20


class Host:
    """One host: settings, anchor and state folder, and what proscribe-update makes of them."""

    def __init__(self, folder, repo):
        self.folder, self.repo = folder, repo
        self.config, self.anchor, self.state = folder / "update.yaml", folder / "root.json", folder / "state"
        self.anchor.write_bytes(repo.first_root)
        self.server = None

    def configure(self, url, **settings):
        lines = [f"repository: {url}"] + [f"{key}: {value}" for key, value in settings.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, *options):
        return [str(BUILD / "proscribe-update"), "--config", str(self.config), "--root", str(self.anchor), "--state",
                str(self.state), *options]

    def run(self, *options, prefix=()):
        if self.server:
            self.server.forget()
        return subprocess.run([*prefix, *self.command(*options)], capture_output=True, text=True, timeout=60,
                              check=False)

    def update(self):
        done = self.run()
        assert done.returncode == 0, done.stderr
        return done.stderr

    def fails(self, *words):
        done = self.run()
        assert done.returncode == 1, (done.returncode, done.stderr)
        for word in words:
            assert word in done.stderr, f"expected {word!r} in:\n{done.stderr}"
        return done.stderr

    def requests(self):
        return [(r.path, r.status) for r in self.server.requests]

    def report(self):
        names = "magic ended succeeded next error failures requests bytes repository role file message".split()
        values = REPORT.unpack((self.state / "report").read_bytes())
        return dict(zip(names, (v.rstrip(b"\0").decode() if isinstance(v, bytes) else v for v in values)))

    def change_report(self, **changes):
        names = "magic ended succeeded next error failures requests bytes repository role file message".split()
        values = list(REPORT.unpack((self.state / "report").read_bytes()))
        for name, value in changes.items():
            values[names.index(name)] = value
        (self.state / "report").write_bytes(REPORT.pack(*values))

    def mirror(self):
        top = self.state / "mirror"
        return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}

    def check_mirror(self, folder):
        """A client that knows the anchor alone is satisfied with the mirror, and finds nothing in it that it needs not."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        copy = folder / "copy"
        shutil.copytree(self.state / "mirror", copy)
        subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
        other = Host(folder, self.repo)
        other.configure(f"file://{copy}/")
        other.update()
        assert other.mirror() == self.mirror()


@pytest.fixture(name="folder")
def make_folder(tmp_path, request):
    """Where the user proscribe-update may go, too."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    path = BASE / f"update-{abs(hash(request.node.nodeid))}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(name="repo")
def make_repo():
    repo = TufRepository()
    repo.add_target("policy/policy.yaml", b"proscribe: 1\n")
    repo.add_target("policy/lists/big.txt", random.Random(1).randbytes(MEGABYTE))
    repo.add_target("policy/team-a.yaml", b"x: 1\n", role=repo.delegate("team", paths=["policy/team-*"]))
    repo.add_target("other/file", b"not of the policy")
    repo.publish()
    return repo


@pytest.fixture(name="host")
def make_host(folder, repo):
    """Enrolled with @repo, which a server offers over TLS."""
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls") as server:
        host.server = server
        host.configure(server.url, ca_file=folder / "tls/ca.pem")
        yield host


def policy_files(host):
    return sorted(name for name in host.mirror() if name.startswith("targets/"))


def without_hash(name):
    folder, _, base = name.rpartition("/")
    return f"{folder}/{base.partition('.')[2]}"


# ---- what it fetches ----


def test_first_run_and_steady_state(host, folder):
    said = host.update()
    assert "updated: root 1, timestamp 2, targets 2, 3 files" in said
    assert [path for path, _ in host.requests()[:5]] == [
        "metadata/2.root.json", "metadata/timestamp.json", "metadata/2.snapshot.json", "metadata/2.targets.json",
        "metadata/1.team.json"]
    assert sorted(without_hash(n) for n in policy_files(host)) == [
        "targets/policy/lists/big.txt", "targets/policy/policy.yaml", "targets/policy/team-a.yaml"]
    host.check_mirror(folder / "check")
    before = host.mirror()
    for _ in range(2):
        assert "nothing new" in host.update()
        assert host.requests() == STEADY, "two small requests when nothing is new"
        report = host.report()
        assert report["requests"] == 2 and report["bytes"] < 2000 and report["error"] == 0
    assert host.mirror() == before
    assert not (host.state / "parts").exists() and not (host.state / "mirror.new").exists()


def test_only_what_is_new(host, repo, folder):
    host.update()
    repo.add_target("policy/policy.yaml", b"proscribe: 1 # an emergency\n")
    repo.publish()
    host.update()
    assert [path for path, _ in host.requests()][:-1] == [
        "metadata/2.root.json", "metadata/timestamp.json", "metadata/3.snapshot.json", "metadata/3.targets.json"]
    assert host.requests()[-1][0].endswith(".policy.yaml"), "the list, which is the same, stays"
    assert len(policy_files(host)) == 3
    host.check_mirror(folder / "check")
    del repo.targets.signed["targets"]["policy/lists/big.txt"]
    repo.publish()
    host.update()
    assert len(policy_files(host)) == 2, "what nothing refers to any more goes"
    host.check_mirror(folder / "check")


def test_keys_that_change(host, repo, folder):
    host.update()
    repo.root.rotate()
    repo.timestamp.rotate()
    repo.snapshot.rotate()
    repo.publish()
    repo.root.rotate(Signer("rsa"), Signer("ecdsa"), threshold=2)
    repo.publish()
    host.update()
    assert host.requests()[:3] == [("metadata/2.root.json", 200), ("metadata/3.root.json", 200),
                                   ("metadata/4.root.json", 404)]
    assert {"metadata/1.root.json", "metadata/2.root.json", "metadata/3.root.json"} <= set(host.mirror())
    host.check_mirror(folder / "check")
    host.update()
    assert host.requests() == [("metadata/4.root.json", 404), ("metadata/timestamp.json", 304)]


def test_another_anchor_begins_afresh(host, repo, folder):
    host.update()
    other = TufRepository()
    other.add_target("policy/policy.yaml", b"proscribe: 1 # of others\n")
    other.publish()
    repo.files.clear()
    repo.files.update(other.files)
    host.fails("root")  # the same numbers, signed by others
    host.anchor.write_bytes(other.first_root)
    host.update()
    assert len(policy_files(host)) == 1
    host.repo = other
    host.check_mirror(folder / "check")
    (host.anchor).write_bytes(b"{}")
    before = host.mirror()
    host.fails("root.json")
    host.anchor.write_bytes(other.first_root)
    assert host.mirror() == before and "nothing new" in host.update(), "an anchor of no use has changed nothing"


def test_damaged_state_heals(host, folder):
    host.update()
    for victim in ("trusted/root.json", "trusted/timestamp.json", "trusted/snapshot.json", "roots/1.root.json",
                   "validator", "report", "mirror/metadata/timestamp.json"):
        (host.state / victim).write_bytes(b"\0damaged")
        host.update()
        host.check_mirror(folder / "check")
    for victim in ("trusted", "roots", "mirror"):
        shutil.rmtree(host.state / victim)
        host.update()
        host.check_mirror(folder / "check")


def test_large_list_is_resumed_by_the_next_run(host):
    url = next(p for p in host.repo.files if p.endswith(".big.txt"))
    host.server.replies[url] = [Reply(truncate=MEGABYTE // 8)] * 4
    host.fails("policy/lists/big.txt (role targets)", "could not be fetched")
    part = next((host.state / "parts").iterdir())
    assert part.stat().st_size == MEGABYTE // 2
    host.update()
    ranges = [r.headers.get("range") for r in host.server.requests if r.path == url]
    assert ranges == [f"bytes={MEGABYTE // 2}-"]
    assert host.repo.files[url] in host.mirror().values()


def test_part_of_something_else_is_fetched_anew(host):
    url = next(p for p in host.repo.files if p.endswith(".big.txt"))
    host.server.replies[url] = [Reply(truncate=MEGABYTE // 8)] * 4
    host.fails("big.txt")
    part = next((host.state / "parts").iterdir())
    for size in (1000, MEGABYTE, MEGABYTE + 1):
        part.write_bytes(b"x" * size)
        done = host.run()
        assert done.returncode == 0, done.stderr
        assert [r.headers.get("range") for r in host.server.requests if r.path == url][-1] is None
        shutil.rmtree(host.state / "mirror")
        part.parent.mkdir()
        part.touch()
        for path in (part.parent, part):
            os.chown(path, host.state.stat().st_uid, host.state.stat().st_gid)


def test_server_that_knows_no_ranges_and_no_validators(folder, repo):
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls", ranges=False, validators=False) as server:
        host.server = server
        host.configure(server.url, ca_file=folder / "tls/ca.pem")
        url = next(p for p in repo.files if p.endswith(".big.txt"))
        server.replies[url] = [Reply(truncate=1000)]
        host.update()
        host.update()
        assert host.requests() == [("metadata/2.root.json", 404), ("metadata/timestamp.json", 200)]


def test_from_a_folder(folder, repo):
    repo.write(folder / "repository")
    host = Host(folder, repo)
    host.configure(f"file://{folder}/repository")
    host.update()
    host.check_mirror(folder / "check")
    assert "nothing new" in host.update()


def test_names_that_are_quoted(folder, repo):
    odd = repo.delegate("../team b", paths=["policy/lists/*"])
    repo.add_target("policy/lists/ü 1%.txt", b"odd", role=odd)
    repo.publish()
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls") as server:
        host.server = server
        host.configure(server.url, ca_file=folder / "tls/ca.pem")
        host.update()
        assert "metadata/1...%2Fteam%20b.json" in host.mirror()
        assert any(name.endswith(".%C3%BC%201%25.txt") for name in host.mirror())


# ---- what it refuses ----


def tampered(repo, path):
    repo.files[path] = repo.files[path].replace(b'"version"', b'"Version"', 1)


def mis_signed(repo, path):
    document = repo.document(path)
    document["signatures"][0]["sig"] = "00" * 64
    repo.put(path, document)


def rolled_back(repo, _path):
    repo.timestamp.version = 1
    repo.put("metadata/timestamp.json", repo.timestamp.envelope())


def frozen(repo, _path):
    repo.timestamp.expire(days=-1)
    repo.publish("timestamp")


def mixed(repo, _path):
    new = repo.roles["targets"].files[-1]
    repo.files[new] = repo.files[repo.roles["targets"].files[0]]


def substituted(repo, _path):
    name = next(p for p in repo.files if p.endswith(".policy.yaml") and b"new" in repo.files[p])
    repo.files[name] = repo.files[name].replace(b"new", b"old")


def longer(repo, _path):
    name = next(p for p in repo.files if p.endswith(".policy.yaml") and b"new" in repo.files[p])
    repo.files[name] += b"more"


def oversized(repo, _path):
    repo.files["metadata/timestamp.json"] += b" " * 16384


def truncated(repo, path):
    repo.files[path] = repo.files[path][:-10]


def gone(repo, path):
    del repo.files[path]


REFUSED = {
    "a timestamp that is no JSON": (truncated, "metadata/timestamp.json", "timestamp.json (role timestamp)"),
    "a timestamp that is longer than any": (oversized, "", "timestamp.json (role timestamp): is longer than the 16384"),
    "a timestamp with a wrong signature": (mis_signed, "metadata/timestamp.json", "timestamp.json (role timestamp)"),
    "a timestamp that is gone": (gone, "metadata/timestamp.json", "timestamp.json (role timestamp): is not in the"),
    "a timestamp of before": (rolled_back, "", "timestamp.json (role timestamp)"),
    "a timestamp that has expired": (frozen, "", "timestamp.json (role timestamp)"),
    "a snapshot with a wrong signature": (mis_signed, "metadata/3.snapshot.json", "3.snapshot.json (role snapshot)"),
    "a snapshot that is gone": (gone, "metadata/3.snapshot.json", "3.snapshot.json (role snapshot): is not in the"),
    "targets with another member": (tampered, "metadata/3.targets.json", "3.targets.json (role targets)"),
    "targets of another version": (mixed, "", "3.targets.json (role targets)"),
    "a file that was replaced": (substituted, "", "policy/policy.yaml (role targets): what the server has is not"),
    "a file that is longer": (longer, "", "policy/policy.yaml (role targets)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(host, repo, name, folder):
    change, path, words = REFUSED[name]
    host.update()
    before = host.mirror()
    repo.add_target("policy/policy.yaml", b"proscribe: 1 # new\n")
    repo.publish()
    good = dict(repo.files)
    change(repo, path)
    host.fails(words, "What was accepted before stays in force")
    assert host.mirror() == before, "the mirror stays as it was"
    report = host.report()
    assert report["error"] < 0 and report["failures"] == 1 and report["message"]
    assert report["role"] and report["file"] and report["succeeded"] > 0
    repo.files.clear()
    repo.files.update(good)
    if name in ("a timestamp of before", "a timestamp that has expired"):
        repo.timestamp.version = 8
        repo.timestamp.expire(days=3)
        repo.publish("timestamp")
    host.update()
    assert host.mirror() != before and host.report()["error"] == 0 and host.report()["failures"] == 0
    host.check_mirror(folder / "check")


def test_limits(host, repo):
    repo.targets.signed["targets"]["policy/big.yaml"] = {"length": (16 << 20) + 1, "hashes": {"sha256": "00" * 32}}
    repo.publish()
    host.fails("policy/big.yaml (role targets): is 16777217 bytes long", "POLICY_FILE_SIZE_MAX")
    del repo.targets.signed["targets"]["policy/big.yaml"]
    repo.targets.signed["targets"]["policy/lists/l.txt"] = {"length": (512 << 20) + 1, "hashes": {"sha256": "00" * 32}}
    repo.publish()
    host.fails("policy/lists/l.txt (role targets)", "POLICY_LIST_SIZE_MAX")
    del repo.targets.signed["targets"]["policy/lists/l.txt"]
    for number in range(5):
        repo.targets.signed["targets"][f"policy/lists/{number}.txt"] = {"length": 512 << 20,
                                                                        "hashes": {"sha256": "00" * 32}}
    repo.publish()
    host.fails("(role targets): makes the files of the policy larger", "PLAN_SIZE_MAX")
    for number in range(5):
        del repo.targets.signed["targets"][f"policy/lists/{number}.txt"]
    for number in range(192 - 3):
        repo.add_target(f"policy/{number}.yaml", b"")
    repo.publish()
    host.update()
    repo.add_target("policy/one-more.yaml", b"")
    repo.publish()
    host.fails("POLICY_ALL_FILES_MAX")


def test_paths_that_lead_out(host, repo):
    info = repo.add_target("policy/../../../escape", b"out")
    repo.files["targets/escape"] = b"out"
    repo.publish()
    host.fails("policy/../../../escape (role targets): is no path")
    assert not host.server.target_requests
    assert info and not (host.folder / "escape").exists() and not list(host.folder.rglob("*escape"))
    assert not (host.state / "mirror").exists()


def test_repository_without_a_policy(host, repo):
    for role in (repo.targets, repo.roles["team"]):
        role.signed["targets"] = {}
    repo.publish()
    host.fails("holds no policy")


# ---- on the way ----


def test_trouble_that_passes(host):
    host.server.replies["metadata/timestamp.json"] = [Reply(status=503), Reply(status=429, headers={"Retry-After": "1"})]
    host.server.replies["metadata/2.snapshot.json"] = [Reply(truncate=10)]
    host.update()
    assert [s for p, s in host.requests() if p == "metadata/timestamp.json"] == [503, 429, 200]


def test_trouble_that_stays(host):
    host.update()
    host.server.replies["metadata/timestamp.json"] = [Reply(status=500)] * 4
    host.fails("timestamp.json (role timestamp): https://127.0.0.1:", "answered 500")
    assert len(host.requests()) == 5, "three retries"
    host.server.replies["metadata/2.root.json"] = Reply(status=403)
    host.update()  # as object stores say that there is none


def test_nobody_answers(folder, repo):
    host = Host(folder, repo)
    host.configure("https://127.0.0.1:1/")
    host.fails("2.root.json (role root): could not be fetched from https://127.0.0.1:1/", "Nothing was accepted before")
    assert host.report()["succeeded"] == 0


def certificate(folder, days_from, days_to):
    """server.pem by the folder's CA, valid between these days from now."""
    def load(name):
        return (folder / name).read_bytes()
    ca, key = x509.load_pem_x509_certificate(load("ca.pem")), serialization.load_pem_private_key(load("ca.key"), None)
    server = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    made = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])) \
        .issuer_name(ca.subject).public_key(server.public_key()).serial_number(x509.random_serial_number()) \
        .not_valid_before(now + timedelta(days=days_from)).not_valid_after(now + timedelta(days=days_to)) \
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256())
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


@pytest.mark.parametrize("name, days, words", [
    ("expired", (-20, -10), ("was not accepted: ", "expired", "by this host's clock", "renew the certificate")),
    ("not yet valid", (10, 20), ("was not accepted: ", "not yet valid", "set the clock if that is wrong")),
    ("valid, but of another host", (-1, 1), ("was not accepted: ", "127.0.0.1")),
])
def test_certificates_that_are_wrong(folder, repo, name, days, words):
    make_certificates(folder / "tls")
    certificate(folder / "tls", *days)
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls") as server:
        host.configure(server.url, ca_file=folder / "tls/ca.pem")
        host.fails("2.root.json (role root): the certificate of https://127.0.0.1:", *words)
        assert server.requests == [], f"{name}: nothing was asked"


def test_certificate_authorities(host, folder):
    host.configure(host.server.url)
    host.fails("was not accepted", "if it is signed by a CA of your own, name it with ca_file")
    make_certificates(folder / "others")
    host.configure(host.server.url, ca_file=folder / "others/ca.pem")
    host.fails("was not accepted", f"ca_file is {folder}/others/ca.pem, and no other CA counts")
    host.configure(host.server.url, ca_file=folder / "tls/none.pem")
    host.fails(f"the CA certificates in {folder}/tls/none.pem cannot be used")
    host.configure(host.server.url.replace("https", "http"), ca_file=folder / "tls/ca.pem")
    host.fails("write https://")


def test_old_tls_is_refused(folder, repo):
    make_certificates(folder / "tls")
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls") as server:
        process = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher",
                                    "ALL:@SECLEVEL=0", "-cert", folder / "tls/server.pem", "-key",
                                    folder / "tls/server.key", "-www"], stdout=subprocess.PIPE, text=True)
        try:
            line = next(line for line in process.stdout if line.startswith("ACCEPT"))
            host.configure(f"https://127.0.0.1:{line.rpartition(':')[2].strip()}/", ca_file=folder / "tls/ca.pem")
            host.fails("could not be fetched", "version")
        finally:
            process.kill()
            process.wait()
        assert server.requests == []


def test_client_certificate(folder, repo):
    make_certificates(folder / "tls")
    os.chmod(folder / "tls/client.key", 0o644)
    host = Host(folder, repo)
    with repo.serve(tls_folder=folder / "tls", client_ca=folder / "tls/ca.pem") as server:
        host.server = server
        host.configure(server.url, ca_file=folder / "tls/ca.pem")
        host.fails("could not be fetched")
        host.configure(server.url, ca_file=folder / "tls/ca.pem", client_certificate=folder / "tls/client.pem",
                       client_key=folder / "tls/client.key")
        host.update()
        host.configure(server.url, ca_file=folder / "tls/ca.pem", client_certificate=folder / "tls/client.pem",
                       client_key=folder / "tls/ca.pem")
        host.fails("client certificate", "cannot be used")


class Proxy:
    """An HTTP proxy that only tunnels."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(client,), daemon=True).start()

    def tunnel(self, client):
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(4096)
        self.asked.append(request.split()[1].decode())
        host, _, port = self.asked[-1].rpartition(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 go on\r\nETag: \"of the proxy\"\r\n\r\n")
        threading.Thread(target=self.pump, args=(server, client), daemon=True).start()
        self.pump(client, server)

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_proxy(host, folder):
    proxy = Proxy()
    url = host.server.url.replace("127.0.0.1", "localhost")
    host.configure(url, ca_file=folder / "tls/ca.pem", proxy=proxy.url)
    host.update()
    assert proxy.asked == [f"localhost:{host.server.port}"], "one connection for all of it"
    host.update()
    assert host.requests() == STEADY
    proxy.listener.shutdown(socket.SHUT_RDWR)
    proxy.listener.close()
    host.fails("could not be fetched")


def test_redirect(host):
    host.server.replies["metadata/timestamp.json"] = Reply(status=302, headers={"Location": "/moved"})
    host.repo.files["moved"] = host.repo.files["metadata/timestamp.json"]
    host.update()
    host.server.replies["metadata/timestamp.json"] = Reply(status=302, headers={"Location": "http://127.0.0.1:1/"})
    host.fails("timestamp.json", "https")


# ---- settings, schedule, report ----


@pytest.mark.parametrize("text, words", [
    ("", "needs at least the key 'repository'"),
    ("ca_file: /x\n", "needs the key 'repository'"),
    ("repository: https://a/\nintervall: 1h\n", "update.yaml:2:1: error: unknown key 'intervall'"),
    ("repository: https://a/\ninterval: 59s\n", "interval must be a time from 1min to 7d"),
    ("repository: https://a/\ninterval: 8d\n", "interval must be a time"),
    ("repository: https://a/\ntimeout: 11min\n", "timeout must be a time from 1s to 10min"),
    ("repository: https://a/\ntimeout: 99999999999999999999h\n", "timeout must be a time"),
    ("repository: https://a/\ntimeout: min\n", "timeout must be a time"),
    ("repository: https://a/\nca_file: here.pem\n", "update.yaml:2:10: error: ca_file"),
    ("repository: https://a/\nclient_key: /k.pem\n", "belong together"),
    ("repository: https://a/\nrepository: https://b/\n", "repository"),
    ("repository: [a]\n", "'repository' must be a text"),
    ("repository: ftp://a/\n", "expected https:// or file://"),
    ("repository: https://me:word@a/\n", "client_certificate"),
    ("repository: https://" + "a" * 2048 + "/\n", "repository"),
    ("\x00\x01", "update.yaml"),
])
def test_settings_that_are_wrong(folder, repo, text, words):
    host = Host(folder, repo)
    host.config.write_text(text)
    host.fails(words)
    assert host.report()["error"] < 0


def test_not_enrolled(folder, repo):
    host = Host(folder, repo)
    done = host.run("--scheduled")
    assert (done.returncode, done.stderr) == (0, ""), "timers run on every host"
    host.fails("this host is not enrolled", "proscribectl enroll")
    host.configure("https://127.0.0.1:1/")
    host.anchor.unlink()
    host.fails(f"{host.anchor} cannot be read")


def test_back_off(host):
    interval = 900e9
    host.update()
    report = host.report()
    assert abs(report["next"] - report["ended"] - interval) < 1e9
    host.server.replies["metadata/timestamp.json"] = Reply(status=404)
    pauses = []
    for failures in range(1, 6):
        host.fails("timestamp.json")
        report = host.report()
        assert report["failures"] == failures
        pauses.append(report["next"] - report["ended"])
        most = min(2 ** (failures - 1), 4) * interval
        assert most / 2 <= pauses[-1] <= most
    assert len(set(pauses)) == len(pauses), "at random"
    del host.server.replies["metadata/timestamp.json"]
    assert host.run("--scheduled").returncode == 0 and host.requests() == [], "it is not due yet"
    host.change_report(next=time.time_ns() + int(30e9))
    assert host.run("--scheduled").returncode == 0 and host.requests() == STEADY, "nearly due counts"
    host.change_report(next=time.time_ns() + int(1e17))
    host.run("--scheduled")
    assert host.requests() == STEADY, "a due time that no run has set is of another clock"
    host.update()
    assert host.requests() == STEADY, "who asks for it gets it at once"


def test_clock_that_is_behind(host):
    host.update()
    host.change_report(succeeded=time.time_ns() + int(3600e9))
    assert "The clock of this host says" in host.update()


def test_one_at_a_time(host):
    host.server.replies["metadata/timestamp.json"] = [Reply(delay_sec=1.5)]
    first = subprocess.Popen(host.command(), stderr=subprocess.DEVNULL)
    time.sleep(0.6)
    began = time.monotonic()
    done = subprocess.run(host.command("--scheduled"), capture_output=True, check=False)
    assert done.returncode == 0 and time.monotonic() - began < 0.6, "a timer does not wait"
    done = subprocess.run(host.command(), capture_output=True, text=True, check=False)
    assert first.wait() == 0 and done.returncode == 0 and "Waiting for another update" in done.stderr
    assert "nothing new" in done.stderr, "the second saw what the first had done"


@pytest.mark.root
def test_who_it_is(host):
    host.server.replies["metadata/timestamp.json"] = [Reply(delay_sec=2)]
    process = subprocess.Popen(host.command(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    while not host.server.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                  if ":\t" in line)
    process.send_signal(signal.SIGKILL)
    process.wait()
    uid = os.stat(host.state).st_uid
    assert uid != 0 and status["Uid"].split() == [str(uid)] * 4 and "0" not in status["Gid"].split()
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")} == {0}
    assert status["Groups"].split() == []


@pytest.mark.root
def test_kernels_without_landlock(host):
    tool = str(BUILD / "tests/component/tool_without_landlock")
    for error in (errno.ENOSYS, errno.EOPNOTSUPP):
        done = host.run(prefix=[tool, str(error)])
        assert done.returncode == 0 and done.stderr.count("This kernel has no Landlock") == 1, done.stderr
    done = host.run(prefix=[tool, str(errno.E2BIG)])
    assert done.returncode == 1 and "Cannot enter the sandbox" in done.stderr
    assert not host.server.requests, "nothing is asked for without a sandbox"


def test_mirror_that_is_being_read(host, repo):
    host.update()
    before = host.mirror()
    repo.add_target("policy/policy.yaml", b"proscribe: 1 # new\n")
    repo.publish()
    with open(host.state / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        process = subprocess.Popen(host.command(), stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert host.mirror() == before, "not changed under the agent's eyes"
    assert process.wait(10) == 0 and host.mirror() != before


@pytest.mark.root
def test_folder_of_somebody_else(host):
    host.state.mkdir()
    os.chown(host.state, 12345, 12345)
    assert "belongs to another user" in host.fails()
    host.state.rmdir()
    host.state.symlink_to("/tmp")
    assert "Cannot open" in host.fails()


@pytest.mark.timeout(240)
def test_killed_at_any_moment(host, folder, repo):
    """40 times; what the mirror holds is whole each time, and the next run goes on."""
    chance = random.Random(7)
    host.update()
    lasting = 0.15
    for round_ in range(40):
        repo.add_target("policy/policy.yaml", f"proscribe: 1 # {round_}\n".encode())
        repo.add_target("policy/lists/big.txt", chance.randbytes(200000))
        if round_ % 5 == 4:
            repo.root.rotate()
            repo.timestamp.rotate()
        repo.publish()
        process = subprocess.Popen(host.command(), stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, lasting))
        process.kill()
        process.wait()
        host.check_mirror(folder / "check")
        if round_ % 8 == 7:
            began = time.monotonic()
            host.update()
            lasting = max(0.05, min(1.0, 1.2 * (time.monotonic() - began)))
            host.check_mirror(folder / "check")
    host.update()
    assert any(b"# 39\n" in content for content in host.mirror().values())
    assert host.report()["error"] == 0


# ---- --describe-root ----


def describe(*options):
    return subprocess.run([BUILD / "proscribe-update", "--describe-root", *map(str, options)], capture_output=True,
                          text=True, check=False)


def test_describe_root(folder):
    repo = TufRepository(published=False)
    repo.root.rotate(Signer(owner="Ada Lovelace"), Signer("rsa", owner="Grace\x1b[31mHopper"), Signer("ecdsa"),
                     threshold=2)
    repo.publish()
    (folder / "root.json").write_bytes(repo.files[repo.root.files[-1]])
    done = describe(folder / "root.json")
    assert done.returncode == 0, done.stderr
    assert "root: 2 of 3 keys must sign" in done.stdout and "targets: 1 of 1 key must sign" in done.stdout
    assert "Ada Lovelace" in done.stdout and "\x1b" not in done.stdout
    digest = subprocess.run(["sha256sum", folder / "root.json"], capture_output=True, text=True, check=True).stdout.split()[0]
    assert f"SHA-256: {digest}" in done.stdout
    repo.root.signed["expires"] = stamp(days=-1)
    (folder / "root.json").write_bytes(json.dumps(repo.root.envelope()).encode())
    assert "expired since" in describe(folder / "root.json").stdout


def test_the_sample_settings(folder, repo):
    (folder / "root.json").write_bytes(repo.first_root)
    done = describe(folder / "root.json", "--config", TOP / "packaging/examples/update.yaml")
    assert done.returncode == 0, done.stderr
    text = (TOP / "packaging/examples/update.yaml").read_text()
    (folder / "update.yaml").write_text(re.sub(r"(?m)^#(\w+:)", r"\1", text))
    done = describe(folder / "root.json", "--config", folder / "update.yaml")
    assert done.returncode == 0, f"with every key: {done.stderr}"


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100000, b"\xff" * 100, b'{"signed": 1, "signed": 1}'])
def test_describe_what_is_no_root(folder, content):
    (folder / "root.json").write_bytes(content)
    done = describe(folder / "root.json")
    assert done.returncode == 1 and "root.json" in done.stderr and done.stdout == ""


def test_describe_a_root_that_was_changed(folder, repo):
    document = repo.document("root")
    document["signed"]["expires"] = stamp(days=4000)
    repo.put("metadata/1.root.json", document)
    (folder / "root.json").write_bytes(repo.first_root)
    done = describe(folder / "root.json")
    assert done.returncode == 1 and "is signed by 0 of the 1 keys" in done.stderr


def test_usage():
    for options in (["--no-such-option"], ["operand"], ["--to-fd", "x"], ["--to-fd", "0"]):
        done = subprocess.run([BUILD / "proscribe-update", *options], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and done.stderr, options
    done = subprocess.run([BUILD / "proscribe-update", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--describe-root FILE" in done.stdout
