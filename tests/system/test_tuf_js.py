"""An independent implementation of TUF, npm's tuf-js: its client accepts the repositories of this project, and the client
of this project accepts the repositories that come from there. Packages come from npm or the cache; what runs is offline."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support import packages, tuf_client
from support.network import own_network
from support.tuf_server import Server

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"


def from_npm(get, *names):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    try:
        return get(*names)
    except packages.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def tuf_js():
    """The command line of a client by tuf-js."""
    return ["node", CONFORMANCE / "tuf_js_client.mjs", from_npm(packages.npm_tree, "tuf-js")]


@pytest.fixture
def ours(build, tmp_path):
    """Our client; @server is for the test to set."""
    program = build / "tests" / "tuf-client"
    if not program.exists():
        pytest.skip(f"{program} is not there (make tests)")
    folder = tmp_path / "ours"
    folder.mkdir()
    return tuf_client.TufClient([program], folder)


def folder_server(folder):
    """Serves the files below @folder."""
    def content(path):
        file = folder / path
        return file.read_bytes() if file.is_file() else None
    return Server(content)


TARGETS = {"plain.txt": "content", "folder/other.txt": "other\n", "empty": ""}


@pytest.fixture(scope="module")
def repo_mock():
    """Makes a repository by @tufjs/repo-mock in a folder."""
    modules = from_npm(packages.npm_tree, "@tufjs/repo-mock")

    def make(folder, *how):
        with own_network():
            subprocess.run(["node", CONFORMANCE / "repo_mock.mjs", modules, folder, *how], check=True, timeout=60,
                           input=json.dumps(TARGETS).encode())
        return folder
    return make


def test_our_client_accepts_what_repo_mock_makes(ours, repo_mock, tmp_path):
    repository = repo_mock(tmp_path / "repository", "mended")
    with folder_server(repository) as ours.server:
        assert ours.init((repository / "metadata/1.root.json").read_bytes()) == 0, ours.said
        assert ours.refresh() == 0, ours.said
        assert ours.requests() == ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"]
        assert ours.download(*TARGETS) == 0, ours.said
        assert ours.downloaded() == sorted(content.encode() for content in TARGETS.values())
        assert sorted(ours.server.target_requests) == sorted(TARGETS)
        assert ours.download("no such target") == 1
        (repository / "targets/plain.txt").write_text("CONTENT")
        shutil.rmtree(ours.targets)
        ours.targets.mkdir()
        assert ours.download("plain.txt") == 1 and ours.downloaded() == []


def test_our_client_refuses_wrong_key_ids_and_times(ours, repo_mock, tmp_path):
    """repo-mock as it comes breaks two rules of the specification; tuf-js does not look at either."""
    repository = repo_mock(tmp_path / "repository")
    assert ours.init((repository / "metadata/1.root.json").read_bytes()) == 1
    assert ours.trusted() == {}


@pytest.mark.parametrize("version, root", [("2.3.4", 9), ("3.1.1", 12), ("4.0.0", 13), ("5.0.1", 16)])
def test_our_client_accepts_sigstore_roots(ours, version, root):
    """Three of five people with keys of their own, made with tuf-on-ci; signatures of those who did not are empty."""
    assert ours.init(sigstore_root(version)) == 0, ours.said
    assert ours.trusted() == {"root": root}


def test_our_client_walks_from_one_sigstore_root_to_the_next(ours):
    """It has expired since, so it is kept and nothing behind it is asked for."""
    first, files = sigstore_root("3.1.1"), {"metadata/13.root.json": sigstore_root("4.0.0")}
    with Server(files.get) as ours.server:
        assert ours.init(first) == 0, ours.said
        assert ours.refresh() == 1
        assert ours.requests() == ["13.root.json", "14.root.json"]
        assert ours.stored("root") == files["metadata/13.root.json"]


def sigstore_root(version):
    """The root that this version of npm's @sigstore/tuf trusts at first."""
    folder = from_npm(packages.npm, "@sigstore/tuf", version)
    seeds = json.loads((folder / "seeds.json").read_bytes())
    return base64.b64decode(seeds["https://tuf-repo-cdn.sigstore.dev"]["root.json"])
