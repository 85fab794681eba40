"""Metadata that has expired: on the server it is refused, at home it still serves as a reference."""

from support.tuf_client import OTHER


def test_root_expired(client, repo):
    """The new root is kept, and nothing behind it is asked for."""
    assert client.refresh() == 0, client.said
    repo.publish("root")
    assert client.refresh() == 0, client.said
    repo.root.expire(days=-1)
    repo.publish("root", "targets", "snapshot", "timestamp")
    client.requests()
    assert client.refresh() == 1
    requests = client.requests()
    assert requests[:2] == ["3.root.json", "4.root.json"]
    assert requests[2:] == [] or OTHER  # tuf-js asks for the timestamp, then looks at the root's expiry
    assert client.trusted() == {"root": 3, "snapshot": 1, "targets": 1, "timestamp": 1}
    repo.root.expire(days=1)
    repo.publish("root")
    assert client.refresh() == 0, client.said
    assert client.trusted() == {"root": 4, "snapshot": 2, "targets": 2, "timestamp": 2}


def test_timestamp_expired(client, repo):
    assert client.refresh() == 0, client.said
    repo.timestamp.expire(days=-5)
    repo.publish("timestamp")
    client.requests()
    assert client.refresh() == 1
    assert client.requests() == ["2.root.json", "timestamp.json"]
    assert client.trusted()["timestamp"] == 1


def test_snapshot_expired(client, repo):
    assert client.refresh() == 0, client.said
    repo.snapshot.expire(days=-5)
    repo.publish("snapshot", "timestamp")
    client.requests()
    assert client.refresh() == 1
    assert client.requests()[-1] == "2.snapshot.json"
    assert client.trusted() == {"root": 1, "snapshot": 1, "targets": 1, "timestamp": 2}


def test_targets_expired(client, repo):
    assert client.refresh() == 0, client.said
    repo.targets.expire(days=-5)
    repo.publish("targets", "snapshot", "timestamp")
    client.requests()
    assert client.refresh() == 1
    assert client.requests()[-1] == "2.targets.json"
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 1, "timestamp": 2}


def test_expired_local_root(client, repo, later):
    """Only the last root must not have expired."""
    repo.root.expire(days=7)
    repo.publish("root")
    assert client.refresh() == 0, client.said
    for name in ("root", "timestamp", "snapshot", "targets"):
        repo.roles[name].expire(days=21)
    repo.publish()
    assert client.refresh(days=18) == 0, client.said
    assert client.trusted() == {"root": 3, "snapshot": 2, "targets": 2, "timestamp": 2}


def test_expired_local_timestamp(client, repo, later):
    """It is no reason to stop, and it still says which version came last."""
    repo.timestamp.expire(days=60)
    repo.publish("timestamp")
    old = dict(repo.files)
    repo.timestamp.expire(days=7)
    repo.publish("timestamp")
    assert client.refresh() == 0, client.said
    repo.files = old
    assert client.refresh(days=18) == 1
    assert client.trusted()["timestamp"] == 3
    repo.timestamp.expire(days=21)
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh(days=18) == 0, client.said
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 2, "timestamp": 4}


def test_expired_local_snapshot(client, repo, later):
    """It still says which versions of targets came last."""
    repo.timestamp.expire(days=60)
    repo.snapshot.expire(days=7)
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh() == 0, client.said
    repo.targets.version = 1
    repo.snapshot.expire(days=60)
    repo.publish("targets", "snapshot", "timestamp")
    assert client.refresh(days=18) == 1
    assert client.trusted() == {"root": 1, "snapshot": 2, "targets": 2, "timestamp": 3}
