"""proscribectl enroll and update: a host begins to take signed policy. /etc and /var/lib are overlaid in the mount namespace
of the tests, so that nothing of the machine's own is touched."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.agent import Agent
from support.software import write_policy
from support.tuf_repository import Signer, TufRepository
from support.tuf_server import Reply

pytestmark = pytest.mark.root
ROOT, CONFIG = Path("/etc/proscribe/trust/root.json"), Path("/etc/proscribe/update.yaml")
STATE = Path("/var/lib/proscribe-update")


@pytest.fixture(name="overlays")
def make_overlays(directory):
    """/etc and /var/lib as they are, but changes go into a scratch folder."""
    mounted = []
    try:
        for number, path in enumerate(("/etc", "/var/lib")):
            upper, work = directory / f"upper{number}", directory / f"work{number}"
            upper.mkdir(mode=0o755)
            work.mkdir()
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                            f"lowerdir={path},upperdir={upper},workdir={work}", path], check=True)
            mounted.append(path)
        for leftover in ("/etc/proscribe", STATE):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        for path in mounted:
            subprocess.run(["umount", "--lazy", path], check=False)


@pytest.fixture(name="repo")
def make_repo(directory):
    repo = TufRepository(published=False)
    repo.root.rotate(Signer(owner="Ada Lovelace"), Signer(owner="Grace Hopper"), threshold=2)
    repo.add_folder(write_policy(directory / "signed", action="warn"))
    repo.publish()
    return repo


@pytest.fixture(name="host")
def make_host(overlays, repo, directory, build):
    assert overlays is None
    with repo.serve(tls_folder=directory / "tls") as server:
        yield Host(repo, server, directory, build)


class Host:
    def __init__(self, repo, server, directory, build):
        self.repo, self.server, self.directory, self.build = repo, server, directory, build
        self.root = directory / "root.json"
        self.root.write_bytes(repo.files[repo.root.files[0]])
        self.ca = directory / "tls/ca.pem"
        self.socket = directory / "bus"

    def ctl(self, *arguments, user=None):
        return subprocess.run([str(self.build / "proscribectl"), *map(str, arguments), "--socket", str(self.socket)],
                              capture_output=True, text=True, timeout=60, check=False, user=user)

    def enroll(self, *more, root=None, repository=None):
        return self.ctl("enroll", "--root", root or self.root, "--repository", repository or self.server.url, "--ca-file",
                        self.ca, *more)


def test_enroll_shows_and_fetches(host):
    done = host.enroll()
    assert done.returncode == 0, done.stderr
    assert "root: 2 of 2 keys must sign" in done.stdout
    assert "Ada Lovelace" in done.stdout and "Grace Hopper" in done.stdout and "SHA-256: " in done.stdout
    assert f"Enrolled: policy comes from {host.server.url}" in done.stdout
    assert "the agent takes up the policy when it runs" in done.stderr
    assert ROOT.read_bytes() == host.root.read_bytes() and ROOT.stat().st_mode & 0o777 == 0o644
    assert f'repository: "{host.server.url}"\nca_file: "{host.ca}"\n' in CONFIG.read_text()
    assert STATE.stat().st_uid not in (0, os.getuid()) and STATE.stat().st_mode & 0o777 == 0o750
    assert (STATE / "mirror/metadata/timestamp.json").exists()
    assert sorted(p.name for p in CONFIG.parent.iterdir()) == ["trust", "update.yaml"]
    assert [p.name for p in ROOT.parent.iterdir()] == ["root.json"]


def test_enroll_again(host, directory):
    assert host.enroll().returncode == 0
    CONFIG.write_text("# ours\ninterval: 1h\n" + CONFIG.read_text() + "timeout: 5s\n")
    done = host.enroll(repository=host.server.url.replace("127.0.0.1", "localhost"))
    assert done.returncode == 0, done.stderr
    text = CONFIG.read_text()
    assert text.startswith("# ours\ninterval: 1h\n") and text.endswith("timeout: 5s\n"), "other settings stay"
    assert text.count("repository:") == 1 and text.count("ca_file:") == 1 and "https://localhost:" in text
    other = TufRepository()
    other.add_folder(directory / "signed")
    other.publish()
    theirs = directory / "theirs.json"
    theirs.write_bytes(other.first_root)
    before = ROOT.read_bytes(), CONFIG.read_bytes()
    done = host.enroll(root=theirs)
    assert done.returncode == 1 and "enrolled already, with another root.json" in done.stderr and "--yes" in done.stderr
    assert (ROOT.read_bytes(), CONFIG.read_bytes()) == before
    host.repo.files.clear()
    host.repo.files.update(other.files)
    done = host.enroll("--yes", root=theirs)
    assert done.returncode == 0, done.stderr
    assert ROOT.read_bytes() == theirs.read_bytes()


def test_enroll_when_nobody_answers(host):
    host.server.replies["metadata/timestamp.json"] = [Reply(status=404)]
    done = host.enroll()
    assert done.returncode == 1 and "is not in the repository" in done.stderr
    assert "the host is enrolled, but its first update came to nothing" in done.stderr
    assert ROOT.exists() and CONFIG.exists()


def wrong_inputs(host, directory):
    document = host.repo.document("root")
    document["signatures"] = document["signatures"][:1]
    files = {"unsigned.json": json.dumps(document).encode(), "text.json": b"not JSON", "empty.json": b"",
             "large.json": b" " * 512001, "targets.json": host.repo.current("targets")}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return [
        (dict(root=directory / "unsigned.json"), "of the 2 keys"),
        (dict(root=directory / "text.json"), "root.json"),
        (dict(root=directory / "empty.json"), "root.json"),
        (dict(root=directory / "large.json"), "too large"),
        (dict(root=directory / "targets.json"), "root"),
        (dict(root=directory / "none.json"), "No such file"),
        (dict(repository="http://127.0.0.1/"), "write https://"),
        (dict(repository="127.0.0.1"), "is no URL"),
        (dict(repository='https://a/"b'), "--repository"),
    ]


def test_wrong_input_changes_nothing(host, directory):
    for enrolled in (False, True):
        if enrolled:
            assert host.enroll().returncode == 0
        before = {p: p.read_bytes() for p in Path("/etc/proscribe").rglob("*") if p.is_file()}
        for arguments, words in wrong_inputs(host, directory):
            host.server.forget()
            done = host.enroll(**arguments)
            assert done.returncode == 1, (arguments, done)
            assert words in done.stderr, f"{arguments}: expected {words!r} in {done.stderr}"
            after = {p: p.read_bytes() for p in Path("/etc/proscribe").rglob("*") if p.is_file()}
            assert after == before and not host.server.requests, arguments
    host.ca = directory / "unsigned.json"
    assert "holds no certificate" in host.enroll().stderr
    host.ca = directory / "none.pem"
    assert "--ca-file" in host.enroll().stderr


def test_settings_that_cannot_be_edited(host):
    assert host.enroll().returncode == 0
    CONFIG.write_text('{"repository": "https://a/"}\n')
    done = host.enroll()
    assert done.returncode == 1 and "update.yaml.new:" in done.stderr and "nothing was changed" in done.stderr
    assert CONFIG.read_text() == '{"repository": "https://a/"}\n'


def test_only_root(host):
    for command in (["enroll", "--root", host.root, "--repository", host.server.url], ["update"]):
        done = host.ctl(*command, user=65534)
        assert done.returncode == 1 and "only root" in done.stderr, command
    assert host.ctl("enroll", "--root", host.root).returncode == 2


def test_update_without_agent_or_enrolment(host):
    done = host.ctl("update")
    assert done.returncode == 1 and "this host is not enrolled" in done.stderr
    assert host.enroll().returncode == 0
    done = host.ctl("update")
    assert done.returncode == 3 and "nothing new" in done.stderr and "the agent is not reachable" in done.stderr


def test_update_with_an_agent(host, directory, scratch, build):
    with Agent(build, directory, write_policy(directory / "policy", action="log"), [scratch]) as agent:
        done = host.enroll()
        assert done.returncode == 0, done.stderr
        assert "Now in force: test-policy" in done.stdout, done.stdout + done.stderr
        host.repo.add_folder(write_policy(directory / "signed", action="block"))
        host.repo.publish()
        done = host.ctl("update", "--json")
        answer = json.loads(done.stdout)
        assert done.returncode == 0 and answer["fetched"] and answer["agent"]["changed"], done.stderr
        host.repo.timestamp.expire(days=-1)
        host.repo.publish("timestamp")
        done = host.ctl("update")
        assert done.returncode == 1 and "What was accepted before stays in force" in done.stderr
        assert "In force, as before: test-policy" in done.stdout, done.stdout + done.stderr
        assert agent.process.poll() is None
