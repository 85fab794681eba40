"""What `proscribectl repo publish` makes is accepted by an independent client, npm's tuf-js, and by ours: fresh, after
rotations of the root, with thresholds, with keys of every kind, and with teams that own some of the files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support import packages, tuf_client
from support.software import write_policy_text
from support.tuf_repository import Signer
from support.tuf_server import Server

TUF_JS_CLIENT = Path(__file__).resolve().parents[1] / "conformance/tuf_js_client.mjs"
FINE, FAILED, USAGE, UNREACHABLE, BANNED, UNSIGNED = range(6)
POLICY = """\
proscribe: 1
policy: {{name: interop, owner: Tests}}
software:
  - id: tool
    name: Tool
    is:
      - purl: pkg:npm/tool
      - list: lists/tool.txt
rules:
  - {{id: T-1, software: tool, risk: low, reason: {{en: "{reason}"}}, action: block}}
"""
TEAM = """\
software:
  - id: {team}-tool
    name: Tool of {team}
    is:
      - purl: pkg:npm/{team}-tool
rules:
  - {{id: {team}-1, software: {team}-tool, risk: low, reason: {{en: For tests.}}, action: block}}
"""


class Admin:
    """`proscribectl repo` in a repository of its own."""

    def __init__(self, build, folder):
        self.program, self.folder = build / "proscribectl", folder / "repository"
        self.keys, self.output, self.policy = folder / "keys", folder / "published", folder / "policy"
        self.keys.mkdir(mode=0o700)

    def __call__(self, *words, expect=FINE):
        keys = [] if words[:1] in (("add",), ("status",), ("role",)) else ["--keys", self.keys]
        done = subprocess.run([self.program, "repo", *words, "-C", self.folder, *keys], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        assert done.returncode == expect, f"repo {' '.join(map(str, words))}: {done.returncode}\n{done.stdout.decode()}"

    def init(self, *words):
        self("init", "--no-passphrase", *words)

    def key(self, name, *words):
        self("key", "generate", name, "--no-passphrase", *words)

    def add(self, reason="For tests."):
        """Proposes a policy with this text in it."""
        write_policy_text(self.policy, POLICY.format(reason=reason))
        (self.policy / "lists").mkdir(exist_ok=True)
        (self.policy / "lists/tool.txt").write_text(f"{'ab' * 32} 1000\n")
        self("add", self.policy, expect=UNSIGNED)

    def add_for_team(self, team):
        folder = self.policy.with_name(team)
        write_policy_text(folder, TEAM.format(team=team))
        (folder / "policy.yaml").rename(folder / f"{team}.yaml")
        self("add", folder, "--role", team, expect=UNSIGNED)

    def sign(self, role, *keys, expect=FINE):
        self("sign", role, "--yes", *(word for key in keys for word in ("-k", key)), expect=expect)

    def publish(self):
        self("publish", self.output)

    def content(self, path):
        return (self.folder / "targets" / path).read_bytes()


@pytest.fixture
def admin(build, tmp_path):
    return Admin(build, tmp_path)


@pytest.fixture(scope="module")
def tuf_js():
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    try:
        return ["node", TUF_JS_CLIENT, packages.npm_tree("tuf-js")]
    except packages.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def clients(build, tuf_js, admin, tmp_path):
    """Both clients, which trust nothing yet, while what @admin publishes is served."""
    def content(path):
        file = admin.output / path
        return file.read_bytes() if file.is_file() else None
    with Server(content) as server:
        both = []
        for name, command in (("tuf-js", tuf_js), ("ours", [build / "tests/tuf-client"])):
            (tmp_path / name).mkdir()
            both.append(tuf_client.TufClient(command, tmp_path / name, server))
        yield both


def accept(clients, admin, *paths):
    """Both know the first root, come to the last one, and find and download @paths."""
    for client in clients:
        if not client.trusted():
            assert client.init((admin.output / "metadata/1.root.json").read_bytes()) == 0, client.said
        shutil.rmtree(client.targets)
        client.targets.mkdir()
        assert client.download(*paths) == 0, client.said
        assert client.downloaded() == sorted(admin.content(path) for path in paths)
        assert client.download("policy/none.yaml") == 1
    assert clients[0].trusted() == clients[1].trusted()
    return clients[0].trusted()


PATHS = ["policy/policy.yaml", "policy/lists/tool.txt"]


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa", "rsa"])
def test_fresh(clients, admin, scheme):
    admin.init("--scheme", scheme)
    admin.add()
    admin.sign("targets")
    admin.publish()
    assert accept(clients, admin, *PATHS)["root"] == 1
    admin.add("For other tests.")
    admin.sign("targets")
    admin.publish()
    accept(clients, admin, *PATHS)
    assert b"For other tests." in admin.content("policy/policy.yaml")
    admin("refresh", admin.output)
    accept(clients, admin, *PATHS)


def test_root_rotated_twice(clients, admin):
    """From the first root on, and from the one between; keys of another kind each time."""
    admin.init()
    admin.add()
    admin.sign("targets")
    admin.publish()
    accept(clients[:1] * 2, admin, *PATHS)
    for number, (old, new, scheme) in enumerate((("root", "root-b", "ecdsa"), ("root-b", "root-c", "rsa")), start=2):
        admin.key(new, "--scheme", scheme)
        admin("role", "add-key", "root", new, expect=UNSIGNED)
        admin("role", "remove-key", "root", old, expect=UNSIGNED)
        admin.sign("root", old, expect=UNSIGNED)
        admin.sign("root", new)
        admin.publish()
        assert accept(clients, admin, *PATHS)["root"] == number
    assert (admin.output / "metadata/3.root.json").exists()


def test_targets_and_online_keys_rotated(clients, admin):
    """New keys for every role: the root says so, and each is signed by its new key."""
    admin.init()
    admin.add()
    admin.sign("targets")
    admin.publish()
    accept(clients, admin, *PATHS)
    for role, old in (("targets", "targets"), ("snapshot", "online"), ("timestamp", "online")):
        admin.key(f"{role}-b")
        admin("role", "add-key", role, f"{role}-b", expect=UNSIGNED)
        admin("role", "remove-key", role, old, expect=UNSIGNED)
    admin.sign("root")
    admin.sign("targets")
    admin.publish()
    assert accept(clients, admin, *PATHS)["root"] == 2


def test_two_of_three(clients, admin):
    """Three people, of whom two must sign; which two does not matter, and one is not enough."""
    admin.init("-k", "alice", "-k", "bob", "-k", "carol")
    for role in ("root", "targets"):
        admin("role", "threshold", role, "2", expect=UNSIGNED)
    admin.sign("root", "alice", expect=UNSIGNED)
    admin.sign("root", "carol")
    admin.add()
    admin.sign("targets", "alice", expect=UNSIGNED)
    admin("publish", admin.output, expect=UNSIGNED)
    admin.sign("targets", "bob")
    admin.publish()
    accept(clients, admin, *PATHS)
    admin.add("Another reason.")
    admin.sign("targets", "carol", expect=UNSIGNED)
    admin.sign("targets", "bob")
    admin.publish()
    accept(clients, admin, *PATHS)


def test_one_key_of_each_kind(clients, admin):
    """Each of the three must sign."""
    admin.init("-k", "alice")
    for name, scheme in (("bob", "ecdsa"), ("carol", "rsa")):
        admin.key(name, "--scheme", scheme)
        for role in ("root", "targets"):
            admin("role", "add-key", role, name, expect=UNSIGNED)
    for role in ("root", "targets"):
        admin("role", "threshold", role, "3", expect=UNSIGNED)
    for name in ("alice", "bob"):
        admin.sign("root", name, expect=UNSIGNED)
    admin.sign("root", "carol")
    admin.add()
    for name in ("carol", "bob"):
        admin.sign("targets", name, expect=UNSIGNED)
    admin.sign("targets", "alice")
    admin.publish()
    accept(clients, admin, *PATHS)


def test_delegations(clients, admin):
    """Two teams with keys of their own, the first one's word final for its files, and a team below a team."""
    admin.init()
    admin.add()
    for team, parent, patterns, more in (
            ("team-a", "targets", ["policy/team-a*.yaml"], ["--terminating"]),
            ("team-b", "targets", ["policy/team-b*.yaml", "policy/lists/b-?.txt"], []),
            ("team-b-night", "team-b", ["policy/team-b-night.yaml"], [])):
        admin.key(team, "--scheme", "ecdsa")
        admin("role", "delegate", team, "--role", parent, "-k", team, *more,
              *(word for pattern in patterns for word in ("--path", pattern)), expect=UNSIGNED)
        admin.add_for_team(team)
    for role in ("targets", "team-a", "team-b", "team-b-night"):
        admin.sign(role)
    admin.publish()
    paths = [*PATHS, "policy/team-a.yaml", "policy/team-b.yaml", "policy/team-b-night.yaml"]
    trusted = accept(clients, admin, *paths)
    assert {"team-a", "team-b", "team-b-night"} <= set(trusted)


def test_signature_made_elsewhere(clients, admin, tmp_path):
    """A key that never touches this host: its public part goes in, the payload out, the signature back."""
    admin.init()
    far = Signer("rsa")
    public = tmp_path / "far.pub.pem"
    public.write_text(far.key["keyval"]["public"])
    admin("key", "import", "far", public)
    admin("role", "add-key", "targets", "far", expect=UNSIGNED)
    admin("role", "remove-key", "targets", "targets", expect=UNSIGNED)
    admin.sign("root")
    admin.add()
    payload, signature = tmp_path / "payload", tmp_path / "signature"
    done = subprocess.run([admin.program, "repo", "payload", "targets", "-C", admin.folder, "--output", payload], check=False)
    assert done.returncode == 0
    signature.write_bytes(bytes.fromhex(far.sign(payload.read_bytes())["sig"]))
    done = subprocess.run([admin.program, "repo", "add-signature", "targets", signature, "-k", "far", "-C", admin.folder],
                          check=False)
    assert done.returncode == 0
    admin.publish()
    accept(clients, admin, *PATHS)
