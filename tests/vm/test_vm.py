"""Proscribe as installed, on a whole machine: a booted Debian 12 with marks on its own root filesystem."""

import concurrent.futures
import dataclasses
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from support.software import REASON, copy_program, install_package, write_policy

pytestmark = [pytest.mark.vm, pytest.mark.timeout(900)]

TOP = Path(__file__).resolve().parents[2]
BOOT = TOP / "tests/vm/boot"
UNIT = "usr/lib/systemd/system/proscribed.service"


@dataclasses.dataclass
class Section:
    status: int
    seconds: int
    text: str


class Guest:
    """What one boot had to say."""

    def __init__(self, folder):
        environment = {**os.environ, "VM_TIMEOUT": "400", "VM_CONSOLE": str(folder / "console")}
        done = subprocess.run([str(BOOT), str(folder / "disk")], capture_output=True, text=True, errors="replace",
                              env=environment, check=False)
        self.output = done.stdout
        assert done.returncode == 0, f"{done.stderr}\n{done.stdout[-3000:]}"
        self.sections = {}
        for head, text in re.findall(r"^### (.*)\n((?:(?!### ).*\n?)*)", done.stdout.replace("\r\n", "\n"), re.MULTILINE):
            name, status, seconds = head.split()
            self.sections[name] = Section(int(status), int(seconds), text.strip("\n"))

    def __getitem__(self, name):
        return self.sections[name]

    def lines(self, name):
        return set(self[name].text.splitlines())


def missing_commands():
    needed = ("qemu-system-x86_64", "mke2fs", "dpkg-deb", "mmdebstrap", "busybox", "cpio", "lz4")
    return [c for c in needed if not shutil.which(c, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]


def make_package(folder):
    """A small .deb with a script, a program and a maintainer script of its own."""
    tree = folder / "local-tool"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("Package: local-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody "
                                         "<nobody@example.com>\nDescription: stands for any package\n")
    (tree / "DEBIAN/postinst").write_text("#!/bin/sh\nset -e\necho configured >/var/lib/local-tool\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    (tree / "usr/bin/local-tool").write_text("#!/bin/sh\ncat /var/lib/local-tool\n")
    (tree / "usr/bin/local-tool").chmod(0o755)
    return tree


def pack_root(root, target):
    def owned_by_root(info):
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info
    with tarfile.open(target, "w") as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(root)), recursive=False, filter=owned_by_root)


def prepare(folder, build, enabled):
    """A disk for boot: what `make install` installs, software to launch, and a policy that blocks some of it."""
    disk, root = folder / "disk", folder / "root"
    disk.mkdir(parents=True)
    shutil.copy(TOP / "tests/vm/guest.sh", disk / "run.sh")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", make_package(folder), disk / "local-tool.deb"], check=True,
                   capture_output=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    install = subprocess.run(["make", "-C", TOP, "install", f"B={os.path.relpath(build, TOP)}", f"DESTDIR={root}",
                              "PREFIX=/usr"], capture_output=True, text=True, env=environment, check=False)
    assert install.returncode == 0, install.stdout + install.stderr
    for version, name in (("2.1.91", "banned"), ("2.1.90", "allowed")):
        install_package(root / "opt" / name, version)
    tool = copy_program("/bin/true", root / "opt/tool", extra=b"unwanted")
    policies = root / "etc/proscribe/policy.d"
    shutil.rmtree(policies, ignore_errors=True)
    policies.parent.mkdir(parents=True, exist_ok=True)
    write_policy(policies, elf=tool)
    write_policy(root / "opt/policy-next")
    text = (root / "opt/policy-next/policy.yaml").read_text()
    (root / "opt/policy-next/policy.yaml").write_text(text.replace(">=2.1.91", ">=2.1.80"))
    if enabled:
        wants = root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / "proscribed.service").symlink_to(f"/{UNIT}")
    pack_root(root, disk / "root.tar")
    return folder


@pytest.fixture(scope="module")
def boots(build, tmp_path_factory):
    missing = missing_commands()
    if missing:
        pytest.skip(f"no vm: {', '.join(missing)} not installed (make deps)")
    if os.geteuid() != 0 and not list(Path.home().glob(".cache/proscribe-vm/*/complete")):
        pytest.skip("no vm: making its image the first time needs root")
    subprocess.run([str(BOOT), "--build"], check=True)
    folders = [prepare(tmp_path_factory.mktemp("vm"), build, enabled) for enabled in (True, False)]
    with concurrent.futures.ThreadPoolExecutor() as both:
        with_agent, without = both.map(Guest, folders)
    (build / "tests/vm-guest.txt").write_text(with_agent.output)
    return with_agent, without


@pytest.fixture
def guest(boots):
    return boots[0]


@pytest.fixture
def plain(boots):
    """The same machine with Proscribe installed but not enabled."""
    return boots[1]


def test_the_service_runs_with_a_watchdog(guest):
    assert guest["active"].text == "active"
    assert "Type=notify" in guest["properties"].text
    assert "NRestarts=0" in guest["properties"].text and "NoNewPrivileges=yes" in guest["properties"].text
    assert not re.search(r"WatchdogUSec=(0|infinity)$", guest["properties"].text, re.MULTILINE)


def test_the_root_filesystem_is_watched(guest):
    assert "fanotify sdev:" in guest["marks"].text
    assert guest["status"].status == 0 and "ext4" in guest["status"].text


def test_everything_else_of_the_boot_goes_on(guest, plain):
    assert guest.lines("failed-units") == plain.lines("failed-units")
    assert guest.lines("failed-units-later") == plain.lines("failed-units")
    missing = {u for u in plain.lines("active-units") - guest.lines("active-units") if not u.endswith((".device", ".scope"))}
    assert missing == set()


@pytest.mark.parametrize("name", ["banned-link", "banned-path", "banned-elf", "banned-after-kill", "banned-after-hang"])
def test_an_employees_banned_launch_is_refused_and_explained(guest, name):
    shown = guest[name].text
    assert "status=126" in shown, shown
    assert ("Unwanted Tool" if name == "banned-elf" else "Example Assistant") in shown, shown
    assert "proscribectl why" in shown, shown
    if name != "banned-elf":
        assert REASON.split(":")[0] in shown


def test_an_allowed_version_runs_without_a_word(guest):
    assert "ran /opt/allowed" in guest["allowed"].text
    assert "status=0" in guest["allowed"].text and "Example Assistant" not in guest["allowed"].text


@pytest.mark.parametrize("name", ["login-su", "login-runuser"])
def test_logging_in_goes_on(guest, plain, name):
    assert guest[name].status == 0 and guest[name].text == plain[name].text == "employee\n/home/employee"


def test_installing_a_package_goes_on(guest, plain):
    for boot in (plain, guest):
        assert boot["install"].status == 0, boot["install"].text
        assert boot["installed"].text == "configured"
    assert guest["script-by-root"].text == "fine"


def test_the_refusals_are_in_the_ledger(guest):
    assert guest["export"].status == 0
    lines = [json.loads(line) for line in guest["export"].text.splitlines()]
    refused = [line for line in lines if line["unmapped"].get("outcome") == "refused"]
    assert [line["unmapped"]["rules"] for line in refused] == [["T-1"], ["T-1"], ["T-2"]]
    assert {line["process"]["user"]["name"] for line in refused} == {"employee"}
    assert refused[0]["unmapped"]["purl"] == "pkg:npm/%40example-vendor/assistant@2.1.91"


def test_the_refusals_are_in_the_journal(guest):
    entries = [json.loads(line) for line in guest["journal"].text.splitlines()]
    refusals = [e for e in entries if e.get("MESSAGE_ID") and "T-1" in str(e)]
    assert len(refusals) >= 2, [e.get("MESSAGE") for e in entries]
    assert len({e["MESSAGE_ID"] for e in refusals}) == 1


def test_why_explains_a_refusal_to_root(guest):
    assert guest["why"].status == 0 and "T-1" in guest["why"].text


def test_the_agent_is_on_the_system_bus(guest):
    assert "org.proscribe.Agent1" in guest["system-bus"].text


def test_a_killed_agent_is_back_at_once(guest):
    assert guest["kill"].status == 0, guest["own-messages"].text


def test_an_agent_that_hangs_is_ended_by_the_watchdog(guest):
    assert guest["hang"].status == 0 and "uid=0" in guest["hang"].text
    assert guest["hang"].seconds < 60
    assert guest["after-hang"].status == 0


def test_an_enrolled_host_takes_the_signed_policy(guest):
    assert guest["publish"].status == 0, guest["publish"].text
    assert guest["enroll"].status == 0, guest["enroll"].text
    assert guest["signed-status"].status == 0
    assert "was not started" in guest["banned-by-signed-policy"].text, guest["banned-by-signed-policy"].text


def test_the_update_service_runs_as_its_own_user_in_its_sandbox(guest, record_property):
    said = guest["update-messages"].text
    assert guest["update-service"].status == 0, said
    assert "file:///srv/list: updated" in said, said
    assert guest["update-timer"].status == 0
    assert guest["update-state"].text == "proscribe-update 750"
    overall = re.search(r"Overall exposure level.*?: ([0-9.]+) .*", guest["update-security"].text)
    assert overall, guest["update-security"].text
    record_property("note", "proscribe-update: " + overall.group(0))
    assert float(overall.group(1)) <= 2.5


def test_the_signed_policy_is_in_force_at_once_after_a_restart(guest):
    assert guest["restart"].status == 0
    assert guest["status-after-restart"].status == 0
    assert "was not started" in guest["banned-after-restart"].text


def test_stopping_it_releases_every_mark(guest):
    assert guest["stop"].status == 0
    assert guest["marks-after-stop"].text == ""
    assert "ran /opt/banned" in guest["banned-after-stop"].text
    assert guest["processes-after-stop"].text == ""


def test_the_unit_is_hardened(guest, record_property):
    overall = re.search(r"Overall exposure level.*?: ([0-9.]+) .*", guest["security"].text)
    assert overall, guest["security"].text
    record_property("note", overall.group(0))
    assert float(overall.group(1)) <= 5.5
