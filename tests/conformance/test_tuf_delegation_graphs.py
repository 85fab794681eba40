"""Delegated roles: which are visited, in which order, and what each may speak of."""

import hashlib

import pytest

from support.tuf_repository import Signer

# (delegator, role, how); the order of the roles that a search for a target that nobody has must visit
GRAPHS = {
    "basic-delegation": ([("targets", "A")], "A"),
    "single-level-delegations": ([("targets", "A"), ("targets", "B")], "AB"),
    "two-level-delegations": ([("targets", "A"), ("targets", "B"), ("B", "C")], "ABC"),
    "two-level-test-DFS-order-of-traversal": ([("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")], "ACDB"),
    "three-level-delegation-test-DFS-order-of-traversal": (
        [("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")], "ACDB"),
    "two-level-terminating-ignores-all-but-roles-descendants": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"terminating": True}), ("A", "D")], "AC"),
    "three-level-terminating-ignores-all-but-roles-descendants": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"terminating": True}), ("C", "D")], "ACD"),
    "two-level-ignores-all-branches-not-matching-paths": (
        [("targets", "A", {"paths": ["*.py"]}), ("targets", "B"), ("A", "C")], "B"),
    "three-level-ignores-all-branches-not-matching-paths": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"paths": ["*.py"]}), ("C", "D")], "AB"),
    "cyclic-graph": ([("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"), ("D", "B")], "ABCD"),
    "two-roles-delegating-to-a-third": ([("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], "ACB"),
    "two-roles-delegating-to-a-third-different-paths": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C", {"paths": ["*.py"]})], "ABC"),
}


def delegated_requests(client):
    """Of metadata behind root, timestamp, snapshot and targets."""
    requests = client.requests()
    assert requests[:2] == ["2.root.json", "timestamp.json"] and requests[2:4] == ["2.snapshot.json", "2.targets.json"]
    return requests[4:]


@pytest.mark.parametrize("delegations, visited", GRAPHS.values(), ids=GRAPHS)
def test_graph_traversal(client, repo, delegations, visited):
    for delegator, role, *how in delegations:
        repo.delegate(role, delegator=delegator, **(how[0] if how else {}))
    repo.publish()
    assert client.download("missingpath") == 1
    assert delegated_requests(client) == [f"1.{role}.json" for role in visited]
    assert client.download("missingpath") == 1
    assert client.requests() == ["2.root.json", "timestamp.json"]


SEARCHES = {
    "no delegations": ("targetfile", "targets", ""),
    "targetpath matches wildcard": ("README.md", "A", "A"),
    "targetpath with separators x": ("releases/x/x_v1", "C", "BC"),
    "targetpath with separators y": ("releases/y/y_v1.zip", "D", "BD"),
    "targetpath is not delegated by all roles in the chain": ("releases/z/z_v1.zip", None, "B"),
    "a question mark is one character": ("notes-1.txt", "E", "E"),
    "a question mark is not two characters": ("notes-12.txt", None, ""),
    "a question mark matches no separator": ("notes-/.txt", None, ""),
    "a star matches no separator": ("docs/README.md", None, ""),
    "letters have their case": ("README.MD", None, ""),
}


@pytest.mark.parametrize("path, role, visited", SEARCHES.values(), ids=SEARCHES)
def test_targetfile_search(client, repo, path, role, visited):
    """A file that a role lists counts only if every role on the way to it speaks for its path."""
    repo.delegate("A", ["*.doc", "*.md"])
    repo.delegate("B", ["releases/*/*"])
    repo.delegate("C", ["releases/x/*"], delegator="B")
    repo.delegate("D", ["releases/y/*.zip"], delegator="B")
    repo.delegate("E", ["notes-?.txt"])
    listed = {"targetfile": "targets", "README.md": "A", "releases/x/x_v1": "C", "releases/y/y_v1.zip": "D",
              "releases/z/z_v1.zip": "D", "notes-1.txt": "E", "notes-12.txt": "E", "notes-/.txt": "E", "docs/README.md": "A", "README.MD": "A"}
    for name, by in listed.items():
        repo.add_target(name, f"{name} by {by}".encode(), role=by)
    repo.publish()
    assert client.download(path) == (0 if role else 1), client.said
    assert delegated_requests(client) == [f"1.{name}.json" for name in visited]
    assert client.downloaded() == ([f"{path} by {role}".encode()] if role else [])


def test_cached_role_is_verified_against_current_delegator(client, repo):
    """C is signed by the key that A names. B names another key for it, so what C says is nothing to B."""
    two_delegators_one_key(repo)
    assert client.download("a1") == 0, client.said
    assert client.download("b1") == 1
    assert client.downloaded() == [b"for A"]


def test_role_loaded_before_is_verified_against_current_delegator(client, repo):
    """The same within one run (tuf-js 5 remembers roles by name alone; 6 does not)."""
    two_delegators_one_key(repo)
    assert client.download("a1", "b1") == 1
    assert client.downloaded() == [b"for A"]


def two_delegators_one_key(repo):
    repo.delegate("A", ["a*"])
    repo.delegate("B", ["b*"])
    role = repo.delegate("C", ["a*"], delegator="A")
    repo.delegate("C", ["b*"], delegator="B", signers=[Signer("ecdsa")])
    repo.add_target("a1", b"for A", role=role)
    repo.add_target("b1", b"for B", role=role)
    repo.publish()


def test_delegation_not_in_snapshot(client, repo):
    """A role that the snapshot does not list is not asked for."""
    role = repo.delegate("A")
    repo.add_target("a1", b"content", role=role)
    repo.publish("targets", "A")
    repo.snapshot.follow = False
    repo.snapshot.signed["meta"] = {"targets.json": {"version": 2}}
    repo.publish("snapshot", "timestamp")
    assert client.download("a1") == 1
    assert delegated_requests(client) == []


# ---- beyond the public suite ----

def test_role_of_two_delegators_that_both_keys_sign(client, repo):
    """Then it speaks for both."""
    other = Signer("ecdsa")
    repo.delegate("A", ["a*"])
    repo.delegate("B", ["b*"])
    role = repo.delegate("C", ["a*"], delegator="A")
    repo.delegate("C", ["b*"], delegator="B", signers=[other])
    role.signers.append(other)
    repo.add_target("a1", b"for A", role=role)
    repo.add_target("b1", b"for B", role=role)
    repo.publish()
    assert client.download("a1", "b1") == 0, client.said
    assert client.downloaded() == [b"for A", b"for B"]


def test_hash_prefixes(client, repo):
    """Bins by the digest of the path: just one role is visited, found or not."""
    for digit in "0123456789abcdef":
        repo.delegate(f"bin-{digit}", prefixes=[digit], terminating=True)
    paths = [f"file-{number}" for number in range(8)]
    bins = {path: f"bin-{hashlib.sha256(path.encode()).hexdigest()[0]}" for path in paths}
    for path in paths:
        repo.add_target(path, path.encode(), role=bins[path])
    repo.publish()
    assert client.download(paths[0]) == 0, client.said
    assert delegated_requests(client) == [f"{1}.{bins[paths[0]]}.json"]
    assert client.download(*paths) == 0, client.said
    assert client.downloaded() == sorted(path.encode() for path in paths)
    assert set(client.trusted()) - {"root", "timestamp", "snapshot", "targets"} == set(bins.values())


@pytest.mark.parametrize("length, found", [(31, True), (40, False)], ids=["within the limit", "beyond it"])
def test_limit_of_visited_roles(client, repo, length, found):
    """A chain of delegations that goes on and on comes to an end: at most 32 delegated roles for one target."""
    above = "targets"
    for number in range(length):
        repo.delegate(f"r{number}", delegator=above)
        above = f"r{number}"
    repo.add_target("deep", b"content", role=above)
    repo.publish()
    assert client.download("deep") == (0 if found else 1), client.said
    assert len(delegated_requests(client)) <= 32


def test_target_behind_a_cycle(client, repo):
    """Roles that name each other are visited once, and the search goes on behind them."""
    for delegator, role in (("targets", "A"), ("A", "B"), ("B", "A"), ("B", "B"), ("targets", "C")):
        repo.delegate(role, delegator=delegator)
    repo.add_target("c1", b"content", role="C")
    repo.publish()
    assert client.download("c1") == 0, client.said
    assert delegated_requests(client) == ["1.A.json", "1.B.json", "1.C.json"]


def test_first_role_in_order_speaks(client, repo):
    """Of two that list the same path, the one that the delegator names first, and targets before both."""
    for name in "AB":
        repo.add_target("same", name.encode(), role=repo.delegate(name))
    repo.publish()
    assert client.download("same") == 0, client.said
    assert client.downloaded() == [b"A"]
    repo.add_target("same", b"targets")
    repo.publish()
    assert client.download("same") == 0, client.said
    assert client.downloaded() == [b"targets"]


def test_delegated_role_that_its_keys_have_not_signed(client, repo):
    """A search that comes to it fails; what targets itself lists is found as ever."""
    role = repo.delegate("A", ["a*"])
    role.signers = [Signer("ecdsa")]
    repo.add_target("a1", b"bad", role=role)
    repo.add_target("t1", b"good")
    repo.publish()
    assert client.download("a1") == 1
    assert client.download("t1") == 0, client.said
    assert client.downloaded() == [b"good"] and "A" not in client.trusted()


def test_delegated_role_expired_or_rolled_back(client, repo):
    role = repo.delegate("A")
    repo.add_target("a1", b"first", role=role)
    repo.publish()
    assert client.download("a1") == 0, client.said
    repo.add_target("a1", b"second", role=role)
    role.expire(days=-1)
    repo.publish()
    assert client.download("a1") == 1
    assert client.trusted()["A"] == 1 and client.downloaded() == [b"first"]
    role.expire(days=1)
    repo.publish()
    assert client.download("a1") == 0, client.said
    assert client.trusted()["A"] == 3
    role.version = 2
    repo.publish()
    assert client.download("a1") == 1
    assert client.trusted()["A"] == 3 and client.trusted()["snapshot"] == 4


def test_delegation_for_no_paths(client, repo):
    """A role that may speak of nothing is not asked; those behind it are."""
    repo.delegate("A", [])
    repo.targets.signed["delegations"]["roles"][0]["paths"] = []
    repo.add_target("b1", b"content", role=repo.delegate("B"))
    repo.publish()
    assert client.download("b1") == 0, client.said
    assert delegated_requests(client) == ["1.B.json"]


@pytest.mark.parametrize("bend", [
    lambda entry: entry.pop("terminating"),
    lambda entry: entry.pop("paths"),
    lambda entry: entry.update(path_hash_prefixes=["00"]),
    lambda entry: entry.update(threshold=0),
    lambda entry: entry.update(threshold="1"),
    lambda entry: entry.update(name=""),
    lambda entry: entry.update(keyids=["x"]),
    lambda entry: entry.update(name="snapshot"),
], ids=["no terminating", "no paths", "paths and prefixes", "threshold 0", "threshold in words", "no name", "no key",
        "a top-level name"])
def test_bad_delegation(client, repo, bend):
    """Nothing is found by way of it."""
    repo.add_target("a1", b"content", role=repo.delegate("A"))
    bend(repo.targets.signed["delegations"]["roles"][0])
    repo.publish()
    assert client.download("a1") == 1
    assert client.downloaded() == []
