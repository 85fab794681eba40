"""The purl specification's own test data, as far as this version reads purls: the type npm, without qualifiers and
subpath, which are read but refused because they cannot be matched."""

from identity import TESTDATA, ask, load

TYPE_FILES = sorted((TESTDATA / "purl/tests/types").glob("*-test.json"))


def cases(name, test_type):
    return [case for case in load(name)["tests"] if case["test_type"] == test_type]


def beyond_us(text):
    return "?" in text or "#" in text


def check_refused_for_matching(answer):
    assert answer[0] == "invalid" and answer[1].endswith("cannot be matched yet"), answer


def test_npm_parse(build):
    parse = cases("purl/tests/types/npm-test.json", "parse")
    for case, answer in zip(parse, ask(build, [("purl", case["input"]) for case in parse])):
        want = case["expected_output"]
        if beyond_us(case["input"]):
            check_refused_for_matching(answer)
            continue
        name = f"{want['namespace']}/{want['name']}" if want["namespace"] else want["name"]
        assert answer[:3] == ["ok", name, want["version"] or ""], case


def test_npm_round_trip(build):
    validate = cases("purl/tests/types/npm-test.json", "validate")
    for case, answer in zip(validate, ask(build, [("purl", case["input"]) for case in validate])):
        if beyond_us(case["input"]):
            check_refused_for_matching(answer)
        else:
            assert answer[0] == "ok" and answer[3] == case["expected_output"], case


def test_npm_build(build):
    """Building is reached through the canonical text of what the parts spell without encoding."""
    parts = [case for case in cases("purl/tests/types/npm-test.json", "build") if not case["input"]["qualifiers"]]
    texts = []
    for case in parts:
        part = case["input"]
        scope = part["namespace"] + "/" if part["namespace"] else ""
        texts.append(f"pkg:npm/{scope}{part['name']}@{part['version']}")
    for case, answer in zip(parts, ask(build, [("purl", text) for text in texts])):
        assert answer[3] == case["expected_output"], case


def test_general_rules(build):
    """What every type has in common: scheme, type, name, qualifiers."""
    parse = cases("purl/tests/spec/specification-test.json", "parse")
    for case, answer in zip(parse, ask(build, [("purl", case["input"]) for case in parse])):
        assert case["expected_failure"] and answer[0] == "invalid", (case, answer)


def test_other_types_are_known_but_not_supported(build):
    load("purl/tests/types/npm-test.json")
    texts = [case["input"] for path in TYPE_FILES if path.name != "npm-test.json"
             for case in cases(f"purl/tests/types/{path.name}", "parse") if not case["expected_failure"]]
    answers = ask(build, [("purl", text) for text in texts])
    assert not [(text, answer) for text, answer in zip(texts, answers) if answer[0] != "unsupported"]
    assert len(texts) > 100
