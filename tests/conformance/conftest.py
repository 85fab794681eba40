"""A TUF repository, its web server and the client under test, for test_tuf_*.py."""

import pytest

from support import tuf_client
from support.tuf_repository import TufRepository


@pytest.fixture
def repo():
    """Every role is version 1, with one key each."""
    return TufRepository("ecdsa")


@pytest.fixture
def fresh(build, repo, tmp_path):
    """The client, which has been told of no root yet, while @repo is served."""
    reason = tuf_client.missing(build)
    if reason:
        pytest.skip(reason)
    with repo.serve() as server:
        yield tuf_client.TufClient(tuf_client.command(build), tmp_path, server)


@pytest.fixture
def client(fresh, repo):
    """It trusts the first root of @repo as it is now."""
    assert fresh.init(repo.first_root) == 0, fresh.said
    assert fresh.server.requests == [] and fresh.trusted() == {"root": 1}
    return fresh


@pytest.fixture
def later():
    """Skips where the time of a program cannot be set."""
    if tuf_client.LIBFAKETIME is None:
        pytest.skip("libfaketime is not installed (package faketime)")
