"""Promise: the LSB script starts, stops and tells as the Linux Standard Base
says, and the units of systemd mean what they say: readiness, watchdog,
reloading, and sockets that were made by somebody else (issue "Sessions that
outlive everything but their owner").
"""

import configparser
import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import SLOW, prefix, wait_for
from harness.prefix import binary

SCRIPT = prefix() / "etc" / "init.d" / "meshsup"
UNITS = prefix() / "lib" / "systemd"


class Init:
    """The script, as init would call it, for a daemon of ours."""

    def __init__(self, daemon):
        self.daemon = daemon
        defaults = daemon.root / "defaults"
        defaults.write_text(
            f"MESHSUP_CONFIG={daemon.config}\n"
            f"MESHSUP_STATE_DIR={daemon.state_dir}\n"
            f"MESHSUP_RUN_DIR={daemon.run_dir}\n")
        self.env = {**daemon.env, "MESHSUP_DEFAULTS": str(defaults)}

    def __call__(self, *args, deadline=40.0, **env):
        return self.daemon.keeper.run(["/bin/sh", str(SCRIPT), *args],
                                      {**self.env, **env},
                                      deadline=deadline)


@pytest.fixture
def daemon(make):
    return make.daemon(start=False)


@pytest.fixture
def init(daemon):
    return Init(daemon)


# --- the script ---

def test_the_life_of_a_service(daemon, init):
    assert init("status").exit == 3
    r = init("start")
    assert r.exit == 0 and not r.held, (r.out, r.err)
    assert init("status").exit == 0
    pid = daemon.pid("supervisor")
    r = init("start")
    assert r.exit == 0 and "already running" in r.out
    assert daemon.pid("supervisor") == pid
    r = init("reload")
    assert r.exit == 0, (r.out, r.err)
    assert daemon.pid("supervisor") == pid
    assert init("force-reload").exit == 0
    assert daemon.pid("supervisor") == pid
    assert init("restart").exit == 0
    again = daemon.pid("supervisor")
    assert again != pid
    assert init("try-restart").exit == 0
    assert daemon.pid("supervisor") != again
    assert init("stop").exit == 0
    daemon.wait_gone()
    assert init("status").exit == 3
    assert init("stop").exit == 0
    assert init("reload").exit == 7
    assert init("force-reload").exit == 7
    assert init("try-restart").exit == 0
    assert init("status").exit == 3


def test_a_crash_is_told_apart(daemon, init):
    """1: dead, and its pid file is there; starting again is enough."""
    assert init("start").exit == 0
    pid = daemon.pid("supervisor")
    os.kill(pid, signal.SIGKILL)
    daemon.wait_gone(10)
    assert init("status").exit == 1
    assert init("start").exit == 0
    assert init("status").exit == 0
    assert init("stop").exit == 0


def test_wrong_words(init):
    r = init("dance")
    assert r.exit == 3 and "usage:" in r.err
    r = init()
    assert r.exit == 2 and "usage:" in r.err


def test_without_the_program(init):
    absent = {"MESHSUP_PROGRAM": "/nonexistent/meshsup"}
    assert init("start", **absent).exit == 5
    assert init("status", **absent).exit == 4
    assert init("stop", **absent).exit == 0


def test_a_start_that_fails(daemon, init):
    daemon.config.write_text("[nonsense\n")
    r = init("start")
    assert r.exit == 1 and str(daemon.config) in r.err
    assert init("status").exit == 3


def test_two_starts_at_once(daemon, init):
    """One daemon; whoever was slower hears that it runs."""
    runs = [daemon.keeper.spawn(["/bin/sh", str(SCRIPT), "start"], init.env)
            for _ in range(2)]
    assert [r.wait(60) for r in runs] == [0, 0], [r.err for r in runs]
    assert sorted("already" in r.out for r in runs) == [False, True]
    assert len([p for p in daemon.keeper.processes()
                if p["argv"][0].endswith("/supervisor")]) == 1
    assert init("stop").exit == 0


def test_the_header():
    text = SCRIPT.read_text()
    block = text[text.index("### BEGIN INIT INFO"):
                 text.index("### END INIT INFO")]
    for key in ("Provides", "Required-Start", "Required-Stop",
                "Default-Start", "Default-Stop", "Short-Description"):
        assert re.search(rf"^# {key}: +\S", block, re.M), key


# --- systemd ---

class Manager:
    """The side of systemd: a socket for notifications, and activation."""

    def __init__(self, daemon, address=None):
        self.daemon = daemon
        self.address = address or str(daemon.root / "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + self.address[1:] if self.address[0] == "@"
                       else self.address)
        self.sock.settimeout(30 * SLOW)
        self.seen = []

    def start(self, sockets=(), names=None, listen=True, **env):
        """ExecStart= of the unit, with listening sockets as 3, 4, ..."""
        argv = [binary(), "start", "--config", str(self.daemon.config),
                "--state-dir", str(self.daemon.state_dir), "--run-dir",
                str(self.daemon.run_dir), "--foreground"]
        program = (
            "import json, os, socket, sys\n"
            "paths, argv, listen = json.loads(sys.argv[1])\n"
            "for i, p in enumerate(paths):\n"
            "    s = socket.socket(socket.AF_UNIX)\n"
            "    s.bind(p)\n"
            "    if listen: s.listen()\n"
            "    fd = os.dup2(s.detach(), 10 + i)\n"
            "for i in range(len(paths)):\n"
            "    os.dup2(10 + i, 3 + i)\n"
            "    os.close(10 + i)\n"
            "if paths:\n"
            "    os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "    os.environ['LISTEN_FDS'] = str(len(paths))\n"
            "os.execv(argv[0], argv)\n")
        env = {**self.daemon.env, "NOTIFY_SOCKET": self.address, **env}
        if names is not None:
            env["LISTEN_FDNAMES"] = names
        return self.daemon.keeper.spawn(
            ["/usr/bin/python3", "-c", program,
             json.dumps([[str(p) for p in sockets], argv, listen])], env)

    def wait(self, line):
        """The assignments of the datagram that has this one."""
        while True:
            said = self.sock.recv(4096).decode().split("\n")
            self.seen += said
            if line in said:
                return dict(x.split("=", 1) for x in said)

    def close(self):
        self.sock.close()


@pytest.fixture
def manager(make, daemon):
    return make.keep(Manager(daemon))


def test_readiness_and_stopping(daemon, manager):
    run = manager.start()
    said = manager.wait("READY=1")
    assert str(daemon.socket) in said["STATUS"]
    assert daemon.api().get("/v1/version").status == 200
    # The process that systemd started is the one that runs.
    assert daemon.pid("supervisor") == run.pid
    os.kill(run.pid, signal.SIGHUP)
    manager.wait("RELOADING=1")
    manager.wait("READY=1")
    os.kill(run.pid, signal.SIGTERM)
    manager.wait("STOPPING=1")
    assert run.wait() == 0


def test_an_abstract_address(make, daemon):
    manager = make.keep(Manager(daemon, f"@meshsup-test-{os.getpid()}"))
    run = manager.start()
    manager.wait("READY=1")
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0


def test_the_watchdog_is_fed_while_the_loop_turns(daemon, manager):
    run = manager.start(WATCHDOG_USEC="400000")
    for _ in range(3):
        manager.wait("WATCHDOG=1")
    os.kill(run.pid, signal.SIGSTOP)
    wait_for(lambda: open(f"/proc/{run.pid}/stat").read().rsplit(
        ")", 1)[1].split()[0] == "T", 10)
    try:
        manager.sock.settimeout(0)
        wait_for(lambda: drained(manager.sock), 10)
        manager.sock.settimeout(1.0)
        with pytest.raises(TimeoutError):
            manager.sock.recv(4096)
    finally:
        os.kill(run.pid, signal.SIGCONT)
    manager.sock.settimeout(30 * SLOW)
    manager.wait("WATCHDOG=1")
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0


def drained(sock):
    try:
        sock.recv(4096)
    except BlockingIOError:
        return True
    return False


def test_somebody_elses_watchdog(daemon, manager):
    """WATCHDOG_PID names another process: it is not for us."""
    run = manager.start(WATCHDOG_USEC="10000", WATCHDOG_PID="1")
    manager.wait("READY=1")
    os.kill(run.pid, signal.SIGTERM)
    manager.wait("STOPPING=1")
    assert "WATCHDOG=1" not in manager.seen
    assert run.wait() == 0


def test_children_do_not_inherit_it(daemon, manager):
    run = manager.start(WATCHDOG_USEC="30000000")
    manager.wait("READY=1")
    for p in daemon.keeper.processes():
        if p["pid"] == run.pid:
            continue
        env = open(f"/proc/{p['pid']}/environ", "rb").read()
        assert b"NOTIFY_SOCKET" not in env and b"WATCHDOG" not in env, p
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0


def test_a_start_that_fails_says_why(daemon, manager):
    daemon.config.write_text("[nonsense\n")
    run = manager.start()
    assert run.wait() == 1 and str(daemon.config) in run.err


def test_sockets_that_were_given(daemon, manager):
    """A client that came before us is served, and the file stays."""
    path, admin = daemon.root / "given.sock", daemon.root / "given-admin.sock"
    run = manager.start([admin, path], "admin:daemon")
    manager.wait("READY=1")
    assert daemon.api(address=str(path)).get("/v1/version").status == 200
    assert daemon.api(address=str(admin)).get("/metrics").status == 200
    assert daemon.api(address=str(path)).get("/metrics").status == 403
    assert not os.path.exists(daemon.socket)
    assert not os.path.exists(daemon.admin_socket)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0
    assert path.exists() and admin.exists()


def test_a_single_socket_needs_no_name(daemon, manager):
    path = daemon.root / "given.sock"
    run = manager.start([path], "meshsup.socket")
    manager.wait("READY=1")
    assert daemon.api(address=str(path)).get("/v1/version").status == 200
    assert os.path.exists(daemon.admin_socket)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0


def test_sockets_that_make_no_sense(daemon, manager):
    run = manager.start([daemon.root / "a", daemon.root / "b"], "x:y")
    assert run.wait() == 1
    assert "FileDescriptorName" in run.err


def test_a_socket_that_does_not_listen(daemon, manager):
    run = manager.start([daemon.root / "given.sock"], "daemon", listen=False)
    assert run.wait() == 1
    assert "not a listening Unix stream socket" in run.err


def test_somebody_elses_sockets(daemon, manager):
    """Descriptors that were meant for who started us are not ours."""
    run = manager.start(LISTEN_PID="1", LISTEN_FDS="1")
    manager.wait("READY=1")
    assert daemon.api(address=str(daemon.socket)).get(
        "/v1/version").status == 200
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0


def test_the_socket_outlives_the_service():
    """A directory that systemd removes with the service would take the socket
    along, which its unit still listens on and nobody could find."""
    c = configparser.ConfigParser(strict=True, interpolation=None)
    c.optionxform = str
    c.read(UNITS / "system" / f"meshsup.{kind}"
           for kind in ("service", "socket"))
    service = c["Service"]
    where = f"/run/{service['RuntimeDirectory']}/"
    assert c["Socket"]["ListenStream"].startswith(where)
    assert service["RuntimeDirectoryPreserve"] == "yes"


@pytest.mark.parametrize("unit", ["system/meshsup.service",
                                  "system/meshsup.socket",
                                  "user/meshsup.service",
                                  "user/meshsup.socket"])
def test_units(unit):
    text = (UNITS / unit).read_text()
    c = configparser.ConfigParser(strict=True, interpolation=None)
    c.optionxform = str
    c.read_string(text)
    assert "@" not in text
    if unit.endswith(".socket"):
        assert c["Socket"]["FileDescriptorName"] == "daemon"
        return
    service = c["Service"]
    assert service["Type"] == "notify" and int(service["WatchdogSec"]) > 0
    for key in "ExecStart", "ExecReload":
        program, verb = service[key].split()[:2]
        assert os.access(program, os.X_OK)
        assert subprocess.run([program, "help", verb],
                              capture_output=True).returncode == 0
