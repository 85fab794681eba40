"""Every exported launch is a valid OCSF 1.8.0 Process Activity, whatever texts are in it."""

import csv
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / os.environ.get("PROSCRIBE_BUILD", "build")
TESTDATA = Path(os.environ.get("PROSCRIBE_TESTDATA", TOP.parent / "shared/testdata"))
SCHEMA = TESTDATA / "ocsf/process_activity-1.8.0.schema.json"
TYPES = {"launch": 100701, "digest": 100199, "policy": 300403, "gap": 100899}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    tool = BUILD / "tests/component/tool_ledger_writer"
    if not tool.exists():
        pytest.skip(f"{tool} is not built")
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.db"
    subprocess.run([tool, "sample", ledger], check=True)

    def run(form):
        return subprocess.run([tool, "export", ledger, form], check=True, capture_output=True).stdout.decode()

    return run


@pytest.fixture(scope="module")
def events(export):
    return [json.loads(line) for line in export("jsonl").splitlines()]


def test_launches_validate(events):
    if not SCHEMA.exists():
        pytest.skip(f"no OCSF schema at {SCHEMA}")
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    launches = [event for event in events if event["class_uid"] == 1007]
    assert len(launches) == 60
    for event in launches:
        problems = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(event)]
        assert not problems, f"record {event['metadata']['sequence']}: {problems}"


def test_the_schema_would_notice(events):
    if not SCHEMA.exists():
        pytest.skip(f"no OCSF schema at {SCHEMA}")
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    event = next(event for event in events if event["class_uid"] == 1007)
    for key in ("device", "process", "severity_id"):
        assert not validator.is_valid({k: v for k, v in event.items() if k != key}), f"{key} was not missed"
    assert not validator.is_valid(event | {"invented": 1})


def test_other_kinds_have_what_every_ocsf_event_needs(events):
    for event in events:
        kind = event["metadata"]["event_code"]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["metadata"]["version"] == "1.8.0" and event["metadata"]["product"]["name"]
        assert isinstance(event["time"], int) and 0 <= event["severity_id"] <= 6
        assert event["type_uid"] == TYPES.get(kind, event["type_uid"])
    sequences = [event["metadata"]["sequence"] for event in events]
    assert sequences == list(range(1, len(events) + 1))


def test_findings_and_scans_have_what_their_classes_need(events):
    """Compliance Finding and Scan Activity: their schemas are not in the test data, their required attributes are."""
    findings = [event for event in events if event["metadata"]["event_code"] == "finding"]
    scans = [event for event in events if event["metadata"]["event_code"] == "scan"]
    assert len(findings) == len(scans) == 60
    for event in findings:
        assert event["type_uid"] in (200301, 200303) and event["status_id"] in (1, 4)
        assert event["finding_info"]["uid"] == event["metadata"]["uid"] and event["finding_info"]["title"]
        assert event["compliance"]["control"] and event["compliance"]["standards"]
        assert event["resources"][0]["name"]
    for event in scans:
        assert event["type_uid"] in (600702, 600706) and event["scan"]["type_id"] == 0


def test_lines_are_canonical(export):
    for line in export("jsonl").splitlines():
        again = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert again == line


def test_csv_says_the_same(export, events):
    rows = list(csv.DictReader(io.StringIO(export("csv"), newline="")))
    assert len(rows) == len(events)
    for row, event in zip(rows, events):
        assert int(row["sequence"]) == event["metadata"]["sequence"]
        assert row["time"] == event["metadata"]["original_time"]
        assert None not in row and None not in row.values()
        assert not any(cell[:1] in ("=", "+", "-", "@") for cell in row.values())
