"""proscribectl as people use it: without an agent and without root, in narrow terminals, in pipes, with
what does not exist; and with a real agent where there is root."""

import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

from support.agent import wait_until
from support.launch import EMPLOYEE_UID, launch
from support.software import install_package, write_policy, write_policy_text

FINE, FAILED, USAGE, UNREACHABLE, BANNED = range(5)
COMMANDS = ["status", "check", "identify", "log", "export", "why", "policy check", "policy reload", "purl parse", "purl build",
            "vers compare", "vers contains"]
WIDTHS = [40, 60, 80, 120]


class Ctl:
    def __init__(self, build):
        self.program = str(build / "proscribectl")

    def __call__(self, *arguments, **options):
        options = {"timeout": 60, "env": {**os.environ, "TZ": "UTC"}, **options}
        return subprocess.run([self.program, *map(os.fspath, arguments)], capture_output=True, text=True,
                              errors="replace", check=False, stdin=subprocess.DEVNULL, **options)

    def json(self, *arguments):
        done = self(*arguments, "--json")
        return done.returncode, json.loads(done.stdout)

    def on_terminal(self, *arguments, columns=80, environment=()):
        """(exit code, what the terminal showed): both streams on one terminal."""
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
        process = subprocess.Popen([self.program, *map(os.fspath, arguments)], stdin=theirs, stdout=theirs,
                                   stderr=theirs, env={**env, "TERM": "xterm", "TZ": "UTC", **dict(environment)})
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        return process.wait(30), shown.decode(errors="replace").replace("\r\n", "\n")


@pytest.fixture
def ctl(build):
    return Ctl(build)


@pytest.fixture
def files(tmp_path):
    """A banned program, an allowed one, and the policy that says so."""
    tmp_path.chmod(0o755)
    write_policy(tmp_path / "policy")
    banned, allowed = tmp_path / "banned", tmp_path / "allowed"
    banned.mkdir()
    allowed.mkdir()
    install_package(banned, "2.1.91")
    install_package(allowed, "2.1.90")
    return tmp_path


def program(files, which="banned"):
    return files / which / "node_modules/.bin/assistant"


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*[mK]", "", text)


# ---- usage ----

@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_names_its_options_and_exit_codes(ctl, command):
    for arguments in ([*command.split(), "--help"], [*command.split(), "-h"], ["help", *command.split()]):
        done = ctl(*arguments)
        assert done.returncode == FINE and done.stderr == ""
        assert done.stdout.startswith(f"Usage: proscribectl {command}")
        assert "--json" in done.stdout and "4 something is banned" in done.stdout.replace("\n", " ")
        assert max(map(len, done.stdout.splitlines())) <= 90


def test_help_and_version(ctl):
    assert ctl("help").stdout == ctl("--help").stdout
    assert all(command in ctl("help").stdout for command in COMMANDS)
    assert re.fullmatch(r"proscribectl \d+\.\d+\.\d+\n", ctl("--version").stdout)


@pytest.mark.parametrize(("arguments", "says"), [
    ([], "Usage: proscribectl COMMAND"),
    (["chek"], "did you mean 'check'?"),
    (["policy"], "another word: check, reload"),
    (["policy", "chekc", "x"], "did you mean 'policy check'?"),
    (["purl"], "'purl' wants another word: parse, build"),
    (["purl", "prase", "x"], "did you mean 'purl parse'?"),
    (["purl", "parse"], "'purl parse' wants PURL...|-"),
    (["purl", "build", "pkg:npm/a"], "unexpected argument 'pkg:npm/a': the parts are options"),
    (["purl", "build", "-", "--name", "a"], "'-' reads the parts from standard input"),
    (["purl", "build", "--qualifier", "arch"], "--qualifier wants KEY=VALUE, not 'arch'"),
    (["purl", "build", *["--qualifier", "a=b"] * 33], "--qualifier can be given 32 times"),
    (["frobnicate"], "no such command: 'frobnicate'"),
    (["x\x1b[31m"], "x\\x1b[31m"),
    (["check"], "'check' wants FILE..."),
    (["why"], "'why' wants ID"),
    (["why", "A", "B"], "unexpected argument 'B'"),
    (["status", "surplus"], "unexpected argument 'surplus'"),
    (["status", "--frob"], "no such option of 'status': --frob"),
    (["status", "-x"], "no such option of 'status': -x"),
    (["status", "--json=yes"], "--json takes no value"),
    (["status", "--policy", "x"], "no such option of 'status': --policy"),
    (["log", "--since"], "--since wants a value"),
    (["log", "--since", "soon"], "not 'soon'"),
    (["log", "-n", "0"], "not '0'"),
    (["log", "-n", "-3"], "not '-3'"),
    (["log", "-n", "99999999999999999999"], "whole number"),
    (["export"], "--format csv or --format jsonl"),
    (["export", "--format", "xml"], "not 'xml'"),
    (["why", "nonsense"], "no event id"),
])
def test_wrong_arguments_get_one_clear_line_and_exit_2(ctl, arguments, says):
    done = ctl(*arguments)
    assert done.returncode == USAGE
    assert done.stdout == ""
    assert says in done.stderr
    if arguments:
        assert len(done.stderr.splitlines()) == 2 and done.stderr.splitlines()[1].startswith("Try 'proscribectl ")


def test_options_may_stand_anywhere_and_end_at_two_dashes(ctl, files):
    folder = files / "--json"
    folder.mkdir()
    assert ctl("policy", "--json", "check", files / "policy").returncode == FINE
    done = ctl("policy", "check", "--", "--json", cwd=files)
    assert done.returncode == FAILED and not done.stdout.startswith("{")


# ---- no agent ----

@pytest.mark.parametrize("arguments", [["status"], ["check", "/bin/true"], ["identify", "/bin/true"], ["log"],
                                       ["export", "--format", "csv"], ["why", "7K2M-Q4TX-9D3F"], ["policy", "reload"]],
                         ids=" ".join)
def test_without_an_agent_it_says_what_to_do_and_exits_3(ctl, tmp_path, arguments):
    done = ctl(*arguments, "--socket", tmp_path / "none")
    assert done.returncode == UNREACHABLE
    assert done.stdout == ""
    assert "not reachable" in done.stderr and "systemctl start proscribed" in done.stderr


def test_a_socket_that_nobody_listens_on_is_no_agent(ctl, tmp_path):
    import socket
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "bus"))
    left.close()
    assert ctl("status", "--socket", tmp_path / "bus").returncode == UNREACHABLE


# ---- check and identify by a policy folder ----

def test_check_tells_what_would_happen_and_why(ctl, files):
    done = ctl("check", "--policy", files / "policy", program(files), program(files, "allowed"), "/bin/true")
    assert (done.returncode, done.stderr) == (BANNED, "")
    shown = done.stdout
    assert f"{program(files)}: would be blocked\n" in shown
    for expected in ["Example Assistant 2.1.91", "T-1", "Not approved: sends source code to third parties.", "SEC-1",
                     "https://it.example.com/t/1", "Approved Assistant https://it.example.com/approved"]:
        assert expected in shown
    assert f"{program(files, 'allowed')}: would run\n" in shown
    assert "/bin/true: would run\n" in shown


@pytest.mark.parametrize(("action", "code", "says"), [("log", FINE, "would run, and be recorded"),
                                                      ("warn", FINE, "would run, with a warning"),
                                                      ("block", BANNED, "would be blocked")])
def test_only_a_block_is_a_ban(ctl, files, action, code, says):
    write_policy(files / "policy", action=action)
    done = ctl("check", "--policy", files / "policy", program(files))
    assert (done.returncode, says in done.stdout) == (code, True)


def test_check_json_is_one_document_with_the_documented_keys(ctl, files):
    code, answer = ctl.json("check", "--policy", files / "policy", program(files), "/bin/true", "/nonexistent")
    assert code == BANNED
    assert set(answer) == {"policy", "banned", "files"} and answer["banned"] == 1
    assert answer["policy"]["name"] == "test-policy"
    banned, allowed, missing = answer["files"]
    assert banned["file"] == str(program(files)) and banned["path"] == str(program(files).resolve())
    assert (banned["verdict"], banned["evidence"], banned["software"], banned["version"]) == (
        "block", "package", "assistant", "2.1.91")
    rule = {k: v for k, v in banned["rules"][0].items() if k != "reason"}
    assert rule == {"id": "T-1", "action": "block", "risk": "high", "reference": "SEC-1",
                    "url": "https://it.example.com/t/1", "alternative_name": "Approved Assistant",
                    "alternative_url": "https://it.example.com/approved"}
    assert allowed["verdict"] == "allow" and allowed["class"] == "elf" and len(allowed["sha256"]) == 64
    assert missing == {"file": "/nonexistent", "error": "No such file or directory"}


def test_what_cannot_be_read_gets_a_message_each_and_the_others_an_answer(ctl, files):
    fifo, secret = files / "fifo", files / "secret"
    os.mkfifo(fifo)
    secret.write_text("x")
    secret.chmod(0)
    done = ctl("check", "--policy", files / "policy", "/nonexistent", fifo, files, "/dev/null", "/bin/true", timeout=30)
    assert done.returncode == FAILED
    assert "/bin/true: would run" in done.stdout
    for expected in ["/nonexistent: No such file", "fifo: Not a regular file", "Is a directory", "/dev/null: Not a"]:
        assert expected in done.stderr
    if os.geteuid() != 0:
        assert "Permission denied" in ctl("check", "--policy", files / "policy", secret).stderr


def test_hostile_file_names_steer_no_terminal(ctl, files):
    name = os.fsencode(files) + b"/\x1b]0;owned\x07\xff\xe2\x80\xae.sh"
    with open(name, "wb") as file:
        file.write(b"#!/bin/sh\n")
    for command in ("check", "identify"):
        _, shown = ctl.on_terminal(command, "--policy", files / "policy", os.fsdecode(name))
        assert "\x1b]" not in shown and "\x07" not in shown and "\u202e" not in shown
        assert "\\x1b]0;owned\\x07\\xff\\u202e.sh" in shown
        code, answer = ctl.json(command, "--policy", files / "policy", os.fsdecode(name))
        assert code == FINE and answer["files"][0]["class"] == "script"
        assert answer["files"][0]["path_bytes"] == name.hex()


@pytest.mark.parametrize(("what", "text", "says"), [
    ("missing", None, "cannot read the policy folder"),
    ("broken", "proscribe: 1\npolicy: [", "has errors; see: proscribectl policy check"),
    ("empty", "", "has errors"),
])
def test_by_a_policy_that_cannot_be_used_nothing_is_called_allowed(ctl, files, what, text, says):
    folder = files / what
    if text is not None:
        write_policy_text(folder, text)
    done = ctl("check", "--policy", folder, program(files))
    assert done.returncode == FAILED and done.stdout == "" and says in done.stderr


def test_identify_shows_facts_also_when_no_rule_bans(ctl, files):
    done = ctl("identify", "--policy", files / "policy", program(files, "allowed"))
    assert done.returncode == FINE
    for expected in ["script", "/bin/sh", "npm @example-vendor/assistant@2.1.90, by package.json",
                     "Example Assistant 2.1.90, by package package.json",
                     "allow"]:
        assert expected in done.stdout


def test_identify_needs_no_agent(ctl, files):
    if Path("/run/proscribe/bus").exists():
        pytest.skip("an agent runs on this machine")
    code, answer = ctl.json("identify", program(files))
    assert code == FINE
    assert answer["files"][0]["packages"] == [{
        "type": "npm", "name": "@example-vendor/assistant", "version": "2.1.91", "told_by": "package.json",
        "purl": "pkg:npm/%40example-vendor/assistant@2.1.91"}]


def test_identify_says_by_what_a_file_was_recognised(ctl, files):
    code, answer = ctl.json("identify", "--policy", files / "policy", program(files))
    assert code == FINE
    match = answer["files"][0]["matches"][0]
    assert match["evidence"] == "package" and match["detail"] == "package.json"
    assert match["purl"] == "pkg:npm/%40example-vendor/assistant@2.1.91" and match["version"] == "2.1.91"


def test_many_files_and_a_large_one(ctl, files):
    large = files / "large"
    with open(large, "wb") as file:
        file.truncate(300 << 20)
    code, answer = ctl.json("check", "--policy", files / "policy", large, *[program(files)] * 200)
    assert code == BANNED and answer["banned"] == 200
    assert answer["files"][0]["size"] == 300 << 20


def test_no_process_is_left_behind(ctl, files):
    ctl("check", "--policy", files / "policy", program(files))
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(files) not in shown


# ---- policy check ----

def test_policy_check_of_a_good_folder(ctl, files):
    done = ctl("policy", "check", files / "policy")
    assert done.returncode == FINE and done.stderr == ""
    assert "valid" in done.stdout and "2 software, 2 rules, 1 hashes" in done.stdout
    code, answer = ctl.json("policy", "check", files / "policy")
    assert code == FINE and answer["valid"] and answer["errors"] == 0 and len(answer["digest"]) == 64


@pytest.mark.parametrize(("text", "says"), [
    ("proscribe: 1\npolicy: [", "policy.yaml:3"),
    ("proscribe: 1\nsoftwear: []\n", "policy.yaml:2:1"),
    (None, "cannot check"),
])
def test_policy_check_of_a_bad_folder(ctl, files, text, says):
    folder = files / "bad"
    if text is not None:
        write_policy_text(folder, text)
    done = ctl("policy", "check", folder)
    assert done.returncode == FAILED
    assert says in done.stderr or text is None and str(folder) in done.stderr
    code, answer = ctl.json("policy", "check", folder)
    assert code == FAILED and not answer["valid"]


# ---- output ----

@pytest.mark.parametrize("columns", WIDTHS)
def test_answers_fit_the_terminal(ctl, files, columns):
    code, shown = ctl.on_terminal("check", "--policy", files / "policy", program(files), columns=columns)
    assert code == BANNED
    for line in plain(shown).splitlines():
        assert len(line) <= columns or max(map(len, line.split())) + 14 > columns, line


def test_colour_only_on_a_terminal_that_wants_it(ctl, files):
    arguments = ["check", "--policy", files / "policy", program(files)]
    assert "\x1b[" in ctl.on_terminal(*arguments)[1]
    assert "\x1b[" not in ctl.on_terminal(*arguments, environment={"NO_COLOR": "1"})[1]
    assert "\x1b[" not in ctl.on_terminal(*arguments, environment={"TERM": "dumb"})[1]
    assert "\x1b[" not in ctl(*arguments).stdout


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("option", ["", "--json"])
def test_an_answer_that_cannot_be_written_is_a_failure(ctl, files, redirection, option):
    script = f'exec "$0" identify --policy "$1" "$2" {option} {redirection}'
    done = subprocess.run(["sh", "-c", script, ctl.program, files / "policy", program(files)], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == FAILED
    assert "cannot write the answer" in done.stderr


def test_closed_standard_streams_are_not_mistaken_for_files(ctl, files):
    script = 'exec "$0" check --policy "$1" "$2" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", script, ctl.program, files / "policy", program(files)], timeout=30, check=False)
    assert done.returncode == BANNED


# ---- with an agent ----

@pytest.fixture
def busy_agent(agent, scratch):
    """With a refused launch of the employee's and one of root's on record."""
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link, uid=EMPLOYEE_UID).refused
    assert launch(link, uid=0).refused
    wait_until(lambda: len([r for r in log_of(agent) if r["kind"] == "launch"]) == 2, what="two records")
    return agent


def log_of(agent, *options):
    done = agent.ctl("log", "--json", *options)
    assert done.returncode == FINE, done.stderr
    return json.loads(done.stdout)["records"]


def as_employee(*command, **options):
    return subprocess.run(["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups", *command],
                          capture_output=True, text=True, timeout=30, check=False, **options)


@pytest.fixture
def employees_ctl(build, directory):
    """Copies that the employee can reach; the clone may lie in a private home."""
    for name in ["proscribectl", "proscribed", "proscribe-inspector", "proscribe-compiler"]:
        shutil.copy(build / name, directory / name)
    return str(directory / "proscribectl")


@pytest.mark.root
def test_status(agent, ctl):
    done = agent.ctl("status")
    assert done.returncode == FINE
    for expected in ["running", "test-policy (Information Security)", "2 rules, 2 software, 1 hashes", "1 watched, 0 not",
                     str(agent.ledger)]:
        assert expected in done.stdout
    status = json.loads(agent.ctl("status", "--json").stdout)
    assert not status["degraded"] and status["policy"]["rules"] == 2
    for columns in WIDTHS:
        _, shown = ctl.on_terminal("status", "--socket", agent.socket, columns=columns)
        for line in plain(shown).splitlines():
            assert len(line) <= columns or max(map(len, line.split())) + 14 > columns, line


@pytest.mark.root
def test_a_refused_policy_makes_status_fail_and_the_old_one_stays(agent):
    write_policy_text(agent.policy, "proscribe: 1\nrulez: []\n")
    reload = agent.ctl("policy", "reload")
    assert reload.returncode == FAILED
    assert "policy.yaml:2:1" in reload.stderr and "the one in force stays" in reload.stderr
    assert "In force: test-policy" in reload.stdout
    status = agent.ctl("status")
    assert status.returncode == FAILED
    assert "running, with problems" in status.stdout and "policy.yaml:2:1" in status.stdout
    write_policy(agent.policy)
    assert agent.ctl("policy", "reload").returncode == FINE
    assert agent.ctl("status").returncode == FINE


@pytest.mark.root
def test_check_over_the_bus(agent, scratch, employees_ctl):
    link, _ = install_package(scratch, "2.1.91", uid=EMPLOYEE_UID)
    done = as_employee(employees_ctl, "check", "--socket", str(agent.socket), str(link), "/bin/true")
    assert done.returncode == BANNED
    assert "would be blocked" in done.stdout and "/bin/true: would run" in done.stdout


@pytest.mark.root
def test_log_and_why(busy_agent, ctl):
    refusals = [r for r in log_of(busy_agent) if r["kind"] == "launch"]
    assert {r["uid"] for r in refusals} == {0, EMPLOYEE_UID}
    refused = refusals[0]
    assert refused["outcome"] == "refused" and refused["rules"] == "T-1" and refused["version"] == "2.1.91"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", refused["time"])
    why = busy_agent.ctl("why", refused["id"].lower().replace("-", ""))
    assert why.returncode == FINE
    for expected in [refused["id"], "was refused", "Example Assistant 2.1.91", "T-1, risk high", "SEC-1",
                     "Approved Assistant https://it.example.com/approved"]:
        assert expected in why.stdout
    assert json.loads(busy_agent.ctl("why", refused["id"], "--json").stdout)["id"] == refused["id"]
    missing = busy_agent.ctl("why", "0000-0000-0000")
    assert missing.returncode == FAILED and "no event 0000-0000-0000" in missing.stderr
    for columns in WIDTHS:
        _, shown = ctl.on_terminal("log", "--socket", busy_agent.socket, columns=columns)
        shown = plain(shown)
        assert refused["id"] in shown and all(len(line) <= columns for line in shown.splitlines())


@pytest.mark.root
def test_log_filters(busy_agent):
    everything = log_of(busy_agent)
    assert [r["sequence"] for r in log_of(busy_agent, "-n", "1")] == [everything[-1]["sequence"]]
    assert log_of(busy_agent, "--since", "1h") == everything
    assert log_of(busy_agent, "--since", "2100-01-01T00:00:00Z") == []
    assert log_of(busy_agent, "--since", everything[1]["time"]) == everything[1:]


@pytest.mark.root
def test_the_ledger_can_be_read_without_the_agent(busy_agent, ctl):
    before = log_of(busy_agent)
    busy_agent.stop()
    code, answer = ctl.json("log", "--ledger", busy_agent.ledger)
    assert code == FINE and answer["records"][:len(before)] == before
    assert ctl("log", "--ledger", busy_agent.directory / "none").returncode == FAILED
    damaged = busy_agent.directory / "damaged"
    damaged.write_text("no ledger" * 1000)
    done = ctl("log", "--ledger", damaged)
    assert done.returncode == FAILED and "damaged" in done.stderr


@pytest.mark.root
def test_employees_see_their_own_records(busy_agent, employees_ctl):
    def own(*arguments):
        command, *rest = arguments
        return as_employee(employees_ctl, command, "--socket", str(busy_agent.socket), *rest)
    refusals = {r["uid"]: r for r in log_of(busy_agent) if r["kind"] == "launch"}
    seen = json.loads(own("log", "--json").stdout)["records"]
    assert seen == [refusals[EMPLOYEE_UID]]
    assert own("why", refusals[EMPLOYEE_UID]["id"]).returncode == FINE
    assert own("why", refusals[0]["id"]).returncode == FAILED
    assert len(own("export", "--format", "jsonl").stdout.splitlines()) == 1
    assert json.loads(own("log", "--json", "-n", "1").stdout)["records"] == seen


@pytest.mark.root
def test_export(busy_agent):
    lines = busy_agent.ctl("export", "--format", "jsonl").stdout.splitlines()
    assert all(json.loads(line) for line in lines)
    assert busy_agent.ctl("export", "--json").stdout.splitlines()[:len(lines)] == lines
    csv = busy_agent.ctl("export", "--format", "csv").stdout
    assert csv.count("T-1") >= 2
    target = busy_agent.directory / "export.csv"
    assert busy_agent.ctl("export", "--format", "csv", "-o", str(target)).returncode == FINE
    assert target.read_text().count("T-1") == csv.count("T-1") and stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(busy_agent.directory.glob("export.csv.*"))
    nowhere = busy_agent.ctl("export", "--format", "csv", "-o", str(busy_agent.directory / "none/export.csv"))
    assert nowhere.returncode == FAILED and "cannot write" in nowhere.stderr
    full = busy_agent.ctl("export", "--format", "csv", "-o", "/dev/full")
    assert full.returncode == FAILED and "No space left" in full.stderr


def follow(agent, **options):
    return subprocess.Popen([agent.build / "proscribectl", "log", "--follow", "--json", "--socket", agent.socket],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.root
def test_follow_shows_what_comes_and_ends_on_interrupt(agent, scratch):
    link, _ = install_package(scratch, "2.1.91")
    following = follow(agent)
    try:
        first = json.loads(following.stdout.readline())
        assert first["kind"] in ("policy", "agent")
        assert launch(link).refused
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert select.select([following.stdout], [], [], 10)[0], "nothing came"
            if json.loads(following.stdout.readline())["kind"] == "launch":
                break
        following.send_signal(signal.SIGINT)
        assert following.wait(5) == FINE and following.stderr.read() == ""
    finally:
        following.kill()
        following.wait()


@pytest.mark.root
def test_follow_ends_when_nobody_reads(agent):
    following = follow(agent)
    following.stdout.readline()
    following.stdout.close()
    assert following.wait(5) is not None


@pytest.mark.root
def test_follow_says_when_the_agent_goes(agent, employees_ctl):
    following = subprocess.Popen(["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups",
                                  employees_ctl, "log", "--follow", "--socket", str(agent.socket)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    agent.stop()
    assert following.wait(10) == UNREACHABLE
    assert "cannot read the records" in following.stderr.read()


# ---- package URLs ----

def purl(build, command, text, *options):
    """What purl COMMAND - answers to bytes on standard input."""
    return subprocess.run([build / "proscribectl", "purl", command, *options, "-"], input=text, capture_output=True,
                          timeout=60, check=False)


def test_purl_parse_shows_the_parts(ctl):
    done = ctl("purl", "parse", "pkg:NPM/@a/b@1.0.0?z=%2B&arch=x#/c/", "pkg:pypi/A_b")
    assert done.returncode == FINE and done.stderr == ""
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["pkg:npm/%40a/b@1.0.0?arch=x&z=%2B#c", "type=npm", "namespace=@a", "name=b", "version=1.0.0",
         "qualifier.arch=x", "qualifier.z=+", "subpath=c"],
        ["pkg:pypi/a-b", "type=pypi", "name=a-b"]]


def test_purl_parse_answers_what_is_wrong_in_its_line(ctl, build):
    done = ctl("purl", "parse", "pkg:nmp/a", "pkg:npm/a")
    assert done.returncode == FAILED
    assert done.stdout == "error: the type is not one of the purl registry\npkg:npm/a\ttype=npm\tname=a\n"
    done = purl(build, "parse", b"pkg:npm/a\n\npkg:npm/\0b\n\xff\n" + b"x" * 70000 + b"\npkg:npm/\x1b[31m\npkg:npm/z")
    assert done.returncode == FAILED and done.stderr == b""
    answers = done.stdout.splitlines()
    assert len(answers) == 7 and all(answer.startswith(b"error: ") for answer in answers[1:6])
    assert answers[0].startswith(b"pkg:npm/a\t") and answers[6].startswith(b"pkg:npm/z\t")


def test_purl_parse_keeps_a_terminal_safe(ctl):
    done = ctl("purl", "parse", "pkg:generic/a%E2%80%AEb")
    assert done.returncode == FINE and "name=a\\u202eb" in done.stdout.lower()


def test_purl_build_from_options(ctl):
    done = ctl("purl", "build", "--type", "deb", "--namespace", "Debian", "--name", "attr", "--version", "1:2.4+b1",
               "--qualifier", "distro=x=y", "--qualifier", "arch=amd64", "--subpath", "a/./b")
    assert done.returncode == FINE and done.stdout == "pkg:deb/debian/attr@1:2.4%2Bb1?arch=amd64&distro=x%3Dy#a/b\n"
    done = ctl("purl", "build", "--type", "deb", "--name", "attr")
    assert done.returncode == FAILED
    assert done.stdout == "error: its type wants a namespace: it is pkg:TYPE/NAMESPACE/NAME\n"


def test_purl_build_from_json_lines(build):
    lines = ['{"type": "npm", "namespace": null, "name": "a", "qualifiers": {"os": "l"}}', "[]", "{", '{"type": 1}',
             '{"type": "npm", "name": "a", "qualifiers": ["x"]}', '{"type": "npm", "name": "a", "qualifiers": {"x": 1}}',
             json.dumps({"type": "npm", "name": "a", "qualifiers": {f"k{i}": "v" for i in range(33)}}),
             "[" * 10000, json.dumps({"type": "generic", "name": "caf\u00e9"})]
    done = purl(build, "build", "\n".join(lines).encode())
    answers = done.stdout.decode().splitlines()
    assert done.returncode == FAILED and len(answers) == len(lines)
    assert answers[0] == "pkg:npm/a?os=l" and answers[-1] == "pkg:generic/caf%C3%A9"
    assert all(answer.startswith("error: ") for answer in answers[1:-1])


def test_purl_as_json(ctl):
    code, answer = ctl.json("purl", "parse", "pkg:npm/%40a/b@1?arch=x")
    assert code == FINE and answer == {
        "type": "npm", "namespace": "@a", "name": "b", "version": "1", "qualifiers": {"arch": "x"}, "subpath": None,
        "purl": "pkg:npm/%40a/b@1?arch=x"}
    assert ctl.json("purl", "build", "--type", "npm") == (FAILED, {"error": "the name is missing"})
