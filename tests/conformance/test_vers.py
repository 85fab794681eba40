"""vers-spec's own test data, as far as this version knows the schemes."""

import re

import pytest
from identity import ask, load

# Some cases expect ranges that the specification's clause 5.4 forbids: bounds that make others redundant, or one version
# twice. They stem from before parsing became strict.
FORBIDDEN = ("makes the one behind it redundant", "makes the one before it redundant", "stands there twice")
N_FORBIDDEN = 7

# Of PyPI's ten containment cases three have ranges whose versions do not stand in ascending order.
N_PYPI = 7

# The published Maven cases, like Maven 3, put 2-1 before 2.0.a but 1.0.a before 1 and 1 before 1-1, which no order can hold all of.
# Maven's version order specification treats ".a" as "-a"; so do we.
NO_ORDER = re.compile(r"\.[a-z]")

# vers-spec takes any version text; a range whose version npm could not have cannot match anything, so we refuse it.
STRICTER = {"vers:npm/1.0%252F0"}


def test_canonical_parse(build):
    cases = load("vers/tests/vers_canonical_parse_test.json")["tests"]
    for case, answer in zip(cases, ask(build, [("vers", case["input"]) for case in cases])):
        if case.get("expected_failure"):
            assert answer[0] in ("invalid", "unsupported"), (case, answer)
        elif case["input"] in STRICTER:
            assert answer[0] == "invalid" and "not a version of this scheme" in answer[1], (case, answer)
        else:
            want = case["expected_output"]
            pairs = [text for pair in want["version_constraints"] for text in pair]
            assert answer == ["ok", want["scheme"], *pairs], (case, answer)


def test_npm_containment(build):
    cases = load("vers/tests/npm_range_containment_test.json")["tests"]
    questions = [("contains", case["input"]["vers"], case["input"]["version"]) for case in cases]
    for case, answer in zip(cases, ask(build, questions)):
        assert answer == ["ok", str(int(case["expected_output"]))], (case, answer)


def test_ranges_that_npm_ranges_become(build):
    """Every canonical npm range that the specification writes down is one that we take, and read as it stands."""
    cases = load("vers/tests/npm_range_from_native_test.json")["tests"]
    texts = [case["expected_output"] for case in cases if not case.get("expected_failure")]
    failed, forbidden = [], 0
    for text, answer in zip(texts, ask(build, [("vers", text) for text in texts])):
        pairs = zip(answer[2::2], answer[3::2])
        again = "|".join(("" if comparator == "=" else comparator) + version for comparator, version in pairs)
        if answer[0] == "invalid" and answer[1].endswith(FORBIDDEN):
            forbidden += 1
        elif answer[0] != "ok" or f"vers:npm/{again}" != text:
            failed.append((text, answer))
    assert not failed
    assert forbidden == N_FORBIDDEN and len(texts) > 400


# File, cases of versions to sort, cases of equal ones.
COMPARISONS = [("maven_version_cmp_test.json", 977), ("alpine_version_cmp_test.json", 716), ("lexicographic-test.json", 8),
               ("datetime_version_cmp_test.json", 7)]


@pytest.mark.parametrize("name, n", COMPARISONS)
def test_comparison(build, name, n):
    """Of versions that are equal the published order is not asked for: it is that of their texts."""
    cases = [case for case in load("vers/tests/" + name)["tests"] if case["test_type"] in ("comparison", "equality")]
    assert len(cases) == n
    failed = []
    for case in cases:
        scheme = case["input"].get("input_scheme") or case["input"]["input_type"]
        equal = case["test_type"] == "equality"
        versions = case["input"]["versions"] if equal else case["expected_output"]
        if scheme == "maven" and any(map(NO_ORDER.search, versions)):
            continue
        answers = ask(build, [("version", scheme, a, b) for a, b in zip(versions, versions[1:])])
        want = (["0"] if case["expected_output"] else ["-1", "1"]) if equal else ["-1", "0"]
        failed += [(case, answer) for answer in answers if answer[0] != "ok" or answer[1] not in want]
    assert not failed


def test_pypi_containment(build):
    cases = load("vers/tests/pypi_range_containment_test.json")["tests"]
    questions = [("contains", case["input"]["vers"], case["input"]["version"]) for case in cases]
    read = [(case, answer) for case, answer in zip(cases, ask(build, questions)) if answer[0] == "ok"]
    for case, answer in read:
        assert answer == ["ok", str(int(case["expected_output"]))], (case, answer)
    assert len(read) == N_PYPI


def test_pypi_canonical_form(build):
    """A range that is taken is its own canonical form; every other one is refused, and none is read as another."""
    cases = load("vers/tests/pypi_range_validate_test.json")["tests"]
    answers = ask(build, [("vers", case["input"]) for case in cases])
    assert all(answer[0] in ("ok", "invalid") for answer in answers)
    assert [case for case, answer in zip(cases, answers) if answer[0] == "ok" and case["input"] != case.get("expected_output")] == []
