"""From an administrator's folder through a real web server to an enrolled host: a ban that takes effect within one
update, and a server that is stopped, tampered with, rolled back or frozen."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support import packages
from support.agent import Agent, wait_until
from support.launch import launch
from support.network import own_network
from support.nginx import Nginx
from support.packages import Unavailable
from support.software import BANNED_FROM, install_package, write_policy

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

FROZEN_AFTER_SEC = 12  # how long the last timestamp of the frozen server is good


class Administrator:
    """Works in a repository of its own and publishes to `tree`."""

    def __init__(self, build, directory):
        self.ctl_program = build / "proscribectl"
        self.folder = directory / "repository"
        self.tree = directory / "tree"
        self.policy = directory / "edited"
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(directory / "config")}
        self.run("repo", "init", str(self.folder), "--no-passphrase", into=None)

    def run(self, *command, into=True, expected=0):
        where = ["-C", str(self.folder)] if into else []
        done = subprocess.run([str(self.ctl_program), *command, *where], capture_output=True, text=True,
                              env=self.environment, stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert done.returncode == expected, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def publish(self, action):
        write_policy(self.policy, action=action)
        self.run("repo", "add", str(self.policy), expected=5)
        self.run("repo", "sign", "targets", "--yes")
        self.run("repo", "publish", str(self.tree))
        return self


class Host:
    """An enrolled one: the places that are compiled in are this test's own."""

    def __init__(self, build, directory, scratch):
        for path in ("/etc/proscribe", "/var/lib/proscribe-update"):
            mine = directory / path.strip("/").replace("/", "-")
            mine.mkdir(mode=0o755)
            Path(path).mkdir(mode=0o755, parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", str(mine), path], check=True)
        self.agent = Agent(build, directory, directory / "policy.d", [scratch], lifetime=240)
        write_policy(directory / "policy.d", action="log")
        _, self.program = install_package(scratch, BANNED_FROM)

    @staticmethod
    def clean_up():
        for path in ("/etc/proscribe", "/var/lib/proscribe-update"):
            subprocess.run(["umount", "--quiet", "--lazy", path], check=False, stderr=subprocess.DEVNULL)

    def enroll(self, root, url, ca):
        done = self.agent.ctl("enroll", "--root", str(root), "--repository", url, "--ca-file", str(ca), "--yes",
                              timeout_sec=60)
        assert done.returncode == 0, f"enroll ended with {done.returncode}: {done.stdout}{done.stderr}"

    def update(self, expected=0):
        done = self.agent.ctl("update", timeout_sec=90)
        assert done.returncode == expected, f"update ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def status(self):
        return json.loads(self.agent.ctl("status", "--json").stdout)

    def shown_status(self):
        return " ".join(self.agent.ctl("status").stdout.split())

    def refuses(self):
        return launch(self.program).refused


@pytest.fixture
def world(build, directory, scratch):
    """(administrator, web server, enrolled host), with a policy published that only records."""
    try:
        packages.debian("nginx")  # while there is a network to fetch it from
        with own_network():
            administrator = Administrator(build, directory).publish("log")
            with Nginx(directory / "nginx", administrator.tree) as server:
                host = Host(build, directory, scratch)
                with host.agent:
                    host.enroll(administrator.folder / "metadata" / "1.root.json", server.url, server.ca)
                    yield administrator, server, host
    except Unavailable as reason:
        pytest.skip(f"no nginx: {reason}")
    finally:
        Host.clean_up()


def still_blocks(host, update_said, *words):
    """The update failed, said why, and changed nothing."""
    for word in words:
        assert word in update_said, f"{word!r} is missing in: {update_said}"
    assert host.refuses(), "the last good policy is not in force any more"


def test_one_update_brings_an_emergency_ban_and_no_bad_server_takes_it_back(world):
    administrator, server, host = world
    assert not host.refuses(), "the first policy only records"
    shutil.copytree(administrator.tree, administrator.tree.with_name("older"))

    administrator.publish("block")
    host.update()
    assert host.refuses(), "one update did not bring the ban"
    steady = len(server.requests())
    host.update()
    assert [path for path, _ in server.requests()[steady:]] == ["/metadata/2.root.json", "/metadata/timestamp.json"]

    server.stop()
    still_blocks(host, host.update(expected=1), "localhost")
    assert "localhost" in host.shown_status(), "status does not tell of the server that does not answer"

    good = administrator.tree.with_name("good")
    administrator.tree.rename(good)
    administrator.tree.with_name("older").rename(administrator.tree)
    server.start()
    still_blocks(host, host.update(expected=1), "timestamp.json", "version")
    shutil.rmtree(administrator.tree)
    good.rename(administrator.tree)
    host.update()

    administrator.publish("warn")
    newest = max(administrator.tree.glob("metadata/*.targets.json"), key=lambda path: int(path.name.split(".")[0]))
    signed = newest.read_bytes()
    newest.write_bytes(signed.replace(b'"version": ', b'"version":  ').replace(b"policy.yaml", b"policy.yamI"))
    still_blocks(host, host.update(expected=1), newest.name)
    newest.write_bytes(signed)
    content = next(administrator.tree.glob("targets/policy/*.policy.yaml"))
    for one in administrator.tree.glob("targets/policy/*.policy.yaml"):
        content = max(content, one, key=lambda path: path.stat().st_mtime)
    policy = content.read_bytes()
    content.write_bytes(policy.replace(b"action: warn", b"action: log "))
    still_blocks(host, host.update(expected=1), "policy.yaml")
    content.write_bytes(policy)
    host.update()
    assert not host.refuses(), "a policy that only warns was published, and the server is well again"


def test_a_frozen_server_leaves_the_policy_in_force_and_status_says_since_when(world):
    administrator, _, host = world
    administrator.publish("block")
    administrator.run("repo", "refresh", str(administrator.tree), "--expires", f"{FROZEN_AFTER_SEC}s")
    host.update()
    assert host.refuses()
    time.sleep(FROZEN_AFTER_SEC)
    still_blocks(host, host.update(expected=1), "timestamp.json", "expired")
    wait_until(lambda: "stale since" in host.shown_status().lower(), what="status: stale since")
    assert host.refuses()
    reasons = [r["detail"] for r in host.agent.records("policy") if r["outcome"] == "rejected"]
    assert any("timestamp" in reason for reason in reasons), reasons
    administrator.run("repo", "refresh", str(administrator.tree))
    host.update()
    assert "stale" not in host.shown_status().lower()
