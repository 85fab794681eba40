"""Files made to hold up, mislead or crash whoever looks at them: each gets an answer in time, one that says what
could not be read, and the next file is judged as ever."""

import json
import os
import stat
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from software import write_policy_text  # noqa: E402

ANSWER_SEC = 20  # a bound against hanging, not a measure of speed
ELF_HEAD = Path("/bin/true").read_bytes()[:4096]
POLICY = """\
proscribe: 1
policy: {name: hostile, owner: Tests}
software:
  - id: tool
    name: Tool
    is:
      - signature: tool
      - purl: pkg:npm/tool
rules:
  - {id: T-1, software: tool, risk: low, reason: {en: For tests.}, action: block}
"""
SIGNATURE = """\
rule tool {
  meta:
    class = "elf, js, script, zip, jar, pyz"
    min_size = 16
  strings:
    $a = "the marker of the unwanted tool"
  condition:
    $a
}
"""
MARKER = b"the marker of the unwanted tool"


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "policy"
    write_policy_text(folder, POLICY)
    (folder / "signatures").mkdir(mode=0o755)
    (folder / "signatures" / "tool.yar").write_text(SIGNATURE)
    return folder


@pytest.fixture
def identify(build, policy):
    def run(*files, timeout=ANSWER_SEC):
        done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", policy, *files],
                              capture_output=True, text=True, check=False, timeout=timeout)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)["files"]

    return run


def zip_of(entries, claim=None):
    """A ZIP archive; @claim(name, header) may falsify an entry of its directory."""
    body, directory = b"", b""
    for name, content in entries:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
        fields = (20, 0, 8, 0, 0, zlib.crc32(content), len(packed), len(content), len(name), 0)
        offset = len(body)
        body += struct.pack("<IHHHHHIIIHH", 0x04034b50, *fields) + name + packed
        directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, *fields, 0, 0, 0, 0, offset) + name
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + end


def sparse(path, head, size=1 << 40):
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(size)


def test_sparse_terabytes(identify, tmp_path):
    heads = {"program": ELF_HEAD, "script": b"#!/usr/bin/env node\n", "archive": zip_of([(b"a", b"b")])[:40],
             "nothing": b""}
    for name, head in heads.items():
        sparse(tmp_path / name, head)
    answers = identify(*[tmp_path / name for name in heads], timeout=4 * ANSWER_SEC)
    for answer in answers:
        assert answer["size"] == 1 << 40 and "sha256" not in answer and answer["verdict"] == "allow", answer


def test_what_is_no_regular_file_is_refused_and_not_waited_for(identify, tmp_path):
    fifo, link, loop = tmp_path / "fifo", tmp_path / "link", tmp_path / "loop"
    os.mkfifo(fifo)
    link.symlink_to("fifo")
    loop.symlink_to("loop")
    for answer in identify(fifo, link, loop, "/dev/zero", tmp_path, tmp_path / "missing"):
        assert answer["error"], answer


def test_names_are_only_data(identify, tmp_path):
    name = "new\nline \x1b[31mred\x1b[0m \u202egnp.exe"
    (tmp_path / name).write_bytes(b"#!/bin/sh\n# " + MARKER)
    raw = os.fsencode(tmp_path) + b"/\xff\xfe not UTF-8"
    Path(os.fsdecode(raw)).write_bytes(b"#!/bin/sh\n# " + MARKER)
    for answer in identify(tmp_path / name, os.fsdecode(raw)):
        assert answer["verdict"] == "block", answer


def test_names_do_not_reach_the_terminal(build, policy, tmp_path):
    (tmp_path / "a\x1b[2J\nb").write_bytes(b"#!/bin/sh\n# " + MARKER)
    done = subprocess.run([build / "proscribectl", "identify", "--policy", policy, tmp_path / "a\x1b[2J\nb"],
                          capture_output=True, check=False, timeout=ANSWER_SEC)
    assert b"\x1b" not in done.stdout and b"\x1b" not in done.stderr


METADATA = {
    "10,000 deep": b'{"name":"tool","version":"1.0.0","x":' + b"[" * 10000 + b"]" * 10000 + b"}",
    "two million bytes": b'{"name":"tool","version":"1.0.0","x":"' + b"a" * 2_000_000 + b'"}',
    "cut off": b'{"name":"tool","version":"1.0.',
    "a name with a newline": b'{"name":"to\\nol","version":"1.0.0"}',
    "a name with a zero": b'{"name":"tool\\u0000x","version":"1.0.0"}',
    "no UTF-8": b'{"name":"tool\xff","version":"1.0.0"}',
}


@pytest.mark.parametrize("what", METADATA)
def test_metadata_that_cannot_be_believed(identify, tmp_path, what):
    (tmp_path / "package.json").write_bytes(METADATA[what])
    (tmp_path / "cli.js").write_text("#!/usr/bin/env node\n")
    (answer,) = identify(tmp_path / "cli.js")
    assert answer["packages"] == [], what
    assert answer["verdict"] == "allow"


def test_metadata_that_is_no_file(identify, tmp_path):
    os.mkfifo(tmp_path / "package.json")
    (tmp_path / "cli.js").write_text("#!/usr/bin/env node\n")
    assert identify(tmp_path / "cli.js")[0]["packages"] == []
    (tmp_path / "package.json").unlink()
    (tmp_path / "package.json").symlink_to("/etc/hostname")
    assert identify(tmp_path / "cli.js")[0]["packages"] == []


def test_a_marker_in_an_archive_is_found_however_it_is_packed(identify, tmp_path):
    (tmp_path / "plain.zip").write_bytes(zip_of([(b"readme", b"x" * 100), (b"tool.js", b"y" * 70000 + MARKER)]))
    assert identify(tmp_path / "plain.zip")[0]["verdict"] == "block"


def test_zip_bombs_end(identify, tmp_path):
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(1024)) + zeros.flush()
    name = b"zeros"
    fields = (20, 0, 8, 0, 0, 0, len(packed), (1 << 30) & 0xffffffff, len(name), 0)
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, *fields) + name
    body = local + packed
    # every entry of the directory points to the same gigabyte
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, *fields, 0, 0, 0, 0, 0) + name
    directory = entry * 1000
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 1000, 1000, len(directory), len(body), 0)
    (tmp_path / "bomb.zip").write_bytes(body + directory + end)
    (answer,) = identify(tmp_path / "bomb.zip", timeout=4 * ANSWER_SEC)
    assert answer["payload_refused"] is True and answer["verdict"] == "allow"


def test_an_archive_in_an_archive_in_an_archive_is_not_followed(identify, tmp_path):
    content = zip_of([(b"tool.js", MARKER)])
    for depth in range(200):
        content = zip_of([(b"inner%d.zip" % depth, content)])
    (tmp_path / "nested.zip").write_bytes(content)
    answer = identify(tmp_path / "nested.zip")[0]
    assert answer["class"] == "zip" and answer["verdict"] in ("allow", "block")


def test_a_file_that_changes_while_it_is_read(identify, tmp_path):
    file, stop = tmp_path / "busy", threading.Event()
    content = b"#!/bin/sh\n" + os.urandom(8 << 20)
    file.write_bytes(content)

    def disturb():
        while not stop.is_set():
            with open(file, "r+b") as f:
                f.truncate(100)
                f.seek(0)
                f.write(content)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(10):
            (answer,) = identify(file)
            assert "error" in answer or answer["class"] in ("script", "unknown"), answer
    finally:
        stop.set()
        thread.join()
    file.write_bytes(b"#!/bin/sh\n# " + MARKER)
    assert identify(file)[0]["verdict"] == "block"


def test_programs_cut_anywhere(identify, tmp_path):
    whole = Path("/bin/true").read_bytes()
    files = []
    for size in [*range(0, 70), *range(70, len(whole), len(whole) // 60)]:
        file = tmp_path / f"cut-{size}"
        file.write_bytes(whole[:size])
        files.append(file)
    for answer in identify(*files, timeout=3 * ANSWER_SEC):
        assert answer["verdict"] == "allow", answer


def test_a_long_row_of_hostile_files_leaves_the_agent_as_it_was(identify, tmp_path):
    begun = time.monotonic()
    files = []
    for i in range(100):
        file = tmp_path / f"{i}"
        file.write_bytes([ELF_HEAD, b"PK\x05\x06", b"hsqs" + bytes(92), b"\x7fELF", b"#!"][i % 5] + os.urandom(3000 * i))
        files.append(file)
    last = tmp_path / "last"
    last.write_bytes(b"#!/bin/sh\n# " + MARKER)
    answers = identify(*files, last, timeout=3 * ANSWER_SEC)
    assert len(answers) == 101 and answers[-1]["verdict"] == "block"
    assert time.monotonic() - begun < 3 * ANSWER_SEC
    assert not stat.S_ISFIFO(last.stat().st_mode)
