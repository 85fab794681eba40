"""Asks tool_identity, and finds the published data that is not part of this repository."""

import json
import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
TESTDATA = Path(os.environ.get("PROSCRIBE_TESTDATA", TOP.parent / "shared" / "testdata"))


def load(name):
    """The content of a data file; skips the test where the data is not there."""
    path = TESTDATA / name
    if not path.exists():
        pytest.skip(f"no conformance data at {path} (PROSCRIBE_TESTDATA names its folder)")
    return json.loads(path.read_text(encoding="utf-8"))


def ask(build, questions):
    """One answer, a list of fields, for each question, a tuple of fields."""
    lines = ["\t".join(question) for question in questions]
    assert all("\n" not in line for line in lines)
    done = subprocess.run([build / "tests/component/tool_identity"], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, timeout=60, check=True)
    answers = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(answers) == len(questions)
    return answers
