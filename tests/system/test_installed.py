"""Programs of packages that the host's package manager installed: known by its database, as it is now. The database is
a made-up one, laid over the machine's own in the tests' mount namespace."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.agent import Agent, wait_until
from support.launch import launch
from support.software import copy_program, write_policy_text

pytestmark = pytest.mark.root

DATABASE = Path("/var/lib/dpkg")
SYSTEM = re.search(r'^ID="?([a-z0-9._-]+)', Path("/etc/os-release").read_text(), re.MULTILINE).group(1)
PACKAGE = f"{SYSTEM}/torrentbox"
POLICY = f"""\
proscribe: 1
policy: {{name: packages, owner: Information Security}}
software:
  - id: torrents
    name: Torrent clients
    is:
      - purl: pkg:deb/{PACKAGE}
rules:
  - id: T-1
    software: torrents
    versions: vers:deb/<1:3.0
    risk: low
    reason: {{en: Not permitted.}}
    action: block
"""


class Packages:
    """A made-up database, changed in the order in which dpkg does it."""

    def __init__(self):
        self.status = {}
        (DATABASE / "info").mkdir()
        self._write()

    def install(self, name, version, *paths, state="install ok installed"):
        (DATABASE / "info" / f"{name}.list").write_text("".join(f"{path}\n" for path in paths))
        self.status[name] = f"Package: {name}\nStatus: {state}\nArchitecture: all\nVersion: {version}\n\n"
        self._write()

    def remove(self, name):
        del self.status[name]
        self._write()

    def _write(self):
        (DATABASE / "status-new").write_text("".join(self.status.values()))
        (DATABASE / "status-new").rename(DATABASE / "status")


@pytest.fixture
def packages():
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "made-up", str(DATABASE)], check=True)
    yield Packages()
    subprocess.run(["umount", "--lazy", str(DATABASE)], check=True)


@pytest.fixture
def folder(scratch):
    """Where packages put programs: only root can change anything there."""
    os.chmod(scratch, 0o755)
    return scratch


@pytest.fixture
def policy(directory):
    write_policy_text(directory / "policy", POLICY)
    return directory / "policy"


@pytest.fixture
def tool(folder):
    return copy_program("/bin/true", folder / "tool")


def runs(path):
    done = launch(path)
    assert done.error in (0, 1), done
    return done.error == 0 and done.status == 0


def test_programs_of_a_listed_package_are_refused_and_no_others(packages, build, directory, folder, policy, tool):
    other = copy_program("/bin/true", folder / "other")
    packages.install("torrentbox", "1:2.9-1", "/.", folder, tool, f"{folder}/missing")
    packages.install("otherbox", "1:2.9-1", other)
    with Agent(build, directory, policy, [folder]) as agent:
        assert launch(tool).refused
        assert runs(other)
        record = agent.wait_for_records()[0]
        assert json.loads(agent.ctl("status", "--json").stdout)["installed"] == {"packages": 1, "files": 1, "unread": 0}
        assert "1 of the listed packages, with 1 files\n" in agent.ctl("status").stdout
        assert (record["evidence"], record["version"]) == ("package", "1:2.9-1"), record


def test_a_version_that_no_rule_holds_runs(packages, build, directory, folder, policy, tool):
    packages.install("torrentbox", "1:3.0-1", tool)
    with Agent(build, directory, policy, [folder]):
        assert runs(tool)


def test_what_is_installed_while_the_agent_runs_is_known_soon(packages, build, directory, folder, policy, tool):
    with Agent(build, directory, policy, [folder]) as agent:
        for _ in range(3):  # the kernel does not even ask any more
            assert runs(tool)
        packages.install("torrentbox", "1:2.9-1", tool)
        wait_until(lambda: not runs(tool), 10, "the first refusal")
        packages.install("torrentbox", "1:3.0-1", tool)
        wait_until(lambda: runs(tool), 10, "a launch of the upgraded version")
        packages.install("torrentbox", "1:2.9-1", tool, state="hold ok installed")
        wait_until(lambda: not runs(tool), 10, "a refusal of the version on hold")
        packages.remove("torrentbox")
        wait_until(lambda: runs(tool), 10, "a launch of what belongs to no package")
        assert "Of the packages that the policy lists, 1 are installed, with 1 files" in agent.said()


def test_a_policy_is_in_force_together_with_its_packages(packages, build, directory, folder, policy, tool):
    packages.install("torrentbox", "1:2.9-1", tool)
    write_policy_text(policy, POLICY.replace(PACKAGE, f"{SYSTEM}/nothing"))
    with Agent(build, directory, policy, [folder]) as agent:
        assert runs(tool)
        write_policy_text(policy, POLICY)
        done = agent.ctl("policy", "reload")
        assert done.returncode == 0, done.stderr
        assert launch(tool).refused


def test_a_user_cannot_have_programs_taken_for_a_package(packages, build, directory, folder, policy):
    """A package's path through a folder that others can write to proves nothing."""
    shared = folder / "shared"
    shared.mkdir()
    os.chmod(shared, 0o1777)
    program = copy_program("/bin/true", folder / "program")
    os.link(program, shared / "tool")
    (shared / "link").symlink_to(folder)
    packages.install("torrentbox", "1:2.9-1", shared / "tool", shared / "link" / "program")
    with Agent(build, directory, policy, [folder]):
        assert runs(program)


def test_what_cannot_be_read_is_said(packages, build, directory, folder, policy, tool):
    packages.install("torrentbox", "1:2.9-1", tool)
    (DATABASE / "info" / "torrentbox.list").unlink()
    with Agent(build, directory, policy, [folder]) as agent:
        assert "torrentbox.list cannot be read" in agent.said()
        assert "not all could be read" in agent.ctl("status").stdout
        assert runs(tool)


def test_identify_and_check_know_it_offline(packages, build, policy, tool):
    packages.install("torrentbox", "1:2.9-1", tool)
    done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", policy, tool],
                          capture_output=True, text=True, check=False, timeout=60)
    found = json.loads(done.stdout)["files"][0]["packages"][0]
    assert (found["type"], found["name"], found["version"]) == ("deb", PACKAGE, "1:2.9-1"), found
    assert found["told_by"] == "dpkg"
    done = subprocess.run([build / "proscribectl", "check", "--policy", policy, tool],
                          capture_output=True, text=True, check=False, timeout=60)
    assert "would be blocked" in done.stdout, done.stdout + done.stderr
