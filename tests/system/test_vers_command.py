"""proscribectl vers: answers, errors and exit codes, one case or one a line."""

import json
import subprocess

import pytest

FINE, FAILED, USAGE = range(3)


def run(build, *arguments, lines=None):
    done = subprocess.run([build / "proscribectl", "vers", *arguments], input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=30, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("arguments, code, answer", [
    (["compare", "deb", "1.0~rc1-1", "1.0-1"], FINE, "<"),
    (["compare", "pypi", "1.0", "1.0.0"], FINE, "="),
    (["compare", "npm", "2.1.113", "2.1.91"], FINE, ">"),
    (["compare", "deb", "banana", "1.0"], FAILED, "error: this is not a version of this scheme: [EPOCH:]UPSTREAM[-REVISION] is wanted"),
    (["compare", "generic", "1", "2"], FAILED, "error: the scheme generic has no order"),
    (["compare", "nmp", "1", "2"], FAILED, "error: this version scheme is not known"),
    (["compare", "all", "1", "2"], FAILED, "error: the schemes all and none have no order"),
    (["contains", "vers:rpm/>=1.0|<2.0", "1.5-1.fc38"], FINE, "yes"),
    (["contains", "vers:rpm/>=1.0|<2.0", "2.0"], FINE, "no"),
    (["contains", "vers:none/*", "1"], FINE, "no"),
    (["contains", "vers:deb/<1.0|>=", "1"], FAILED, "error: a version is missing behind a comparator"),
    (["contains", "vers:npm/*", "one"], FAILED, "error: this is not a version of this scheme: three numbers are wanted"),
])
def test_one_case(build, arguments, code, answer):
    got, out, err = run(build, *arguments)
    assert (got, err) == (code, "") and out.startswith(answer) and out.count("\n") == 1, (got, out, err)


@pytest.mark.parametrize("arguments, said", [
    (["compare"], "'vers compare' wants SCHEME A B"),
    (["compare", "deb", "1"], "'vers compare' wants SCHEME A B"),
    (["contains", "vers:npm/*"], "'vers contains' wants RANGE VERSION"),
    (["contains", "vers:npm/*", "1", "2"], "unexpected argument '2'"),
    (["compares"], "did you mean 'vers compare'?"),
    ([], "'vers' wants another word: compare, contains"),
])
def test_usage(build, arguments, said):
    code, out, err = run(build, *arguments)
    assert (code, out) == (USAGE, "") and said in err, (code, out, err)


def test_one_answer_a_line(build):
    lines = b"deb 1 2\n\nrpm\t1.0  1.0\nnpm 1.0.0 x\xff\ndeb 1 2 3\ndeb 1\0 2\ndeb " + b"1" * 20000 + b" 2\npypi 2 1"
    code, out, err = run(build, "compare", "-", lines=lines)
    answers = out.splitlines()
    assert (code, err, len(answers)) == (FAILED, "", 8)
    assert [answers[i] for i in (0, 2, 7)] == ["<", "=", ">"]
    assert all(answers[i].startswith("error: ") for i in (1, 3, 4, 5, 6))
    assert run(build, "contains", "-", lines=b"vers:golang/>=v1.2 v1.3.0\nvers:golang/>=v1.2 v1.1.9\n") == (FINE, "yes\nno\n", "")
    assert run(build, "compare", "-", lines=b"") == (FINE, "", "")


def test_json_lines(build):
    code, out, _ = run(build, "compare", "--json", "-", lines=b"deb 1 2\nnpm 1.0.0 x\xff\n")
    first, second = map(json.loads, out.splitlines())
    assert code == FAILED
    assert first == {"scheme": "deb", "a": "1", "b": "2", "answer": "<"}
    assert "answer" not in second and second["error"].startswith("this is not a version")
    assert json.loads(run(build, "contains", "--json", "vers:npm/*", "1.0.0")[1])["answer"] == "yes"
