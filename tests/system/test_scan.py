"""Inventory scans: what lies on the host, whether it was ever started or not."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from support import packages
from support.agent import Agent, children_of, is_running, wait_until
from support.launch import EMPLOYEE_UID
from support.software import BANNED, install_package, write_policy, write_policy_text

DENIED_NAME = "evil\n\x1b[2J"


def make_files(root, count, per_folder=100):
    """Small files that no policy is interested in."""
    for first in range(0, count, per_folder):
        folder = Path(root) / f"d{first // per_folder // 100:03}" / f"e{first // per_folder % 100:02}"
        folder.mkdir(parents=True)
        for i in range(first, min(first + per_folder, count)):
            os.close(os.open(folder / f"file-{i}.txt", os.O_CREAT | os.O_WRONLY, 0o644))


def walkers_of(pid):
    """The walkers below the process @pid."""
    found = []
    for child in children_of(pid):
        try:
            if Path(f"/proc/{child}/comm").read_text().strip() == "proscribe-walke" and is_running(child):
                found.append(child)
        except OSError:
            pass
        found += walkers_of(child)
    return found


def peak_kilobytes(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def scan(build, policy, *arguments, timeout_sec=100, uid=None):
    command = [str(build / "proscribectl"), "scan", "--policy", str(policy), *[str(a) for a in arguments]]
    if uid is not None:
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", *command]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_sec, check=False)


def found_by(done):
    return {f["path"]: f for f in json.loads(done.stdout)["found"]}


@pytest.fixture
def tree(tmp_path):
    """Two installations of what is banned, one of a version that is not, and other things. Readable by everybody."""
    root = tmp_path / "tree"
    _, banned = install_package(root / "project", "2.1.91")
    _, older = install_package(root / "older", "2.1.90")
    _, other = install_package(root / "other", "9.0.0", name="@other/assistant")
    # A dependency of something else, with a library of its own that is nobody's business.
    _, nested = install_package(root / "project/node_modules/app", "3.0.0")
    library = nested.parent / "node_modules/helper"
    library.mkdir(parents=True)
    (library / "package.json").write_text('{"name": "helper", "version": "1.0.0"}')
    (library / "index.js").write_text("x")
    for path in [tmp_path, *tmp_path.parents]:
        if path.stat().st_mode & 0o5 != 0o5 and path != Path("/"):
            os.chmod(path, path.stat().st_mode | 0o5)
    return root, {str(banned), str(nested)}, {str(older), str(other), str(library / "index.js")}


@pytest.fixture
def listed(tmp_path):
    """The usual policy, where everybody may read it."""
    return write_policy(tmp_path / "policy")


# ---- without an agent ----

def test_finds_exactly_what_is_banned(build, tree, listed):
    root, banned, _ = tree
    done = scan(build, listed, root, "--json")
    assert done.returncode == 4, done.stderr
    document = json.loads(done.stdout)
    assert set(found_by(done)) == banned
    assert document["complete"] and document["findings"] == len(banned)
    assert document["folders"] > 10 and document["files"] >= 10 and document["unread"] == 0
    for finding in document["found"]:
        assert finding["software"] == "assistant" and finding["rules"] == "T-1" and finding["verdict"] == "block"
        assert finding["evidence"] == "package" and len(finding["sha256"]) == 64
    assert {f["version"] for f in document["found"]} == {"2.1.91", "3.0.0"}


def test_a_package_alone_is_told_by_the_folders_above_it(build, tree, listed):
    _, banned, _ = tree
    for path in banned:
        for start in (path, Path(path).parent, Path(path).parent.parent):
            done = scan(build, listed, start, "--json")
            assert path in found_by(done), f"scanning {start}: {done.stdout}{done.stderr}"


def test_says_nothing_of_what_is_not_banned(build, tree, listed):
    root, _, innocent = tree
    for path in innocent:
        done = scan(build, listed, path)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"
    assert scan(build, listed, root / "older", root / "other").stdout.startswith("0 found in ")


def test_finds_by_content_whatever_it_is_called(build, tmp_path):
    tool = tmp_path / "tree" / "photo.jpg"
    tool.parent.mkdir()
    tool.write_bytes(os.urandom(100000))
    tool.chmod(0o600)
    policy = write_policy(tmp_path / "policy", elf=tool)
    same_size = tool.with_name("other.jpg")
    same_size.write_bytes(os.urandom(100000))
    done = scan(build, policy, tmp_path / "tree", "--json")
    assert done.returncode == 4 and set(found_by(done)) == {str(tool)}, done.stdout + done.stderr
    assert json.loads(done.stdout)["inspected"] == 2


def test_is_for_everybody_who_may_read(build, tree, listed):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    root, banned, _ = tree
    closed = Path(sorted(banned)[0]).parent
    closed.chmod(0o700)
    done = scan(build, listed, root, "--json", uid=EMPLOYEE_UID)
    assert done.returncode == 4, done.stderr
    assert set(found_by(done)) == {p for p in banned if not p.startswith(str(closed) + "/")}
    assert json.loads(done.stdout)["unread"] == 1
    assert "1 files or folders could not be read" in done.stderr


def test_hostile_names_are_shown_harmlessly(build, tmp_path, listed):
    root = tmp_path / "tree"
    _, banned = install_package(root / DENIED_NAME, "2.1.91")
    done = scan(build, listed, root)
    assert done.returncode == 4
    assert "\x1b" not in done.stdout and "evil\\x0a\\x1b[2J" in done.stdout
    assert len(done.stdout.splitlines()) == 2
    bytes_name = os.fsencode(root) + b"/\xff\xfe"
    os.rename(os.fsencode(root / DENIED_NAME), bytes_name)
    done = scan(build, listed, root, "--json")
    finding, = json.loads(done.stdout)["found"]
    assert bytes.fromhex(finding["path_bytes"]).startswith(bytes_name)
    assert banned.name in finding["path"]


def test_exit_codes(build, tree, listed, tmp_path):
    root, _, _ = tree
    empty = tmp_path / "empty"
    empty.mkdir()
    assert scan(build, listed, empty).returncode == 0
    assert scan(build, listed, tmp_path / "missing").returncode == 1
    assert scan(build, tmp_path / "missing", empty).returncode == 1
    assert scan(build, listed, empty, "--resume").returncode == 2
    assert scan(build, listed, "/proc").returncode == 1
    ctl = [str(build / "proscribectl"), "scan", "--socket", str(tmp_path / "none"), str(root)]
    done = subprocess.run(ctl, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "not reachable" in done.stderr
    done = subprocess.run([*ctl, "--state", "x"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--state goes with --policy" in done.stderr
    broken = write_policy_text(tmp_path / "broken", "proscribe: 1\n")
    assert scan(build, broken, empty).returncode == 1


def test_a_state_that_is_none_is_refused(build, tree, listed, tmp_path):
    state = tmp_path / "state"
    state.write_text("not one of ours\n")
    done = scan(build, listed, tree[0], "--resume", "--state", state)
    assert done.returncode == 1 and "not one that a scan has written" in done.stderr
    assert state.read_text() == "not one of ours\n"


@pytest.mark.root
def test_other_filesystems_are_entered_when_told_to(build, tree, listed):
    root, banned, _ = tree
    inside = root / "mounted"
    inside.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "inside", str(inside)], check=True)
    try:
        _, there = install_package(inside, "2.1.91")
        (inside / "proc").mkdir()
        subprocess.run(["mount", "-t", "proc", "proc", str(inside / "proc")], check=True)
        done = scan(build, listed, root, "--json")
        assert set(found_by(done)) == banned and json.loads(done.stdout)["other_mounts"] == 1
        done = scan(build, listed, root, "--json", "--other-filesystems")
        assert set(found_by(done)) == banned | {str(there)}
        assert json.loads(done.stdout)["folders"] < 1000, "it went into /proc"
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(inside)], check=False)


SAMPLE_POLICY = Path(__file__).resolve().parent.parent.parent / "packaging/examples/high-risk"


@pytest.mark.timeout(300)
def test_real_software_is_found_under_other_names(build, tmp_path):
    """By content alone, with the version that the content tells; an older version and other software are left alone."""
    root = tmp_path / "tree"
    root.mkdir()
    try:
        copies = {
            "notes.txt": next(packages.npm("@anthropic-ai/claude-code", "2.1.91").rglob("cli.js")),
            "old.txt": next(packages.npm("@anthropic-ai/claude-code", "2.1.90").rglob("cli.js")),
            "photo.raw": next(p for p in packages.npm("@anthropic-ai/claude-code-linux-x64", "2.1.113").rglob("claude")
                              if p.is_file()),
        }
    except packages.Unavailable as reason:
        pytest.skip(str(reason))
    for name, source in copies.items():
        shutil.copyfile(source, root / name)
    shutil.copyfile("/usr/bin/python3", root / "python.dat")
    done = scan(build, SAMPLE_POLICY, root, "--json", timeout_sec=200)
    shutil.rmtree(root)
    assert done.returncode == 4, done.stderr
    assert {Path(path).name: f["version"] for path, f in found_by(done).items()} == \
        {"notes.txt": "2.1.91", "photo.raw": "2.1.113"}
    assert all(f["evidence"] == "signature" for f in found_by(done).values())


# ---- what takes long ----

@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A tree that takes a moment, and something banned at either end of it."""
    root = tmp_path_factory.mktemp("many") / "tree"
    make_files(root, 60000)
    _, first = install_package(root / "a", "2.1.91")
    _, last = install_package(root / "z", "2.1.92")
    return root, {str(first), str(last)}


def begin(build, policy, *arguments, **options):
    """Starts a scan and stops its walkers as soon as they are there. Returns (process, walkers)."""
    process = subprocess.Popen([str(build / "proscribectl"), "scan", "--policy", str(policy),
                                *[str(a) for a in arguments]], text=True, errors="replace",
                               stdin=subprocess.DEVNULL, **options)
    walkers = wait_until(lambda: walkers_of(process.pid), 10, "a walker")
    return process, walkers


def test_goes_on_after_its_walker_was_killed(build, many, listed, tmp_path):
    root, banned = many
    state = tmp_path / "state"
    process, _ = begin(build, listed, root, "--json", "--state", state, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(state.exists, 10, "a note of how far it is")
    for walker in walkers_of(process.pid):
        os.kill(walker, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    if document["complete"]:
        pytest.skip("the scan was faster than the signal")
    assert process.returncode == (4 if document["found"] else 1)
    assert "The walker died" in err and "--resume --state" in err
    done = scan(build, listed, "--json", "--resume", "--state", state)
    assert done.returncode == 4, done.stderr
    assert {f["path"] for f in document["found"]} | set(found_by(done)) == banned
    assert json.loads(done.stdout)["complete"] and not state.exists()


def test_ctrl_c_ends_it_and_says_how_to_go_on(build, many, listed, tmp_path):
    root, banned = many
    state = tmp_path / "state"
    process, walkers = begin(build, listed, root, "--json", "--state", state, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
    for walker in walkers:
        os.kill(walker, signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    document = json.loads(out)
    assert not document["complete"] and process.returncode == (4 if document["found"] else 1)
    assert "It was interrupted" in err and "Go on with: " in err
    wait_until(lambda: not any(is_running(w) for w in walkers), 10, "the end of the walkers")
    done = scan(build, listed, "--json", "--resume", "--state", state)
    assert {f["path"] for f in document["found"]} | set(found_by(done)) == banned


def read_all(master, process):
    shown = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.2)
        try:
            chunk = os.read(master, 65536) if ready else b""
        except OSError:
            return shown
        shown += chunk
        if not ready and process.poll() is not None:
            return shown


@pytest.mark.parametrize("columns", [34, 100])
def test_progress_fits_the_terminal(build, many, listed, columns):
    root, banned = many
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process, walkers = begin(build, listed, root, stdout=subprocess.PIPE, stderr=slave)
    for walker in walkers:
        os.kill(walker, signal.SIGSTOP)
    time.sleep(1.6)
    for walker in walkers:
        os.kill(walker, signal.SIGCONT)
    os.close(slave)
    out = process.communicate(timeout=60)[0]
    shown = read_all(master, process).decode(errors="replace")
    os.close(master)
    lines = [line for line in shown.split("\r\x1b[K") if line.strip()]
    assert lines, repr(shown)
    for line in lines:
        assert len(line) < columns and re.match(r"\d+ files, \d+ found, \d+ s: ", line), repr(line)
    assert process.returncode == 4 and len(out.splitlines()) == 1 + len(banned)


def test_says_nothing_meanwhile_where_nobody_looks(build, many, listed):
    process, walkers = begin(build, listed, many[0], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for walker in walkers:
        os.kill(walker, signal.SIGSTOP)
    time.sleep(1.5)
    for walker in walkers:
        os.kill(walker, signal.SIGCONT)
    assert process.communicate(timeout=60)[1] == ""


def confined(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return status if "Seccomp:\t2" in status else None


def test_children_give_way_and_can_do_little(build, many, listed):
    process, walkers = begin(build, listed, many[0], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for walker in walkers:
            status = wait_until(lambda w=walker: confined(w), 10, "its sandbox")
            os.kill(walker, signal.SIGSTOP)
            assert os.sched_getscheduler(walker) == os.SCHED_IDLE
            assert "NoNewPrivs:\t1" in status
            capabilities = int(re.search(r"CapPrm:\t(\w+)", status).group(1), 16)
            assert capabilities & ~(1 << 2) == 0, hex(capabilities)
            if os.geteuid() == 0:
                assert capabilities == 1 << 2 and "Uid:\t0" not in status
    finally:
        process.terminate()
        for walker in walkers:
            os.kill(walker, signal.SIGCONT)
        process.wait(30)


# ---- with an agent ----

def findings(agent, *arguments):
    done = agent.ctl("findings", "--json", *arguments)
    assert done.returncode in (0, 4), done.stderr
    document = json.loads(done.stdout)
    assert done.returncode == (4 if document["present"] else 0)
    return {f["path"]: f for f in document["findings"]}


@pytest.mark.root
def test_findings_over_three_scans(agent, scratch):
    _, stays = install_package(scratch / "a", "2.1.91")
    _, goes = install_package(scratch / "b", "2.1.92")
    _, changes = install_package(scratch / "c", "2.1.93")
    assert agent.ctl("scan", str(scratch)).returncode == 4
    first = findings(agent)
    assert set(first) == {str(stays), str(goes), str(changes)}
    assert all(f["status"] == "present" and f["first_seen"] <= f["last_seen"] for f in first.values())

    goes.unlink()
    (changes.parent / "package.json").write_text(json.dumps({"name": BANNED, "version": "2.1.94"}))
    _, comes = install_package(scratch / "d", "2.1.95")
    assert agent.ctl("scan", str(scratch)).returncode == 4
    second = findings(agent, "--all")
    assert set(second) == {*first, str(comes)}
    assert second[str(goes)]["status"] == "gone" and "nothing lies there" in second[str(goes)]["detail"]
    assert second[str(goes)]["last_seen"] == first[str(goes)]["last_seen"]
    assert second[str(changes)]["version"] == "2.1.94"
    for path in (stays, changes):
        assert second[str(path)]["first_seen"] == first[str(path)]["first_seen"]
        assert second[str(path)]["last_seen"] > first[str(path)]["last_seen"]
    assert set(findings(agent)) == {str(stays), str(changes), str(comes)}

    (stays.parent / "package.json").write_text(json.dumps({"name": BANNED, "version": "1.0.0"}))
    changes.unlink()
    comes.unlink()
    assert agent.ctl("scan", str(scratch)).returncode == 0
    third = findings(agent, "--all")
    assert set(third) == set(second) and all(f["status"] == "gone" for f in third.values())
    assert "no rule speaks" in third[str(stays)]["detail"]
    assert findings(agent) == {}

    scans = agent.records("scan")
    assert [r["outcome"] for r in scans] == ["complete"] * 3 and {r["path"] for r in scans} == {str(scratch)}
    outcomes = [r["outcome"] for r in agent.records("finding")]
    assert outcomes.count("found") == 5 and outcomes.count("gone") == 4


@pytest.mark.root
def test_records_of_scans_are_shown(agent, scratch):
    _, banned = install_package(scratch / "a", "2.1.91")
    agent.ctl("scan", str(scratch))
    log = agent.ctl("log").stdout
    assert re.search(rf"found .*{re.escape(str(banned))}  Example Assistant 2\.1\.91", log), log
    assert re.search(rf"complete .*scan of {scratch}: \d+ files in \d+ folders, 1 found", log), log
    record, = agent.records("finding")
    why = agent.ctl("why", record["id"]).stdout
    assert "lies here and is banned" in why and "T-1" in why and record["sha256"] in why
    table = agent.ctl("findings").stdout
    assert "present" in table and "Example Assistant" in table and "T-1" in table and str(banned) in table
    events = [json.loads(line) for line in agent.ctl("export", "--format", "jsonl").stdout.splitlines()]
    finding, = [e for e in events if e["class_uid"] == 2003]
    assert finding["type_uid"] == 200301 and finding["finding_info"]["uid"] == record["id"]
    assert finding["resources"][0]["name"] == str(banned) and finding["compliance"]["status"] == "Fail"
    done, = [e for e in events if e["class_uid"] == 6007]
    assert done["activity_name"] == "Completed" and done["num_files"] > 0


@pytest.mark.root
def test_findings_come_through_the_agent_where_its_file_is_closed(agent, scratch, build):
    for i in range(3):
        install_package(scratch / str(i), "2.1.91")
    agent.ctl("scan", str(scratch))
    direct = findings(agent, "--all")
    os.chown(agent.ledger, EMPLOYEE_UID, EMPLOYEE_UID)
    agent.ledger.chmod(0o600)
    done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", str(build / "proscribectl"), "findings",
                           "--all", "--json", "--socket", str(agent.socket)], capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert {f["path"]: f for f in json.loads(done.stdout)["findings"]} == direct and len(direct) == 3


@pytest.mark.root
def test_only_root_may_scan_the_host(agent, scratch, build):
    install_package(scratch / "a", "2.1.91")
    assert agent.ctl("scan", str(scratch)).returncode == 4
    for command in (["scan", str(scratch)], ["findings"]):
        done = subprocess.run(["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups", "--",
                               str(build / "proscribectl"), *command, "--socket", str(agent.socket)],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "Only root" in done.stderr, done.stdout + done.stderr


@pytest.mark.root
def test_an_interrupted_scan_of_the_host_goes_on(agent, scratch, build):
    make_files(scratch / "m", 60000)
    _, first = install_package(scratch / "a", "2.1.91")
    _, last = install_package(scratch / "z", "2.1.91")
    command = [str(build / "proscribectl"), "scan", "--socket", str(agent.socket), str(scratch)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    walkers = wait_until(lambda: walkers_of(agent.pid), 10, "a walker")
    for walker in walkers:
        os.kill(walker, signal.SIGSTOP)
    busy = agent.ctl("scan", str(scratch))
    assert busy.returncode == 1 and "under way already" in busy.stderr
    process.send_signal(signal.SIGINT)
    assert "proscribectl scan --resume" in process.communicate(timeout=30)[1]
    wait_until(lambda: not walkers_of(agent.pid), 10, "the end of the walkers")
    note = Path(f"{agent.ledger}.scan")
    assert note.stat().st_mode & 0o777 == 0o600
    done = agent.ctl("scan", "--resume", timeout_sec=60)
    assert done.returncode == 4, done.stderr
    assert set(findings(agent)) == {str(first), str(last)}
    assert not note.exists()
    done = agent.ctl("scan", "--resume")
    assert done.returncode == 1 and "No scan was interrupted" in done.stderr
    assert [r["outcome"] for r in agent.records("scan")] == ["incomplete", "complete"]


@pytest.mark.root
def test_a_killed_agent_leaves_a_note(agent, scratch, build):
    _, banned = install_package(scratch / "z", "2.1.91")
    make_files(scratch / "m", 60000)
    process = subprocess.Popen([str(build / "proscribectl"), "scan", "--socket", str(agent.socket), str(scratch)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for walker in wait_until(lambda: walkers_of(agent.pid), 10, "a walker"):
        os.kill(walker, signal.SIGSTOP)
    walkers = walkers_of(agent.pid)
    os.kill(agent.pid, signal.SIGKILL)
    agent.process.wait(10)
    for walker in walkers:
        os.kill(walker, signal.SIGCONT)
    wait_until(lambda: not any(is_running(w) for w in walkers), 10, "the end of the walkers")
    assert process.wait(30) in (1, 3, 4)
    agent.messages.clear()
    agent.start()
    assert agent.ctl("scan", "--resume", timeout_sec=60).returncode == 4
    assert set(findings(agent)) == {str(banned)}


def peaks_of_scan(build, agent, root):
    """The most kilobytes that a walker and the agent have needed by the end of it."""
    process = subprocess.Popen([str(build / "proscribectl"), "scan", "--socket", str(agent.socket), str(root)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = {}
    while process.poll() is None:
        for walker in walkers_of(agent.pid):
            with contextlib.suppress(OSError, AttributeError):
                seen[walker] = peak_kilobytes(walker)
        time.sleep(0.002)
    assert process.returncode == 0 and seen
    return max(seen.values()), peak_kilobytes(agent.pid)


@pytest.mark.root
@pytest.mark.timeout(200)
def test_memory_stays_flat(build, directory, scratch, policy, tmp_path):
    """However many files: what a tree of 200,000 needs, one of 2,000 needs as well."""
    for count in (2000, 200000):
        make_files(tmp_path / str(count), count)
    with Agent(build, directory, policy, [scratch]) as agent:
        peaks = {count: peaks_of_scan(build, agent, tmp_path / str(count)) for count in (2000, 200000)}
    shutil.rmtree(tmp_path)
    (small_walker, small_agent), (walker, whole) = peaks[2000], peaks[200000]
    assert walker - small_walker < 1024, peaks
    assert whole - small_agent < 1024, peaks
