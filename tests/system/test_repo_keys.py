"""Keys of a repository as administrators use them: made, collected, listed; signing with files, with tokens and with
other programs; passphrases on a terminal, in files and nowhere."""

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support.terminal import CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_Z, Terminal
from support.tuf_repository import Signer, TufRepository, canonical

FINE, FAILED, USAGE, UNSIGNED = 0, 1, 2, 5
PASSPHRASE = "correct horse battery"
MODULE = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                           "/usr/lib64/pkcs11/libsofthsm2.so") if os.path.exists(p)), None)
SCHEMES = {"ed25519": "ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsassa-pss-sha256"}


class Admin:
    """An administrator with a repository and private keys."""

    def __init__(self, program, base):
        self.program, self.base = str(program), base
        self.folder, self.keys = base / "list", base / "config/proscribe/keys"
        self.env = {**os.environ, "XDG_CONFIG_HOME": str(base / "config"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        self.passphrase = base / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")
        self.passphrase.chmod(0o600)
        self.start()

    def start(self):
        """A repository whose roles have one key each, of which nobody here has the private part."""
        self.repo = TufRepository()
        (self.folder / "metadata").mkdir(parents=True)
        (self.folder / "keys").mkdir()
        (self.folder / "targets/policy").mkdir(parents=True)
        (self.folder / "metadata/1.root.json").write_bytes(self.repo.first_root)
        for name in ("root", "targets", "snapshot", "timestamp"):
            (self.folder / f"metadata/{name}.json").write_bytes(self.repo.current(name))

    def command(self, *arguments):
        return [self.program, "repo", "-C", str(self.folder), *map(os.fspath, arguments)]

    def __call__(self, *arguments, **options):
        """Without a terminal, unless there is input."""
        options = {"env": self.env, "stdin": subprocess.DEVNULL, **options}
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(self.command(*arguments), capture_output=True, check=False, timeout=60,
                              start_new_session=True, **options)
        done.out, done.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return done

    def fine(self, *arguments, **options):
        done = self(*arguments, **options)
        assert done.returncode == FINE, done.err
        return done

    def fails(self, *arguments, code=FAILED, says="", **options):
        """One message, on stderr."""
        done = self(*arguments, **options)
        assert done.returncode == code, done.err + done.out
        assert says in done.err, done.err
        if code == FAILED:
            assert done.err.count("\n") == 1 and done.err.startswith("proscribectl: "), done.err
        return done

    def terminal(self, *arguments):
        return Terminal(self.command(*arguments), env=self.env)

    def generate(self, name, *options, scheme="ed25519"):
        self.fine("key", "generate", name, "--scheme", scheme, "--no-passphrase", *options)
        return self.key(name)

    def key(self, name):
        return json.loads((self.folder / f"keys/{name}.json").read_text())

    def pem(self, name):
        return self.keys / f"{name}.pem"

    def role(self, name):
        return json.loads((self.folder / f"metadata/{name}.json").read_text())

    def give(self, role, *names, threshold=1, version=None):
        """Root, as it is worked on, lets the keys @names speak for @role; not signed yet."""
        root = self.role("root")["signed"]
        keys = [self.key(name) for name in names]
        root["version"] = version or 2
        root["keys"].update({k["keyid"]: k["key"] for k in keys})
        root["roles"][role] = {"keyids": [k["keyid"] for k in keys], "threshold": threshold}
        used = {keyid for r in root["roles"].values() for keyid in r["keyids"]}
        root["keys"] = {keyid: key for keyid, key in root["keys"].items() if keyid in used}
        self.put("root", root)

    def put(self, role, signed):
        (self.folder / f"metadata/{role}.json").write_text(json.dumps({"signatures": [], "signed": signed}))

    def unsign(self, role):
        self.put(role, self.role(role)["signed"] | {"version": 2})

    def signatures(self, role):
        return {s["keyid"]: bytes.fromhex(s["sig"]) for s in self.role(role)["signatures"]}


@pytest.fixture
def admin(build, tmp_path):
    return Admin(build / "proscribectl", tmp_path)


@pytest.fixture
def targets(admin):
    """Three keys, one of each scheme, speak for targets, and two must sign."""
    for name, scheme in (("ana", "ed25519"), ("ben", "ecdsa"), ("chi", "rsa")):
        admin.generate(name, scheme=scheme)
    admin.give("targets", "ana", "ben", "chi", threshold=2)
    admin.unsign("targets")
    return admin


def still_to_sign(shown):
    """(signatures there are, needed, missing, {whose may be})"""
    have, need, missing, names = re.search(r"(\d+) of (\d+) signatures.*; still to sign, (\d+) of: (.*)", shown).groups()
    return int(have), int(need), int(missing), set(names.split(", "))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options).stdout


# ---- key generate ----

@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_new_key_is_encrypted_and_its_public_part_in_the_repository(admin, scheme):
    done = admin.fine("key", "generate", "ana", "--scheme", scheme, "--owner", "Ana, CISO", "--passphrase-file",
                      admin.passphrase)
    assert "encrypted with its passphrase" in done.out
    assert mode(admin.keys) == 0o700
    assert mode(admin.pem("ana")) == 0o600
    assert "BEGIN ENCRYPTED PRIVATE KEY" in admin.pem("ana").read_text()
    key = admin.key("ana")
    assert key["key"]["scheme"] == SCHEMES[scheme]
    assert key["key"]["x-proscribe-owner"] == "Ana, CISO"
    assert key["keyid"] == hashlib.sha256(canonical(key["key"])).hexdigest()
    assert key["source"] == "ana.pem"  # in whosever folder: no path of this machine goes into git
    public = openssl("pkey", "-in", admin.pem("ana"), "-passin", f"file:{admin.passphrase}", "-pubout").decode()
    if scheme != "ed25519":
        assert key["key"]["keyval"]["public"] == public
    described = openssl("asn1parse", "-in", admin.pem("ana")).decode()
    assert "scrypt" in described.lower() and "aes-256-cbc" in described
    if scheme == "rsa":
        assert "(3072 bit" in openssl("pkey", "-in", admin.pem("ana"), "-passin", f"file:{admin.passphrase}", "-text",
                                       "-noout").decode()


def test_a_key_without_a_passphrase_says_so(admin):
    assert "NOT encrypted" in admin.fine("key", "generate", "online", "--no-passphrase").out
    assert "BEGIN PRIVATE KEY" in admin.pem("online").read_text()


def test_without_configuration_folder_keys_are_below_the_home(admin, tmp_path):
    env = {k: v for k, v in admin.env.items() if k != "XDG_CONFIG_HOME"} | {"HOME": str(tmp_path / "home")}
    admin.fine("key", "generate", "ana", "--no-passphrase", env=env)
    assert (tmp_path / "home/.config/proscribe/keys/ana.pem").exists()
    # a relative path is none, says the XDG Base Directory Specification
    admin.fine("key", "generate", "ben", "--no-passphrase", env=env | {"XDG_CONFIG_HOME": "relative"})
    assert (tmp_path / "home/.config/proscribe/keys/ben.pem").exists()


def test_the_folder_of_keys_can_be_another(admin, tmp_path):
    admin.fine("key", "generate", "ana", "--no-passphrase", "--keys", tmp_path / "stick")
    assert (tmp_path / "stick/ana.pem").exists()
    assert admin.key("ana")["source"] == str(tmp_path / "stick/ana.pem")


def test_a_folder_that_others_may_write_to_gets_no_keys(admin, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o770)
    admin.fails("key", "generate", "ana", "--no-passphrase", "--keys", shared, says="others may write to")
    assert not list(shared.iterdir())
    assert not (admin.folder / "keys/ana.json").exists()


@pytest.mark.parametrize("name", ["", ".hidden", "-x", "a/b", "../a", "a b", "a\n", "ä", "x" * 65])
def test_names_that_cannot_be(admin, name):
    done = admin("key", "generate", "--no-passphrase", "--", name)
    assert done.returncode == FAILED and "cannot be the name of a key" in done.err
    assert not admin.keys.exists() or not list(admin.keys.iterdir())


@pytest.mark.parametrize("name", ["a", "A.b_c-d@e", "_x", "@x", "0", "x" * 64])
def test_names_that_can_be(admin, name):
    admin.generate(name)


def test_neither_a_name_nor_a_file_is_taken_twice(admin):
    admin.generate("ana")
    before = admin.pem("ana").read_bytes()
    admin.fails("key", "generate", "ana", "--no-passphrase", says="there is a key 'ana' already")
    (admin.folder / "keys/ana.json").unlink()
    admin.fails("key", "generate", "ana", "--no-passphrase", says="is there already")
    assert admin.pem("ana").read_bytes() == before


def test_a_repository_that_is_none(admin, tmp_path):
    admin.folder = tmp_path
    admin.fails("key", "generate", "ana", "--no-passphrase", says="no repository")
    assert not admin.keys.exists()


def test_outside_a_repository_the_public_part_is_a_file_to_hand_in(admin, tmp_path):
    """As in a key ceremony: everybody makes a key, one of them has the repository."""
    (tmp_path / "elsewhere").mkdir()
    stick = tmp_path / "stick"
    done = subprocess.run([admin.program, "repo", "key", "generate", "ana", "--owner", "Ana", "--no-passphrase", "--keys", stick],
                          cwd=tmp_path / "elsewhere", env=admin.env, check=True, capture_output=True, text=True)
    assert f"{stick}/ana.pub.json" in done.stdout
    assert mode(stick / "ana.pem") == 0o600
    admin.fine("key", "import", "ana", stick / "ana.pub.json")
    assert admin.key("ana")["key"]["x-proscribe-owner"] == "Ana"
    admin.fails("key", "import", "again", "--source", stick / "ana.pem", says="as 'ana'")


@pytest.mark.parametrize("arguments, says", [
    (["--scheme", "dsa"], "--scheme wants"),
    (["--owner", ""], "--owner wants"),
    (["--owner", "x" * 128], "--owner wants"),
    (["--owner", "a\x1b[2J"], "--owner wants"),
    (["--no-passphrase", "--passphrase-file", "x"], "exclude each other"),
])
def test_generate_options_that_cannot_be(admin, arguments, says):
    admin.fails("key", "generate", "ana", *arguments, code=USAGE, says=says)


def test_an_owner_may_be_as_long_as_the_limit(admin):
    key = admin.generate("ana", "--owner", "ö" * 63 + "x")
    assert key["key"]["x-proscribe-owner"] == "ö" * 63 + "x"


# ---- passphrases ----

def test_no_terminal_and_no_file_is_one_clear_error(admin):
    done = admin.fails("key", "generate", "ana", says="--passphrase-file")
    assert "no terminal" in done.err
    assert not (admin.folder / "keys/ana.json").exists()
    admin.fine("key", "generate", "ana", "--passphrase-file", admin.passphrase)
    admin.give("targets", "ana")
    admin.unsign("targets")
    done = admin.fails("sign", "targets", says="no terminal")
    assert "--passphrase-file" in done.err
    assert not admin.signatures("targets")


def test_a_passphrase_is_asked_for_twice_without_an_echo(admin):
    with admin.terminal("key", "generate", "ana") as t:
        t.expect("New passphrase of ana: ")
        assert not t.echoes()
        t.type(PASSPHRASE + "\n")
        t.expect("The same again: ")
        assert not t.echoes()
        t.type(PASSPHRASE + "\n")
        assert t.wait() == FINE
        assert t.echoes()
        assert PASSPHRASE not in t.shown
    admin.give("targets", "ana")
    admin.unsign("targets")
    admin.fine("sign", "targets", "--passphrase-file", admin.passphrase)


def test_what_was_typed_differently_or_too_short_is_asked_for_again(admin):
    with admin.terminal("key", "generate", "ana") as t:
        for first, second, says in (("1234567", None, "at least 8 characters"), ("öööööö7", None, "at least 8"),
                                    ("12345678", "12345679", "not the same"), ("12345678", "1234567", "not the same"),
                                    ("öööööö78", "öööööö78", None)):
            t.expect("New passphrase of ana: ")
            t.type(first + "\n")
            if second:
                t.expect("The same again: ")
                t.type(second + "\n")
            if says:
                t.expect(says)
        assert t.wait() == FINE


def test_after_five_times_it_gives_up(admin):
    with admin.terminal("key", "generate", "ana") as t:
        for _ in range(5):
            t.expect("New passphrase of ana: ")
            t.type("short\n")
        assert t.wait() == FAILED
    assert not admin.pem("ana").exists()


def test_a_passphrase_has_a_limit(admin):
    with admin.terminal("key", "generate", "ana") as t:
        t.expect("New passphrase")
        t.type("x" * 1024 + "\n")
        assert t.wait() == FAILED
    with admin.terminal("key", "generate", "ana") as t:
        for prompt in ("New passphrase", "again"):
            t.expect(prompt)
            t.type("x" * 1023 + "\n")
        assert t.wait() == FINE


@pytest.mark.parametrize("key, number", [(CTRL_C, signal.SIGINT), (CTRL_BACKSLASH, signal.SIGQUIT)])
def test_interrupting_restores_the_echo(admin, key, number):
    for before in ("", "half a pass"):
        with admin.terminal("key", "generate", "ana") as t:
            t.expect("New passphrase")
            assert not t.echoes()
            t.type(before + key)
            assert t.wait() == -number
            assert t.echoes()
    assert not admin.pem("ana").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_restores_the_echo(admin, number):
    with admin.terminal("key", "generate", "ana") as t:
        t.expect("New passphrase")
        t.process.send_signal(number)
        assert t.wait() == -number
        assert t.echoes()


def test_what_cannot_stop_it_lets_it_ask_again(admin):
    with admin.terminal("key", "generate", "ana") as t:
        t.expect("New passphrase")
        t.type(CTRL_Z)  # nobody could continue it here, so the system does not stop it
        t.expect("New passphrase")
        t.type(CTRL_D)
        assert t.wait() == FAILED
        assert t.echoes()
        assert "no passphrase was given" in t.shown


def test_a_wrong_passphrase_can_be_typed_again(admin):
    admin.fine("key", "generate", "ana", "--passphrase-file", admin.passphrase)
    admin.give("targets", "ana")
    admin.unsign("targets")
    with admin.terminal("sign", "targets", "--yes") as t:
        t.expect("Passphrase of .*ana.pem: ")
        t.type("not this one\n")
        t.expect("the passphrase is wrong")
        t.expect("Passphrase of")
        t.type(PASSPHRASE + "\n")
        assert t.wait() == FINE
        assert "not this one" not in t.shown
    admin.unsign("targets")
    with admin.terminal("sign", "targets", "--yes") as t:
        for _ in range(3):
            t.expect("Passphrase of")
            t.type("not this one\n")
        assert t.wait() == FAILED
    assert not admin.signatures("targets")


@pytest.mark.parametrize("content, says", [
    (b"", "one line"), (b"\n", "one line"), (b"12345678\nmore\n", "one line"), (b"1234\x005678\n", "one line"),
    (b"x" * 1024, "one line"), (b"x" * 5000, "one line"), (b"1234567\n", "at least 8 characters")])
def test_passphrase_files_that_cannot_be(admin, content, says):
    admin.passphrase.write_bytes(content)
    admin.fails("key", "generate", "ana", "--passphrase-file", admin.passphrase, says=says)
    assert not admin.pem("ana").exists()


@pytest.mark.parametrize("content", [b"12345678", b"12345678\n", b"12345678\r\n", b"x" * 1023, b"x" * 1023 + b"\r\n"])
def test_passphrase_files_that_can_be(admin, content):
    admin.passphrase.write_bytes(content)
    admin.fine("key", "generate", "ana", "--passphrase-file", admin.passphrase)
    assert load_pem_private_key(admin.pem("ana").read_bytes(), content.rstrip(b"\r\n"))


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o644, 0o622])
def test_a_passphrase_file_that_others_can_get_at_is_refused(admin, bits):
    admin.passphrase.chmod(bits)
    admin.fails("key", "generate", "ana", "--passphrase-file", admin.passphrase, says="others can get at")


def test_a_passphrase_file_that_is_not_there(admin, tmp_path):
    admin.fails("key", "generate", "ana", "--passphrase-file", tmp_path / "nothing", says="cannot open")


def test_a_passphrase_through_a_pipe(admin):
    ours, theirs = os.pipe()
    os.write(theirs, PASSPHRASE.encode() + b"\n")
    os.close(theirs)
    admin.fine("key", "generate", "ana", "--passphrase-file", f"/dev/fd/{ours}", pass_fds=[ours])
    os.close(ours)
    openssl("pkey", "-in", admin.pem("ana"), "-noout", "-passin", f"file:{admin.passphrase}")


def test_one_passphrase_file_is_for_all_keys(admin):
    for name in ("ana", "ben"):
        admin.fine("key", "generate", name, "--passphrase-file", admin.passphrase)
    admin.give("targets", "ana", "ben", threshold=2)
    admin.unsign("targets")
    admin.fine("sign", "targets", "--passphrase-file", admin.passphrase)
    assert len(admin.signatures("targets")) == 2


def test_nothing_secret_is_in_the_environment_or_shown(admin):
    admin.fine("key", "generate", "ana", "--passphrase-file", admin.passphrase)
    admin.give("targets", "ana")
    admin.unsign("targets")
    wrong = admin.base / "wrong"
    wrong.write_text("wrong secret\n")
    wrong.chmod(0o600)
    done = admin.fails("sign", "targets", "--passphrase-file", wrong, says="the passphrase is wrong")
    assert "wrong secret" not in done.err + done.out


# ---- key import ----

@pytest.mark.parametrize("kind", SCHEMES)
def test_a_colleagues_public_key(admin, tmp_path, kind):
    colleague = Signer(kind)
    (tmp_path / "key.pem").write_bytes(colleague.private_pem())
    (tmp_path / "key.pub.pem").write_bytes(openssl("pkey", "-in", tmp_path / "key.pem", "-pubout"))
    admin.fine("key", "import", "ben", tmp_path / "key.pub.pem")
    assert admin.key("ben")["keyid"] == colleague.keyid
    assert admin.key("ben")["source"] == ""
    assert mode(admin.folder / "keys/ben.json") & 0o077


def test_a_key_object_is_taken_as_it_is(admin, tmp_path):
    colleague = Signer("ecdsa", owner="Ben")
    colleague.key["x-more"] = ["of", 1]
    (tmp_path / "key.json").write_text(json.dumps(colleague.key))
    admin.fails("key", "import", "ben", tmp_path / "key.json", "--owner", "Somebody", says="as it is")
    admin.fine("key", "import", "ben", tmp_path / "key.json")
    assert admin.key("ben")["key"] == colleague.key
    assert admin.key("ben")["keyid"] == colleague.keyid


@pytest.mark.parametrize("kind", SCHEMES)
def test_a_private_key_that_is_there_already(admin, tmp_path, kind):
    key = tmp_path / "mine.pem"
    signer = Signer(kind)
    key.write_bytes(signer.private_pem())
    key.chmod(0o600)
    admin.fine("key", "import", "ana", "--source", os.path.relpath(key))
    assert admin.key("ana")["keyid"] == signer.keyid
    assert admin.key("ana")["source"] == str(key)
    assert not admin.keys.exists()  # it stays where it is
    admin.give("targets", "ana")
    admin.unsign("targets")
    admin.fine("sign", "targets")


def test_old_formats_of_private_keys(admin, tmp_path):
    key = tmp_path / "ec.pem"
    key.write_bytes(openssl("ecparam", "-genkey", "-name", "prime256v1"))  # with EC PARAMETERS before it
    key.chmod(0o600)
    admin.fine("key", "import", "ec", "--source", key)
    key = tmp_path / "rsa.pem"
    key.write_bytes(openssl("genrsa", "-traditional", "2048"))
    key.chmod(0o600)
    admin.fine("key", "import", "rsa", "--source", key)


@pytest.mark.parametrize("kdf", [["-scrypt"], ["-v2prf", "hmacWithSHA512", "-iter", "100000"], ["-v2", "aes-128-cbc"]])
def test_files_that_openssl_encrypted(admin, tmp_path, kdf):
    plain, key = tmp_path / "plain.pem", tmp_path / "key.pem"
    plain.write_bytes(Signer("ecdsa").private_pem())
    openssl("pkcs8", "-topk8", "-in", plain, "-out", key, "-passout", f"file:{admin.passphrase}", *kdf)
    key.chmod(0o600)
    admin.fine("key", "import", "ana", "--source", key, "--passphrase-file", admin.passphrase)


@pytest.mark.parametrize("command, says", [
    (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "secp384r1"),
    (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "1024 bits"),
    (["genpkey", "-algorithm", "ED448"], "ED448"),
])
def test_kinds_of_keys_that_are_not_supported(admin, tmp_path, command, says):
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"
    private.write_bytes(openssl(*command))
    private.chmod(0o600)
    public.write_bytes(openssl("pkey", "-in", private, "-pubout"))
    admin.fails("key", "import", "ana", "--source", private, says=says)
    admin.fails("key", "import", "ana", public, says=says)
    assert not (admin.folder / "keys/ana.json").exists()


def test_a_truncated_private_key(admin, tmp_path):
    admin.fine("key", "generate", "ana", "--passphrase-file", admin.passphrase)
    whole = admin.pem("ana").read_bytes()
    key = tmp_path / "cut.pem"
    for n in range(0, len(whole) - 30, 37):
        key.write_bytes(whole[:n])
        key.chmod(0o600)
        done = admin.fails("key", "import", "ben", "--source", key, "--passphrase-file", admin.passphrase)
        assert str(key) in done.err


def test_a_private_key_that_others_can_read_is_refused(admin, tmp_path):
    key = tmp_path / "mine.pem"
    key.write_bytes(Signer().private_pem())
    key.chmod(0o640)
    admin.fails("key", "import", "ana", "--source", key, says="chmod 600")


def test_the_same_key_under_two_names_is_refused(admin, tmp_path):
    """Else one person could reach a threshold of two."""
    admin.generate("ana")
    public = tmp_path / "key.pub.pem"
    public.write_bytes(openssl("pkey", "-in", admin.pem("ana"), "-pubout"))
    admin.fails("key", "import", "ben", public, says="is here already, as 'ana'")
    admin.fails("key", "import", "ben", public, "--owner", "Ben", says="is here already, as 'ana'")
    admin.fails("key", "import", "ben", "--source", admin.pem("ana"), "--owner", "Ben", says="is here already, as 'ana'")


def test_import_wants_one_of_the_two(admin, tmp_path):
    admin.fails("key", "import", "ana", code=USAGE, says="--source")
    private = tmp_path / "key.pem"
    private.write_bytes(Signer().private_pem())
    private.chmod(0o600)
    admin.fails("key", "import", "ana", private, says="--source")  # not by accident
    admin.fails("key", "import", "ana", tmp_path / "nothing", says="No such file")
    admin.fails("key", "import", "ana", "--source", tmp_path / "nothing", says="no such file")


# ---- key list ----

def test_the_list_says_what_speaks_for_what_and_where_it_is(targets):
    targets.fine("key", "generate", "idle", "--no-passphrase", "--keys", targets.base / "stick", "--owner", "Nobody")
    targets.pem("chi").unlink()
    keys = {k["name"]: k for k in json.loads(targets.fine("key", "list", "--json").out)["keys"]}
    assert list(keys) == ["ana", "ben", "chi", "idle"]
    assert keys["ana"] | {"keyid": ""} == {"name": "ana", "keyid": "", "scheme": "ed25519", "owner": "", "here": True,
                                           "private": str(targets.pem("ana")), "roles": ["targets"]}
    assert not keys["chi"]["here"]
    assert keys["idle"]["roles"] == [] and keys["idle"]["here"] and keys["idle"]["owner"] == "Nobody"
    shown = targets.fine("key", "list").out
    assert [line.split()[0] for line in shown.splitlines()] == ["NAME", "ana", "ben", "chi", "idle"]
    for key in keys.values():
        assert key["keyid"][:8] in shown


# ---- sign ----

def test_signing_shows_what_is_signed_and_who_still_must(targets):
    (targets.folder / "targets/policy/policy.yaml").write_text("rules: []\n")
    signed = targets.role("targets")["signed"]
    signed["targets"]["policy/policy.yaml"] = {
        "length": 10, "hashes": {"sha256": hashlib.sha256(b"rules: []\n").hexdigest()}}
    signed["targets"]["policy/other.yaml"] = {"length": 1, "hashes": {"sha256": "00" * 32}}
    targets.put("targets", signed)
    done = targets("sign", "targets", "-k", "ana")
    assert done.returncode == UNSIGNED, done.err
    assert "targets version 2" in done.out
    assert "days from now" in done.out
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert "NOT the file" not in lines["policy/policy.yaml"]
    assert "NOT the file" in lines["policy/other.yaml"]
    assert "signed with ana" in done.out
    assert still_to_sign(done.out) == (1, 2, 1, {"ben", "chi"})
    done = targets("sign", "targets", "-k", targets.key("chi")["keyid"][:8])
    assert done.returncode == FINE and "targets version 2 is complete" in done.out
    assert len(targets.signatures("targets")) == 2
    assert "is complete" in targets.fine("sign", "targets").out  # nothing more to do


def test_every_key_that_is_here_signs(targets):
    assert targets("sign", "targets").returncode == FINE
    assert set(targets.signatures("targets")) == {targets.key(n)["keyid"] for n in ("ana", "ben", "chi")}


def test_keys_that_are_not_here_are_left_to_others(targets):
    targets.pem("ana").unlink()
    targets.pem("ben").unlink()
    done = targets("sign", "targets")
    assert done.returncode == UNSIGNED and still_to_sign(done.out) == (1, 2, 1, {"ana", "ben"})
    targets.unsign("targets")
    targets.pem("chi").unlink()
    done = targets("sign", "targets")
    assert done.returncode == FAILED and "none of the keys" in done.err
    targets.fails("sign", "targets", "-k", "ana", says="no such file")


def test_on_a_terminal_it_asks_before_it_signs(targets):
    for typed, code, signatures in (("n\n", FAILED, 0), ("\n", FAILED, 0), (CTRL_D, FAILED, 0), ("y\n", UNSIGNED, 1)):
        with targets.terminal("sign", "targets", "-k", "ana") as t:
            t.expect(r"targets version 2(.|\n)*Sign this\? \[y/N\] ")
            t.type(typed)
            assert t.wait() == code
        assert len(targets.signatures("targets")) == signatures


def test_a_file_or_a_key_id_may_be_named(targets, tmp_path):
    assert targets("sign", "targets", "-k", targets.pem("ana")).returncode == UNSIGNED
    assert targets("sign", "targets", "-k", targets.key("ben")["keyid"]).returncode == FINE
    targets.generate("dora")
    targets.fails("sign", "targets", "-k", "dora", says="no say")
    targets.fails("sign", "targets", "-k", targets.pem("dora"), says="no say")
    targets.fails("sign", "targets", "-k", "nobody", says="nobody")


def test_another_key_in_the_place_of_a_key_is_noticed(targets):
    targets.pem("ana").write_bytes(Signer().private_pem())
    targets.fails("sign", "targets", "-k", "ana", says="is another key than 'ana'")
    assert not targets.signatures("targets")


def test_a_root_shows_what_changes_and_wants_both_sets_of_keys(admin):
    admin.generate("ana")
    admin.generate("ben", "--owner", "Ben, IT")
    old = admin.repo.root.signers[0]
    (admin.base / "old.pem").write_bytes(old.private_pem())
    (admin.base / "old.pem").chmod(0o600)
    admin.give("root", "ana", "ben", threshold=2)
    done = admin("sign", "root")
    assert done.returncode == UNSIGNED
    assert "root: threshold 2 instead of 1" in done.out
    assert f"+ key ben ({admin.key('ben')['keyid'][:8]}, Ben, IT)" in done.out
    assert f"- key {old.keyid[:8]}" in done.out
    assert "targets" not in done.out
    assert f"0 of 1 signatures by the keys of the root before; still to sign, 1 of: {old.keyid[:8]}" in done.out
    assert not (admin.folder / "metadata/2.root.json").exists()
    done = admin("sign", "root", "-k", admin.base / "old.pem")
    assert done.returncode == FINE and "root version 2 is complete" in done.out
    assert len(json.loads((admin.folder / "metadata/2.root.json").read_text())["signatures"]) == 3


def test_signing_waits_for_no_other_command(targets):
    lock = next(targets.folder.glob(".*lock*"), None) or targets.folder / ".proscribe.lock"
    with open(lock, "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        targets.fails("sign", "targets", says="another command")


def test_a_role_that_is_not_there(targets):
    targets.fails("sign", "nothing")
    targets.fails("payload", "nothing")


# ---- payload and add-signature ----

def test_the_payload_is_exactly_what_is_signed(targets, tmp_path):
    want = canonical(targets.role("targets")["signed"])
    assert targets.fine("payload", "targets").stdout == want
    targets.fine("payload", "targets", "-o", tmp_path / "bytes")
    assert (tmp_path / "bytes").read_bytes() == want
    targets.fails("payload", "targets", "-o", tmp_path / "no/where", says="cannot write")


def sign_elsewhere(admin, name, payload, signature):
    """As the manual has it."""
    recipes = {"ed25519": ["pkeyutl", "-sign", "-rawin", "-inkey", admin.pem(name), "-in", payload, "-out", signature],
               "ecdsa-sha2-nistp256": ["dgst", "-sha256", "-sign", admin.pem(name), "-out", signature, payload],
               "rsassa-pss-sha256": ["dgst", "-sha256", "-sign", admin.pem(name), "-sigopt", "rsa_padding_mode:pss",
                                     "-sigopt", "rsa_pss_saltlen:-1", "-out", signature, payload]}
    openssl(*recipes[admin.key(name)["key"]["scheme"]])
    return Path(signature).read_bytes()


@pytest.mark.parametrize("name", ["ana", "ben", "chi"])
def test_what_openssl_signs_is_taken_in_every_form(targets, tmp_path, name):
    payload, signature = tmp_path / "payload", tmp_path / "signature"
    targets.fine("payload", "targets", "-o", payload)
    raw = sign_elsewhere(targets, name, payload, signature)
    encoded = base64.b64encode(raw)
    forms = {"raw": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode() + b"\n",
             "hex in lines": "\n".join(raw.hex()[i:i + 48] for i in range(0, 2 * len(raw), 48)).encode(),
             "base64": encoded, "base64 in lines": base64.encodebytes(raw), "CRLF": encoded + b"\r\n"}
    for form, content in forms.items():
        signature.write_bytes(content)
        targets.unsign("targets")
        done = targets("add-signature", "targets", "--key", name, signature)
        assert done.returncode == UNSIGNED, f"{form}: {done.err}"
        assert targets.signatures("targets") == {targets.key(name)["keyid"]: raw}, form
    targets.unsign("targets")
    assert targets("add-signature", "targets", "-k", name, "-", input=raw).returncode == UNSIGNED


@pytest.mark.parametrize("name", ["ana", "ben", "chi"])
def test_what_is_signed_here_openssl_accepts(targets, tmp_path, name):
    targets("sign", "targets", "-k", name)
    payload, signature, public = tmp_path / "payload", tmp_path / "signature", tmp_path / "public"
    targets.fine("payload", "targets", "-o", payload)
    signature.write_bytes(targets.signatures("targets")[targets.key(name)["keyid"]])
    public.write_bytes(openssl("pkey", "-in", targets.pem(name), "-pubout"))
    verify = {"ana": ["-rawin"], "ben": ["-rawin", "-digest", "sha256"],
              "chi": ["-rawin", "-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt",
                      "rsa_pss_saltlen:32"]}[name]
    out = openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-in", payload, "-sigfile", signature, *verify)
    assert b"Signature Verified Successfully" in out


def test_the_second_signature_made_elsewhere_completes_it(targets, tmp_path):
    payload = tmp_path / "payload"
    targets.fine("payload", "targets", "-o", payload)
    for name, code in (("ana", UNSIGNED), ("ben", FINE)):
        sign_elsewhere(targets, name, payload, tmp_path / name)
        assert targets("add-signature", "targets", "-k", name, tmp_path / name).returncode == code


def test_r_and_s_of_ecdsa_become_der(targets, tmp_path):
    payload, signature = tmp_path / "payload", tmp_path / "signature"
    targets.fine("payload", "targets", "-o", payload)
    for form in (bytes, lambda b: b.hex().encode(), base64.b64encode):
        der = sign_elsewhere(targets, "ben", payload, signature)
        r, s = decode_dss_signature(der)
        signature.write_bytes(form(r.to_bytes(32, "big") + s.to_bytes(32, "big")))
        targets.unsign("targets")
        done = targets("add-signature", "targets", "-k", "ben", signature)
        assert done.returncode == UNSIGNED, done.err
        assert list(targets.signatures("targets").values()) == [der]


@pytest.mark.parametrize("name", ["ana", "ben", "chi"])
def test_a_signature_of_other_bytes_is_told_apart(targets, tmp_path, name):
    payload, other, signature = tmp_path / "payload", tmp_path / "other", tmp_path / "signature"
    targets.fine("payload", "targets", "-o", payload)
    right = payload.read_bytes()
    for content, says in ((right + b"\n", "line end"), (right + b"\r\n", "line end"),
                          (hashlib.sha256(right).digest(), "SHA-256"),
                          (targets.fine("payload", "root").stdout, "a signature of root"),
                          (b"something else", "other bytes")):
        other.write_bytes(content)
        sign_elsewhere(targets, name, other, signature)
        targets.fails("add-signature", "targets", "-k", name, signature, says=says)
    good = bytearray(sign_elsewhere(targets, name, payload, signature))
    good[len(good) // 2] ^= 1
    signature.write_bytes(good)
    targets.fails("add-signature", "targets", "-k", name, signature)
    assert not targets.signatures("targets")


def test_a_signature_by_another_key_or_in_another_padding(targets, tmp_path):
    payload, signature = tmp_path / "payload", tmp_path / "signature"
    targets.fine("payload", "targets", "-o", payload)
    openssl("dgst", "-sha256", "-sign", targets.pem("chi"), "-out", signature, payload)
    targets.fails("add-signature", "targets", "-k", "chi", signature, says="PKCS #1 v1.5")
    targets.generate("dora")
    sign_elsewhere(targets, "dora", payload, signature)
    targets.fails("add-signature", "targets", "-k", "dora", signature, says="no say")
    targets.fails("add-signature", "targets", "-k", "ana", signature, says="with the key dora")


@pytest.mark.parametrize("content", [b"", b"\n", b"x", b"zz" * 64, b"0" * 127, b"0" * 128 + b"g", b"A" * 87, b"A" * 88 + b"=",
                                     b"\0" * 63, b"\0" * 65, b"A" * 86 + b"=A", b"====", b"\xff" * 70, b"0" * 16385,
                                     b" " + b"0" * 128])
def test_what_is_no_signature(targets, tmp_path, content):
    signature = tmp_path / "signature"
    signature.write_bytes(content)
    for name in ("ana", "ben", "chi"):
        targets.fails("add-signature", "targets", "-k", name, signature, says="is no signature")


def test_add_signature_wants_one_key(targets, tmp_path):
    (tmp_path / "s").write_bytes(b"x")
    targets.fails("add-signature", "targets", tmp_path / "s", code=USAGE, says="--key")
    targets.fails("add-signature", "targets", tmp_path / "s", "-k", "ana", "-k", "ben", code=USAGE, says="--key")
    targets.fails("add-signature", "targets", tmp_path / "nothing", "-k", "ana", says="No such file")


def test_two_of_three_with_one_of_them_offline(targets, tmp_path):
    """Ana signs here; Chi's key never leaves another machine."""
    chi = tmp_path / "chi.pem"
    os.rename(targets.pem("chi"), chi)
    targets.pem("ben").unlink()
    assert targets("sign", "targets").returncode == UNSIGNED
    payload = tmp_path / "payload"
    targets.fine("payload", "targets", "-o", payload)
    signature = openssl("dgst", "-sha256", "-sign", chi, "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                        "rsa_pss_saltlen:-1", payload)
    assert targets("add-signature", "targets", "-k", "chi", "-", input=signature).returncode == FINE


# ---- tokens ----

PIN = "246810"


class Token:
    def __init__(self, admin, label="ana", pin=PIN):
        if not MODULE or not shutil.which("pkcs11-tool"):
            pytest.skip("needs softhsm2 and opensc")
        self.label, self.pin, self.admin = label, pin, admin
        folder = admin.base / "tokens"
        folder.mkdir(exist_ok=True)
        conf = admin.base / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n")
        admin.env["SOFTHSM2_CONF"] = str(conf)
        self.run("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", pin)

    def run(self, *command):
        return subprocess.run(command, check=True, capture_output=True, env=self.admin.env).stdout

    def tool(self, *arguments):
        return self.run("pkcs11-tool", "--module", MODULE, "--token-label", self.label, "--login", "--pin", self.pin,
                        *map(str, arguments))

    def make(self, name, kind, key_id):
        self.tool("--keypairgen", "--key-type", kind, "--label", name, "--id", key_id, "--usage-sign")

    def uri(self, name):
        return f"pkcs11:token={self.label};object={name}"


@pytest.fixture
def token(admin):
    token = Token(admin)
    token.make("ec", "EC:prime256v1", "01")
    token.make("rsa", "rsa:2048", "02")
    pin = admin.base / "pin"
    pin.write_text(PIN + "\n")
    pin.chmod(0o600)
    return token


@pytest.mark.parametrize("name, scheme", [("ec", "ecdsa-sha2-nistp256"), ("rsa", "rsassa-pss-sha256")])
def test_a_key_on_a_token_signs(admin, token, name, scheme):
    admin.fine("key", "import", "ana", "--source", token.uri(name), "--owner", "Ana", "--passphrase-file",
               admin.base / "pin")
    assert admin.key("ana")["key"]["scheme"] == scheme
    assert admin.key("ana")["source"] == token.uri(name)
    assert json.loads(admin.fine("key", "list", "--json").out)["keys"][0]["here"] is None
    listed = admin.fine("key", "list").out
    assert "token" in listed and token.uri(name) in listed
    admin.give("targets", "ana")
    admin.unsign("targets")
    for arguments in ([], ["-k", "ana"], ["-k", token.uri(name)], ["-k", token.uri(name) + f"?module-path={MODULE}"]):
        admin.unsign("targets")
        done = admin("sign", "targets", "--passphrase-file", admin.base / "pin", *arguments)
        assert done.returncode == FINE, done.err
        assert done.err == ""


def test_the_pin_is_asked_for_on_the_terminal(admin, token):
    with admin.terminal("key", "import", "ana", "--source", token.uri("ec")) as t:
        t.expect("PIN of pkcs11:token=ana;object=ec: ")
        assert not t.echoes()
        t.type(PIN + "\n")
        assert t.wait() == FINE
        assert PIN not in t.shown


def test_a_pin_in_the_uri_works_is_warned_of_and_not_kept(admin, token):
    done = admin.fine("key", "import", "ana", "--source", token.uri("ec") + f"?pin-value={PIN}")
    assert "PIN in a command line" in done.err and PIN not in done.err
    assert admin.key("ana")["source"] == token.uri("ec")
    escaped = "".join(f"%{ord(c):02X}" for c in PIN)
    admin.fine("key", "import", "ben", "--source", token.uri("rsa") + f"?pin-value={escaped}")


def test_a_wrong_pin_is_tried_once(admin, token):
    pin = admin.base / "pin"
    pin.write_text("11111\n")
    done = admin.fails("key", "import", "ana", "--source", token.uri("ec"), "--passphrase-file", pin,
                       says="the PIN is wrong")
    assert "11111" not in done.err
    with admin.terminal("key", "import", "ana", "--source", token.uri("ec")) as t:
        t.expect("PIN of")
        t.type("11111\n")
        assert t.wait() == FAILED
        assert t.shown.count("PIN of") == 1
    done = admin("key", "import", "ana", "--source", token.uri("ec") + "?pin-value=1")  # shorter than any
    assert done.returncode == FAILED and "the PIN is wrong" in done.err
    admin.fails("key", "import", "ana", "--source", token.uri("ec"), says="no terminal")


def test_tokens_and_objects_that_are_not_there(admin, token):
    for uri in ("pkcs11:token=nowhere;object=ec", token.uri("nothing")):
        admin.fails("key", "import", "ana", "--source", uri, "--passphrase-file", admin.base / "pin", says="no such private key")
    admin.fails("key", "import", "ana", "--source", token.uri("ec") + "?module-path=/nowhere.so", "--passphrase-file",
                admin.base / "pin", says="/nowhere.so")


def test_a_token_that_is_not_here_is_left_to_its_owner(admin, token):
    admin.fine("key", "import", "ana", "--source", token.uri("ec"), "--passphrase-file", admin.base / "pin")
    admin.generate("ben")
    admin.give("targets", "ana", "ben", threshold=2)
    admin.unsign("targets")
    (admin.base / "tokens").rename(admin.base / "away")
    (admin.base / "tokens").mkdir()
    done = admin("sign", "targets")
    assert done.returncode == UNSIGNED and still_to_sign(done.out) == (1, 2, 1, {"ana"}), done.err
    assert done.err == ""


def test_each_token_gets_its_own_pin(admin, token):
    other = Token(admin, "ben", "135791")
    other.make("ec", "EC:prime256v1", "01")
    admin.fine("key", "import", "ana", "--source", token.uri("ec") + f"?pin-value={PIN}")
    admin.fine("key", "import", "ben", "--source", other.uri("ec") + "?pin-value=135791")
    admin.give("targets", "ana", "ben", threshold=2)
    admin.unsign("targets")
    with admin.terminal("sign", "targets", "--yes") as t:
        for _ in range(2):
            name = t.expect("PIN of pkcs11:token=(...);object=ec: ").group(1)
            t.type({"ana": PIN, "ben": "135791"}[name] + "\n")
        assert t.wait() == FINE


def test_two_tokens_named_at_once(admin, token):
    other = Token(admin, "ben", "135791")
    other.make("ec", "EC:prime256v1", "01")
    uris = {"ana": token.uri("ec") + f"?pin-value={PIN}", "ben": other.uri("ec") + "?pin-value=135791"}
    for name, uri in uris.items():
        admin.fine("key", "import", name, "--source", uri)
    admin.give("targets", "ana", "ben", threshold=2)
    for order in (["ana", "ben"], ["ben", "ana"]):
        admin.unsign("targets")
        done = admin("sign", "targets", *(a for name in order for a in ("-k", uris[name])))
        assert done.returncode == FINE, done.err


def test_two_tokens_open_at_the_same_time(admin, token):
    """As a new repository has them: neither gets the other's PIN."""
    other = Token(admin, "ben", "135791")
    other.make("rsa2", "rsa:2048", "01")
    command = [admin.program, "repo", "init", admin.base / "new", "-k", token.uri("ec"), "-k", other.uri("rsa2"),
               "--no-passphrase"]
    with Terminal(command, env=admin.env) as t:
        for name, pin in (("ana", PIN), ("ben", "135791")):
            t.expect(f"PIN of pkcs11:token={name};object=.*: ")
            t.type(pin + "\n")
        assert t.wait() == FINE


def test_the_repository_cannot_make_anybody_load_a_module(admin, token):
    """A colleague's word of where a key is comes out of git."""
    admin.fine("key", "import", "ana", "--source", token.uri("ec"), "--passphrase-file", admin.base / "pin")
    key = admin.key("ana")
    key["source"] += "?module-path=/tmp/evil.so"
    (admin.folder / "keys/ana.json").write_text(json.dumps(key))
    admin.give("targets", "ana")
    admin.unsign("targets")
    admin.fine("sign", "targets", "--passphrase-file", admin.base / "pin")


@pytest.mark.parametrize("name, key_id, mechanism", [("ec", "01", "ECDSA"), ("rsa", "02", "SHA256-RSA-PKCS-PSS")])
def test_what_pkcs11_tool_signs_is_taken(admin, token, tmp_path, name, key_id, mechanism):
    """As the manual has it: ECDSA on tokens signs the digest."""
    admin.fine("key", "import", "ana", "--source", token.uri(name), "--passphrase-file", admin.base / "pin")
    admin.give("targets", "ana")
    admin.unsign("targets")
    admin.fine("payload", "targets", "-o", tmp_path / "payload")
    signed = tmp_path / "payload"
    if name == "ec":
        signed = tmp_path / "digest"
        signed.write_bytes(openssl("dgst", "-sha256", "-binary", tmp_path / "payload"))
    token.tool("--sign", "--mechanism", mechanism, "--id", key_id, "-i", signed, "-o", tmp_path / "signature")
    done = admin("add-signature", "targets", "-k", "ana", tmp_path / "signature")
    assert done.returncode == FINE, done.err


def test_ed25519_on_a_token_signs_by_pkcs11_tool(admin, tmp_path):
    """OpenSSL's engine does not reach such keys; the way around it does."""
    token = Token(admin)
    token.make("ed", "EC:edwards25519", "03")
    done = admin("key", "import", "ana", "--source", token.uri("ed") + f"?pin-value={PIN}")
    assert done.returncode == FAILED and "pkcs11-tool" in done.err
    token.tool("--read-object", "--type", "pubkey", "--id", "03", "-o", tmp_path / "public.pem")
    admin.fine("key", "import", "ana", tmp_path / "public.pem", "--source", token.uri("ed"))
    assert admin.key("ana")["source"] == token.uri("ed")
    admin.give("targets", "ana")
    admin.unsign("targets")
    admin.fine("payload", "targets", "-o", tmp_path / "payload")
    token.tool("--sign", "--mechanism", "EDDSA", "--id", "03", "-i", tmp_path / "payload", "-o", tmp_path / "signature")
    done = admin("add-signature", "targets", "-k", "ana", tmp_path / "signature")
    assert done.returncode == FINE, done.err
