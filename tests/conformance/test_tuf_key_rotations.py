"""Keys that change, of root and of the others, with the right signatures and with some missing."""

import pytest

from support.tuf_repository import Signer


class Keys:
    """Ten keys, by number."""
    signers = [Signer() for _ in range(10)]

    @classmethod
    def set(cls, role, keys, threshold, signed_by):
        role.rotate(*(cls.signers[i] for i in keys), threshold=threshold)
        role.signers = [cls.signers[i] for i in signed_by]
        role.leaving = []


# versions of root: (keys, threshold, who signed); whether the last one is right
ROOTS = {
    "1-of-1-key-rotation": ([([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])], True),
    "1-of-1-key-rotation-unused-signatures": (
        [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])], True),
    "3-of-5-sign-with-different-keycombos": (
        [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1]), ([0, 1, 2, 3, 4], 3, [0, 1, 3]),
         ([0, 1, 2, 3, 4], 3, [0, 1, 3])], True),
    "3-of-5-one-key-rotated": ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])], True),
    "3-of-5-one-key-rotated-with-intermediate-step": (
        [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4, 5]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], True),
    "3-of-5-all-keys-rotated-with-intermediate-step": (
        [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]), ([5, 6, 7, 8, 9], 3, [5, 6, 7])], True),
    "1-of-3-threshold-increase-to-2-of-3": ([([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])], True),
    "2-of-3-threshold-decrease-to-1-of-3": (
        [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])], True),
    "1-of-2-threshold-increase-to-2-of-2": ([([1], 1, [1]), ([1, 2], 2, [1, 2])], True),
    "1-of-1-key-rotation-fail-not-signed-with-old-key": ([([1], 1, [1]), ([2], 1, [2, 3, 4])], False),
    "1-of-1-key-rotation-fail-not-signed-with-new-key": ([([1], 1, [1]), ([2], 1, [1, 3, 4])], False),
    "3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys": (
        [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])], False),
    "3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys": (
        [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], False),
    "1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached": (
        [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])], False),
    "2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-reached": (
        [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])], False),
}


@pytest.mark.parametrize("versions, right", ROOTS.values(), ids=ROOTS)
def test_root_rotation(fresh, repo, versions, right):
    roots = []
    repo.root.published = None
    for number, (keys, threshold, signed_by) in enumerate(versions, start=1):
        Keys.set(repo.root, keys, threshold, signed_by)
        repo.publish("root")
        assert repo.root.version == number
        roots.append(repo.current("root"))
    assert fresh.init(roots[0]) == 0, fresh.said
    assert fresh.refresh() == (0 if right else 1), fresh.said
    assert fresh.stored("root") == (roots[-1] if right else roots[-2])
    asked = fresh.requests()
    steps = len(roots) + 1 if right else len(roots)
    assert asked[:steps - 1] == [f"{number}.root.json" for number in range(2, steps + 1)]
    assert asked[steps - 1:] == (["timestamp.json", "1.snapshot.json", "1.targets.json"] if right else [])


OTHERS = {
    "1-of-1-key-rotation": ([2], 1, [2], True),
    "1-of-1-key-rotation-unused-signatures": ([1], 1, [3, 1, 4], True),
    "1-of-1-key-rotation-fail-not-signed-with-new-key": ([2], 1, [1, 3, 4], False),
    "3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys": ([0, 1, 3, 4, 5], 3, [0, 2, 4], False),
    "2-of-5-one-key-signature-missing-threshold-not-reached": ([0, 1, 3, 4, 5], 3, [0, 4], False),
    "3-of-5-sign-first-combo": ([0, 1, 2, 3, 4], 3, [0, 2, 4], True),
    "3-of-5-sign-second-combo": ([0, 1, 2, 3, 4], 3, [0, 4, 1], True),
    "3-of-5-sign-third-combo": ([0, 1, 2, 3, 4], 3, [0, 1, 3], True),
    "3-of-5-sign-fourth-combo": ([0, 1, 2, 3, 4], 3, [1, 2, 3], True),
    "3-of-5-sign-fifth-combo": ([0, 1, 2, 3, 4], 3, [2, 3, 4], True),
}


@pytest.mark.parametrize("keys, threshold, signed_by, right", OTHERS.values(), ids=OTHERS)
def test_non_root_rotations(client, repo, keys, threshold, signed_by, right):
    """One role after the other; a role that is not well signed ends the run, and what is stored of it stays."""
    assert client.refresh() == 0, client.said
    for name in ("timestamp", "snapshot", "targets"):
        role, before = repo.roles[name], client.stored(name)
        good = role.signed, role.signers
        Keys.set(role, keys, threshold, signed_by)
        repo.publish("root", *{"timestamp": ("timestamp",), "snapshot": ("snapshot", "timestamp"),
                               "targets": ("targets", "snapshot", "timestamp")}[name])
        assert client.refresh() == (0 if right else 1), client.said
        assert client.trusted()["root"] == repo.root.version
        if right:
            assert client.stored(name) == repo.current(name)
            continue
        assert client.stored(name) in (None, before)
        role.rotate(*good[1], threshold=1)
        repo.publish("root", *{"timestamp": ("timestamp",), "snapshot": ("snapshot", "timestamp"),
                               "targets": ("targets", "snapshot", "timestamp")}[name])
        assert client.refresh() == 0, client.said
