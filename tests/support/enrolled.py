"""A host that takes signed policy: what proscribe-update leaves for the agent, made by the test itself, so that it can
be as wrong as a test wants it to be."""

import fcntl
import json
import os
import shutil
import struct
import time
from pathlib import Path

from support.agent import Agent, wait_until
from support.dbus_wire import ERROR, Wire
from support.tuf_repository import TufRepository

REPORT_MAGIC = 0x3154504455525050
NSEC = 1_000_000_000


class Updates:
    """proscribe-update's folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.mirror = self.folder / "mirror"
        self.runs = 0

    def make(self):
        self.mirror.mkdir(parents=True, exist_ok=True)
        (self.folder / "lock").touch()
        return self

    def put(self, repo, report=True):
        """The whole repository as a mirror in place of what was there, and the report of a success."""
        self.make()
        with open(self.folder / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(self.mirror)
            self.mirror.mkdir()
            repo.write(self.mirror)
        if report:
            self.report()

    def report(self, error=0, message="", file="", role="", succeeded=None, failures=None, next_in_sec=900,
               repository="https://list.example.com/proscribe", raw=None):
        now = time.time_ns()
        self.runs += 1
        content = raw if raw is not None else struct.pack(
            "=QqqqiIQQ2048s128s512s2048s", REPORT_MAGIC, now, now if succeeded is None else succeeded,
            now + next_in_sec * NSEC, error, (1 if error else 0) if failures is None else failures, 2, 4711,
            repository.encode(), role.encode(), file.encode(), message.encode())
        fresh = self.folder / ".report.new"
        fresh.write_bytes(content)
        os.rename(fresh, self.folder / "report")


class EnrolledAgent(Agent):
    """@directory/trust/root.json is the anchor, @directory/updates what proscribe-update fills."""

    def __init__(self, build, directory, watch, repo=None, options=(), anchor=None, **more):
        directory = Path(directory)
        self.anchor = directory / "trust" / "root.json"
        self.updates = Updates(directory / "updates")
        super().__init__(build, directory, directory / "policy.d", watch,
                         ["--trust-root", str(self.anchor), "--update-folder", str(self.updates.folder), *options], **more)
        self.anchor.parent.mkdir(exist_ok=True)
        if anchor or repo:
            self.anchor.write_bytes(anchor or repo.first_root)

    state = property(lambda self: self.directory / "ledger.db.trust")
    kept = property(lambda self: self.directory / "ledger.db.signed")

    def status(self):
        return json.loads(self.ctl("status", "--json").stdout)

    def update(self):
        """The method Update: what it answers, or the text of its error under "refused"."""
        with Wire(self.socket) as wire:
            wire.send("Update")
            kind, _, name, body = wire.answer()
        if kind == ERROR:
            return {"refused": body[4:-1].decode(), "error": name}
        return entries(body)

    def policy_records(self):
        return [(r["outcome"], r["detail"]) for r in self.records("policy")]

    def wait_for_policy(self, outcome, words="", count=1, timeout_sec=20):
        def found():
            hits = [d for o, d in self.policy_records() if o == outcome and words in d]
            return hits if len(hits) >= count else None
        return wait_until(found, timeout_sec, f"{count} policy records {outcome!r} with {words!r} in {self.policy_records()}")


def signed_policy(folder, **options):
    """A repository with the policy folder @folder, published."""
    repo = TufRepository(**options)
    repo.add_folder(folder)
    repo.publish()
    return repo


def entries(body):
    """An a{sv} of b, s and t."""
    found, at, end = {}, 8, 8 + struct.unpack_from("<I", body)[0]

    def text(at):
        at += -at % 4
        size = struct.unpack_from("<I", body, at)[0]
        return body[at + 4:at + 4 + size].decode(), at + 5 + size

    while at < end:
        key, at = text(at + -at % 8)
        kind, at = chr(body[at + 1]), at + 3
        if kind == "s":
            found[key], at = text(at)
        elif kind == "b":
            at += -at % 4
            found[key], at = bool(struct.unpack_from("<I", body, at)[0]), at + 4
        else:
            at += -at % 8
            found[key], at = struct.unpack_from("<Q", body, at)[0], at + 8
    return found
