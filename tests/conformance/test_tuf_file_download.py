"""Targets: found, downloaded, checked against what was signed, and not fetched twice."""

import hashlib

import pytest

PATH, CONTENT = "target_file.txt", b"content of the target"


def publish(repo, path=PATH, content=CONTENT, **options):
    repo.add_target(path, content, **options)
    repo.publish()


def replace(repo, path, content):
    """The server gives @content for every name of @path."""
    folder, slash, name = path.rpartition("/")
    for file in [f for f in repo.files if f.startswith(f"targets/{folder}{slash}") and f.endswith(f".{name}")]:
        repo.files[file] = content


def test_client_downloads_expected_file(client, repo):
    publish(repo)
    assert client.refresh() == 0, client.said
    assert client.downloaded() == []
    assert client.download(PATH) == 0, client.said
    assert client.downloaded() == [CONTENT]
    assert client.server.target_requests == [f"{hashlib.sha256(CONTENT).hexdigest()}.{PATH}"]


def test_client_downloads_expected_file_in_sub_dir(client, repo):
    publish(repo, "path/to/a/" + PATH)
    assert client.download("path/to/a/" + PATH) == 0, client.said
    assert client.downloaded() == [CONTENT]
    assert client.server.target_requests == [f"path/to/a/{hashlib.sha256(CONTENT).hexdigest()}.{PATH}"]


def test_repository_substitutes_target_file(client, repo):
    publish(repo)
    publish(repo, "another_file.txt", b"content")
    assert client.download(PATH) == 0, client.said
    replace(repo, PATH, b"malicious")
    replace(repo, "another_file.txt", b"badness")  # of the right length
    client.download(PATH)  # may look, or rely on what it has
    assert client.downloaded() == [CONTENT]
    assert client.download("another_file.txt") == 1
    assert client.downloaded() == [CONTENT]


def test_multiple_changes_to_target(client, repo):
    """The client sees every fifth version; between them the server lies about the content."""
    publish(repo)
    assert client.download(PATH) == 0, client.said
    others = []
    for number in range(11):
        content, other = f"changed {number}".encode(), f"new {number}".encode()
        publish(repo, PATH, content)
        publish(repo, f"new-{number}", other)
        if number % 5:
            continue
        assert client.download(PATH) == 0, client.said
        assert client.downloaded() == sorted([content, *others])
        assert client.download(f"new-{number}") == 0, client.said
        others.append(other)
        replace(repo, PATH, b"malicious %d" % number)
        repo.publish("targets", "snapshot", "timestamp")
        client.download(PATH)
        assert client.downloaded() == sorted([content, *others])


@pytest.mark.parametrize("algorithms", [("sha256",), ("sha512",), ("sha256", "sha512")], ids=["sha256", "sha512", "both"])
def test_download_with_hash_algorithms(client, repo, algorithms):
    publish(repo, algorithms=algorithms)
    assert client.download(PATH) == 0, client.said
    assert client.downloaded() == [CONTENT]
    publish(repo, "other.txt", b"other", algorithms=algorithms)
    replace(repo, "other.txt", b"0ther")
    assert client.download("other.txt") == 1
    assert client.downloaded() == [CONTENT]


def test_download_with_unknown_hash_algorithm(client, repo):
    """Alone it proves nothing."""
    info = repo.add_target(PATH, CONTENT)
    info["hashes"] = {"unknown": info["hashes"]["sha256"]}
    repo.publish()
    assert client.download(PATH) == 1
    assert client.downloaded() == []


def test_artifact_cache(client, repo):
    publish(repo)
    for _ in range(2):
        assert client.download(PATH) == 0, client.said
    assert len(client.server.target_requests) == 1 and client.downloaded() == [CONTENT]
    publish(repo, PATH, b"a newer one")
    assert client.download(PATH) == 0, client.said
    assert len(client.server.target_requests) == 2 and client.downloaded() == [b"a newer one"]


# ---- beyond the public suite ----

@pytest.mark.parametrize("difference", [-1, 1], ids=["shorter", "longer"])
def test_length_mismatch(client, repo, difference):
    """Signed is another length than that of the content with the signed hash."""
    repo.add_target(PATH, CONTENT)["length"] += difference
    repo.publish()
    assert client.download(PATH) == 1
    assert client.downloaded() == []


@pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt", "a/../../outside.txt", ".", "a//b", "a?b=#c", "-rf", "\u00e9\n"],
                         ids=["up", "absolute", "up later", "dot", "empty part", "query", "option", "newline"])
def test_unusual_path(client, repo, path):
    """Whether it is refused or stored, nothing is written outside of the folder for targets."""
    repo.add_target(path, CONTENT)
    repo.publish()
    code = client.download(path)
    assert client.downloaded() == ([CONTENT] if code == 0 else [])
    everything = [p for p in client.targets.parent.rglob("*") if p.is_file() and p.read_bytes() == CONTENT]
    assert all(p.is_relative_to(client.targets) for p in everything)
