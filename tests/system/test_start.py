"""Starting: what is missing or broken is named, with what to do, and nothing is changed by the attempt."""

import errno
import os
import signal
import subprocess

import pytest

from support.agent import Agent, wait_until
from support.launch import launch
from support.software import install_package, write_policy, write_policy_text

pytestmark = pytest.mark.root

BROKEN = "proscribe: 1\npolicy: {name: x, owner: y}\nsoftwear: []\n"


def start_fails(agent, prefix=()):
    """Starts it, expects that it ends with 1, and returns what it said."""
    done = subprocess.run([*prefix, *agent.command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and "ready" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("error, words", [
    (errno.EPERM, ["CAP_SYS_ADMIN", "as root"]),
    (errno.ENOSYS, ["FAN_OPEN_EXEC_PERM", "Linux 5.1"]),
    (errno.EINVAL, ["FAN_OPEN_EXEC_PERM", "Linux 5.1"]),
], ids=["not allowed to watch", "no fanotify", "fanotify without permission events"])
def test_a_kernel_that_does_not_ask_is_named(build, directory, scratch, policy, error, words):
    agent = Agent(build, directory, policy, [scratch])
    said = start_fails(agent, [build / "tests/component/tool_without_fanotify", str(error)])
    for word in words:
        assert word in said


def test_root_of_a_user_namespace_is_told_that_this_is_not_enough(build, directory, scratch, policy):
    said = start_fails(Agent(build, directory, policy, [scratch]), ["unshare", "--user", "--map-root-user"])
    assert "CAP_SYS_ADMIN" in said or "sandbox" in said


def test_a_broken_policy_with_none_before_stops_the_start(build, directory, scratch):
    policy = write_policy_text(directory / "policy", BROKEN)
    said = start_fails(Agent(build, directory, policy, [scratch]))
    assert "policy.yaml:3:1" in said and "software" in said
    assert str(policy) in said


def test_no_policy_says_how_to_get_one(build, directory, scratch):
    said = start_fails(Agent(build, directory, directory / "nowhere", [scratch]))
    assert "examples/monitor/policy.yaml" in said


def test_a_policy_broken_between_two_runs_leaves_the_last_one_in_force(build, directory, scratch, policy):
    link, _ = install_package(scratch, "2.1.91")
    with Agent(build, directory, policy, [scratch]):
        assert launch(link).refused
    write_policy_text(policy, BROKEN)
    with Agent(build, directory, policy, [scratch]) as agent:
        assert launch(link).refused
        assert "last good policy" in agent.said()
        status = agent.ctl("status")
        assert status.returncode == 1
        assert "policy.yaml:3:1" in status.stdout
        details = [r["detail"] for r in agent.records(kind="policy")]
        assert any("last good policy" in detail for detail in details)
        assert any("softwear" in detail for detail in details)


def test_a_kept_policy_that_was_tampered_with_is_not_believed(build, directory, scratch, policy):
    with Agent(build, directory, policy, [scratch]):
        pass
    kept = directory / "ledger.db.policy"
    assert kept.stat().st_mode & 0o777 == 0o600
    write_policy_text(policy, BROKEN)
    kept.chmod(0o666)
    assert "none was before" in start_fails(Agent(build, directory, policy, [scratch]))
    kept.chmod(0o600)
    kept.write_bytes(b"\0" + kept.read_bytes()[1:])
    assert "none was before" in start_fails(Agent(build, directory, policy, [scratch]))


@pytest.mark.parametrize("content", [b"this is no database\n" * 1000, b""], ids=["garbage", "empty"])
def test_an_unreadable_ledger_is_left_alone_and_launches_are_judged(build, directory, scratch, policy, content):
    link, _ = install_package(scratch, "2.1.91")
    ledger = directory / "ledger.db"
    ledger.write_bytes(content)
    with Agent(build, directory, policy, [scratch]) as agent:
        assert str(ledger) in agent.said() and "Move it away" in agent.said()
        assert launch(link).refused
        assert agent.ctl("status").returncode == 1
        assert ledger.read_bytes() == content
        ledger.rename(directory / "away")
        wait_until(ledger.exists, what="a new ledger")
        record = agent.wait_for_records()[0]  # what happened meanwhile was held
        assert record["outcome"] == "refused"


@pytest.mark.parametrize("text, words", [
    ("fail_mood: deny\n", ["1:1", "fail_mood", "fail_mode"]),
    ("inspect_timeout: 5 parsecs\n", ["1:18"]),
    ("watch: [relative]\n", ["1:9"]),
    ("inspectors: 17\n", ["1:13", "16"]),
], ids=["an unknown key", "no duration", "a relative path", "an inspector too many"])
def test_wrong_settings_stop_the_start(build, directory, scratch, policy, text, words):
    config = directory / "agent.yaml"
    config.write_text(text)
    said = start_fails(Agent(build, directory, policy, [scratch], options=["--config", str(config)]))
    for word in words:
        assert word in said
    assert str(config) in said


@pytest.mark.parametrize("mode, runs", [("allow", True), ("deny", False)])
def test_the_fail_mode_and_timeout_of_the_settings_hold(build, directory, scratch, policy, mode, runs):
    config = directory / "agent.yaml"
    config.write_text(f"fail_mode: {mode}\ninspect_timeout: 300ms\ninspectors: 1\naudit: true\n")
    link, _ = install_package(scratch, "2.1.90")
    with Agent(build, directory, policy, [scratch], options=["--config", str(config)]) as agent:
        inspectors = agent.inspectors()
        assert len(inspectors) == 1
        os.kill(inspectors[0], signal.SIGSTOP)
        try:
            done = launch(link)
        finally:
            os.kill(inspectors[0], signal.SIGCONT)
        assert done.refused is not runs
        assert 0.3 <= done.seconds < 1.5
        record = agent.wait_for_records()[0]
        assert (record["verdict"], record["outcome"]) == ("unjudged", "ran" if runs else "refused")


def test_the_folder_that_settings_name_is_watched(build, directory, scratch, policy):
    config = directory / "agent.yaml"
    config.write_text(f"watch: [{scratch}]\n")
    link, _ = install_package(scratch, "2.1.91")
    agent = Agent(build, directory, policy, [], options=["--config", str(config)])
    with agent:
        assert launch(link).refused
        assert str(scratch) in agent.ctl("status").stdout


def test_a_reload_by_signal_is_a_reload(build, directory, scratch, policy):
    link, _ = install_package(scratch, "2.1.91")
    with Agent(build, directory, policy, [scratch]) as agent:
        assert launch(link).refused
        write_policy(policy, action="log")
        os.kill(agent.pid, signal.SIGHUP)
        wait_until(lambda: len(agent.records(kind="policy")) == 2, what="a new policy")
        assert launch(link).status == 0
