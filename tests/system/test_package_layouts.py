"""The list's words meet what lies on disks: a policy that names a package of each ecosystem, and files laid out
as that ecosystem lays them out."""

import io
import json
import os
import subprocess
import zipfile

import pytest

from support.agent import Agent
from support.launch import launch
from support.software import write_policy_text

SCRIPT = "#!/bin/sh\necho ran\n"
EXTENSION = {"name": "claude-code", "publisher": "Anthropic", "engines": {"vscode": "^1.94.0"}}
SITE = "lib/python3.11/site-packages"
NIX = "nix/store/0c0mrvfmrv5hzxz1lprglm7vb0dqd8z2"


def extension(folder, version):
    return {f"{folder}/package.json": json.dumps(EXTENSION | {"version": version})}


def python(name, version, record):
    info = f"{SITE}/{name.replace('-', '_')}-{version}.dist-info"
    return {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/RECORD": f"{record},sha256=x,1\n"}


def jar(xml):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr("META-INF/plugin.xml", xml)
    return content.getvalue()


# What is banned, and from which version on; every file below is of that or of an older version.
SOFTWARE = {
    "pkg:npm/%40anthropic-ai/claude-code": "vers:npm/>=2.1.91",
    "pkg:npm/%40openai/codex": "vers:npm/>=0.100.0",
    "pkg:vscode-extension/anthropic/claude-code": "vers:semver/>=2.1.91",
    "pkg:pypi/aider-chat": "vers:pypi/>=0.50",
    "pkg:pypi/claude-agent-sdk": "vers:pypi/>=0.1.30",
    "pkg:cargo/codex-cli": "vers:semver/>=0.1.0",
    "pkg:brew/claude-code": None,
    "pkg:generic/snap/claude": None,
    "pkg:generic/flatpak/com.anydesk.Anydesk": None,
    "pkg:generic/electron/cursor": None,
    "pkg:generic/nix/claude-code": None,
    "pkg:generic/jetbrains/com.anthropic.code.plugin": None,
}

# name: (files beside the program, the program, by what it is known)
BANNED = {
    "npm": ({"n/node_modules/@anthropic-ai/claude-code/package.json":
             '{"name":"@anthropic-ai/claude-code","version":"2.1.91"}'},
            "n/node_modules/@anthropic-ai/claude-code/cli.js", "package.json"),
    "npm's platform package": ({"n/node_modules/@openai/codex-linux-x64/package.json":
                                '{"name":"@openai/codex","version":"0.169.0-linux-x64"}'},
                               "n/node_modules/@openai/codex-linux-x64/vendor/x/bin/codex", "package.json"),
    "npx": ({".npm/_npx/a5804287ba5bb457/node_modules/@anthropic-ai/claude-code/package.json":
             '{"name":"@anthropic-ai/claude-code","version":"2.1.100"}'},
            ".npm/_npx/a5804287ba5bb457/node_modules/@anthropic-ai/claude-code/cli.js", "package.json"),
    "pnpm's store, without its package.json":
        ({}, "p/.pnpm/@anthropic-ai+claude-code@2.1.91/node_modules/@anthropic-ai/claude-code/cli.js", "path"),
    "Codex by its own installer": ({".codex/packages/standalone/releases/0.169.0-x86_64/codex-package.json":
                                    '{"layoutVersion":1,"version":"0.169.0"}'},
                                   ".codex/packages/standalone/releases/0.169.0-x86_64/bin/codex", "codex-package.json"),
    **{f"{home} extension": (extension(f"{home}/extensions/anthropic.claude-code-2.1.91-linux-x64", "2.1.91"),
                             f"{home}/extensions/anthropic.claude-code-2.1.91-linux-x64/resources/native-binary/claude",
                             "package.json")
       for home in (".vscode", ".vscode-server", ".vscode-insiders", ".vscode-oss", ".cursor", ".windsurf")},
    "an extension without its package.json":
        ({}, "e/extensions/anthropic.claude-code-2.1.91-linux-x64/resources/native-binary/claude", "path"),
    "pipx": ({f".local/share/pipx/venvs/aider-chat/{path}": text
              for path, text in python("aider-chat", "0.50.0", "../../../bin/aider").items()},
             ".local/share/pipx/venvs/aider-chat/bin/aider", "dist-info"),
    "uv tool": ({f".local/share/uv/tools/aider-chat/{path}": text
                 for path, text in python("aider-chat", "0.86.1", "../../../bin/aider").items()},
                ".local/share/uv/tools/aider-chat/bin/aider", "dist-info"),
    "a program that a Python package carries":
        (python("claude-agent-sdk", "0.1.39", "claude_agent_sdk/_bundled/claude"),
         f"{SITE}/claude_agent_sdk/_bundled/claude", "dist-info"),
    "cargo install": ({".cargo/.crates2.json":
                       '{"installs":{"codex-cli 0.1.0 (git+https://github.com/openai/codex#1)":{"bins":["codex"]}}}'},
                      ".cargo/bin/codex", ".crates2.json"),
    "Homebrew": ({}, "linuxbrew/Caskroom/claude-code/2.1.91/claude", "path"),
    "snap": ({"snap/claude/17/meta/snap.yaml": "name: claude\nversion: '1'\n"}, "snap/claude/17/bin/claude", "snap.yaml"),
    "flatpak": ({"flatpak/app/com.anydesk.Anydesk/x86_64/stable/1a/metadata": "[Application]\nname=com.anydesk.Anydesk\n"},
                "flatpak/app/com.anydesk.Anydesk/x86_64/stable/1a/files/bin/anydesk", "flatpak"),
    "Electron": ({"cursor/resources/app/product.json": '{"applicationName":"cursor","version":"0.50.1"}'},
                 "cursor/bin/cursor", "product.json"),
    "a JetBrains plugin": ({"JetBrains/IntelliJIdea2025.1/claude-code-jetbrains-plugin/lib/claude-code-jetbrains-plugin-0.1.14.jar":
                            jar("<idea-plugin><id>com.anthropic.code.plugin</id><version>0.1.14</version></idea-plugin>")},
                           "JetBrains/IntelliJIdea2025.1/claude-code-jetbrains-plugin/bin/claude", "plugin.xml"),
    "Nix": ({}, f"{NIX}-claude-code-2.1.91/bin/.claude-wrapped", "path"),
}

ALLOWED = {
    "an older npm package": ({"o/node_modules/@anthropic-ai/claude-code/package.json":
                              '{"name":"@anthropic-ai/claude-code","version":"2.1.90"}'},
                             "o/node_modules/@anthropic-ai/claude-code/cli.js"),
    "an older extension": (extension("o/extensions/anthropic.claude-code-2.1.90-linux-x64", "2.1.90"),
                           "o/extensions/anthropic.claude-code-2.1.90-linux-x64/resources/native-binary/claude"),
    "an older Python package": ({f"o/{path}": text
                                 for path, text in python("aider-chat", "0.49.9", "../../../bin/aider").items()},
                                "o/bin/aider"),
    "a script beside a banned Python package": ({f"s/{path}": text for path, text in
                                                 python("aider-chat", "0.50.0", "../../../bin/aider").items()},
                                                "s/bin/aider-notes"),
    "a crate of another program": ({"c/.crates2.json":
                                    '{"installs":{"codex-cli 0.1.0 (x)":{"bins":["codex"]}}}'}, "c/bin/codex2"),
    "a script beside nothing": ({}, "bin/claude"),
}


def policy_text():
    software, rules = "", ""
    for i, (purl, versions) in enumerate(SOFTWARE.items()):
        software += f"  - {{id: s{i}, name: Software {i}, is: [{{purl: '{purl}'}}]}}\n"
        rules += f"  - {{id: T-{i}, software: s{i}, risk: high, reason: {{en: Not approved.}}, action: block"
        rules += f", versions: '{versions}'}}\n" if versions else "}\n"
    return f"proscribe: 1\npolicy: {{name: packages, owner: Tests}}\nsoftware:\n{software}rules:\n{rules}"


def lay_out(top, files, program):
    for path, content in {**files, program: SCRIPT}.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    os.chmod(top / program, 0o755)
    return top / program


def lay_out_all(top):
    """({name: program} of the banned, the same of the others)."""
    return ({name: lay_out(top, files, program) for name, (files, program, _) in BANNED.items()},
            {name: lay_out(top, files, program) for name, (files, program) in ALLOWED.items()})


def test_each_layout_is_recognised(build, tmp_path):
    policy = write_policy_text(tmp_path / "policy", policy_text())
    banned, allowed = lay_out_all(tmp_path / "disk")
    programs = {str(path): name for name, path in (banned | allowed).items()}
    done = subprocess.run([build / "proscribectl", "identify", "--json", "--policy", policy, *programs], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    told = {programs[file["file"]]: file for file in json.loads(done.stdout)["files"]}
    missed = [name for name in banned if told[name]["verdict"] != "block"]
    wrong = [name for name in allowed if told[name]["verdict"] == "block"]
    assert (missed, wrong) == ([], [])
    for name, (_, _, by) in BANNED.items():
        assert {m["evidence"] for m in told[name]["matches"]} == {"package"}, name
        assert by in {p["told_by"] for p in told[name]["packages"]}, (name, told[name]["packages"])


@pytest.mark.root
def test_each_layout_is_refused(build, directory, scratch):
    policy = write_policy_text(directory / "packages", policy_text())
    banned, allowed = lay_out_all(scratch)
    with Agent(build, directory, policy, [scratch]):
        ran = [name for name, program in banned.items() if not launch(program).refused]
        refused = [name for name, program in allowed.items() if launch(program).output != "ran\n"]
    assert (ran, refused) == ([], [])
