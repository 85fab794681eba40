"""Packages as their own installers lay them out: what the metadata around each file tells."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

NPM_PACKAGE = ("semver", "7.6.0")  # small, and has a program
NPM_TIMEOUT_SEC = 90
PYTHON = "/usr/bin/python3"


@pytest.fixture
def tell(build):
    """What is told of each of some files: {path: [(type, name, version, told)]}."""

    def run(paths):
        lines = "".join(f"{path}\n" for path in paths)
        out = subprocess.run([build / "tests/component/tool_metadata"], input=lines, capture_output=True, text=True,
                             check=True).stdout
        answers = [line.split("\t") for line in out.splitlines()]
        assert len(answers) == len(paths)
        assert not any("refused" in fields or "unreadable" in fields for fields in answers)
        return {fields[0]: [tuple(field.split(" ")) for field in fields[1:]] for fields in answers}

    return run


def files_below(folder):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())


# ---- npm ----


def npm(folder, *arguments):
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    try:
        subprocess.run(["npm", *arguments, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder,
                       check=True, capture_output=True, timeout=NPM_TIMEOUT_SEC, env=dict(os.environ, HOME=str(folder)))
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        pytest.skip(f"npm {arguments[0]} failed; no registry to be reached? {str(e.stderr)[-200:]}")


def owner(path):
    """The npm package that a file lies in, by its path."""
    return re.search(r".*/node_modules/((?:@[^/]+/)?[^/]+)/", path).group(1)


@pytest.mark.parametrize("arguments", [["install"], ["install", "-g", "--prefix", "prefix"],
                                       ["exec", "--yes", "-c", "true", "--package"]],
                         ids=["in a project", "globally", "by npx"])
def test_npm(tmp_path, tell, arguments):
    name, version = NPM_PACKAGE
    npm(tmp_path, *arguments, f"{name}@{version}")
    files = [f for f in files_below(tmp_path) if "/node_modules/" in f and not f.endswith("/.package-lock.json")]
    programs = [f for f in files if f.endswith("/bin/semver.js")]
    assert programs
    for path, packages in tell(files).items():
        assert [p[:2] for p in packages] == [("npm", owner(path))], path
    for path, packages in tell(programs).items():
        assert packages == [("npm", name, version, "package.json")], path


# ---- Python ----


def write_wheel(folder, name, version, files, scripts):
    """A wheel by hand: @files are {path: text}, @scripts {name: entry point}."""
    escaped = name.replace("-", "_")
    info = f"{escaped}-{version}.dist-info"
    content = dict(files)
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n"
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{k} = {v}\n" for k, v in scripts.items())
    rows = []
    for path, text in content.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}\n")
    content[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    wheel = folder / f"{escaped}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


def make_environment(folder):
    made = subprocess.run([PYTHON, "-m", "venv", str(folder)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"python3 -m venv failed: {made.stdout[-200:]}")
    return folder / "bin/python"


def pip_install(python, *arguments):
    done = subprocess.run([python, "-m", "pip", "install", "--no-index", "--no-deps", "-q", *arguments], capture_output=True,
                          text=True, env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1"))
    if done.returncode:
        pytest.skip(f"pip failed: {done.stderr[-200:]}")


WHEELS = [
    ("aider-chat", "0.50.0", {"aider/__init__.py": "", "aider/main.py": "def main(): pass\n"}, {"aider": "aider.main:main"}),
    ("claude-agent-sdk", "0.1.39", {"claude_agent_sdk/__init__.py": "", "claude_agent_sdk/_bundled/claude": "\x7fELF"}, {}),
    ("Odd.Name_here", "1!2.0.post1", {"quite_different/__init__.py": "", "quite_different/run.py": "def f(): pass\n"},
     {"odd-name": "quite_different.run:f"}),
]


def recorded(site):
    """{file: (name in normal form, version)} as the RECORD of each package there says."""
    owners = {}
    for info in site.glob("*.dist-info"):
        headers = dict(line.split(": ", 1) for line in (info / "METADATA").read_text().split("\n\n")[0].splitlines()
                       if re.match(r"(Name|Version): ", line))
        name = re.sub(r"[-_.]+", "-", headers["Name"]).lower()
        for row in csv.reader((info / "RECORD").read_text().splitlines()):
            owners[os.path.normpath(site / row[0])] = (name, headers["Version"])
    return owners


def test_python_environment(tmp_path, tell):
    python = make_environment(tmp_path / "env")
    for wheel in WHEELS:
        pip_install(python, write_wheel(tmp_path, *wheel))
    site = next((tmp_path / "env/lib").glob("python3*/site-packages"))
    owners = recorded(site)
    files = [f for f in files_below(tmp_path / "env") if f in owners]
    told = tell(files)
    for path, packages in told.items():
        assert [p[:3] for p in packages] in ([], [("pypi", *owners[path])]), path
    # All but a few that nothing in their name ties to their package.
    assert sum(1 for packages in told.values() if packages) > 0.9 * len(files)

    env = str(tmp_path / "env")
    for path, name, version in [(f"{env}/bin/aider", "aider-chat", "0.50.0"),
                                (f"{site}/aider/main.py", "aider-chat", "0.50.0"),
                                (f"{site}/claude_agent_sdk/_bundled/claude", "claude-agent-sdk", "0.1.39"),
                                (f"{env}/bin/odd-name", "odd-name-here", "1!2.0.post1")]:
        assert told[path] == [("pypi", name, version, "dist-info")], path
    # Files beside them that no package lists.
    stranger = tmp_path / "env/bin/aider-tool"
    stranger.write_text("#!/bin/sh\n")
    assert tell([str(stranger)])[str(stranger)] == []


def test_python_user_folder(tmp_path, tell):
    """pip install --user: a bin/ that belongs to no environment."""
    python = make_environment(tmp_path / "env")
    prefix = tmp_path / "home/.local"
    pip_install(python, "--prefix", prefix, write_wheel(tmp_path, *WHEELS[0]))
    program = str(prefix / "bin/aider")
    assert tell([program])[program] == [("pypi", "aider-chat", "0.50.0", "dist-info")]


def test_python_packages_of_the_system(tell):
    """Debian's packages have egg-info too: nothing there is taken for another."""
    folder = Path("/usr/lib/python3/dist-packages")
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    infos = {re.sub(r"[-_.]+", "-", p.name.split("-")[0].removesuffix(".egg-info")).lower() for p in folder.iterdir()
             if p.name.endswith((".dist-info", ".egg-info"))}
    told = tell(files_below(folder))
    names = {p[1] for packages in told.values() for p in packages}
    assert names and names <= infos, names - infos


# ---- the system's own programs ----


def test_system_programs_belong_to_no_package_here(tell):
    """What dpkg or rpm own has metadata of another kind."""
    told = tell([f for f in files_below("/usr/sbin")])
    assert all(packages == [] for packages in told.values())
