"""Signed policy from the update folder to the gate: what is accepted, what is refused and what stays in force then."""

import json

import pytest

from support.agent import wait_until
from support.enrolled import EnrolledAgent, signed_policy
from support.launch import launch
from support.software import install_package, write_policy

pytestmark = pytest.mark.root


@pytest.fixture
def repo(directory):
    return signed_policy(write_policy(directory / "source"))


@pytest.fixture
def enrolled(build, directory, scratch, repo):
    agent = EnrolledAgent(build, directory, [scratch], repo)
    agent.updates.put(repo)
    with agent:
        agent.wait_for_policy("applied")
        yield agent


def status(agent):
    done = agent.ctl("status", "--json")
    return json.loads(done.stdout)


def test_a_signed_policy_comes_into_force(enrolled, scratch):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link).refused
