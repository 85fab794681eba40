"""What programs and archives say about themselves, on real ones from Debian and npm and on ones made by the tools that
make them. None of them is ever run."""

import json
import re
import shutil
import subprocess
import zipapp
import zipfile
from pathlib import Path

import pytest

from support import packages

POLICY = """\
proscribe: 1
policy: {name: embedded, owner: Tests}
software:
  - {id: rclone, name: Rclone, is: [{purl: pkg:golang/github.com/rclone/rclone}]}
  - {id: editor, name: Editor, is: [{purl: pkg:generic/appimage/Sample%20Editor}]}
  - {id: plugin, name: Plugin, is: [{purl: pkg:generic/jetbrains/com.anthropic.code.plugin}]}
  - {id: aider, name: Aider, is: [{purl: pkg:pypi/aider-chat}]}
  - {id: library, name: Library, is: [{purl: pkg:maven/org.slf4j/slf4j-api}]}
  - {id: program, name: Program, is: [{build_id: BUILD_ID}]}
rules:
  - {id: E-1, software: [rclone, editor, plugin, program], risk: high, reason: {en: Not permitted.}, action: block}
  - {id: E-2, software: aider, versions: "vers:pypi/<0.50", risk: high, reason: {en: Not permitted.}, action: block}
  - {id: E-3, software: library, versions: "vers:maven/>=2", risk: high, reason: {en: Not permitted.}, action: block}
"""
BUILD_ID = "00112233445566778899aabbccddeeff00112233"
ANTHROPIC_JAR = ("@anthropic-ai/claude-code", "1.0.60", "vendor/claude-code-jetbrains-plugin/lib")


@pytest.fixture
def identify(build, tmp_path):
    def run(file, build_id=BUILD_ID):
        policy = tmp_path / "policy"
        policy.mkdir(exist_ok=True)
        (policy / "policy.yaml").write_text(POLICY.replace("BUILD_ID", build_id))
        done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", policy, file],
                              capture_output=True, text=True, check=False, timeout=120)
        assert done.stdout, done.stderr
        (answer,) = json.loads(done.stdout)["files"]
        assert not answer["payload_refused"] and not answer["metadata_refused"], answer
        return answer

    return run


@pytest.fixture
def bare(tmp_path):
    """A copy with another name and nothing beside it."""
    def copy(path):
        folder = tmp_path / "bare"
        folder.mkdir(exist_ok=True)
        return shutil.copyfile(path, folder / "notes")

    return copy


def fetched(fetch, *what):
    try:
        return fetch(*what)
    except packages.Unavailable as reason:
        pytest.skip(f"{' '.join(what)} is not to be had: {reason}")


def purls(answer):
    return [p["purl"] for p in answer["packages"]]


def linker_build_id(path):
    notes = subprocess.run(["readelf", "--notes", path], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return found.group(1) if found else None


@pytest.mark.parametrize(("package", "program", "module"), [
    ("rclone", "rclone", "github.com/rclone/rclone"),
    ("restic", "restic", "github.com/restic/restic"),
    ("gh", "gh", "github.com/cli/cli/v2"),
])
def test_a_go_program_names_its_module(identify, bare, package, program, module):
    path = bare(fetched(packages.debian, package) / "usr/bin" / program)
    answer = identify(path)
    assert purls(answer) == [f"pkg:golang/{module}"]
    assert answer["packages"][0]["told_by"] == "go buildinfo"
    assert answer["verdict"] == ("block" if package == "rclone" else "allow")
    assert answer.get("build_id") == linker_build_id(path)


def test_a_program_of_an_older_go_names_its_module(identify, bare):
    answer = identify(bare(fetched(packages.npm, "esbuild-linux-64", "0.13.15") / "bin/esbuild"))  # built with 1.17
    assert purls(answer) == ["pkg:golang/github.com/evanw/esbuild"]


def test_a_program_is_banned_by_its_build_id_with_bytes_appended(identify, bare):
    path = bare("/bin/ls")
    build_id = linker_build_id(path)
    with open(path, "ab") as file:
        file.write(b"appended")
    answer = identify(path, build_id)
    assert answer["verdict"] == "block"
    assert [match["evidence"] for match in answer["matches"]] == ["build-id"]


def test_a_plugin_of_jetbrains_names_itself(identify, bare):
    name, version, folder = ANTHROPIC_JAR
    (jar,) = (fetched(packages.npm, name, version) / folder).glob("claude-code-jetbrains-plugin-*-beta.jar")
    answer = identify(bare(jar))
    assert purls(answer) == [f"pkg:generic/jetbrains/com.anthropic.code.plugin@{jar.stem.partition('plugin-')[2]}"]
    assert answer["verdict"] == "block"


def test_jars_name_their_maven_artifact(identify, bare):
    name, version, folder = ANTHROPIC_JAR
    (jar,) = (fetched(packages.npm, name, version) / folder).glob("slf4j-api-*.jar")
    answer = identify(bare(jar))
    assert purls(answer) == [f"pkg:maven/org.slf4j/slf4j-api@{jar.stem.partition('api-')[2]}"]
    assert answer["verdict"] == "block"


@pytest.mark.parametrize(("version", "verdict"), [("0.49.1", "block"), ("0.50.0", "allow")])
def test_a_wheel_and_a_program_in_an_archive_name_their_package(identify, tmp_path, version, verdict):
    metadata = f"Metadata-Version: 2.1\nName: Aider_Chat\nVersion: {version}\n\nText.\n"
    wheel = tmp_path / "package.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("aider/__init__.py", "")
        archive.writestr(f"Aider_Chat-{version}.dist-info/METADATA", metadata)
    source = tmp_path / "source"
    (source / f"aider_chat-{version}.dist-info").mkdir(parents=True)
    (source / f"aider_chat-{version}.dist-info/METADATA").write_text(metadata)
    (source / "__main__.py").write_text("print()\n")
    program = tmp_path / "program"
    zipapp.create_archive(source, program, interpreter="/usr/bin/env python3", compressed=True)
    for path in (wheel, program):
        answer = identify(path)
        assert purls(answer) == [f"pkg:pypi/aider-chat@{version}"]
        assert answer["verdict"] == verdict


@pytest.mark.parametrize("options", ["-comp gzip", "-comp xz -b 1M", "-comp zstd", "-comp lz4 -noI"])
def test_an_appimage_names_itself(identify, tmp_path, options):
    if not shutil.which("mksquashfs"):
        pytest.skip("mksquashfs is not installed")
    tree = tmp_path / "tree"
    (tree / "usr/share/applications").mkdir(parents=True)
    (tree / "usr/share/applications/editor.desktop").write_text(
        "[Desktop Entry]\nType=Application\nName=Sample Editor\nX-AppImage-Version=1.7.3\n")
    (tree / "editor.desktop").symlink_to("usr/share/applications/editor.desktop")
    shutil.copyfile("/bin/ls", tree / "editor")
    image = tmp_path / "image"
    subprocess.run(["mksquashfs", tree, image, "-no-progress", "-quiet", *options.split()], check=True,
                   stdout=subprocess.DEVNULL)
    program = tmp_path / "Sample.AppImage"
    program.write_bytes(Path("/bin/true").read_bytes() + image.read_bytes())
    answer = identify(program)
    assert answer["class"] == "appimage"
    assert purls(answer) == ["pkg:generic/appimage/Sample%20Editor@1.7.3"]
    assert answer["verdict"] == "block"
