"""What a TUF client asks for, in which order, and what it keeps (specification 1.0.34, section 5).

Names are those of the public conformance suite for TUF clients; the tests are our own.
"""

import json

import pytest

from support.tuf_client import OTHER
from support.tuf_repository import TOP_LEVEL, Signer
from support.tuf_server import Reply

FIRST = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]


def test_basic_refresh_requests(client):
    assert client.refresh() == 0, client.said
    assert client.requests() == FIRST
    assert client.refresh() == 0, client.said
    assert client.requests() == ["2.root.json", "timestamp.json"]


def test_basic_refresh_trusted_data(client, repo):
    assert client.refresh() == 0, client.said
    assert client.trusted() == dict.fromkeys(sorted(TOP_LEVEL), 1)
    for name in TOP_LEVEL:
        assert client.stored(name) == repo.current(name), name


def test_implicit_refresh(client):
    assert client.download("no such target") == 1
    assert client.requests() == FIRST and client.server.target_requests == []
    assert client.trusted() == dict.fromkeys(sorted(TOP_LEVEL), 1)


def test_invalid_initial_root(fresh, repo):
    document = repo.document("root")
    del document["signed"]["version"]
    fresh.init(json.dumps(document).encode())  # may refuse it already
    assert fresh.refresh() == 1
    assert fresh.requests() == []


def test_unsigned_initial_root(fresh, repo):
    document = repo.document("root")
    document["signatures"][0]["sig"] = Signer("ecdsa").sign(b"something else")["sig"]
    fresh.init(json.dumps(document).encode())
    assert fresh.refresh() == 1
    assert fresh.requests() == []


@pytest.mark.parametrize("role, trusted", [
    ("root", {"root": 1}),
    ("timestamp", {"root": 2}),
    ("snapshot", {"root": 2, "timestamp": 2}),
    ("targets", {"root": 2, "snapshot": 2, "timestamp": 2}),
], ids=["root", "timestamp", "snapshot", "targets"])
def test_unsigned_metadata(client, repo, role, trusted):
    """What comes before the unsigned one is kept."""
    repo.roles[role].signers.clear()
    repo.publish(*TOP_LEVEL)
    assert client.refresh() == 1
    assert client.trusted() == trusted


@pytest.mark.parametrize("role, trusted", [
    ("root", {"root": 1}),
    ("snapshot", {"root": 2, "timestamp": 2}),
    ("targets", {"root": 2, "snapshot": 2, "timestamp": 2}),
], ids=["root", "snapshot", "targets"])
def test_url_and_metadata_version_mismatch(client, repo, role, trusted):
    """2.ROLE.json says that it is version 3."""
    repo.publish(*TOP_LEVEL)
    repo.roles[role].version = 3
    repo.put(f"metadata/2.{role}.json", repo.roles[role].envelope())
    assert client.refresh() == 1
    assert client.trusted() == trusted


def test_timestamp_content_changes(client, repo):
    """Another timestamp of the same version: the old one stays, and nothing is wrong."""
    assert client.refresh() == 0, client.said
    repo.timestamp.signed["meta"]["snapshot.json"]["version"] = 100
    first = repo.current("timestamp")
    repo.put_current("timestamp", repo.timestamp.envelope())
    client.requests()
    assert client.refresh() == 0, client.said
    assert client.requests() == ["2.root.json", "timestamp.json"]
    assert client.stored("timestamp") == first


def test_basic_metadata_hash_support(client, repo):
    repo.meta_hashes = True
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.publish("targets")
    repo.snapshot.follow = False
    repo.snapshot.signed["meta"]["targets.json"] = repo.meta(repo.targets)
    repo.snapshot.signed["meta"]["targets.json"]["hashes"]["sha256"] = "46" * 32
    repo.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.trusted() == {"root": 1, "snapshot": 3, "targets": 2, "timestamp": 3}


@pytest.mark.parametrize("role, listed_in", [("targets", "snapshot"), ("snapshot", "timestamp")],
                         ids=["targets_hash_mismatch", "snapshot_hash_mismatch"])
def test_hash_mismatch(client, repo, role, listed_in):
    """A well-signed file of the right version, in other bytes than those that were listed."""
    repo.meta_hashes = True
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.publish("targets", "snapshot", "timestamp")
    repo.put_current(role, repo.current(role).replace(b"\n", b"\t", 1))
    assert client.refresh() == 1
    assert client.trusted()[role] == 2 and client.trusted()[listed_in] == 3


def test_metadata_bytes_match(client, repo):
    """What is kept is what came, not what the client would write."""
    for name in ("timestamp", "snapshot", "targets"):
        repo.put_current(name, repo.current(name) + b" \n\n")
    assert client.refresh() == 0, client.said
    for name in ("timestamp", "snapshot", "targets"):
        assert client.stored(name) == repo.current(name), name


def test_custom_fields(client, repo):
    """Members that the specification does not know are part of what is signed, and of key ids."""
    assert client.refresh() == 0, client.said
    signer = Signer()
    signer.key["extra-field"] = {"a": 1, "b": [2, None, True, "\u00e9\n\"\\"]}
    repo.root.add_key(signer)
    repo.root.threshold = 2
    repo.root.signed["custom-field"] = "value"
    repo.root.signed["roles"]["root"]["another-field"] = "value"
    repo.targets.signed["x"] = {"\u20ac": -1, "\U0001f600": 2, "a": "\t\x7f\u2028"}
    repo.publish()
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 2, "snapshot": 2, "targets": 2, "timestamp": 2}


def test_deprecated_keyid_hash_algorithms(client, repo):
    signer = Signer()
    signer.key["keyid_hash_algorithms"] = "md5"
    repo.snapshot.rotate(signer)
    repo.publish("root", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 2, "snapshot": 2, "targets": 1, "timestamp": 2}


def test_snapshot_404(client, repo):
    """The timestamp before it is kept all the same."""
    assert client.refresh() == 0, client.said
    repo.timestamp.follow = False
    repo.timestamp.signed["meta"]["snapshot.json"]["version"] = 2
    repo.publish("timestamp")
    assert client.refresh() == 1
    assert client.requests()[-1] == "2.snapshot.json"
    assert client.trusted() == {"root": 1, "snapshot": 1, "targets": 1, "timestamp": 2}


def test_targets_404(client, repo):
    assert client.refresh() == 0, client.said
    repo.publish("targets", "snapshot", "timestamp")
    del repo.files["metadata/2.targets.json"]
    assert client.refresh() == 1
    assert client.requests()[-1] == "2.targets.json"
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 1, "timestamp": 2}


def test_timestamp_404(client, repo):
    assert client.refresh() == 0, client.said
    del repo.files["metadata/timestamp.json"]
    assert client.refresh() == 1
    assert client.requests()[-1] == "timestamp.json"
    assert client.trusted() == dict.fromkeys(sorted(TOP_LEVEL), 1)


def test_incorrect_metadata_type(client, repo):
    """A snapshot that passes for a timestamp but for its type: signed by the timestamp's key, with a timestamp's content."""
    repo.snapshot.add_key(repo.timestamp.signers[0])
    repo.snapshot.follow = False
    repo.snapshot.signed["meta"] = {"snapshot.json": {"version": 1}}
    repo.publish("root", "snapshot")
    repo.put("metadata/timestamp.json", repo.current("snapshot"))
    assert client.refresh() == 1
    assert client.trusted() == {"root": 2}


def test_faketime(client, repo, later):
    """The client takes its time from libfaketime, without which other tests here show nothing."""
    repo.root.expire(days=7)
    repo.publish("root")
    assert client.refresh(days=6) == 0, client.said
    assert client.refresh(days=8) == 1
    assert "expire" in client.said.lower()


# ---- beyond the public suite ----

def test_without_consistent_snapshots(client, repo):
    """Files are asked for by their plain names."""
    repo.root.signed["consistent_snapshot"] = False
    repo.add_target("a/b.txt", b"content")
    repo.publish()
    repo.files = {path: content for path, content in repo.files.items() if not path.startswith("metadata/1.")}
    assert client.download("a/b.txt") == 0, client.said
    assert client.requests() == ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"]
    assert client.downloaded() == [b"content"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"signed": {}, "signatures": []}', b"\xff\xfe",
                                     b'{"signed": 1, "signed": 2}', b"[" * 10000],
                         ids=["empty", "cut", "array", "null", "hollow", "no UTF-8", "repeated", "deep"])
@pytest.mark.parametrize("name", ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_no_metadata(client, repo, name, content):
    """Whatever stands in a file, the client says no and keeps what it had."""
    assert client.refresh() == 0, client.said
    repo.publish("targets", "snapshot", "timestamp")
    repo.files["metadata/" + name] = content
    assert client.refresh() == 1
    role = name.split(".")[-2]
    assert client.trusted()[role] == 1
    assert OTHER or name in client.said  # ours says which file


@pytest.mark.parametrize("name, limit", [("2.root.json", 512000), ("timestamp.json", 16384), ("2.snapshot.json", 2000000),
                                         ("2.targets.json", 5000000)])
def test_longest_file(client, repo, name, limit):
    """One byte more than its role may have."""
    for extra, code in ((1, 1), (0, 0)):
        repo.publish(*TOP_LEVEL) if extra else None
        path = "metadata/" + name
        repo.files[path] = repo.files[path].ljust(limit)[:limit] + b" " * extra
        assert client.refresh() == code, client.said
    assert len(client.stored(name.split(".")[-2])) == limit


def test_too_many_roots(client, repo):
    """256 new roots in one run; the next run goes on from there."""
    for _ in range(260):
        repo.publish("root")
    client.refresh()
    assert client.trusted()["root"] == 257
    assert client.refresh() == 0, client.said
    assert client.trusted()["root"] == 261


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=429), Reply(truncate=100), Reply(status=302)],
                         ids=["error", "too many", "cut", "moved nowhere"])
def test_server_in_trouble(client, repo, name, reply):
    """Nothing but "not found" means that there is no newer root; whatever fails, the run ends there."""
    repo.publish("root")
    client.server.replies["metadata/" + name] = reply
    assert client.refresh() == 1
    assert client.requests()[-1] == name
    assert client.trusted() == dict([("root", 2), ("timestamp", 1), ("snapshot", 1)][:max(1, FIRST.index(name))]) | (
        {"root": 1} if name == "2.root.json" else {})
    client.server.replies.clear()
    assert client.refresh() == 0, client.said


@pytest.mark.parametrize("status", [403, 404])
def test_no_next_root(client, status):
    """Object stores say 403 of what is not there to whoever may not list them."""
    client.server.replies["metadata/2.root.json"] = Reply(status=status)
    assert client.refresh() == 0, client.said


def test_freeze(client, later):
    """A server that goes on with what it has is believed until the timestamp expires."""
    assert client.refresh(days=6) == 0, client.said
    assert client.refresh(days=8) == 1
    assert OTHER or client.requests() == [*FIRST, "2.root.json", "timestamp.json"]  # tuf-js asks for the snapshot still
    assert client.refresh(days=6) == 0, client.said


@pytest.mark.parametrize("version, right", [("1.0", True), ("1.0.0", True), ("1.31.9", True), ("2.0.0", False), ("0.9.0", False),
                                            ("1", False), ("", False), (1, False)],
                         ids=["two numbers", "first", "later", "next", "earlier", "one number", "empty", "number"])
def test_specification_version(client, repo, version, right):
    """Another major version may mean anything."""
    repo.timestamp.signed["spec_version"] = version
    repo.publish("timestamp")
    assert client.refresh() == (0 if right else 1), client.said


@pytest.mark.parametrize("expires", ["2040-01-01T00:00:00.000Z", "2040-01-01T00:00:00+00:00", "2040-01-01 00:00:00Z",
                                     "2040-01-01", "2040-13-01T00:00:00Z", "2040-02-30T00:00:00Z", 2208988800, None, ""],
                         ids=["milliseconds", "offset", "blank", "date", "month", "day", "number", "null", "empty"])
def test_format_of_expiry(client, repo, expires):
    repo.timestamp.signed["expires"] = expires
    repo.publish("timestamp")
    code = client.refresh()
    assert code == 1 or OTHER  # tuf-js reads whatever JavaScript does
    assert OTHER or "timestamp" not in client.trusted()


@pytest.mark.parametrize("name", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("content", [b"", b"{}", None], ids=["empty", "hollow", "gone"])
def test_damaged_store(client, repo, name, content):
    """What cannot be read at home is fetched again."""
    assert client.refresh() == 0, client.said
    file = client.metadata / f"{name}.json"
    file.unlink() if content is None else file.write_bytes(content)
    assert client.refresh() == 0, client.said
    assert client.stored(name) == repo.current(name)


def test_damaged_root(client):
    """Without a root nothing can be trusted, and nothing is asked for."""
    (client.metadata / "root.json").write_bytes(b"{}")
    assert client.refresh() == 1
    assert client.requests() == []
