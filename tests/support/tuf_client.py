"""A client under test: the command line of the public conformance suite for TUF clients.

PROSCRIBE_TUF_CLIENT names another program (and its first arguments) to run the same tests against; tuf-js, say:
    PROSCRIBE_TUF_CLIENT="node tests/conformance/tuf_js_client.mjs .../node_modules" pytest tests/conformance/test_tuf_*.py
"""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

TIMEOUT_SEC = 60
OTHER = os.environ.get("PROSCRIBE_TUF_CLIENT", "")
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class TufClient:
    def __init__(self, command, folder, server=None):
        self.command = [str(word) for word in command]
        self.metadata, self.targets, self.server = folder / "metadata", folder / "targets", server
        self.metadata.mkdir()
        self.targets.mkdir()
        self.said = ""

    def run(self, options, verb, days=0):
        """The exit status. @days: as if it were that much later."""
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        if days:
            environment |= {"LD_PRELOAD": str(LIBFAKETIME), "FAKETIME": f"{days:+}d",
                            "ASAN_OPTIONS": environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        options = [word for name, value in options for word in (f"--{name}", str(value))]
        done = subprocess.run([*self.command, *options, *map(str, verb)], stdin=subprocess.DEVNULL, capture_output=True,
                              env=environment, timeout=TIMEOUT_SEC, check=False)
        self.said = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode in (0, 1), f"exit status {done.returncode}: {self.said}"
        assert "Sanitizer" not in self.said and "runtime error" not in self.said, self.said
        others = [p.name for p in self.metadata.rglob("*.json") if p.parent != self.metadata]
        assert not others, f"metadata outside of its folder: {others}"
        return done.returncode

    def init(self, root):
        """@root: the bytes of the root that is trusted."""
        file = self.metadata.with_name("initial-root.json")
        file.write_bytes(root)
        return self.run([("metadata-dir", self.metadata)], ["init", file])

    def refresh(self, days=0):
        return self.run([("metadata-dir", self.metadata), ("metadata-url", self.server.metadata_url)], ["refresh"], days)

    def download(self, *paths, days=0):
        return self.run([("metadata-dir", self.metadata), ("metadata-url", self.server.metadata_url),
                         *(("target-name", path) for path in paths),
                         ("target-dir", self.targets), ("target-base-url", self.server.targets_url)], ["download"], days)

    def requests(self):
        """Of metadata since the last call, in order."""
        names = self.server.metadata_requests
        self.server.forget()
        return names

    def stored(self, name):
        """The bytes that are trusted of a role; None."""
        file = self.metadata / f"{name}.json"
        return file.read_bytes() if file.exists() else None

    def trusted(self):
        """{role: version} as it is on disk, delegated ones by the names of their files."""
        return {p.stem: json.loads(p.read_bytes())["signed"]["version"] for p in sorted(self.metadata.glob("*.json"))}

    def downloaded(self):
        """The contents of all downloaded targets, sorted."""
        return sorted(p.read_bytes() for p in self.targets.rglob("*") if p.is_file())


def command(build):
    """What runs the client under test."""
    return shlex.split(OTHER) or [build / "tests" / "tuf-client"]


def missing(build):
    """Why it cannot be run; None."""
    program = command(build)[0]
    return None if shutil.which(str(program)) else f"{program} is not there (make tests)"
