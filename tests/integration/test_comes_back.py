"""Promise: when the supervisor is killed, or stopped and started, every session
whose process lives is back within 2 s with all that it was, connected, with
nobody doing anything; the others drain and end; tokens still work (issue,
"Restart of the supervisor"; design.md, "Sessions").
"""

import os
import signal
import subprocess
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.keys import Member, minted_id

GROUPS = [["@dev:lead", {"name": "ops"}], [], None]
CAPS = [None, [], ["dm", "state-read"]]


class TwoMeshes:
    def __init__(self, make):
        self.members = [Member("mesh-" + minted_id(), "member-" + minted_id(),
                               slug=slug, name="hosty")
                        for slug in ("acme", "beta")]
        self.brokers = [make.scripted([m]) for m in self.members]
        self.daemon = make.daemon(meshes=[
            m.mesh_file(b.url) for m, b in zip(self.members, self.brokers)])
        self.sessions = []

    def fill(self):
        """Some of each kind, on both."""
        for n in range(6):
            fields = {"role": f"role {n}", "cwd": f"/tmp/{n}"}
            if GROUPS[n % 3] is not None:
                fields["groups"] = GROUPS[n % 3]
            if CAPS[n // 2] is not None:
                fields["caps"] = CAPS[n // 2]
            if n >= 4:
                fields["session_id"] = f"no uuid {n}"
            s = self.daemon.register(f"session {n}", **fields, mesh=self
                                     .members[n % 2].slug, wait_open=False)
            s.broker = self.brokers[n % 2]
            self.sessions.append(s)
        for s in self.sessions:
            s.wait_open()

    def down(self, how):
        if how == "stop":
            self.daemon.stop()
        else:
            os.kill(self.daemon.status()["pid"], signal.SIGKILL)
            self.daemon.wait_gone()

    def up(self):
        """Seconds until all are open; nobody asks for anything but that."""
        begin = time.monotonic()
        self.daemon.start()
        for s in self.sessions:
            s.api.close()
        wait_for(lambda: self.daemon.api().get("/v1/health").json["sessions"]
                 ["open"] == len(self.sessions), 20)
        return time.monotonic() - begin


@pytest.fixture
def two(make):
    return TwoMeshes(make)


# Of a hello, what every connection of a session says alike.
SAME = ("sessionPubkey", "sessionId", "displayName", "groups", "role", "cwd",
        "pid", "meshId", "parentMemberId", "parentMemberPubkey", "hostname")


def hello_of(s, after=0):
    hello = s.broker.wait_session(s.pubkey, after=after).hello
    return {name: hello.get(name) for name in SAME}


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_all_are_back_within_two_seconds(two, how):
    two.fill()
    was = [(s.me(), hello_of(s)) for s in two.sessions]
    assert was[0][1]["groups"] == [{"name": "dev", "role": "lead"},
                                   {"name": "ops"}]
    assert was[1][1]["groups"] == [] and was[2][1]["groups"] is None
    took = []
    for _ in range(3):          # the best counts: others use this machine
        last = [len(b.conns) for b in two.brokers]
        two.down(how)
        took.append(two.up())
        for s, (me, hello) in zip(two.sessions, was):
            assert s.me() == me
            assert hello_of(s, last[two.brokers.index(s.broker)]) == hello
        if took[-1] < 2 * SLOW:
            break
    assert min(took) < 2 * SLOW, took
    # And may what it might, with the token that it had.
    for s, (me, _) in zip(two.sessions, was):
        may = "dm" in me["caps"]
        assert s.send(Key().pub, "a message").status == (202 if may else 403)
        r = s.send("*", "to all")
        assert r.status == (202 if "broadcast" in me["caps"] else 403), r


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_of_the_dead_what_was_accepted_is_sent(two, how):
    """The token is dead at once, its rows leave, and then it has ended."""
    owner = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        two.fill()
        s = two.daemon.register("dies", mesh="acme", pid=owner.pid)
        broker = two.brokers[0]
        broker.acks = "hold"
        bob = Key()
        assert s.send(bob.pub, "its last words", client_message_id="c1"
                      ).status == 202
        two.down(how)
    finally:
        owner.kill()
        owner.wait()
        owner.stdin.close()
    broker.acks = "auto"
    two.up()
    s.api.close()
    assert s.api.get("/v1/sessions/me").status == 401
    assert s.send(bob.pub, "from the dead").status == 401
    two.daemon.wait_log("session .*: ended", 20)
    assert "its last words" in [bob.open(s.pubkey, f["nonce"], f["ciphertext"])
                                for f in broker.sends]
    wait_for(lambda: not two.daemon.processes("worker", s), 10)
    # It stays so.
    two.down(how)
    two.up()
    s.api.close()
    assert s.api.get("/v1/sessions/me").status == 401
    assert not two.daemon.processes("worker", s)


def test_killed_while_sessions_come_and_go(make):
    """At any moment of it: whoever was answered is there, each once."""
    d = make.daemon()
    kept, gone = [], []
    for n in range(4):
        s = d.register(f"kept {n}", wait_open=False)
        t = d.register(f"gone {n}", wait_open=False)
        assert t.api.delete(f"/v1/sessions/{t.token}").status == 200
        kept.append(s)
        gone.append(t)
        os.kill(d.status()["pid"], signal.SIGKILL)
        d.wait_gone()
        d.start()
        for x in kept + gone:
            x.api.close()
    for s in kept:
        s.wait_open()
    for s in gone:
        assert s.api.get("/v1/sessions/me").status == 401
    keys = [s["presence"]["sessionPubkey"]
            for s in d.api().get("/v1/sessions").json["sessions"]
            if s["state"] == "open"]
    assert sorted(keys) == sorted(s.pubkey for s in kept)
