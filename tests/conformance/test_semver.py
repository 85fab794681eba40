"""node-semver's own test data."""

from identity import ask, load



def test_comparisons(build):
    cases = load("semver/node-semver.comparisons.json")
    questions = [("compare", a, b) for a, b, *_ in cases] + [("compare", b, a) for a, b, *_ in cases]
    questions += [("compare", a, a) for a, _, *_ in cases]
    answers = ask(build, questions)
    wanted = ["1"] * len(cases) + ["-1"] * len(cases) + ["0"] * len(cases)
    failed = [(q, a) for q, a, want in zip(questions, answers, wanted) if a != ["ok", want]]
    assert not failed
    assert len(cases) >= 31


def test_equality(build):
    cases = load("semver/node-semver.equality.json")
    questions = [("compare", a, b) for a, b, *_ in cases]
    failed = [(q, a) for q, a in zip(questions, ask(build, questions)) if a != ["ok", "0"]]
    assert not failed
    assert len(cases) >= 37


def test_valid(build):
    cases = load("semver/node-semver.valid-versions.json")
    answers = ask(build, [("semver", case[0]) for case in cases])
    failed = []
    for (text, major, minor, patch, prerelease, _), answer in zip(cases, answers):
        want = ["ok", str(major), str(minor), str(patch), ".".join(map(str, prerelease))]
        if answer != want:
            failed.append((text, answer, want))
    assert not failed


def test_invalid(build):
    cases = [case for case in load("semver/node-semver.invalid-versions.json") if isinstance(case[0], str)]
    answers = ask(build, [("semver", case[0]) for case in cases])
    assert not [(case, answer) for case, answer in zip(cases, answers) if answer[0] != "invalid"]
    assert len(cases) >= 7
