"""A real proscribed for a test: watches scratch filesystems only, and never outlives its test."""

import csv
import io
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from support.scratch import assert_watchable

LIFETIME_SEC = 60
READY_TIMEOUT_SEC = 20
STOP_TIMEOUT_SEC = 15


def wait_until(condition, timeout_sec=10, what="it"):
    """Polls until @condition() is true and returns what it gave."""
    deadline = time.monotonic() + timeout_sec
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout_sec} s")
        time.sleep(0.02)


def children_of(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass
    return found


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Agent:
    """@directory holds ledger and socket. @options go to proscribed as they are."""

    def __init__(self, build, directory, policy, watch, options=(), lifetime=LIFETIME_SEC):
        for path in watch:
            assert_watchable(path)
        self.build = Path(build)
        self.directory = Path(directory)
        self.policy = Path(policy)
        self.ledger = self.directory / "ledger.db"
        self.socket = self.directory / "bus"
        self.command = [str(self.build / "proscribed"), "--policy", str(policy), "--ledger", str(self.ledger),
                        "--socket", str(self.socket), "--lifetime", str(lifetime), "--no-system-bus", *options]
        for path in watch:
            self.command += ["--watch", str(path)]
        self.process = None
        self.messages = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, prefix=(), environment=None):
        self.process = subprocess.Popen([*prefix, *self.command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
                                        env={**os.environ, **(environment or {})})
        self._reader = threading.Thread(target=self._read_messages, args=(self.process.stderr,), daemon=True)
        self._reader.start()
        wait_until(lambda: self.is_ready() or self.process.poll() is not None, READY_TIMEOUT_SEC, "proscribed: ready")
        if not self.is_ready():
            raise AssertionError(f"proscribed ended with {self.process.returncode}:\n{self.said()}")
        return self

    def _read_messages(self, stream):
        for line in stream:
            self.messages.append(line.rstrip("\n"))

    def is_ready(self):
        return any("proscribed: ready" in line for line in self.messages)

    def said(self):
        return "\n".join(self.messages)

    @property
    def pid(self):
        """The agent itself, also when it was started under another program (strace)."""
        if Path(os.readlink(f"/proc/{self.process.pid}/exe")).name == "proscribed":
            return self.process.pid
        return children_of(self.process.pid)[0]

    def inspectors(self):
        pids = []
        for pid in children_of(self.pid):
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                if name == "proscribe-inspector"[:15] and is_running(pid):
                    pids.append(pid)
            except OSError:
                pass
        return pids

    def kill(self):
        """As a crash would end it."""
        children = children_of(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_SEC)
        self._check_children_ended(children)

    def stop(self):
        if self.process.poll() is not None:
            self.process.stderr.close() if not self._reader.is_alive() else None
            return
        children = children_of(self.pid)
        os.kill(self.pid, signal.SIGTERM)
        try:
            status = self.process.wait(STOP_TIMEOUT_SEC)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"proscribed did not end on SIGTERM:\n{self.said()}") from None
        self._reader.join(5)
        assert status == 0, f"proscribed ended with {status}:\n{self.said()}"
        self._check_children_ended(children)

    @staticmethod
    def _check_children_ended(children):
        wait_until(lambda: not any(is_running(pid) for pid in children), 5, f"the end of the children {children}")

    def ctl(self, *arguments, timeout_sec=20):
        return subprocess.run([str(self.build / "proscribectl"), *arguments, "--socket", str(self.socket)],
                              capture_output=True, text=True, errors="replace", timeout=timeout_sec, check=False)

    def records(self, kind="launch"):
        """The ledger as exported to CSV, oldest first; @kind None: all of it."""
        done = self.ctl("export", "--format", "csv")
        assert done.returncode == 0, f"export failed: {done.stderr}"
        return [r for r in csv.DictReader(io.StringIO(done.stdout)) if kind is None or r["kind"] == kind]

    def wait_for_records(self, count=1, timeout_sec=10, having=lambda record: True):
        def enough():
            found = [r for r in self.records() if having(r)]
            return found if len(found) >= count else None
        return wait_until(enough, timeout_sec, f"{count} records")
