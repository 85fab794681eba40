"""Keys and signatures: how many count, which kinds, what a bad one does."""

import pytest

from support.tuf_client import OTHER
from support.tuf_repository import Signer


def test_snapshot_does_not_meet_threshold(client, repo):
    """Three keys must sign; two do."""
    for _ in range(2):
        repo.snapshot.add_key()
    repo.snapshot.threshold = 3
    repo.publish("root", "targets", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.snapshot.signers.pop()
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.trusted() == {"root": 2, "snapshot": 2, "targets": 2, "timestamp": 3}


def test_snapshot_has_too_few_keys(client, repo):
    """Six must sign and there are five."""
    for _ in range(4):
        repo.snapshot.add_key()
    repo.snapshot.threshold = 6
    repo.publish("root", "snapshot", "timestamp")
    assert client.refresh() == 1
    assert "snapshot" not in client.trusted()


def test_duplicate_keys(client, repo):
    """One key nine times over is one key: in the role, in the signatures, and as nine signatures of it."""
    signer = repo.snapshot.add_key(Signer("ecdsa"))
    repo.root.signed["roles"]["snapshot"]["keyids"] += [signer.keyid] * 8
    repo.snapshot.threshold = 6
    repo.publish("root", "snapshot", "timestamp")
    document = repo.document("snapshot")
    document["signatures"] += [signer.sign(b"x") | {"sig": document["signatures"][1]["sig"]}] * 8
    repo.put_current("snapshot", document)
    assert client.refresh() == 1
    assert "snapshot" not in client.trusted()


def test_duplicate_sig_keyids(client, repo):
    """Refused although enough have signed."""
    document = repo.document("snapshot")
    document["signatures"] *= 2
    repo.put_current("snapshot", document)
    assert client.refresh() == 1
    assert "snapshot" not in client.trusted()


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"],
                         ids=["rsa/rsassa-pss-sha256", "ecdsa/ecdsa-sha2-nistp256", "ed25519/ed25519"])
def test_keytype_and_scheme(client, repo, kind):
    """A signature of that kind is needed; then one that only looks right is not taken."""
    signer = repo.root.add_key(Signer(kind))
    repo.root.threshold = 2
    repo.publish("root")
    assert client.refresh() == 0, client.said
    assert client.trusted()["root"] == 2
    repo.publish("root")
    document = repo.document("root")
    for signature in document["signatures"]:
        if signature["keyid"] == signer.keyid:
            signature["sig"] = Signer(kind).sign(b"something else")["sig"]
    repo.put_current("root", document)
    assert client.refresh() == 1
    assert client.trusted()["root"] == 2


def test_invalid_sig_in_valid_metadata(client, repo):
    """Beside a good signature that is enough, a wrong or an empty one does no harm."""
    first = repo.timestamp.signers[0]
    repo.timestamp.add_key(Signer("ecdsa"))
    for wrong in (Signer("ecdsa").sign(b"something else")["sig"], ""):
        repo.publish("root", "timestamp")
        document = repo.document("timestamp")
        for signature in document["signatures"]:
            if signature["keyid"] == first.keyid:
                signature["sig"] = wrong
        repo.put_current("timestamp", document)
        assert client.refresh() == 0, client.said
        assert client.stored("timestamp") == repo.current("timestamp")


# ---- beyond the public suite ----

def test_key_under_another_id(client, repo):
    """A client computes the id of every key (tuf-js does not)."""
    signer = repo.snapshot.signers[0]
    wrong = "0" * 64
    repo.root.signed["keys"][wrong] = repo.root.signed["keys"].pop(signer.keyid)
    repo.root.signed["roles"]["snapshot"]["keyids"] = [wrong]
    repo.publish("root")
    assert client.refresh() == 1
    assert client.trusted()["root"] == (2 if OTHER else 1)


def test_one_key_under_two_ids(client, repo):
    """Whoever holds one key has one voice, whatever is written beside it (tuf-js lets him have two)."""
    signer = repo.snapshot.signers[0]
    again = Signer("ecdsa", owner="somebody else", private=signer.private)
    repo.snapshot.add_key(again)
    repo.snapshot.threshold = 2
    repo.publish("root", "snapshot", "timestamp")
    assert len(repo.document("snapshot")["signatures"]) == 2
    assert client.refresh() == (0 if OTHER else 1)
    repo.snapshot.add_key()
    repo.publish("root", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said


@pytest.mark.parametrize("scheme", ["sphincs-shake-128s", "ecdsa-sha2-nistp384", "rsa-pkcs1v15-sha256"])
def test_unknown_scheme(client, repo, scheme):
    """It verifies nothing, and does no harm beside keys that do."""
    stranger = Signer("rsa" if scheme.startswith("rsa") else "ecdsa")
    if scheme.startswith("sphincs"):
        stranger.key = {"keytype": "sphincs", "keyval": {"public": "00"}}
    stranger.key["scheme"] = scheme
    repo.snapshot.add_key(stranger)
    repo.publish("root", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.snapshot.threshold = 2
    repo.publish("root", "snapshot", "timestamp")
    if OTHER:
        return  # tuf-js knows more schemes, and takes each key for what it is
    assert client.refresh() == 1
    assert client.trusted()["root"] == 3 and client.trusted()["snapshot"] == 2
