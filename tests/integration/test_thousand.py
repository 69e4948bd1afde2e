"""Promise: a thousand sessions on one supervisor: registered without cost that
grows with their square, all open at the embedded broker, idle when there is
nothing to do, back after a restart of any process; and no more of them than
max_sessions, max_sessions_per_uid and the limit of open files allow, which is
429 with the limit, before anything breaks.

The thousand themselves are tests/bench/run thousand; here are fewer, and what
they cost is compared with what else they cost on the same machine.
"""

import ctypes
import json
import os
import re
import resource
import secrets
import signal
import time

import pytest

from harness import SLOW, wait_for
from harness.daemon import Session

COUNT = 150 if SLOW <= 1 else 24
CAP_SYS_RESOURCE = 24
PR_CAPBSET_DROP = 24


def cpu_of(pid):
    """Seconds on a processor; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9
    except (OSError, IndexError):
        return 0.0


def used(daemon, roles=None):
    """Of all processes that there are now, or of those of some roles."""
    return sum(cpu_of(p["pid"]) for p in daemon.processes()
               if roles is None or p["role"] in roles)


def is_open(daemon, count):
    """All of them, and no other."""
    r = daemon.api().get("/v1/status")
    return r.status == 200 and r.json["sessions"].get("open") == count


def wait_all_open(daemon, count=COUNT):
    def look():
        try:
            return is_open(daemon, count)
        except OSError:
            return False
    wait_for(look, 60, f"not {count} sessions open", interval=0.05)


def message_to_each(crowd):
    """One to each, from the one before it; each arrives once."""
    tag = secrets.token_hex(4)
    for n, s in enumerate(crowd):
        crowd[n - 1].api.send_until_taken(s.pubkey, f"{tag} {n}",
                                          f"{tag}-{n}")

    def arrived(n):
        return [i["body"] for i in crowd[n].inbox()].count(f"{tag} {n}")
    for n in range(len(crowd)):
        wait_for(lambda n=n: arrived(n) == 1, 30, f"no message {n}")


@pytest.fixture(scope="module")
def crowd(make_run):
    """COUNT sessions of one process, with what registering them has cost."""
    class Crowd:
        core = ("supervisor", "gate", "store")
    c = Crowd()
    c.daemon = d = make_run.daemon()
    c.sessions, c.core_cost = [], []
    part = COUNT // 3
    for _ in range(3):
        before = used(d, c.core)
        for _ in range(part):
            n = len(c.sessions)
            c.sessions.append(d.register(f"s-{n}", wait_open=False))
        wait_all_open(d, len(c.sessions))
        c.core_cost.append(used(d, c.core) - before)
    c.cost = used(d)
    return c


def test_registration_costs_the_same_at_the_end(crowd):
    first, _, last = crowd.core_cost
    assert last < 4 * first + 0.1, crowd.core_cost


def test_idle(crowd):
    """Nothing wakes up without need: seconds of rest cost a small part of
    what a registration cost."""
    daemon = crowd.daemon

    def rest():
        before = used(daemon)
        time.sleep(4)
        cost = used(daemon) - before
        assert cost < crowd.cost / 10, (cost, crowd.cost)
        return True
    wait_for(rest, 30)


def test_one_message_to_each(crowd):
    message_to_each(crowd.sessions)


def test_memory_is_reported(crowd):
    """Of each process, and per session; the same in /metrics."""
    status = crowd.daemon.status()
    rows = [p for p in status["processes"] if p["role"] == "worker"]
    memory = status["memory"]
    assert memory["sessions"] == len(rows) == COUNT
    assert all(0 < p["own_kib"] < p["rss_kib"] for p in rows)
    assert memory["per_session_kib"] == \
        sum(p["own_kib"] for p in rows) // COUNT
    assert memory["own_kib"] == sum(p["own_kib"] for p in
                                    status["processes"])
    assert re.search(r"^memory: .* MiB, .* MiB of each session's worker$",
                     crowd.daemon.ms("status"), re.M)
    text = crowd.daemon.api(admin=True).get("/metrics").raw.decode()
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines()
                   if not line.startswith("#"))
    assert int(figures["meshsup_session_own_bytes"]) > 0
    assert int(figures['meshsup_process_own_bytes{role="worker"}']) > 0
    assert int(figures["meshsup_sessions_max"]) == \
        status["limits"]["sessions"]


@pytest.mark.parametrize("role", ["gate", "store", "broker"])
def test_restart_of(crowd, role):
    """All are served by the new one, none was restarted for it."""
    daemon = crowd.daemon
    workers = {p["pid"] for p in daemon.processes("worker")}
    old = daemon.kill(role)
    daemon.wait_restarted(role, old)
    wait_all_open(daemon)
    message_to_each(crowd.sessions)
    assert {p["pid"] for p in daemon.processes("worker")} == workers


def test_restart_of_the_supervisor(crowd):
    """kill -9: all are back, each with its key and its token."""
    daemon = crowd.daemon
    daemon.kill("supervisor")
    wait_for(lambda: not daemon.keeper.processes(), 20)
    daemon.start()
    wait_all_open(daemon)
    for s in crowd.sessions:
        s.api.close()
    assert [s.me()["presence"]["sessionPubkey"] for s in crowd.sessions] == \
        [s.pubkey for s in crowd.sessions]
    message_to_each(crowd.sessions)


# --- limits ---

def refused(daemon, code, limit, **fields):
    """Another session is 429, with the limit and what to do."""
    s = Session(daemon, "late", "local", fields)
    r = s.api.post("/v1/sessions/register", s.body(), auth=False)
    assert r.status == 429 and r.json["error"] == code, r
    assert r.json["limit"] == limit, r
    assert str(limit) in r.json["detail"] and len(r.json["detail"]) > 40
    return r.json["detail"]


def set_limits(daemon, **values):
    lines = "".join(f"{k} = {v}\n" for k, v in values.items())
    daemon.config.write_text("[daemon]\ndrain_timeout = 200ms\n[sessions]\n"
                             + lines)
    return json.loads(daemon.ms("reload", "--json"))


@pytest.mark.parametrize("option", ["max_sessions", "max_sessions_per_uid"])
def test_limit(make, option):
    daemon = make.daemon(config=f"[sessions]\n{option} = 3\n")
    three = [daemon.register(f"s-{n}") for n in range(3)]
    assert option in refused(daemon, option, 3)
    r = daemon.command("session", "register", "--name", "late")
    assert r.returncode == 1 and option in r.stderr, r
    # Who is there may register again, also with a new token.
    three[0].register()
    three[0].token = secrets.token_hex(32)
    three[0].api = daemon.api(three[0].token)
    three[0].register()
    three[0].wait_open()
    # One that ends makes room.
    assert three[1].api.delete(
        f"/v1/sessions/{three[1].token}").status == 200
    wait_for(lambda: sum(daemon.status()["sessions"].values()) == 2, 10)
    daemon.register("fourth")
    refused(daemon, option, 3)
    # A reload changes it, without a restart.
    r = set_limits(daemon, **{option: 4})
    assert r["applied"] == [f"sessions.{option}"], r
    assert daemon.status()["limits"][option] == 4
    daemon.register("fifth")
    refused(daemon, option, 4)
    # Below what there is, nobody has to go.
    set_limits(daemon, **{option: 1})
    refused(daemon, option, 1)
    assert is_open(daemon, 4)


def test_limit_of_open_files(make):
    """Sessions for which there would be no descriptors are refused, and for
    those that there are there always are enough, whatever restarts."""
    daemon = make.daemon()
    alice = daemon.register("alice")
    pid = daemon.pid("supervisor")
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (200, before[1]))
    limits = daemon.status()["limits"]
    assert limits["open_files"] == 200
    assert 3 <= limits["sessions"] < 40
    assert "sessions: no more than" in daemon.ms("status")
    crowd = [alice] + [daemon.register(f"s-{n}", wait_open=False)
                       for n in range(limits["sessions"] - 1)]
    detail = refused(daemon, "max_open_files", limits["sessions"])
    assert "200" in detail and "LimitNOFILE" in detail
    wait_all_open(daemon, len(crowd))
    message_to_each(crowd)
    for roles in (["gate"], ["store"], ["broker"], ["gate", "store"],
                  ["store", "gate", "broker", "resolver"]):
        old = {role: daemon.pid(role) for role in roles}
        for p in old.values():
            os.kill(p, signal.SIGKILL)
        for role, p in old.items():
            daemon.wait_restarted(role, p)
        wait_all_open(daemon, len(crowd))
        message_to_each(crowd)
    assert not [x for x in daemon.log() if re.search(
        "Too many open files", x.get("msg", ""))]
    refused(daemon, "max_open_files", limits["sessions"])
    # More files, more sessions.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    daemon.register("late")


class Stopped:
    """At the end of the test: nobody else knows of what is started here."""

    def __init__(self, daemon):
        self.daemon = daemon

    def close(self):
        self.daemon.command("stop")


def start_after(make, daemon, prepare):
    """Start it in a process that was prepared."""
    make.keep(Stopped(daemon))
    pid = os.fork()
    if pid == 0:
        try:
            prepare()
            argv = daemon.argv("start")
            os.chdir(daemon.root)
            os.execve(argv[0], argv, daemon.env)
        finally:
            os._exit(127)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, \
        daemon.tail()


def few_files():
    """In the new process: a hard limit, and no power to raise it."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def test_a_low_hard_limit_is_said(make):
    """At the start, in the log and in status; 1,024 is the same with other
    numbers."""
    daemon = make.daemon(start=False)
    start_after(make, daemon, few_files)
    line = daemon.wait_log("may open 256 files")["msg"]
    enough = int(re.search(r"enough for (\d+) sessions", line).group(1))
    limits = daemon.status()["limits"]
    assert limits["open_files"] == 256
    # Then it did not know yet how many members there are.
    assert enough - 4 <= limits["sessions"] <= enough, line
    crowd = [daemon.register(f"s-{n}", wait_open=False)
             for n in range(limits["sessions"])]
    refused(daemon, "max_open_files", limits["sessions"])
    wait_all_open(daemon, len(crowd))
    message_to_each(crowd)


def test_the_limit_is_raised(make):
    """From the usual soft limit to what max_sessions need."""
    daemon = make.daemon(start=False)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 12000 and \
            os.geteuid() != 0:
        pytest.skip("the hard limit of this machine is low")
    start_after(make, daemon, lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (256, hard)))
    limits = daemon.status()["limits"]
    assert limits["sessions"] == limits["max_sessions"] == 2000, limits
    for role in ("gate", "store", "broker"):
        soft, _ = resource.prlimit(daemon.pid(role), resource.RLIMIT_NOFILE)
        assert soft >= 4000, (role, soft)
