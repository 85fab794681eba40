"""The purl specification's own test data, every case of it: what parses and into what parts, what is built from
parts, and what the canonical form of an input is; and the table of types against the definitions it was made of."""

import json
import re
import subprocess

from identity import TESTDATA, TOP, ask, load
from purl_types import generate

PARTS = ("type", "namespace", "name", "version", "qualifiers", "subpath")
EXPECTED = {"parse": 206, "build": 176, "validate": 204}


def cases(test_type):
    load("purl/tests/spec/specification-test.json")
    found = [case for path in sorted((TESTDATA / "purl/tests").glob("*/*-test.json"))
             for case in load(path)["tests"] if case["test_type"] == test_type]
    assert len(found) == EXPECTED[test_type]
    return found


def purl(build, command, lines):
    done = subprocess.run([build / "proscribectl", "purl", command, "--json", "-"], timeout=60, text=True, check=False,
                          input="".join(line + "\n" for line in lines), stdout=subprocess.PIPE)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert done.returncode == (1 if any("error" in answer for answer in answers) else 0)
    return answers


def wrong(case, answer, got):
    if case["expected_failure"]:
        return "error" not in answer
    return "error" in answer or got != case["expected_output"]


def test_parse(build):
    every = cases("parse")
    answers = purl(build, "parse", [case["input"] for case in every])
    assert not [(case, answer) for case, answer in zip(every, answers)
                if wrong(case, answer, {part: answer.get(part) for part in PARTS})]


def test_build(build):
    every = cases("build")
    answers = purl(build, "build", [json.dumps(case["input"]) for case in every])
    assert not [(case, answer) for case, answer in zip(every, answers) if wrong(case, answer, answer.get("purl"))]


def test_validate(build):
    """Inputs that others write, and their canonical form."""
    every = cases("validate")
    assert not any(case["expected_failure"] for case in every)
    answers = ask(build, [("normal-purl", case["input"]) for case in every])
    assert not [(case, answer) for case, answer in zip(every, answers) if answer != ["ok", case["expected_output"]]]


def test_table_of_types_is_what_the_definitions_make():
    load("purl/types/npm-definition.json")
    definitions = TESTDATA / "purl/types"
    assert len(list(definitions.glob("*-definition.json"))) == 42
    assert generate(definitions) == (TOP / "policy/identity/purl_types.c").read_text(encoding="utf-8")


def test_completion_offers_every_type():
    index = load("purl/purl-types-index.json")
    script = (TOP / "packaging/completion/proscribectl.bash").read_text(encoding="utf-8")
    words = re.search(r"--type\)\s+COMPREPLY=\(\$\(compgen -W '([^']*)'", script)
    assert words and words[1].split() == sorted(index)


MATCHED = ("npm", "deb", "rpm", "pypi", "vscode-extension", "golang", "cargo", "maven", "brew", "generic")


def test_what_can_be_matched(build):
    """As a policy sees them: one name with its namespace, no qualifiers and no subpath yet. What is generic has a
    namespace of ours, which no published case has; all other types are known, but not supported."""
    parse = [case for case in cases("parse") if not case["expected_failure"]]
    seen = {"ok": 0, "invalid": 0, "unsupported": 0}
    for case, answer in zip(parse, ask(build, [("purl", case["input"]) for case in parse])):
        want = case["expected_output"]
        seen[answer[0]] += 1
        if want["type"] not in MATCHED:
            assert answer[0] == "unsupported", (case, answer)
        elif want["type"] == "generic":
            assert answer[0] == "invalid" and "says where it lives" in answer[1], (case, answer)
        elif want["type"] == "brew" and want["namespace"]:
            assert answer[0] == "invalid" and "nothing on disk tells the tap" in answer[1], (case, answer)
        elif want["qualifiers"] or want["subpath"]:
            assert answer[0] == "invalid" and "cannot be matched yet" in answer[1], (case, answer)
        elif answer[0] == "invalid":
            assert "not a version of this scheme" in answer[1], (case, answer)
        else:
            name = f"{want['namespace']}/{want['name']}" if want["namespace"] else want["name"]
            assert answer[:3] == ["ok", name, want["version"] or ""], (case, answer)
    assert seen["ok"] >= 20 and seen["invalid"] >= 20 and seen["unsupported"] > 50, seen
