#!/usr/bin/python3
"""Makes a signature out of what a program says: sentences that all its releases share and that no other software has.

usage: tests/support/literals.py --name RULE [options] --same [LABEL=]FILE... --other [LABEL=]PATH... >RULE.yar

tests/support/claude-code-literals is how one of the sample policy's rules was made.

Such a rule survives whoever edits the program's name out of it: none of the sentences has a brand word, and
most of them may be lost. It is made in four steps, none of them by chance, so that the same files give the same rule:

  1. Every run of letters and spaces that begins with a capitalised word, of 24 to 80 characters, is taken from
     each release (of a Bun program, from the text of its modules); those in all of them are kept.
  2. Those with a brand word are dropped, and those for which YARA would not look by their first four letters:
     words that begin with a capital are rare in code, and searching for nothing else is twice as fast.
  3. Those that occur anywhere in --other (files, or folders with all that is in them) are dropped: give it runtimes,
     similar programs and above all the libraries that the program is built from.
  4. Of the rest, --count are taken in the order of their SHA-256.

Each is searched for in UTF-16 as well, as a program made with Bun has text that is not all Latin. Strings of their
own cost nothing where there is no such text; `ascii wide` would make the search for both much slower.

The rule's head says how many of them each file has. Files given by --check are counted there and had no say in the
choice: releases and programs that are held back tell best what the rule will make of those to come.
Paths may also be npm:NAME@VERSION or npm:NAME@VERSION:FILE, fetched when they are not in the cache. Files with the
same label are counted as one. The program `yara` must be installed.
"""

import argparse
import hashlib
import mmap
import re
import struct
import subprocess
import sys
import tempfile
import textwrap
from collections import defaultdict
from pathlib import Path

import packages

SENTENCE = re.compile(rb"(?<![A-Za-z])[A-Z][a-z]{3,}(?: [A-Za-z]+){2,}")
SHORTEST, LONGEST = 24, 80
ATOM = 4  # bytes of a string that YARA looks for before it compares the rest
BUN_TRAILER = b"\n---- Bun! ----\n"
BUN_TAIL, BUN_RECORD = 128 << 10, 52
YARA_TIMEOUT_SEC = 3600


def bun_texts(content):
    """The JavaScript modules of a program made with `bun build --compile`, or None."""
    trailer = content.rfind(BUN_TRAILER, max(0, len(content) - BUN_TAIL))
    if trailer < 0:
        return None
    size, table, table_size, *_ = struct.unpack("<QIIIIII", content[trailer - 32:trailer])
    base = trailer - 32 - size
    texts = []
    for at in range(base + table, base + table + table_size, BUN_RECORD):
        _, _, offset, length = struct.unpack("<IIII", content[at:at + 16])
        text = content[base + offset:base + offset + length]
        if text.startswith(b"// @bun"):
            texts.append(text)
    return texts


def sentences(path):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        texts = bun_texts(content) or [content[:]]
    found = set()
    for text in texts:
        found.update(match.group()[:LONGEST].rstrip() for match in SENTENCE.finditer(text))
    return {sentence for sentence in found if len(sentence) >= SHORTEST}


def atom(text):
    """The part of @text that YARA 4 looks for: the first of those that it thinks the rarest."""
    def quality(part):
        return sum(12 if byte == 0x20 else 18 for byte in part) + 2 * len(set(part))

    return max((text[i:i + ATOM] for i in range(len(text) - ATOM + 1)), key=quality)


def rule(name, meta, texts, condition, encodings=(("s", ""),)):
    lines = [f"rule {name}", "{", *(["\tmeta:"] if meta else [])]
    lines += [f"\t\t{key} = {value if isinstance(value, int) else quoted(value)}" for key, value in meta.items()]
    lines += ["\tstrings:"]
    for letter, encoding in encodings:
        lines += [f"\t\t${letter}{number:03} = {quoted(text.decode())}{encoding}" for number, text in enumerate(texts)]
    return "\n".join([*lines, "\tcondition:", f"\t\t{condition}", "}", ""])


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def occurring(texts, path):
    """Which of @texts occur in the file, or anywhere in the folder, @path."""
    if not texts:
        return set()
    with tempfile.NamedTemporaryFile("w", suffix=".yar") as source:
        source.write(rule("search", {}, texts, "any of them"))
        source.flush()
        done = subprocess.run(["yara", "--no-warnings", "--recursive", "--no-follow-symlinks", "--print-strings",
                               source.name, str(path)], stdout=subprocess.PIPE, timeout=YARA_TIMEOUT_SEC, check=False)
    if done.returncode != 0 and not Path(path).is_dir():
        raise SystemExit(f"yara could not search {path}")
    return {texts[int(number)] for number in re.findall(rb"^0x[0-9a-f]+:\$s(\d+):", done.stdout, re.MULTILINE)}


def choose(options):
    common = set.intersection(*(sentences(path) for _, path in options.same))
    brands = [word.lower().encode() for word in options.brand]
    left = sorted(text for text in common
                  if not any(brand in text.lower() for brand in brands) and atom(text) == text[:ATOM])
    print(f"{len(common)} in all releases, {len(left)} of use", file=sys.stderr)
    for label, path in options.other:
        found = occurring(left, path)
        left = [text for text in left if text not in found]
        print(f"{len(left)} left, {len(found)} were in {label}", file=sys.stderr)
    if len(left) < options.count:
        raise SystemExit(f"only {len(left)} sentences are left, fewer than --count {options.count}")
    return sorted(left, key=lambda text: hashlib.sha256(text).digest())[:options.count]


def head(options, chosen):
    rows = [("made from", options.same), ("made without", options.other), ("held back", options.check)]
    text = f"{options.title} Any {options.at_least} of {len(chosen)} are enough." if options.title else ""
    lines = wrapped(text)
    lines += ["// $w are the same in UTF-16, as Bun may store them.",
              "// Made by tests/support/literals.py; how many of them each file has:"]
    for title, files in rows:
        found = defaultdict(set)
        for label, path in files:
            found[label] |= occurring(chosen, path)
        counted = ", ".join(f"{label}\N{NO-BREAK SPACE}{len(texts)}" for label, texts in found.items())
        lines += wrapped(f"  {title}: {counted}", "    ") if found else []
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ") + "\n"


def wrapped(text, indent=""):
    return [f"// {line}" for line in textwrap.wrap(text, 97, subsequent_indent=indent, break_on_hyphens=False)]


def labelled(text):
    """Argument of --same and the like as (label, path)."""
    label, equals, path = text.partition("=")
    if not equals:
        label, path = Path(text).name, text
    if not path.startswith("npm:"):
        return label, Path(path)
    name, _, version = path.removeprefix("npm:").rpartition("@")
    version, _, file = version.partition(":")
    try:
        return label, packages.npm(name, version) / file
    except packages.Unavailable as reason:
        raise SystemExit(f"{path}: {reason}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\nusage")[0],
                                     epilog=__doc__.partition(">RULE.yar\n\n")[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="of the rule")
    parser.add_argument("--title", default="", help="a sentence about it for its head")
    parser.add_argument("--meta", action="append", default=[], metavar="KEY=VALUE",
                        help="purl, class, min_size, max_size, version; see proscribe-policy(5)")
    parser.add_argument("--brand", action="append", default=[], metavar="WORD", help="in no sentence, in any case")
    parser.add_argument("--count", type=int, default=200, help="sentences in the rule (200)")
    parser.add_argument("--at-least", type=int, default=60, help="how many of them are enough (60)")
    parser.add_argument("--same", type=labelled, nargs="+", required=True, metavar="[LABEL=]FILE", help="releases")
    parser.add_argument("--other", type=labelled, nargs="+", default=[], metavar="[LABEL=]PATH", help="other software")
    parser.add_argument("--check", type=labelled, nargs="+", default=[], metavar="[LABEL=]PATH", help="only count these")
    options = parser.parse_args()
    meta = dict(pair.split("=", 1) for pair in options.meta)
    meta = {key: int(value) if value.isdigit() else value for key, value in meta.items()}
    chosen = choose(options)
    condition = f"{options.at_least} of ($s*) or {options.at_least} of ($w*)"
    print(head(options, chosen) + rule(options.name, meta, chosen, condition, (("s", ""), ("w", " wide"))), end="")


if __name__ == "__main__":
    main()
