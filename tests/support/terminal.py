"""A program on a terminal of its own, of which a test is the person who types."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from fcntl import ioctl


def own_terminal():
    """In the child: its controlling terminal, and signals as a shell would give them, also when we run in the background."""
    ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """with Terminal(command, env=...) as t: t.expect("Passphrase"); t.type("secret\\n"); code = t.wait()"""

    def __init__(self, command, columns=200, **options):
        self.ours, self.theirs = pty.openpty()
        self.shown = ""
        self.read_to = 0
        self.process = subprocess.Popen([os.fspath(c) for c in command], stdin=self.theirs, stdout=self.theirs,
                                        stderr=self.theirs, start_new_session=True,
                                        preexec_fn=own_terminal,
                                        **{**options, "env": {**os.environ, "TERM": "xterm", "COLUMNS": str(columns),
                                                              **options.get("env", {})}})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def drain(self, seconds):
        while select.select([self.ours], [], [], seconds)[0]:
            self.shown += os.read(self.ours, 65536).decode(errors="replace").replace("\r\n", "\n")
            seconds = 0

    def expect(self, pattern, seconds=20):
        """Waits until @pattern is shown, behind what was expected before."""
        end = time.monotonic() + seconds
        while not (found := re.compile(pattern).search(self.shown, self.read_to)):
            assert time.monotonic() < end, f"the terminal did not show {pattern!r}, but {self.shown!r}"
            assert self.process.poll() is None or select.select([self.ours], [], [], 0)[0], \
                f"ended with {self.process.returncode} before {pattern!r}: {self.shown!r}"
            self.drain(0.05)
        self.read_to = found.end()
        return found

    def type(self, text):
        os.write(self.ours, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def wait(self, seconds=30):
        """The exit status (negative: of a signal), all output read."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"did not end; the terminal shows {self.shown!r}"
            self.drain(0.05)
        self.drain(0.05)
        return self.process.returncode


CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x04", "\x1a", "\x1c"
