"""How long it takes to tell what a large program is, with the sample policy's signatures, everything in the page cache:
`proscribectl identify` of the newest Claude Code through an agent, and one inspector alone on programs of all kinds."""

import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from support import packages
from support.agent import Agent
from support.scratch import BASE
from support.software import copy_program

POLICY = Path(__file__).resolve().parent.parent.parent / "packaging/examples/high-risk"
BRANDS = re.compile(rb"claude|anthropic|tengu", re.IGNORECASE)
LARGE_MEGABYTES = 200
IDENTIFY_BAR_MSEC, INSPECTOR_BAR_MSEC = 400, 2
HELPERS = ("tests/bench/bench_inspect", "proscribe-inspector", "proscribe-compiler")


def verdict(msec, bar):
    return f"bar {bar}: {'met' if msec <= bar else 'MISSED'}"


def without_brands(source, target):
    target.write_bytes(BRANDS.sub(lambda match: b"x" * len(match.group()), source.read_bytes()))
    return target


def large_program(build, target):
    copy_program(build / "tests/bench/tiny", target)
    with open(target, "ab") as file:
        for _ in range(LARGE_MEGABYTES):
            file.write(os.urandom(1 << 20))
    return target


def identify_msec(agent, path, rounds):
    """Wall time of the whole command, and what it said."""
    took = []
    for _ in range(rounds + 1):  # the first does not count
        begin = time.monotonic()
        done = agent.ctl("identify", str(path))
        took.append((time.monotonic() - begin) * 1000)
        if not re.search(r"^ *verdict +block$", done.stdout, re.MULTILINE):
            raise RuntimeError(f"{path} is not banned: {done.stdout}{done.stderr}")
    return statistics.median(took[1:])


def inspect_msec(build, folder, files, rounds):
    """Of each file (what a launch waits for, the whole of it), with the helpers where the program looks for them."""
    for helper in HELPERS:
        shutil.copy2(build / helper, folder)
    done = subprocess.run([folder / "bench_inspect", POLICY, str(rounds), *files], capture_output=True, text=True,
                          check=True)
    return [[int(number) / 1000 for number in line.split()[:2]] for line in done.stdout.splitlines()]


def measure(build, watched, rounds, row):
    try:
        newest = packages.npm("@anthropic-ai/claude-code-linux-x64") / "claude"
        others = [("OpenCode", packages.npm("opencode-linux-x64") / "bin/opencode"),
                  ("Claude Code 2.1.113", packages.npm("@anthropic-ai/claude-code-linux-x64", "2.1.113") / "claude"),
                  ("Claude Code 2.1.91", packages.npm("@anthropic-ai/claude-code", "2.1.91") / "cli.js")]
    except packages.Unavailable as reason:
        print(f"  identify: not measured: {reason}")
        return
    folder = BASE / "identify"
    folder.mkdir()
    shutil.copytree(POLICY, folder / "policy")
    edited, large = without_brands(newest, folder / "edited"), large_program(build, folder / "large")
    size = f"{newest.stat().st_size // 1000000} MB"
    title = f"Claude Code {newest.parent.name} ({size})"
    with Agent(build, folder, folder / "policy", [watched]) as agent:
        for what, path in ((f"identify {title}", newest), ("the same, every brand word overwritten", edited)):
            msec = identify_msec(agent, path, rounds)
            row(what, f"{msec:.0f} ms", verdict(msec, IDENTIFY_BAR_MSEC))
    files = [(f"an unlisted {LARGE_MEGABYTES} MB ELF", large), (title, newest), ("the same, edited", edited), *others]
    for (what, _), (answer, everything) in zip(files, inspect_msec(build, folder, [path for _, path in files], rounds)):
        bar = verdict(answer, INSPECTOR_BAR_MSEC) if what == files[0][0] else ""
        row(f"inspector: {what}; before a launch, in all", f"{answer:.2f}, {everything:.2f} ms", bar)
    shutil.rmtree(folder)
