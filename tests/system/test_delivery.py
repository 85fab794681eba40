"""Signed policy from the update folder to the gate: what is accepted, what is refused, what stays in force then, and what
is in force again after a restart."""

import errno
import fcntl
import hashlib
import os
import random
import shutil
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.agent import Agent, wait_until
from support.dbus_wire import Wire
from support.enrolled import EnrolledAgent, Updates, signed_policy
from support.launch import EMPLOYEE_UID, launch
from support.software import install_package, write_policy, write_policy_text
from support.tuf_repository import Signer, TufRepository

pytestmark = pytest.mark.root

BROKEN = "proscribe: 1\npolicy: {name: x, owner: y}\nsoftwear: []\n"


@pytest.fixture
def source(directory):
    return write_policy(directory / "source")


@pytest.fixture
def repo(source):
    return signed_policy(source)


@pytest.fixture
def banned(scratch):
    return install_package(scratch, "2.1.91")[0]


@pytest.fixture
def enrolled(build, directory, scratch, repo):
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    with agent:
        agent.wait_for_policy("applied", "targets 2")
        yield agent


def publish(repo, source, **options):
    write_policy(source, **options)
    repo.add_folder(source)
    repo.publish()


# ---- accepted ----

def test_what_is_fetched_comes_into_force_and_what_follows_replaces_it(enrolled, repo, source, banned):
    assert launch(banned).refused
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    detail = enrolled.wait_for_policy("applied", "targets 2 to 3")[0]
    assert "snapshot 2 to 3" in detail and "timestamp 2 to 3" in detail
    assert not launch(banned).refused
    status = enrolled.status()
    assert status["enrolled"] and status["updates"]["targets_version"] == 3
    assert enrolled.ctl("status").returncode == 0


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_every_kind_of_key_is_verified_in_the_sandbox(build, directory, scratch, source, banned, kind):
    repo = signed_policy(source, kind=kind)
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    with agent:
        agent.wait_for_policy("applied")
        assert launch(banned).refused


def test_who_signed_what_is_told(build, directory, scratch, source, banned):
    (source / "team-a.yaml").write_text("software:\n  - {id: x, name: X, is: [{purl: pkg:npm/x}]}\n"
                                        "rules:\n  - {id: TEAM, software: x, reason: No., action: block}\n")
    repo = TufRepository(published=False)
    repo.root.rotate(Signer(owner="Ada Root"), Signer(owner="Bea Root"), threshold=2)
    repo.root.leaving = []
    repo.targets.rotate(Signer(owner="Cleo Targets"))
    team = repo.delegate("team-a.root", paths=["policy/team-*"], signers=[Signer(owner="Dan of Team A")])
    repo.add_folder(source, owners={"policy/team-*": "team-a.root"})
    repo.publish()
    assert team.version == 1
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    with agent:
        detail = agent.wait_for_policy("applied")[0]
        assert "signed by root: " in detail and "Ada Root" in detail and "Bea Root" in detail
        assert "targets: Cleo Targets" in detail and "team-a.root: Dan of Team A" in detail
        signers = {(s["role"], s.get("owner")) for s in agent.status()["updates"]["signers"]}
        assert signers == {("root", "Ada Root"), ("root", "Bea Root"), ("targets", "Cleo Targets"), ("team-a.root", "Dan of Team A")}
        assert "Dan of Team A" in agent.ctl("status").stdout
        assert agent.status()["policy"]["rules"] == 3


def test_new_signatures_alone_are_taken_and_change_nothing(enrolled, repo):
    loaded = enrolled.status()["policy"]["loaded"]
    repo.publish("timestamp")
    enrolled.updates.put(repo)
    wait_until(lambda: enrolled.status()["updates"]["timestamp_version"] == 3, what="the new timestamp")
    assert enrolled.status()["policy"]["loaded"] == loaded
    assert len(enrolled.policy_records()) == 1


def test_a_rotated_root_is_followed(enrolled, repo, source, banned):
    for _ in range(3):
        repo.root.rotate()
        repo.publish()
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "root 1 to 4")
    assert not launch(banned).refused


@pytest.mark.timeout(300)
def test_a_thousand_roots_are_followed_in_steps(enrolled, repo, source, banned):
    for _ in range(999):
        repo.publish("root")
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    wait_until(lambda: enrolled.status()["updates"]["root_version"] == 1000, 60, "root 1000")
    assert not launch(banned).refused


def test_the_policy_folder_does_not_count_on_an_enrolled_host(enrolled, banned):
    write_policy(enrolled.policy, action="log")
    assert enrolled.ctl("policy", "reload").returncode == 0
    assert launch(banned).refused


# ---- refused: nothing changes, it is recorded once, and the next good one counts ----

def forge(repo):
    repo.targets.signers = [Signer()]


def newer(change):
    """A new version of everything with @change before it is published."""
    def bend(repo, source):
        write_policy(source, action="log")
        repo.add_folder(source)
        change(repo)
        repo.publish()
    return bend


def bent_file(name, change):
    """A new version, of which the file of the role @name is not what was signed."""
    def bend(repo, source):
        publish(repo, source, action="log")
        repo.put_current(name, change(repo.current(name)))
    return bend


def bent_target(change):
    def bend(repo, source):
        publish(repo, source, action="log")
        digest = repo.targets.signed["targets"]["policy/policy.yaml"]["hashes"]["sha256"]
        path = f"targets/policy/{digest}.policy.yaml"
        content = change(repo.files[path])
        if content is None:
            del repo.files[path]
        else:
            repo.files[path] = content
    return bend


def rolled_back(repo, source):
    repo.timestamp.follow = False
    repo.timestamp.signed["version"] = 1
    repo.put("metadata/timestamp.json", repo.timestamp.envelope())


def mixed(repo, source):
    old = repo.current("targets")
    publish(repo, source, action="log")
    repo.put_current("targets", old)


def strange_target(repo):
    repo.add_target("policy/readme.txt", b"hello")


def no_policy(repo):
    repo.targets.signed["targets"].clear()
    repo.add_target("other/file", b"x")


BENT = {
    "signed by nobody who may": (newer(forge), ["targets.json (role targets)", "signed by 0 of"]),
    "expired": (newer(lambda repo: repo.targets.expire(days=-1)), ["targets.json (role targets)", "expired"]),
    "a timestamp expired": (newer(lambda repo: repo.timestamp.expire(days=-1)), ["timestamp.json", "expired"]),
    "malformed": (bent_file("targets", lambda b: b[:-2]), ["targets.json (role targets)"]),
    "no JSON at all": (bent_file("snapshot", lambda b: b"\0" * 100), ["snapshot.json (role snapshot)"]),
    "empty": (bent_file("timestamp", lambda b: b""), ["timestamp.json (role timestamp)"]),
    "cut short": (bent_file("timestamp", lambda b: b[:len(b) // 2]), ["timestamp.json (role timestamp)"]),
    "changed behind the signature": (bent_file("targets", lambda b: b.replace(b'"length": ', b'"length": 1')),
                                     ["targets.json (role targets)"]),
    "too large": (bent_file("timestamp", lambda b: b + b" " * 20000), ["timestamp.json (role timestamp)", "16384"]),
    "rolled back": (rolled_back, ["timestamp.json (role timestamp)", "version 1"]),
    "mixed": (mixed, ["targets.json (role targets)", "version"]),
    "a file substituted": (bent_target(lambda b: b.replace(b"block", b"allow").replace(b"log", b"LOG")),
                           ["policy/policy.yaml (role targets)"]),
    "a longer file": (bent_target(lambda b: b + b"#"), ["policy/policy.yaml (role targets)", "signed"]),
    "a shorter file": (bent_target(lambda b: b[:-1]), ["policy/policy.yaml (role targets)", "signed"]),
    "a file missing": (bent_target(lambda b: None), ["policy/policy.yaml (role targets)", "not among"]),
    "a file that is none of a policy's": (newer(strange_target), ["policy/readme.txt (role targets)", "NAME.yaml"]),
    "no policy at all": (newer(no_policy), ["policy/policy.yaml (role targets)"]),
}


@pytest.mark.parametrize("name", BENT)
def test_what_is_wrong_is_refused_and_the_earlier_policy_stays(enrolled, repo, source, banned, name):
    bend, words = BENT[name]
    bend(repo, source)
    enrolled.updates.put(repo)
    detail = enrolled.wait_for_policy("rejected")[0]
    for word in [*words, "policy test-policy (targets version 2) stays in force"]:
        assert word in detail
    assert launch(banned).refused
    status = enrolled.ctl("status")
    assert status.returncode == 1 and "refused" in status.stdout
    assert words[0].split(" ")[0] in status.stdout
    answer = enrolled.update()
    assert answer["error"] == "org.proscribe.Error.PolicyRejected" and words[0] in answer["refused"]
    time.sleep(1.1)  # some of these words tell the time
    enrolled.updates.report()
    assert enrolled.update()["error"] == "org.proscribe.Error.PolicyRejected"
    assert len(enrolled.policy_records()) == 2  # the same again and again is told once


def test_a_good_one_after_a_bad_one_is_taken(enrolled, repo, source, banned):
    good = dict(repo.files)
    publish(repo, source, action="log")
    better = dict(repo.files)
    repo.put_current("targets", repo.current("targets")[:-1])
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("rejected")
    repo.files = better
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2 to 3")
    assert not launch(banned).refused
    assert enrolled.ctl("status").returncode == 0
    repo.files = good
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("rejected", "timestamp")
    assert not launch(banned).refused


def test_a_policy_with_errors_is_refused_however_well_it_is_signed(enrolled, repo, source, banned):
    write_policy_text(source, BROKEN)
    repo.add_folder(source)
    repo.publish()
    enrolled.updates.put(repo)
    detail = enrolled.wait_for_policy("rejected")[0]
    assert "policy.yaml:3:1" in detail and "softwear" in detail and "(targets version 2) stays in force" in detail
    assert launch(banned).refused
    status = enrolled.ctl("status")
    assert status.returncode == 1 and "policy.yaml:3:1" in status.stdout
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2 to 4")
    assert not launch(banned).refused


def in_place_of(path, make):
    path.unlink()
    make(path)


STRANGE = {
    "a FIFO": os.mkfifo,
    "a link": lambda path: path.symlink_to("/etc/passwd"),
    "a folder": Path.mkdir,
    "a device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5)),
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("pattern", ["metadata/3.targets.json", "targets/policy/*.policy.yaml"])
def test_what_is_no_file_is_not_read_and_holds_nothing_up(enrolled, repo, source, banned, name, pattern):
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    for path in list(enrolled.updates.mirror.glob(pattern)):
        in_place_of(path, STRANGE[name])
    enrolled.updates.report()
    assert "regular file" in enrolled.wait_for_policy("rejected")[0]
    assert launch(banned).refused


def test_a_lease_holds_nothing_up(enrolled, repo, source, banned):
    """Whoever opens a file with such a lease waits, if it is opened in the usual way."""
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    path = next(enrolled.updates.mirror.glob("targets/policy/*.policy.yaml"))
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        with open(path, "r+b") as file:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            started = time.monotonic()
            enrolled.update()
            assert time.monotonic() - started < 10
    finally:
        signal.signal(signal.SIGIO, before)
    enrolled.update()
    assert not launch(banned).refused


@pytest.mark.parametrize("folder", ["metadata", "targets/policy"])
def test_a_folder_with_too_much_in_it_is_not_looked_at(enrolled, repo, source, banned, folder):
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    for i in range(300):
        (enrolled.updates.mirror / folder / f"{i + 1000}.x.json").touch()
    enrolled.updates.report()
    assert "too much" in enrolled.wait_for_policy("rejected")[0]
    assert launch(banned).refused


def test_a_file_that_changes_while_it_is_read_is_never_compiled_unsigned(enrolled, repo, source, banned):
    """The list and one of the same length that names nothing take turns; whichever is read, only the signed one counts."""
    (source / "lists").mkdir()
    lines = [f"{hashlib.sha256(str(i).encode()).hexdigest()} {i + 1}\n" for i in range(20000)]
    signed = "".join(lines).encode()
    other = b"#" + signed[1:]
    text = (source / "policy.yaml").read_text()
    write_policy_text(source, text.replace("rules:", "  - {id: listed, name: L, is: [{list: lists/l.txt}]}\nrules:", 1))
    (source / "lists/l.txt").write_bytes(signed)
    repo.add_folder(source)
    repo.publish()
    enrolled.updates.put(repo, report=False)
    victim = next(enrolled.updates.mirror.glob("targets/policy/lists/*.l.txt"))
    done = threading.Event()

    def flip():
        with open(victim, "r+b", buffering=0) as file:
            while not done.is_set():
                for content in (other, signed):
                    file.seek(0)
                    file.write(content)
    thread = threading.Thread(target=flip)
    thread.start()
    try:
        answers = [enrolled.update() for _ in range(20)]
    finally:
        done.set()
        thread.join()
    victim.write_bytes(signed)
    for answer in answers:
        assert answer.get("version") == 3 or "lists/l.txt (role targets)" in answer["refused"]
    assert enrolled.update()["version"] == 3
    assert enrolled.status()["policy"]["hashes"] == 20001
    assert launch(banned).refused


# ---- what proscribe-update says ----

def test_a_refusal_of_the_updater_is_recorded_once_and_an_unreachable_server_never(enrolled, banned):
    report = enrolled.updates.report
    report(error=-errno.EHOSTUNREACH, message="list.example.com does not answer", failures=3)
    wait_until(lambda: enrolled.status()["updates"].get("failures") == 3, what="the report")
    text = enrolled.ctl("status")
    assert text.returncode == 0 and "does not answer" in text.stdout and "3 times" in text.stdout
    report(error=-errno.EKEYREJECTED, message="has 0 of 1 good signatures", file="5.targets.json", role="targets")
    detail = enrolled.wait_for_policy("rejected")[0]
    assert "proscribe-update: 5.targets.json (role targets): has 0 of 1" in detail and "stays in force" in detail
    assert enrolled.ctl("status").returncode == 1
    for failures in (2, 3):
        report(error=-errno.EKEYREJECTED, message="has 0 of 1 good signatures", file="5.targets.json", role="targets",
               failures=failures)
        wait_until(lambda: enrolled.status()["updates"].get("failures") == failures, what="the report")
    assert len(enrolled.policy_records()) == 2
    report()
    wait_until(lambda: enrolled.ctl("status").returncode == 0, what="a status without a problem")
    report(error=-errno.EKEYREJECTED, message="has 0 of 1 good signatures", file="5.targets.json", role="targets")
    enrolled.wait_for_policy("rejected", count=2)
    assert launch(banned).refused


@pytest.mark.parametrize("raw", [b"", b"x", b"\xff" * 4792, b"\0" * 4792, b"\0" * 4793], ids=len)
def test_a_report_that_makes_no_sense_is_not_believed(enrolled, repo, source, banned, raw):
    enrolled.updates.report(raw=raw)
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    assert enrolled.update()["changed"]
    assert "repository" not in enrolled.status()["updates"]
    assert not launch(banned).refused


def test_texts_of_the_report_do_not_steer_a_terminal(enrolled):
    enrolled.updates.report(error=-errno.EBADMSG, message="\x1b[2J\u202ebad\nState: fine", file="\x1b]0;x\x07")
    enrolled.wait_for_policy("rejected")
    for text in (enrolled.ctl("status").stdout, enrolled.ctl("log").stdout, enrolled.said()):
        assert "\x1b" not in text and "\u202e" not in text
        assert not any(line.startswith("State: fine") for line in text.split("\n"))


def test_a_folder_that_is_being_changed_is_looked_at_when_that_is_done(enrolled, repo, source, banned):
    publish(repo, source, action="log")
    with open(enrolled.updates.folder / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        repo.write(enrolled.updates.mirror)
        enrolled.updates.report()
        answer = enrolled.update()
        assert answer["error"] == "org.proscribe.Error.Busy" and "at work" in answer["refused"]
        assert launch(banned).refused
    enrolled.wait_for_policy("applied", "targets 2 to 3")
    assert len(enrolled.policy_records()) == 2


def test_a_folder_that_goes_and_comes_back_is_noticed(enrolled, repo, source, banned):
    shutil.rmtree(enrolled.updates.folder)
    assert "not fetched anything" in enrolled.update()["refused"]
    assert launch(banned).refused
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2 to 3")


# ---- the method Update ----

def test_update_says_what_came_of_it(enrolled, repo, source):
    first = enrolled.update()
    assert first == {"changed": False, "policy": "test-policy", "digest": enrolled.status()["policy"]["digest"], "version": 2}
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    second = enrolled.update()
    assert second["changed"] and second["version"] == 3 and second["digest"] != first["digest"]


def test_many_updates_at_once_are_all_answered(enrolled, repo, source):
    publish(repo, source, action="log")
    enrolled.updates.put(repo, report=False)
    wires = [Wire(enrolled.socket) for _ in range(10)]
    for wire in wires:
        wire.send("Update")
        wire.send("Update")
    for wire in wires:
        assert wire.answer()[2] is None and wire.answer()[2] is None
        wire.close()
    assert enrolled.status()["updates"]["targets_version"] == 3


def test_a_client_that_goes_away_spoils_nothing(enrolled, repo, source):
    for _ in range(5):
        with Wire(enrolled.socket) as wire:
            wire.send("Update")
    assert enrolled.update()["version"] == 2


def test_only_root_may_ask_for_it(enrolled, directory):
    script = (f"import sys; sys.path.insert(0, {str(directory)!r})\nfrom support.dbus_wire import Wire\n"
              f"with Wire({str(enrolled.socket)!r}) as wire:\n    print(wire.call('Update'))")
    shutil.copytree(Path(__file__).resolve().parent.parent / "support", directory / "support",
                    ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups",
                           "/usr/bin/python3", "-B", "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == "org.proscribe.Error.AccessDenied", done.stderr


def test_a_host_that_is_not_enrolled_says_so(agent):
    with Wire(agent.socket) as wire:
        assert wire.call("Update") == "org.proscribe.Error.NotFound"


# ---- enrolment ----

def test_an_enrolled_host_without_a_policy_says_loudly_that_nothing_is_enforced(build, directory, scratch, repo, banned):
    write_policy(directory / "policy.d")
    with EnrolledAgent(build, directory, [scratch], repo) as agent:
        assert "NOTHING is enforced" in agent.said()
        assert not launch(banned).refused
        status = agent.ctl("status")
        assert status.returncode == 1
        assert "none in force" in status.stdout and "not fetched anything" in status.stdout
        agent.updates.put(repo)
        assert agent.update()["changed"]
        assert launch(banned).refused


def test_a_host_is_enrolled_while_the_agent_runs(build, directory, scratch, repo, banned):
    write_policy(directory / "policy.d", action="log")
    agent = EnrolledAgent(build, directory, [scratch])
    with agent:
        assert not launch(banned).refused
        agent.anchor.write_bytes(repo.first_root)
        agent.updates.put(repo)
        assert agent.update()["changed"]
        assert launch(banned).refused
        assert agent.status()["enrolled"]


@pytest.mark.parametrize("spoil, words", [
    (lambda anchor: anchor.chmod(0o666), ["can be written by others"]),
    (lambda anchor: os.chown(anchor, EMPLOYEE_UID, 0), [f"belongs to user {EMPLOYEE_UID}"]),
    (lambda anchor: anchor.parent.chmod(0o777), ["can be written by others"]),
    (lambda anchor: (anchor.rename(anchor.with_name("x")), anchor.symlink_to("x")), ["symbolic link"]),
    (lambda anchor: anchor.write_bytes(b"{}"), ["root.json"]),
    (lambda anchor: anchor.write_bytes(b"x" * 600000), ["larger"]),
], ids=["writable by all", "another user's", "in a folder writable by all", "a link", "no root", "too large"])
def test_an_anchor_that_cannot_be_trusted_gives_no_policy_at_all(build, directory, scratch, repo, banned, spoil, words):
    write_policy(directory / "policy.d")
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    spoil(agent.anchor)
    with agent:
        detail = agent.wait_for_policy("rejected")[0]
        for word in [*words, "no policy is in force"]:
            assert word in detail
        assert not launch(banned).refused
        assert agent.ctl("status").returncode == 1


def test_another_anchor_begins_afresh(enrolled, source, banned):
    other = signed_policy(write_policy(source, action="log"))
    enrolled.updates.put(other)
    enrolled.wait_for_policy("rejected")
    assert launch(banned).refused
    enrolled.anchor.write_bytes(other.first_root)
    assert enrolled.update()["changed"]
    enrolled.wait_for_policy("stale", "trust anchor is another one")
    assert not launch(banned).refused


# ---- restarts ----

def restarted(agent, prefix=()):
    agent.stop()
    agent.messages.clear()
    return agent.start(prefix)


def test_the_kept_policy_is_in_force_at_once_and_without_the_update_folder(enrolled, banned):
    wait_until(enrolled.state.exists, what="the state")
    enrolled.stop()
    shutil.rmtree(enrolled.updates.folder)
    enrolled.messages.clear()
    enrolled.start()
    assert launch(banned).refused
    status = enrolled.status()
    assert status["updates"]["targets_version"] == 2 and status["updates"]["signers"]
    assert enrolled.ctl("status").returncode == 0
    assert enrolled.kept.stat().st_mode & 0o777 == enrolled.state.stat().st_mode & 0o777 == 0o600


def test_an_unchanged_policy_is_not_compiled_at_a_start(enrolled):
    wait_until(enrolled.state.exists, what="the state")
    before = enrolled.status()["policy"]["digest"]
    restarted(enrolled)
    assert enrolled.update()["changed"] is False
    assert enrolled.status()["policy"]["digest"] == before
    assert [d for o, d in enrolled.policy_records() if "targets" in d] == [enrolled.policy_records()[0][1]]


def test_three_are_kept_and_the_damaged_ones_passed_over(enrolled, repo, source, banned):
    for i in range(3):
        publish(repo, source, action=["log", "warn", "block"][i])
        enrolled.updates.put(repo)
        enrolled.wait_for_policy("applied", f"targets {i + 2} to {i + 3}")
        wait_until(lambda: state_names(enrolled, i + 3), what="the state")
    kept = [enrolled.kept, Path(f"{enrolled.kept}.1"), Path(f"{enrolled.kept}.2")]
    assert all(k.exists() for k in kept) and not Path(f"{enrolled.kept}.3").exists()
    enrolled.stop()
    for k in kept[:2]:
        k.write_bytes(b"\0" * 100)
    shutil.rmtree(enrolled.updates.folder)
    enrolled.messages.clear()
    enrolled.start()
    assert not launch(banned).refused  # the oldest one only logs
    enrolled.updates.put(repo)
    enrolled.update()
    assert launch(banned).refused
    assert enrolled.status()["updates"]["targets_version"] == 5


@pytest.mark.parametrize("there", [True, False], ids=["with updates", "without updates"])
def test_an_image_damaged_inside_is_noticed_and_made_again(enrolled, repo, source, there):
    """At the end of the image, where nothing of its structure shows it."""
    wait_until(enrolled.state.exists, what="the state")
    enrolled.stop()
    content = bytearray(enrolled.kept.read_bytes())
    content[-8] ^= 1
    enrolled.kept.write_bytes(content)
    if not there:
        shutil.rmtree(enrolled.updates.folder)
    enrolled.messages.clear()
    enrolled.start()
    enrolled.wait_for_policy("stale", "damaged")
    if not there:
        assert "not fetched" in enrolled.update()["refused"]
        enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2", count=2)
    wait_until(lambda: enrolled.kept.read_bytes()[-8] == content[-8] ^ 1, what="a good copy")
    assert enrolled.ctl("status").returncode == 0
    assert len([1 for o, d in enrolled.policy_records() if o == "stale"]) == 1


def state_names(agent, version):
    """Once the state with the targets of @version is on disk (it is written last)."""
    return agent.status()["updates"].get("targets_version") == version and not agent.state.with_name(
        agent.state.name + ".new").exists()


@pytest.mark.parametrize("spoil", [
    lambda state: state.write_bytes(state.read_bytes()[:-1]),
    lambda state: state.write_bytes(state.read_bytes()[:-1] + b"x"),
    lambda state: state.write_bytes(b""),
    lambda state: state.chmod(0o666),
], ids=["cut", "changed", "empty", "writable by all"])
def test_a_damaged_state_is_told_and_begun_anew(enrolled, banned, spoil):
    wait_until(enrolled.state.exists, what="the state")
    enrolled.stop()
    spoil(enrolled.state)
    enrolled.messages.clear()
    enrolled.start()
    assert launch(banned).refused
    enrolled.wait_for_policy("stale", "trust begins with its anchor again")
    enrolled.wait_for_policy("applied", "targets 2", count=2)
    assert enrolled.ctl("status").returncode == 0


def test_a_crash_between_image_and_state_ends_right(enrolled, repo, source, banned):
    wait_until(enrolled.state.exists, what="the state")
    old = enrolled.state.read_bytes()
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2 to 3")
    wait_until(lambda: enrolled.state.read_bytes() != old, what="the new state")
    enrolled.stop()
    enrolled.state.write_bytes(old)
    enrolled.messages.clear()
    enrolled.start()
    assert not launch(banned).refused
    wait_until(lambda: enrolled.status()["updates"]["targets_version"] == 3, what="targets 3")
    assert enrolled.ctl("status").returncode == 0


def test_a_rollback_over_a_restart_is_refused(enrolled, repo, source, banned):
    old = dict(repo.files)
    publish(repo, source, action="block")
    repo.publish("timestamp")
    enrolled.updates.put(repo)
    wait_until(lambda: enrolled.status()["updates"]["timestamp_version"] > 2, what="the new timestamp")
    wait_until(enrolled.state.exists, what="the state")
    time.sleep(0.5)
    enrolled.stop()
    repo.files = old
    enrolled.updates.put(repo)
    enrolled.messages.clear()
    enrolled.start()
    enrolled.wait_for_policy("rejected", "timestamp.json (role timestamp)")
    assert launch(banned).refused


@pytest.mark.timeout(300)
def test_killed_at_any_moment_it_starts_with_a_policy_and_ends_at_the_newest(enrolled, repo, source, banned):
    wait_until(enrolled.state.exists, what="the state")
    for round_ in range(15):
        publish(repo, source, action=["log", "block"][round_ % 2])
        enrolled.updates.put(repo)
        time.sleep(random.random() * 0.12)
        enrolled.kill()
        enrolled.messages.clear()
        enrolled.start()
        assert enrolled.status()["policy"]["name"] == "test-policy"
        version = repo.targets.version
        wait_until(lambda: enrolled.status()["updates"].get("targets_version") == version, what=f"targets {version}")
        assert launch(banned).refused is (round_ % 2 == 1)
        assert enrolled.ctl("status").returncode == 0


# ---- time ----

def test_metadata_that_expires_leaves_the_policy_in_force_and_is_told(build, directory, scratch, repo, banned):
    repo.timestamp.expire(seconds=3)
    repo.publish()
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    with agent:
        agent.wait_for_policy("applied")
        assert agent.ctl("status").returncode == 0
        detail = agent.wait_for_policy("stale", "good until")[0]
        assert "policy test-policy (targets version 2) stays in force" in detail
        status = agent.ctl("status")
        assert status.returncode == 1 and "STALE since" in status.stdout
        assert launch(banned).refused
        restarted(agent)
        assert launch(banned).refused
        assert agent.ctl("status").returncode == 1
        repo.timestamp.expire(days=1)
        repo.publish()
        agent.updates.put(repo)
        wait_until(lambda: agent.ctl("status").returncode == 0, what="a status without a problem")
        assert len([1 for o, _ in agent.policy_records() if o == "stale"]) == 1


def test_a_clock_that_runs_behind_is_told_and_the_later_time_counts(enrolled, repo, source, banned):
    wait_until(enrolled.state.exists, what="the state")
    restarted(enrolled, ["faketime", "-f", "-400d"])
    assert launch(banned).refused
    status = enrolled.ctl("status")
    assert status.returncode == 1 and "CLOCK" in status.stdout
    assert enrolled.status()["updates"]["clock_suspect"]
    publish(repo, source, action="log")
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("applied", "targets 2 to 3")
    repo.timestamp.expire(days=-300)  # ahead of that clock, and long expired all the same
    repo.publish()
    enrolled.updates.put(repo)
    enrolled.wait_for_policy("rejected", "expired")
    assert len([1 for o, d in enrolled.policy_records() if o == "stale" and "clock" in d]) == 1
    restarted(enrolled)
    assert not enrolled.status()["updates"]["clock_suspect"]


def test_status_fits_a_narrow_terminal(enrolled):
    command = f"stty cols 40; NO_COLOR=1 {enrolled.build / 'proscribectl'} status --socket {enrolled.socket}"
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True, check=False)
    shown = done.stdout.replace("\r", "")
    part = shown[shown.index("Updates"):shown.index("Launches")]
    assert "signed by" in part
    for line in part.split("\n"):
        assert len(line) <= 40 or "://" in line, line
