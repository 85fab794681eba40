"""Real packages from npm and Debian, unpacked and never run: fetched once, then kept in a cache.

npm(name, version) and debian(name) return the folder of an unpacked package; npm_tree(name, version) the node_modules
that it needs to run, installed without running any of its scripts. Unavailable is raised where it is neither in the
cache nor to be had; its text says why.

usage: tests/support/packages.py npm NAME VERSION|latest ... | deb NAME ...     prints the folders
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("PROSCRIBE_PACKAGES", Path.home() / ".cache/proscribe-packages"))
LOOK_UP_SEC, FETCH_SEC = 60, 600
IMPATIENT = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000")  # offline must show soon


class Unavailable(Exception):
    """Why a package cannot be had."""


def npm(name, version="latest"):
    """@version is exact, or a tag such as "latest"."""
    top = CACHE / "npm" / name.replace("/", "+")
    with locked(top):
        if not re.match(r"\d", version):
            version = newest_npm(top, name, version)
        folder = top / version
        return folder if folder.exists() else fetch(folder, lambda scratch: fetch_npm(scratch, name, version))


def npm_tree(name, version="latest"):
    """A folder node_modules with @name and all that it depends on."""
    top = CACHE / "npm-tree" / name.replace("/", "+")
    with locked(top):
        if not re.match(r"\d", version):
            version = newest_npm(top, name, version)
        folder = top / version
        tree = folder if folder.exists() else fetch(folder, lambda scratch: install_npm(scratch, name, version))
        return tree / "node_modules"


def debian(name):
    """The version that apt would install."""
    top = CACHE / "deb" / name
    with locked(top):
        shown = run(["apt-cache", "show", "--no-all-versions", name], LOOK_UP_SEC, may_fail=True)
        version = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
        if not version:
            raise Unavailable(f"apt knows no package {name}; `apt-get update` may help")
        folder = top / version.group(1).replace(":", "%3a")
        return folder if folder.exists() else fetch(folder, lambda scratch: fetch_debian(scratch, name, version.group(1)))


def newest_npm(top, name, tag):
    """What the registry calls @tag; what it last did where it cannot be reached. Keeps one version of each tag."""
    remembered = top / tag
    try:
        version = run(["npm", "view", f"{name}@{tag}", "version", "--prefer-online", *IMPATIENT],
                      LOOK_UP_SEC).strip()
    except Unavailable:
        if not remembered.exists():
            raise
        return remembered.read_text().strip()
    if not re.fullmatch(r"\d[0-9A-Za-z.+-]*", version):
        raise Unavailable(f"npm says that {name}@{tag} is {version[:100]!r}")
    if remembered.exists() and remembered.read_text().strip() != version:
        shutil.rmtree(top / remembered.read_text().strip(), ignore_errors=True)
    remembered.write_text(version + "\n")
    return version


def fetch_npm(scratch, name, version):
    run(["npm", "pack", f"{name}@{version}", "--ignore-scripts", "--loglevel=error", *IMPATIENT,
         "--cache", scratch / "cache", "--pack-destination", scratch], FETCH_SEC, cwd=scratch)
    return ["tar", "--no-same-owner", "--strip-components=1", "-xzf", only(scratch, "*.tgz"), "-C"]


def install_npm(scratch, name, version):
    tree = scratch / "tree"
    tree.mkdir()
    run(["npm", "install", f"{name}@{version}", "--prefix", tree, "--ignore-scripts", "--no-audit", "--no-fund",
         "--no-bin-links", "--loglevel=error", *IMPATIENT, "--cache", scratch / "cache"], FETCH_SEC, cwd=scratch)
    return ["cp", "-a", f"{tree}/."]


def fetch_debian(scratch, name, version):
    run(["apt-get", "-o", "APT::Sandbox::User=root", "-q", "download", f"{name}={version}"], FETCH_SEC, cwd=scratch)
    return ["dpkg-deb", "-x", only(scratch, "*.deb")]


def fetch(folder, download):
    """@download gets a scratch folder and returns the command that unpacks what it put there, up to its target."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        command = download(Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        unpacked.mkdir(mode=0o755)
        run([*command, unpacked], FETCH_SEC)
        os.rename(unpacked, folder)
    return folder


@contextmanager
def locked(top):
    """One process at a time fetches one package."""
    top.mkdir(parents=True, exist_ok=True)
    with open(top / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def only(folder, pattern):
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise Unavailable(f"{len(found)} files {pattern} where one package was fetched")
    return found[0]


def run(command, timeout_sec, cwd="/", may_fail=False):
    if not shutil.which(command[0]):
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run([str(a) for a in command], cwd=cwd, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=timeout_sec, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} {command[1]} took longer than {timeout_sec} seconds") from None
    if done.returncode != 0 and not may_fail:
        said = " ".join((done.stderr or done.stdout or "no word").split()).partition(" npm error A complete log")[0]
        raise Unavailable(f"{' '.join(str(a) for a in command[:3])}: {said[:300]}")
    return done.stdout


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in ("npm", "deb") or (arguments[0] == "npm" and len(arguments) % 2 == 0):
        print(__doc__.rpartition("usage: ")[2].strip(), file=sys.stderr)
        return 2
    try:
        if arguments[0] == "deb":
            for name in arguments[1:]:
                print(debian(name))
        else:
            for name, version in zip(arguments[1::2], arguments[2::2]):
                print(npm(name, version))
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
