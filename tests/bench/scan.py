"""How long a scan takes over a tree in which nothing is banned, against `find -xdev -type f` on the same warm tree, and what
memory it needs. The sample policy has signatures, so the size of every file is asked for."""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from support.agent import children_of

POLICY = Path(__file__).resolve().parent.parent.parent / "packaging/examples/high-risk"
FILES_IN_A_FOLDER, FOLDERS_IN_A_FOLDER = 100, 100
BAR = 3.0
ROUNDS_MAX = 5


def make_tree(top, count):
    """Text files of no or few bytes, as most of what lies in homes and source trees."""
    for number in range(0, count, FILES_IN_A_FOLDER):
        index = number // FILES_IN_A_FOLDER
        folder = top / f"d{index // FOLDERS_IN_A_FOLDER:04}" / f"e{index % FOLDERS_IN_A_FOLDER:03}"
        folder.mkdir(parents=True)
        for i in range(min(FILES_IN_A_FOLDER, count - number)):
            fd = os.open(folder / f"file-{i:04}.txt", os.O_CREAT | os.O_WRONLY, 0o644)
            os.write(fd, b"x" * (i % 4 * 40))
            os.close(fd)


def timed(*command):
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return time.monotonic() - begin


def descendants(pid):
    for child in children_of(pid):
        yield child
        yield from descendants(child)


def peaks_megabytes(*command):
    """The most memory that each kind of process below the command had in use."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
    peaks = {}
    while not ended.wait(0.01):
        for pid in [process.pid, *descendants(process.pid)]:
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            name, peak = re.search(r"Name:\s+(\S+)", status), re.search(r"VmHWM:\s+(\d+)", status)
            if peak:
                peaks[name.group(1)] = max(peaks.get(name.group(1), 0), int(peak.group(1)) / 1024)
    return peaks


def measure(build, count, rounds, row):
    top = Path(tempfile.mkdtemp(prefix="proscribe-scan-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    find = ("find", top, "-xdev", "-type", "f")
    scan = (build / "proscribectl", "scan", "--policy", POLICY, top)
    try:
        make_tree(top, count)
        for warm in (find, scan):
            timed(*warm)
        pairs = [(timed(*find), timed(*scan), timed("chrt", "--idle", "0", *find))
                 for _ in range(min(rounds, ROUNDS_MAX))]
        peaks = peaks_megabytes(*scan)
    finally:
        shutil.rmtree(top)
    ratio = statistics.median(s / f for f, s, _ in pairs)
    row(f"scan of {count} files", f"{statistics.median(s for _, s, _ in pairs):.2f} s")
    row("the same / find -xdev -type f", f"{ratio:.2f}", f"bar {BAR:.2f}: {'met' if ratio <= BAR else 'MISSED'}")
    row("the same / a find that gives way, too", f"{statistics.median(s / i for _, s, i in pairs):.2f}")
    for name, peak in sorted(peaks.items()):
        if name.startswith("proscribe"):
            row(f"memory of {name} at most (RSS)", f"{peak:.1f} MB")
