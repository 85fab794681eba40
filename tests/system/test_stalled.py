"""Files of a filesystem whose server does not answer, shown to an agent in every way that a user has: it goes on
answering launches, the user's own command ends or waits alone, and nothing is left once the server is gone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.agent import Agent, wait_until
from support.dbus_wire import Wire
from support.launch import launch
from support.software import install_package

FUSE = Path(__file__).resolve().parent.parent / "support" / "fuse.py"
JOB_TIMEOUT_SEC = 30

pytestmark = [pytest.mark.root, pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="needs FUSE")]


class Stalled:
    """A mounted file that stalls. Whoever waits for it waits until release()."""

    def __init__(self, directory, kind):
        content = directory / "content"
        content.write_bytes(Path("/bin/true").read_bytes())
        self.folder = directory / "stalled"
        self.folder.mkdir()
        self.path = self.folder / "file"
        self.server = subprocess.Popen([sys.executable, "-B", FUSE, self.folder, f"file={kind}:{content}"],
                                       stdout=subprocess.PIPE)

    def __enter__(self):
        assert self.server.stdout.readline() == b"ready\n"
        return self

    def release(self):
        self.server.kill()
        self.server.wait()

    def __exit__(self, *_):
        self.release()
        self.server.stdout.close()
        subprocess.run(["umount", "--lazy", self.folder], check=False)


@contextlib.contextmanager
def running(file, *command):
    """A process that may wait for the file; it ends when the file is released, if not before."""
    process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        file.release()
        process.kill()
        process.wait(10)
        process.stdout.close()


def helpers():
    """Programs of ours that run now, by process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().startswith("proscribe"):
                namespace = os.readlink(entry / "ns/mnt")
                if namespace == os.readlink("/proc/self/ns/mnt"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes()
    return found


def assert_protects(agent, scratch, version):
    link, _ = install_package(scratch, version)
    allowed = launch("/bin/true")
    assert allowed.status == 0 and allowed.seconds < 5
    assert launch(link).refused
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""


# stall-write: the agent sleeps while the descriptor comes, is closed here and so becomes the last one of a file that
# has something to be written back by then.
SENDER = """
import array, os, signal, socket, sys
socket_path, path, kind, agent = sys.argv[1:]
bus = socket.socket(socket.AF_UNIX)
bus.connect(socket_path)
bus.sendall(b"\\0AUTH EXTERNAL\\r\\nDATA\\r\\nNEGOTIATE_UNIX_FD\\r\\nBEGIN\\r\\n")
said = b""
while b"AGREE_UNIX_FD" not in said:
    said += bus.recv(4096)
fd = os.open(path, os.O_RDONLY)
try:
    if kind == "stall-write":
        os.kill(int(agent), signal.SIGSTOP)
    bus.sendmsg([b"l"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    if kind == "stall-write":
        os.close(fd)
        os.write(os.open(path, os.O_RDWR), b"never written back")
        os.kill(int(agent), signal.SIGCONT)
    while bus.recv(4096):
        pass
    print("cut off", flush=True)
except PermissionError:  # Linux 6.16 and later
    print("refused", flush=True)
except ConnectionError:
    print("cut off", flush=True)
os.kill(int(agent), signal.SIGCONT)
os.kill(os.getpid(), 9)
"""


def sending(agent, file, kind):
    return running(file, sys.executable, "-B", "-c", SENDER, agent.socket, file.path, kind, agent.pid)


@pytest.mark.parametrize("kind", ["plain", "stall-flush", "stall-getattr", "stall-write"])
def test_a_descriptor_that_stalls_is_not_taken(agent, directory, scratch, kind):
    before = set(helpers())
    with Stalled(directory, kind) as file, sending(agent, file, kind) as sender:
        assert sender.stdout.readline() in ("cut off\n", "refused\n")
        time.sleep(1)
        assert_protects(agent, scratch, "2.1.91")
    wait_until(lambda: set(helpers()) <= before, 10, "the end of every helper")


def test_the_agent_ends_while_it_is_shown_a_file_that_stalls(agent, directory):
    with Stalled(directory, "stall-write") as file, sending(agent, file, "stall-write") as sender:
        assert sender.stdout.readline()
        os.kill(agent.pid, signal.SIGTERM)
        assert agent.process.wait(8) == 0
    wait_until(lambda: not helpers(), 10, "the end of every helper")


@pytest.mark.parametrize("kind", ["stall-flush", "stall-getattr"])
def test_who_identifies_such_a_file_waits_alone(agent, directory, scratch, build, kind):
    before = set(helpers())
    with Stalled(directory, kind) as file, \
            running(file, build / "proscribectl", "identify", "--socket", agent.socket, file.path):
        time.sleep(2)
        assert_protects(agent, scratch, "2.1.91")
        assert '"lost": 0' in agent.ctl("status", "--json").stdout
    wait_until(lambda: set(helpers()) <= before, 10, "the end of every helper")


@pytest.mark.timeout(90)
def test_a_file_whose_reads_stall_is_given_up(build, directory, scratch, policy):
    before = set(helpers())
    with Agent(build, directory, policy, [scratch], lifetime=90) as agent, Stalled(directory, "stall-read") as file:
        started = time.monotonic()
        command = f'exec "$0" identify --socket "$1" /bin/true "$2" >{directory}/shown 2>&1'
        with running(file, "sh", "-c", command, build / "proscribectl", agent.socket, file.path) as ctl:
            assert ctl.wait(JOB_TIMEOUT_SEC + 20) == 1
            assert JOB_TIMEOUT_SEC - 1 < time.monotonic() - started < JOB_TIMEOUT_SEC + 10
        shown = (directory / "shown").read_text()
        assert "could not be inspected" in shown and "timed out" in shown and "elf, dynamic" in shown
        assert_protects(agent, scratch, "2.1.91")
    wait_until(lambda: set(helpers()) <= before, 10, "the end of every helper")


@pytest.mark.parametrize("kind", ["plain", "stall-flush", "stall-read"])
def test_a_scan_does_not_enter_such_a_filesystem(agent, directory, scratch, kind):
    """Root asks for other filesystems, too: the agent, which gets what a scan finds, would have to close it."""
    with Stalled(directory, kind) as file:
        scan = running(file, agent.build / "proscribectl", "scan", "--socket", agent.socket, "--json",
                       "--other-filesystems", directory)
        with scan as process:
            assert process.wait(30) == 0
            assert json.loads(process.stdout.read())["other_mounts"] == 1
        assert_protects(agent, scratch, "2.1.91")
