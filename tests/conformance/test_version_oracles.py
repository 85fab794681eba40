"""Each ecosystem's own tool as an oracle for the order of its versions: thousands of random pairs, compared by it and by us.

Where one of the two takes a text for no version of the scheme, the pair is left out, but it must not be most of them.
"""

import os
import random
import re
import shutil
import subprocess
import sys

import pytest
from identity import ask

PAIRS = 4000
MAVEN_JAR = "/usr/share/maven/lib/maven-artifact-3.x.jar"
# Maven nests its lists, and compares a list with a word and a number by what they are. So it differs from its own version order
# specification (and is not transitive) where a qualifier stands behind a dot, "final" is not the last word, or a hyphen is doubled.
MAVEN_NESTS = re.compile(r"\.[A-Za-z]|(final|ga|release)-|--", re.IGNORECASE)
PYTHON_PACKAGING = """
import sys
from packaging.version import InvalidVersion, Version
for line in sys.stdin:
    try:
        a, b = map(Version, line.split())
        print((a > b) - (a < b))
    except InvalidVersion:
        print("invalid")
"""
APT_PKG = """
import sys
import apt_pkg
apt_pkg.init_system()
for line in sys.stdin:
    r = apt_pkg.version_compare(*line.split())
    print((r > 0) - (r < 0))
"""
RUBY = """
STDIN.each_line do |line|
  begin
    a, b = line.split.map { |text| Gem::Version.new(text) }
    puts a <=> b
  rescue ArgumentError
    puts "invalid"
  end
end
"""
RPM = '%{{lua: for line in io.lines("{path}") do a, b = line:match("(%S+) (%S+)") print(rpm.vercmp(a, b) .. "\\n") end}}'


def pieces(dice, words, least, most):
    return "".join(dice.choice(words) for _ in range(dice.randint(least, most)))


def numbers(dice, most=4):
    return ".".join(dice.choice(["0", "1", "2", "9", "10", "01", "20240101"]) for _ in range(dice.randint(1, most)))


def deb(dice):
    epoch = dice.choice(["", "", "", "0:", "1:", "10:"])
    revision = dice.choice(["", "-0", "-1", "-1~bpo12+1", "-1+deb12u1", "-0ubuntu1", "-1.1"])
    words = ["0", "1", "10", "00", "a", "b", "Z", ".", ".", "+", "~", "~", "rc", "+dfsg", "-"]
    return epoch + dice.choice("0129") + pieces(dice, words, 0, 5) + revision


def rpm(dice):
    words = ["0", "1", "10", "00", "a", "b", "Z", ".", ".", "+", "_", "~", "^", "rc", "git"]
    release = dice.choice(["", "", "-1", "-1.fc38", "-2.el9_1", "-0.1.rc1", "-01"])
    return dice.choice(["", "", "0:", "1:"]) + pieces(dice, ["0", "1", "2", "a"], 1, 1) + pieces(dice, words, 0, 5) + release


def pypi(dice):
    text = dice.choice(["", "", "", "v", "0!", "1!"]) + numbers(dice)
    for words in (["a", "b", "rc", "c", "alpha", "beta", "pre", "preview", "RC"], ["post", "r", "rev", "-", "POST"], ["dev"]):
        if dice.random() < 0.35:
            word = dice.choice(words)
            first, second = (dice.choice(["", ".", "-", "_"]) for _ in range(2))
            text += "-1" if word == "-" else first + word + second + dice.choice(["", "0", "1", "02", "10"])
    if dice.random() < 0.2:
        text += "+" + dice.choice([".", "-", "_"]).join(
            dice.choice(["1", "01", "10", "a", "B", "abc", "1a"]) for _ in range(dice.randint(1, 3)))
    return text if dice.random() > 0.02 else text + dice.choice([".", "+", "x", "!"])


def gem(dice):
    text = numbers(dice)
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        text += "." + dice.choice(["a", "b", "rc1", "pre", "0", "A", "alpha", "1a", "0a0", "beta.1"])
    return text + dice.choice(["", "", "", "-1", "-java", "-rc.1", "-0-a"])


def maven(dice):
    text = dice.choice(["0", "1", "2", "10", "31"]) + dice.choice(["", ".0", ".1", ".10", ".01"]) + dice.choice(["", ".0", ".2"])
    for _ in range(dice.choice([0, 1, 1, 2])):
        text += dice.choice(["-", ".", "-"]) + dice.choice(
            ["alpha", "beta-1", "beta2", "milestone1", "M1", "b2", "a", "rc1", "RC2", "CR1", "SNAPSHOT", "jre", "android", "sp", "SP1",
             "final", "ga", "RELEASE", "Final", "1", "2", "v20200101", "foo"])
    return text


def compare(build, scheme, make, oracle, seed):
    """What differs, and how many pairs both took for versions."""
    dice = random.Random(seed)
    pairs = [(make(dice), make(dice)) for _ in range(PAIRS)]
    # Half the pairs differ in little: what random texts rarely do.
    pairs += [(a, a[:dice.randrange(len(a)) + 1] + dice.choice(["", "0", "1", ".0", "a", "~", "-1"])) for a, _ in pairs]
    theirs = oracle(pairs)
    assert len(theirs) == len(pairs)
    ours = ask(build, [("version", scheme, a, b) for a, b in pairs])
    both = [(pair, our[1], their) for pair, our, their in zip(pairs, ours, theirs) if our[0] == "ok" and their != "invalid"]
    return [case for case in both if case[1] != case[2]], len(both), [
        (pair, our, their) for pair, our, their in zip(pairs, ours, theirs) if (our[0] == "ok") != (their != "invalid")]


def lines_of(command, pairs, **options):
    done = subprocess.run(command, input="".join(f"{a} {b}\n" for a, b in pairs), text=True, stdout=subprocess.PIPE, timeout=100,
                          check=True, **options)
    return done.stdout.split()


def test_deb_by_apt(build):
    pytest.importorskip("apt_pkg", reason="python3-apt is not installed")
    differing, n, _ = compare(build, "deb", deb, lambda pairs: lines_of([sys.executable, "-c", APT_PKG], pairs), 20261121)
    assert not differing
    assert n > PAIRS


def test_deb_by_dpkg(build):
    """dpkg takes one pair a process, so there are fewer of them."""
    if not shutil.which("dpkg"):
        pytest.skip("dpkg is not installed")
    dice = random.Random(7)
    pairs = [(deb(dice), deb(dice)) for _ in range(300)]
    for (a, b), our in zip(pairs, ask(build, [("version", "deb", a, b) for a, b in pairs])):
        if our[0] == "ok":
            word = {"-1": "lt", "0": "eq", "1": "gt"}[our[1]]
            assert subprocess.run(["dpkg", "--compare-versions", a, word, b], check=False).returncode == 0, (a, word, b)


def test_pypi_by_packaging(build):
    pytest.importorskip("packaging", reason="python3-packaging is not installed")
    differing, n, refused = compare(build, "pypi", pypi, lambda pairs: lines_of([sys.executable, "-c", PYTHON_PACKAGING], pairs), 440)
    assert not differing
    assert not refused
    assert n > PAIRS


def test_rpm_by_rpm(build, tmp_path):
    if not shutil.which("rpm"):
        pytest.skip("rpm is not installed")

    def oracle(pairs):
        path = tmp_path / "pairs"
        path.write_text("".join(f"{a} {b}\n" for a, b in pairs), encoding="ascii")
        done = subprocess.run(["rpm", "--eval", RPM.format(path=path)], text=True, stdout=subprocess.PIPE, timeout=100, check=True)
        return done.stdout.split()

    differing, n, _ = compare(build, "rpm", rpm, oracle, 418)
    assert not differing
    assert n > PAIRS


def test_gem_by_ruby(build):
    if not shutil.which("ruby"):
        pytest.skip("ruby is not installed")
    differing, n, refused = compare(build, "gem", gem, lambda pairs: lines_of(["ruby", "-rrubygems", "-e", RUBY], pairs), 3)
    assert not differing
    assert not refused
    assert n > PAIRS


def test_maven_by_maven(build):
    """Maven compares neighbours of its command line, so the pairs are laid end to end."""
    if not shutil.which("java") or not os.path.exists(MAVEN_JAR):
        pytest.skip("java or Maven is not installed")

    def oracle(pairs):
        classes = MAVEN_JAR + ":/usr/share/java/commons-lang3.jar"
        done = subprocess.run(["java", "-cp", classes, "org.apache.maven.artifact.versioning.ComparableVersion",
                               *(text for pair in pairs for text in pair)], text=True, stdout=subprocess.PIPE, timeout=100, check=True)
        between = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("   ")]
        return [{"<": "-1", "==": "0", ">": "1"}[word] for word in between[::2]]

    differing, n, _ = compare(build, "maven", maven, oracle, 387)
    assert [case for case in differing if not any(map(MAVEN_NESTS.search, case[0]))] == []
    assert len(differing) < n // 50
    assert n > PAIRS
