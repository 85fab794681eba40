"""org.proscribe.Agent1 of a real agent, on its private socket and on a system bus of our own: who may
ask what, and what a client that misbehaves can spoil (its own connection)."""

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from support.agent import Agent, wait_until
from support.dbus_wire import NAME, PATH, SIGNAL, Closed, Wire, message
from support.launch import EMPLOYEE_UID, launch
from support.software import install_package

ERROR = "org.proscribe.Error."
CLIENTS_MAX, CLIENTS_PER_USER_MAX, CALLS_PER_CLIENT_MAX, RECORDS_MAX = 64, 16, 4, 1000
MESSAGE_MAX = 64 << 10

pytestmark = pytest.mark.root


def open_fds(agent):
    return len(os.listdir(f"/proc/{agent.pid}/fd"))


@pytest.fixture
def reachable(directory):
    """tests/ may lie in a private home: a copy of what the employee's scripts import."""
    target = directory / "tests"
    shutil.copytree(Path(__file__).resolve().parent.parent / "support", target / "support",
                    ignore=shutil.ignore_patterns("__pycache__"))
    return target


def employee(reachable, script, *arguments):
    prelude = f"import sys; sys.path.insert(0, {str(reachable)!r})\nfrom support.dbus_wire import *\n"
    done = subprocess.run(["setpriv", f"--reuid={EMPLOYEE_UID}", f"--regid={EMPLOYEE_UID}", "--clear-groups",
                           "/usr/bin/python3", "-B", "-c", prelude + script, *map(str, arguments)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def open_fds_at_rest(agent):
    """After the first client, for whom the loop has got its timer."""
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""
        with_client = open_fds(agent)
    return with_client - 3  # the client, and the pair behind it


# ---- the socket ----

def test_the_socket_is_open_to_everybody_and_goes_with_the_agent(agent):
    assert stat.S_IMODE(agent.socket.stat().st_mode) == 0o666
    agent.stop()
    assert not agent.socket.exists()


def test_a_stale_socket_is_replaced(build, directory, scratch, policy):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(directory / "bus"))
    left.close()
    with Agent(build, directory, policy, [scratch]) as agent, Wire(agent.socket) as wire:
        assert wire.call("Status") == ""


def test_what_is_no_socket_is_left_alone(build, directory, scratch, policy):
    (directory / "bus").write_text("somebody's file")
    with pytest.raises(AssertionError):
        Agent(build, directory, policy, [scratch]).start()
    assert (directory / "bus").read_text() == "somebody's file"


def test_a_second_agent_does_not_take_the_socket(build, directory, scratch, policy, agent):
    second = Agent(build, directory, policy, [scratch])
    with pytest.raises(AssertionError):
        second.start()
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""


# ---- methods ----

@pytest.mark.parametrize(("what", "member", "types", "values", "error"), [
    ("a method that is not there", "Frobnicate", "", (), "org.freedesktop.DBus.Error.UnknownMethod"),
    ("wrong argument types", "Why", "u", (1,), "org.freedesktop.DBus.Error.InvalidArgs"),
    ("no event id", "Why", "s", ("nonsense",), ERROR + "InvalidArgument"),
    ("an id that is not on record", "Why", "s", ("0000-0000-0000",), ERROR + "NotFound"),
    ("as many records as are allowed", "Records", "txu", (0, 0, RECORDS_MAX), ""),
    ("one record more", "Records", "txu", (0, 0, RECORDS_MAX + 1), ERROR + "InvalidArgument"),
    ("no limit given", "Records", "txu", (0, 0, 0), ""),
    ("after the last", "Records", "txu", (2**63 - 1, 0, 1), ""),
    ("after what no ledger can hold", "Records", "txu", (2**64 - 1, 0, 1), ERROR + "InvalidArgument"),
    ("as many findings as are allowed", "Findings", "tu", (0, RECORDS_MAX), ""),
    ("one finding more", "Findings", "tu", (0, RECORDS_MAX + 1), ERROR + "InvalidArgument"),
    ("a scan that never was", "ScanStatus", "tt", (1, 0), ERROR + "NotFound"),
    ("the scan before the first", "ScanStatus", "tt", (0, 0), ERROR + "NotFound"),
    ("to stop a scan that never was", "ScanStop", "t", (1,), ERROR + "NotFound"),
    ("before time", "Records", "txu", (0, -2**63, 1), ""),
])
def test_arguments(agent, what, member, types, values, error):
    with Wire(agent.socket) as wire:
        assert wire.call(member, types, values) == error, what


def test_the_agent_takes_no_files(agent, scratch):
    """One whose server does not answer would hold up whoever has it open."""
    file = scratch / "file"
    file.write_text("x")
    with Wire(agent.socket) as wire:
        assert wire.call("Check", "hs", (0, "")) == ERROR + "NotSupported"
        with open(file, "rb") as opened, contextlib.suppress(Closed, PermissionError):
            wire.send("Check", "hs", (0, ""), fds=[opened.fileno()])
            assert wire.is_closed()


IMAGE_TEST = """
import fcntl, os
with Wire(%r) as wire:
    wire.send("Status")
    wire.send("Image")
    assert wire.answer()[0] == REPLY and not wire.fds, "a descriptor with the answer before"
    kind = wire.answer()[0]
    assert kind == REPLY and len(wire.fds) == 1, kind
    fd = wire.fds[0]
    assert os.pread(fd, 8, 0)
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & seals == seals
    for flags in (os.O_RDWR, os.O_RDWR | os.O_TRUNC):
        try:
            again = os.open(f"/proc/self/fd/{fd}", flags)
            os.write(again, b"x")
        except PermissionError:
            continue
        assert False, "written to"
print("fine")
"""


def test_everybody_gets_the_policy_and_nobody_changes_it(agent, reachable):
    before = open_fds_at_rest(agent)
    assert employee(reachable, IMAGE_TEST % str(agent.socket)) == "fine"
    wait_until(lambda: open_fds(agent) <= before, what="the descriptors to be closed")


def test_the_last_good_policy_is_handed_out_as_well(build, directory, scratch, policy, reachable):
    Agent(build, directory, policy, [scratch]).start().stop()
    (policy / "policy.yaml").write_text("broken: [")
    with Agent(build, directory, policy, [scratch]) as agent:
        assert employee(reachable, IMAGE_TEST % str(agent.socket)) == "fine"


class Offline:
    """proscribed --offline, as proscribectl starts it."""

    def __init__(self, build, *arguments, pass_fds=()):
        self.command = [build / "proscribed", "--offline", *arguments]
        self.pass_fds = pass_fds

    def __enter__(self):
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen([*self.command, "--bus-fd", str(theirs.fileno())],
                                            pass_fds=[theirs.fileno(), *self.pass_fds])
        self.wire = Wire(ours, authenticate=False)
        self.wire.authenticate(begin_at_once=True)
        return self.wire

    def __exit__(self, *_):
        self.wire.close()
        assert self.process.wait(10) == 0


@pytest.fixture
def offline(build, policy):
    with Offline(build, "--policy", policy) as wire:
        yield wire


def test_check_wants_a_regular_file_open_for_reading(offline, scratch):
    file = scratch / "file"
    file.write_text("x")
    cases = {
        "a regular file": (os.open(file, os.O_RDONLY), ""),
        "open for reading and writing": (os.open(file, os.O_RDWR), ""),
        "a folder": (os.open(scratch, os.O_RDONLY), ERROR + "NotRegularFile"),
        "a device": (os.open("/dev/null", os.O_RDONLY), ERROR + "NotRegularFile"),
        "a pipe": (os.pipe()[0], ERROR + "NotRegularFile"),
        "only a path": (os.open(file, os.O_PATH), ERROR + "AccessDenied"),
        "only for writing": (os.open(file, os.O_WRONLY), ERROR + "AccessDenied"),
    }
    for what, (fd, error) in cases.items():
        assert offline.call("Check", "hs", (0, ""), fds=[fd]) == error, what
        os.close(fd)


@pytest.mark.parametrize("size", [0, 65536])
def test_an_image_that_is_none_is_no_policy(build, tmp_path, size):
    image = tmp_path / "image"
    image.write_bytes(os.urandom(size))
    with open(image, "rb") as opened:
        number = opened.fileno()
        with Offline(build, "--image-fd", str(number), pass_fds=[number]) as wire:
            wire.send("Status")
            body = wire.answer()[3]
            assert b"policy_error" in body and b"digest" not in body


@pytest.mark.parametrize("arguments", [["--image-fd", "3"], ["--offline", "--bus-fd", "4", "--image-fd", "x"],
                                       ["--offline", "--bus-fd", "4", "--image-fd", "3", "--policy", "/etc"]])
def test_an_image_is_for_the_offline_agent_and_instead_of_a_policy(build, arguments):
    done = subprocess.run([build / "proscribed", *arguments], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2 and "--image-fd" in done.stderr


def test_only_root_reloads(agent, reachable):
    script = f"with Wire({str(agent.socket)!r}) as wire:\n    print(wire.call('Reload'))"
    assert employee(reachable, script) == ERROR + "AccessDenied"
    with Wire(agent.socket) as wire:
        assert wire.call("Reload") == ""


def test_a_sender_that_a_client_makes_up_is_not_believed(agent, reachable):
    script = f"with Wire({str(agent.socket)!r}) as wire:\n    print(wire.call('Reload', sender=':1.0'))"
    assert employee(reachable, script) == ERROR + "AccessDenied"


def test_employees_see_their_own_records_only(agent, scratch, reachable):
    link, _ = install_package(scratch, "2.1.91")
    assert launch(link, uid=0).refused
    assert launch(link, uid=EMPLOYEE_UID).refused
    ids = {r["uid"]: r["id"] for r in wait_until(
        lambda: (lambda found: found if len(found) == 2 else None)(
            [r for r in json.loads(agent.ctl("log", "--json").stdout)["records"] if r["kind"] == "launch"]),
        what="two records")}
    script = f"""
with Wire({str(agent.socket)!r}) as wire:
    wire.send("Records", "txu", (0, 0, 0))
    body = wire.answer()[3]
    print({ids[0]!r}.encode() in body, {ids[EMPLOYEE_UID]!r}.encode() in body)
    print(repr(wire.call("Why", "s", ({ids[0]!r},))), repr(wire.call("Why", "s", ({ids[EMPLOYEE_UID]!r},))))
"""
    assert employee(reachable, script).splitlines() == ["False True", f"'{ERROR}NotFound' ''"]


def test_the_signal_names_nobody(agent, scratch):
    link, program = install_package(scratch, "2.1.91")
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""
        assert launch(link).refused
        kind, _, name, body = wire.receive()
        assert (kind, name) == (SIGNAL, "Recorded")
        assert b"launch" in body and b"refused" in body
        assert program.name.encode() not in body and b"assistant" not in body


# ---- limits ----

def test_one_call_too_many_of_one_client_is_refused_and_the_others_answered(offline, scratch):
    large = scratch / "large"
    with open(large, "wb") as file:
        file.truncate(400 << 20)
    fd = os.open(large, os.O_RDONLY)
    offline.socket.settimeout(60)
    for _ in range(CALLS_PER_CLIENT_MAX + 1):
        offline.send("Check", "hs", (0, str(large)), fds=[fd])
    answers = [offline.answer()[1:3] for _ in range(CALLS_PER_CLIENT_MAX + 1)]
    assert sorted(serial for serial, name in answers if not name) == list(range(1, CALLS_PER_CLIENT_MAX + 1))
    assert [a for a in answers if a[1]] == [(CALLS_PER_CLIENT_MAX + 1, ERROR + "LimitReached")]
    os.close(fd)


def test_an_agent_whose_only_client_leaves_while_it_inspects_ends(build, policy, scratch):
    large = scratch / "large"
    with open(large, "wb") as file:
        file.truncate(400 << 20)
    with open(large, "rb") as opened, Offline(build, "--policy", policy) as wire:
        wire.send("Check", "hs", (0, str(large)), fds=[opened.fileno()])


def test_one_connection_too_many_is_closed_and_room_is_made_again(agent):
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(agent.socket)) for _ in range(CLIENTS_MAX)]
        with pytest.raises((Closed, OSError)):
            Wire(agent.socket)
        assert wires[0].call("Status") == "" and wires[-1].call("Status") == ""
        wires[0].close()

        def has_room():
            try:
                return Wire(agent.socket).call("Status") == ""
            except (Closed, OSError):
                return False
        wait_until(has_room, what="room")


def test_one_user_cannot_take_all_connections(agent, reachable):
    script = f"""
wires = []
try:
    for n in range({CLIENTS_PER_USER_MAX + 1}):
        wires.append(Wire({str(agent.socket)!r}))
except (Closed, OSError):
    pass
print(len(wires))
"""
    assert employee(reachable, script) == str(CLIENTS_PER_USER_MAX)


def cut_off(wire, send):
    """Linux 6.16 and later refuse to send the agent a descriptor; then the sender is left as it was."""
    try:
        send()
    except PermissionError:
        wire.socket.shutdown(socket.SHUT_WR)


HOSTILE = {
    "garbage": lambda w: w.send_raw(os.urandom(100_000)),
    "zeros": lambda w: w.send_raw(b"\0" * 100_000),
    "a header that announces 128 MiB": lambda w: w.send_raw(b"l\1\0\1" + (128 << 20).to_bytes(4, "little") +
                                                            b"\1\0\0\0" + b"\0\0\0\0"),
    "one byte more than a message may have": lambda w: w.send_raw(
        b"l\1\0\1" + (MESSAGE_MAX - 15).to_bytes(4, "little") + b"\1\0\0\0" + b"\0\0\0\0"),
    "a descriptor": lambda w: cut_off(w, lambda: w.send("Check", "hs", (0, ""), fds=[0])),
    "a descriptor in the middle of a message": lambda w: cut_off(w, lambda: [
        w.send_raw(message(1, "Status")[:20]), w.send_raw(message(1, "Status")[20:], [0])]),
    "a descriptor that it was never agreed on": lambda w: cut_off(w, lambda: w.send_raw(b"l", [0])),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_client_that_breaks_the_rules_loses_its_connection(agent, what):
    before = open_fds_at_rest(agent)
    with Wire(agent.socket) as other, Wire(agent.socket) as wire:
        with contextlib.suppress(Closed, BrokenPipeError):
            HOSTILE[what](wire)
        assert wire.is_closed()
        assert other.call("Status") == ""
    wait_until(lambda: open_fds(agent) <= before, what="the descriptors to be closed")


def test_a_client_that_sends_no_authentication_is_let_go(agent):
    with Wire(agent.socket, authenticate=False, timeout_sec=40) as wire:
        wire.send_raw(b"A" * 4097)
        assert wire.is_closed()


def test_descriptors_before_authentication_are_refused(agent):
    with Wire(agent.socket, authenticate=False) as wire:
        cut_off(wire, lambda: wire.send_raw(b"\0", [0]))
        assert wire.is_closed()


def test_a_client_that_never_reads_is_let_go(agent):
    def memory():
        text = Path(f"/proc/{agent.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])

    before = memory()
    with Wire(agent.socket) as other, Wire(agent.socket, timeout_sec=5) as wire:
        with pytest.raises(Closed):
            for _ in range(20_000):
                wire.send("Status")
        assert other.call("Status") == ""
    if "libasan" not in Path(f"/proc/{agent.pid}/maps").read_text():  # which keeps what is freed
        assert memory() - before < 8 << 10


def test_half_a_message_holds_nobody_up(agent):
    with Wire(agent.socket) as half, Wire(agent.socket) as other:
        half.send_raw(message(1, "Status")[:20])
        assert other.call("Status") == ""
        half.send_raw(message(1, "Status")[20:])
        assert half.answer()[1] == 1


# ---- the system bus ----

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="*"/>
    <allow receive_type="*"/>
  </policy>
</busconfig>
"""


class SystemBus:
    def __init__(self, directory):
        if not shutil.which("dbus-daemon") or not shutil.which("busctl"):
            pytest.skip("needs dbus-daemon and busctl")
        self.socket = directory / "system_bus"
        self.config = directory / "bus.conf"
        self.config.write_text(BUS_CONFIG.format(socket=self.socket))
        self.address = f"unix:path={self.socket}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={self.config}", "--nofork", "--nopidfile"],
                                        stderr=subprocess.DEVNULL)
        wait_until(self.socket.exists, what="dbus-daemon")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.socket.unlink(missing_ok=True)
            self.process = None

    def busctl(self, *arguments, uid=0):
        return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "busctl",
                               f"--address={self.address}", *arguments],
                              capture_output=True, text=True, timeout=30, check=False)

    def call(self, *arguments, uid=0):
        return self.busctl("call", NAME, PATH, NAME, *arguments, uid=uid)

    def has_agent(self):
        return self.call("Status").returncode == 0


@pytest.fixture
def system_bus(directory):
    bus = SystemBus(directory)
    yield bus
    bus.stop()


@pytest.fixture
def agent_on_bus(build, directory, scratch, policy, system_bus):
    running = Agent(build, directory, policy, [scratch])
    running.command.remove("--no-system-bus")
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": system_bus.address}
    yield running, environment
    running.stop()


def test_the_system_bus_has_the_same_object(system_bus, agent_on_bus):
    agent, environment = agent_on_bus
    system_bus.start()
    agent.start(environment=environment)
    wait_until(system_bus.has_agent, what="the agent on the bus")
    assert "test-policy" in system_bus.call("Status").stdout
    assert system_bus.call("Reload").returncode == 0
    image = system_bus.call("Image")
    assert image.returncode != 0 and "own socket only" in image.stderr
    refused = system_bus.call("Reload", uid=EMPLOYEE_UID)
    assert refused.returncode != 0 and "Only root" in refused.stderr
    assert system_bus.call("Records", "txu", "0", "0", "0", uid=EMPLOYEE_UID).stdout.strip() == "aa{sv} 0"
    status = subprocess.run([agent.build / "proscribectl", "status"], capture_output=True, text=True, check=False,
                            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": system_bus.address})
    if not Path("/run/proscribe/bus").exists():
        assert status.returncode == 0 and "test-policy" in status.stdout, status.stderr


def test_introspection_tells_the_whole_interface(system_bus, agent_on_bus):
    agent, environment = agent_on_bus
    system_bus.start()
    agent.start(environment=environment)
    wait_until(system_bus.has_agent, what="the agent on the bus")
    shown = system_bus.busctl("introspect", NAME, PATH, NAME).stdout
    members = {line.split()[0]: line.split()[1:4] for line in shown.splitlines()[1:]}
    assert members == {
        ".Status": ["method", "-", "a{sv}"],
        ".Check": ["method", "hs", "a{sv}"],
        ".Image": ["method", "-", "h"],
        ".Reload": ["method", "-", "s"],
        ".Update": ["method", "-", "a{sv}"],
        ".Why": ["method", "s", "a{sv}"],
        ".Records": ["method", "txu", "aa{sv}"],
        ".Findings": ["method", "tu", "aa{sv}"],
        ".Scan": ["method", "aaya{sv}", "t"],
        ".ScanStatus": ["method", "tt", "a{sv}"],
        ".ScanStop": ["method", "t", "-"],
        ".Recorded": ["signal", "tss", "-"],
    }


@pytest.mark.timeout(90)
def test_a_bus_that_comes_late_or_goes_is_joined_and_starting_never_waits(system_bus, agent_on_bus):
    agent, environment = agent_on_bus
    started = time.monotonic()
    agent.start(environment=environment)
    assert time.monotonic() - started < 8
    system_bus.start()
    wait_until(system_bus.has_agent, 30, "the agent on a bus that came late")
    system_bus.stop()
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""
    system_bus.start()
    wait_until(system_bus.has_agent, 30, "the agent on a bus that came back")


def test_a_bus_that_hangs_holds_nothing_up(agent_on_bus, system_bus):
    agent, environment = agent_on_bus
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(system_bus.socket))
    silent.listen(4)
    started = time.monotonic()
    agent.start(environment=environment)
    assert time.monotonic() - started < 8
    with Wire(agent.socket) as wire:
        assert wire.call("Status") == ""
    silent.close()
