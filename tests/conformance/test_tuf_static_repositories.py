"""Repositories with years behind them, as administrators and other tools leave them: many roots, keys of every kind that
came and went, members that only their makers know, signatures that nobody has written yet. The client is set to the day
of the last publication."""

import json

import pytest

from support.tuf_client import LIBFAKETIME
from support.tuf_repository import Signer, TufRepository, stamp

AGO_DAYS = 400  # since the last publication: everything but the future has expired by now

pytestmark = pytest.mark.skipif(LIBFAKETIME is None, reason="libfaketime is not installed (package faketime)")


def age(repo):
    """As published AGO_DAYS ago with the terms of tuf-on-ci."""
    for role, days in (("root", 365), ("targets", 365), ("snapshot", 60), ("timestamp", 7)):
        repo.roles[role].expire(days=days - AGO_DAYS)


@pytest.fixture
def repo(request):
    return request.param()


def one_online_key():
    """Online key for snapshot and timestamp, members of the maker's own, an empty signature of somebody who did not sign."""
    repo = TufRepository("ecdsa", published=False)
    online, late = Signer("ecdsa"), Signer("ecdsa")
    online.key |= {"x-tuf-on-ci-online-uri": "gcpkms:projects/x/y", "keyid_hash_algorithms": ["sha256", "sha512"]}
    late.key["x-tuf-on-ci-keyowner"] = "@someone"
    for role in (repo.snapshot, repo.timestamp):
        role.rotate(online)
        repo.root.signed["roles"][role.name] |= {"x-tuf-on-ci-expiry-period": 60, "x-tuf-on-ci-signing-period": 30}
    repo.targets.add_key(late, signs=False)
    repo.root.signed |= {"x-tuf-on-ci-expiry-period": 365}
    age(repo)
    delegated = repo.delegate("delegatedrole", ["delegatedrole/*"])
    delegated.signed["expires"] = stamp(days=100 - AGO_DAYS)
    repo.add_target("delegatedrole/artifact", b"hello\n", role=delegated)
    repo.add_target("file1.txt", b"1\n", custom={"sigstore": {"status": "Active"}})
    repo.publish()
    document = repo.document("targets")
    document["signatures"].append({"keyid": late.keyid, "sig": ""})
    repo.put_current("targets", document)
    return repo


def many_roots():
    """Twelve roots by 3 of 5 keys; each year one key goes, another comes, of another kind, and old keytype names too."""
    repo = TufRepository("ecdsa", published=False)
    alias = Signer("ecdsa")
    alias.key["keytype"] = "ecdsa-sha2-nistp256"
    people = [alias, Signer("rsa"), Signer("ed25519"), Signer("ecdsa"), Signer("ed25519")]
    repo.root.rotate(*people, threshold=3)
    repo.root.leaving = []
    repo.targets.rotate(*people, threshold=3)
    age(repo)
    repo.root.expire(days=-3000)
    repo.publish("root")
    kinds = ["rsa", "ecdsa", "ed25519"]
    for year in range(11):
        if year % 2 == 0:
            gone = people.pop(0)
            people.append(Signer(kinds[year % 3]))
            repo.root.add_key(people[-1])
            repo.root.remove_key(gone)
            repo.root.leaving = [gone] if year % 4 else []  # four old ones are enough as well
            repo.targets.rotate(*people, threshold=3)
        if year == 7:
            repo.timestamp.rotate(Signer("ed25519"))
            repo.snapshot.rotate(repo.timestamp.signers[0])
        repo.root.expire(days=365 * (year - 10) + 365 - AGO_DAYS)
        repo.publish("root")
    assert repo.root.version == 12
    last = people.pop()
    repo.targets.signers = people[:3]  # three of five
    team = repo.delegate("registry.npmjs.org", ["registry.npmjs.org/*"], terminating=True, signers=[last, *people], threshold=3)
    team.signed["expires"] = stamp(days=200 - AGO_DAYS)
    repo.add_target("registry.npmjs.org/keys.json", b'{"keys": []}\n', role=team, algorithms=("sha256", "sha512"))
    repo.add_target("trusted_root.json", b"{}\n" * 1000, algorithms=("sha512",))
    repo.snapshot.version, repo.targets.version, repo.timestamp.version = 160, 14, 512
    repo.publish("targets", "registry.npmjs.org", "snapshot", "timestamp")
    return repo


@pytest.mark.parametrize("repo, paths", [(one_online_key, ["delegatedrole/artifact", "file1.txt"]),
                                         (many_roots, ["registry.npmjs.org/keys.json", "trusted_root.json"])],
                         ids=["one online key", "many roots"], indirect=["repo"])
def test_static_repository(fresh, repo, paths):
    assert fresh.init(repo.first_root) == 0, fresh.said
    assert fresh.download(*paths, days=-AGO_DAYS) == 0, fresh.said
    last = repo.root.version
    assert fresh.requests()[:last] == [f"{number}.root.json" for number in range(2, last + 2)]
    assert fresh.trusted() == {name: json.loads(repo.current(name))["signed"]["version"] for name in repo.roles}
    for name in repo.roles:
        assert fresh.stored(name) == repo.current(name), name
    assert len(fresh.downloaded()) == len(paths)
    assert fresh.refresh() == 1, "all of it has expired by now"
    assert fresh.trusted() == {name: json.loads(repo.current(name))["signed"]["version"] for name in repo.roles}
