"""What happens to launches: refused, allowed, explained, recorded. A real agent on a scratch filesystem."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.agent import Agent, wait_until
from support.launch import EMPLOYEE_UID, launch, launch_on_terminal
from support.software import REASON, copy_program, install_package, write_policy, write_policy_text

pytestmark = pytest.mark.root

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def test_a_banned_package_is_refused_by_its_link(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link).refused


def test_a_banned_package_is_refused_by_its_direct_path(agent, scratch):
    _, program = install_package(scratch, "2.1.91")
    assert launch(program).refused


def test_a_banned_package_is_refused_as_a_renamed_copy_of_its_folder(agent, scratch):
    _, program = install_package(scratch, "2.1.91")
    shutil.copytree(program.parent, scratch / "harmless")
    (scratch / "harmless" / program.name).rename(scratch / "harmless" / "notes")
    assert launch(scratch / "harmless" / "notes").refused


def test_a_banned_package_is_refused_to_root_too(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link, uid=0).refused


def test_an_elf_program_of_a_banned_package_is_refused(agent, scratch):
    _, program = install_package(scratch, "2.1.91")
    elf = copy_program("/bin/true", program.parent / "helper")
    assert launch(elf).refused


def test_the_version_before_the_ban_runs(agent, scratch):
    link, program = install_package(scratch, "2.1.90")
    for path in (link, program):
        done = launch(path)
        assert done.error == 0 and done.status == 0 and "ran " in done.output


def test_other_programs_run_and_leave_no_record(agent, scratch):
    elf = copy_program("/bin/true", scratch / "true")
    script = scratch / "script"
    script.write_text("#!/bin/sh\necho fine\n")
    script.chmod(0o755)
    for _ in range(3):
        assert launch(elf).status == 0
        assert launch(script).output == "fine\n"
    assert agent.records() == []


def test_a_banned_file_is_recognised_by_content_under_any_name(build, directory, scratch):
    elf = copy_program("/bin/true", scratch / "tool", extra=b"unwanted")
    policy = write_policy(directory / "policy", elf=elf)
    other = copy_program("/bin/true", scratch / "same-size", extra=b"wanted!!")
    with Agent(build, directory, policy, [scratch]) as agent:
        assert launch(elf).refused
        assert launch(shutil.copy(elf, scratch / "renamed")).refused
        assert launch(other).status == 0
        assert [(r["evidence"], r["rules"]) for r in agent.wait_for_records(2)] == [("sha256", "T-2")] * 2


def test_a_script_given_to_its_interpreter_by_name_is_not_disturbed(agent, scratch):
    """`sh ./script` opens the script, it does not execute it: `proscribectl doctor` calls this gap by its name."""
    _, program = install_package(scratch, "2.1.91")
    assert launch("/bin/sh", program).status == 0


@needs_node
def test_node_itself_is_not_disturbed(agent, scratch):
    install_package(scratch, "2.1.91")
    node = copy_program(NODE, scratch / "node")
    for arguments in (["--version"], ["-e", "0"]):
        assert launch(node, *arguments).status == 0
        assert launch(NODE, *arguments, cwd=scratch).status == 0


def test_the_employee_is_told_what_why_and_what_instead(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    status, shown = launch_on_terminal(link, wait_for="proscribectl why")
    assert status == 126
    for text in ("Example Assistant", REASON, "SEC-1", "Approved Assistant", "https://it.example.com/approved"):
        assert text in shown.replace("\r\n", " ").replace("  ", " ") or text in shown, text


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_notice_fits_the_terminal(agent, scratch, columns):
    link, _ = install_package(scratch, "2.1.91")
    _, shown = launch_on_terminal(link, columns=columns, wait_for="proscribectl why")
    for line in shown.splitlines():
        assert len(line) <= columns or "https://" in line or str(link) in line, line


def test_a_warned_launch_runs_and_the_employee_is_told(build, directory, scratch):
    policy = write_policy(directory / "policy", action="warn")
    link, _ = install_package(scratch, "2.1.91")
    with Agent(build, directory, policy, [scratch]) as agent:
        status, shown = launch_on_terminal(link, wait_for=REASON.split()[0])
        assert status == 0 and "ran " in shown and "Example Assistant" in shown
        assert agent.wait_for_records()


def test_a_logged_launch_runs_without_a_word(build, directory, scratch):
    policy = write_policy(directory / "policy", action="log")
    link, _ = install_package(scratch, "2.1.91")
    with Agent(build, directory, policy, [scratch]) as agent:
        status, shown = launch_on_terminal(link)
        assert status == 0 and "Example Assistant" not in shown
        assert agent.wait_for_records()


def test_a_refusal_is_on_the_record(agent, scratch):
    link, program = install_package(scratch, "2.1.91")
    assert launch(link).refused
    record = agent.wait_for_records(having=lambda r: r["sha256"])[0]  # the digest is computed after the answer
    status = program.stat()
    expected = {
        "outcome": "refused", "verdict": "block", "evidence": "package", "risk": "high", "rules": "T-1",
        "uid": str(EMPLOYEE_UID), "path": str(program), "inode": str(status.st_ino), "device": str(status.st_dev),
        "size": str(status.st_size), "sha256": hashlib.sha256(program.read_bytes()).hexdigest(),
        "purl": "pkg:npm/%40example-vendor/assistant@2.1.91", "version": "2.1.91", "policy_name": "test-policy",
        "reason": REASON, "reference": "SEC-1", "alternative_name": "Approved Assistant",
    }
    assert {key: record[key] for key in expected} == expected


def test_both_exports_tell_the_same(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link).refused
    agent.wait_for_records(having=lambda r: r["sha256"])
    lines = [json.loads(line) for line in agent.ctl("export", "--format", "jsonl").stdout.splitlines()]
    assert [line["metadata"]["uid"] for line in lines] == [record["id"] for record in agent.records(kind=None)]


def test_a_change_of_a_judged_file_is_noticed(agent, scratch):
    """The version is raised in place: what was allowed a moment ago is refused now, and the other way round."""
    link, program = install_package(scratch, "2.1.90")
    assert launch(link).status == 0
    manifest = program.parent / "package.json"
    manifest.write_text(manifest.read_text().replace("2.1.90", "2.1.91"))
    program.write_text(program.read_text())
    assert launch(link).refused


def test_a_change_right_after_a_launch_is_noticed(agent, scratch):
    """In place, by the one who launched it, while the agent still holds the file: the next launch is judged anew."""
    link, program = install_package(scratch, "2.1.90", uid=EMPLOYEE_UID)
    manifest = program.parent / "package.json"
    banned = manifest.read_text().replace("2.1.90", "2.1.91")
    allowed = manifest.read_text()
    for _ in range(20):
        manifest.write_text(allowed)
        program.write_text(program.read_text() + "#\n")
        assert launch(link).status == 0
        manifest.write_text(banned)
        program.write_text(program.read_text() + "#\n")
        assert launch(link).refused


# ---- policy ----

def test_a_new_policy_holds_for_the_next_launch(agent, scratch, policy):
    link, _ = install_package(scratch, "2.1.91")
    elf = copy_program("/bin/true", scratch / "tool")
    assert launch(link).refused
    assert launch(elf).status == 0 and launch(elf).status == 0

    write_policy(policy, action="log", elf=elf)
    assert agent.ctl("policy", "reload").returncode == 0
    assert launch(link).status == 0

    write_policy(policy, action="block", elf=elf)
    assert agent.ctl("policy", "reload").returncode == 0
    assert launch(link).refused and launch(elf).refused


BROKEN_POLICIES = {
    "not YAML": "software: [",
    "an unknown key": "proscribe: 1\npolicy: {name: x}\nsofware: []\n",
    "an empty file": "",
}


@pytest.mark.parametrize("text", BROKEN_POLICIES.values(), ids=BROKEN_POLICIES.keys())
def test_a_broken_policy_is_explained_and_the_old_one_stays(agent, scratch, policy, text):
    link, _ = install_package(scratch, "2.1.91")
    write_policy_text(policy, text)
    reload = agent.ctl("policy", "reload")
    assert reload.returncode == 1
    assert "policy.yaml" in reload.stdout + reload.stderr
    assert launch(link).refused


def test_a_policy_others_can_write_to_is_refused(agent, scratch, policy):
    link, _ = install_package(scratch, "2.1.91")
    write_policy(policy, action="log")
    policy.chmod(0o777)
    reload = agent.ctl("policy", "reload")
    assert reload.returncode == 1 and str(policy) in reload.stdout + reload.stderr
    assert launch(link).refused


# ---- starting where it cannot ----

def ended(build, *options, uid=0):
    done = launch(build / "proscribed", "--lifetime", "10", *options, uid=uid)
    return done.status, done.output


def test_only_root_can_start_it_and_it_says_so(build, directory, scratch):
    copy = Path(shutil.copytree(build, directory / "build", ignore=shutil.ignore_patterns("*.o", "*.d", "tests")))
    status, said = ended(copy, "--watch", scratch, "--no-system-bus", "--socket", "/tmp/none", uid=EMPLOYEE_UID)
    assert status == 1 and "root" in said


def test_a_second_instance_is_refused(agent, build, scratch):
    link, _ = install_package(scratch, "2.1.91")
    arguments = [a for a in agent.command[1:] if a != "--no-system-bus"]
    status, said = ended(build, *arguments, "--no-system-bus")
    assert status == 1 and str(agent.socket) in said
    assert launch(link).refused


@pytest.mark.parametrize("options, expected", [
    (["--watch", "/nonexistent"], "/nonexistent"),
    (["--no-such-option"], "no-such-option"),
    (["--lifetime", "soon"], "soon"),
    (["surplus"], "surplus"),
])
def test_wrong_arguments_are_named(build, directory, policy, options, expected):
    status, said = ended(build, "--policy", policy, "--ledger", directory / "ledger.db", "--socket", directory / "bus",
                         "--no-system-bus", *options)
    assert status in (1, 2) and expected in said


def test_it_ends_by_itself_after_its_lifetime(build, directory, scratch, policy):
    agent = Agent(build, directory, policy, [scratch], lifetime=2).start()
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link).refused
    agent.process.wait(10)
    assert launch(link).status == 0


def test_its_end_releases_every_launch(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link).refused
    agent.stop()
    assert launch(link).status == 0


def test_nothing_of_it_remains_in_the_kernel(agent, scratch):
    agent.stop()
    subprocess.run(["umount", scratch], check=True)
    wait_until(lambda: not os.path.ismount(scratch), 5)
    subprocess.run(["mount", "-t", "tmpfs", "none", scratch], check=True)
