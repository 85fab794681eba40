"""npm's own semver package as an oracle: random versions, compared by it and by us."""

import json
import random
import shutil
import subprocess

import pytest
from identity import ask

PAIRS = 3000
ORACLE = """
const semver = require("semver");
const pairs = JSON.parse(require("fs").readFileSync(0, "utf8"));
const clean = v => semver.parse(v.replace(/^[v=\\s]+/, ""));
const answer = ([a, b]) => {
    const x = clean(a), y = clean(b);
    return x && y ? ["ok", String(semver.compare(x, y))] : ["invalid"];
};
console.log(JSON.stringify(pairs.map(answer)));
"""


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("oracle")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0",
               "--fetch-timeout=20000", "semver@7"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=100, check=False)
    if done.returncode:
        pytest.skip("npm cannot be reached, so there is no oracle: " + done.stdout[-200:])
    return folder


def random_identifier(dice):
    return dice.choice(["0", "1", "2", "10", "01", "a", "b", "A", "Z", "-", "--", "1a", "a1", "alpha", "beta", "rc",
                        "x-y", "", "4503599627370497", str(dice.randrange(100))])


def random_version(dice):
    numbers = [dice.choice(["0", "1", "2", "9", "10", "11", "01", "9007199254740991", "9007199254740992"])
               if dice.random() < 0.1 else str(dice.randrange(3)) for _ in range(3)]
    text = dice.choice(["", "", "", "", "v", "=", " ", "= v"]) + ".".join(numbers)
    if dice.random() < 0.6:
        text += "-" + ".".join(random_identifier(dice) for _ in range(dice.randrange(1, 4)))
    if dice.random() < 0.2:
        text += "+" + ".".join(random_identifier(dice) for _ in range(dice.randrange(1, 3)))
    if dice.random() < 0.03:
        text = text[:dice.randrange(len(text) + 1)] + dice.choice([".", "-", "x", "é", "+", " "])
    return text


def test_random_versions(build, oracle):
    dice = random.Random(20260703)
    pairs = [(random_version(dice), random_version(dice)) for _ in range(PAIRS)]
    done = subprocess.run(["node", "-e", ORACLE], cwd=oracle, input=json.dumps(pairs), text=True,
                          stdout=subprocess.PIPE, timeout=60, check=True)
    theirs = json.loads(done.stdout)
    ours = ask(build, [("compare", a, b) for a, b in pairs])
    differing = [(pair, our, their) for pair, our, their in zip(pairs, ours, theirs)
                 if our[:2] != their[:2] and (our[0], their[0]) != ("invalid", "invalid")]
    assert not differing
    assert sum(their[0] == "ok" for their in theirs) > PAIRS / 3
