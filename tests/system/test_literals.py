"""tests/support/literals.py: rules made from what releases have in common."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parent.parent / "support/literals.py"
WORDS = ("Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grape", "Haven", "Ivory", "Jumbo", "Karst", "Lemon")
SENTENCES = [f"{first} means nothing without {second}" for first in WORDS for second in WORDS]
LIBRARY = [f"{word} comes from a library that others have too" for word in WORDS]
BRANDED = [f"{word} is what makes Acme the best there is" for word in WORDS]

pytestmark = pytest.mark.skipif(not shutil.which("yara"), reason="yara is not installed")


def javascript(*sentences):
    return "".join(f'f("{sentence}",{len(sentence)});\n' for sentence in sentences).encode()


def bun_program(*texts):
    """As `bun build --compile` makes them: the texts, byte code that says what they do not, a table and a trailer."""
    noise = javascript("Byte code is nothing to make a rule from at all")
    contents, table = bytearray(noise), b""
    for text in texts:
        text = b"// @bun\n" + text
        table += struct.pack("<13I", 0, 1, len(contents), len(text), *[0] * 9)
        contents += text
    numbers = struct.pack("<QIIIIII", len(contents) + len(table), len(contents), len(table), 0, 0, 0, 0)
    return b"\x7fELF" + noise + contents + table + numbers + b"\n---- Bun! ----\n" + bytes(100)


@pytest.fixture
def files(tmp_path):
    made = {
        "release-1": javascript(*SENTENCES, *LIBRARY, *BRANDED, "Only the first release says such a thing"),
        "release-2": javascript(*LIBRARY, *reversed(SENTENCES), *BRANDED),
        "release-3": bun_program(javascript(*SENTENCES), javascript(*BRANDED, *LIBRARY)),
        "library/index.js": b"exports.a = '" + "; ".join(LIBRARY).encode() + b"'",
    }
    for name, content in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def make(files, *options):
    return subprocess.run([TOOL, "--name", "acme", "--meta", "purl=pkg:npm/acme", "--meta", "min_size=1000",
                           "--brand", "ACME", "--count", "100", "--at-least", "30",
                           "--same", *(f"r{n}={files}/release-{n}" for n in (1, 2, 3)),
                           "--other", f"lib={files}/library", *options], capture_output=True, text=True, check=False)


def matches(rule, path):
    done = subprocess.run(["yara", "-", path], input=rule, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return "acme" in done.stdout


def test_it_takes_what_all_releases_share_and_nothing_else(files):
    rule = make(files).stdout
    taken = [line.split('"')[1] for line in rule.splitlines() if line.strip().startswith("$s")]
    assert len(set(taken)) == 100 and set(taken) <= set(SENTENCES)
    assert "min_size = 1000\n" in rule and "30 of ($s*) or 30 of ($w*)" in rule
    assert "made from: r1 100, r2 100, r3 100\n" in rule and "made without: lib 0\n" in rule


def test_it_makes_the_same_rule_from_the_same_files(files):
    assert make(files).stdout == make(files).stdout != ""


def test_the_rule_survives_who_edits_the_brand_out(files):
    rule = make(files).stdout
    edited = files / "edited"
    for release in ("release-1", "release-2", "release-3"):
        assert matches(rule, files / release)
        edited.write_bytes((files / release).read_bytes().replace(b"Acme", b"xxxx"))
        assert matches(rule, edited)
        edited.write_text((files / "release-2").read_text(), encoding="utf-16")
        assert matches(rule, edited)
    assert not matches(rule, files / "library/index.js")


def test_files_held_back_are_counted_and_change_nothing(files):
    (files / "fork").write_bytes(javascript(*SENTENCES[:72]))
    rule, other = make(files, "--check", f"fork={files}/fork").stdout, make(files).stdout
    assert "held back: fork " in rule
    assert rule.partition("rule acme")[2] == other.partition("rule acme")[2]


def test_too_few_sentences_are_an_error(files):
    (files / "release-2").write_bytes(javascript(*SENTENCES[:99]))
    done = make(files)
    assert done.returncode == 1 and "only 99 sentences are left, fewer than --count 100" in done.stderr
