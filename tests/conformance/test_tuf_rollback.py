"""Old metadata offered as new; and how a repository comes back from versions that an attacker has driven up."""

import pytest

from support.tuf_client import OTHER

TOP = ("targets", "snapshot", "timestamp")


def test_new_timestamp_version_rollback(client, repo):
    old = dict(repo.files)
    repo.publish("timestamp")
    assert client.refresh() == 0, client.said
    repo.files = old
    client.requests()
    assert client.refresh() == 1
    assert client.requests() == ["2.root.json", "timestamp.json"]
    assert client.trusted()["timestamp"] == 2


@pytest.mark.parametrize("hashes", [False, True], ids=["basic", "with hashes"])
def test_snapshot_rollback(client, repo, hashes):
    """A new timestamp that names an older snapshot is refused itself."""
    repo.meta_hashes = hashes
    repo.publish(*TOP)
    assert client.refresh() == 0, client.said
    repo.snapshot.version = 1
    repo.publish("snapshot", "timestamp")
    client.requests()
    assert client.refresh() == 1
    assert client.requests()[-1] == "timestamp.json"
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 2, "timestamp": 2}


@pytest.mark.parametrize("vanished", ["team.json", "targets.json"], ids=["delegated", "top"])
def test_targets_role_removal(client, repo, vanished):
    """No role that a snapshot has listed may be missing from the next one."""
    repo.delegate("team")
    repo.publish()
    assert client.refresh() == 0, client.said
    repo.publish("targets")
    repo.snapshot.follow = False
    del repo.snapshot.signed["meta"][vanished]
    repo.publish("snapshot", "timestamp")
    assert client.refresh() == 1
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 2, "timestamp": 3}


def test_targets_fast_forward_recovery(client, repo):
    """New keys of the snapshot let the version of targets fall."""
    repo.targets.version = 100
    repo.publish(*TOP)
    assert client.refresh() == 0, client.said
    assert client.trusted()["targets"] == 100
    repo.targets.version = 1
    repo.snapshot.rotate()
    repo.publish()
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 2, "snapshot": 3, "targets": 1, "timestamp": 3}


def test_new_snapshot_fast_forward_recovery(client, repo):
    """It takes new keys of snapshot and timestamp both: a timestamp may not let the snapshot's version fall."""
    repo.snapshot.version = 99999
    repo.publish("snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    assert client.trusted()["snapshot"] == 99999
    repo.snapshot.rotate()
    repo.timestamp.rotate()
    repo.snapshot.version = 1
    repo.publish()
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 2, "snapshot": 1, "targets": 1, "timestamp": 3}


def test_new_timestamp_fast_forward_recovery(client, repo):
    repo.timestamp.version = 99999
    repo.publish("timestamp")
    assert client.refresh() == 0, client.said
    assert client.trusted()["timestamp"] == 99999
    repo.timestamp.rotate()
    repo.timestamp.version = 1
    repo.publish()
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 2, "snapshot": 1, "targets": 1, "timestamp": 1}


@pytest.mark.parametrize("hashes", [False, True], ids=["basic", "with hashes"])
def test_targets_rollback(client, repo, hashes):
    """The snapshot that would let targets fall is refused."""
    repo.meta_hashes = hashes
    repo.publish(*TOP)
    repo.publish(*TOP)
    assert client.refresh() == 0, client.said
    repo.targets.version = 1
    repo.publish(*TOP)
    client.requests()
    assert client.refresh() == 1
    assert client.requests()[-1] == "4.snapshot.json"
    assert client.trusted() == {"root": 1, "snapshot": 3, "targets": 3, "timestamp": 4}


# ---- beyond the public suite ----

def test_rollback_after_the_timestamp_was_lost(client, repo):
    """The snapshot at home is reference enough (tuf-js compares what it lists, not its own version)."""
    old = dict(repo.files)
    repo.publish("snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    (client.metadata / "timestamp.json").unlink()
    repo.files = old
    assert client.refresh() == (0 if OTHER else 1)
    assert client.trusted()["snapshot"] == (1 if OTHER else 2)


def test_fast_forward_recovery_when_one_of_two_keys_goes(client, repo):
    """The one that stays has signed the driven-up version too, and still it is forgotten (tuf-js keeps it)."""
    gone = repo.snapshot.signers[0]
    repo.snapshot.add_key()
    repo.snapshot.version = 99999
    repo.publish()
    assert client.refresh() == 0, client.said
    repo.snapshot.remove_key(gone)
    repo.snapshot.version = 2
    repo.publish()
    assert client.refresh() == (1 if OTHER else 0), client.said
    assert client.trusted()["snapshot"] == (99999 if OTHER else 2)


def test_added_key_or_threshold_forgets_nothing(client, repo):
    """Nobody has lost his say, so versions may not fall."""
    repo.snapshot.version = 7
    repo.publish("snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.snapshot.add_key()
    repo.snapshot.threshold = 2
    repo.snapshot.version = 2
    repo.publish()
    assert client.refresh() == 1
    assert client.trusted()["root"] == 2 and client.trusted()["timestamp"] == 2


def test_mix_and_match(client, repo):
    """Two publications of the same versions, each well signed: files of the one do not pass among those of the other."""
    repo.meta_hashes = True
    publications = []
    for content in (b"first", b"second"):
        repo.files = {"metadata/1.root.json": repo.first_root}
        repo.add_target("a", content)
        repo.targets.version = repo.snapshot.version = repo.timestamp.version = 2
        repo.targets.published = repo.snapshot.published = repo.timestamp.published = None
        repo.publish()
        publications.append(repo.files)
    first, second = publications
    for name, trusted in (("2.snapshot.json", {"root": 1, "timestamp": 2}),
                          ("2.targets.json", {"root": 1, "snapshot": 2, "timestamp": 2})):
        repo.files = first | {f"metadata/{name}": second[f"metadata/{name}"]}
        assert client.refresh() == 1
        assert client.trusted() == trusted
    repo.files = first
    assert client.download("a") == 0, client.said
    assert client.downloaded() == [b"first"]
