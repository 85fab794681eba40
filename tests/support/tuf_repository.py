"""A repository of signed policy (TUF 1.0) that a test can bend at will.

    repo = TufRepository()                      # every role version 1, one ed25519 key each, published
    repo.add_target("policy/policy.yaml", b"...")
    team = repo.delegate("team", paths=["policy/team/*"])
    repo.add_target("policy/team/a.yaml", b"...", role=team)
    repo.root.add_key(Signer("rsa")); repo.root.threshold = 2
    repo.publish()                              # a new version of each role that changed, snapshot and timestamp behind
    repo.files["metadata/timestamp.json"]       # what clients get: change, remove or replace it as you like
    repo.write(folder)                          # the same as a folder tree
    with repo.serve() as server:                # ... over HTTP, in a network of our own
        run_client(server.metadata_url, server.targets_url)
        assert server.metadata_requests == ["2.root.json", "timestamp.json", ...]

`role.signed` is the plain "signed" part of the metadata. publish() raises "version" unless the test has set it, and
lets snapshot and timestamp list what there is unless their `follow` is False. Names of files are percent-encoded,
as they stand in URLs.
"""

import copy
import fnmatch
import hashlib
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from support.tuf_server import Server

TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")
SPEC_VERSION = "1.0.34"
DAYS = {"root": 365, "targets": 90, "snapshot": 30, "timestamp": 7}


class Signer:
    """A private key: "ed25519", "ecdsa" (P-256) or "rsa" (PSS)."""

    def __init__(self, kind="ed25519", owner=None, private=None):
        self.kind = kind
        self.private = private or {"ed25519": ed25519.Ed25519PrivateKey.generate,
                                   "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
                                   "rsa": lambda: rsa.generate_private_key(65537, 2048)}[kind]()
        public = self.private.public_key()
        if kind == "ed25519":
            value = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
        else:
            value = public.public_bytes(serialization.Encoding.PEM,
                                        serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        scheme = {"ed25519": "ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsassa-pss-sha256"}[kind]
        self.key = {"keytype": kind, "scheme": scheme, "keyval": {"public": value}}
        if owner:
            self.key["x-proscribe-owner"] = owner

    @property
    def keyid(self):
        return hashlib.sha256(canonical(self.key)).hexdigest()

    def sign(self, data):
        if self.kind == "ed25519":
            signature = self.private.sign(data)
        elif self.kind == "ecdsa":
            signature = self.private.sign(data, ec.ECDSA(hashes.SHA256()))
        else:
            signature = self.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return {"keyid": self.keyid, "sig": signature.hex()}

    def private_pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())


class Role:
    """One role: what it says (`signed`) and who signs it next (`signers`), whoever is meant to."""

    def __init__(self, repo, name, signed, delegators):
        self.repo, self.name, self.signed = repo, name, signed
        self.delegators = delegators  # whose metadata name the keys: [] for top-level roles
        self.signers = []
        self.leaving = []  # sign the next version as well
        self.follow = True
        self.published = None  # what was signed last, and by whom
        self.files = []  # each version's path, oldest first

    def entries(self):
        """[(the "keys", this role's object with "keyids" and "threshold")], one of each delegator."""
        if self.name in TOP_LEVEL:
            return [(self.repo.root.signed["keys"], self.repo.root.signed["roles"][self.name])]
        return [(d.signed["delegations"]["keys"], entry) for d in self.delegators
                for entry in d.signed["delegations"]["roles"] if entry["name"] == self.name]

    @property
    def threshold(self):
        return self.entries()[0][1]["threshold"]

    @threshold.setter
    def threshold(self, number):
        for _, entry in self.entries():
            entry["threshold"] = number

    @property
    def version(self):
        return self.signed["version"]

    @version.setter
    def version(self, number):
        self.signed["version"] = number

    def expire(self, **delta):
        """expire(days=-1): yesterday."""
        self.signed["expires"] = stamp(**delta)

    def add_key(self, signer=None, signs=True):
        signer = signer or Signer()
        for keys, entry in self.entries():
            keys[signer.keyid] = signer.key
            entry["keyids"].append(signer.keyid)
        if signs:
            self.signers.append(signer)
        return signer

    def remove_key(self, signer):
        for _, entry in self.entries():
            entry["keyids"].remove(signer.keyid)
        self.repo.drop_unused_keys()
        if signer in self.signers:
            self.signers.remove(signer)

    def rotate(self, *signers, threshold=None):
        """Other keys (new ones, as many as must sign) instead of all those that it had. A new root is signed by the old
        ones once more."""
        leaving, self.signers = self.signers, []
        if threshold:
            self.threshold = threshold
        for _, entry in self.entries():
            entry["keyids"].clear()
        for signer in signers or [Signer(self.repo.kind) for _ in range(self.threshold)]:
            self.add_key(signer)
        self.repo.drop_unused_keys()
        if self.name == "root":
            self.leaving = leaving

    def envelope(self, signers=None):
        """The whole document, signed as it stands now."""
        unique = {s.keyid: s for s in (self.signers + self.leaving if signers is None else signers)}
        data = canonical(self.signed)
        return {"signatures": [s.sign(data) for s in unique.values()], "signed": copy.deepcopy(self.signed)}

    def path(self):
        """Below the base, of the version that it has now."""
        if self.name == "timestamp" or not (self.repo.consistent_snapshot or self.name == "root"):
            return f"metadata/{quote(self.name, '')}.json"
        return f"metadata/{self.version}.{quote(self.name, '')}.json"


class TufRepository:
    def __init__(self, kind="ed25519", published=True):
        self.kind = kind
        self.files = {}
        self.meta_hashes = False  # length and hashes in snapshot and timestamp too
        self.roles = {}
        for name in TOP_LEVEL:
            self.roles[name] = Role(self, name, empty(name), [])
        self.root.signed["roles"] = {name: {"keyids": [], "threshold": 1} for name in TOP_LEVEL}
        for role in list(self.roles.values()):
            role.add_key(Signer(kind))
        if published:
            self.publish()

    root = property(lambda self: self.roles["root"])
    timestamp = property(lambda self: self.roles["timestamp"])
    snapshot = property(lambda self: self.roles["snapshot"])
    targets = property(lambda self: self.roles["targets"])

    @property
    def consistent_snapshot(self):
        return self.root.signed["consistent_snapshot"]

    @property
    def first_root(self):
        """What a host is enrolled with."""
        return self.files["metadata/1.root.json"]

    # ---- targets and delegations ----

    def add_target(self, path, content, role="targets", algorithms=("sha256",), custom=None):
        role = self.roles[role] if isinstance(role, str) else role
        content = content.encode() if isinstance(content, str) else content
        info = {"length": len(content), "hashes": {a: hashlib.new(a, content).hexdigest() for a in algorithms}}
        if custom is not None:
            info["custom"] = custom
        role.signed["targets"][path] = info
        self.put_target(path, info, content)
        return info

    def put_target(self, path, info, content):
        """Only the file, at every name that a client may ask for it by."""
        folder, slash, name = path.rpartition("/")
        for digest in info["hashes"].values() if self.consistent_snapshot else ():
            self.files[f"targets/{quote(folder + slash)}{digest}.{quote(name, '')}"] = content
        if not self.consistent_snapshot:
            self.files[f"targets/{quote(path)}"] = content

    def add_folder(self, folder, prefix="policy/", owners=None):
        """Each file below @folder as a target, in place of those there were. @owners: {pattern of paths: role's name}."""
        for role in self.roles.values():
            for path in [p for p in role.signed.get("targets", {}) if p.startswith(prefix)]:
                del role.signed["targets"][path]
        for file in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            path = prefix + file.relative_to(folder).as_posix()
            role = next((name for pattern, name in (owners or {}).items() if fnmatch.fnmatch(path, pattern)), "targets")
            self.add_target(path, file.read_bytes(), role)

    def delegate(self, name, paths=None, prefixes=None, terminating=False, delegator="targets", signers=None,
                 threshold=1):
        """@delegator names @name for @paths (or hash @prefixes), behind those that it named before. A role that another
        delegator has named already keeps its keys unless @signers are given."""
        delegator = self.roles[delegator] if isinstance(delegator, str) else delegator
        delegations = delegator.signed.setdefault("delegations", {"keys": {}, "roles": []})
        if name not in self.roles:
            self.roles[name] = Role(self, name, empty("targets"), [])
            self.roles[name].signers = list(signers or [Signer(self.kind)])
        role = self.roles[name]
        role.delegators.append(delegator)
        keys = signers or role.signers
        entry = {"name": name, "keyids": [s.keyid for s in keys], "threshold": threshold, "terminating": terminating}
        entry.update({"path_hash_prefixes": prefixes} if prefixes is not None else {"paths": paths or ["*"]})
        delegations["roles"].append(entry)
        delegations["keys"].update({s.keyid: s.key for s in keys})
        return role

    def drop_unused_keys(self):
        places = [(self.root.signed["keys"], self.root.signed["roles"].values())]
        places += [(r.signed["delegations"]["keys"], r.signed["delegations"]["roles"])
                   for r in self.roles.values() if r.signed.get("delegations")]
        for keys, users in places:
            used = {keyid for user in users for keyid in user["keyids"]}
            for keyid in set(keys) - used:
                del keys[keyid]

    # ---- publishing ----

    def publish(self, *names):
        """A new version of each role that has changed, in the order root, targets, delegated ones, snapshot, timestamp;
        or of exactly the roles in @names, changed or not."""
        delegated = [n for n in self.roles if n not in TOP_LEVEL]
        for name in ("root", "targets", *delegated, "snapshot", "timestamp"):
            role = self.roles[name]
            if role.follow and (name in names or not names):
                self.follow(role)
            state = (role.signed, [s.keyid for s in role.signers])
            if name in names or (not names and (role.published is None or role.published != state)):
                self.publish_role(role)

    def publish_role(self, role):
        if role.published and role.published[0]["version"] == role.version:
            role.version += 1
        self.put(role.path(), role.envelope())
        role.leaving = []
        role.published = copy.deepcopy((role.signed, [s.keyid for s in role.signers]))
        if not role.files or role.files[-1] != role.path():
            role.files.append(role.path())

    def follow(self, role):
        if role.name == "snapshot":
            listed = [r for n, r in self.roles.items() if (n == "targets" or n not in TOP_LEVEL) and r.published]
        elif role.name == "timestamp":
            listed = [self.snapshot] if self.snapshot.published else []
        else:
            return
        role.signed["meta"] = {f"{r.name}.json": self.meta(r) for r in listed}

    def meta(self, role):
        entry = {"version": role.published[0]["version"]}
        content = self.files.get(role.files[-1])
        if self.meta_hashes and content is not None:
            entry |= {"length": len(content), "hashes": {"sha256": hashlib.sha256(content).hexdigest()}}
        return entry

    def put(self, path, document):
        """@document: bytes, or what is to be written as JSON."""
        self.files[path] = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()

    def document(self, path):
        """A copy: change it, then put() it back. @path: of a file, or the name of a role (its last version)."""
        return json.loads(self.current(path) if path in self.roles else self.files[path])

    def current(self, name):
        """The bytes of the last version of the role @name."""
        return self.files[self.roles[name].files[-1]]

    def put_current(self, name, document):
        self.put(self.roles[name].files[-1], document)

    def write(self, base):
        """As files below @base, timestamp.json last. Files that are there and not ours stay."""
        for path, content in sorted(self.files.items(), key=lambda item: item[0] == "metadata/timestamp.json"):
            file = Path(base, path)
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            beside = file.with_name(f".{file.name[:200]}.new")
            beside.write_bytes(content)
            os.chmod(beside, 0o644)
            os.rename(beside, file)

    def serve(self, **options):
        """A support.tuf_server.Server of `files` as they are at each request; @options as there."""
        return Server(lambda path: self.files.get(path), **options)


def empty(kind):
    signed = {"_type": kind, "spec_version": SPEC_VERSION, "version": 1, "expires": stamp(days=DAYS[kind])}
    if kind == "root":
        return signed | {"consistent_snapshot": True, "keys": {}, "roles": {}}
    return signed | ({"targets": {}} if kind == "targets" else {"meta": {}})


def stamp(**delta):
    """Now and @delta (of timedelta()) in the format of metadata."""
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(value):
    """OLPC canonical JSON: no white space, sorted keys, only quotation marks and backslashes escaped."""
    if isinstance(value, str):
        return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value).encode()
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(canonical(v) for v in value) + b"]"
    if isinstance(value, dict):
        return b"{" + b",".join(canonical(k) + b":" + canonical(value[k]) for k in sorted(value)) + b"}"
    raise TypeError(f"{value!r} has no canonical form")
