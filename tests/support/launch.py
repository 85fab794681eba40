"""Launches programs the way an employee would: as an unprivileged user, with or without a terminal."""

import dataclasses
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

EMPLOYEE_UID = 65534
TIMEOUT_SEC = 20


@dataclasses.dataclass
class Launch:
    error: int  # errno of a refused execve(), 0 when it ran
    status: int  # exit status, negative: a signal; None when it never ran
    output: str
    seconds: float

    @property
    def refused(self):
        return self.error == errno.EPERM


def launch(*argv, uid=EMPLOYEE_UID, timeout_sec=TIMEOUT_SEC, cwd="/"):
    """Runs it without a terminal; tells a launch that was refused from a program that failed."""
    started = time.monotonic()
    try:
        done = subprocess.run([str(a) for a in argv], user=uid, group=uid, extra_groups=[], cwd=cwd, env=environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout_sec, check=False)
        return Launch(0, done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - started)
    except OSError as failure:
        return Launch(failure.errno, None, str(failure), time.monotonic() - started)


def launch_on_terminal(*argv, uid=EMPLOYEE_UID, columns=80, wait_for=None, linger_sec=1.0, timeout_sec=TIMEOUT_SEC,
                       prefix=(), search=""):
    """Runs it from a shell on a terminal of its own and returns (exit status the shell saw, all the terminal showed).
    The shell stays for @linger_sec, or until @wait_for was shown, since notices follow the answer.
    @search goes before the usual PATH; @prefix is what root runs the shell with."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.fchown(slave, uid, -1)
    script = '"$@"; echo "[status $?]"; read -r _'
    shell = subprocess.Popen([*prefix, "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--",
                              "/bin/sh", "-c", script, "sh", *[str(a) for a in argv]],
                             stdin=slave, stdout=slave, stderr=slave, cwd="/", env=environment(search),
                             start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    try:
        shown = read_terminal(master, wait_for, linger_sec, timeout_sec)
        os.write(master, b"\n")
        shell.wait(5)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        os.close(master)
    text = shown.decode(errors="replace")
    status = text.rpartition("[status ")[2].partition("]")[0]
    return int(status) if status.isdigit() else None, text


def read_terminal(master, wait_for, linger_sec, timeout_sec):
    shown, ended_at, deadline = b"", None, time.monotonic() + timeout_sec
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.05)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:  # the last one who had the terminal open is gone
                break
        if ended_at is None and b"[status " in shown:
            ended_at = time.monotonic()
        if ended_at is not None:
            if wait_for is None and time.monotonic() - ended_at > linger_sec:
                break
            if wait_for is not None and wait_for.encode() in shown:
                wait_for = None
                ended_at = time.monotonic() - linger_sec + 0.3  # the rest of the notice
    return shown


def environment(search=""):
    return {"PATH": f"{search}:/usr/local/bin:/usr/bin:/bin".lstrip(":"), "HOME": "/nonexistent", "LANG": "C.UTF-8", "TERM": "xterm"}
