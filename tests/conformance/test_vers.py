"""vers-spec's own test data, as far as this version knows the schemes: npm (and semver, of which there are no cases)."""

from identity import ask, load

# Some cases expect ranges that the specification's clause 5.4 forbids: bounds that make others redundant, or one version
# twice. They stem from before parsing became strict.
FORBIDDEN = ("makes the one behind it redundant", "makes the one before it redundant", "stands there twice")
N_FORBIDDEN = 7

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
