"""What a new signed policy of a million hashes costs: how long until it is in force, what launches notice of it, and what
its image costs at the next start. Files come from a mirror as proscribe-update leaves it; the agent verifies and compiles."""

import hashlib
import shutil
import statistics
import subprocess
import time

from support.agent import LIFETIME_SEC, wait_until
from support.enrolled import EnrolledAgent, signed_policy
from support.launch import EMPLOYEE_UID
from support.scratch import BASE
from support.software import copy_program, write_policy_text

HASHES = 1_000_000
PROGRAMS = 50  # half of them in files that an employee can write to
ROUNDS_MAX = 8
SETTLE_SEC, QUIET_SEC, AFTER_SEC = 0.3, 1.5, 0.1
SWAP_BAR_SEC, RATIO_BAR = 1.5, 3.0
POLICY = """\
proscribe: 1
policy: {name: a million, owner: Information Security}
software:
  - id: listed
    name: Listed
    is: [list: lists/listed.txt]
rules:
  - {id: R-1, software: listed, risk: high, reason: {en: Not permitted.}, action: block}
"""


def write_list(path):
    """Sizes as files have them: many, a third of them more than once."""
    with open(path, "w", encoding="ascii") as f:
        for number in range(HASHES):
            digest = hashlib.sha256(number.to_bytes(8, "little"))
            size = 1000 + int.from_bytes(digest.digest()[:4], "little") % (3 * HASHES)
            f.write(f"{digest.hexdigest()} {size} 1.{number % 100}.0\n")


class Launches:
    """An employee's launches, one after the other, all the time."""

    def __init__(self, helper, programs):
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups", "--", helper, *programs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(SETTLE_SEC)

    def end(self, begin_sec, end_sec):
        """How long each took, in microseconds, of those under way in the time between."""
        lines, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError("a launch failed")
        pairs = [[int(word) / 1e3 for word in line.split()] for line in lines.splitlines()]
        return [took for begun, took in pairs if begun + took >= begin_sec * 1e6 and begun <= end_sec * 1e6]


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


class Swaps:
    def __init__(self, build, watched):
        self.source = write_policy_text(BASE / "trust-source", POLICY)
        (self.source / "lists").mkdir()
        write_list(self.source / "lists/listed.txt")
        self.repo = signed_policy(self.source)
        folder = BASE / "trust-agent"
        folder.mkdir()
        self.agent = EnrolledAgent(build, folder, [watched], self.repo, lifetime=10 * LIFETIME_SEC)
        self.agent.updates.put(self.repo)
        self.helper = shutil.copy2(build / "tests/bench/bench_steady", BASE / "bench_steady")
        self.programs = [copy_program(build / "tests/bench/tiny", watched / f"program-{number}", extra=b"%d" % number,
                                      uid=EMPLOYEE_UID if number % 2 else 0) for number in range(PROGRAMS)]

    def publish(self, number):
        with open(self.source / "lists/listed.txt", "a", encoding="ascii") as f:
            f.write(f"{number:064x} 5\n")
        self.repo.add_folder(self.source)
        self.repo.publish()
        self.agent.updates.put(self.repo, report=False)

    def quiet(self):
        launches, begin = Launches(self.helper, self.programs), time.monotonic()
        time.sleep(QUIET_SEC)
        return launches.end(begin, time.monotonic())

    def busy(self):
        """How long the swap took, and what it did to launches until each program was judged again."""
        launches, begin = Launches(self.helper, self.programs), time.monotonic()
        answer = self.agent.update()
        took = time.monotonic() - begin
        time.sleep(AFTER_SEC)
        during = launches.end(begin, time.monotonic())
        if answer.get("changed") is not True:
            raise RuntimeError(f"the policy was not swapped: {answer}")
        return took, during


def measure_swaps(swaps, rounds, row):
    took, ratios, quiets = [], [], []
    with swaps.agent:
        swaps.agent.wait_for_policy("applied", "targets")
        for number in range(rounds):
            swaps.publish(number)
            before = swaps.quiet() if number % 2 == 0 else None
            seconds, during = swaps.busy()
            quiet = before or swaps.quiet()
            took.append(seconds)
            quiets.append(p99(quiet))
            ratios.append(p99(during) / p99(quiet))
        image = swaps.agent.kept.stat().st_size
        wait_until(lambda: not swaps.agent.kept.with_suffix(".signed.new").exists(), what="keeping the image")
    seconds, ratio = statistics.median(took), statistics.median(ratios)
    row(f"signed policy of {HASHES} hashes: verify and swap", f"{seconds * 1000:.0f} ms",
        f"bar {SWAP_BAR_SEC * 1000:.0f}: {'met' if seconds <= SWAP_BAR_SEC else 'MISSED'} ({min(took) * 1000:.0f} to "
        f"{max(took) * 1000:.0f})")
    row(f"p99 of launches meanwhile (quiet: {statistics.median(quiets):.0f} us)", f"{ratio:.2f} times",
        f"bar {RATIO_BAR:.2f}: {'met' if ratio <= RATIO_BAR else 'MISSED'}")
    row("its image, a hash", f"{image / HASHES:.1f} bytes")


def measure(build, watched, rounds, row):
    measure_swaps(Swaps(build, watched), min(rounds, ROUNDS_MAX), row)
    done = subprocess.run([build / "tests/bench/bench_image"], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        print(f"  {line}")
