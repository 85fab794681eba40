"""Old metadata offered as new; and how a repository comes back from versions that an attacker has driven up."""

import pytest

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
