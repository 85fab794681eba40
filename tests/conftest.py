"""Fixtures for tests of whole programs. Run by tests/run, or by hand: pytest tests/system."""

import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import scratch as scratch_module  # noqa: E402
from support.agent import Agent  # noqa: E402
from support.software import write_policy  # noqa: E402

TOP = Path(__file__).resolve().parent.parent
TEST_TIMEOUT_SEC = 120
NO_SKIP = set(filter(None, os.environ.get("PROSCRIBE_NO_SKIP", "").split(",")))
numbers = itertools.count()


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root (and gets a mount namespace of its own)")
    config.addinivalue_line("markers", "vm: boots a virtual machine")
    config.addinivalue_line("markers", "timeout(seconds): more than the usual time for one test")
    if os.geteuid() == 0 and not scratch_module.in_private_namespace():
        scratch_module.enter_private_namespace()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A skip that PROSCRIBE_NO_SKIP forbids is a failure."""
    report = (yield).get_result()
    forbidden = [name for name in NO_SKIP if item.get_closest_marker(name)]
    if report.skipped and forbidden:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason} (PROSCRIBE_NO_SKIP={','.join(forbidden)} makes this a failure)"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else TEST_TIMEOUT_SEC

    def too_slow(*_):
        raise TimeoutError(f"the test took longer than {seconds} seconds")

    signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def pytest_runtest_setup(item):
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture(scope="session")
def build():
    return Path(os.environ.get("PROSCRIBE_BUILD", TOP / "build"))


@pytest.fixture
def directory():
    """A folder of root's on no watched filesystem: for policy, ledger and socket."""
    path = scratch_module.BASE / f"test-{next(numbers)}"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def scratch():
    """A scratch filesystem; the path of its top, which everybody may write to."""
    filesystem = scratch_module.Scratch(f"scratch-{next(numbers)}")
    os.chmod(filesystem.path, 0o1777)
    yield filesystem.path
    filesystem.remove()


@pytest.fixture
def policy(directory):
    return write_policy(directory / "policy")


@pytest.fixture
def agent(build, directory, scratch, policy):
    with Agent(build, directory, policy, [scratch]) as running:
        yield running
