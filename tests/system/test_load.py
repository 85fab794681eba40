"""Nothing that goes wrong around a launch may hold it up: dead inspectors, a full disk, a stuck journal, a storm."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.agent import Agent, is_running, wait_until
from support.launch import launch
from support.scratch import BASE, Scratch
from support.software import copy_program, install_package

pytestmark = pytest.mark.root

INSPECT_TIMEOUT_SEC = 2.0
SETTLE_SEC = 0.3  # a file that changed a moment ago is judged anew at each launch
PROMPT_SEC = 1.0  # generous for a loaded machine, yet well below the deadline


def unjudged(record):
    return record["verdict"] == "unjudged" and record["outcome"] == "ran"


def test_a_launch_nobody_judges_in_time_runs_and_is_recorded(agent, scratch):
    inspectors = agent.inspectors()
    assert inspectors
    program = copy_program("/bin/true", scratch / "true")
    for pid in inspectors:
        os.kill(pid, signal.SIGSTOP)
    try:
        done = launch(program)
    finally:
        for pid in inspectors:
            os.kill(pid, signal.SIGCONT)
    assert done.status == 0
    assert done.seconds < INSPECT_TIMEOUT_SEC + PROMPT_SEC
    assert agent.wait_for_records(having=unjudged)


def test_a_banned_program_that_ran_unjudged_is_stopped_afterwards(agent, scratch):
    _, program = install_package(scratch, "2.1.91", script="#!/bin/sh\n")
    sleeper = copy_program("/bin/sleep", program.parent / "sleeper")
    inspectors = agent.inspectors()
    for pid in inspectors:
        os.kill(pid, signal.SIGSTOP)
    threading.Timer(INSPECT_TIMEOUT_SEC + 1, lambda: [os.kill(pid, signal.SIGCONT) for pid in inspectors]).start()
    done = launch(sleeper, "20")
    assert done.status == -signal.SIGKILL or done.status == -signal.SIGTERM
    assert done.seconds < 15
    assert agent.wait_for_records(having=lambda r: r["outcome"] == "stopped")


def test_inspectors_that_die_are_replaced_before_the_next_launch_is_judged(agent, scratch):
    for i in range(3):
        link, _ = install_package(scratch / str(i), "2.1.91")
        allowed, _ = install_package(scratch / f"allowed-{i}", "2.1.90")
        for pid in agent.inspectors():
            os.kill(pid, signal.SIGKILL)
        assert launch(link).refused
        assert launch(allowed).status == 0
        assert agent.inspectors()
    assert not any(unjudged(record) for record in agent.records())


def test_the_death_of_the_agent_releases_waiting_launches(agent, scratch):
    program = copy_program("/bin/true", scratch / "true")
    for pid in agent.inspectors():
        os.kill(pid, signal.SIGSTOP)
    results = []
    waiting = threading.Thread(target=lambda: results.append(launch(program)))
    waiting.start()
    time.sleep(0.3)
    stopped = agent.inspectors()
    os.kill(agent.pid, signal.SIGKILL)
    waiting.join(INSPECT_TIMEOUT_SEC + PROMPT_SEC)
    assert results and results[0].status == 0
    agent.process.wait(10)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not any(is_running(pid) for pid in stopped), 10, "the end of orphaned inspectors")


@pytest.fixture
def stuck_journal(directory):
    """A journal socket that nobody reads, in the place of journald's, in this mount namespace only."""
    folder = Path("/run/systemd/journal")
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "stuck-journal", folder], check=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(folder / "socket"))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    try:
        while True:
            filler.sendto(b"x" * 1024, str(folder / "socket"))
    except BlockingIOError:
        pass
    yield
    filler.close()
    listener.close()
    subprocess.run(["umount", "--lazy", folder], check=True)
    for path in made:
        path.rmdir()


def test_a_journal_that_hangs_delays_no_launch(stuck_journal, agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    slowest = max(launch(link).seconds for _ in range(60))
    assert slowest < PROMPT_SEC
    assert len(agent.wait_for_records(60)) >= 60
    assert launch(copy_program("/bin/true", scratch / "true")).status == 0


def test_a_full_disk_delays_no_launch_and_the_gap_is_closed_later(build, directory, scratch, policy):
    disk = Scratch(f"{directory.name}-disk", kind="tmpfs", megabytes=1)
    link, _ = install_package(scratch, "2.1.91")
    agent = Agent(build, directory, policy, [scratch])
    agent.command[agent.command.index("--ledger") + 1] = str(disk.path / "ledger.db")
    try:
        with agent:
            assert launch(link).refused
            agent.wait_for_records(1)
            filler = disk.path / "filler"
            with open(filler, "wb", buffering=0) as full:
                try:
                    while True:
                        full.write(b"x" * 4096)
                except OSError:
                    pass
            refusals = [launch(link) for _ in range(300)]
            assert all(r.refused for r in refusals)
            assert max(r.seconds for r in refusals) < PROMPT_SEC
            filler.unlink()
            subprocess.run(["mount", "-o", "remount,size=64m", disk.path], check=True)
            agent.wait_for_records(301, timeout_sec=20)
    finally:
        disk.remove()


def memory_kilobytes(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE).group(1))


def storm(link, program, processes=64, launches_each=20):
    """Both programs launched at once from many processes; returns (refused, ran)."""
    script = f"""
for i in $(seq {launches_each}); do
  {link} >/dev/null 2>&1; [ $? = 126 ] && echo refused
  {program} && echo ran
done"""
    shells = [subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(processes)]
    words = [word for shell in shells for word in shell.communicate(timeout=100)[0].split()]
    return words.count("refused"), words.count("ran")


@pytest.mark.timeout(300)
def test_a_storm_of_launches_is_judged_and_leaves_nothing_behind(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    program = copy_program("/bin/true", scratch / "true")
    assert storm(link, program, processes=8) == (160, 160)
    wait_until(lambda: len(agent.records()) >= 160, 20, "the records")
    descriptors, memory = len(os.listdir(f"/proc/{agent.pid}/fd")), memory_kilobytes(agent.pid)
    for _ in range(2):
        assert storm(link, program) == (64 * 20, 64 * 20)
    wait_until(lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) <= descriptors, 30, "closing of descriptors")
    assert memory_kilobytes(agent.pid) < memory + 6 * 1024


def test_many_first_launches_at_once_are_all_judged(agent, scratch):
    programs = [copy_program("/bin/true", scratch / f"true-{i}", extra=str(i).encode()) for i in range(300)]
    started = time.monotonic()
    running = [subprocess.Popen([p], stdout=subprocess.DEVNULL) for p in programs]
    assert all(p.wait(30) == 0 for p in running)
    assert time.monotonic() - started < 20
    assert agent.records() == []


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
ALLOWED_ON_A_HIT = {"read", "write", "close", "fstat", "newfstatat", "fcntl", "epoll_wait", "epoll_pwait", "fanotify_mark",
                    "readlink", "fstatfs", "clock_gettime"}


def gate_thread(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        if "gate" in (task / "comm").read_text():
            return int(task.name)
    raise AssertionError("no thread is called gate")


@needs_strace
@pytest.mark.parametrize("uid", [0, 65534], ids=["root's, with two names", "the employee's"])
def test_a_known_file_is_answered_without_disk_or_memory(agent, scratch, directory, uid):
    """Event to answer on a cache hit: no write to a file, no allocation that could block."""
    program = copy_program("/bin/true", scratch / "true", uid=uid)
    if uid == 0:
        os.link(program, scratch / "true-2")  # with one name the kernel would not ask a second time
    time.sleep(SETTLE_SEC)
    for _ in range(2):
        assert launch(program).status == 0
    trace = directory / "trace"
    thread = gate_thread(agent.pid)
    strace = subprocess.Popen(["strace", "-q", "-y", "-o", trace, "-p", str(thread)], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    for _ in range(20):
        assert launch(program).status == 0
        time.sleep(0.05)  # past the moment in which a lease guards the file and the kernel need not ask
    strace.send_signal(signal.SIGINT)
    strace.wait(10)
    lines = [line for line in trace.read_text().splitlines() if re.match(r"\w+\(", line)]
    calls = {line.split("(")[0] for line in lines}
    assert calls <= ALLOWED_ON_A_HIT, f"{calls - ALLOWED_ON_A_HIT} in\n" + "\n".join(lines[:40])
    written = [re.match(r"write\(\d+<([^>]*)", line).group(1) for line in lines if line.startswith("write(")]
    assert written == ["anon_inode:[fanotify]"] * 20


def test_a_known_file_of_roots_is_not_even_asked_about(agent, scratch):
    def events():
        return json.loads(agent.ctl("status", "--json").stdout)["gate"]["events"]

    program = copy_program("/bin/true", scratch / "true")
    time.sleep(SETTLE_SEC)
    for _ in range(3):
        assert launch(program).status == 0
    before = events()
    for _ in range(20):
        assert launch(program).status == 0
    assert events() == before


def test_the_scratch_filesystems_are_never_the_machines_own(scratch):
    from support.scratch import assert_watchable
    assert_watchable(scratch)
    (scratch / "folder").mkdir()
    for path in ("/", "/usr", "/tmp", BASE / "none", scratch / "folder"):
        with pytest.raises((RuntimeError, FileNotFoundError)):
            assert_watchable(path)
