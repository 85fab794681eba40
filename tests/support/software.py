"""Things to launch and policies about them."""

import hashlib
import json
import os
import shutil
from pathlib import Path

BANNED = "@example-vendor/assistant"
BANNED_FROM = "2.1.91"
REASON = "Not approved: sends source code to third parties."

POLICY = """\
proscribe: 1
policy:
  name: test-policy
  owner: Information Security
  contact: https://it.example.com/help
software:
  - id: assistant
    name: Example Assistant
    vendor: Example Vendor
    is:
      - purl: pkg:npm/%40example-vendor/assistant
  - id: tool
    name: Unwanted Tool
    is:
      - sha256: {sha256}
        size: {size}
rules:
  - id: T-1
    software: assistant
    versions: vers:npm/>=2.1.91
    risk: high
    reason: {{en: "Not approved: sends source code to third parties."}}
    reference: SEC-1
    url: https://it.example.com/t/1
    alternative: {{name: Approved Assistant, url: https://it.example.com/approved}}
    action: {action}
  - id: T-2
    software: tool
    risk: medium
    reason: {{en: Not permitted on company machines.}}
    action: {action}
"""


def write_policy(folder, action="block", elf=None):
    """A policy that bans BANNED from 2.1.91 on, and the file @elf by content."""
    content = Path(elf).read_bytes() if elf else b"nothing has this content"
    text = POLICY.format(action=action, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return write_policy_text(folder, text)


def write_policy_text(folder, text):
    folder = Path(folder)
    folder.mkdir(mode=0o755, exist_ok=True)
    new = folder / ".policy.yaml.new"
    new.write_text(text)
    new.rename(folder / "policy.yaml")
    return folder


def install_package(root, version, name=BANNED, script="#!/bin/sh\necho \"ran $0\"\n", program="cli.js", uid=0):
    """An npm package as `npm install` leaves it, with its link in .bin. Returns (link, program)."""
    modules = Path(root) / "node_modules"
    package = modules / name
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": name, "version": version, "bin": {"assistant": program}}))
    (package / program).write_text(script)
    (package / program).chmod(0o755)
    (modules / ".bin").mkdir(exist_ok=True)
    link = modules / ".bin" / "assistant"
    link.symlink_to(os.path.relpath(package / program, modules / ".bin"))
    if uid:
        for path in [modules, *modules.rglob("*")]:
            os.chown(path, uid, uid, follow_symlinks=False)
    return link, package / program


def copy_program(source, target, extra=b"", uid=0):
    """A copy of an ELF file; @extra bytes at its end change its content but not what it does."""
    shutil.copyfile(source, target)
    with open(target, "ab") as copy:
        copy.write(extra)
    os.chmod(target, 0o755)
    if uid:
        os.chown(target, uid, uid)
    return Path(target)
