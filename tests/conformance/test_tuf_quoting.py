"""Names of roles that mean something else in a URL or in a folder; and that the repository of these tests is sound."""

from urllib.parse import quote

import pytest

from support.tuf_repository import Signer, TufRepository, canonical


@pytest.mark.parametrize("name", ["?", "#", "/delegatedrole", "../delegatedrole"])
def test_unusual_role_name(client, repo, name):
    role = repo.delegate(name)
    repo.add_target("t", b"content", role=role)
    repo.publish()
    assert client.download("no such target") == 1
    assert client.requests()[-1] == f"1.{quote(name, '')}.json"
    assert len(client.trusted()) == 5
    assert client.download("t") == 0, client.said
    assert client.downloaded() == [b"content"]
    outside = [p for p in client.metadata.parent.rglob("*delegatedrole*") if p.parent != client.metadata]
    assert outside == []


def test_simulator_versions():
    repo = TufRepository()
    assert sorted(repo.files) == ["metadata/1.root.json", "metadata/1.snapshot.json", "metadata/1.targets.json",
                                  "metadata/timestamp.json"]
    before = dict(repo.files)
    repo.publish()
    assert repo.files == before
    repo.add_target("a/b", b"x")
    repo.publish()
    assert [repo.roles[n].version for n in ("root", "targets", "snapshot", "timestamp")] == [1, 2, 2, 2]
    assert repo.document("snapshot")["signed"]["meta"] == {"targets.json": {"version": 2}}
    assert repo.document("metadata/2.targets.json") == repo.document("targets")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_simulator_rotates_keys(kind):
    repo = TufRepository(kind)
    old = repo.root.signers[0]
    repo.root.rotate(Signer("rsa"), Signer(kind), threshold=2)
    repo.publish()
    document = repo.document("root")
    assert len(document["signatures"]) == 3 and document["signatures"][2]["keyid"] == old.keyid
    assert old.keyid not in document["signed"]["keys"] and len(document["signed"]["keys"]) == 5
    repo.publish("root")
    assert len(repo.document("root")["signatures"]) == 2


def test_simulator_canonical_json():
    assert canonical({"b": ["\n\x01\"\\/\u00e9", -1, True, None], "a": {}, "\uffff": 0, "\U00010000": 1}) == (
        '{"a":{},"b":["\n\x01\\"\\\\/\u00e9",-1,true,null],"\uffff":0,"\U00010000":1}'.encode())
