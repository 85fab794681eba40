"""A repository of signed policy as administrators work with it: begun, changed, approved by two of three, published,
renewed by cron and read by hosts; keys that rotate and get lost; teams; and what goes wrong."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support import tuf_client
from support.terminal import CTRL_C, Terminal
from support.tuf_server import Server

FINE, FAILED, USAGE, UNSIGNED = 0, 1, 2, 5
PASSPHRASE = "correct horse battery"
COMPLETION = Path(__file__).resolve().parents[2] / "packaging/completion/proscribectl.bash"
TEXT = """proscribe: 1
policy:
  name: high-risk
  owner: Information Security
software:
  - id: assistant
    name: Assistant
    is:
      - purl: pkg:npm/assistant
  - id: torrent
    name: BitTorrent clients
    is:
      - list: lists/torrent.txt
rules:
  - id: HRS-14
    software: assistant
    versions: vers:npm/>=2.1.91
    risk: high
    reason: {en: Vulnerable.}
    action: block
  - id: HRS-20
    software: torrent
    risk: medium
    reason: {en: Not permitted.}
    action: warn
"""
TEAM_TEXT = """software:
  - id: game
    name: Game
    is:
      - purl: pkg:npm/game
rules:
  - id: TEAM-1
    software: game
    reason: {en: Not at work.}
    action: block
"""


def hash_line(text, size=1000):
    return f"{hashlib.sha256(text.encode()).hexdigest()} {size}\n"


class Person:
    """Somebody with private keys of their own, at a clone of the repository."""

    def __init__(self, build, base, name, folder):
        self.program, self.name, self.folder = build / "proscribectl", name, folder
        home = base / f"home-{name}"
        home.mkdir(exist_ok=True)
        self.env = {**os.environ, "HOME": str(home), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        self.env.pop("XDG_CONFIG_HOME", None)
        self.private = home / ".config/proscribe/keys"

    def __call__(self, *words, folder=None, days=0, env=()):
        env = {**self.env, **dict(env)}
        if days:
            env |= {"LD_PRELOAD": str(tuf_client.LIBFAKETIME), "FAKETIME": f"{days:+}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                    "FAKETIME_NO_CACHE": "1", "ASAN_OPTIONS": env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        inside = [] if words[0] == "verify" or folder is False else ["-C", folder or self.folder]
        command = [self.program, "repo", words[0], *inside, *words[1:]] if words[0] != "init" else [self.program, "repo", *words]
        done = subprocess.run([os.fspath(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=env, timeout=60, check=False, cwd="/")
        assert "Sanitizer" not in done.stderr, done.stderr
        return done

    def does(self, *words, code=FINE, says="", **options):
        done = self(*words, **options)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert says in done.stdout, done.stdout
        return done.stdout

    def fails(self, *words, says="", code=FAILED, **options):
        """With one line that says why."""
        done = self(*words, **options)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert says in done.stderr, done.stderr
        if code != USAGE:
            assert done.stderr.count("\n") == 1 and done.stderr.startswith("proscribectl: "), done.stderr

    def json(self, *words, code=FINE, **options):
        return json.loads(self.does(*words, "--json", code=code, **options))

    def state(self, role, **options):
        """[(have, need)] of the sets of keys that must sign @role."""
        done = self("status", "--json", **options)
        return [(a["have"], a["need"]) for a in next(r for r in json.loads(done.stdout)["roles"] if r["role"] == role)["approvals"]]


@pytest.fixture
def policy(tmp_path):
    folder = tmp_path / "policy"
    (folder / "lists").mkdir(parents=True)
    (folder / "policy.yaml").write_text(TEXT)
    (folder / "lists/torrent.txt").write_text(hash_line("a") + hash_line("b"))
    return folder


@pytest.fixture
def admin(build, tmp_path):
    """One who has all keys, at a new repository."""
    ana = Person(build, tmp_path, "ana", tmp_path / "list")
    ana.does("init", ana.folder, "--no-passphrase")
    return ana


@pytest.fixture
def output(tmp_path):
    return tmp_path / "published"


def add(person, policy, *more, **options):
    return person.does("add", policy, *more, code=UNSIGNED, **options)


def release(person, policy, output, *more):
    """A change from the folder to the web server."""
    add(person, policy, *more)
    person.does("sign", "targets", "--yes")
    return person.json("publish", output)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"}


def version(folder, name):
    return json.loads((folder / "metadata" / f"{name}.json").read_text())["signed"]["version"]


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", folder, *words], check=True, timeout=60,
                   capture_output=True, stdin=subprocess.DEVNULL)


# ---- beginning ----

def test_init_makes_everything(build, tmp_path):
    ana = Person(build, tmp_path, "ana", tmp_path / "list")
    secret = tmp_path / "secret"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    said = ana.does("init", ana.folder, "--passphrase-file", secret, "--owner", "Ana, CISO")
    assert "no passphrase, because cron" in said and said.count("\n  proscribectl") + said.count("&& proscribectl") == 3
    assert sorted(p.name for p in ana.private.iterdir()) == ["online.pem", "root.pem", "targets.pem"]
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in ana.private.iterdir())
    encrypted = [p.name for p in sorted(ana.private.iterdir()) if "ENCRYPTED" in p.read_text()]
    assert encrypted == ["root.pem", "targets.pem"]
    assert "repo sign targets" in (ana.folder / "README.md").read_text()
    assert ana.json("status")["complete"] is True
    days = {r["role"]: r for r in ana.json("status")["roles"]}
    assert [a["signed"][0]["owner"] for a in days["root"]["approvals"]] == ["Ana, CISO"]
    for name in ("root", "targets", "snapshot", "timestamp"):
        text = (ana.folder / f"metadata/{name}.json").read_text()
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    meta = json.loads((ana.folder / "metadata/snapshot.json").read_text())["signed"]["meta"]["targets.json"]
    content = (ana.folder / "metadata/targets.json").read_bytes()
    assert meta == {"hashes": {"sha256": hashlib.sha256(content).hexdigest()}, "length": len(content), "version": 1}


def test_init_leaves_nothing_half_made(build, tmp_path):
    ana = Person(build, tmp_path, "ana", tmp_path / "list")
    ana.private.mkdir(parents=True)
    (ana.private / "targets.pem").write_text("another repository's")
    ana.fails("init", ana.folder, "--no-passphrase", says="-k targets")
    assert not ana.folder.exists() and [p.name for p in ana.private.iterdir()] == ["targets.pem"]
    # the second key cannot be made: the first one goes as well
    ana.fails("init", ana.folder, "--no-passphrase", "-k", "targets", says="targets.pem")
    assert not ana.folder.exists() and [p.name for p in ana.private.iterdir()] == ["targets.pem"]
    (ana.private / "targets.pem").unlink()
    ana.fails("init", ana.folder, says="--passphrase-file")  # nobody is there to be asked
    assert not ana.folder.exists() and not list(ana.private.iterdir())
    ana.folder.mkdir()
    (ana.folder / "notes").write_text("mine")
    ana.fails("init", ana.folder, "--no-passphrase", says="notes")
    assert [p.name for p in ana.folder.iterdir()] == ["notes"]


def test_init_asks_once(build, tmp_path):
    ana = Person(build, tmp_path, "ana", tmp_path / "list")
    command = [ana.program, "repo", "init", ana.folder]
    with Terminal(command, env=ana.env) as terminal:
        terminal.expect("assphrase")
        terminal.type(CTRL_C)
        assert terminal.wait() != FINE
    assert not ana.folder.exists() and not ana.private.exists()
    with Terminal(command, env=ana.env) as terminal:
        terminal.expect("assphrase")
        terminal.type(PASSPHRASE + "\n")
        terminal.expect("gain")
        terminal.type(PASSPHRASE + "\n")
        assert terminal.wait() == FINE
    assert PASSPHRASE not in terminal.shown
    assert [("ENCRYPTED" in p.read_text()) for p in sorted(ana.private.iterdir())] == [False, True, True]


def test_init_takes_keys_of_a_ceremony(build, tmp_path):
    """As made before there was a repository, with their owners."""
    ana = Person(build, tmp_path, "ana", tmp_path)
    ana.does("key", "generate", "root-1", "--no-passphrase", "--owner", "Ana, CISO", folder=False)
    ana.folder = tmp_path / "list"
    made = ana.json("init", ana.folder, "--no-passphrase", "-k", "root-1")
    assert [(k["name"], k["made"]) for k in made["keys"]] == [("root-1", False), ("targets", True), ("online", True)]
    assert ana.json("status")["roles"][0]["approvals"][0]["signed"][0]["owner"] == "Ana, CISO"


def test_init_in_a_git_repository_with_keys_that_are_there(build, tmp_path):
    ana = Person(build, tmp_path, "ana", tmp_path / "list")
    git(tmp_path, "init", "-q", "list")
    (ana.folder / ".gitignore").write_text("*~")
    made = ana.json("init", ana.folder, "--no-passphrase", "-k", "root-1", "-k", "targets-ana", "-k", "online")
    assert [(k["name"], k["roles"]) for k in made["keys"]] == [
        ("root-1", ["root"]), ("targets-ana", ["targets"]), ("online", ["timestamp", "snapshot"])]
    assert (ana.folder / ".gitignore").read_text() == "*~\n.lock\n.*.new\n"
    other = Person(build, tmp_path, "ana", tmp_path / "second")
    made = other.json("init", other.folder, "--no-passphrase", "-k", ana.private / "root-1.pem", "-k", "targets-ana", "-k", "online")
    assert [k["made"] for k in made["keys"]] == [False] * 3
    assert other.json("status")["complete"] is True


def test_says_where_there_is_no_repository(build, tmp_path):
    ana = Person(build, tmp_path, "ana", tmp_path)
    for words in (["status"], ["add", "x"], ["publish", "x"], ["refresh", "x"], ["role", "threshold", "root", "1"]):
        ana.fails(*words, says="repo init")
    ana.fails("verify", tmp_path / "none", says="cannot be opened")


# ---- changes ----

def test_add_shows_rules_and_not_bytes(admin, policy, output):
    said = add(admin, policy)
    assert "+ HRS-14          blocks Assistant, versions vers:npm/>=2.1.91 (high)\n" in said
    assert "+ HRS-20          warns of BitTorrent clients (medium)\n" in said
    assert "+ torrent         2 hashes\n" in said and "+ assistant       pkg:npm/assistant\n" in said
    admin.does("sign", "targets", "--yes")
    assert admin.does("add", policy) == "Nothing changed: targets holds this policy already.\n"
    assert version(admin.folder, "targets") == 2
    changed = TEXT.replace(">=2.1.91", ">=2.1.80").replace("action: warn", "action: block").replace("risk: high", "risk: critical")
    changed += "  - id: HRS-21\n    software: [assistant, torrent]\n    reason: {en: Both.}\n    action: log\n"
    changed = changed.replace("pkg:npm/assistant\n", "pkg:npm/assistant\n      - signature: assistant\n      - path: ~/assistant/**\n")
    (policy / "policy.yaml").write_text(changed)
    (policy / "signatures").mkdir()
    (policy / "signatures/a.yar").write_text(
        'rule assistant { meta: class = "script" min_size = 1 strings: $a = "assistant/cli" condition: $a }\n')
    (policy / "lists/torrent.txt").write_text("# new\n" + hash_line("b") + hash_line("c") + hash_line("d"))
    before = files(admin.folder)
    said = admin.does("add", policy, "--dry-run")
    assert files(admin.folder) == before
    assert add(admin, policy).startswith(said.replace("Nothing was changed (--dry-run).\n", ""))
    assert said.splitlines()[:-1] == [
        "~ HRS-14          versions >=2.1.91 -> >=2.1.80",
        "~ HRS-14          risk high -> critical",
        "~ HRS-20          action warn -> block",
        "+ HRS-21          records Assistant, BitTorrent clients",
        "+ assistant       path ~/assistant/**",
        "+ assistant       signature assistant",
        "~ torrent         2 hashes added, 1 removed",
        "+ assistant       a new signature"]
    admin.does("sign", "targets", "--yes")
    (policy / "signatures/a.yar").write_text((policy / "signatures/a.yar").read_text().replace("/cli", "/main"))
    (policy / "policy.yaml").write_text("# a comment\n" + changed.replace("name: BitTorrent clients", "name: Torrents"))
    assert [(c["change"], c["what"], c["id"], c["text"]) for c in admin.json("add", policy, code=UNSIGNED)["changes"]] == [
        ("~", "software", "torrent", "name BitTorrent clients -> Torrents"),
        ("~", "signature", "assistant", "the signature is another one")]
    (policy / "policy.yaml").write_text("# another comment\n" + changed.replace("name: BitTorrent clients", "name: Torrents"))
    assert "No rule, software or signature changes" in add(admin, policy)


def test_add_takes_away_what_is_gone(admin, policy, output):
    release(admin, policy, output)
    (policy / "lists/torrent.txt").unlink()
    (policy / "lists").rmdir()
    (policy / "policy.yaml").write_text(re.sub(r"  - id: torrent.*?(?=rules:)|  - id: HRS-20.*", "", TEXT, flags=re.S))
    said = add(admin, policy)
    assert "- HRS-20          warns of BitTorrent clients (medium)\n" in said and "- torrent         2 hashes\n" in said
    assert not (admin.folder / "targets/policy/lists/torrent.txt").exists()
    admin.does("sign", "targets", "--yes")
    old = files(output)
    admin.does("publish", output)
    now = files(output)
    assert {k: v for k, v in now.items() if k in old and k != "metadata/timestamp.json"} == \
        {k: v for k, v in old.items() if k != "metadata/timestamp.json"}  # nothing published ever changes
    assert list(json.loads((output / "metadata/3.targets.json").read_text())["signed"]["targets"]) == ["policy/policy.yaml"]


def test_add_refuses_what_is_wrong(admin, policy, tmp_path):
    before = files(admin.folder)
    (policy / "policy.yaml").write_text(TEXT.replace("action: warn", "action: wran"))
    done = admin("add", policy)
    assert done.returncode == FAILED and "policy.yaml:25:13: error:" in done.stderr and "nothing was changed" in done.stderr
    (policy / "policy.yaml").write_text(TEXT)
    (policy / "with blank.yaml").write_text(TEAM_TEXT)
    admin.fails("add", policy, says="cannot be published")
    done = admin("add", tmp_path / "none")
    assert done.returncode == FAILED and "there is no policy in" in done.stderr
    admin.fails("add", policy, "--role", "nobody", says="no role")
    assert files(admin.folder) == before


def test_one_command_at_a_time(admin, policy):
    lock = open(admin.folder / ".lock", "w", encoding="ascii")
    subprocess.run(["flock", "-x", "-n", str(lock.fileno())], check=True, pass_fds=[lock.fileno()])
    admin.fails("add", policy, says="another command")
    admin.fails("role", "threshold", "root", "1", says="another command")
    admin.does("status")
    lock.close()
    add(admin, policy)


def test_an_interrupted_add_is_made_good_by_the_next(admin, policy, output):
    add(admin, policy)
    admin.does("sign", "targets", "--yes")
    (admin.folder / "targets/policy/policy.yaml").write_text("half")
    (admin.folder / ".policy.new").mkdir()
    (admin.folder / ".policy.new/policy.yaml").write_text("left behind")
    admin.fails("publish", output, says="repo add")
    admin.does("add", policy)
    admin.does("publish", output)


# ---- approval ----

@pytest.fixture
def three(build, tmp_path):
    """Ana, Ben and Chi, of whom two must sign targets, each at a clone of their own; Ana has root and the online key."""
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", origin], check=True)
    people = []
    for name in ("ana", "ben", "chi"):
        folder = tmp_path / f"clone-{name}"
        git(tmp_path, "clone", "-q", origin, folder)
        people.append(Person(build, tmp_path, name, folder))
    ana, ben, chi = people
    git(ana.folder, "checkout", "-q", "-b", "main")
    ana.does("init", ana.folder, "--no-passphrase", "-k", "targets-ana", "--owner", "Ana")
    push(ana)
    for person, owner in ((ben, "Ben, IT"), (chi, "Chi")):
        pull(person)
        person.does("key", "generate", f"targets-{person.name}", "--no-passphrase", "--owner", owner)
        push(person)
    pull(ana)
    ana.does("role", "add-key", "targets", "targets-ben", code=UNSIGNED)
    ana.does("role", "add-key", "targets", "targets-chi", code=UNSIGNED)
    ana.does("role", "threshold", "targets", "2", code=UNSIGNED)
    ana.does("sign", "root", "--yes")
    ana.does("sign", "targets", "--yes", code=UNSIGNED)
    push(ana)
    pull(ben)
    ben.does("sign", "targets", "--yes")
    push(ben)
    pull(ana)
    return people


def push(person):
    git(person.folder, "add", "-A")
    git(person.folder, "commit", "-q", "-m", "change")
    git(person.folder, "push", "-q", "origin", "HEAD:main")


def pull(person):
    git(person.folder, "pull", "-q", "--rebase", "origin", "main")


def test_two_of_three_approval(three, policy, output):
    """The walk-through of proscribe-repository(7)."""
    ana, ben, chi = three
    assert ana.json("status")["complete"] is True
    assert not [p for p in files(ana.folder) if p.startswith(".git") is False and b"PRIVATE KEY" in files(ana.folder)[p]]
    # Ana adds and signs
    add(ana, policy)
    said = ana.does("sign", "targets", "--yes", code=UNSIGNED)
    assert "1 of 2" in said and "targets-ben" in said
    ana.fails("publish", output, code=UNSIGNED, says="not signed by enough")
    assert not output.exists() or not (output / "metadata/timestamp.json").exists()
    push(ana)
    # Ben sees what waits, and for whom
    pull(ben)
    said = ben.does("status", code=UNSIGNED)
    assert re.search(r"targets +3 .* 1 of 2 +(Ben, IT; Chi|Chi; Ben, IT)", said), said
    assert ben.state("targets") == [(1, 2)]
    ben.does("sign", "targets", "--yes")
    ben.does("status")
    push(ben)
    # anybody with the online key publishes
    pull(ana)
    nothing = "differs from what is published"
    ana.does("publish", output, says="verified as hosts do it")
    assert nothing in ana.does("diff", output)
    assert ana.json("verify", output, "--root", ana.folder / "metadata/1.root.json")["policy"]["rules"] == 2
    signers = ana.json("verify", output)["signers"]
    assert sorted(s["owner"] for s in signers if s["role"] == "targets") == ["Ana", "Ben, IT"]
    # a third signature comes too late to matter, and changes nothing that is published
    old = files(output)
    pull(chi)
    chi.does("sign", "targets", "--yes", "-k", "targets-chi")
    push(chi)
    git(ana.folder, "commit", "-q", "-a", "-m", "published")
    pull(ana)
    ana.does("publish", output)
    assert files(output) == old


def test_diff_shows_whoever_signs_what_changes_for_hosts(admin, policy, output, tmp_path):
    release(admin, policy, output)
    admin.does("diff", output, says="No rule, software or signature differs")
    text = (policy / "policy.yaml").read_text()
    (policy / "policy.yaml").write_text(text.replace("action: block", "action: warn"))
    with open(policy / "lists/torrent.txt", "a", encoding="utf-8") as hashes:
        hashes.write(hash_line("c"))
    shown = add(admin, policy)
    said = admin.does("diff", output)
    assert said and said in shown, "the same words as when it was added"
    assert any(c["what"] == "rule" and c["change"] == "~" for c in admin.json("diff", output))
    admin.fails("diff", tmp_path / "nothing", says="cannot be opened")
    published = next(output.glob("targets/policy/*.policy.yaml"))
    published.write_bytes(published.read_bytes().replace(b"proscribe: 1", b"proscribe: 2"))
    admin.fails("diff", output, says="policy.yaml")
    (admin.folder / "targets/policy/policy.yaml").write_text("proscribe: 1\n")
    published.write_bytes(published.read_bytes().replace(b"proscribe: 2", b"proscribe: 1"))
    done = admin("diff", output)
    assert done.returncode == FAILED and "policy that can be published" in done.stderr, done.stderr


def test_one_of_three_is_not_enough_whoever_it_is(three, policy, output):
    ana, _, chi = three
    add(ana, policy)
    push(ana)
    pull(chi)
    chi.does("sign", "targets", "--yes", code=UNSIGNED)
    text = json.loads((chi.folder / "metadata/targets.json").read_text())
    text["signatures"] *= 2  # Chi, twice
    (chi.folder / "metadata/targets.json").write_text(json.dumps(text))
    assert chi("status").returncode == FAILED  # one key id twice is no metadata
    text["signatures"][1] = {**text["signatures"][1], "keyid": "0" * 64}
    (chi.folder / "metadata/targets.json").write_text(json.dumps(text))
    assert chi.state("targets") == [(1, 2)]
    chi.does("status", code=UNSIGNED)


def test_a_change_drops_the_signatures_of_others(three, policy):
    ana, ben, _ = three
    add(ana, policy)
    ana.does("sign", "targets", "--yes", code=UNSIGNED)
    push(ana)
    pull(ben)
    (policy / "policy.yaml").write_text(TEXT.replace("risk: high", "risk: low"))
    add(ben, policy)
    assert ben.state("targets") == [(0, 2)] and version(ben.folder, "targets") == 3


# ---- roles and keys ----

def test_refuses_to_lock_everybody_out(admin):
    before = files(admin.folder)
    admin.fails("role", "threshold", "root", "2", says="can never sign")
    admin.fails("role", "threshold", "root", "0", code=USAGE, says="whole number")
    admin.fails("role", "remove-key", "root", "root", says="add another key")
    admin.fails("role", "remove-key", "targets", "root", says="does not have")
    admin.fails("role", "add-key", "targets", "nobody", says="no key 'nobody'")
    admin.fails("role", "add-key", "nobody", "root", says="no such role")
    admin.fails("role", "expire", "timestamp", "--expires", "9d", says="repo refresh")
    admin.fails("role", "expire", "root", code=USAGE, says="--expires")
    admin.fails("role", "delegate", "team", "--path", "policy/t*", code=USAGE, says="--key")
    assert files(admin.folder) == before


def test_root_rotation(build, admin, policy, output, tmp_path):
    """Another root key and a higher threshold: a root needs the keys of the one before and its own."""
    release(admin, policy, output)
    ben = Person(build, tmp_path, "ben", admin.folder)
    ben.does("key", "generate", "root-2", "--no-passphrase", "--owner", "Ben")
    admin.does("role", "add-key", "root", "root-2", code=UNSIGNED)
    admin.does("role", "threshold", "root", "2", code=UNSIGNED)
    assert admin.state("root") == [(0, 1), (0, 2)]
    ben.does("sign", "root", "--yes", code=UNSIGNED)
    assert admin.state("root") == [(0, 1), (1, 2)]
    assert "0 of 1 old, 1 of 2 new" in admin.does("status", code=UNSIGNED)
    admin.fails("publish", output, code=UNSIGNED, says="root")
    admin.does("refresh", output)  # cron goes on meanwhile
    admin.does("sign", "root", "--yes")
    assert admin.json("publish", output)["root"] == 2
    # the first one goes
    ben.does("key", "generate", "root-3", "--no-passphrase")
    admin.does("role", "add-key", "root", "root-3", code=UNSIGNED)
    admin.does("role", "remove-key", "root", "root", code=UNSIGNED)
    ben.does("sign", "root", "--yes", code=UNSIGNED)  # root-2 and root-3: the old set still lacks one
    assert admin.state("root") == [(1, 2), (2, 2)]
    admin.does("sign", "root", "--yes")
    assert admin.json("publish", output)["root"] == 3
    for n in (1, 2, 3):  # hosts that were off since then, too
        assert admin.json("verify", output, "--root", output / f"metadata/{n}.root.json")["roles"]["root"]["version"] == 3


def test_a_lost_key(build, three, policy, output, tmp_path):
    """Ben's targets key is gone; Chi and Ana go on with a new one of his."""
    ana, ben, chi = three
    release_by = lambda *people: [p.does("sign", "targets", "--yes", code=c, folder=ana.folder)
                                  for p, c in zip(people, (UNSIGNED, FINE))]
    add(ana, policy)
    release_by(ana, ben)
    ana.does("publish", output)
    shutil.rmtree(ben.private)
    ben.does("key", "generate", "targets-ben-2", "--no-passphrase", "--owner", "Ben, IT", folder=ana.folder)
    ana.does("role", "add-key", "targets", "targets-ben-2", code=UNSIGNED)
    said = ana.does("role", "remove-key", "targets", "targets-ben", code=UNSIGNED)
    assert "targets version 4 needs more signatures" in said  # what Ana and Ben signed counts for one now
    ana.does("sign", "root", "--yes")
    release_by(chi, ben)
    done = ana.json("publish", output)
    assert (done["root"], done["targets"]) == (3, 4)
    ana.json("verify", output, "--root", output / "metadata/1.root.json")
    assert "targets-ben.json" in os.listdir(ana.folder / "keys")


def test_another_online_key(build, admin, policy, output, tmp_path):
    release(admin, policy, output)
    admin.does("key", "generate", "online-2", "--no-passphrase")
    for role in ("timestamp", "snapshot"):
        admin.does("role", "add-key", role, "online-2", code=UNSIGNED)
        admin.does("role", "remove-key", role, "online", code=UNSIGNED)
    (admin.private / "online.pem").unlink()
    admin.does("sign", "root", "--yes")
    done = admin.json("publish", output)
    assert (done["root"], done["snapshot"], done["timestamp"]) == (2, 3, 3)
    admin.does("refresh", output)
    (admin.private / "online-2.pem").unlink()
    admin.fails("refresh", output, says="online key")


def test_a_team_with_keys_of_its_own(build, admin, policy, output, tmp_path):
    team = Person(build, tmp_path, "team", admin.folder)
    release(admin, policy, output)
    team.does("key", "generate", "team-key", "--no-passphrase", "--owner", "Team A")
    admin.does("role", "delegate", "team-a", "--path", "policy/team-a*.yaml", "--path", "policy/lists/team-a*.txt",
               "--key", "team-key", code=UNSIGNED)
    admin.does("sign", "targets", "--yes")
    said = admin.does("status", code=UNSIGNED)
    assert re.search(r"team-a +1 .* 0 of 1 +Team A", said), said
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "team-a.yaml").write_text(TEAM_TEXT)
    said = add(team, theirs, "--role", "team-a")
    assert said.startswith("+ TEAM-1          blocks Game\n") and "HRS" not in said
    team.does("sign", "team-a", "--yes")
    done = admin.json("publish", output)
    assert any(f["file"] == "metadata/1.team-a.json" for f in done["files"])
    found = admin.json("verify", output)
    assert found["policy"]["rules"] == 3 and {"role": "team-a", "owner": "Team A"}.items() <= found["signers"][-1].items()
    # files that are not theirs
    (theirs / "other.yaml").write_text(TEAM_TEXT.replace("TEAM-1", "X").replace("game", "play"))
    team.fails("add", theirs, "--role", "team-a", says="may speak of")
    (theirs / "other.yaml").unlink()
    (theirs / "policy.yaml").write_text(TEXT)  # as it is: people check the whole
    assert "Nothing changed" in team.does("add", theirs, "--role", "team-a")
    (theirs / "policy.yaml").write_text(TEXT + "# mine\n")
    team.fails("add", theirs, "--role", "team-a", says="belongs to role targets")
    (policy / "team-a.yaml").write_text(TEAM_TEXT)
    assert "Nothing changed" in admin.does("add", policy)
    (policy / "team-a.yaml").write_text(TEAM_TEXT + "# not yours\n")
    admin.fails("add", policy, says="--role team-a")
    # the base changes, and the team's rules stay
    (policy / "team-a.yaml").unlink()
    (policy / "policy.yaml").write_text(TEXT.replace("risk: high", "risk: low"))
    assert add(admin, policy).startswith("~ HRS-14          risk high -> low\n")
    admin.does("sign", "targets", "--yes")
    admin.does("publish", output)
    assert admin.json("verify", output)["policy"]["rules"] == 3
    # and the team goes again
    admin.does("role", "undelegate", "team-a", code=UNSIGNED)
    admin.does("sign", "targets", "--yes")
    admin.does("publish", output)
    assert admin.json("verify", output)["policy"]["rules"] == 2
    assert "team-a.json" in json.loads((admin.folder / "metadata/snapshot.json").read_text())["signed"]["meta"]


# ---- publishing ----

def test_publishing_twice_and_dry(admin, policy, output):
    add(admin, policy)
    admin.does("sign", "targets", "--yes")
    before = files(admin.folder)
    assert admin.json("publish", output, "--dry-run")["dry_run"] is True
    assert not output.exists() and files(admin.folder) == before
    old = os.umask(0o077)
    done = admin.json("publish", output)
    os.umask(old)
    assert len(done["files"]) == 6 and done["files"][-1]["file"] == "metadata/timestamp.json"
    assert all(p.stat().st_mode & 0o555 == (0o555 if p.is_dir() else 0o444) for p in [output, *output.rglob("*")])
    old = files(output)
    assert "nothing to publish" in admin.does("publish", output)
    assert files(output) == old and not list(output.rglob(".*"))
    timestamp = json.loads(old["metadata/timestamp.json"])["signed"]["meta"]["snapshot.json"]
    snapshot = old[f"metadata/{timestamp['version']}.snapshot.json"]
    assert timestamp["length"] == len(snapshot) and timestamp["hashes"]["sha256"] == hashlib.sha256(snapshot).hexdigest()


def test_publishing_refuses_a_repository_without_a_policy(admin, output):
    admin.fails("publish", output, says="policy/policy.yaml: is not in the repository yet; add a policy")
    assert not output.exists()


def test_publishing_refuses_to_go_back(admin, policy, output, tmp_path):
    old = tmp_path / "old"
    release(admin, policy, output)
    shutil.copytree(admin.folder, old)
    (policy / "policy.yaml").write_text((policy / "policy.yaml").read_text().replace("action: block", "action: warn"))
    release(admin, policy, output)
    before = files(output)
    admin.fails("publish", output, folder=old, says="git pull")
    other = Person(admin.program.parent, tmp_path, "other", tmp_path / "other")
    other.does("init", other.folder, "--no-passphrase")
    add(other, policy)
    other.does("sign", "targets", "--yes")
    other.fails("publish", output, says="another repository's")
    assert files(output) == before


def test_publishing_is_found_out_when_somebody_changed_the_tree(admin, policy, output):
    release(admin, policy, output)
    target = next(p for p in output.rglob("*.policy.yaml"))
    target.write_text(TEXT.replace("block", "log"))
    admin.fails("verify", output, says="policy.yaml")
    (policy / "policy.yaml").write_text(TEXT + "# changed\n")
    add(admin, policy)
    admin.does("sign", "targets", "--yes")
    admin.does("publish", output)  # which speaks of another file
    admin.json("verify", output)
    (output / "metadata/3.targets.json").write_text("{}")
    admin.fails("publish", output, says="3.targets.json")


@pytest.mark.skipif(tuf_client.LIBFAKETIME is None, reason="libfaketime is not installed (package faketime)")
def test_expiry(admin, policy, output):
    release(admin, policy, output)
    admin.does("status", "-o", output)
    assert json.loads(admin("status", "--json", "-o", output, days=8).stdout)["expired"] is True
    admin.does("status", "-o", output, code=FAILED, days=8, says="Something has expired")
    admin.does("status", days=8)  # the working copy of what is signed online says nothing
    admin.fails("verify", output, days=8, says="expired")
    admin.does("refresh", output, days=8)
    admin.does("verify", output, days=8)
    assert admin.json("status", days=77)["soon"] == ["targets"]
    admin.does("status", days=77, says="targets expires soon: proscribectl repo role expire targets --expires 90d\n")
    admin.does("status", code=FAILED, days=100)
    admin.fails("publish", output, days=100, says="repo role expire targets")
    admin.does("role", "expire", "targets", "--expires", "90d", days=100, code=UNSIGNED)
    admin.does("status", days=100, code=UNSIGNED)
    admin.does("sign", "targets", "--yes", days=100)
    admin.does("publish", output, days=100)
    admin.does("verify", output, days=100)
    assert version(admin.folder, "targets") == 3


@pytest.mark.skipif(tuf_client.LIBFAKETIME is None, reason="libfaketime is not installed (package faketime)")
def test_refresh_by_cron(admin, policy, output):
    """Each day, while a change waits for signatures; neither the repository nor anything published changes by it."""
    release(admin, policy, output)
    (policy / "policy.yaml").write_text(TEXT + "# waits\n")
    add(admin, policy)
    before, published = files(admin.folder), files(output)
    for day in range(1, 8):
        done = admin.json("refresh", output, days=day)
        assert done["timestamp"] == 2 + day
        assert [f["file"] for f in done["files"]][-1] == "metadata/timestamp.json"
    assert files(admin.folder) == before
    now = files(output)
    assert all(now[name] == content for name, content in published.items() if name != "metadata/timestamp.json")
    assert sorted(set(now) - set(published)) == ["metadata/3.snapshot.json", "metadata/4.snapshot.json"]
    admin.does("verify", output, days=7)
    admin.does("sign", "targets", "--yes", days=7)
    assert admin.json("publish", output, days=7)["snapshot"] == 5


def test_readers_see_whole_states_only(admin, policy, output):
    """Hosts that read while it is published again and again never fail."""
    release(admin, policy, output)
    ended, seen = threading.Event(), []

    def read():
        while not ended.is_set():
            done = admin("verify", output, "--json")
            seen.append(done.returncode or json.loads(done.stdout)["roles"]["targets"]["version"] * 1000)
            if done.returncode:
                seen.append(done.stderr)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(8):
        (policy / "policy.yaml").write_text(TEXT + f"# {n}\n")
        release(admin, policy, output)
    ended.set()
    reader.join()
    assert seen and all(isinstance(s, int) and s >= 1000 for s in seen), seen


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_point(admin, policy, output, seed):
    """What is published stays whole, and the next run makes everything good."""
    release(admin, policy, output)
    random.seed(seed)
    for n in range(8):
        (policy / "policy.yaml").write_text(TEXT + f"# {n}\n")
        kill(admin, random.random() * 0.05, "add", policy)
        admin("add", policy)
        admin.does("sign", "targets", "--yes")
        kill(admin, random.random() * 0.02, "publish", output)
        assert admin.json("verify", output)["roles"]["targets"]["version"] in (n + 2, n + 3)
        assert admin.json("publish", output)["targets"] == n + 3
    assert not list(output.rglob("*.new")) and admin.json("verify", output)["policy"]["rules"] == 2


def kill(person, after_sec, word, *words):
    process = subprocess.Popen([person.program, "repo", word, "-C", person.folder, *words], env=person.env, cwd="/",
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_sec)
    process.kill()
    process.wait()


# ---- hosts, and others ----

def folder_server(folder):
    def content(path):
        file = folder / path
        return file.read_bytes() if file.is_file() else None
    return Server(content)


def test_verify_over_http(admin, policy, output):
    release(admin, policy, output)
    with folder_server(output) as server:
        url = server.url
        found = admin.json("verify", url, "--root", admin.folder / "metadata/1.root.json")
        assert found["requests"] == 6 and found["valid"] is True  # 2.root, timestamp, snapshot, targets, two files
        admin.fails("verify", url + "nowhere/", says="root.json")
    other = admin.folder.parent / "other-root.json"
    shutil.copy(admin.folder / "metadata/targets.json", other)
    admin.fails("verify", output, "--root", other, says="root")


def test_verify_finds_a_policy_that_does_not_compile(admin, policy, output):
    """As of a key holder who went around 'repo add'."""
    release(admin, policy, output)
    text = b"proscribe: 99\n"
    (admin.folder / "targets/policy/policy.yaml").write_bytes(text)
    draft = json.loads((admin.folder / "metadata/targets.json").read_text())
    draft["signatures"], draft["signed"]["version"] = [], 3
    draft["signed"]["targets"]["policy/policy.yaml"] = {"hashes": {"sha256": hashlib.sha256(text).hexdigest()}, "length": len(text)}
    (admin.folder / "metadata/targets.json").write_text(json.dumps(draft))
    admin.does("sign", "targets", "--yes")
    admin.does("publish", output)
    done = admin("verify", output)
    assert done.returncode == FAILED and "policy.yaml:1:12: error:" in done.stderr and "would refuse" in done.stdout


def test_names_that_lead_out_of_the_folder(admin, policy, output):
    """A key holder cannot make 'verify' write anywhere."""
    release(admin, policy, output)
    text = b"x\n"
    for name in ("policy/../../escaped", "policy/lists/../../../escaped", "policy/.hidden", "/tmp/escaped"):
        draft = json.loads((admin.folder / "metadata/targets.json").read_text())
        draft["signatures"] = []
        draft["signed"]["version"] += 1
        draft["signed"]["targets"][name] = {"hashes": {"sha256": hashlib.sha256(text).hexdigest()}, "length": len(text)}
        (admin.folder / "metadata/targets.json").write_text(json.dumps(draft))
        admin.does("sign", "targets", "--yes")
        done = admin("publish", output)
        assert done.returncode == FAILED and not Path("/tmp/escaped").exists()
        del draft["signed"]["targets"][name]
        (admin.folder / "metadata/targets.json").write_text(json.dumps(draft))


def repo_commands(build):
    text = subprocess.run([build / "proscribectl", "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  (repo \S+(?: \S+)?)  +[A-Z]", text, re.M)


def test_help_and_usage(build):
    assert len(repo_commands(build)) == 19
    for command in repo_commands(build):
        done = subprocess.run([build / "proscribectl", *command.split(), "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == FINE and "5 more signatures are needed" in done.stdout
        assert all(len(line) <= 100 for line in done.stdout.splitlines()), done.stdout
        done = subprocess.run([build / "proscribectl", *command.split(), "--nonsense"], capture_output=True, text=True, check=False)
        assert done.returncode == USAGE


COMPLETE = """
source "$1"
shift
COMP_WORDS=(proscribectl "$@") COMP_CWORD=$#
_proscribectl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(folder, *words):
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", COMPLETION, *words], capture_output=True, text=True, check=True, cwd=folder)
    return sorted(done.stdout.split())


def test_completion_knows_what_help_knows(build, admin):
    for command in repo_commands(build):
        words = command.split()
        for n in range(1, len(words)):
            assert words[n] in completions(admin.folder, *words[:n], "")
        text = subprocess.run([build / "proscribectl", *words, "--help"], capture_output=True, text=True, check=True).stdout
        assert completions(admin.folder, *words, "--") == sorted(re.findall(r"(?<= )--[a-z-]+", text.split("\n\n")[-2])), command
    roles = ["root", "snapshot", "targets", "timestamp"]
    assert completions(admin.folder, "repo", "sign", "") == roles
    assert completions("/", "repo", "-C", admin.folder, "role", "expire", "t") == ["targets", "timestamp"]
    assert completions(admin.folder, "repo", "role", "add-key", "root", "") == ["online", "root", "targets"]
    assert completions("/", "repo", "sign", "") == []
