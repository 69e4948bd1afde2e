"""Promise: `meshsup upgrade` puts a new build in the place of the running one,
in the same process: no request is refused, and none waits for longer than 1 s;
nothing is lost, doubled or out of order, sessions keep key and token, and
nobody sees them leave.  A build that cannot take over leaves the old one as it
was (issue "Sessions that outlive everything but their owner").
"""

import http.client
import json
import os
import shutil
import signal
import sqlite3
import threading
import time

import pytest

from harness import SLOW, Member, wait_for
from harness.api import Connection
from harness.joinhost import JoinHost
from harness.scripted import message_id
from harness.tree import Tree
from test_init import Manager

ROUNDS = 20


@pytest.fixture
def tree(make, monkeypatch):
    return make.keep(Tree(monkeypatch))


def other(tree, n=1):
    """Another build: version and protocol differ from ours."""
    digit = str((int(tree.version[-1]) + n) % 10)
    tree.install(tree.version[:-1] + digit, (tree.proto + n) % 10)


def upgrade(daemon, deadline=90.0):
    r = daemon.command("upgrade", "--json", deadline=deadline)
    assert r.returncode == 0, (r, daemon.tail())
    return json.loads(r.stdout)


def upgrades(daemon):
    return daemon.status()["upgrades"]


# --- under load ---

class Caller:
    """Requests as an ordinary client makes them, each timed.  A connection is
    kept when it may be; one that was closed while nobody used it, so that not
    even writing succeeds, is made anew.  Anything else is a refusal."""

    def __init__(self, api, load):
        self.api, self.load = api, load
        self.conn = None

    def ask(self, method, path, body=None):
        begin = time.monotonic()
        text = None if body is None else json.dumps(body).encode()
        headers = dict(self.api.credentials())
        if text is not None:
            headers["Content-Type"] = "application/json"
        kept = self.conn is not None
        if not kept:
            self.conn = Connection(self.api.address, 120 * SLOW)
        try:
            self.conn.request(method, path, body=text, headers=headers)
        except BrokenPipeError:
            self.conn.close()
            self.conn = None
            if not kept:
                raise
            return self.ask(method, path, body)
        r = self.conn.getresponse()
        raw = r.read()
        if r.will_close:
            self.conn.close()
            self.conn = None
        self.load.took(time.monotonic() - begin, f"{method} {path}")
        if r.status == 503 and path == "/v1/peers":
            self.load.away += 1     # its broker was not there again in time
            return None
        assert r.status in (200, 202), (method, path, r.status, raw)
        return json.loads(raw)


class Load:
    """Threads that talk until they are told to stop; the first fault of any
    is the fault of all."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.slowest = (0.0, None)
        self.faults = []
        self.stopping = threading.Event()
        self.threads = []
        self.sent = {}              # (from, to) -> texts, as accepted
        self.seen = {}              # name -> ids of messages, as they came
        self.kinds = set()          # of all events
        self.lock = threading.Lock()
        self.requests = 0
        self.away = 0

    def took(self, seconds, what):
        with self.lock:
            self.requests += 1
            self.slowest = max(self.slowest, (seconds, what))

    def thread(self, fn, *args):
        def run():
            try:
                fn(*args)
            except Exception as e:      # noqa: told at the end
                self.faults.append(f"{fn.__name__}: {type(e).__name__}: {e}")
        t = threading.Thread(target=run, daemon=True)
        self.threads.append(t)
        t.start()

    def talk(self, sender, to):
        caller = Caller(sender.api, self)
        texts = self.sent[sender.name, to.name] = []
        while not self.stopping.is_set():
            text = f"{sender.name} to {to.name}, {len(texts)}"
            caller.ask("POST", "/v1/send", {"to": to.pubkey, "message": text})
            texts.append(text)
            caller.ask("GET", "/v1/inbox?limit=10&mark_seen=false")
            self.stopping.wait(0.02)

    def look(self, session):
        """New connections, and questions that take the way to the broker."""
        while not self.stopping.is_set():
            for path in "/v1/version", "/v1/sessions/me", "/v1/peers":
                Caller(session.api, self).ask("GET", path)
            self.stopping.wait(0.02)

    def follow(self, session):
        """Events, gone on with behind the last one when a stream ends."""
        seen = self.seen[session.name] = []
        last = None
        while not self.stopping.is_set():
            c = Connection(session.api.address, 30 * SLOW)
            headers = dict(session.api.credentials())
            if last:
                headers["Last-Event-ID"] = last
            c.request("GET", "/v1/events", headers=headers)
            r = c.getresponse()
            assert r.status == 200, r.read()
            kind, event_id = None, None
            while not self.stopping.is_set():
                try:
                    line = r.readline().decode().rstrip("\r\n")
                except (OSError, http.client.HTTPException, ValueError):
                    break
                name, _, value = line.partition(": ")
                if line == "" and r.isclosed():
                    break
                if name == "id":
                    event_id = last = value
                elif name == "event":
                    kind = value
                    self.kinds.add(kind)
                elif name == "data" and kind == "message":
                    seen.append((event_id, json.loads(value)["body"]))
            c.close()

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(60 * SLOW)
        assert not self.faults, self.faults


class Mailbox:
    """A scripted broker that keeps what it took until its recipient has
    acknowledged it, and pushes it again on another connection."""

    def __init__(self, broker):
        self.broker = broker
        self.kept = {}              # key -> pushes, in order
        self.pushed = set()         # (number of connection, id)
        self.acked, self.read = set(), {}
        broker.acks = self.take

    def take(self, conn, frame):
        changes = {"messageId": message_id()}
        self.kept.setdefault(frame["targetSpec"], []).append(
            self.broker.push_of(conn, frame, **changes))
        return changes

    def deliver(self, stopping):
        while not stopping.is_set():
            for conn in self.broker.live():
                if conn.kind == "session":
                    self.serve(conn)
            stopping.wait(0.01)

    def serve(self, conn):
        for c in list(self.broker.conns):
            frames = c.frames[self.read.get(c.number, 0):]
            self.read[c.number] = self.read.get(c.number, 0) + len(frames)
            self.acked |= {f.get("brokerMessageId") for f in frames
                           if f["type"] == "client_ack"}
        new = [p for p in list(self.kept.get(conn.pub, []))
               if p["messageId"] not in self.acked and
               (conn.number, p["messageId"]) not in self.pushed]
        self.pushed |= {(conn.number, p["messageId"]) for p in new}
        conn.put(*new)


def restart(make):
    """How long this machine takes, now, for what cannot be had for less: a
    daemon that ends and one that starts."""
    d = make.daemon()
    begin = time.monotonic()
    d.stop(deadline=60)
    d.start()
    took = time.monotonic() - begin
    d.stop(deadline=60)
    return took


def in_order(texts, sender, to):
    """What came from the one, by its number."""
    head = f"{sender} to {to}, "
    return [t for t in texts if t.startswith(head)]


def test_twenty_upgrades_under_load(make, tree):
    """Every other one to a build with another version and protocol.  The
    limit of 1 s is for a machine that has nothing else to do; on one that has,
    three times what a stop and a start take meanwhile."""
    member = Member("mesh-a", "member-a", slug="acme", name="hosty")
    broker = make.scripted([member])
    mailbox = Mailbox(broker)
    d = make.daemon(meshes=[member.mesh_file(broker.url)])
    r = d.api().post("/v1/meshes", {"name": "home"})
    assert r.status == 200, r
    here = [d.register(f"h{i}", mesh="home") for i in range(3)]
    there = [d.register(f"t{i}", mesh="acme") for i in range(2)]
    everyone = here + there
    keys = [s.pubkey for s in everyone]
    me = [s.me() for s in everyone]
    pid = d.pid("supervisor")
    load = Load(d)
    for group in here, there:
        for i, s in enumerate(group):
            load.thread(load.follow, s)
            load.thread(load.talk, s, group[(i + 1) % len(group)])
        load.thread(load.look, group[0])
    over = threading.Event()
    post = threading.Thread(target=mailbox.deliver, args=(over,), daemon=True)
    post.start()
    yardsticks = [restart(make)]
    for n in range(ROUNDS):
        if n % 2 == 0:
            other(tree)
        else:
            tree.install()
        want = tree.of("supervisor")[0]
        said = upgrade(d)
        assert said["version"] == want and said["pid"] == pid, said
        assert not load.faults, (n, load.faults, d.tail(20))
        if n % 7 == 0:
            yardsticks.append(restart(make))
    assert upgrades(d) == ROUNDS and d.pid("supervisor") == pid
    load.stop()
    limit = max(1.0 * SLOW, 3 * max(yardsticks))
    print(f"{load.requests} requests, slowest {load.slowest}, limit {limit}")
    assert load.slowest[0] < limit, (load.slowest, yardsticks)
    # Connecting again has its time, too, on a machine that keeps the 1 s.
    assert load.away == 0 or limit > 1.0, load.away
    assert [s.pubkey for s in everyone] == keys
    for s, was in zip(everyone, me):
        s.wait_open(60)
        now = s.me()
        for key in "session_pubkey", "session_id", "pid", "mesh":
            assert now.get(key) == was.get(key), key
    for (sender, to), texts in load.sent.items():
        assert texts, sender
        session = [s for s in everyone if s.name == to][0]
        got = wait_for(lambda: (lambda g: len(g) >= len(texts) and g)(
            in_order([i["body"] for i in session.all_inbox()], sender, to)),
            90, f"{sender} to {to}: {len(texts)}")
        assert got == texts
    for name, events in load.seen.items():
        ids = [i for i, _ in events]
        assert len(set(ids)) == len(ids), name
        for (sender, to), texts in load.sent.items():
            if to == name:
                got = in_order([t for _, t in events], sender, to)
                assert got == texts[:len(got)] and got, (sender, to)
    assert "peer_leave" not in load.kinds, load.kinds
    over.set()
    post.join(30)


# --- what stays, and what does not ---

def children(daemon):
    return {p["pid"] for p in daemon.status()["processes"]
            if p["role"] != "supervisor"}


def settled(daemon):
    """The pids of all children, when none of them is on its way."""
    def look():
        p = daemon.status()["processes"]
        return all(x["state"] == "running" for x in p) and \
            {x["pid"] for x in p if x["role"] != "supervisor"}
    return wait_for(look, 30, "not settled")


def test_by_signal(make, tree):
    d = make.daemon()
    s = d.register("alice")
    pid, before = d.pid("supervisor"), settled(d)
    started = d.status()["uptime_s"]
    other(tree)
    os.kill(pid, signal.SIGUSR2)
    wait_for(lambda: upgrades(d) == 1, 30)
    assert d.pid("supervisor") == pid and not before & settled(d)
    assert d.status()["version"] == tree.of("supervisor")[0]
    assert d.status()["uptime_s"] >= started
    s.wait_open()
    # Its process is watched as before, by the same pidfd.
    assert s.state() == "open"


def test_the_end_of_a_process_is_still_noticed(make, tree):
    d = make.daemon()
    sleeper = d.keeper.spawn(["/bin/sleep", "1000"])
    s = d.register("alice", pid=sleeper.pid)
    fds = pidfds(d.pid("supervisor"))
    assert upgrade(d)["ok"]
    s.wait_open()
    assert pidfds(d.pid("supervisor")) == fds
    os.kill(sleeper.pid, signal.SIGKILL)
    d.wait_log("its process has ended")
    assert wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 10)


def pidfds(pid):
    """Number of each pidfd, with the process that it means."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}") as f:
            for line in f:
                if line.startswith("Pid:"):
                    found[fd] = int(line.split()[1])
    return found


def test_what_was_changed_meanwhile(make, tree):
    """The configuration is read again, and addresses follow it."""
    d = make.daemon(config="[daemon]\nlog_level = info\n")
    text = d.config.read_text()
    with open(d.config, "w") as f:
        f.write(text.replace("log_level = info", "log_level = debug"))
    assert upgrade(d)["ok"]
    wait_for(lambda: any(x["level"] == "debug" for x in d.log()), 15)


def test_a_member_is_parked_still(make, tree):
    d = make.daemon()
    s = d.register("alice")
    d.ms("presence", "pause")
    s.wait_state("parked")
    assert upgrade(d)["ok"]
    assert s.state() == "parked"
    d.ms("presence", "resume")
    s.wait_open()


def test_an_invite_that_is_being_accepted(make, tree):
    """It is waited for: its key is in one process only."""
    d = make.daemon()
    host = make.keep(JoinHost(make.scripted()))
    go_on = threading.Event()

    def answer(seen, sock):
        go_on.wait(60 * SLOW)
        return host.take_in(seen, sock)
    host.answer = answer
    token = host.invite()
    d.secrets.add(token[-40:])
    answers = []
    thread = threading.Thread(target=lambda: answers.append(d.api().post(
        "/v1/meshes/join", {"invite": token})), daemon=True)
    thread.start()
    wait_for(lambda: host.posts, 15, "nobody joins")
    os.kill(d.pid("supervisor"), signal.SIGUSR2)
    d.wait_log("takes over")
    # For longer than the gate is waited for when nobody joins.
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert d.api().get("/v1/version").status == 200
        assert "all children have ended" not in d.log_text()
        time.sleep(0.05)
    go_on.set()
    thread.join(60 * SLOW)
    assert answers and answers[0].status == 200, answers
    wait_for(lambda: upgrades(d) == 1, 30)
    d.register("alice", mesh="acme")


def test_systemd_hears_of_it(make, tree):
    d = make.daemon(start=False)
    manager = make.keep(Manager(d))
    path, admin = d.root / "given.sock", d.root / "given-admin.sock"
    run = manager.start([path, admin], "daemon:admin",
                        WATCHDOG_USEC="400000")
    manager.wait("READY=1")
    api = d.api(address=str(path))
    operator = d.api(address=str(admin))
    for n in 1, 2:
        assert operator.post("/v1/upgrade").status == 200
        manager.wait("RELOADING=1")
        manager.wait("READY=1")
        manager.wait("WATCHDOG=1")
        assert api.get("/v1/version").status == 200
        assert operator.get("/v1/status").json["upgrades"] == n
        assert operator.get("/v1/status").json["pid"] == run.pid
    assert not os.path.exists(d.socket)
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0 and path.exists() and admin.exists()


def test_the_locks_are_held(make, tree):
    d = make.daemon()
    assert upgrade(d)["ok"]
    r = d.start_any()
    assert r.exit == 0 and "already running" in r.out
    d.stop()
    assert not os.path.exists(d.socket)


def test_who_may(daemon_of_two):
    d, s = daemon_of_two
    r = s.api.post("/v1/upgrade")
    assert r.status == 403 and r.error == "not_daemon_owner"
    assert upgrades(d) == 0


@pytest.fixture
def daemon_of_two(make):
    d = make.daemon()
    return d, d.register("alice")


# --- a build that cannot take over ---

def script(text):
    return lambda tree, d: tree.put("supervisor",
                                    f"#!/bin/sh\n{text}\n".encode())


def missing(tree, d):
    (tree.libexec / "supervisor").unlink()


def not_executable(tree, d):
    (tree.libexec / "supervisor").chmod(0o644)


def halfway(tree, d):
    """An installation that stopped after the first program."""
    tree.install(proto=(tree.proto + 1) % 10, programs=["supervisor"])


def configuration(tree, d):
    d.config.write_text("[daemon]\nlog_level = loud\n")


def newer_state(tree, d):
    """sessions.db of a version that the new build does not know."""
    db = sqlite3.connect(d.state_dir / "sessions.db")
    db.execute("PRAGMA user_version = 999")
    db.close()


def newer(*path):
    """The same of a file that a child owns, and of which the header counts."""
    def spoil(tree, d):
        db = sqlite3.connect(d.state_dir.joinpath(*path), timeout=30 * SLOW)
        db.execute("PRAGMA user_version = 999")
        wait_for(lambda: db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
                 [0] == 0, 15)
        db.close()
    return spoil


def other_key(tree, d):
    (d.state_dir / "host.key").write_bytes(os.urandom(32))


def option(section, *lines):
    def spoil(tree, d):
        text = "\n".join([f"[{section}]", *lines])
        d.config.write_text(f"{d.config.read_text()}\n{text}\n")
    return spoil


CANNOT = {
    "refuses": (script("echo 'I will not' >&2; exit 1"), "refuses: I will "
                "not"),
    "crashes": (script("kill -SEGV $$"), "crashed (signal 11)"),
    "hangs": (script("exec sleep 1000"), "does not answer within 10 s"),
    "says nothing": (script("exit 0"), "no meshsup that could take over"),
    "knows no upgrades": (script("exit 2"), "no meshsup that could"),
    "is no program": (lambda tree, d: tree.put("supervisor", b"\x7fELF"),
                      "cannot be run"),
    "is missing": (missing, "No such file"),
    "is not executable": (not_executable, "Permission denied"),
    "is half a build": (halfway, "install meshsup as a whole"),
    "finds a fault": (configuration, "log_level: error, warn, info"),
    "finds newer state": (newer_state, "newer meshsup"),
    "finds a newer mesh.db": (newer("store", "mesh.db"), "schema 999"),
    "finds a newer broker.db": (newer("broker", "broker.db"), "schema 999"),
    "finds another host.key": (other_key, "another host.key"),
    "cannot write its log": (option("daemon", "log_file = /proc/no/log"),
                             "cannot be the log"),
    "finds no certificate": (option("broker", "tls_cert = /proc/no/cert",
                                    "tls_key = /proc/no/key"), "/proc/no/"),
}
HARD = {"finds newer state", "finds a newer mesh.db",
        "finds a newer broker.db", "finds another host.key"}


@pytest.mark.parametrize("what", CANNOT)
def test_the_old_one_runs_on(make, tree, what):
    spoil, why = CANNOT[what]
    d = make.daemon()
    s, t = d.register("alice"), d.register("bob")
    pid, before = d.pid("supervisor"), settled(d)
    config = d.config.read_text()
    spoil(tree, d)
    r = d.command("upgrade", deadline=60)
    assert r.returncode == 1 and why in r.stderr, r
    d.wait_log("nothing was changed")
    assert d.pid("supervisor") == pid and children(d) == before
    assert upgrades(d) == 0
    assert s.send(t, "still here").status == 202
    t.wait_inbox(1)
    # And what was wrong can be made right.
    d.config.write_text(config)
    tree.install()
    if what not in HARD:
        assert upgrade(d)["ok"]
        s.wait_open()


def test_a_refusal_by_signal(make, tree):
    d = make.daemon()
    before = settled(d)
    script("echo 'I will not' >&2; exit 1")(tree, d)
    os.kill(d.pid("supervisor"), signal.SIGUSR2)
    d.wait_log("refuses: I will not; nothing was changed")
    assert children(d) == before


def test_an_exec_that_fails(make, tree):
    """It said that it takes over, and is gone then: the children come back."""
    d = make.daemon()
    s, t = d.register("alice"), d.register("bob")
    pid, before = d.pid("supervisor"), settled(d)
    script("echo 'meshsup: takes over' >&2; rm -f \"$0\"")(tree, d)
    r = d.command("upgrade", deadline=60)
    assert r.returncode == 1 and "cannot be executed" in r.stderr, r
    assert "the old one runs on" in r.stderr
    assert d.pid("supervisor") == pid and not before & settled(d)
    assert upgrades(d) == 0
    for x in s, t:
        x.wait_open()
    assert s.send(t, "still here").status == 202
    t.wait_inbox(1)
    tree.install()
    assert upgrade(d)["ok"]
    assert "upgrade_failed" not in d.status()


def test_a_new_one_that_ends(make, tree):
    """After it said that it takes over: nobody waits for it in vain."""
    d = make.daemon()
    d.register("alice")
    script("case \"$*\" in *--upgrade-check*) echo 'meshsup: takes over' >&2"
           "; exit 0;; esac; exit 1")(tree, d)
    begin = time.monotonic()
    r = d.command("upgrade", deadline=90)
    assert r.returncode == 1 and "has ended in the upgrade" in r.stderr, r
    assert "meshsup start" in r.stderr
    assert time.monotonic() - begin < 30 * SLOW
    d.wait_gone()
    tree.install()
    d.start()


def test_two_at_once(make, tree):
    d = make.daemon()
    shutil.copy(tree.libexec / "supervisor", tree.libexec / "real")
    script("sleep 1; exec \"${0%/*}/real\" \"$@\"")(tree, d)
    answers = []

    def ask():
        answers.append(d.api().post("/v1/upgrade"))
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for x in threads:
        x.start()
    for x in threads:
        x.join(60 * SLOW)
    # One of them is busy; the other is refused: a script is no meshsup.
    assert sorted((a.status, a.error) for a in answers) == [
        (409, "upgrade_busy"), (422, "upgrade_refused")], answers


def test_a_stop_in_the_middle(make, tree):
    """The new program takes its time to look: a stop does not wait for it."""
    d = make.daemon()
    script("exec sleep 1000")(tree, d)
    os.kill(d.pid("supervisor"), signal.SIGUSR2)
    d.wait_log("upgrade: asking")
    d.stop()
    assert not d.keeper.processes()


def test_a_child_of_another_build(make, tree):
    """Such a pair does not even begin to talk."""
    tree.install(proto=(tree.proto + 1) % 10, programs=["store"])
    d = make.daemon(start=False)
    d.expected_errors = ["of another build than its supervisor"]
    r = d.start_any()
    assert r.exit == 1 and "install meshsup as a whole" in r.err, (r.out,
                                                                   r.err)


class LogPipe:
    """The log of a daemon, as a pipe: who fills it stops the daemon at the
    next line, until somebody reads on."""

    def __init__(self, daemon):
        path = daemon.root / "log"
        os.mkfifo(path, 0o600)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        daemon.config.write_text(daemon.config.read_text().replace(
            "[daemon]\n", f"[daemon]\nlog_file = {path}\n"))
        self.text = b""

    def read(self):
        try:
            self.text += os.read(self.reader, 65536)
        except BlockingIOError:
            pass
        return self.text

    def fill(self):
        for size in 4096, 1:
            try:
                while True:
                    os.write(self.writer, b" " * size)
            except BlockingIOError:
                pass

    def close(self):
        os.close(self.reader)
        os.close(self.writer)


def switches(pid):
    """How often it has slept; not so again while it waits for one thing."""
    with open(f"/proc/{pid}/status") as f:
        return [x for x in f if x.startswith("voluntary_ctxt_switches")]


def test_a_stop_just_before_the_exec(make, tree):
    """What it was told is not forgotten by becoming another."""
    d = make.daemon(start=False)
    log = make.keep(LogPipe(d))
    d.start()
    settled(d)
    pid = d.pid("supervisor")
    os.kill(pid, signal.SIGUSR2)
    # The store's last words: now it is alone, and says so before the exec.
    wait_for(lambda: b"operations" in log.read(), 15, interval=0.0005)
    log.fill()
    seen = []

    def held_up():
        seen.append(switches(pid))
        return len(d.keeper.processes()) == 1 and len(seen) > 20 and \
            seen[-1] == seen[-20]
    wait_for(held_up, 15)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: log.read() and not d.keeper.processes(), 15,
             f"{d.keeper.processes()} goes on", interval=0.0005)
