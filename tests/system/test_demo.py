"""`make demo` with the sample package: works, says what it does, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, str(TOP / "tests/demo/run")]


def traces():
    """What a program could leave behind on this machine."""
    loops = subprocess.run(["losetup", "--list", "--noheadings"], capture_output=True, text=True, check=False).stdout
    temporary = {p.name for p in Path("/tmp").iterdir()}
    return loops, temporary


@pytest.mark.root
@pytest.mark.timeout(200)
def test_the_demo_works_and_leaves_nothing_behind(build):
    loops, temporary = traces()
    demo = subprocess.run([*DEMO, "--build", build, "--sample"], capture_output=True, text=True, timeout=180, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "sample package" in demo.stdout and "It worked" in demo.stdout
    assert demo.stdout.count("refused, as the policy says") == 3
    after_loops, after_temporary = traces()
    assert after_loops == loops
    assert {name for name in after_temporary - temporary if "proscribe" in name or "demo" in name} == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_the_demo_needs_root_and_says_so():
    demo = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", sys.executable, "-"],
                          input=Path(DEMO[1]).read_text().replace("Path(__file__)", f"Path({DEMO[1]!r})"),
                          capture_output=True, text=True, check=False)
    assert demo.returncode == 2 and "sudo make demo" in demo.stderr
