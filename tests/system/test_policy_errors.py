"""What is said about a policy that is wrong: golden files, and the folder it lies in.

Each golden/policy/NAME.yaml is a whole policy.yaml, or each golden/policy/NAME a whole policy folder, and NAME.expected
what the compiler says of it. After a change of words, look at the difference that UPDATE_GOLDEN=1 makes before committing it.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent / "golden" / "policy"
EXAMPLES = Path(__file__).resolve().parents[2] / "packaging" / "examples"
CASES = sorted(p.stem for p in GOLDEN.iterdir() if p.suffix != ".expected")
RUN_TIMEOUT_SEC = 60


@pytest.fixture
def check(build):
    tool = build / "tests" / "component" / "tool_policy_check"
    if not tool.exists():
        pytest.skip(f"{tool} is not built")

    def run(path, *options):
        done = subprocess.run([tool, *options, path], capture_output=True, text=True, timeout=RUN_TIMEOUT_SEC)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    return run


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "policy.d"
    made.mkdir(mode=0o755)
    return made


def put(folder, text, name="policy.yaml"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


MINIMAL = "proscribe: 1\npolicy: {name: test, owner: me}\n"
SOFTWARE = "software:\n  - {id: tool, name: Tool, is: [{purl: pkg:npm/tool}]}\n"
RULES = "rules:\n  - {id: R-1, software: tool, reason: Not approved., action: block}\n"


@pytest.mark.parametrize("name", CASES)
def test_the_messages_are_as_agreed(check, folder, name):
    if (GOLDEN / name).is_dir():
        shutil.copytree(GOLDEN / name, folder, dirs_exist_ok=True)
    else:
        put(folder, (GOLDEN / f"{name}.yaml").read_bytes())
    status, out = check(folder)
    expected = GOLDEN / f"{name}.expected"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(out)
    assert out == expected.read_text(), f"{name}: see the difference with UPDATE_GOLDEN=1 and git diff"
    assert status == (0 if "\n0 errors" in "\n" + out else 1)


@pytest.mark.parametrize("name", CASES)
def test_a_person_can_read_them(name):
    """80 columns hold every source line, and no byte steers the terminal."""
    for line in (GOLDEN / f"{name}.expected").read_text().split("\n"):
        assert line.isprintable(), repr(line)
        assert " | " not in line or len(line) <= 80, line


@pytest.mark.parametrize("name", ["high-risk", "monitor"])
def test_the_sample_lists_are_right(check, folder, name):
    """Each as it is installed: with the same signatures."""
    put(folder, (EXAMPLES / name / "policy.yaml").read_text())
    shutil.copytree(EXAMPLES / "high-risk/signatures", folder / "signatures")
    assert check(folder) == (0, "0 errors, 0 warnings\nhigh-risk-software: 5 software, 4 rules\n")


def test_the_sample_for_monitoring_only_records():
    lines = [
        [line for line in (EXAMPLES / name / "policy.yaml").read_text().splitlines() if not line.startswith("#")]
        for name in ("high-risk", "monitor")
    ]
    assert [line.replace("action: block", "action: log") for line in lines[0]] == lines[1]
    assert sum("action: log" in line for line in lines[1]) == 4


def test_other_files_add_software_and_rules(check, folder):
    put(folder, MINIMAL + RULES)
    put(folder, SOFTWARE, "a.yaml")
    put(folder, "rules:\n  - {id: R-2, software: tool, reason: No., action: log}\n", "b.yaml")
    put(folder, "not: read", ".hidden.yaml")
    put(folder, "not: read", "README.txt")
    assert check(folder) == (0, "0 errors, 0 warnings\ntest: 1 software, 2 rules\n")


def test_ids_are_one_name_space_over_all_files(check, folder):
    put(folder, MINIMAL + SOFTWARE + RULES)
    put(folder, SOFTWARE + RULES, "more.yaml")
    status, out = check(folder)
    assert status == 1
    assert "more.yaml:2:10: error: the software id 'tool' is taken; first in policy.yaml on line 4" in out
    assert "more.yaml:4:10: error: the rule id 'R-1' is taken; first in policy.yaml on line 6" in out


def test_only_the_main_file_has_a_head(check, folder):
    put(folder, MINIMAL)
    put(folder, MINIMAL, "more.yaml")
    status, out = check(folder)
    assert status == 1
    assert "more.yaml:1:12: error: only policy.yaml has the key 'proscribe'" in out
    assert "more.yaml:2:9: error: only policy.yaml has the key 'policy'" in out


def test_a_folder_without_the_main_file_is_no_policy(check, folder):
    put(folder, SOFTWARE, "more.yaml")
    status, out = check(folder)
    assert status == 1
    assert "error: the policy has no policy.yaml" in out


@pytest.mark.parametrize("missing", [False, True])
def test_no_policy_says_how_to_install_the_sample(check, folder, missing):
    if missing:
        folder.rmdir()
    status, out = check(folder)
    assert status == 2
    assert out.startswith(f"error: there is no policy in {folder}; to install the sample list")
    assert f"/examples/monitor/policy.yaml '{folder}/policy.yaml'" in out
    assert out.count("\n") == 1


def test_a_byte_that_is_not_utf8_is_shown_where_it_is(check, folder):
    put(folder, MINIMAL.encode() + b"# caf\xe9\n")
    assert check(folder)[1].startswith("policy.yaml:3:6: error: the byte 0xe9 here is not UTF-8")


def test_a_byte_order_mark_and_other_line_ends_do_not_move_the_caret(check, folder):
    put(folder, b"\xef\xbb\xbfproscribe: 1\r\npolicy: {nme: test, owner: me}\r\n")
    assert "policy.yaml:2:10: error: unknown key 'nme'" in check(folder)[1]


def test_file_names_cannot_steer_the_terminal(check, folder):
    put(folder, MINIMAL)
    put(folder, "x: 1\n", "\x1b[2J.yaml")
    status, out = check(folder)
    assert status == 1
    assert out.startswith("\\x1b[2J.yaml:1:1: error: unknown key 'x'")


def too_many_errors():
    return MINIMAL + "rules:\n" + "  - x\n" * 103


def test_more_errors_than_are_shown_are_counted(check, folder):
    put(folder, too_many_errors())
    status, out = check(folder)
    assert status == 1
    assert out.count(": error: ") == 100
    assert "\n3 more errors not shown\n103 errors" in out


@pytest.mark.parametrize(
    "kind, words",
    [
        ("fifo", "is not a regular file"),
        ("socket folder", "is not a regular file"),
        ("link", "is a symbolic link"),
        ("device", "is not a regular file"),
        ("huge", "is larger than 16 MiB"),
    ],
)
def test_what_is_no_plain_file_is_refused_without_waiting(check, folder, kind, words):
    path = folder / "policy.yaml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket folder":
        path.mkdir()
    elif kind == "link":
        put(folder, MINIMAL, "real")
        path.symlink_to("real")
    elif kind == "device":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    else:
        path.touch()
        os.truncate(path, (16 << 20) + 1)
    status, out = check(folder)
    assert status == 2
    assert out.startswith(f"error: {path} {words}")


SIGNATURE = 'rule tool { meta: class = "js" condition: filesize > 0 }\n'
EVIDENCE = "software:\n  - {id: tool, name: Tool, is: [{signature: tool}, {list: lists/tool.txt}]}\n"
LIST = "30e2724e" + 56 * "0" + " 12 1.0\n"


@pytest.fixture
def rich(folder):
    """A policy with a signature and a list."""
    for name in ("signatures", "lists"):
        (folder / name).mkdir(mode=0o755)
    put(folder, MINIMAL + EVIDENCE + RULES)
    put(folder / "signatures", SIGNATURE, "tool.yar")
    put(folder / "lists", LIST, "tool.txt")
    return folder


def test_signatures_and_lists_are_part_of_a_policy(check, rich):
    put(rich / "signatures", "not: read", ".hidden.yar")
    put(rich / "signatures", "not: read", "README.txt")
    put(rich / "lists", "not: read", "tool.yar")
    (rich / "lists" / "sub").mkdir()
    put(rich / "lists" / "sub", "not: read", "more.txt")
    assert check(rich) == (0, "0 errors, 0 warnings\ntest: 1 software, 1 rules\n")


@pytest.mark.parametrize("name", ["signatures/tool.yar", "lists/tool.txt"])
@pytest.mark.parametrize("kind, words", [
    ("fifo", "is not a regular file"),
    ("folder", "is not a regular file"),
    ("link", "is a symbolic link"),
    ("huge", "is larger than"),
])
def test_what_is_no_plain_file_is_no_signature_and_no_list(check, rich, name, kind, words):
    path = rich / name
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    else:
        path.touch()
        os.truncate(path, ((512 if "list" in name else 16) << 20) + 1)
    status, out = check(rich)
    assert status == 2
    assert out.startswith(f"error: {path} {words}")


@pytest.mark.parametrize("name", ["signatures", "lists"])
@pytest.mark.parametrize("kind, words", [
    ("file", "is not a folder"), ("link", "is a symbolic link"), ("fifo", "is not a folder"),
])
def test_a_folder_of_them_that_is_none_is_refused(check, rich, name, kind, words):
    path = rich / name
    path.rename(rich / "moved")
    if kind == "file":
        path.touch()
    elif kind == "link":
        path.symlink_to("moved")
    else:
        os.mkfifo(path)
    status, out = check(rich)
    assert status == 2
    assert out.startswith(f"error: {path} {words}")


@pytest.mark.parametrize("name, suffix", [("signatures", "yar"), ("lists", "txt")])
def test_files_of_each_kind_are_limited(check, rich, name, suffix):
    for i in range(63):
        put(rich / name, "", f"{i}.{suffix}")
    assert check(rich)[0] == 0
    put(rich / name, "", f"63.{suffix}")
    status, out = check(rich)
    assert status == 2
    assert out == f"error: {rich / name} holds more than 64 files named *.{suffix}\n"


def test_a_policy_of_as_many_files_as_there_may_be(check, rich):
    for i in range(63):
        put(rich, "software: []\n", f"{i}.yaml")
        put(rich / "signatures", f"private rule r{i} {{ condition: false }}\n", f"{i}.yar")
        put(rich / "lists", LIST, f"{i}.txt")
    lists = "".join(f"{{list: lists/{i}.txt}}, " for i in range(63))
    put(rich, MINIMAL + EVIDENCE.replace("{list:", lists + "{list:") + RULES)
    assert check(rich) == (0, "0 errors, 0 warnings\ntest: 1 software, 1 rules\n")


def test_bytes_of_signatures_that_are_no_text(check, rich):
    put(rich / "signatures", SIGNATURE.encode() + b"// caf\xe9\n", "tool.yar")
    assert check(rich)[1].startswith("signatures/tool.yar:2:7: error: the byte 0xe9 here is not UTF-8")
    put(rich / "signatures", SIGNATURE.encode() + b'\0import "pe"\n', "tool.yar")
    assert check(rich)[1].startswith("signatures/tool.yar:2:1: error: a text cannot hold the character \\0")


def test_hashes_are_limited(check, folder):
    (folder / "lists").mkdir()
    put(folder / "lists", "".join(f"30e2724e{i:056} {i + 1} 1.{i}\n" for i in range(100000)), "many.txt")
    many = ", ".join(50 * ["{list: lists/many.txt}"])
    one = ", {size: 1, sha256: 30e2724e" + 56 * "f" + "}"
    policy = MINIMAL + "software:\n  - {id: tool, name: Tool, is: [" + many + one + "]}\n" + RULES
    put(folder, policy)
    status, out = check(folder)
    assert status == 1
    assert "error: the policy has more than 5000000 hashes" in out
    put(folder, policy.replace(many, "{list: lists/many.txt}"))
    assert check(folder) == (0, "0 errors, 0 warnings\ntest: 1 software, 1 rules\n")


@pytest.mark.parametrize("text, words", [
    ("rule b { condition: " + 20000 * "(" + "true" + 20000 * ")" + " }\n", "memory exhausted"),
    ("rule b { strings: $ = /a" + 30000 * "(" + "a" + 30000 * ")" + "/ condition: $ }\n", "out of space"),
    ("rule b { strings: $ = \"abc", "syntax error"),
    ('rule b { strings: $ = "abc\\', "syntax error"),
    ("/* rule b { condition: true }\n", "this comment has no end"),
    ("rule b { condition: pe.is_pe }\n", "undefined identifier"),
])
def test_rules_that_never_end_and_ones_too_deep(check, rich, text, words):
    put(rich / "signatures", SIGNATURE + text, "tool.yar")
    status, out = check(rich)
    assert status == 1
    assert out.startswith("signatures/tool.yar:2:") and words in out.split("\n")[0]


def test_a_policy_is_a_folder(check, folder):
    put(folder, MINIMAL)
    status, out = check(folder / "policy.yaml")
    assert status == 2
    assert "is not a folder; a policy is a folder with policy.yaml in it" in out


@pytest.fixture
def trusted():
    """A folder that only root could have written, all the way up; /tmp is not one."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    top = Path("/var/lib") / f"proscribe-test-{os.getpid()}"
    folder = top / "etc" / "policy.d"
    folder.mkdir(parents=True, mode=0o755)
    put(folder, MINIMAL + SOFTWARE + RULES)
    (folder / "policy.yaml").chmod(0o644)
    yield folder
    subprocess.run(["rm", "-rf", "--one-file-system", top], check=True)


@pytest.mark.root
def test_a_folder_of_roots_is_believed(check, trusted):
    assert check(trusted, "--root-owned") == (0, "0 errors, 0 warnings\ntest: 1 software, 1 rules\n")


@pytest.mark.root
@pytest.mark.parametrize("which", ["policy.d/policy.yaml", "policy.d", "."])
@pytest.mark.parametrize(
    "change, words, fix",
    [
        (lambda p: p.chmod(p.stat().st_mode | 0o002), "can be written by others than root", "chmod go-w '{0}'"),
        (lambda p: p.chmod(p.stat().st_mode | 0o020), "can be written by others than root", "chmod go-w '{0}'"),
        (lambda p: os.chown(p, 1000, 0), "belongs to user 1000", "chown root:root '{0}'"),
    ],
    ids=["world", "group", "owner"],
)
def test_what_others_could_have_written_is_refused(check, trusted, which, change, words, fix):
    path = (trusted.parent / which).resolve()
    change(path)
    status, out = check(trusted, "--root-owned")
    assert status == 2
    assert out.startswith(f"error: {path} {words}")
    assert fix.format(path) in out
    assert out.count("\n") == 1
    assert check(trusted)[0] == 0, "without the requirement it is an ordinary policy"


@pytest.mark.root
@pytest.mark.parametrize("which", ["signatures", "signatures/a.yar", "lists", "lists/a.txt"])
def test_signatures_and_lists_that_others_could_have_written_are_refused(check, trusted, which):
    for name in ("signatures/a.yar", "lists/a.txt"):
        (trusted / name).parent.mkdir(mode=0o755)
        put(trusted, "", name)
        (trusted / name).chmod(0o644)
    assert check(trusted, "--root-owned")[0] == 0
    path = trusted / which
    path.chmod(path.stat().st_mode | 0o020)
    status, out = check(trusted, "--root-owned")
    assert status == 2
    assert out.startswith(f"error: {path} can be written by others than root")


@pytest.mark.root
def test_a_sticky_folder_of_roots_on_the_way_is_no_danger(check, trusted):
    trusted.parent.chmod(0o1777)
    assert check(trusted, "--root-owned")[0] == 0
    trusted.chmod(0o1777)
    status, out = check(trusted, "--root-owned")
    assert status == 2 and f"{trusted} can be written by others than root (mode 1777)" in out
    trusted.chmod(0o755)
    os.chown(trusted.parent, 1000, 0)
    assert check(trusted, "--root-owned")[0] == 2, "but one of somebody else's is"


@pytest.mark.root
def test_a_link_on_the_way_is_refused(check, trusted):
    link = trusted.parent / "link"
    link.symlink_to("policy.d")
    status, out = check(link, "--root-owned")
    assert status == 2
    assert out.startswith(f"error: {link} is a symbolic link")
